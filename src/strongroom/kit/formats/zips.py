"""ZIP archives by their central directory (PKWARE APPNOTE 6.3.10), with what two readers could see differently."""

import itertools
import zlib
from collections import Counter
from dataclasses import dataclass, field

from strongroom.kit.formats.bounded import Cursor, Memory, Part, Source, safe_name
from strongroom.model.errors import Malformed, TooLarge

SUBJECT = "archive"
MAGIC = b"PK\x03\x04"
EMPTY = b"PK\x05\x06"
MOST_ENTRIES = 200_000
MOST_DIRECTORY = 64 << 20
MOST_INFLATED = 64 << 20
_END = b"PK\x05\x06"  # APPNOTE 4.3.16
_END_SIZE = 22
_END64_LOCATOR = b"PK\x06\x07"  # APPNOTE 4.3.15
_END64 = b"PK\x06\x06"  # APPNOTE 4.3.14
_ENTRY = b"PK\x01\x02"  # APPNOTE 4.3.12
_ENTRY_SIZE = 46
_LOCAL_SIZE = 30
_BIG = 0xFFFFFFFF
_STORED, _DEFLATED = 0, 8
_STREAMED = 0x8  # general purpose bit 3
_MOST_GAP = 1 << 20
_ENCRYPTED = 0x1 | 0x40  # general purpose bits 0 and 6
_BOMB_RATIO = 1_000
_BOMB_LEAST = 1 << 30


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive, as the central directory has it."""

    name: str
    method: int
    flags: int
    packed: int
    size: int
    offset: int
    crc: int = 0

    @property
    def encrypted(self) -> bool:
        """Whether its flags say so."""
        return bool(self.flags & _ENCRYPTED)


@dataclass(slots=True)
class Zip:
    """The entries of an archive, and what is wrong with it: each a short sentence."""

    entries: list[Entry] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def named(self, name: str) -> Entry | None:
        """The entry of a name."""
        return next((e for e in self.entries if e.name == name), None)


def read(source: Source) -> Zip:
    """The central directory. Raises Malformed where there is none that holds, TooLarge where it is over the limits."""
    count, size, offset, shift = _end(source)
    if count > MOST_ENTRIES or size > MOST_DIRECTORY:
        raise TooLarge(SUBJECT, f"{count} entries in a directory of {size} bytes", f"at most {MOST_ENTRIES}")
    if offset + shift + size > source.size or count * _ENTRY_SIZE > size:
        raise Malformed(SUBJECT, f"a directory of {count} entries and {size} bytes", "one that fits the file")
    found = Zip()
    cursor = Cursor(Memory(source.at(offset + shift, size)), SUBJECT, most=MOST_DIRECTORY * 2)
    for _ in range(count):
        found.entries.append(_entry(cursor, shift))
    found.faults = _faults(found.entries, source)
    return found


def _end(source: Source) -> tuple[int, int, int, int]:
    """Entries, size and offset of the directory, and how far everything is shifted by what stands before the archive."""
    tail_at = max(0, source.size - _END_SIZE - 0xFFFF)
    tail = source.at(tail_at, source.size - tail_at)
    at = tail.rfind(_END)
    while at >= 0 and at + _END_SIZE + int.from_bytes(tail[at + 20 : at + 22], "little") > len(tail):
        at = tail.rfind(_END, 0, at)
    if at < 0:
        raise Malformed(SUBJECT, "no end of a central directory", "a whole archive")
    place = tail_at + at
    count, size, offset = (int.from_bytes(tail[at + a : at + b], "little") for a, b in ((10, 12), (12, 16), (16, 20)))
    wide = _end64(source, place)
    if wide is not None:
        return (*wide, 0)
    shift = place - size - offset
    if shift < 0:
        raise Malformed(SUBJECT, "a central directory that overlaps its end", "one that fits the file")
    return count, size, offset, shift


def _end64(source: Source, place: int) -> tuple[int, int, int] | None:
    locator = source.at(place - 20, 20) if place >= 20 else b""
    if locator[:4] != _END64_LOCATOR:
        return None
    data = source.at(int.from_bytes(locator[8:16], "little"), 56)
    if data[:4] != _END64 or len(data) < 56:
        raise Malformed(SUBJECT, "no ZIP64 end where it is said to be", "a whole archive")
    count, size, offset = (int.from_bytes(data[a : a + 8], "little") for a in (32, 40, 48))
    return count, size, offset


def _entry(cursor: Cursor, shift: int) -> Entry:
    head = cursor.take(_ENTRY_SIZE)
    if head[:4] != _ENTRY:
        raise Malformed(SUBJECT, "no entry where one must be", "a whole central directory")
    flags, method = int.from_bytes(head[8:10], "little"), int.from_bytes(head[10:12], "little")
    packed, size = int.from_bytes(head[20:24], "little"), int.from_bytes(head[24:28], "little")
    lengths = [int.from_bytes(head[a : a + 2], "little") for a in (28, 30, 32)]
    offset = int.from_bytes(head[42:46], "little")
    name, extra = cursor.take(lengths[0]), cursor.take(lengths[1])
    cursor.skip(lengths[2])
    size, packed, offset = _wide(extra, size, packed, offset)
    text = name.decode("utf-8", "backslashreplace")
    return Entry(text, method, flags, packed, size, offset + shift, int.from_bytes(head[16:20], "little"))


def _wide(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """The 64-bit values of an entry, where the 32-bit ones are full (APPNOTE 4.5.3)."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = int.from_bytes(extra[at : at + 2], "little"), int.from_bytes(extra[at + 2 : at + 4], "little")
        if tag == 1:
            body = extra[at + 4 : at + 4 + length]
            values = [int.from_bytes(body[i : i + 8], "little") for i in range(0, len(body) - 7, 8)]
            wanted = [v == _BIG for v in (size, packed, offset)]
            if sum(wanted) > len(values):
                raise Malformed(SUBJECT, "a ZIP64 field that is too short", "a value for each that is full")
            taken = iter(values)
            size, packed, offset = (
                next(taken) if w else v for w, v in zip(wanted, (size, packed, offset), strict=True)
            )
            return size, packed, offset
        at += 4 + length
    return size, packed, offset


