"""Findings as JSON text, built from pieces that are encoded once: per check, per asset, per fact.

A finding is one of tens of thousands, and all but a few of its parts are shared with its neighbours.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from strongroom.assess import prose
from strongroom.assess.reports._people import by_fingerprint, exception_json
from strongroom.assess.reports._shared import asset_of, by_id, elsewhere
from strongroom.model.codes import FindingCode, Status
from strongroom.model.control import Assessment, Finding, Fix
from strongroom.model.estate import SCHEMA, Asset, Fact
from strongroom.model.people import RiskException
from strongroom.model.ports import Catalogue, Check
from strongroom.model.values import Key, NetRule, Statement, Unknown, Value, Where

Json = bool | int | float | str | None | list["Json"] | dict[str, "Json"]
"""What a JSON document can hold."""

TO_FIX = frozenset({Status.FAIL, Status.ACCEPTED})

_encoder = msgspec.json.Encoder()
_SURROGATE = re.compile("[\ud800-\udfff]")
# A terminal obeys C1 and DEL like escape sequences, and bidirectional marks reorder what is read: JSON can spell them.
_SPELLED = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def encode(value: Json) -> str:
    """Compact JSON in which no character acts on the terminal that shows it; nothing is lost but lone surrogates."""
    try:
        text = _encoder.encode(value).decode()
    except UnicodeEncodeError:
        text = _encoder.encode(_encodable(value)).decode()
    if text.isascii() and "\x7f" not in text:
        return text
    return _SPELLED.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def _encodable(value: Json) -> Json:
    # A file name that is not UTF-8 reaches us with lone surrogates, which no JSON text can carry.
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_encodable(v) for v in value]
    if isinstance(value, dict):
        return {_SURROGATE.sub("\ufffd", k): _encodable(v) for k, v in value.items()}
    return value


def value_json(value: Value) -> Json:
    """A fact's value; what is not known is `{"unknown": {"code", "detail"}}` and never null."""
    if isinstance(value, Unknown):
        return {"unknown": {"code": value.code.value, "detail": value.detail}}
    if isinstance(value, tuple):
        return [value_json(v) for v in value]
    if isinstance(value, Key):
        return {"type": "key", "tech": value.tech, "name": value.name}
    if isinstance(value, NetRule):
        return _rule_json(value)
    if isinstance(value, Statement):
        return _statement_json(value)
    return value


def _rule_json(rule: NetRule) -> Json:
    return {
        "type": "net-rule",
        "direction": rule.direction,
        "action": rule.action,
        "protocol": rule.protocol,
        "from_port": rule.from_port,
        "to_port": rule.to_port,
        "peers": [value_json(p) for p in rule.peers],
        "groups": list(rule.groups),
        "priority": rule.priority,
    }


def _statement_json(s: Statement) -> Json:
    return {
        "type": "statement",
        "sid": s.sid,
        "effect": s.effect,
        "principals": list(s.principals),
        "not_principals": list(s.not_principals),
        "actions": list(s.actions),
        "not_actions": list(s.not_actions),
        "resources": list(s.resources),
        "not_resources": list(s.not_resources),
        "conditions": [{"operator": c.operator, "key": c.key, "values": list(c.values)} for c in s.conditions],
    }


def where_json(where: Where | None) -> Json:
    """A place; `null` for what stands nowhere in particular. A line that is not known is left out, never 0."""
    if where is None:
        return None
    out: dict[str, Json] = {"file": where.file}
    if where.line_start:
        out["line_start"] = where.line_start
        out["line_end"] = where.line_end or where.line_start
    if where.path:
        out["path"] = where.path
    if where.called_from:
        out["called_from"] = where.called_from
    return out


def fact_json(fact: Fact) -> Json:
    """A fact as evidence. A sensitive value is null and marked; `shown` puts a structured value in words."""
    hidden = fact.sensitive and not isinstance(fact.value, Unknown)
    out: dict[str, Json] = {"name": fact.name, "value": None if hidden else value_json(fact.value)}
    if hidden:
        out["sensitive"] = True
    elif isinstance(fact.value, tuple | Key | NetRule | Statement):
        out["shown"] = prose.show(fact)
    if fact.default_of:
        out["default_of"] = fact.default_of
    if fact.where is not None:
        out["where"] = where_json(fact.where)
    return out


def asset_json(asset: Asset) -> dict[str, Json]:
    """What tells an asset from others, without its facts."""
    return {
        "id": asset.id,
        "kind": asset.kind.value,
        "address": asset.address,
        "native_type": asset.native_type,
        "provider": asset.provider,
        "name": asset.name,
    }


