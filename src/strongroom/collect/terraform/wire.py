"""How values cross the fence: plain JSON with three tagged objects for what JSON cannot say."""

from collections.abc import Mapping, Sequence

from strongroom.collect.resource import Link, Resource, Sensitive
from strongroom.model.codes import GapCode
from strongroom.model.estate import Gap, Skip
from strongroom.model.values import Unknown, Where

_UNKNOWN, _LINK, _SENSITIVE = "$unknown", "$link", "$sensitive"


def encode(value: object) -> object:
    """A neutral value as JSON."""
    if isinstance(value, Unknown):
        return {_UNKNOWN: [value.code.value, value.detail]}
    if isinstance(value, Link):
        return {_LINK: [value.address, value.attribute]}
    if isinstance(value, Sensitive):
        return {_SENSITIVE: encode(value.value)}
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [encode(v) for v in value]
    return value


def decode(value: object) -> object:
    """The value that `encode` was given."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            tag, body = next(iter(value.items()))
            if tag == _UNKNOWN and isinstance(body, list):
                return Unknown(GapCode(body[0]), str(body[1]))
            if tag == _LINK and isinstance(body, list):
                return Link(str(body[0]), str(body[1]))
            if tag == _SENSITIVE:
                return Sensitive(decode(body))
        return {str(k): decode(v) for k, v in value.items()}
    if isinstance(value, list):
        return [decode(v) for v in value]
    return value


def encode_resource(r: Resource) -> dict[str, object]:
    """A resource as one JSON object."""
    w = r.where
    return {
        "resource": r.address,
        "type": r.type,
        "name": r.name,
        "mode": r.mode,
        "module": r.module,
        "values": encode(r.values),
        "where": [w.file, w.line_start, w.line_end, w.called_from],
        "depends": list(r.depends),
        "label": r.label,
        "skips": [[s.check, s.reason, s.where.line_start if s.where else 0] for s in r.skips],
    }


def decode_resource(raw: Mapping[str, object]) -> Resource:
    """The resource that `encode_resource` was given."""
    where, values, depends, skips = raw["where"], decode(raw["values"]), raw["depends"], raw["skips"]
    assert isinstance(where, list)
    assert isinstance(values, dict)
    assert isinstance(depends, list)
    assert isinstance(skips, list)
    file = str(where[0])
    return Resource(
        address=str(raw["resource"]),
        type=str(raw["type"]),
        name=str(raw["name"]),
        mode=str(raw["mode"]),
        module=str(raw["module"]),
        values=values,
        where=Where(str(where[0]), int(where[1]), int(where[2]), called_from=str(where[3])),
        depends=tuple(str(d) for d in depends),
        label=str(raw["label"]),
        skips=tuple(Skip(str(c), str(why), Where(file, int(line), int(line))) for c, why, line in skips),
    )


def encode_gap(scope: str, code: GapCode, detail: str, file: str = "", line: int = 0) -> dict[str, object]:
    """A gap as one JSON object."""
    return {"gap": scope, "code": code.value, "detail": detail, "file": file, "line": line}


def decode_gap(raw: Mapping[str, object], source: str) -> Gap:
    """The gap that `encode_gap` was given, in the name of a source."""
    file, line = str(raw["file"]), int(str(raw["line"]))
    where = Where(file, line, line) if file else None
    return Gap(str(raw["gap"]), source, GapCode(str(raw["code"])), str(raw["detail"]), where)
