"""The log of sealed artifacts: each act is an entry before it takes effect."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from strongroom.app.config import Config
from strongroom.app.log import Log, actor
from strongroom.app.log_default import open_or_create, place_of
from strongroom.app.seal_resume import Begun
from strongroom.kit import scan_record, seal_record
from strongroom.kit.seal_record import Act, SealRecord, slot_lines
from strongroom.kit.sealed import Artifact, Role
from strongroom.kit.slots import Sidecar
from strongroom.model.codes import EntryKind
from strongroom.model.log import Field, LogEntry


@contextmanager
def opened(config: Config, where: str | None, *, offline: bool) -> Iterator[Log]:
    """The log that is named, configured, or the default one; published when it is closed. Raises as `Log.open`."""
    with open_or_create(place_of(config, where), made=not (where or config.log.path), offline=offline) as log:
        try:
            yield log
        finally:
            log.publish()


class Sealing(NamedTuple):
    """What is logged of a sealing: what is attached, the signature outside, of which artifact it was made, if of one.

    `held` are the roles of what was held against every file.
    """

    attached: Mapping[Role, bytes]
    signature: bytes | None
    before: str = ""
    held: tuple[str, ...] = ()


def sealed(log: Log, under: Begun, sidecar: Sidecar, what: Sealing, now: datetime) -> int:
    """Log that an artifact was sealed; its entry. Raises LogUnavailable."""
    scan, a = what.attached.get(Role.SCAN), under.artifact
    named = {"inside" if r is Role.SIGNATURE else r.value: _digest(o) for r, o in what.attached.items()}
    if what.signature is not None:
        named["signature"] = _digest(what.signature)
    verdict = scan_record.read(scan).verdict if scan is not None else ""
    act = Act.REENCRYPTED if what.before else Act.CREATED
    record = SealRecord(
        act, a.id, sidecar.generation, a.boundary, slot_lines(sidecar), verdict, named, what.before, held=what.held
    )
    return log.record(seal_record.entry(record, actor(), now)).index


def described(log: Log, what: str, octets: bytes, now: datetime) -> int:
    """Log that a model was described, by the digest of what says so; its entry. Raises LogUnavailable."""
    digest = _digest(octets)
    fields: dict[str, Field] = {"act": Act.DESCRIBED.value, "what": what}
    entry = LogEntry(
        kind=EntryKind.SEALING, subject=digest, actor=actor(), at=now, fields=fields, digests={what: digest}
    )
    return log.record(entry).index


def opening(log: Log, artifact: Artifact, sidecar: Sidecar, now: datetime) -> int:
    """Log that an artifact was opened here; its entry. Raises LogUnavailable."""
    record = SealRecord(Act.OPENED, artifact.id, sidecar.generation, artifact.boundary, slot_lines(sidecar), "", {})
    return log.record(seal_record.entry(record, actor(), now)).index


def rewrapped(log: Log, artifact: Artifact, before: Sidecar, after: Sidecar, now: datetime) -> int:
    """Log that the slots are written anew; its entry. Raises LogUnavailable."""
    old, new = {s.id for s in before.slots}, {s.id for s in after.slots}
    record = SealRecord(
        Act.REWRAPPED,
        artifact.id,
        after.generation,
        artifact.boundary,
        slot_lines(after),
        "",
        {},
        added=_sorted(new - old),
        removed=_sorted(old - new),
    )
    return log.record(seal_record.entry(record, actor(), now)).index


def _sorted(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(found))


def _digest(octets: bytes) -> str:
    return f"sha256:{hashlib.sha256(octets).hexdigest()}"
