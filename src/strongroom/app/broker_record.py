"""The record of an attestation: every input, by content, so that the verdict can be made again from what is kept alone.

Endorsements, reference values and policies are the same for many attestations: each is kept once, by its digest, and the
record names them.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from strongroom.attest.policy import Policy
from strongroom.model.attest import Appraisal, Endorsement, Endorsements, Evidence, ReferenceValues
from strongroom.model.errors import Malformed

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


class Files(Protocol):
    """Where octets are kept by their content: the broker's database."""

    def put(self, octets: bytes) -> str:
        """Keep octets; their digest. Raises StateError."""

    def get(self, named: str) -> bytes:
        """The octets that a digest names. Raises NotFound, StateError."""


def keep(files: Files, judged: Judged) -> str:
    """Keep the record and all that it names; its digest. Raises StateError."""
    return files.put(made(files, judged))


def made(files: Files, judged: Judged) -> bytes:
    """The record, still to be kept; all that it names is kept by then. Raises StateError."""
    record = Record(
        schema=SCHEMA,
        evidence=judged.evidence,
        endorsements=tuple(_kept(files, e) for e in judged.endorsements.items),
        references=_kept(files, judged.references),
        policy=_kept(files, judged.policy),
        now=judged.now,
        appraisal=digest_of(judged.appraisal),
    )
    return msgspec.json.encode(record)


# What many records share is the same object until its file changes: it is encoded and written once.
_SHARED: dict[tuple[int, int], tuple[object, object, str]] = {}
_MOST_SHARED = 4096


def _kept(files: Files, held: Endorsement | ReferenceValues | Policy) -> str:
    """The digest of a part that many records share, which is kept by then."""
    known = _SHARED.get((id(files), id(held)))
    if known is not None and known[0] is held and known[1] is files:
        return known[2]
    digest = files.put(msgspec.json.encode(held))
    if len(_SHARED) >= _MOST_SHARED:
        _SHARED.clear()
    _SHARED[id(files), id(held)] = (held, files, digest)
    return digest


def digest_of(appraisal: Appraisal) -> str:
    """`sha256:` and the hash of a verdict with its parts as sorted JSON, without the digest of the code that made it."""
    return f"sha256:{hashlib.sha256(msgspec.json.encode(_codeless(appraisal), order='sorted')).hexdigest()}"


def _codeless(a: Appraisal) -> Appraisal:
    inputs = {k: v for k, v in a.inputs.items() if k != "code"}
    return msgspec.structs.replace(a, inputs=inputs, parts=tuple(_codeless(p) for p in a.parts))


def read(files: Files, digest: str, judge: Judge) -> tuple[Judged, str]:
    """The inputs of a record, judged again, and the digest that the verdict had then.

    Raises NotFound, StateError: a file is gone or was changed. Malformed: it is no record.
    """
    try:
        record = msgspec.json.decode(files.get(digest), type=Record)
        endorsements = Endorsements(
            tuple(msgspec.json.decode(files.get(d), type=Endorsement) for d in record.endorsements)
        )
        references = msgspec.json.decode(files.get(record.references), type=ReferenceValues)
        policy = msgspec.json.decode(files.get(record.policy), type=Policy)
    except msgspec.MsgspecError as e:
        raise Malformed(f"record {digest[:23]}…", str(e)[:160], SCHEMA) from None
    again = judge(record.evidence, endorsements, references, policy, record.now)
    return Judged(record.evidence, endorsements, references, policy, record.now, again), record.appraisal
