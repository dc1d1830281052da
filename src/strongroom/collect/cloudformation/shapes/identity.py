"""IAM, IAM Identity Center and KMS."""

from collections.abc import Iterator

from strongroom.collect.cloudformation.shape import Part, Shape, Values, each, items, renamed
from strongroom.collect.native import Row
from strongroom.collect.resource import Link
from strongroom.collect.tables._aws_identity import attached, inline
from strongroom.collect.tables._aws_links import links
from strongroom.model.values import Unknown


def _identity(values: Values) -> None:
    """Inline policies as a role's own blocks; the names differ."""
    values["inline_policy"] = each(values.pop("policies", None), renamed(name="policy_name", policy="policy_document"))


def _role(values: Values) -> None:
    _identity(values)
    if values.get("assume_role_policy") is None:
        values["assume_role_policy"] = values.pop("assume_role_policy_document", None)


def _inline_policy(values: Values, owner: Link) -> Iterator[Part]:
    """A policy that stands apart and names the roles whose inline policy it is."""
    del owner
    for n, role in enumerate(items(values.get("roles"))):
        yield Part("aws_iam_role_policy", f"Roles[{n}]", {"role": role, "policy": values.get("policy")})


def _managed_policy(values: Values, owner: Link) -> Iterator[Part]:
    roles = values.get("roles")
    if roles is not None:
        yield Part("aws_iam_policy_attachment", "Roles", {"roles": roles, "policy_arn": owner})


def _member(values: Values, owner: Link) -> Iterator[Part]:
    groups = values.get("groups")
    if groups is not None:
        yield Part("aws_iam_user_group_membership", "Groups", {"user": owner, "groups": groups}, shown=True)


def _service_policy(values: Values, owner: Link) -> Iterator[Part]:
    for n, target in enumerate(items(values.get("target_ids"))):
        made: Values = {"policy_id": owner, "target_id": target}
        yield Part("aws_organizations_policy_attachment", f"TargetIds[{n}]", made, shown=True)


def _profile(values: Values) -> None:
    roles = items(values.get("roles"))
    values["role"] = roles[0] if roles else None


def _key(values: Values) -> str:
    return "aws_kms_external_key" if values.get("origin") == "EXTERNAL" else "aws_kms_key"


def _permission_set(values: Values) -> None:
    policy = values.pop("inline_policy", None)
    if isinstance(policy, dict | str | Unknown | Link) and policy:
        values["inline_policy"] = [{"policy": policy}]


_OF_IDENTITY = (Row("policy.statements", inline), attached("managed_policy_arns"))
_OF_WHOM = tuple(
    links(f"policy.{kind}", kind) for kind in ("roles", "users", "groups")
)  # a policy that names them itself
_DOCUMENT = ("policy_document", "policy")

SHAPES = (
    Shape(
        type="AWS::IAM::Role",
        native="aws_iam_role",
        moves=(("role_name", "name"),),
        make=_role,
        required=("AssumeRolePolicyDocument",),
    ),
    Shape(
        type="AWS::IAM::User",
        native="aws_iam_user",
        moves=(("user_name", "name"),),
        make=_identity,
        parts=_member,
        rows=_OF_IDENTITY,
    ),
    Shape(
        type="AWS::IAM::Group",
        native="aws_iam_group",
        moves=(("group_name", "name"),),
        make=_identity,
        rows=_OF_IDENTITY,
    ),
    Shape(
        type="AWS::IAM::UserToGroupAddition",
        native="aws_iam_group_membership",
        moves=(("group_name", "group"),),
    ),
    Shape(type="AWS::IAM::AccessKey", native="aws_iam_access_key", moves=(("user_name", "user"),)),
    Shape(
        type="AWS::IAM::InstanceProfile",
        native="aws_iam_instance_profile",
        moves=(("instance_profile_name", "name"),),
        make=_profile,
    ),
    Shape(
        type="AWS::IAM::ManagedPolicy",
        native="aws_iam_policy",
        moves=(("managed_policy_name", "name"), _DOCUMENT),
        parts=_managed_policy,
        rows=_OF_WHOM,
        required=("PolicyDocument",),
    ),
    Shape(
        type="AWS::IAM::Policy",
        native="aws_iam_policy",
        moves=(("policy_name", "name"), _DOCUMENT),
        parts=_inline_policy,
        rows=_OF_WHOM,
        required=("PolicyDocument",),
    ),
    Shape(
        type="AWS::IAM::RolePolicy",
        native="aws_iam_role_policy",
        moves=(("policy_name", "name"), ("role_name", "role"), _DOCUMENT),
        required=("PolicyDocument",),
    ),
    Shape(
        type="AWS::IAM::UserPolicy",
        native="aws_iam_user_policy",
        moves=(("policy_name", "name"), ("user_name", "user"), _DOCUMENT),
        required=("PolicyDocument",),
    ),
    Shape(
        type="AWS::IAM::GroupPolicy",
        native="aws_iam_group_policy",
        moves=(("policy_name", "name"), ("group_name", "group"), _DOCUMENT),
        required=("PolicyDocument",),
    ),
    Shape(
        type="AWS::SSO::PermissionSet",
        native="aws_ssoadmin_permission_set",
        make=_permission_set,
        rows=(Row("policy.statements", inline), attached("managed_policies")),
    ),
    Shape(type="AWS::SSO::Assignment", native="aws_ssoadmin_account_assignment"),
    Shape(type="AWS::Organizations::Policy", native="aws_organizations_policy", parts=_service_policy),
    Shape(
        type="AWS::KMS::Key",
        native=_key,
        moves=(
            ("key_policy", "policy"),
            ("enabled", "is_enabled"),
            ("pending_window_in_days", "deletion_window_in_days"),
        ),
    ),
    Shape(
        type="AWS::KMS::ReplicaKey",
        native="aws_kms_replica_key",
        moves=(
            ("key_policy", "policy"),
            ("enabled", "is_enabled"),
            ("pending_window_in_days", "deletion_window_in_days"),
        ),
    ),
    Shape(type="AWS::KMS::Alias", native="aws_kms_alias", moves=(("alias_name", "name"),)),
)
