"""What an appraisal of a host was made of, small enough to keep for ten thousand of them, and whole when it is wanted.

Quote, signature and registers are in the record itself. Logs, endorsements, reference values and the policy are the same
for many answers: each is a file named by its digest. What is the host's own in the policy, its key and its counters, is
put there again when the record is read.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from strongroom.app.appraisal_record import SCHEMA as WHOLE
from strongroom.app.appraisal_record import Record
from strongroom.app.broker_record import Judge, digest_of
from strongroom.attest.policy import Policy, TpmKnown
from strongroom.model.attest import (
    Appraisal,
    Endorsement,
    Endorsements,
    Evidence,
    EvidenceKind,
    EvidencePart,
    ReferenceValues,
)
from strongroom.model.errors import Malformed
from strongroom.model.standing import Counters
from strongroom.store import blobs, evidence_blobs

SCHEMA = "strongroom.watch-record/1"
_H = TypeVar("_H", Policy, ReferenceValues, Endorsement)
_SMALL = 4096  # octets of a part that stays in the record


class Judging(NamedTuple):
    """What evidence is judged by: the owner's policy, reference values and endorsements."""

    policy: Policy
    references: ReferenceValues
    endorsements: Endorsements


class _Part(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    media_type: str
    data: bytes = b""
    digest: str = ""  # of the file, where the part is in one


class _Small(msgspec.Struct, frozen=True):
    schema: str
    parts: tuple[_Part, ...]
    challenge: bytes
    received_at: datetime
    endorsements: tuple[str, ...]
    references: str
    policy: str
    ak_name: str
    known: TpmKnown | None
    appraisal: str


def policy_for(policy: Policy, ak_name: str, known: TpmKnown | None) -> Policy:
    """The owner's policy for one host: the key that was enrolled is the only one, and its counters do not go back."""
    held = {ak_name: known} if known else {}
    tpm = msgspec.structs.replace(policy.tpm, aks=(ak_name,), roots=(), known=held)
    return msgspec.structs.replace(policy, tpm=tpm)


def known(counters: Counters | None) -> TpmKnown | None:
    """Counters as a policy has them."""
    return TpmKnown(counters.resets, counters.restarts, counters.clock) if counters else None


class Judged(NamedTuple):
    """Evidence of a host and the verdict on it. `by` has the owner's policy, `ak_name` and `known` what was put into it."""

    evidence: Evidence
    by: Judging
    ak_name: str
    known: TpmKnown | None
    now: datetime
    appraisal: Appraisal


def keep(files: Path, judged: Judged) -> bytes:
    """The record; what is large in it is on the disk when this returns. Raises StateError."""
    by = judged.by
    small = _Small(
        SCHEMA,
        tuple(_parts(files, judged.evidence)),
        judged.evidence.challenge or b"",
        judged.now,
        tuple(_shared(files, e) for e in by.endorsements.items),
        _shared(files, by.references),
        _shared(files, by.policy),
        judged.ak_name,
        judged.known,
        digest_of(judged.appraisal),
    )
    return msgspec.json.encode(small)


def _parts(files: Path, evidence: Evidence) -> Iterator[_Part]:
    for p in evidence.parts:
        if len(p.data) <= _SMALL:
            yield _Part(p.name, p.media_type, p.data)
        else:
            yield _Part(p.name, p.media_type, digest=evidence_blobs.put(files, p.data))


class _Same:
    """One object is encoded once: the owner's policy is the same object until its file changes."""

    def __init__(self, held: Endorsement | ReferenceValues | Policy) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.held is self.held

    def __hash__(self) -> int:
        return id(self.held)


@lru_cache(maxsize=256)
def _encoded(same: _Same) -> bytes:
    return msgspec.json.encode(same.held)


def _shared(files: Path, held: Endorsement | ReferenceValues | Policy) -> str:
    return evidence_blobs.put(files, _encoded(_Same(held)))


def named(record: bytes) -> Iterator[str]:
    """The digests of the files that a record needs; none for octets that are no record."""
    try:
        small = msgspec.json.decode(record, type=_Small)
    except msgspec.MsgspecError:
        return
    yield from small.endorsements
    yield from (small.references, small.policy)
    yield from (p.digest for p in small.parts if p.digest)


class Restored(NamedTuple):
    """A record that `attest replay` takes. `same`: the verdict in it is the one that was given then."""

    record: Record
    same: bool


def restore(files: Path, data: bytes, judge: Judge) -> Restored:
    """The whole record, judged again. Raises NotFound, StateError: a file is gone or was changed. Malformed: no record."""
    try:
        small = msgspec.json.decode(data, type=_Small)
        by = Judging(
            _read(files, small.policy, Policy),
            _read(files, small.references, ReferenceValues),
            Endorsements(tuple(_read(files, d, Endorsement) for d in small.endorsements)),
        )
    except msgspec.MsgspecError as e:
        raise Malformed("record of a host", str(e)[:160], SCHEMA) from None
    parts = tuple(
        EvidencePart(p.name, p.media_type, blobs.get(files, p.digest) if p.digest else p.data) for p in small.parts
    )
    evidence = Evidence(EvidenceKind.TPM, parts, small.challenge, small.received_at)
    policy = policy_for(by.policy, small.ak_name, small.known)
    again = judge(evidence, by.endorsements, by.references, policy, small.received_at)
    record = Record(WHOLE, evidence, by.endorsements, by.references, policy, small.received_at, again)
    return Restored(record, digest_of(again) == small.appraisal)


def _read(files: Path, digest: str, kind: type[_H]) -> _H:
    return msgspec.json.decode(blobs.get(files, digest), type=kind)
