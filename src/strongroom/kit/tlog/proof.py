"""Proofs that an entry is in a log, for use without the log (c2sp.org/tlog-proof@v1): index, path, signed checkpoint."""

from collections.abc import Iterable

import msgspec

from strongroom.kit.tlog import checkpoint as checkpoints
from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog import policy as policies
from strongroom.kit.tlog.keys import VerifierKey
from strongroom.kit.tlog.merkle import HASH_SIZE, MAX_SIZE, verify_inclusion
from strongroom.kit.tlog.policy import AcceptedCheckpoint, Policy
from strongroom.kit.tlog.text import from_base64, from_decimal, shown, to_base64
from strongroom.model.errors import Malformed, TooLarge

HEADER = "c2sp.org/tlog-proof@v1"  # tlog-proof, "Format"
MAX_PROOF = 2 * notes.MAX_NOTE  # bytes: a note of its largest size, and as much again for the extra data
MAX_HASHES = 63  # the longest path in a tree of at most 2**63 - 1 leaves


class LogProof(msgspec.Struct, frozen=True):
    """A proof as it was read: nothing in it has been verified. `extra` never is (tlog-proof, "Format")."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""


class Logged(msgspec.Struct, frozen=True):
    """An entry that is proven to be in a log: its leaf hash, its index, and the checkpoint that holds it."""

    leaf: bytes
    index: int
    accepted: AcceptedCheckpoint


def _check(proof: LogProof) -> None:
    if not 0 <= proof.index <= MAX_SIZE:
        raise Malformed("index of a log proof", str(proof.index), f"0 to {MAX_SIZE}")
    if len(proof.hashes) > MAX_HASHES:
        raise Malformed("log proof", f"{len(proof.hashes)} hashes", f"at most {MAX_HASHES}")
    for value in proof.hashes:
        if len(value) != HASH_SIZE:
            raise Malformed("hash of a log proof", f"{len(value)} bytes", f"{HASH_SIZE}")
    checkpoints.parse(notes.parse(proof.checkpoint).text)


def encode(proof: LogProof) -> bytes:
    """The bytes of a `.tlog-proof` file (tlog-proof, "Format").

    Raises:
        Malformed: the index or a hash is none, or the checkpoint is no signed checkpoint.
        TooLarge: it is over a limit.
    """
    _check(proof)
    extra = (f"extra {to_base64(proof.extra)}",) if proof.extra else ()
    lines = (HEADER, *extra, f"index {proof.index}", *map(to_base64, proof.hashes), "")
    data = "".join(line + "\n" for line in lines).encode() + proof.checkpoint
    _check_length(data)
    return data


def _check_length(data: bytes) -> None:
    if len(data) > MAX_PROOF:
        raise TooLarge("log proof", f"{len(data)} bytes", f"at most {MAX_PROOF}")


def parse(data: bytes) -> LogProof:
    """The proof of a `.tlog-proof` file, not verified; `encode` gives the same bytes back (tlog-proof, "Format").

    Raises:
        Malformed: it is none; the message says which part and why.
        TooLarge: it is over a limit.
    """
    _check_length(data)
    head, empty, signed = data.partition(b"\n\n")
    if not empty:
        raise Malformed("log proof", "no empty line", "an index, hashes, an empty line and a checkpoint")
    try:
        header, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as e:
        raise Malformed(
            "log proof", f"byte 0x{head[e.start]:02x} at {e.start}", "ASCII before the checkpoint"
        ) from None
    if header != HEADER:
        raise Malformed("log proof", shown(header), HEADER)
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0).removeprefix("extra "), "extra data of a log proof")
        if not extra:
            raise Malformed("extra data of a log proof", "nothing", "no such line where there is none")
    if not lines or not lines[0].startswith("index "):
        raise Malformed("log proof", shown(lines[0]) if lines else "no index", "index <number>")
    index = from_decimal(lines[0].removeprefix("index "), "index of a log proof")
    hashes = tuple(from_base64(line, "hash of a log proof") for line in lines[1:])
    proof = LogProof(index, hashes, signed, extra)
    _check(proof)
    return proof


def verify(proof: LogProof, leaf: bytes, policy: Policy, logs: Iterable[VerifierKey] = ()) -> Logged:
    """The entry of this leaf hash, once it is proven to be logged (tlog-proof, "Verifying a tlog proof", steps 2 to 4).

    Step 1, the hash of the entry, is the caller's: `merkle.leaf_hash` of what it holds, never of what the proof says.
    Whether the times of the cosignatures are late enough is the caller's too (section "Use of timestamps").

    Args:
        proof: the proof.
        leaf: the hash of the entry.
        policy: which logs and witnesses are trusted.
        logs: keys of logs that are known from elsewhere, for a policy that names none.

    Raises:
        Malformed: the checkpoint is none.
        BadInput: two keys have one name and id.
        BadSignature: no known log has signed the checkpoint, or a known key's signature does not verify.
        BadProof: the witnesses are no quorum, or the entry is not at this index of the checkpoint's tree.
    """
    accepted = policies.open_checkpoint(proof.checkpoint, policy, logs)
    head = accepted.checkpoint
    verify_inclusion(leaf, proof.index, head.size, proof.hashes, head.root)
    return Logged(leaf, proof.index, accepted)