def fix_json(fix: Fix, native_type: str) -> Json:
    """How to close a finding on an asset of this type."""
    snippet = "\n\n".join(lines for _, lines in prose.snippets(fix, (native_type,)))
    parts = {"text": fix.text, "snippet": snippet, "command": fix.command, "verify": fix.verify}
    return {name: text for name, text in (parts | {"effort": fix.effort.value}).items() if text}


class _Pieces:
    """The parts of a line that only the check decides."""

    def __init__(self, check_id: str, control: str, check: Check | None, title: str) -> None:
        self.head = f'{{"schema":{encode(SCHEMA)},"control":{encode(control)},"check":{encode(check_id)},"status":"'
        self._check = check
        self._elsewhere: dict[bool, str] = {}
        self.title = f'","title":{encode(title)}'
        self.holds = encode(prose.lower_first(title))
        self._fix = check.fix if check else None
        self._tails: dict[str, str] = {}

    def elsewhere(self, asset: Asset) -> str:
        """What other tools call the question, and the place for the asset."""
        of_template = asset.native_type.startswith("AWS::")
        known = self._elsewhere.get(of_template)
        if known is None:
            same: list[Json] = [*elsewhere(self._check, asset)] if self._check else []
            known = self._elsewhere[of_template] = f',"equivalents":{encode(same)},"asset":'
        return known

    def tail(self, native_type: str) -> str:
        """The end of a line with something to do: the fix, in the words of the asset's type."""
        if self._fix is None:
            return "}\n"
        known = self._tails.get(native_type)
        if known is None:
            known = self._tails[native_type] = f',"fix":{encode(fix_json(self._fix, native_type))}}}\n'
        return known


class _Lines:
    """Writes findings one after another; neighbours speak of the same asset, so its parts are kept until it changes."""

    def __init__(
        self,
        catalogue: Catalogue,
        assets: Mapping[str, Asset],
        said: Mapping[str, tuple[str, RiskException]],
    ) -> None:
        self._catalogue = catalogue
        self._assets = assets
        self._said = {fingerprint: f',"exception":{encode(exception_json(*of))}' for fingerprint, of in said.items()}
        self._checks: dict[str, _Pieces] = {}
        self._asset = ""
        self._asset_piece = ""
        self._seen = asset_of(assets, "")
        self._where: Where | None = None
        self._where_piece = ""
        self._facts: dict[int, str] = {}

    def _pieces(self, f: Finding) -> _Pieces:
        known = self._checks.get(f.check)
        if known is None:
            check = self._catalogue.checks.get(f.check)
            known = self._checks[f.check] = _Pieces(f.check, f.control, check, prose.title(f.check, self._catalogue))
        return known

    def _turn_to(self, f: Finding) -> None:
        asset = asset_of(self._assets, f.asset)
        self._asset = f.asset
        self._asset_piece = encode(dict(asset_json(asset)))
        self._seen = asset
        self._where_piece = ""
        self._facts = {}

    def _place(self, where: Where | None) -> str:
        if not self._where_piece or where is not self._where:
            self._where = where
            self._where_piece = f',"where":{encode(where_json(where))},"facts":['
        return self._where_piece

    def _fact(self, fact: Fact) -> str:
        known = self._facts.get(id(fact))
        if known is None:
            known = self._facts[id(fact)] = encode(fact_json(fact))
        return known

    def line(self, f: Finding) -> str:
        """One finding as one line."""
        pieces = self._pieces(f)
        if f.asset != self._asset or not self._asset_piece:
            self._turn_to(f)
        because = pieces.holds if f.code is FindingCode.HOLDS else encode(prose.because(f, self._catalogue))
        facts = ",".join([self._fact(fact) for fact in f.facts])
        tail = pieces.tail(self._seen.native_type) if f.status in TO_FIX else "}\n"
        return (
            f'{pieces.head}{f.status.value}","severity":"{f.severity.value}","because":{because}{pieces.elsewhere(self._seen)}'
            f'{self._asset_piece}{self._place(f.where)}{facts}],"fingerprint":"{f.fingerprint}{pieces.title}'
            f"{self._said.get(f.fingerprint, '')}{tail}"
        )


def finding_lines(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """Every finding as one JSON text that ends in a line feed, in the order of the assessment."""
    lines = _Lines(catalogue, by_id(assessment), by_fingerprint(assessment))
    for f in assessment.findings:
        yield lines.line(f)
