"""Streams of one compressed file: gzip, zlib, bzip2, xz; unpacked in memory up to a bound."""

import bz2
import lzma
import zlib
from collections.abc import Generator

from strongroom.kit.formats.bounded import Source
from strongroom.model.errors import Malformed, TooLarge

GZIP, BZIP2, XZ = b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00"
LZMA = b"\x5d\x00\x00"  # the old form, which joblib writes for `lzma`
ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_MEMORY = 1 << 28
_PIECE, _FED = 1 << 20, 1 << 16


def kind_of(head: bytes) -> str:
    """The word for a stream, by its first bytes; empty for none."""
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith(BZIP2) and head[3:4].isdigit() and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    if head.startswith(XZ):
        return "xz"
    if head.startswith(LZMA) and len(head) > 13:
        return "lzma"
    return "zlib" if head[:2] in ZLIB else ""


def unpack(source: Source, kind: str, most: int) -> tuple[bytes, int]:
    """What a file unpacks to, all its members behind each other, and how many bytes follow that are none.

    Raises:
        Malformed: it is damaged, or ends early.
        TooLarge: it unpacks to over `most` bytes.
    """
    parts: list[bytes] = []
    size = place = 0
    while place < source.size:
        before, kept = place, (len(parts), size)
        try:
            size, place = _member(source, place, kind, parts, most - size)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as e:
            if before and kind != "xz":
                return b"".join(parts[: kept[0]]), source.size - before  # a tail behind the last member
            raise Malformed(f"{kind} stream", str(e).lower()[:80] or "damaged bytes", "a whole stream") from None
        size += kept[1]
    return b"".join(parts), 0


def _member(source: Source, place: int, kind: str, parts: list[bytes], most: int) -> tuple[int, int]:
    """One member onto `parts`: its size, and where it ends."""
    pieces = _inflated(kind) if kind in ("gzip", "zlib") else _decoded(kind)
    size = 0
    next(pieces)
    while place < source.size:
        given = source.at(place, _FED)
        place += len(given)
        answer: bytes | int | None = pieces.send(given)
        while isinstance(answer, bytes):
            size += len(answer)
            if size > most:
                raise TooLarge(f"{kind} stream", f"over {most} bytes unpacked", "fewer")
            parts.append(answer)
            answer = next(pieces)
        if answer is not None:
            return size, place - answer
        if not given:
            break
    raise Malformed(f"{kind} stream", "an end within it", "a whole stream")


# What a decoder answers to what it is sent: pieces of what it unpacked, then None for more input, or at the end of the
# member how many of the bytes sent last it did not need.
_Answers = Generator[bytes | int | None, bytes, None]


def _inflated(kind: str) -> _Answers:
    one = zlib.decompressobj(31 if kind == "gzip" else 15)
    given = yield None
    while True:
        while given and not one.eof:
            yield one.decompress(given, _PIECE)
            given = one.unconsumed_tail
        given = yield len(one.unused_data) if one.eof else None


def _decoded(kind: str) -> _Answers:
    one: bz2.BZ2Decompressor | lzma.LZMADecompressor = (
        bz2.BZ2Decompressor()
        if kind == "bzip2"
        else lzma.LZMADecompressor(lzma.FORMAT_XZ if kind == "xz" else lzma.FORMAT_ALONE, memlimit=_MEMORY)
    )
    given = yield None
    while True:
        yield one.decompress(given, _PIECE)
        while not one.eof and not one.needs_input:
            yield one.decompress(b"", _PIECE)
        given = yield len(one.unused_data) if one.eof else None


def first_of_7z(source: Source, most: int) -> bytes:
    """What the first packed stream of a 7z archive holds, where it is LZMA2; empty where it is not, or is damaged.

    It begins behind the signature header of 32 bytes (7zFormat.txt, "SignatureHeader"). The archive's own directory is
    not read, so that this finds something and proves nothing.
    """
    one = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 24}])
    try:
        return one.decompress(source.at(32, most), most)
    except (lzma.LZMAError, EOFError, MemoryError):
        return b""
