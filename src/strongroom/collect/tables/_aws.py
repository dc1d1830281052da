"""What every AWS table shares: whose key it is, and what a policy says, however the two are written."""

import re
from collections.abc import Mapping, Sequence

from strongroom.collect.native import INAPPLICABLE, Default, Inapplicable, Reader, Row
from strongroom.collect.resource import Link, Resource, undecided
from strongroom.kit.iam import parse
from strongroom.kit.marks import sensitive
from strongroom.model.codes import GapCode
from strongroom.model.values import Condition, Key, Statement, Unknown, Value

Policy = tuple[Statement | Unknown, ...] | Unknown | None
"""The statements of a policy; a statement that is not known is an `Unknown` among the others."""

_MANAGED = re.compile(r"(^|:)alias/aws/")
_OWNED = re.compile(r":(?:key/|alias/[\w-])")  # a key's ARN or alias of which account and region may still be open
_ONE_LINK = re.compile(r"\$\{([\w.\[\]\"/-]+)\}")
_KEY_LOOKUPS = {"data.aws_kms_alias": "name", "data.aws_kms_key": "key_id"}
_DOCUMENT = "data.aws_iam_policy_document"
_TELLING = frozenset({"tier", "artifact", "sensitivity"})
_DEEPEST = 8  # documents that include documents: deeper than anybody writes, and a ring ends too


def aws_key(fact: str, path: str, default: Default | None = None) -> Row:
    """A row for whose key encrypts: `alias/aws/*` is the provider's, any other key the customer's."""
    return Row(fact, lambda r: key_of(r, r.at(path)), default)


def key_of(reader: Reader, raw: object) -> Key | Unknown | None:
    """The key behind a key id, ARN, alias or link. None when there is none.

    Source: AWS KMS Developer Guide, "Aliases": names that begin with `alias/aws/` are reserved for AWS managed keys.
    """
    raw = reader.open(raw)
    if isinstance(raw, Link):
        return _linked_key(reader, raw)
    if raw is None or isinstance(raw, Unknown):
        return raw
    text = str(raw).strip()
    if not text:
        return None
    if _MANAGED.search(text):
        return Key("provider", text)
    one = _ONE_LINK.fullmatch(text)
    if one is not None:
        return _linked_key(reader, Link(one[1]))
    doubt = undecided(text)
    if doubt is not None and not _OWNED.search(text):
        return doubt
    return Key("cmk", text)


def _linked_key(reader: Reader, link: Link) -> Key | Unknown:
    target = reader.follow(link)
    if target is None:
        if ".data." in f".{link.address}":
            return Unknown(GapCode.UNDECIDED, f"it is looked up by {link}")
        return Key("cmk", str(link))
    if target.scheme == "cloudformation" and not target.type.startswith("aws_kms_"):
        return Unknown(GapCode.UNDECIDED, f"it is set by {link}, which is no key")
    if target.mode != "data":
        return Key("cmk", str(link))
    named = _KEY_LOOKUPS.get(target.native)
    if named is None:
        return Unknown(GapCode.UNDECIDED, f"it is looked up by {link}")
    found = key_of(reader, target.values.get(named))
    if isinstance(found, Key):
        return Key(found.tech, str(link))
    return found if found is not None else Unknown(GapCode.UNDECIDED, f"{link} names no key")


def statements(reader: Reader, path: str) -> Policy:
    """The statements of the policy document at a path: JSON text, `jsonencode`, or a policy document's data block."""
    return statements_of(reader, reader.at(path))


def statements_of(reader: Reader, raw: object, depth: int = 0) -> Policy:
    """The statements of a policy document, given as whatever the configuration holds; None when there is none."""
    raw = reader.open(raw)
    if raw is None or isinstance(raw, Unknown):
        return raw
    if isinstance(raw, str):
        one = _ONE_LINK.fullmatch(raw.strip())
        if one is None:
            return parse(raw)
        raw = Link(one[1])
    if isinstance(raw, Link):
        return _linked_statements(reader, raw, depth)
    return parse(_settled(reader, raw))


def _linked_statements(reader: Reader, link: Link, depth: int) -> Policy:
    target = reader.follow(link)
    if target is None or depth > _DEEPEST:
        return Unknown(GapCode.UNDECIDED, f"the policy is set by {link}")
    inside = reader.reading(target)
    if target.native == _DOCUMENT:
        return _document(inside, target, depth + 1)
    for name in ("policy", "json", "rendered", "content"):
        if target.values.get(name) is not None and link.attribute in ("", name):
            return statements_of(inside, target.values[name], depth + 1)
    return Unknown(GapCode.UNDECIDED, f"the policy is set by {link}")


def _document(reader: Reader, document: Resource, depth: int) -> tuple[Statement | Unknown, ...]:
    """The statements of an `aws_iam_policy_document`: sources, then its own, then overrides; a later sid wins."""
    merged: list[Statement | Unknown] = []
    for name in ("source_json", "source_policy_documents"):
        _merge(merged, _included(reader, document.values.get(name), depth))
    own = reader.blocks("statement")
    _merge(merged, (own,) if isinstance(own, Unknown) else tuple(_statement(reader, b) for b in own))
    for name in ("override_json", "override_policy_documents"):
        _merge(merged, _included(reader, document.values.get(name), depth))
    return tuple(merged)


def _included(reader: Reader, raw: object, depth: int) -> tuple[Statement | Unknown, ...]:
    raw = reader.open(raw)
    many = raw if isinstance(raw, Sequence) and not isinstance(raw, str) else [raw]
    out: list[Statement | Unknown] = []
    for one in many:
        found = statements_of(reader, one, depth)
        out += [found] if isinstance(found, Unknown) else found or ()
    return tuple(out)


