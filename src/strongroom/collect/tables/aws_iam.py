"""AWS IAM: policies, roles and what is attached to them, and the permission sets of IAM Identity Center."""

from strongroom.collect.native import Default, Native, Reader, Row, given, number, text
from strongroom.collect.resource import Link
from strongroom.collect.tables._aws import Policy, statements, statements_of
from strongroom.collect.tables._aws_accounts import OURS
from strongroom.collect.tables._aws_arns import arn
from strongroom.collect.tables._aws_identity import attached, inline, policy_name
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

_TERRAFORM = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"


def _document(reader: Reader) -> Policy:
    """The statements of a policy document's own data block."""
    return statements_of(reader, Link(reader.resource.address))


def _looked_up(reader: Reader) -> Value:
    """The policy that a data source looks up, which its user means to attach."""
    return (policy_name(reader, Link(reader.resource.address)),)


def _standing(reader: Reader) -> Value:
    """Whether an access key works: it does until somebody makes it inactive, and it never expires."""
    status = reader.text("status")
    return status if isinstance(status, Unknown) else status in (None, "Active")


def _policy(native: str, path: str = "policy", *more: Row) -> Native:
    return Native(
        type=native,
        kind=Kind.POLICY,
        provider="aws",
        rows=(Row("policy.statements", lambda r: statements(r, path)), *more),
        refs=(("role", "role"), ("user", "user"), ("group", "group"), ("permission-set", "permission_set_arn")),
    )


def _attachment(native: str, path: str = "policy_arn") -> Native:
    refs = tuple((rel, at) for rel, at in (("role", "role"), ("user", "user"), ("group", "group"), ("policy", path)))
    many = (("role", "roles"), ("user", "users"), ("group", "groups"))
    named = (("role", "role_name"), ("user", "user_name"), ("group", "group_name"))
    every = (*refs, *many, *named, ("permission-set", "permission_set_arn"))
    return Native(type=native, kind=Kind.GRANT, provider="aws", rows=(attached(path),), refs=every)


def _membership(native: str, *refs: tuple[str, str]) -> Native:
    return Native(type=native, kind=Kind.GRANT, provider="aws", refs=refs)


TABLE = (
    _policy("aws_iam_policy", "policy", arn("iam", "policy", "name", path="path")),
    _policy("aws_iam_role_policy"),
    _policy("aws_iam_user_policy"),
    _policy("aws_iam_group_policy"),
    _policy("aws_ssoadmin_permission_set_inline_policy", "inline_policy"),
    Native(
        type="data.aws_iam_policy_document",
        kind=Kind.POLICY,
        provider="aws",
        rows=(Row("policy.statements", _document),),
    ),
    Native(type="data.aws_iam_policy", kind=Kind.GRANT, provider="aws", rows=(Row("policy.attached", _looked_up),)),
    Native(
        type="aws_iam_role",
        kind=Kind.IDENTITY,
        provider="aws",
        rows=(
            Row("trust.statements", lambda r: statements(r, "assume_role_policy")),
            Row("policy.statements", inline),
            attached("managed_policy_arns"),
            given("policy.boundary", "permissions_boundary"),
            number("session.max_seconds", "max_session_duration"),
            arn("iam", "role", "name", path="path"),
            OURS,
        ),
        refs=(("boundary", "permissions_boundary"),),
    ),
    Native(
        type="aws_iam_user",
        kind=Kind.IDENTITY,
        provider="aws",
        rows=(given("policy.boundary", "permissions_boundary"), arn("iam", "user", "name", path="path"), OURS),
        refs=(("boundary", "permissions_boundary"),),
    ),
    Native(type="aws_iam_group", kind=Kind.IDENTITY, provider="aws", rows=(arn("iam", "group", "name", path="path"),)),
    _membership("aws_iam_user_group_membership", ("user", "user"), ("group", "groups")),
    _membership("aws_iam_group_membership", ("user", "users"), ("group", "group")),
    _membership("aws_iam_instance_profile", ("role", "role")),
    Native(
        type="aws_iam_access_key",
        kind=Kind.SECRET,
        provider="aws",
        rows=(Row("secret.standing", _standing),),
        refs=(("user", "user"),),
    ),
    _attachment("aws_iam_policy_attachment"),
    _attachment("aws_iam_role_policy_attachment"),
    _attachment("aws_iam_user_policy_attachment"),
    _attachment("aws_iam_group_policy_attachment"),
    _attachment("aws_iam_role_policy_attachments_exclusive", "policy_arns"),
    _attachment("aws_iam_user_policy_attachments_exclusive", "policy_arns"),
    _attachment("aws_iam_group_policy_attachments_exclusive", "policy_arns"),
    _attachment("aws_ssoadmin_managed_policy_attachment", "managed_policy_arn"),
    Native(type="aws_ssoadmin_permission_set", kind=Kind.IDENTITY, provider="aws"),
    Native(type="aws_ssoadmin_account_assignment", kind=Kind.GRANT, provider="aws"),
    Native(
        type="aws_organizations_policy",
        kind=Kind.POLICY,
        provider="aws",
        rows=(
            Row("organisation.statements", lambda r: statements(r, "content")),
            text("organisation.type", "type", Default("SERVICE_CONTROL_POLICY", _TERRAFORM + "organizations_policy")),
        ),
    ),
    Native(
        type="aws_organizations_policy_attachment",
        kind=Kind.GRANT,
        provider="aws",
        refs=(("policy", "policy_id"), ("target", "target_id")),
    ),
)
