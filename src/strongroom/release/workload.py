"""What the judge of releases is told of an appraisal: identity, measurements, and the key that it vouches for."""

from collections.abc import Iterator

from strongroom.model.attest import Appraisal, EvidenceKind, Reference, ReferenceValues
from strongroom.model.release import Workload

_DEVICES = frozenset({"nvidia", "nvswitch"})


def of(appraisal: Appraisal, record: str, references: ReferenceValues) -> Workload:
    """The workload of a node's appraisal. `record` is the digest of the record that it can be made again from.

    The registers of its root of trust have their own names (`measurement`, `pcr9`), those of other members their
    member's name before them (`gpus.…`). Evidence that was refused vouches for no key.
    """
    members = appraisal.parts if appraisal.kind is EvidenceKind.COMPOSITE else (appraisal,)
    root = next((m for m in members if m.kind.value not in _DEVICES), appraisal)
    matched = tuple(r for m in members for r in _matched(m, references))
    return Workload(
        record=record,
        kind=root.kind,
        tier=appraisal.tier,
        complete=appraisal.complete,
        policy=appraisal.inputs.get("policy", ""),
        subjects=tuple(dict.fromkeys(_subjects(appraisal, members))),
        measured=dict(_measured(root, members)),
        references=tuple(dict.fromkeys(f"{r.name} {r.version}".strip() for r in matched)),
        images=tuple(dict.fromkeys(r.image for r in matched if r.image)),
        key=_thumbprint(appraisal),
        claims=appraisal.claims,
        appraised_at=appraisal.appraised_at,
        expires_at=appraisal.expires_at,
    )


def _thumbprint(a: Appraisal) -> str:
    key = a.claims.get("key")
    found = key.get("thumbprint") if isinstance(key, dict) else None
    return str(found) if a.bound_key and isinstance(found, str) else ""


def _subjects(whole: Appraisal, members: tuple[Appraisal, ...]) -> Iterator[str]:
    yield from (a.subject for a in (whole, *members) if a.subject)
    for a in members:
        listed = a.claims.get("nvidia.devices")
        for d in listed if isinstance(listed, list) else ():
            if isinstance(d, dict) and d.get("ueid"):
                yield f"{d.get('kind', 'device')}:{d['ueid']}"


def _measured(root: Appraisal, members: tuple[Appraisal, ...]) -> Iterator[tuple[str, str]]:
    for m in members:
        held = m.claims.get("measurements")
        for name, value in held.items() if isinstance(held, dict) else ():
            if isinstance(value, str) and value:
                yield (name if m is root else f"{m.name}.{name}"), value.lower()


def _matched(a: Appraisal, references: ReferenceValues) -> Iterator[Reference]:
    """The references that the measurements equal, in every register that each names."""
    held = a.claims.get("measurements")
    for r in references.of(a.kind) if isinstance(held, dict) else ():
        if r.values and isinstance(held, dict) and all(held.get(n) in v for n, v in r.values.items()):
            yield r
