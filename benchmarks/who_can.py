"""Ask who can read a bucket in plans full of roles, users and policies.

Goal: 10,000 resources in at most 10 s CPU, reading the plan included. Two accounts: an ordinary one, and one in which every
role may take or pass any other.
"""

import argparse
import json
import random
import tempfile
from pathlib import Path

from generate import MAKERS
from measure import as_row, best, save, strongroom

SIZES = (1_000, 10_000, 30_000)
US = "111122223333"
Resource = tuple[str, str, dict[str, object]]


def statement(pick: random.Random, n: int) -> dict[str, object]:
    """A statement as accounts have them: mostly narrow."""
    actions, resources = pick.choice(
        [
            (
                ["s3:GetObject", "s3:ListBucket"],
                [f"arn:aws:s3:::weights-{n % 400}", f"arn:aws:s3:::weights-{n % 400}/*"],
            ),
            (["s3:PutObject"], [f"arn:aws:s3:::weights-{n % 400}/out/*"]),
            (["sagemaker:Describe*", "sagemaker:List*"], ["*"]),
            (["sagemaker:CreateTrainingJob"], [f"arn:aws:sagemaker:*:{US}:training-job/team{n % 9}-*"]),
            (["logs:*"], ["*"]),
            (["kms:Decrypt"], [f"arn:aws:kms:eu-west-1:{US}:key/{n % 90}"]),
            (["iam:PassRole"], [f"arn:aws:iam::{US}:role/r{n % 700}"]),
            (["sts:AssumeRole"], [f"arn:aws:iam::{US}:role/r{(n * 7) % 700}"]),
        ]
    )
    found: dict[str, object] = {"Effect": "Allow", "Action": actions, "Resource": resources}
    if pick.random() < 0.1:
        found["Condition"] = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    return found


def document(statements: list[dict[str, object]]) -> str:
    """A policy as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def role(n: int, pick: random.Random, *, wide: bool) -> list[Resource]:
    """A role with an inline policy."""
    who = pick.choice([{"Service": "sagemaker.amazonaws.com"}, {"AWS": f"arn:aws:iam::{US}:root"}])
    trust = document([{"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}])
    values = {"name": f"r{n}", "arn": f"arn:aws:iam::{US}:role/r{n}", "assume_role_policy": trust}
    many = [statement(pick, n * 5 + k) for k in range(5)]
    if wide:
        passing = ["sts:AssumeRole", "iam:PassRole", "sagemaker:CreateTrainingJob"]
        many.append({"Effect": "Allow", "Action": passing, "Resource": "*"})
    return [
        ("aws_iam_role", f"r{n}", values),
        ("aws_iam_role_policy", f"r{n}", {"role": f"r{n}", "policy": document(many)}),
    ]


def user(n: int, pick: random.Random) -> list[Resource]:
    """A user with a policy of the company's."""
    policy = f"arn:aws:iam::{US}:policy/p{n % 50}"
    values: dict[str, object] = {"name": f"u{n}", "arn": f"arn:aws:iam::{US}:user/u{n}"}
    made: list[Resource] = [("aws_iam_user", f"u{n}", values)]
    made.append(("aws_iam_user_policy_attachment", f"u{n}", {"user": f"u{n}", "policy_arn": policy}))
    if n < 50:
        content = document([statement(pick, n * 3 + k) for k in range(8)])
        made.append(("aws_iam_policy", f"p{n}", {"name": f"p{n}", "arn": policy, "policy": content}))
    return made


def plan(size: int, path: Path, *, wide: bool) -> None:
    """Write a plan: 7 % roles with their policies, 3 % users with theirs, buckets with policies, and the rest of an estate."""
    pick = random.Random(size)
    listed: list[Resource] = []
    for n in range(size * 7 // 100):
        listed += role(n, pick, wide=wide)
    for n in range(size * 3 // 100):
        listed += user(n, pick)
    for n in range(max(1, size // 50)):
        listed.append(("aws_s3_bucket", f"w{n}", {"bucket": f"weights-{n}", "arn": f"arn:aws:s3:::weights-{n}"}))
    while len(listed) < size:
        native, values = MAKERS[len(listed) % len(MAKERS)](len(listed), pick)
        listed.append((native, f"x{len(listed)}", values))
    resources = [{"address": f"{t}.{n}", "type": t, "name": n, "mode": "managed", "values": v} for t, n, v in listed]
    path.write_text(json.dumps({"format_version": "1.2", "planned_values": {"root_module": {"resources": resources}}}))


def main() -> None:
    """Print one line a size and account, and write benchmarks/results/who_can.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in parser.parse_args().sizes:
            for shape in ("ordinary", "wide"):
                file = Path(scratch) / f"plan-{size}-{shape}.json"
                plan(size, file, wide=shape == "wide")
                out = str(Path(scratch) / "out.json")
                argv = [strongroom(), "assess", "who-can", f"plan:{file}", "read", "aws_s3_bucket.w0"]
                spent = best([*argv, "--format", "json", "-o", out], Path(scratch), runs=2)
                verdicts = list(json.loads(Path(out).read_text())["principals"].values())
                told = {v: verdicts.count(v) for v in ("ALLOW", "CONDITIONAL", "DENY")}
                rows.append({"resources": size, "account": shape, "strongroom": as_row(spent), **told})
                print(f"{size:>7,}  {shape:<9} {spent.cpu_s:>6.2f} s {spent.peak_mib:>5.0f} MiB  {told}", flush=True)
    print(f"written: {save('who_can', rows)}")


if __name__ == "__main__":
    main()
