"""Datasets by their first bytes: Parquet, Arrow, Feather, TFRecord, JSON lines, tar shards; and logs of prompts."""

import json
import re
from dataclasses import dataclass

from strongroom.kit.formats.bounded import Source, safe_name
from strongroom.model.errors import Malformed

PARQUET, SEALED_PARQUET = b"PAR1", b"PARE"  # parquet-format README; Encryption.md: an encrypted footer
ARROW = b"ARROW1"  # Arrow columnar format, "IPC File Format"
FEATHER_1 = b"FEA1"
_BLOCK = 512  # POSIX pax interchange format, "ustar"
MOST_MEMBERS = 20_000
_MOST_NAME = 1 << 16
_REGULAR, _DEVICES = (b"0", b"\0", b"7"), (b"3", b"4", b"6")
_LONGER, _ABOUT_ALL = (b"L", b"x"), (b"g", b"K", b"V")
_MASK = 0xA282EAD8  # TFRecord: masked CRC-32C (tensorflow/core/lib/hash/crc32c.h)
_POLYNOMIAL = 0x82F63B78  # CRC-32C, reflected (RFC 3720, appendix B.4)

_PROMPT = ({"messages"}, {"prompt", "completion"}, {"prompt", "response"}, {"input", "output"}, {"request", "response"})
_ANSWERED = ({"messages", "choices"}, *_PROMPT)
_LEARNED = ({"text"}, {"instruction"}, {"question", "answer"}, {"input", "label"}, {"text", "label"}, *_PROMPT)
_WHEN = frozenset({"timestamp", "time", "created", "created_at", "ts", "date", "@timestamp", "datetime"})


def parquet_fault(source: Source) -> str:
    """What is wrong with a Parquet file: its end must repeat the magic after the length of a footer; empty for nothing."""
    tail = source.at(max(0, source.size - 8), 8)
    if tail[4:] not in (PARQUET, SEALED_PARQUET):
        return "it does not end as a Parquet file"
    length = int.from_bytes(tail[:4], "little")
    return f"a footer of {length} bytes in {source.size}" if length > source.size - 12 else ""


def looks_like_tfrecord(head: bytes, size: int) -> bool:
    """Whether a file begins with a length and the masked CRC-32C of it."""
    if len(head) < 12:
        return False
    if int.from_bytes(head[:8], "little") + 16 > size:
        return False
    crc = _crc32c(head[:8])
    masked = (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF
    return masked == int.from_bytes(head[8:12], "little")


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def lines_of(head: bytes, *, whole: bool) -> str:
    """What the beginning of a file of JSON lines holds: `prompt-log`, `examples`, `objects`, or nothing of the kind.

    `whole` says that the file ends with the head; else its last line is cut and does not count.
    """
    pieces = head.split(b"\n")[: 20 if whole else -1][:20]
    objects = []
    for piece in pieces:
        if not piece.strip():
            continue
        try:
            found = json.loads(piece)
        except (ValueError, RecursionError):
            return ""
        if not isinstance(found, dict):
            return ""
        objects.append({str(k).lower() for k in found})
    if not objects:
        return ""
    if all(_WHEN & keys and any(want <= keys for want in _ANSWERED) for keys in objects):
        return "prompt-log"
    return "examples" if all(any(want <= keys for want in _LEARNED) for keys in objects) else "objects"


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a tar archive: its name, where its bytes are, and how many."""

    name: str
    start: int
    size: int


def looks_like_tar(head: bytes) -> bool:
    """Whether a file begins with the header of a member, checksum included."""
    return head[257:262] == b"ustar" and _checksum(head[:_BLOCK])


def _checksum(block: bytes) -> bool:
    if len(block) < _BLOCK:
        return False
    try:
        stated = _octal(block[148:156])
    except Malformed:
        return False
    return stated == sum(block[:148]) + 8 * 32 + sum(block[156:])


def _octal(text: bytes) -> int:
    if text[:1] >= b"\x80":  # GNU: a number of base 256
        return int.from_bytes(text[1:], "big")
    digits = text.strip(b" \0")
    if digits.strip(b"01234567"):
        raise Malformed("tar header", f"the number {digits[:20]!r}", "octal digits")
    return int(digits or b"0", 8)


def tar_members(source: Source) -> tuple[list[Member], list[str]]:
    """The regular files of a tar archive, headers only, and what is wrong with it. Raises Malformed for a broken header.

    Names of over 100 bytes stand in a member of their own before: GNU's `L`, or `path` of a pax header `x`.
    """
    members: list[Member] = []
    faults: dict[str, None] = {}
    place, longer = 0, ""
    for _ in range(MOST_MEMBERS):
        block = source.at(place, _BLOCK)
        if len(block) < _BLOCK or not block.strip(b"\0"):
            return members, list(faults)
        if not _checksum(block):
            raise Malformed("tar header", f"a wrong checksum at {place}", "a whole archive")
        size, kind = _octal(block[124:136]), block[156:157]
        if place + _BLOCK + size > source.size:
            faults["it ends within a member"] = None
            return members, list(faults)
        if kind in _LONGER:
            longer = _longer(kind, source.at(place + _BLOCK, min(size, _MOST_NAME))) or longer
        elif kind not in _ABOUT_ALL:
            text = longer or _name(block)
            longer = ""
            if not safe_name(text.rstrip("/")):
                faults[f"member {text[:80]!r} leaves the folder that it is unpacked in"] = None
            if kind in _REGULAR:
                members.append(Member(text, place + _BLOCK, size))
            elif kind in (b"1", b"2"):
                faults["it holds links"] = None
            elif kind in _DEVICES:
                faults["it holds devices or pipes"] = None
        place += _BLOCK + -(-size // _BLOCK) * _BLOCK
    return members, list(faults)


def _name(block: bytes) -> str:
    before = block[345:500].rstrip(b"\0") + b"/" if block[345:346] not in (b"\0", b"") else b""
    return (before + block[:100].rstrip(b"\0")).decode("utf-8", "backslashreplace")


def _longer(kind: bytes, data: bytes) -> str:
    """The name of the member that follows, where the member that stands before it says one."""
    if kind == b"L":
        return data.rstrip(b"\0").decode("utf-8", "backslashreplace")
    found = re.search(rb"(?:^|\n)\d+ path=([^\n]*)\n", data)
    return found[1].decode("utf-8", "backslashreplace") if found else ""


def is_webdataset(members: list[Member]) -> bool:
    """Whether members come in groups that share a name up to the first dot, as WebDataset's samples do."""
    if len(members) < 4:
        return False
    groups: dict[str, set[str]] = {}
    for m in members:
        folder, _, name = m.name.rpartition("/")
        stem, _, suffix = name.partition(".")
        groups.setdefault(f"{folder}/{stem}", set()).add(suffix)
    return len(groups) > 1 and all(len(g) > 1 for g in groups.values())
