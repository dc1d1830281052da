"""What the transform `AWS::Serverless-2016-10-31` makes of a resource, as far as a verdict hangs on it: its role.

Source: AWS SAM Developer Guide, "Generated CloudFormation resources": a function or state machine without a `Role` gets
one, called after it, with what its `Policies` name. Everything else that SAM makes is listed under its own type.
"""

from collections.abc import Iterator, Mapping

from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

TRANSFORM = "AWS::Serverless-2016-10-31"
_RUNS = {"AWS::Serverless::Function": "lambda.amazonaws.com", "AWS::Serverless::StateMachine": "states.amazonaws.com"}


def expanded(name: str, raw: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The resource itself, and the role that SAM makes for it."""
    service = _RUNS.get(str(raw.get("Type")))
    properties = raw.get("Properties")
    if service is None or not isinstance(properties, dict) or "Role" in properties or "Policies" not in properties:
        yield name, raw
        return
    yield name, {**raw, "Properties": {**properties, "MadeRole": {"Ref": f"{name}Role"}}}
    role: dict[str, object] = {"Type": "AWS::IAM::Role", "Properties": _role(properties, service)}
    if "Condition" in raw:
        role["Condition"] = raw["Condition"]
    yield f"{name}Role", role


def _role(properties: Mapping[str, object], service: str) -> dict[str, object]:
    given = properties["Policies"]
    managed: list[object] = []
    inline: list[object] = []
    for n, policy in enumerate(given if isinstance(given, list) else [given]):
        if isinstance(policy, str):
            managed.append(policy if policy.startswith(("arn:", "{{")) else f"arn:aws:iam::aws:policy/{policy}")
        elif isinstance(policy, dict) and "Statement" in policy:
            inline.append({"PolicyName": f"Policy{n}", "PolicyDocument": policy})
        elif isinstance(policy, dict) and len(policy) == 1 and _is_function(next(iter(policy))):
            managed.append(policy)
        else:
            inline.append({"PolicyName": f"Policy{n}", "PolicyDocument": _template(policy)})
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    made: dict[str, object] = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "ManagedPolicyArns": managed,
        "Policies": inline,
    }
    if "PermissionsBoundary" in properties:
        made["PermissionsBoundary"] = properties["PermissionsBoundary"]
    return made


def _is_function(name: str) -> bool:
    return name == "Ref" or name.startswith("Fn::")


def _template(policy: object) -> Unknown:
    """A policy template of SAM, which is not spelled out here."""
    name = next(iter(policy), "a policy") if isinstance(policy, dict) else "a policy"
    why = f"SAM's policy template {str(name)[:60]} is not spelled out"
    return Unknown(GapCode.UNSUPPORTED, why)
