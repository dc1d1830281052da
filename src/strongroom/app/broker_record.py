"""The record of an attestation: every input, by content, so that the verdict can be made again from files alone.

Endorsements, reference values and policies are the same for many attestations: each is a file of its own, named by its
digest, and the record names them.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from strongroom.attest.policy import Policy
from strongroom.model.attest import Appraisal, Endorsement, Endorsements, Evidence, ReferenceValues
from strongroom.model.errors import Malformed
from strongroom.store import blobs

SCHEMA = "strongroom.attestation-record/1"
Judge = Callable[[Evidence, Endorsements, ReferenceValues, Policy, datetime], Appraisal]


class Judged(NamedTuple):
    """Evidence, what it was judged by, when, and the verdict."""

    evidence: Evidence
    endorsements: Endorsements
    references: ReferenceValues
    policy: Policy
    now: datetime
    appraisal: Appraisal


class Record(msgspec.Struct, frozen=True):
    """The file. `appraisal` is the digest of the verdict's canonical JSON."""

    schema: str
    evidence: Evidence
    endorsements: tuple[str, ...]
    references: str
    policy: str
    now: datetime
    appraisal: str


def keep(files: Path, judged: Judged) -> str:
    """Keep the record and all that it names; its digest. Raises StateError."""
    record = Record(
        schema=SCHEMA,
        evidence=judged.evidence,
        endorsements=tuple(_kept(files, e) for e in judged.endorsements.items),
        references=_kept(files, judged.references),
        policy=_kept(files, judged.policy),
        now=judged.now,
        appraisal=digest_of(judged.appraisal),
    )
    return blobs.put(files, msgspec.json.encode(record))


# What many records share is the same object until its file changes: it is encoded and written once.
_SHARED: dict[tuple[Path, int], tuple[object, str]] = {}
_MOST_SHARED = 4096


def _kept(files: Path, held: Endorsement | ReferenceValues | Policy) -> str:
    """The digest of a part that many records share, which is kept by then."""
    known = _SHARED.get((files, id(held)))
    if known is not None and known[0] is held:
        return known[1]
    digest = blobs.put(files, msgspec.json.encode(held))
    if len(_SHARED) >= _MOST_SHARED:
        _SHARED.clear()
    _SHARED[files, id(held)] = (held, digest)
    return digest


def digest_of(appraisal: Appraisal) -> str:
    """`sha256:` and the hash of a verdict with its parts as sorted JSON, without the digest of the code that made it."""
    return f"sha256:{hashlib.sha256(msgspec.json.encode(_codeless(appraisal), order='sorted')).hexdigest()}"


def _codeless(a: Appraisal) -> Appraisal:
    inputs = {k: v for k, v in a.inputs.items() if k != "code"}
    return msgspec.structs.replace(a, inputs=inputs, parts=tuple(_codeless(p) for p in a.parts))


def read(files: Path, digest: str, judge: Judge) -> tuple[Judged, str]:
    """The inputs of a record, judged again, and the digest that the verdict had then.

    Raises NotFound, StateError: a file is gone or was changed. Malformed: it is no record.
    """
    try:
        record = msgspec.json.decode(blobs.get(files, digest), type=Record)
        endorsements = Endorsements(
            tuple(msgspec.json.decode(blobs.get(files, d), type=Endorsement) for d in record.endorsements)
        )
        references = msgspec.json.decode(blobs.get(files, record.references), type=ReferenceValues)
        policy = msgspec.json.decode(blobs.get(files, record.policy), type=Policy)
    except msgspec.MsgspecError as e:
        raise Malformed(f"record {digest[:23]}…", str(e)[:160], SCHEMA) from None
    again = judge(record.evidence, endorsements, references, policy, record.now)
    return Judged(record.evidence, endorsements, references, policy, record.now, again), record.appraisal
