"""Reading a running account of 210 resources on moto's server, beside Prowler, which asks five of its services.

Goal: at most 15 s, and at least six times as fast as Prowler in the same run. Wall seconds, as most of it is waiting; Strongroom
asks every service of its tables, Prowler is given the five that the account uses. Without Prowler (PROWLER, or on the path) its
side is missing. MOTO names moto's server where it is not on the path.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import boto3.session
from measure import as_row, cost, peer, save, strongroom

PORT = 5123
URL = f"http://127.0.0.1:{PORT}"
REGION = "us-east-1"
SERVICES = ("sagemaker", "bedrock", "eks", "s3", "ec2")
GOAL, TIMES = 15.0, 6.0


@contextmanager
def served(scratch: Path, server: str) -> Iterator[None]:
    """A furnished account."""
    with (scratch / "moto.log").open("wb") as out:
        started = subprocess.Popen([server, "-H", "127.0.0.1", "-p", str(PORT)], stdout=out, stderr=out)
        try:
            for _ in range(300):
                try:
                    with urlopen(f"{URL}/moto-api/", timeout=2):
                        break
                except OSError:
                    time.sleep(0.1)
            furnish()
            yield
        finally:
            started.terminate()
            started.wait(30)


def furnish() -> None:
    """210 resources: networks, machines, notebooks, models, domains, buckets and clusters."""
    session = boto3.session.Session("key", "secret", region_name=REGION)
    ec2, s3, eks, sagemaker = (session.client(s, endpoint_url=URL) for s in ("ec2", "s3", "eks", "sagemaker"))
    role = "arn:aws:iam::123456789012:role/lab"
    subnets = []
    for i in range(10):
        network = ec2.create_vpc(CidrBlock=f"10.{i}.0.0/16")["Vpc"]["VpcId"]
        for j in range(2):
            made = ec2.create_subnet(VpcId=network, CidrBlock=f"10.{i}.{j}.0/24")
            subnets.append(made["Subnet"]["SubnetId"])
            ec2.create_security_group(GroupName=f"g{i}{j}", Description="g", VpcId=network)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    for subnet in subnets:
        ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="p3.2xlarge", SubnetId=subnet)
    for i in range(40):
        s3.create_bucket(Bucket=f"weights-{i:02}")
        kind = "ml.p3.2xlarge" if i % 2 else "ml.t2.medium"
        sagemaker.create_notebook_instance(NotebookInstanceName=f"lab-{i:02}", InstanceType=kind, RoleArn=role)
    for i in range(30):
        sagemaker.create_model(ModelName=f"model-{i:02}", ExecutionRoleArn=role, PrimaryContainer={"Image": "x"})
    for i in range(10):
        defaults = {"ExecutionRole": role}
        sagemaker.create_domain(
            DomainName=f"d{i}", AuthMode="IAM", DefaultUserSettings=defaults, SubnetIds=subnets[:1], VpcId="vpc-1"
        )
        eks.create_cluster(name=f"c{i}", roleArn=role, resourcesVpcConfig={"subnetIds": subnets[:2]})
        eks.create_nodegroup(clusterName=f"c{i}", nodegroupName="gpu", subnets=subnets[:1], nodeRole=role)


def main() -> None:
    """Print both sides, and write benchmarks/results/aws_live.json."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    server = peer("moto_server", "MOTO")
    if server is None:
        print("no moto_server: nothing is measured")
        return
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": REGION}
    environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": URL, "AWS_EC2_METADATA_DISABLED": "true"}
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        ours = [strongroom(), "assess", f"aws:@{REGION}", "--format", "json", "-o", str(scratch / "ours.json")]
        sides = {"strongroom": ours}
        prowler = peer("prowler", "PROWLER")
        if prowler is not None:
            wanted = ("-f", REGION, "--service", *SERVICES, "-M", "json-ocsf", "-o", str(scratch), "--no-banner")
            sides["prowler"] = [prowler, "aws", *wanted]
        for side, argv in sides.items():
            with served(scratch, server):
                before = time.monotonic()
                used = cost(argv, scratch, environment)
                wall = time.monotonic() - before
            rows.append({"side": side, "wall_s": round(wall, 2), **as_row(used)})
            print(
                f"{side:>10} {wall:>7.2f} s wall {used.cpu_s:>7.2f} s CPU {used.peak_mib:>6.0f} MiB, exit {used.status}",
                flush=True,
            )
        if len(rows) > 1:
            walls = [float(str(r["wall_s"])) for r in rows]
            print(f"{walls[1] / walls[0]:.1f} times as fast, goal {TIMES:.0f}; {walls[0]:.1f} s, goal {GOAL:.0f} s")
    print(f"written: {save('aws_live', rows)}")


if __name__ == "__main__":
    main()
