"""The record of an appraisal: every input and the verdict in one file, from which anybody can judge again."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from strongroom.app.appraisal import appraise, code_digest
from strongroom.app.config import Config
from strongroom.app.log import actor
from strongroom.app.log_default import open_or_create, place_of
from strongroom.attest.policy import Policy
from strongroom.kit import strict_json
from strongroom.kit.canonical import canonical
from strongroom.model.attest import Appraisal, Endorsements, Evidence, ReferenceValues
from strongroom.model.codes import EntryKind
from strongroom.model.errors import Malformed, TooLarge, Unreadable
from strongroom.model.log import LogEntry

SCHEMA = "strongroom.appraisal-record/1"
SUFFIX = ".appraisal.json"
MOST = 64 << 20  # bytes


class Record(msgspec.Struct, frozen=True):
    """What was judged, by what, when, and what came of it. Octets are base64 in the file."""

    schema: str
    evidence: Evidence
    endorsements: Endorsements
    references: ReferenceValues
    policy: Policy
    now: datetime
    appraisal: Appraisal


def encode(record: Record) -> bytes:
    """The bytes of the file: the same record gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def read(path: Path) -> tuple[Record, bytes]:
    """A record and the bytes of its file. Raises Unreadable, TooLarge, Malformed."""
    try:
        with path.open("rb") as f:
            data = f.read(MOST + 1)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "the record of an appraisal") from None
    if len(data) > MOST:
        raise TooLarge(str(path), f"over {MOST >> 20} MiB", "the record of an appraisal")
    return parse(data, str(path)), data


def parse(data: bytes, subject: str) -> Record:
    """The record of a file's bytes. Raises Malformed."""
    strict_json.check(data, subject, "strongroom attest verify EVIDENCE --record FILE")
    try:
        record = msgspec.json.decode(data, type=Record)
    except (msgspec.ValidationError, msgspec.DecodeError) as e:
        raise Malformed(subject, str(e)[:200], "the record of an appraisal") from None
    if record.schema != SCHEMA or record.now.tzinfo is None:
        raise Malformed(subject, f"schema {record.schema[:60]!r}", f"{SCHEMA}, with a time in UTC")
    return record


def _bytes(appraisal: Appraisal) -> bytes:
    return canonical(msgspec.to_builtins(appraisal), "appraisal")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What judging again came to. `same`: byte for byte, but for the code; `differences` are told in words."""

    record: Record
    again: Appraisal
    same: bool
    same_code: bool
    differences: tuple[str, ...]


def replay(record: Record) -> Replayed:
    """Judge the recorded inputs again, at their own time. Raises Malformed where the policy cannot be used any more."""
    again = appraise(record.evidence, record.endorsements, record.references, record.policy, record.now)
    before = record.appraisal
    same_code = before.inputs.get("code") == code_digest()
    as_before = msgspec.structs.replace(again, inputs={**again.inputs, "code": before.inputs.get("code", "")})
    same = _bytes(as_before) == _bytes(before)
    return Replayed(record, again, same, same_code, () if same else tuple(_differences(before, as_before)))


def _differences(before: Appraisal, after: Appraisal) -> Iterator[str]:
    old, new = {s.id: s for s in before.steps}, {s.id: s for s in after.steps}
    for name in dict.fromkeys((*old, *new)):
        a, b = old.get(name), new.get(name)
        if a != b:
            yield f"{name}: recorded {a.verdict.value if a else 'nothing'}, now {b.verdict.value if b else 'nothing'}"
    for name in ("tier", "complete", "subject", "claims", "vector", "inputs", "bound_key", "expires_at"):
        if getattr(before, name) != getattr(after, name):
            yield f"{name} differs"


def log_record(record: Record, data: bytes, config: Config, log: str | None, *, offline: bool) -> int:
    """Log that it was judged: the verdict, what the policy left unchecked and why, and the digest of the record.

    Raises LogUnavailable, LogDamaged, NotFound, StateError: it could not be logged.
    """
    a = record.appraisal
    entry = LogEntry(
        kind=EntryKind.APPRAISAL,
        subject=a.subject,
        actor=actor(),
        at=record.now,
        fields={
            "kind": a.kind.value,
            "tier": a.tier.value,
            "complete": a.complete,
            "failed": tuple(s.id for s in a.steps if s.verdict.value == "fail"),
            "unchecked": tuple(f"{s.id}: {s.reason}" for s in a.steps if s.waived),
        },
        digests={"record": f"sha256:{hashlib.sha256(data).hexdigest()}", "policy": a.inputs["policy"]},
    )
    place = place_of(config, log)
    with open_or_create(place, made=not (log or config.log.path), offline=offline) as held:
        done = held.record(entry)
        held.publish()
    return done.index
