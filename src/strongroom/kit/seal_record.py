"""What the log holds of a sealing: enough to say later what was sealed, described how, for whom, and which slots there were.

Nothing of what is inside stands there: names and digests of plaintext would let anybody confirm a guess.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from strongroom.kit.sealed import Boundary
from strongroom.kit.slots import Sidecar, type_of
from strongroom.model.codes import EntryKind
from strongroom.model.errors import Malformed
from strongroom.model.log import Field, LogEntry


class Act(StrEnum):
    """What was done to a sealed artifact."""

    CREATED = "created"
    REWRAPPED = "rewrapped"  # the slots were written anew, the payload stayed as it was
    REENCRYPTED = "re-encrypted"  # a new key, a new artifact
    OPENED = "opened"
    DESCRIBED = "described"  # a provenance or a bill of materials was made; its entry has no artifact


class SealRecord(NamedTuple):
    """One act. `digests` are `sha256:…` by name: `signature` (of signature.json), `scan`, `bom`, `provenance`, `inside`.

    `slots` are lines of `TYPE POLICY RECIPIENT`, the recipient by its SHA-256. `verdict` is the scan's. `before` is the
    artifact that a re-encrypted one was made of, `added` and `removed` ids of slots. `held` are those of `bom` and
    `provenance` that were held against every file when it was sealed, the provenance by a key that was trusted with it.
    """

    act: Act
    artifact: str
    generation: int
    boundary: Boundary
    slots: tuple[str, ...]
    verdict: str
    digests: Mapping[str, str]
    before: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def slot_lines(sidecar: Sidecar) -> tuple[str, ...]:
    """The slots as a record has them."""
    return tuple(
        f"{type_of(s)} {s.policy or '-'} {hashlib.sha256(s.recipient.encode()).hexdigest()}" for s in sidecar.slots
    )


def entry(record: SealRecord, actor: str, at: datetime) -> LogEntry:
    """The entry of the log."""
    fields: dict[str, Field] = {
        "act": record.act.value,
        "generation": record.generation,
        "boundary": record.boundary.value,
        "slots": record.slots,
        "scan-verdict": record.verdict or None,
    }
    more: dict[str, Field] = {
        "before": record.before,
        "added": record.added,
        "removed": record.removed,
        "held": record.held,
    }
    fields |= {n: v for n, v in more.items() if v}
    return LogEntry(
        kind=EntryKind.SEALING, subject=record.artifact, actor=actor, at=at, fields=fields, digests=dict(record.digests)
    )


def record_of(found: LogEntry) -> SealRecord:
    """The act of an entry. Raises Malformed."""
    f = found.fields

    def texts(name: str) -> tuple[str, ...]:
        held = f.get(name, ())
        return held if isinstance(held, tuple) else ()

    try:
        act, boundary = Act(str(f.get("act"))), Boundary(str(f.get("boundary")))
    except ValueError:
        raise Malformed("entry of a sealing", f"act {f.get('act')!r}", ", ".join(Act)) from None
    generation = f.get("generation")
    if found.kind is not EntryKind.SEALING or not isinstance(generation, int):
        raise Malformed("entry of a sealing", found.kind.value, EntryKind.SEALING.value)
    verdict = f.get("scan-verdict")
    return SealRecord(
        act,
        found.subject,
        generation,
        boundary,
        texts("slots"),
        verdict if isinstance(verdict, str) else "",
        found.digests,
        str(f.get("before") or ""),
        texts("added"),
        texts("removed"),
        texts("held"),
    )
