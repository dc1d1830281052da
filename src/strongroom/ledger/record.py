"""A record: the unit of the journal. One commit of one record makes its entries and their signed checkpoint durable.

Frame: `magic | u32 length of the body | body | SHA-256 of all before`. Body: `u64 start | u32 entries | u32 length of the
checkpoint | checkpoint | entries, each after its u16 length`. Numbers are big-endian. A compacted record has kept its
checkpoint and dropped its entries, which are in tiles by then; it still holds its place in the journal.
"""

import hashlib
import struct
from typing import NamedTuple

from strongroom.kit.tlog.tiles import MAX_ENTRY
from strongroom.model.errors import Malformed, TooLarge

FULL, COMPACT = b"SRJ1", b"SRC1"
_HEAD = struct.Struct(">4sI")
_BODY = struct.Struct(">QII")
_LENGTH = struct.Struct(">H")
HEAD_SIZE = _HEAD.size
DIGEST_SIZE = 32
MAX_BODY = 1 << 28  # bytes; a batch is far smaller, and a damaged length must not be believed


class Record(NamedTuple):
    """The entries from index `start` on, and the signed checkpoint of the tree that ends with them."""

    start: int
    entries: tuple[bytes, ...]
    checkpoint: bytes

    @property
    def end(self) -> int:
        """The size of the log with this record."""
        return self.start + len(self.entries)


class Compacted(NamedTuple):
    """What is left of a record whose entries are in tiles: its place, and the signed checkpoint."""

    start: int
    end: int
    checkpoint: bytes


def _frame(magic: bytes, body: bytes) -> bytes:
    head = _HEAD.pack(magic, len(body)) + body
    return head + hashlib.sha256(head).digest()


def encode(record: Record) -> bytes:
    """The bytes of a record.

    Raises:
        TooLarge: an entry has over 65,535 bytes, or all of them together over 256 MiB.
    """
    parts = [_BODY.pack(record.start, len(record.entries), len(record.checkpoint)), record.checkpoint]
    for entry in record.entries:
        if len(entry) > MAX_ENTRY:
            raise TooLarge("log entry", f"{len(entry)} bytes", f"at most {MAX_ENTRY}")
        parts += (_LENGTH.pack(len(entry)), entry)
    body = b"".join(parts)
    if len(body) > MAX_BODY:
        raise TooLarge("batch of the journal", f"{len(body)} bytes", f"at most {MAX_BODY}")
    return _frame(FULL, body)


def encode_compacted(record: Record | Compacted) -> bytes:
    """The bytes of a record without its entries."""
    head = _BODY.pack(record.start, record.end - record.start, len(record.checkpoint))
    return _frame(COMPACT, head + record.checkpoint)


def frame_length(head: bytes, subject: str) -> int:
    """The length of a whole frame from its first `HEAD_SIZE` bytes.

    Raises:
        Malformed: no record begins like this.
    """
    if len(head) < HEAD_SIZE:
        raise Malformed(subject, f"{len(head)} bytes", "the beginning of a record")
    magic, length = _HEAD.unpack_from(head)
    if magic not in {FULL, COMPACT} or not _BODY.size <= length <= MAX_BODY:
        raise Malformed(subject, f"the bytes {head[:HEAD_SIZE].hex()}", "the beginning of a record")
    return HEAD_SIZE + int(length) + DIGEST_SIZE


def decode(data: bytes, subject: str) -> Record | Compacted:
    """The record of a whole frame.

    Raises:
        Malformed: its length, its digest or its inside does not fit; `subject` says where it stands.
    """
    if len(data) != frame_length(data[:HEAD_SIZE], subject):
        raise Malformed(subject, f"{len(data)} bytes", "a whole record")
    if hashlib.sha256(data[:-DIGEST_SIZE]).digest() != data[-DIGEST_SIZE:]:
        raise Malformed(subject, "bytes that do not have the record's digest", "the bytes that were written")
    body = data[HEAD_SIZE:-DIGEST_SIZE]
    start, count, length = _BODY.unpack_from(body)
    at = _BODY.size + length
    checkpoint = bytes(body[_BODY.size : at])
    if data.startswith(COMPACT):
        return Compacted(start, start + count, checkpoint)
    entries: list[bytes] = []
    for _ in range(count):
        if len(body) < at + _LENGTH.size:
            raise Malformed(subject, f"an end after {len(entries)} entries", f"{count}")
        (size,) = _LENGTH.unpack_from(body, at)
        entries.append(bytes(body[at + _LENGTH.size : at + _LENGTH.size + size]))
        at += _LENGTH.size + size
    if at != len(body) or len(checkpoint) != length:
        raise Malformed(subject, f"{len(body)} bytes", f"{at} bytes of entries")
    return Record(start, tuple(entries), checkpoint)
