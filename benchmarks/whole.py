"""Everything at once: every check, what the internet reaches, and who can read the weights, of one Terraform plan.

Goal: 10,000 resources in at most 10 s CPU, and 100,000 linear within 2.5 GB. The plan is an estate in a network: machines in
subnets of their own with rules that differ, roles and users with policies, and the mixed resources of the other benchmarks.
"""

import argparse
import json
import random
import tempfile
from pathlib import Path

from generate import MAKERS
from measure import as_row, best, save, strongroom
from who_can import Resource, role, user

SIZES = (1_000, 10_000, 100_000)
GOAL = 10.0  # seconds of CPU for 10,000
_ALL = {"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}


def machine(n: int, pick: random.Random) -> list[Resource]:
    """A machine with its subnet, list and group; the rules of a third are like no other's."""
    own = pick.random() < 0.33
    port = pick.randrange(1, 65_000) if own else pick.choice([22, 443, 8888])
    source = f"{pick.randrange(1, 200)}.{n % 250}.0.0/16" if own else pick.choice(["0.0.0.0/0", "10.0.0.0/8"])
    let = {"protocol": "tcp", "from_port": port, "to_port": port, "cidr_blocks": [source]}
    listed = {
        "rule_no": 100,
        "action": "allow",
        "protocol": "-1",
        "cidr_block": "0.0.0.0/0",
        "from_port": 0,
        "to_port": 0,
    }
    at = f"subnet-{n}"
    return [
        ("aws_subnet", at, {"id": at, "vpc_id": "vpc-1", "cidr_block": f"10.{n // 250 % 250}.{n % 250}.0/24"}),
        ("aws_route_table_association", f"assoc-{n}", {"subnet_id": at, "route_table_id": "rtb-1"}),
        ("aws_network_acl", f"acl-{n}", {"id": f"acl-{n}", "vpc_id": "vpc-1", "subnet_ids": [at], "ingress": [listed], "egress": [listed]}),
        ("aws_security_group", f"sg-{n}", {"id": f"sg-{n}", "vpc_id": "vpc-1", "ingress": [let], "egress": [_ALL]}),
        ("aws_instance", f"i-{n}", {
            "id": f"i-{n}", "subnet_id": at, "associate_public_ip_address": pick.random() < 0.5, "vpc_security_group_ids": [f"sg-{n}"]}),
    ]  # fmt: skip


def plan(size: int, path: Path) -> None:
    """Write a plan: half a network, a tenth roles and users with their policies, the rest of everything."""
    pick = random.Random(size)
    route = {"cidr_block": "0.0.0.0/0", "gateway_id": "igw-1"}
    listed: list[Resource] = [
        ("aws_vpc", "vpc-1", {"id": "vpc-1", "cidr_block": "10.0.0.0/8"}),
        ("aws_internet_gateway", "igw-1", {"id": "igw-1", "vpc_id": "vpc-1"}),
        ("aws_route_table", "rtb-1", {"id": "rtb-1", "vpc_id": "vpc-1", "route": [route]}),
        ("aws_s3_bucket", "w0", {"bucket": "weights-0", "arn": "arn:aws:s3:::weights-0"}),
    ]
    for n in range(size // 10):
        listed += machine(n, pick)
    for n in range(size * 7 // 200):
        listed += role(n, pick, wide=False)
    for n in range(size * 3 // 200):
        listed += user(n, pick)
    while len(listed) < size:
        native, values = MAKERS[len(listed) % len(MAKERS)](len(listed), pick)
        listed.append((native, f"x{len(listed)}", values))
    resources = [{"address": f"{t}.{n}", "type": t, "name": n, "mode": "managed", "values": v} for t, n, v in listed]
    path.write_text(json.dumps({"format_version": "1.2", "planned_values": {"root_module": {"resources": resources}}}))


def main() -> None:
    """Print one line a size, and write benchmarks/results/whole.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in parser.parse_args().sizes:
            file, out = Path(scratch) / f"plan-{size}.json", str(Path(scratch) / "out")
            plan(size, file)
            runs = 2 if size <= 10_000 else 1
            whole = best(
                [strongroom(), "assess", f"plan:{file}", "--format", "json", "-o", out], Path(scratch), runs=runs
            )
            reached = sum(f["check"] == "net.machine.reached" for f in json.loads(Path(out).read_text())["findings"])
            asked = [strongroom(), "assess", "who-can", f"plan:{file}", "read", "aws_s3_bucket.w0"]
            who = best([*asked, "--format", "json", "-o", out], Path(scratch), runs=runs)
            total = whole.cpu_s + who.cpu_s
            row = {
                "resources": size,
                "checks and reach": as_row(whole),
                "who-can": as_row(who),
                "cpu_s": round(total, 2),
                "reached": reached,
            }
            rows.append(row)
            goal = f", goal {GOAL:.0f} s" if size == 10_000 else ""
            told = f"checks and reach {whole.cpu_s:.2f} s {whole.peak_mib:.0f} MiB, who-can {who.cpu_s:.2f} s {who.peak_mib:.0f} MiB"
            print(f"{size:>7,}  {told}: {total:.2f} s{goal}; {reached} machines judged by their paths", flush=True)
    print(f"written: {save('whole', rows)}")


if __name__ == "__main__":
    main()