def _merge(into: list[Statement | Unknown], more: Sequence[Statement | Unknown]) -> None:
    for s in more:
        sid = s.sid if isinstance(s, Statement) else ""
        at = next((i for i, t in enumerate(into) if sid and isinstance(t, Statement) and t.sid == sid), None)
        if at is None:
            into.append(s)
        else:
            into[at] = s


def _statement(reader: Reader, block: Mapping[str, object]) -> Statement | Unknown:
    effect = reader.text("effect", block)
    if isinstance(effect, Unknown):
        return effect
    principals = _principals(reader, block, "principals")
    not_principals = _principals(reader, block, "not_principals")
    conditions = reader.blocks("condition", block)
    for part in (principals, not_principals, conditions):
        if isinstance(part, Unknown):
            return part
    assert not isinstance(conditions, Unknown)
    assert not isinstance(principals, Unknown)
    assert not isinstance(not_principals, Unknown)
    sid = reader.text("sid", block)
    return Statement(
        effect=(effect or "Allow").lower(),
        principals=principals,
        not_principals=not_principals,
        actions=tuple(a if undecided(a) else a.lower() for a in _words(reader, block.get("actions"))),
        not_actions=tuple(a if undecided(a) else a.lower() for a in _words(reader, block.get("not_actions"))),
        resources=_words(reader, block.get("resources")),
        not_resources=_words(reader, block.get("not_resources")),
        conditions=tuple(_condition(reader, c) for c in conditions),
        sid=sid if isinstance(sid, str) else "",
    )


def _principals(reader: Reader, block: Mapping[str, object], name: str) -> tuple[str, ...] | Unknown:
    found = reader.blocks(name, block)
    if isinstance(found, Unknown):
        return found
    out: list[str] = []
    for p in found:
        kind = reader.text("type", p)
        if isinstance(kind, Unknown):
            return kind
        names = _words(reader, p.get("identifiers"))
        out += ["*" if n == "*" and kind in ("*", "AWS") else f"{kind}:{n}" for n in names]
    return tuple(out)


def _condition(reader: Reader, block: Mapping[str, object]) -> Condition:
    test, variable = (_word(reader.open(block.get(n))) for n in ("test", "variable"))
    return Condition(test, variable.lower(), _words(reader, block.get("values")))


def _words(reader: Reader, raw: object) -> tuple[str, ...]:
    """A list of texts in which `${…}` stands for what is not known, so that the rest can still be judged."""
    raw = reader.open(raw)
    if raw is None:
        return ()
    if isinstance(raw, Sequence) and not isinstance(raw, str):
        return tuple(_word(reader.open(v)) for v in raw)
    return (_word(raw),)


def _word(raw: object) -> str:
    if isinstance(raw, Link):
        return f"${{{raw}}}"
    if isinstance(raw, Unknown):
        return f"${{{raw.detail.replace('}', ')')}}}"
    # In a policy document's data block `&{aws:username}` writes IAM's own `${aws:username}`.
    return "" if raw is None else str(raw).replace("&{", "${")


def _settled(reader: Reader, raw: object) -> object:
    """A policy given as an object, with texts where it holds links and unknowns."""
    raw = reader.open(raw)
    if isinstance(raw, Link | Unknown):
        return _word(raw)
    if isinstance(raw, Mapping):
        return {str(k): _settled(reader, v) for k, v in raw.items()}
    if isinstance(raw, Sequence) and not isinstance(raw, str):
        return [_settled(reader, v) for v in raw]
    return raw


def satellite_statements(reader: Reader, native: str, by: str, path: str = "policy") -> Policy:
    """The statements of the policy blocks that are attached to this resource; None when there is no such block."""
    key = ("attached statements", reader.resource.id, native, by, path)
    found, sensitive_too = reader.pool.once(
        key, lambda: _attached(Reader(reader.resource, reader.pool), native, by, path)
    )
    if sensitive_too:
        reader.touch()
    return found


def _attached(reader: Reader, native: str, by: str, path: str) -> tuple[Policy, bool]:
    """The attached statements, and whether a sensitive value is in them."""
    attached = reader.satellites(native, by)
    out: list[Statement | Unknown] = []
    for r in attached.found:
        found = statements_of(reader.reading(r), r.values.get(path))
        out += [found] if isinstance(found, Unknown) else found or ()
    if attached.doubt is not None:
        out.append(attached.doubt)
    return tuple(out) if out or attached.found else None, reader.touched


def marked(reader: Reader) -> bool | Unknown | None:
    """Whether its tags mark it as sensitive; None when they say nothing, Unknown when the telling tag has no value."""
    tags = reader.at("tags")
    if tags is None:
        return None
    if not isinstance(tags, Mapping):
        return undecided(tags)
    known = {str(k): reader.open(v) for k, v in tags.items()}
    said = sensitive({k: str(v) for k, v in known.items() if undecided(v) is None})
    if said:
        return True
    return next((d for k, v in known.items() if k.lower() in _TELLING and (d := undecided(v))), said)


def _sensitive(reader: Reader) -> Value | Inapplicable:
    found = marked(reader)
    return found if found is True or isinstance(found, Unknown) else INAPPLICABLE


SENSITIVE = Row("sensitive", _sensitive)
"""A row that only what is marked as sensitive carries, so that a check can ask for it."""


def service(name: str) -> Row:
    """A row that says which service of AWS it is of, so that a check of that service's ways finds its own."""
    return Row("aws.service", lambda _: name)
