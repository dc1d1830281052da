"""`aws iam get-account-authorization-details`: every user, group, role and policy of an account.

Source: AWS IAM API Reference, GetAccountAuthorizationDetails. Documents come as objects from the command line, in URL
encoding from the API. AWS's own policies are in it as far as they are attached: they spell out what an attachment
gives, and are no assets of the owner's.
"""

from collections.abc import Callable, Iterator, Mapping

from strongroom.collect.aws.document import mappings, policy, text
from strongroom.collect.cloudformation.stack import Declared
from strongroom.collect.resource import Link
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
_OF_AWS = ":iam::aws:policy/"

Miss = Callable[[str, GapCode, str], None]


def declared(body: Mapping[str, object], file: str, miss: Miss) -> Iterator[tuple[Declared, bool]]:
    """Every identity and policy of the export, and whether it is the owner's."""
    known = {text(p.get("Arn")) for p in mappings(body.get("Policies"))}
    for name in LISTS:
        if not isinstance(body.get(name), list):
            miss(name, GapCode.ABSENT, f"the export has no {name}: it was filtered, or is cut off")
            continue
        for n, one in enumerate(mappings(body[name])):
            arn = text(one.get("Arn"))
            if not arn.startswith("arn:"):
                miss(f"{name}[{n}]", GapCode.MALFORMED, "it has no ARN, so it was not read")
                continue
            mine = name != "Policies" or _OF_AWS not in arn
            yield Declared(arn, TYPES[name], {**properties(name, one, known), "Arn": arn}, file, (0, 0)), mine
    if body.get("IsTruncated") is True:
        miss("Marker", GapCode.ABSENT, "the export is one page of several; ask for the others as well")


def properties(name: str, one: Mapping[str, object], known: set[str]) -> dict[str, object]:
    """CloudFormation's properties of one entry of a list; `known` are the policies that the export spells out."""
    made = {**_MAKERS[name](one, known), "Path": one.get("Path"), "Tags": one.get("Tags")}
    return {k: v for k, v in made.items() if v is not None}


def _attached(one: Mapping[str, object], known: set[str]) -> list[object]:
    """The policies that are attached; those that the export spells out are linked."""
    found = [text(p.get("PolicyArn")) for p in mappings(one.get("AttachedManagedPolicies"))]
    return [Link(arn) if arn in known else arn for arn in found if arn]


def _inline(one: Mapping[str, object], name: str) -> list[object]:
    return [
        {"PolicyName": p.get("PolicyName"), "PolicyDocument": policy(p.get("PolicyDocument"))}
        for p in mappings(one.get(name))
    ]


def _boundary(one: Mapping[str, object]) -> object:
    found = one.get("PermissionsBoundary")
    return found.get("PermissionsBoundaryArn") if isinstance(found, dict) else None


def _user(one: Mapping[str, object], known: set[str]) -> dict[str, object]:
    return {
        "UserName": one.get("UserName"),
        "Policies": _inline(one, "UserPolicyList"),
        "ManagedPolicyArns": _attached(one, known),
        "Groups": one.get("GroupList") or None,
        "PermissionsBoundary": _boundary(one),
    }


def _group(one: Mapping[str, object], known: set[str]) -> dict[str, object]:
    return {
        "GroupName": one.get("GroupName"),
        "Policies": _inline(one, "GroupPolicyList"),
        "ManagedPolicyArns": _attached(one, known),
    }


def _role(one: Mapping[str, object], known: set[str]) -> dict[str, object]:
    return {
        "RoleName": one.get("RoleName"),
        "AssumeRolePolicyDocument": policy(one.get("AssumeRolePolicyDocument")),
        "Policies": _inline(one, "RolePolicyList"),
        "ManagedPolicyArns": _attached(one, known),
        "PermissionsBoundary": _boundary(one),
    }


def _policy(one: Mapping[str, object], known: set[str]) -> dict[str, object]:
    del known
    return {
        "ManagedPolicyName": one.get("PolicyName"),
        "PolicyDocument": default_version(one),
    }


def default_version(one: Mapping[str, object]) -> object:
    """The document of a policy that is in force."""
    versions = mappings(one.get("PolicyVersionList"))
    held = next((v for v in versions if v.get("IsDefaultVersion") is True), None)
    if held is None or held.get("Document") is None:
        return Unknown(GapCode.ABSENT, "the version of the policy that is in force is not in the export")
    return policy(held["Document"])


TYPES = {
    "UserDetailList": "AWS::IAM::User",
    "GroupDetailList": "AWS::IAM::Group",
    "RoleDetailList": "AWS::IAM::Role",
    "Policies": "AWS::IAM::ManagedPolicy",
}
_MAKERS = {"UserDetailList": _user, "GroupDetailList": _group, "RoleDetailList": _role, "Policies": _policy}
