"""What the functions of a template come to.

Source: AWS CloudFormation Template Reference, "Intrinsic functions"; the last four are those of the transform
`AWS::LanguageExtensions`. A function whose argument is not known comes to `Unknown`; a text of which a part is not
known keeps the rest, with `${…}` for the part.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from strongroom.collect.cloudformation.blocks import divided
from strongroom.collect.cloudformation.repeating import Repeats, RepeatsError
from strongroom.collect.cloudformation.scope import MAX_TEXT, NO_VALUE, NoValue, Open, Scope, either
from strongroom.collect.resource import TEMPLATE, Link, Sensitive
from strongroom.kit.kleene import Tri, all_of, any_of, negate
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

MAX_DEPTH = 120
_PIECES = re.compile(r"\$\{([^}]*)\}")
_SECRET = re.compile(r"\{\{resolve:([\w-]+):")
_TRANSFORM = "Fn::Transform"


def unknown(detail: str, code: GapCode = GapCode.UNDECIDED) -> Unknown:
    """A value that a function could not come to."""
    return Unknown(code, detail)


def intrinsic(raw: object) -> str:
    """The function that a mapping calls, empty when it calls none."""
    if isinstance(raw, dict) and len(raw) == 1:
        name = next(iter(raw))
        if name == "Ref" or (name.startswith("Fn::") and not name.startswith("Fn::ForEach::")):
            return str(name)
    return ""


@dataclass(slots=True)
class Resolver:
    """Resolves raw values in one scope."""

    scope: Scope
    repeats: Repeats

    def value(self, raw: object, depth: int = 0) -> object:
        """What a raw value comes to; NO_VALUE when it is to be left out."""
        if depth > MAX_DEPTH:
            return unknown("functions are nested too deeply", GapCode.TOO_LARGE)
        if isinstance(raw, str):
            return _stored(raw)
        if isinstance(raw, list):
            items = (self.value(v, depth + 1) for v in raw)
            return [v for v in items if not isinstance(v, NoValue)]
        if not isinstance(raw, dict):
            return raw
        name = intrinsic(raw)
        if name == "Ref":
            return self.scope.reference(raw[name])
        if name:
            call = _FUNCTIONS.get(name)
            return call(self, raw[name], depth + 1) if call else unknown(f"{name} is no function that is understood")
        return self._mapping(raw, depth)

    def _mapping(self, raw: Mapping[str, object], depth: int) -> object:
        why: Unknown | None = None
        if any(k.startswith("Fn::ForEach::") for k in raw):
            try:
                raw = self.repeats.expanded(raw, lambda v: self.value(v, depth + 1))
            except RepeatsError as e:
                why = Unknown(e.code, e.detail)
                raw = {k: v for k, v in raw.items() if not k.startswith("Fn::ForEach::")}
        if _TRANSFORM in raw:
            why = _macro(raw[_TRANSFORM])
        made = {k: self.value(v, depth + 1) for k, v in raw.items() if k != _TRANSFORM}
        known = {k: v for k, v in made.items() if not isinstance(v, NoValue)}
        return known if why is None else Open(known, why)

    def listed(self, raw: object, depth: int) -> list[object] | Unknown:
        """The list that an argument comes to."""
        found = self.value(raw, depth)
        if isinstance(found, list | Unknown):
            return found
        return unknown("a list is wanted, and something else stands there", GapCode.MALFORMED)

    # Conditions

    def condition(self, name: object) -> Tri:
        """Whether a condition of the template holds."""
        scope = self.scope
        if not isinstance(name, str) or name not in scope.conditions:
            if isinstance(name, str):
                scope.missing.add(name)
            return unknown(f"{str(name)[:80]} is no condition of the template", GapCode.MALFORMED)
        if name in scope.decided:
            return scope.decided[name]
        if name in scope.deciding:
            scope.circular.add(name)
            return unknown(f"the condition {name} leads back to itself", GapCode.MALFORMED)
        scope.deciding.add(name)
        answer = self.truth(scope.conditions[name], 0)
        scope.deciding.discard(name)
        scope.decided[name] = answer
        return answer

    def truth(self, raw: object, depth: int) -> Tri:
        """What a function of conditions answers."""
        if depth > MAX_DEPTH:
            return unknown("conditions are nested too deeply", GapCode.TOO_LARGE)
        if not isinstance(raw, dict) or len(raw) != 1:
            return unknown("a condition is no function", GapCode.MALFORMED)
        name, argument = next(iter(raw.items()))
        if name == "Condition":
            return self.condition(argument)
        parts = argument if isinstance(argument, list) else [argument]
        if name == "Fn::Equals":
            return self._equal(parts, depth)
        if name == "Fn::Not" and len(parts) == 1:
            return negate(self.truth(parts[0], depth + 1))
        if name == "Fn::And" and parts:
            return all_of([self.truth(p, depth + 1) for p in parts])
        if name == "Fn::Or" and parts:
            return any_of([self.truth(p, depth + 1) for p in parts])
        return unknown(f"{name[:80]} decides no condition", GapCode.MALFORMED)

    def _equal(self, parts: list[object], depth: int) -> Tri:
        if len(parts) != 2:
            return unknown("Fn::Equals compares two values", GapCode.MALFORMED)
        left, right = (_bare(self.value(p, depth + 1)) for p in parts)
        for one, other, raw in ((left, right, parts[0]), (right, left, parts[1])):
            if not isinstance(one, Unknown):
                continue
            if parts[0] == parts[1]:
                return True
            choices = self._choices(raw)
            said = self.scope.text(other)
            never = choices and isinstance(said, str) and not isinstance(other, Unknown) and "${" not in said
            return False if never and said not in choices else one
        texts = [self.scope.text(v) for v in (left, right)]
        if any(isinstance(t, str) and TEMPLATE.search(t) for t in texts):
            return True if texts[0] == texts[1] else unknown(f"{' and '.join(map(str, texts))[:80]} are compared")
        return texts[0] == texts[1] if None not in texts else left == right

    def _choices(self, raw: object) -> tuple[str, ...]:
        name = raw.get("Ref") if isinstance(raw, dict) else None
        found = self.scope.parameters.get(name) if isinstance(name, str) else None
        return found.choices if found is not None else ()


def _bare(value: object) -> object:
    return value.value if isinstance(value, Sensitive) else value


def _stored(raw: str) -> object:
    """A literal; one that is fetched from a store when the stack is made is not known.

    Source: CloudFormation User Guide, "Get values stored in other services using dynamic references".
    """
    found = _SECRET.match(raw)
    if found and raw.endswith("}}"):
        return unknown(f"it is fetched from {found[1]} when the stack is made")
    return raw


def _macro(raw: object) -> Unknown:
    name = raw.get("Name") if isinstance(raw, dict) else None
    return unknown(f"the macro {str(name)[:60]} makes it", GapCode.NOT_FETCHED)


# Functions


def _get_att(r: Resolver, raw: object, depth: int) -> object:
    if isinstance(raw, str):
        raw = raw.split(".", 1)
    if not isinstance(raw, list) or len(raw) != 2:
        return unknown("Fn::GetAtt takes a resource and an attribute", GapCode.MALFORMED)
    return r.scope.attribute(raw[0], r.value(raw[1], depth))


def _sub(r: Resolver, raw: object, depth: int) -> object:
    text, given = (raw, {}) if isinstance(raw, str) else (None, {})
    if isinstance(raw, list) and len(raw) == 2 and isinstance(raw[0], str) and isinstance(raw[1], dict):
        text, given = raw
    if text is None:
        return unknown("Fn::Sub takes a text, and values for it", GapCode.MALFORMED)
    values = {k: r.value(v, depth) for k, v in given.items()}

    def named(name: str) -> object:
        if name in values:
            return values[name]
        resource, dot, attribute = name.partition(".")
        if dot and name not in r.scope.parameters:
            return r.scope.attribute(resource, attribute)
        return r.scope.reference(name)

    whole = _PIECES.fullmatch(text)
    if whole is not None and not whole[1].startswith("!"):
        found = named(whole[1].strip())
        return unknown("Fn::Sub names nothing", GapCode.MALFORMED) if isinstance(found, NoValue) else found
    pieces: list[object] = []
    at = 0
    for found in _PIECES.finditer(text):
        pieces.append(text[at : found.start()])
        name = found[1].strip()
        pieces.append(f"${{{name[1:]}}}" if name.startswith("!") else named(name))
        at = found.end()
    return _joined(r, [*pieces, text[at:]], "")


def _joined(r: Resolver, pieces: list[object], between: str) -> object:
    """Pieces as one text. A secret piece makes the whole of it secret."""
    out: list[str] = []
    secret, size = False, 0
    for piece in pieces:
        said = r.scope.text(piece)
        if isinstance(said, Sensitive):
            secret, said = True, str(said.value)
        if said is None:
            return unknown("a piece of a text is no text", GapCode.MALFORMED)
        size += len(said) + len(between)
        if size > MAX_TEXT:
            return unknown(f"it is a text of over {MAX_TEXT >> 20} MiB", GapCode.TOO_LARGE)
        out.append(said)
    whole = between.join(out)
    return Sensitive(whole) if secret else _arn(r, whole)


def _arn(r: Resolver, text: str) -> object:
    """An ARN that is put together from a bucket's name is that bucket's ARN."""
    found = re.fullmatch(r"arn:aws[\w-]*:s3:::\$\{([\w.]+)\}", text)
    own = found[1].removeprefix(r.scope.front) if found else ""
    return Link(found[1], "arn") if found and own in r.scope.types else text


def _join(r: Resolver, raw: object, depth: int) -> object:
    if not isinstance(raw, list) or len(raw) != 2 or not isinstance(raw[0], str):
        return unknown("Fn::Join takes a delimiter and a list", GapCode.MALFORMED)
    items = r.listed(raw[1], depth)
    return items if isinstance(items, Unknown) else _joined(r, items, raw[0])


def _select(r: Resolver, raw: object, depth: int) -> object:
    if not isinstance(raw, list) or len(raw) != 2:
        return unknown("Fn::Select takes an index and a list", GapCode.MALFORMED)
    index, items = r.value(raw[0], depth), r.value(raw[1], depth)
    if isinstance(items, Unknown) or isinstance(index, Unknown):
        return items if isinstance(items, Unknown) else index
    at = str(_bare(index))
    if not at.isascii() or not at.isdigit() or len(at) > 6 or not isinstance(items, list):
        return unknown("Fn::Select takes an index and a list", GapCode.MALFORMED)
    return items[int(at)] if int(at) < len(items) else unknown("Fn::Select looks past the end", GapCode.MALFORMED)


def _split(r: Resolver, raw: object, depth: int) -> object:
    if not isinstance(raw, list) or len(raw) != 2 or not isinstance(raw[0], str) or not raw[0]:
        return unknown("Fn::Split takes a delimiter and a text", GapCode.MALFORMED)
    source = r.value(raw[1], depth)
    said = r.scope.text(source)
    if isinstance(source, Unknown):
        return source
    if isinstance(said, Sensitive):
        return [Sensitive(piece) for piece in str(said.value).split(raw[0])]
    if said is None or TEMPLATE.search(said):
        return unknown(f"the text to split is only partly known: {str(said)[:60]}")
    return said.split(raw[0])


def _find_in_map(r: Resolver, raw: object, depth: int) -> object:
    """A value of a mapping; where a key is not known, the value that every key leads to, if it is one."""
    if not isinstance(raw, list) or not 3 <= len(raw) <= 4:
        return unknown("Fn::FindInMap takes a mapping and two keys", GapCode.MALFORMED)
    name, *keys = (_bare(r.value(k, depth)) for k in raw[:3])
    here: list[object] = [r.scope.mappings.get(name)] if isinstance(name, str) else [*r.scope.mappings.values()]
    doubt = name if isinstance(name, Unknown) else None
    for key in keys:
        said = r.scope.text(key)
        sure = isinstance(said, str) and not isinstance(key, Unknown) and not TEMPLATE.search(said)
        doubt = doubt if sure or doubt else unknown(f"the key {str(said)[:60]} is not known")
        below = [h for h in here if isinstance(h, dict)]
        here = [h[said] for h in below if said in h] if sure else [v for h in below for v in h.values()]
    default = raw[3].get("DefaultValue", NO_VALUE) if len(raw) == 4 and isinstance(raw[3], dict) else NO_VALUE
    if doubt is None and not here and not isinstance(default, NoValue):
        return r.value(default, depth)
    if not here:
        return unknown("the mapping has no such key", GapCode.MALFORMED)
    same = all(h == here[0] for h in here) and (doubt is None or isinstance(default, NoValue))
    return r.value(here[0], depth) if same else doubt


def _if(r: Resolver, raw: object, depth: int) -> object:
    if not isinstance(raw, list) or len(raw) != 3:
        return unknown("Fn::If takes a condition and two values", GapCode.MALFORMED)
    answer = r.condition(raw[0])
    if isinstance(answer, bool):
        return r.value(raw[1] if answer else raw[2], depth)
    why = unknown(f"it hangs on the condition {str(raw[0])[:60]}: {answer.detail[:120]}")
    return either(r.value(raw[1], depth), r.value(raw[2], depth), why)


def _base64(r: Resolver, raw: object, depth: int) -> object:
    """Base64 of a text; of one that is only partly known, the text itself, which its readers take as well."""
    found = r.value(raw, depth)
    said = r.scope.text(found)
    if isinstance(found, Unknown) or said is None:
        return found if isinstance(found, Unknown) else unknown("Fn::Base64 takes a text", GapCode.MALFORMED)
    if isinstance(said, Sensitive):
        return said
    if isinstance(found, Link) or TEMPLATE.search(said):
        return said
    return base64.b64encode(said.encode("utf-8", "surrogatepass")).decode()


def _cidr(r: Resolver, raw: object, depth: int) -> object:
    """Blocks of a block. `cidrBits` are the bits of a host, 8 unless said otherwise."""
    if not isinstance(raw, list) or not 2 <= len(raw) <= 3:
        return unknown("Fn::Cidr takes a block, a count and bits", GapCode.MALFORMED)
    block, *rest = (r.scope.text(r.value(v, depth)) for v in [*raw, 8][:3])
    said = [str(n) for n in rest]
    if not isinstance(block, str) or TEMPLATE.search(block) or not all(n.isascii() and n.isdigit() for n in said):
        return unknown("the block to divide is not known")
    found = divided(block, *(int(n[:6]) for n in said))
    return found or unknown(f"{block[:60]} has no {said[0][:6]} such blocks", GapCode.MALFORMED)


def _import_value(r: Resolver, raw: object, depth: int) -> object:
    name = r.scope.text(r.value(raw, depth))
    shown = name if isinstance(name, str) else "a name that is not known"
    return unknown(f"another stack exports it as {shown[:80]}", GapCode.NOT_FETCHED)


def _get_azs(r: Resolver, raw: object, depth: int) -> object:
    del r, raw, depth
    return unknown("the zones of a region are known when the stack is made")


def _transform(r: Resolver, raw: object, depth: int) -> object:
    del r, depth
    return _macro(raw)


def _truth(name: str) -> "Function":
    def call(r: Resolver, raw: object, depth: int) -> object:
        return r.truth({name: raw}, depth)

    return call


def _length(r: Resolver, raw: object, depth: int) -> object:
    items = r.listed(raw, depth)
    return items if isinstance(items, Unknown) else len(items)


def _to_json(r: Resolver, raw: object, depth: int) -> object:
    found = r.value(raw, depth)
    if isinstance(found, Unknown):
        return found
    secret: list[bool] = []
    said = json.dumps(_settled(r, found, secret), separators=(",", ":"))
    if len(said) > MAX_TEXT:
        return unknown(f"it is a text of over {MAX_TEXT >> 20} MiB", GapCode.TOO_LARGE)
    return Sensitive(said) if secret else said


def _settled(r: Resolver, value: object, secret: list[bool]) -> object:
    if isinstance(value, Sensitive):
        secret.append(True)
        return _settled(r, value.value, secret)
    if isinstance(value, dict):
        return {k: _settled(r, v, secret) for k, v in value.items()}
    if isinstance(value, list):
        return [_settled(r, v, secret) for v in value]
    return r.scope.text(value) if isinstance(value, Link | Unknown) else value


Function = Callable[[Resolver, object, int], object]

_FUNCTIONS: Mapping[str, Function] = {
    "Fn::And": _truth("Fn::And"),
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::Equals": _truth("Fn::Equals"),
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _get_azs,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Length": _length,
    "Fn::Not": _truth("Fn::Not"),
    "Fn::Or": _truth("Fn::Or"),
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Fn::ToJsonString": _to_json,
    "Fn::Transform": _transform,
}
