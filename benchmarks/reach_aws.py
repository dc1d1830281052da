"""What the internet reaches in an AWS account of 10,000 resources: every machine, and one, with reading and writing.

Goal: at most 10 s CPU for all of it. A fifth of the resources are machines, each in a subnet of its own with an ACL, a route table
that all share, and a security group; the shape of 100,000 shows whether the cost is linear.
"""

import argparse
import json
import tempfile
from pathlib import Path

from measure import as_row, best, save, strongroom

SHAPES = {"1,000": 1_000, "10,000": 10_000, "100,000": 100_000}
GOAL = 10.0  # seconds of CPU for 10,000
_ANY = {"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}


def resource(kind: str, name: str, **values: object) -> dict[str, object]:
    """One resource of a state."""
    attributes = {"id": name, **values}
    instance = {"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}
    provider = 'provider["registry.terraform.io/hashicorp/aws"]'
    return {"mode": "managed", "type": kind, "name": name, "provider": provider, "instances": [instance]}


def state(resources: int) -> dict[str, object]:
    """An account as `terraform state pull` prints it."""
    rule = {
        "rule_no": 100,
        "action": "allow",
        "protocol": "-1",
        "cidr_block": "0.0.0.0/0",
        "from_port": 0,
        "to_port": 0,
    }
    https = {"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["0.0.0.0/0"]}
    made = [
        resource("aws_vpc", "vpc-1", cidr_block="10.0.0.0/8"),
        resource("aws_internet_gateway", "igw-1", vpc_id="vpc-1"),
        resource(
            "aws_route_table", "rtb-1", vpc_id="vpc-1", route=[{"cidr_block": "0.0.0.0/0", "gateway_id": "igw-1"}]
        ),
    ]
    for i in range(resources // 5):
        at = f"subnet-{i}"
        made += [
            resource("aws_subnet", at, vpc_id="vpc-1", cidr_block=f"10.{i // 250 % 250}.{i % 250}.0/24"),
            resource("aws_route_table_association", f"assoc-{i}", subnet_id=at, route_table_id="rtb-1"),
            resource("aws_security_group", f"sg-{i}", vpc_id="vpc-1", ingress=[https], egress=[_ANY]),
            resource("aws_network_acl", f"acl-{i}", vpc_id="vpc-1", subnet_ids=[at], ingress=[rule], egress=[rule]),
            resource(
                "aws_instance", f"i-{i}", subnet_id=at, associate_public_ip_address=bool(i % 2),
                vpc_security_group_ids=[f"sg-{i}"],
            ),
        ]  # fmt: skip
    return {"version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": "x", "outputs": {}, "resources": made}


def main() -> None:
    """Print one line a shape and question, and write benchmarks/results/reach_aws.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for shape in parser.parse_args().shapes:
            file, out = Path(scratch) / "account.tfstate", Path(scratch) / "out"
            file.write_text(json.dumps(state(SHAPES[shape])))
            for question, words in {"every machine": [], "one machine": ["aws_instance.i-1"]}.items():
                argv = [strongroom(), "assess", "reach", f"state:{file}", *words, "--format", "json", "-o", str(out)]
                ours = best(argv, Path(scratch), runs=2)
                rows.append({"resources": SHAPES[shape], "question": question, "strongroom": as_row(ours)})
                goal = f", goal {GOAL:.0f} s" if shape == "10,000" else ""
                print(
                    f"{shape:>8} {question:>14} {ours.cpu_s:>7.2f} s {ours.peak_mib:>6.0f} MiB, exit {ours.status}{goal}",
                    flush=True,
                )
    print(f"written: {save('reach_aws', rows)}")


if __name__ == "__main__":
    main()
