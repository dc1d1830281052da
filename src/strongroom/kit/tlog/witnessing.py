"""What logs and witnesses say to each other (c2sp.org/tlog-witness v1.0.0), and which checkpoints a witness may cosign.

Texts are made and read here, and the checks of the protocol are passed; whoever keeps the state and the keys asks.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from strongroom.kit.tlog import checkpoint as checkpoints
from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.cosignature import MAX_TIMESTAMP, ml_dsa_message, verifier
from strongroom.kit.tlog.keys import Kind, SignerKey, VerifierKey
from strongroom.kit.tlog.merkle import EMPTY_ROOT, HASH_SIZE, Range, verify_consistency
from strongroom.kit.tlog.note import Note, Signature, VerifiedNote
from strongroom.kit.tlog.text import from_base64, from_decimal, shown, to_base64
from strongroom.model.errors import BadInput, BadProof, BadSignature, Malformed, TooLarge

MAX_PROOF = 63  # add-checkpoint: "MUST NOT send more than 63 consistency proof lines"
MAX_REQUEST = 131_072  # bytes; over 30 signatures of ML-DSA-44, where signed-note asks readers to take 16
MAX_RESPONSE = 65_536  # bytes of cosignatures of one witness
SIZE_TYPE = "text/x.tlog.size"  # add-checkpoint: the Content-Type of a 409
TEXT_TYPE = "text/plain; charset=utf-8"
_TIME_SIZE = 8  # tlog-cosignature, "Format": u64 timestamp


class Answer(NamedTuple):
    """What is answered to a request: an HTTP status, the type of the body, and the body."""

    status: int
    content_type: str
    body: bytes


class AddCheckpoint(NamedTuple):
    """A request to cosign: the size that the proof starts from, the proof, and the signed note, which nobody verified."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes


class SignSubtree(NamedTuple):
    """A request to cosign a subtree: its leaves, its hash, the proof, and a note that the witness must have cosigned."""

    part: Range
    root: bytes
    proof: tuple[bytes, ...]
    note: bytes


def say(status: int, text: str) -> Answer:
    """An answer of one line of text."""
    return Answer(status, TEXT_TYPE, (text + "\n").encode("utf-8", "replace"))


def origin_hash(origin: str) -> str:
    """How a log is named in the paths of a witness (section "Monitor Retrieval Mechanism")."""
    return hashlib.sha256(origin.encode()).hexdigest()


def _hash(line: str, subject: str) -> bytes:
    value = from_base64(line, subject)
    if len(value) != HASH_SIZE:
        raise Malformed(subject, f"{len(value)} bytes", f"{HASH_SIZE} bytes of SHA-256")
    return value


