"""IAM, KMS and the policies of an organisation."""

from collections.abc import Iterator

from strongroom.collect.aws import identities
from strongroom.collect.aws.asking import Beside, Call, Detail, Known, Listing, Properties, Seen
from strongroom.collect.aws.document import mappings, text
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

_OF_AWS = ":iam::aws:policy/"


def _properties(name: str, seen: Seen, known: Known) -> Properties:
    """What the account's own list says. Where the list of policies is missing, an attachment is its name alone."""
    arns = {one.arn for one in known.get(identities.TYPES["Policies"], ())}
    return identities.properties(name, seen.answer, arns)


def _identity(name: str, *kinds: str) -> Listing:
    """The entries of one kind; the filter has other words for them than the answer."""
    return Listing(
        type=identities.TYPES[name],
        call=Call(
            service="iam", operation="GetAccountAuthorizationDetails", takes=name, arguments={"Filter": list(kinds)}
        ),
        name="{" + {"Policies": "PolicyName"}.get(name, name.removesuffix("DetailList") + "Name") + "}",
        arn="{Arn}",
        once=True,
        make=lambda seen, known: _properties(name, seen, known),
        native=_of_aws if name == "Policies" else None,
    )


def _of_aws(seen: Seen) -> str:
    """AWS's own policies spell out what an attachment gives, and are no assets of the account's."""
    return "" if _OF_AWS in seen.arn else "aws_iam_policy"


def _key(seen: Seen, known: Known) -> Properties | None:
    """A key of the owner's. AWS's own are in the list as well; they say whose a key is, and are judged nowhere."""
    del known
    if seen.answer.get("KeyManager") == "AWS":
        return None
    names = ("Description", "KeyPolicy", "EnableKeyRotation", "Enabled", "KeyUsage", "KeySpec", "Origin", "KeyId")
    made: Properties = {n: seen.answer.get(n) for n in names if seen.answer.get(n) is not None}
    made["CustomKeyStoreId"] = seen.answer.get("CustomKeyStoreId")
    wait = seen.answer.get("PendingDeletionWindowInDays")
    doubt = Unknown(GapCode.ABSENT, "how long a deletion waits is chosen when somebody asks for it")
    made["PendingWindowInDays"] = wait if wait is not None else doubt
    return made


def _grants(seen: Seen) -> Iterator[Beside]:
    if seen.answer.get("KeyManager") == "AWS":
        return
    listed = seen.answer.get("Grants")
    if isinstance(listed, Unknown):
        yield Beside("aws_kms_grant", "Grants", {"key_id": seen.arn, "operations": listed}, shown=False)
    for n, one in enumerate(mappings(listed)):
        made: Properties = {
            "key_id": seen.arn, "operations": one.get("Operations"), "constraints": one.get("Constraints"),
            "grantee_principal": one.get("GranteePrincipal"), "name": one.get("Name"),
        }  # fmt: skip
        yield Beside("aws_kms_grant", f"Grants[{n}]", made)


def _own(seen: Seen) -> bool:
    return seen.answer.get("KeyManager") != "AWS"


def _kms(operation: str, takes: str, puts: str, *, many: bool = False, **more: object) -> Detail:
    arguments = {"KeyId": "{KeyId}", **more}
    return Detail(
        service="kms", operation=operation, takes=takes, puts=puts, arguments=arguments, when=_own, many=many,
        unset=("UnsupportedOperationException", "NotFoundException"),
    )  # fmt: skip


def _policy(seen: Seen, known: Known) -> Properties:
    del known
    targets = [t.get("TargetId") for t in mappings(seen.answer.get("Targets"))]
    return {
        "Name": seen.name, "Type": seen.answer.get("Type"), "Content": seen.answer.get("Content"),
        "TargetIds": seen.answer["Targets"] if isinstance(seen.answer.get("Targets"), Unknown) else targets,
    }  # fmt: skip


def _policies(kind: str, native: str) -> Listing:
    arguments: dict[str, object] = {"PolicyId": "{Id}"}
    none = ("AWSOrganizationsNotInUseException", "PolicyTypeNotEnabledException")
    return Listing(
        type=native,
        call=Call(
            service="organizations", operation="ListPolicies", takes="Policies", arguments={"Filter": kind}, unset=none
        ),
        details=(
            Detail(
                service="organizations", operation="DescribePolicy", takes="Policy.Content", puts="Content",
                arguments=arguments,
            ),
            Detail(
                service="organizations", operation="ListTargetsForPolicy", takes="Targets", puts="Targets", many=True,
                arguments=arguments,
            ),
        ),
        ident="{Id}",
        arn="{Arn}",
        once=True,
        make=_policy,
        native=lambda _: "aws_organizations_policy",
        beside=_targets,
        besides=("aws_organizations_policy_attachment",),
    )  # fmt: skip


def _targets(seen: Seen) -> Iterator[Beside]:
    for n, one in enumerate(mappings(seen.answer.get("Targets"))):
        made: Properties = {"policy_id": seen.arn, "target_id": text(one.get("TargetId"))}
        yield Beside("aws_organizations_policy_attachment", f"TargetIds[{n}]", made)


LISTINGS = (
    _identity("UserDetailList", "User"),
    _identity("GroupDetailList", "Group"),
    _identity("RoleDetailList", "Role"),
    _identity("Policies", "LocalManagedPolicy", "AWSManagedPolicy"),
    Listing(
        type="AWS::IAM::InstanceProfile",
        call=Call(service="iam", operation="ListInstanceProfiles", takes="InstanceProfiles"),
        name="{InstanceProfileName}",
        arn="{Arn}",
        once=True,
        make=lambda seen, _: {
            "InstanceProfileName": seen.name,
            "Roles": [r.get("Arn") for r in mappings(seen.answer.get("Roles"))],
        },
    ),
    Listing(
        type="AWS::IAM::AccessKey",
        of="AWS::IAM::User",
        call=Call(
            service="iam", operation="ListAccessKeys", takes="AccessKeyMetadata", arguments={"UserName": "{UserName}"}
        ),
        name="{AccessKeyId}",
        once=True,
        make=lambda seen, _: {"UserName": seen.answer.get("UserName"), "Status": seen.answer.get("Status")},
    ),
    Listing(
        type="AWS::KMS::Key",
        call=Call(service="kms", operation="ListKeys", takes="Keys"),
        details=(
            Detail(
                service="kms", operation="DescribeKey", takes="KeyMetadata", arguments={"KeyId": "{KeyId}"}
            ),
            _kms("GetKeyPolicy", "Policy", "KeyPolicy", PolicyName="default"),
            _kms("GetKeyRotationStatus", "KeyRotationEnabled", "EnableKeyRotation"),
            _kms("ListGrants", "Grants", "Grants", many=True),
        ),
        name="{KeyId}",
        arn="{KeyArn}",
        make=_key,
        beside=_grants,
        besides=("aws_kms_grant",),
    ),
    Listing(
        type="AWS::KMS::Alias",
        call=Call(service="kms", operation="ListAliases", takes="Aliases"),
        name="{AliasName}",
        arn="{AliasArn}",
        make=lambda seen, _: None if seen.name.startswith("alias/aws/") else {
            "AliasName": seen.name, "TargetKeyId": seen.answer.get("TargetKeyId"),
        },
    ),
    _policies("SERVICE_CONTROL_POLICY", "AWS::Organizations::Policy"),
    _policies("RESOURCE_CONTROL_POLICY", "AWS::Organizations::Policy (resources)"),
)  # fmt: skip
