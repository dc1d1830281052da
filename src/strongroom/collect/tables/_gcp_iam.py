"""Google Cloud IAM grants: `*_iam_member`, `*_iam_binding` and `*_iam_policy`, on whatever they are made.

A grant becomes an allow statement whose principals are members and whose actions are roles.
Source: https://cloud.google.com/iam/docs/reference/rest/v1/Policy.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from strongroom.collect.native import INAPPLICABLE, Inapplicable, Native, Reader, Row
from strongroom.collect.resource import Link, Resource, pick, undecided
from strongroom.collect.tables._gcp import service
from strongroom.kit.gcp_iam import is_public
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Statement, Unknown, Value

Grants = tuple[Statement | Unknown, ...]
FORMS = ("member", "binding", "policy")

_KNOWN_PREFIX = re.compile(
    r"(user|serviceAccount|group|domain|principal|principalSet|projectOwner|projectEditor|projectViewer|deleted):"
)
_ACCOUNTS = re.compile(r"(^|\.)google_(service_account|project_service_identity)\.|service_account\.")


def member_of(raw: object) -> str | Unknown:
    """A member as text. An address that is not known yet still tells whose kind it is, so that it is nobody public."""
    if isinstance(raw, Link):
        if raw.attribute == "member" or _ACCOUNTS.search(raw.address):
            return f"serviceAccount:${{{raw}}}"
        return Unknown(GapCode.UNDECIDED, f"a member is set by {raw}")
    if isinstance(raw, str):
        text = raw.strip()
        doubt = undecided(text)
        return text if doubt is None or _KNOWN_PREFIX.match(text) else doubt
    return raw if isinstance(raw, Unknown) else Unknown(GapCode.MALFORMED, "a member is not a text")


def grants_of(r: Reader) -> Grants:
    """What one IAM resource grants, whichever of the three forms it has."""
    if r.resource.type.endswith("_iam_policy"):
        return tuple(_policy(r))
    raw = r.at("members") if r.resource.type.endswith("_iam_binding") else r.at("member")
    return tuple(_binding(r, r.at("role"), raw))


def _policy(r: Reader) -> Iterator[Statement | Unknown]:
    raw = r.at("policy_data")
    document = r.follow(raw)
    if document is not None and document.native == "data.google_iam_policy":
        inside = r.reading(document)
        yield from _bindings(inside, inside.blocks("binding"))
    elif isinstance(raw, str) and undecided(raw) is None:
        yield from _bindings(r, _parsed(raw))
    else:
        yield undecided(raw) or Unknown(GapCode.ABSENT, "the policy has no policy_data")


def _parsed(text: str) -> Sequence[object] | Unknown:
    try:
        document = json.loads(text)
    except ValueError:
        return Unknown(GapCode.MALFORMED, "the policy is not JSON")
    found = document.get("bindings", ()) if isinstance(document, Mapping) else None
    return (
        found if isinstance(found, list | tuple) else Unknown(GapCode.MALFORMED, "the policy has no list of bindings")
    )


def _bindings(r: Reader, found: Sequence[object] | Unknown) -> Iterator[Statement | Unknown]:
    if isinstance(found, Unknown):
        yield found
        return
    for b in found:
        if isinstance(b, Mapping):
            yield from _binding(r, b.get("role"), b.get("members"))


def _binding(r: Reader, raw_role: object, raw_members: object) -> Iterator[Statement | Unknown]:
    """One statement for the members that are known, and an unknown for each that is not."""
    role = r.open(raw_role)
    raw = r.open(raw_members)
    listed = raw if isinstance(raw, list | tuple) else [] if raw is None else [raw]
    members = [member_of(r.open(m)) for m in listed]
    known = tuple(m for m in members if isinstance(m, str))
    name = role if isinstance(role, str) and undecided(role) is None else _named(role)
    if known or not members:
        yield Statement("allow", known, actions=(name,))
    yield from (m for m in members if isinstance(m, Unknown))


def _named(role: object) -> str:
    """A role that another block supplies, by that block's address."""
    return f"${{{role.address}}}" if isinstance(role, Link) else "${role}"


