"""AWS IAM: policies, roles and what is attached to them, and the permission sets of IAM Identity Center."""

from collections.abc import Iterator

from strongroom.collect.native import INAPPLICABLE, Inapplicable, Native, Reader, Row, given, number
from strongroom.collect.resource import Link, undecided
from strongroom.collect.tables._aws import Policy, statements, statements_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Statement, Unknown, Value

MANAGED = "arn:aws:iam::aws:policy/"


def _document(reader: Reader) -> Policy:
    """The statements of a policy document's own data block."""
    return statements_of(reader, Link(reader.resource.address))


def _inline(reader: Reader) -> Policy | Inapplicable:
    """The statements of a role's inline policies, which Terraform lets stand in the role itself."""
    blocks = reader.blocks("inline_policy")
    if isinstance(blocks, Unknown):
        return (blocks,)
    if not blocks:
        return INAPPLICABLE
    out: list[Statement | Unknown] = []
    for block in blocks:
        found = statements_of(reader, block.get("policy"))
        out += [found] if isinstance(found, Unknown) else found or ()
    return tuple(out)


def _arns(reader: Reader, path: str) -> Iterator[object]:
    raw = reader.at(path)
    if isinstance(raw, list | tuple):
        yield from (reader.open(one) for one in raw)
    elif raw is not None:
        yield raw


def _policy_name(reader: Reader, raw: object) -> str | Unknown:
    """The ARN of an attached policy; one looked up by name is written as the ARN of AWS's own of that name."""
    if isinstance(raw, Link):
        target = reader.follow(raw)
        if target is None:
            return Unknown(GapCode.UNDECIDED, f"the policy is set by {raw}") if "data." in raw.address else str(raw)
        if target.native != "data.aws_iam_policy":
            return str(raw)
        inside = reader.reading(target)
        if inside.at("arn") is not None:
            return _policy_name(inside, inside.at("arn"))
        named = inside.text("name")
        if isinstance(named, str):
            return MANAGED + named
        return named or Unknown(GapCode.UNDECIDED, f"the policy is looked up by {raw}")
    doubt = undecided(raw)
    if doubt is None:
        return str(raw)
    known = str(raw)
    return known if isinstance(raw, str) and ":policy/" in known and "${" not in known.split(":policy/")[1] else doubt


def _attached(path: str) -> Row:
    def read(reader: Reader) -> Value:
        return tuple(_policy_name(reader, raw) for raw in _arns(reader, path))

    return Row("policy.attached", read)


def _looked_up(reader: Reader) -> Value:
    """The policy that a data source looks up, which its user means to attach."""
    return (_policy_name(reader, Link(reader.resource.address)),)


def _standing(reader: Reader) -> Value:
    """Whether an access key works: it does until somebody makes it inactive, and it never expires."""
    status = reader.text("status")
    return status if isinstance(status, Unknown) else status in (None, "Active")


def _policy(native: str, path: str = "policy", kind: Kind = Kind.POLICY) -> Native:
    return Native(
        type=native,
        kind=kind,
        provider="aws",
        rows=(Row("policy.statements", lambda r: statements(r, path)),),
        refs=(("role", "role"), ("user", "user"), ("group", "group"), ("permission-set", "permission_set_arn")),
    )


def _attachment(native: str, path: str = "policy_arn") -> Native:
    refs = tuple((rel, at) for rel, at in (("role", "role"), ("user", "user"), ("group", "group"), ("policy", path)))
    many = (("role", "roles"), ("user", "users"), ("group", "groups"))
    return Native(type=native, kind=Kind.GRANT, provider="aws", rows=(_attached(path),), refs=(*refs, *many))


TABLE = (
    _policy("aws_iam_policy"),
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
            Row("policy.statements", _inline),
            _attached("managed_policy_arns"),
            given("policy.boundary", "permissions_boundary"),
            number("session.max_seconds", "max_session_duration"),
        ),
        refs=(("boundary", "permissions_boundary"),),
    ),
    Native(
        type="aws_iam_user",
        kind=Kind.IDENTITY,
        provider="aws",
        rows=(given("policy.boundary", "permissions_boundary"),),
    ),
    Native(type="aws_iam_group", kind=Kind.IDENTITY, provider="aws"),
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
    Native(type="aws_organizations_policy", kind=Kind.POLICY, provider="aws"),
)
