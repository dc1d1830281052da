"""AWS accounts for the tests of who can do what, as plans: small enough to see what must come out."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from strongroom.app.asking_who import judge
from strongroom.collect.terraform import plan
from strongroom.collect.terraform.assets import assets
from strongroom.model.estate import Estate
from strongroom.model.who_can import Deed, Held, WhoCan

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
US = "111122223333"
THEM = "999988887777"
WEIGHTS = "arn:aws:s3:::weights"
KEY = f"arn:aws:kms:eu-west-1:{US}:key/k"

Values = Mapping[str, object]
Resource = tuple[str, str, Values]


def document(*statements: object) -> str:
    """A policy as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: object, resource: object = "*", **more: object) -> dict[str, object]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: object, resource: object = "*", **more: object) -> dict[str, object]:
    """A statement that denies."""
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def to(
    who: object, action: object, resource: object = "*", *, effect: str = "Allow", **more: object
) -> dict[str, object]:
    """A statement of a resource's policy, for somebody."""
    principal = who if isinstance(who, dict) or who == "*" else {"AWS": who}
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource, **more}


def when(operator: str, key: str, value: object) -> dict[str, object]:
    """The condition of a statement."""
    return {"Condition": {operator: {key: value}}}


def role_arn(name: str) -> str:
    """The ARN of a role of ours."""
    return f"arn:aws:iam::{US}:role/{name}"


def user_arn(name: str) -> str:
    """The ARN of a user of ours."""
    return f"arn:aws:iam::{US}:user/{name}"


ROOT = f"arn:aws:iam::{US}:root"
SERVICE = {"Service": "sagemaker.amazonaws.com"}


def role(name: str, *statements: object, trust: Sequence[object] = (SERVICE,), **more: object) -> list[Resource]:
    """A role with an inline policy. `trust` is who may take it, or whole statements."""
    said = [
        t if isinstance(t, dict) and "Effect" in t
        else {"Effect": "Allow", "Principal": t if isinstance(t, dict) else {"AWS": t}, "Action": "sts:AssumeRole"}
        for t in trust
    ]  # fmt: skip
    values = {"name": name, "arn": role_arn(name), "assume_role_policy": document(*said), **more}
    made: list[Resource] = [("aws_iam_role", name, values)]
    if statements:
        made.append(("aws_iam_role_policy", name, {"role": name, "policy": document(*statements)}))
    return made


def user(name: str, *statements: object, **more: object) -> list[Resource]:
    """A user with an inline policy."""
    made: list[Resource] = [("aws_iam_user", name, {"name": name, "arn": user_arn(name), **more})]
    if statements:
        made.append(("aws_iam_user_policy", name, {"user": name, "policy": document(*statements)}))
    return made


def managed(name: str, *statements: object) -> Resource:
    """A managed policy of ours."""
    arn = f"arn:aws:iam::{US}:policy/{name}"
    return ("aws_iam_policy", name, {"name": name, "arn": arn, "policy": document(*statements)})


def attach(policy: str, role: str) -> Resource:
    """An attachment of a policy, by ARN or by the name of one of ours, to a role."""
    arn = policy if policy.startswith("arn:") else f"arn:aws:iam::{US}:policy/{policy}"
    return ("aws_iam_role_policy_attachment", f"{role}_{policy.rpartition('/')[2]}", {"role": role, "policy_arn": arn})


def bucket(*statements: object, key: str = "") -> list[Resource]:
    """The bucket `weights` with a policy, under a key."""
    made: list[Resource] = [("aws_s3_bucket", "weights", {"bucket": "weights", "arn": WEIGHTS})]
    if statements:
        made.append(("aws_s3_bucket_policy", "weights", {"bucket": "weights", "policy": document(*statements)}))
    if key:
        rule = {"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms", "kms_master_key_id": key}]}
        values = {"bucket": "weights", "rule": [rule]}
        made.append(("aws_s3_bucket_server_side_encryption_configuration", "weights", values))
    return made


DELEGATED = to(ROOT, "kms:*")


def key(*statements: object) -> list[Resource]:
    """The key `k` with a policy; without one, what AWS gives: the account's IAM decides."""
    values: dict[str, object] = {"arn": KEY, "key_id": "k"}
    return [("aws_kms_key", "k", {**values, "policy": document(*statements)} if statements else values)]


def scp(name: str, *statements: object) -> list[Resource]:
    """A service control policy that is attached to the account."""
    return [
        ("aws_organizations_policy", name, {"name": name, "content": document(*statements), "id": f"p-{name}"}),
        ("aws_organizations_policy_attachment", name, {"policy_id": f"p-{name}", "target_id": US}),
    ]


def text(resources: Sequence[Resource | Sequence[Resource]]) -> bytes:
    """The plan of some resources."""
    flat: list[Resource] = []
    for r in resources:
        flat += [r] if isinstance(r, tuple) else list(r)
    listed = [{"address": f"{t}.{n}", "type": t, "name": n, "mode": "managed", "values": dict(v)} for t, n, v in flat]
    return json.dumps({"format_version": "1.2", "planned_values": {"root_module": {"resources": listed}}}).encode()


@lru_cache(maxsize=128)
def estate(data: bytes) -> Estate:
    """The estate of a plan, read once."""
    found = list(plan.resources(plan.load(data, "plan"), "plan.json", ""))
    return Estate(tuple(assets(found, "plan:plan.json")), (), (), NOW)


def who_can(deed: str, asset: str, *resources: Resource | Sequence[Resource]) -> WhoCan:
    """The whole answer."""
    return judge(estate(text(resources)), Deed(deed), asset, "plan:plan.json")


def verdicts(deed: str, asset: str, *resources: Resource | Sequence[Resource]) -> dict[str, str]:
    """The verdicts, by the principal's bare name; a stranger's by his whole one."""
    found = who_can(deed, asset, *resources)
    return {
        h.principal.removeprefix("aws_iam_role.").removeprefix("aws_iam_user."): h.verdict.value for h in found.held
    }


def held(answer: WhoCan, principal: str) -> Held:
    """The verdict of one principal."""
    return next(h for h in answer.held if h.principal == principal)
