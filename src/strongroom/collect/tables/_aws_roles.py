"""What a role may do, put together from everything that is attached to it: inline, by block, by attachment."""

import re

from strongroom.collect.native import INAPPLICABLE, Inapplicable, Reader, Row
from strongroom.collect.resource import Link, Resource, undecided
from strongroom.collect.tables._aws import Policy, statements_of
from strongroom.model.codes import GapCode
from strongroom.model.values import Statement, Unknown, Value

_MANAGED = re.compile(r"arn:aws[\w-]*:iam::aws:policy/(?:[\w-]+/)*([\w+=,.@-]+)$")
_ROLE_ARN = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/(?:[\w-]+/)*([\w+=,.@-]+)$")
# AWS Managed Policy Reference Guide: the two that allow (nearly) everything, spelled out; any other is named only.
_WHOLE = {
    "AdministratorAccess": Statement("allow", actions=("*",), resources=("*",), sid="AdministratorAccess"),
    "PowerUserAccess": Statement(
        "allow",
        not_actions=("iam:*", "organizations:*", "account:*"),
        resources=("*",),
        sid="PowerUserAccess",
    ),
}


def role_statements(reader: Reader, raw: object) -> Policy:
    """The statements of the role that a resource runs as; Unknown when the role is not among what was read."""
    raw = reader.open(raw)
    if raw is None or isinstance(raw, Unknown):
        return raw
    role = reader.follow(raw) if isinstance(raw, Link) else _by_name(reader, raw)
    if role is not None and role.native == "aws_iam_instance_profile":
        return role_statements(reader.reading(role), role.values.get("role"))
    if role is None or role.native != "aws_iam_role":
        return Unknown(GapCode.UNDECIDED, f"what the role {raw} may do is not in these files")
    return _attached(reader.reading(role))


def _by_name(reader: Reader, raw: object) -> Resource | None:
    """The role of a name, or of an ARN that ends in it; a name that is not wholly known matches none."""
    if not isinstance(raw, str) or undecided(raw) is not None:
        return None
    found = _ROLE_ARN.match(raw)
    name = found[1] if found else raw
    return reader.pool.once(("aws roles by name",), lambda: _roles(reader)).get(name)


def _roles(reader: Reader) -> dict[str, Resource]:
    """The first role of each name."""
    named = ((r.values.get("name"), r) for r in reversed(reader.pool.of_type("aws_iam_role")))
    return {name: r for name, r in named if isinstance(name, str)}


def _attached(reader: Reader) -> tuple[Statement | Unknown, ...]:
    out: list[Statement | Unknown] = []
    inline = reader.blocks("inline_policy")
    if isinstance(inline, Unknown):
        out.append(inline)
    else:
        out += [s for b in inline for s in _each(statements_of(reader, b.get("policy")))]
    managed = reader.at("managed_policy_arns")
    for arn in managed if isinstance(managed, list) else [managed] if managed is not None else []:
        out += _each(managed_statements(reader, arn))
    for native, by, at in (
        ("aws_iam_role_policy", "role", "policy"),
        ("aws_iam_role_policy_attachment", "role", "policy_arn"),
        ("aws_iam_policy_attachment", "roles", "policy_arn"),
    ):
        found = reader.satellites(native, by)
        for r in found.found:
            inside, value = reader.reading(r), r.values.get(at)
            out += _each(statements_of(inside, value) if at == "policy" else managed_statements(inside, value))
        if found.doubt is not None:
            out.append(found.doubt)
    return tuple(out)


def _each(policy: Policy) -> tuple[Statement | Unknown, ...]:
    if isinstance(policy, Unknown):
        return (policy,)
    return policy or ()


def managed_statements(reader: Reader, raw: object) -> Policy:
    """The statements of a policy given by ARN or link. AWS's own, beyond the widest, are named and not spelled out."""
    raw = reader.open(raw)
    if isinstance(raw, Link):
        return _linked(reader, raw)
    doubt = undecided(raw)
    if doubt is not None or raw is None:
        return doubt
    found = _MANAGED.match(str(raw))
    if found is None:
        return Unknown(GapCode.UNDECIDED, f"the policy {raw} is not in these files")
    return (_WHOLE.get(found[1]) or Statement("allow", actions=(f"policy:{found[1].lower()}",), sid=found[1]),)


def _linked(reader: Reader, link: Link) -> Policy:
    target = reader.follow(link)
    if target is None:
        return Unknown(GapCode.UNDECIDED, f"the policy {link} is not in these files")
    if target.native == "aws_iam_policy":
        return statements_of(reader.reading(target), target.values.get("policy"))
    named = target.values.get("arn") or target.values.get("name")
    if target.native == "data.aws_iam_policy" and isinstance(named, str) and undecided(named) is None:
        arn = named if named.startswith("arn:") else f"arn:aws:iam::aws:policy/{named}"
        return managed_statements(reader, arn)
    return Unknown(GapCode.UNDECIDED, f"the policy is looked up by {link}")


def runs_as(path: str) -> Row:
    """A row for what the role at a path may do; nothing that names no role carries it."""

    def read(r: Reader) -> Value | Inapplicable:
        found = role_statements(r, r.at(path))
        return INAPPLICABLE if found is None else found

    return Row("identity.statements", read)