def _faults(entries: list[Entry], source: Source) -> list[str]:
    faults = []
    outside = [e.name for e in entries if not safe_name(e.name.rstrip("/"))]
    if outside:
        faults.append(f"entry {outside[0][:80]!r} leaves the folder that it is unpacked in")
    twice = [name for name, n in Counter(e.name for e in entries).items() if n > 1]
    if twice:
        faults.append(f"two entries are called {twice[0][:80]!r}")
    packed, size = sum(e.packed for e in entries), sum(e.size for e in entries)
    if size > _BOMB_LEAST and size > _BOMB_RATIO * max(1, source.size):
        faults.append(f"{source.size} bytes claim to unpack to {size}")
    if packed > source.size or any(e.offset + _LOCAL_SIZE + e.packed > source.size for e in entries):
        faults.append("entries claim more bytes than the archive has")
    places = sorted((e.offset, e.offset + _LOCAL_SIZE + e.packed) for e in entries)
    if any(a[1] > b[0] for a, b in itertools.pairwise(places)):
        faults.append("entries overlap")
    return faults


def local(source: Source, entry: Entry) -> tuple[Part, str]:
    """The packed bytes of an entry, and how its local header differs from the directory: empty where it does not.

    Raises Malformed where there is no local header.
    """
    head = source.at(entry.offset, _LOCAL_SIZE)
    if head[:4] != MAGIC or len(head) < _LOCAL_SIZE:
        raise Malformed(SUBJECT, f"no local header of {entry.name[:60]!r}", "one where the directory says")
    name_size, extra_size = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
    name = source.at(entry.offset + _LOCAL_SIZE, name_size).decode("utf-8", "backslashreplace")
    begin = entry.offset + _LOCAL_SIZE + name_size + extra_size
    differs = ""
    if name != entry.name:
        differs = f"{entry.name[:60]!r} is called {name[:60]!r} before its own bytes"
    elif int.from_bytes(head[8:10], "little") != entry.method:
        differs = f"{entry.name[:60]!r} has another method before its own bytes"
    elif int.from_bytes(head[6:8], "little") & _ENCRYPTED != entry.flags & _ENCRYPTED:
        differs = f"{entry.name[:60]!r} is encrypted in one place and not in the other"
    elif not _same_size(head, entry):
        differs = f"{entry.name[:60]!r} has another size before its own bytes"
    return Part(source, begin, entry.packed), differs


def _same_size(head: bytes, entry: Entry) -> bool:
    """Whether the local header has the sizes of the directory; a streamed entry has them behind its bytes."""
    packed, size = int.from_bytes(head[18:22], "little"), int.from_bytes(head[22:26], "little")
    if int.from_bytes(head[6:8], "little") & _STREAMED and not packed and not size:
        return True
    return packed in (entry.packed, _BIG) and size in (entry.size, _BIG)


def hidden(source: Source, found: Zip, most: int = 10_000) -> str:
    """Where a local header stands that the directory does not list; empty for nowhere.

    Readers that go from front to back, and those that repair archives, see such an entry.
    """
    place = 0
    for entry in sorted(found.entries, key=lambda e: e.offset)[:most]:
        gap = source.at(place, min(max(0, entry.offset - place), _MOST_GAP))
        if MAGIC in gap:
            return f"an entry at byte {place + gap.find(MAGIC)} that the directory does not list"
        try:
            part, _ = local(source, entry)
        except Malformed:
            return ""
        place = max(place, part.start + entry.packed)
    return ""


def unpacked(source: Source, entry: Entry, most: int = MOST_INFLATED) -> Source:
    """The content of an entry, or its beginning where it is over `most`; an encrypted flag is taken for a lie.

    Readers of checkpoints do not look at the flag, so whoever sets it hides nothing from them.

    Raises:
        Malformed: it does not inflate.
        TooLarge: it is packed in more bytes than are read.
    """
    packed, _ = local(source, entry)
    if entry.method == _STORED:
        return packed
    if entry.method != _DEFLATED:
        raise Malformed(SUBJECT, f"method {entry.method} of {entry.name[:60]!r}", "stored or deflated")
    if packed.size > most:
        raise TooLarge(SUBJECT, f"{packed.size} bytes of {entry.name[:60]!r}", f"at most {most}")
    return Memory(inflate(packed.at(0, packed.size), most, -15))


def inflate(data: bytes, most: int, window: int) -> bytes:
    """At most `most` bytes of what is deflated; `window` as zlib has it (-15 raw, 31 gzip). Raises Malformed."""
    try:
        return zlib.decompressobj(window).decompress(data, most)
    except zlib.error as e:
        raise Malformed(SUBJECT, str(e).lower()[:80], "deflated bytes") from None
