"""The drill: the inputs of a verdict that opens are judged again with a fault in each of them. Nothing may open."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec

from strongroom.app.appraisal import appraise
from strongroom.app.appraisal_record import Record
from strongroom.model.attest import Endorsements, Evidence
from strongroom.model.errors import BadInput

_SIGNED = (
    0x90  # an octet that every kind of evidence signs: the measurement of a report, the body of a quote or document
)
_LATER = timedelta(days=3660)  # beyond the life of every leaf


def still_opens(record: Record) -> tuple[str, ...]:
    """The faults under which the verdict still opens; empty is as it must be."""
    return tuple(name for name, faulty in _faults(record) if _opens(faulty))


def _opens(record: Record) -> bool:
    try:
        judged = appraise(record.evidence, record.endorsements, record.references, record.policy, record.now)
    except BadInput:
        return False
    return judged.opens


def _faults(record: Record) -> Iterator[tuple[str, Record]]:
    change = msgspec.structs.replace
    if record.endorsements.items:
        yield "no endorsements", change(record, endorsements=Endorsements())
    yield "a clock that is ten years on", change(record, now=record.now + _LATER)
    yield "no reference values", change(record, references=change(record.references, items=()))
    asked = record.evidence.challenge or b""
    yield "no challenge", change(record, evidence=change(record.evidence, challenge=None))
    yield "another challenge", change(record, evidence=change(record.evidence, challenge=asked[:-1] + b"\xff\x00"))
    first = record.evidence.parts[0].data if record.evidence.parts else b""
    yield "evidence cut in half", change(record, evidence=_with(record.evidence, first[: len(first) // 2]))
    if len(first) > _SIGNED:
        flipped = bytearray(first)
        flipped[_SIGNED] ^= 1
        yield "evidence with one bit changed", change(record, evidence=_with(record.evidence, bytes(flipped)))


def _with(evidence: Evidence, data: bytes) -> Evidence:
    first, *rest = evidence.parts
    return msgspec.structs.replace(evidence, parts=(msgspec.structs.replace(first, data=data), *rest))
