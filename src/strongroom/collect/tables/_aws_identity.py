"""What an identity carries: its inline policies, and the policies that are attached to it by name."""

from collections.abc import Iterator

from strongroom.collect.native import INAPPLICABLE, Inapplicable, Reader, Row
from strongroom.collect.resource import Link, undecided
from strongroom.collect.tables._aws import Policy, statements_of
from strongroom.model.codes import GapCode
from strongroom.model.values import Statement, Unknown, Value

MANAGED = "arn:aws:iam::aws:policy/"


def inline(reader: Reader) -> Policy | Inapplicable:
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


def policy_name(reader: Reader, raw: object) -> str | Unknown:
    """The ARN of an attached policy; one looked up by name is written as the ARN of AWS's own of that name."""
    if isinstance(raw, Link):
        target = reader.follow(raw)
        if target is None:
            return Unknown(GapCode.UNDECIDED, f"the policy is set by {raw}") if "data." in raw.address else str(raw)
        if target.native != "data.aws_iam_policy":
            return str(raw)
        inside = reader.reading(target)
        if inside.at("arn") is not None:
            return policy_name(inside, inside.at("arn"))
        named = inside.text("name")
        if isinstance(named, str):
            return MANAGED + named
        return named or Unknown(GapCode.UNDECIDED, f"the policy is looked up by {raw}")
    doubt = undecided(raw)
    if doubt is None:
        return str(raw)
    known = str(raw)
    return known if isinstance(raw, str) and ":policy/" in known and "${" not in known.split(":policy/")[1] else doubt


def attached(path: str) -> Row:
    """A row for the policies that are attached by the ARNs at a path."""

    def read(reader: Reader) -> Value:
        return tuple(policy_name(reader, raw) for raw in _arns(reader, path))

    return Row("policy.attached", read)
