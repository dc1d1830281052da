"""Checkpoints (c2sp.org/tlog-checkpoint v1.0.0): what a log says of itself at one size, as the text of a signed note."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from strongroom.kit.tlog.keys import Kind
from strongroom.kit.tlog.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE
from strongroom.kit.tlog.note import Signer, VerifiedSignature, Verifier, open_note, sign
from strongroom.kit.tlog.text import from_base64, from_decimal, shown, to_base64
from strongroom.model.errors import BadSignature, Malformed

_MANDATORY_LINES = 3  # tlog-checkpoint, "Note text": origin, tree size, root hash


class Checkpoint(NamedTuple):
    """The head of a log's tree: who, how many leaves, and their root. Extension lines are opaque."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


class VerifiedCheckpoint(NamedTuple):
    """A checkpoint that its log has signed, with every signature over it that was verified, the log's first."""

    checkpoint: Checkpoint
    signatures: tuple[VerifiedSignature, ...]


def _check_line(line: str, subject: str) -> None:
    if not line or any(c < " " or "\ud800" <= c <= "\udfff" for c in line):
        raise Malformed(subject, shown(line), "a line that is not empty and has no control characters")


def _check(checkpoint: Checkpoint) -> None:
    _check_line(checkpoint.origin, "origin of a checkpoint")
    for line in checkpoint.extensions:
        _check_line(line, "extension of a checkpoint")
    if not 0 <= checkpoint.size <= MAX_SIZE:
        raise Malformed("size of a checkpoint", str(checkpoint.size), f"0 to {MAX_SIZE}")
    if len(checkpoint.root) != HASH_SIZE:
        raise Malformed("root of a checkpoint", f"{len(checkpoint.root)} bytes", f"{HASH_SIZE}")
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        # RFC 6962 section 2.1: there is one empty tree. Another root here would be a promise of leaves to come.
        raise Malformed("root of a checkpoint", checkpoint.root.hex(), f"{EMPTY_ROOT.hex()}, the root of no leaves")


def encode(checkpoint: Checkpoint) -> str:
    """The text of the note (tlog-checkpoint, "Note text").

    Raises:
        Malformed: a line would be empty or hold a control character, or the size or the root is none.
    """
    _check(checkpoint)
    head = (checkpoint.origin, str(checkpoint.size), to_base64(checkpoint.root))
    return "".join(line + "\n" for line in (*head, *checkpoint.extensions))


def parse(text: str) -> Checkpoint:
    """The checkpoint of a note's text; `encode` gives the same text back.

    Raises:
        Malformed: a line is missing or empty, the size has leading zeroes, or the root is no SHA-256 in base64.
    """
    if not text.endswith("\n"):
        raise Malformed("checkpoint", "no newline at its end", "whole lines")
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < _MANDATORY_LINES:
        raise Malformed("checkpoint", f"{len(lines)} lines", "an origin, a size and a root")
    size = from_decimal(lines[1], "size of a checkpoint")
    root = from_base64(lines[2], "root of a checkpoint")
    checkpoint = Checkpoint(lines[0], size, root, tuple(lines[_MANDATORY_LINES:]))
    _check(checkpoint)
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> bytes:
    """The signed note of a checkpoint; the log's own signer comes first.

    That it is consistent with all that the log signed before is for the caller to know (tlog-checkpoint, "Signatures").

    Raises:
        Malformed: the checkpoint is none, or there is no signer.
    """
    return sign(encode(checkpoint), signers)


def open_checkpoint(
    data: bytes, origin: str, logs: Sequence[Verifier], witnesses: Iterable[Verifier] = ()
) -> VerifiedCheckpoint:
    """The checkpoint of a signed note, once one of the log's keys has signed it.

    Args:
        data: the note.
        origin: the log that it must be of.
        logs: what verifies the log's keys.
        witnesses: what verifies the keys of witnesses, whose cosignatures are verified and handed on, not judged.

    Raises:
        Malformed: it is no note, or its text is no checkpoint.
        BadInput: two keys have one name and id.
        BadSignature: a known key's signature does not verify, none of the log's keys has signed, it is of another
            origin, or it has extension lines that none of the log's signatures covers.
    """
    opened = open_note(data, (*logs, *witnesses))
    checkpoint = parse(opened.text)
    if checkpoint.origin != origin:
        raise BadSignature("checkpoint", f"the origin {shown(checkpoint.origin)}", shown(origin))
    trusted = {v.key for v in logs}
    by_log = [s for s in opened.verified if s.key in trusted]
    if not by_log:
        raise BadSignature(f"checkpoint of {shown(origin)}", "no signature of the log", "one of its keys")
    # tlog-cosignature, "ML-DSA-44 signed message": it leaves the extension lines out, so anyone could have put them in.
    if checkpoint.extensions and all(s.key.kind is Kind.COSIGNATURE_ML_DSA_44 for s in by_log):
        raise BadSignature(f"checkpoint of {shown(origin)}", "extension lines that are not signed", "none")
    others = [s for s in opened.verified if s.key not in trusted]
    return VerifiedCheckpoint(checkpoint, (*by_log, *others))