def _when(r: Reader) -> Value | Inapplicable:
    """The conditions of a grant, in CEL; of a whole policy all that stand in it."""
    blocks = r.blocks("condition")
    if isinstance(blocks, Unknown):
        return blocks
    said = [r.text("expression", b) for b in blocks]
    if r.resource.type.endswith("_iam_policy"):
        document = r.follow(r.at("policy_data"))
        inside = r.reading(document) if document is not None else r
        bindings = inside.blocks("binding") if document is not None else _parsed(str(r.at("policy_data")))
        listed = () if isinstance(bindings, Unknown) else bindings
        said = [inside.text("condition.expression", b) for b in listed if isinstance(b, Mapping)]
    found = tuple(s for s in said if s is not None)
    return found or INAPPLICABLE


def grants_on(r: Reader, stem: str, by: str, *names: str) -> Grants:
    """What the IAM resources `STEM_iam_*` grant on this resource: found by link, by name, or by one of `names`."""
    out: list[Statement | Unknown] = []
    for form in FORMS:
        native = f"{stem}_iam_{form}"
        for s in _satellites(r, native, by, names):
            out += grants_of(r.reading(s))
        for s in _nobody_knows_whose(r, native, by):
            out += _doubtful(r, s, by)
    return tuple(out)


def _satellites(r: Reader, native: str, by: str, names: Iterable[str]) -> Iterator[Resource]:
    """Those that link to the resource or give its name, and those that give a path which ends in one of `names`."""
    found = {id(s): s for s in r.satellites(native, by).found}
    for name in names:
        found |= {id(s): s for s in r.pool.by_tail(native, by, name) if s.label == r.resource.label}
    yield from found.values()


def _nobody_knows_whose(r: Reader, native: str, by: str) -> Iterator[Resource]:
    if r.satellites(native, by).doubt is None:
        return
    for s in r.pool.of_type(native):
        target = pick(s.values, by)
        if not isinstance(target, Link) and undecided(target) is not None:
            yield s


def _doubtful(r: Reader, other: Resource, by: str) -> Iterator[Unknown]:
    """A grant that may be on this resource counts only where it would change something: where it is to the public."""
    for g in grants_of(r.reading(other)):
        if isinstance(g, Unknown) or any(is_public(m) for m in g.principals):
            yield Unknown(GapCode.UNDECIDED, f"{other.address} may belong to it: its {by} is not known")


def public_members(grants: Iterable[Statement | Unknown]) -> tuple[str | Unknown, ...]:
    """The public members among the grants, with the role that they hold, and what is not known."""
    out: list[str | Unknown] = []
    for g in grants:
        if isinstance(g, Unknown):
            out.append(g)
        else:
            out += [f"{m} as {', '.join(g.actions)}" for m in g.principals if is_public(m)]
    return tuple(out)


def grant_natives(stem: str, place: str, of: str, *forms: str) -> tuple[Native, ...]:
    """The IAM resources of a parent type. `place` is the fact that says what they grant on, `of` names the parent."""
    return tuple(
        Native(
            type=f"{stem}_iam_{form}",
            kind=Kind.GRANT,
            provider="gcp",
            rows=(
                service("iam"),
                Row("grant.roles", grants_of),
                Row("grant.when", _when),
                Row(place, _target(stem, of)),
            ),
            name_at=("role",),
            refs=((of, of),),
        )
        for form in forms or FORMS
    )


def _target(stem: str, of: str) -> Callable[[Reader], str]:
    """What is granted on: its address or name, or its type where neither is known."""

    def read(r: Reader) -> str:
        raw = r.at(of)
        if isinstance(raw, Link):
            return raw.address
        return raw if isinstance(raw, str) and raw and undecided(raw) is None else stem.removeprefix("google_")

    return read