def _proof(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > MAX_PROOF:
        raise Malformed("consistency proof", f"{len(lines)} lines", f"at most {MAX_PROOF}")
    return tuple(_hash(line, f"consistency proof, line {i}") for i, line in enumerate(lines, 1))


def _split(body: bytes) -> tuple[list[str], bytes]:
    """The lines before the first empty line, and all after it."""
    if len(body) > MAX_REQUEST:
        raise TooLarge("request to a witness", f"{len(body)} bytes", f"at most {MAX_REQUEST}")
    head, empty, note = body.partition(b"\n\n")
    if not empty:
        raise Malformed("request to a witness", "no empty line", "an empty line before the checkpoint")
    try:
        return head.decode("ascii").split("\n"), note
    except UnicodeDecodeError as e:
        raise Malformed("request to a witness", f"byte 0x{head[e.start]:02x} at {e.start}", "ASCII") from None


def _join(head: Iterable[str], proof: Sequence[bytes], note: bytes) -> bytes:
    if len(proof) > MAX_PROOF:
        raise BadInput("consistency proof", f"{len(proof)} hashes", f"at most {MAX_PROOF}")
    lines = (*head, *map(to_base64, proof), "")
    return "".join(line + "\n" for line in lines).encode("ascii") + note


def encode_add_checkpoint(request: AddCheckpoint) -> bytes:
    """The body of a request (section "add-checkpoint").

    Raises:
        BadInput: the proof has over 63 hashes.
    """
    return _join([f"old {request.old}"], request.proof, request.note)


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """The request of a body (section "add-checkpoint"); `encode_add_checkpoint` gives the same bytes back.

    Raises:
        Malformed: a line is not what it must be, or there are over 63 hashes.
        TooLarge: the body is over `MAX_REQUEST`.
    """
    lines, note = _split(body)
    word, space, size = lines[0].partition(" ")
    if word != "old" or not space:
        raise Malformed("first line of the request", shown(lines[0]), "old <size>")
    return AddCheckpoint(from_decimal(size, "old size"), _proof(lines[1:]), note)


def encode_sign_subtree(request: SignSubtree) -> bytes:
    """The body of a request (section "sign-subtree").

    Raises:
        BadInput: the proof has over 63 hashes.
    """
    start, end = request.part
    return _join([f"subtree {start} {end}", to_base64(request.root)], request.proof, request.note)


def parse_sign_subtree(body: bytes) -> SignSubtree:
    """The request of a body (section "sign-subtree"); `encode_sign_subtree` gives the same bytes back.

    Raises:
        Malformed: a line is not what it must be, the range is no subtree, or there are over 63 hashes.
        TooLarge: the body is over `MAX_REQUEST`.
    """
    lines, note = _split(body)
    words = lines[0].split(" ")
    if len(words) != 3 or words[0] != "subtree" or len(lines) < 2:
        raise Malformed("first lines of the request", shown("\n".join(lines[:2])), "subtree <start> <end>, and a hash")
    part = Range(from_decimal(words[1], "start of the subtree"), from_decimal(words[2], "end of the subtree"))
    length = part.end - part.start
    # draft-ietf-plants-merkle-tree-certs, section 4.1: it starts at a multiple of the power of two not below its length.
    if length <= 0 or part.start & ((1 << (length - 1).bit_length()) - 1):
        raise Malformed("subtree", f"{part.start}..{part.end}", "a range that is not empty, and aligned")
    return SignSubtree(part, _hash(lines[1], "hash of the subtree"), _proof(lines[2:]), note)


def encode_signatures(signatures: Iterable[Signature]) -> bytes:
    """The body of a 200: signature lines (section "add-checkpoint")."""
    return "".join(s.line + "\n" for s in signatures).encode()


def parse_signatures(body: bytes) -> tuple[Signature, ...]:
    """The signature lines of a 200, not verified (section "add-checkpoint").

    Raises:
        Malformed: it is not one or more signature lines, and nothing else.
        TooLarge: it is over `MAX_RESPONSE`, or has over 100 lines.
    """
    if len(body) > MAX_RESPONSE:
        raise TooLarge("answer of a witness", f"{len(body)} bytes", f"at most {MAX_RESPONSE}")
    text = "answer\n"
    found = notes.parse(f"{text}\n".encode() + body)
    if found.text != text:  # An empty line within the answer would move the end of the text that is signed.
        raise Malformed("answer of a witness", "an empty line", "signature lines only")
    return found.signatures


def encode_size(size: int) -> bytes:
    """The body of a 409: the size that the witness has cosigned (section "add-checkpoint")."""
    return f"{size}\n".encode()


def parse_size(body: bytes) -> int:
    """The size of a 409.

    Raises:
        Malformed: it is not one decimal number and a newline.
    """
    line, newline, rest = body.partition(b"\n")
    if not newline or rest:
        raise Malformed("size that a witness answered", shown(body[:80].decode("ascii", "replace")), "one line")
    return from_decimal(line.decode("ascii", "replace"), "size that a witness answered")


def claimed(text: str) -> Checkpoint:
    """The checkpoint of a note's text, where the root of an empty tree may be wrong.

    `checkpoint.parse` refuses such a root; a witness must say first whose signature it bears, and whether the size is
    what it expects (section "add-checkpoint": 404, 403 and 409 come before the 422 of a wrong empty root).

    Raises:
        Malformed: the text is no checkpoint for any other reason.
    """
    lines = text.split("\n")
    if len(lines) < 3 or lines[1] != "0":
        return checkpoints.parse(text)
    root = _hash(lines[2], "root of a checkpoint")
    return checkpoints.parse("\n".join((*lines[:2], to_base64(EMPTY_ROOT), *lines[3:])))._replace(root=root)


class _LogVerifier(NamedTuple):
    """Verifies what a log signed, also over a wrong empty root, which `CosignatureVerifier` does not read."""

    key: VerifierKey
    checkpoint: Checkpoint

    def verify(self, text: str, value: bytes) -> int | None:
        """The time that the signature states, if its type states one."""
        head = self.checkpoint
        if self.key.kind is not Kind.COSIGNATURE_ML_DSA_44 or head.size or head.root == EMPTY_ROOT:
            return verifier(self.key).verify(text, value)
        at = int.from_bytes(value[:_TIME_SIZE], "big")
        if at > MAX_TIMESTAMP:
            raise BadSignature(f"signature of {self.key.name}", f"the time {at}", f"at most {MAX_TIMESTAMP}")
        message = ml_dsa_message(self.key.name, at, head.origin, Range(0, 0), head.root)
        self.key.verify_raw(message, value[_TIME_SIZE:])
        return at


def open_submitted(data: bytes, checkpoint: Checkpoint, logs: Sequence[VerifierKey]) -> VerifiedNote:
    """The note that was submitted, once one of the log's keys has signed it (section "add-checkpoint", the 403).

    Args:
        data: the note.
        checkpoint: what `claimed` read in it.
        logs: the keys that are trusted for its origin; lines of others are ignored.

    Raises:
        Malformed: it is no note.
        BadSignature: no trusted key has signed it, a trusted key's signature does not verify, or it has extension lines
            that none of the signatures covers.
    """
    opened = notes.open_note(data, [_LogVerifier(key, checkpoint) for key in logs])
    # tlog-cosignature, "ML-DSA-44 signed message": it leaves the extension lines out, so anyone could have put them in.
    if checkpoint.extensions and all(s.key.kind is Kind.COSIGNATURE_ML_DSA_44 for s in opened.verified):
        raise BadSignature(f"checkpoint of {shown(checkpoint.origin)}", "extension lines that are not signed", "none")
    return opened


def refusal(request: AddCheckpoint, checkpoint: Checkpoint, latest: Checkpoint | None) -> Answer | None:
    """Why a checkpoint that its log has signed is not cosigned, in the order of section "add-checkpoint"; or None.

    Args:
        request: the old size and the proof.
        checkpoint: the checkpoint of the request.
        latest: the last one that was cosigned for this origin, if any was.
    """
    old, size = request.old, checkpoint.size
    known = latest.size if latest else 0
    if old > size:
        return say(400, f"old size {old} is larger than the size {size} of the checkpoint")
    if old != known:
        return Answer(409, SIZE_TYPE, encode_size(known))
    if size == 0 and checkpoint.root != EMPTY_ROOT:
        return say(422, "the root of an empty tree is not the hash of no bytes")
    if old == 0:
        return say(422, "a proof from size 0 has no hashes") if request.proof else None
    assert latest is not None
    try:
        verify_consistency(old, latest.root, size, checkpoint.root, request.proof)
    except BadProof as e:
        return say(422, str(e))
    return None


def is_split(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether two checkpoints of one log cannot both be true: one size, and two roots."""
    return one.size == other.size and one.root != other.root


def stripped(opened: VerifiedNote) -> bytes:
    """The note with the lines only that were verified: what others put beside them is not kept."""
    return notes.encode(Note(opened.text, tuple(v.signature for v in opened.verified)))


def sign_subtree(key: SignerKey, origin: str, part: Range, root: bytes) -> Signature:
    """The cosignature of a subtree, which states no time (section "sign-subtree": "the timestamp MUST be zero").

    Raises:
        BadInput: the key's format has no subtrees.
    """
    public = key.verifier
    if public.kind is not Kind.COSIGNATURE_ML_DSA_44:
        raise BadInput(f"key {public.name}", f"signature type 0x{public.kind:02x}", "0x06, which can sign subtrees")
    value = key.sign_raw(ml_dsa_message(public.name, 0, origin, part, root))
    return Signature(public.name, public.key_id, bytes(_TIME_SIZE) + value)
