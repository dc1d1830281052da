"""The log's side of witnessing: it asks witnesses to cosign a checkpoint (c2sp.org/tlog-witness v1.0.0).

What a witness answers is believed in so far as a key that is known has signed it. No redirect is followed and no proxy
is taken from the environment: a witness is the host that it is configured to be.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from strongroom.kit.tlog import checkpoint as checkpoints
from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog import witnessing
from strongroom.kit.tlog.cosignature import CosignatureVerifier
from strongroom.kit.tlog.keys import VerifierKey
from strongroom.kit.tlog.note import MAX_NOTE, VerifiedSignature
from strongroom.kit.tlog.text import shown
from strongroom.kit.tlog.witnessing import AddCheckpoint
from strongroom.ledger.asking import Caller, Line, NoAnswerError, Response
from strongroom.model.errors import BadInput, BadSignature, LogUnavailable, NotFound, StrongroomError

MOST_AT_ONCE = 16  # witnesses that are asked at the same time
_SHOWN = 200

Prove = Callable[[int], Sequence[bytes]]
"""Gives the consistency proof from an older size of at least 1 to the checkpoint; may raise a StrongroomError."""


class Cosigned(NamedTuple):
    """The witness cosigned: the signatures of its known keys, verified, one for each key at most."""

    signatures: tuple[VerifiedSignature, ...]


class Refused(NamedTuple):
    """The witness answered, and there is no cosignature to use: the HTTP status, and why in its words or ours."""

    status: int
    text: str


class Unreachable(NamedTuple):
    """There was no answer."""

    reason: str


class Ahead(NamedTuple):
    """The witness has cosigned a larger tree of this log: the log was rolled back, or someone else writes to it."""

    size: int


class Unproven(NamedTuple):
    """The witness has cosigned `size` leaves, and the log has no proof from there: what it needs is missing."""

    size: int
    reason: str


Outcome = Cosigned | Refused | Unreachable | Ahead | Unproven


class CosignerAt(NamedTuple):
    """A witness and where it is. `known` is the size that it cosigned last, as far as is known; 0 asks it."""

    url: str
    keys: tuple[VerifierKey, ...]
    known: int = 0


def _ask(url: str, tail: str, line: Line, limit: int, body: bytes | None = None) -> Response:
    with contextlib.closing(Caller(url, line)) as caller:
        return caller.ask(tail, limit, body)


def submit(witness: CosignerAt, checkpoint: bytes, prove: Prove, line: Line | None = None) -> Outcome:
    """Ask one witness to cosign a checkpoint.

    When the witness is at another size than was known, it says so, and is asked once more with the proof from there.

    Args:
        witness: whom to ask, and which keys it is known by.
        checkpoint: the signed note of the log.
        prove: gives the proof from the size that the witness is at.
        line: how to send it.

    Raises:
        BadInput: the URL is none that may be used, or the checkpoint is none.
    """
    line = line or Line()
    size = checkpoints.parse(notes.parse(checkpoint).text).size
    old = witness.known if witness.known <= size else 0
    for _ in range(2):
        try:
            proof = tuple(prove(old)) if 0 < old < size else ()
        except StrongroomError as e:
            return Unproven(old, str(e))
        request = witnessing.encode_add_checkpoint(AddCheckpoint(old, proof, checkpoint))
        try:
            response = _ask(witness.url, "add-checkpoint", line, witnessing.MAX_RESPONSE, request)
        except NoAnswerError as e:
            return Unreachable(str(e))
        outcome = _read(response, witness, checkpoint, size)
        if not isinstance(outcome, int):
            return outcome
        old = outcome
    return Refused(409, f"the witness is at size {old}, and was at another a moment ago")


def _read(response: Response, witness: CosignerAt, checkpoint: bytes, size: int) -> Outcome | int:
    """What an answer means; a number is the size that the witness wants the proof from."""
    if response.status == 200:
        try:
            return Cosigned(cosignatures(response.body, checkpoint, witness.keys))
        except BadInput as e:
            return Refused(200, str(e))
    media_type = response.content_type.partition(";")[0].strip().lower()
    if response.status == 409 and media_type == witnessing.SIZE_TYPE:
        try:
            known = witnessing.parse_size(response.body)
        except BadInput as e:
            return Refused(409, str(e))
        return Ahead(known) if known > size else known
    return Refused(response.status, _line(response.body))


def _line(body: bytes) -> str:
    """The text of a refusal as a message may carry it: one line, short, and without control characters."""
    text = body[:_SHOWN].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text).strip()


def cosignatures(body: bytes, checkpoint: bytes, keys: Sequence[VerifierKey]) -> tuple[VerifiedSignature, ...]:
    """The cosignatures of known keys in a witness's answer; those of others are ignored (section "add-checkpoint").

    Raises:
        Malformed: the answer is no list of signature lines.
        BadSignature: no known key is among them, one of theirs does not verify, or it states no time.
    """
    text = notes.parse(checkpoint).text
    known = {(key.name, key.key_id): key for key in keys}
    found: dict[VerifierKey, VerifiedSignature] = {}
    for signature in witnessing.parse_signatures(body):
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        timestamp = CosignatureVerifier(key).verify(text, signature.value)
        if not timestamp:  # Section "add-checkpoint": "the timestamp MUST NOT be zero".
            raise BadSignature(f"cosignature of {key.name}", "no time", "seconds since 1970")
        found.setdefault(key, VerifiedSignature(key, signature, timestamp))
    if not found:
        raise BadSignature("answer of a witness", "no cosignature of a known key", "one of the keys it is known by")
    return tuple(found.values())


def submit_all(
    witnesses: Mapping[str, CosignerAt], checkpoint: bytes, prove: Prove, line: Line | None = None
) -> dict[str, Outcome]:
    """Ask several witnesses at the same time; what each of them answered, under the names given.

    `prove` is called from several threads.

    Raises:
        BadInput: a URL is none that may be used, or the checkpoint is none.
    """
    if not witnesses:
        return {}
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(witnesses)), "witness") as pool:
        asked = {name: pool.submit(submit, witness, checkpoint, prove, line) for name, witness in witnesses.items()}
        return {name: future.result() for name, future in asked.items()}


def latest(url: str, origin: str, line: Line | None = None) -> bytes:
    """The checkpoint that a witness last cosigned for a log, as a signed note in which nothing is verified.

    Args:
        url: the witness's monitoring prefix.
        origin: the log.
        line: how to ask.

    Raises:
        BadInput: the URL is none that may be used.
        NotFound: the witness has never cosigned a checkpoint of this log.
        LogUnavailable: there was no answer, or none that is a checkpoint.
    """
    subject = f"witness {url}"
    try:
        response = _ask(url, f"{witnessing.origin_hash(origin)}/checkpoint", line or Line(), MAX_NOTE)
    except NoAnswerError as e:
        raise LogUnavailable(subject, str(e), "the checkpoint that it last cosigned") from None
    if response.status == 404:
        raise NotFound(subject, f"no checkpoint of {shown(origin)}", "one that it has cosigned")
    if response.status != 200:
        raise LogUnavailable(subject, f"status {response.status}", "the checkpoint that it last cosigned")
    return response.body
