"""Bytes that somebody else holds, read a piece at a time: every length comes from the file, and so from an attacker."""

from typing import Literal, Protocol

from strongroom.model.errors import Malformed, TooLarge

_PIECE = 1 << 16


class Source(Protocol):
    """A file, or a part of one, of a known size."""

    @property
    def size(self) -> int:
        """Its length in bytes."""
        ...

    def at(self, offset: int, length: int) -> bytes:
        """The bytes from an offset on: fewer than `length` where it ends, none behind its end."""
        ...


class Memory:
    """Bytes at hand."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self._data)

    def at(self, offset: int, length: int) -> bytes:
        """A piece of them."""
        return self._data[offset : offset + length] if offset >= 0 else b""


class Part:
    """A part of another source: the member of an archive."""

    def __init__(self, whole: Source, start: int, size: int) -> None:
        self._whole = whole
        self._start = start
        self._size = max(0, min(size, whole.size - start))

    @property
    def start(self) -> int:
        """Where it begins in the whole."""
        return self._start

    @property
    def size(self) -> int:
        """Its length, never beyond the end of the whole."""
        return self._size

    def at(self, offset: int, length: int) -> bytes:
        """A piece of it."""
        if not 0 <= offset < self._size:
            return b""
        return self._whole.at(self._start + offset, min(length, self._size - offset))


class Cursor:
    """Reads a source from front to back, and steps over what is not wanted without reading it."""

    def __init__(
        self, source: Source, subject: str, start: int = 0, end: int | None = None, most: int = 1 << 26
    ) -> None:
        """`most` bounds the bytes that are read, steps not counted."""
        self.subject = subject
        self.place = start
        self.end = source.size if end is None else min(end, source.size)
        self._source = source
        self._most = most
        self._piece = b""
        self._base = start

    @property
    def left(self) -> int:
        """Bytes before the end."""
        return self.end - self.place

    def take(self, length: int) -> bytes:
        """The next bytes. Raises Malformed where fewer are left, TooLarge where too many were read."""
        begin = self.place - self._base
        end = begin + length
        if begin < 0 or length < 0 or end > len(self._piece):
            if length < 0 or length > self.left:
                found = f"{length} bytes announced at {self.place}, {max(0, self.left)} left"
                raise Malformed(self.subject, found, "a length within the file")
            self._fill(length)
            begin, end = 0, length
        self.place += length
        return self._piece[begin:end]

    def _fill(self, length: int) -> None:
        wanted = min(max(length, _PIECE), self.left)
        if length > self._most:
            raise TooLarge(self.subject, "a header that goes on and on", "one of an ordinary size")
        self._piece = self._source.at(self.place, wanted)
        self._base = self.place
        self._most -= min(length, wanted) if length > _PIECE else min(_PIECE, wanted)
        if len(self._piece) < length:
            raise Malformed(self.subject, "a file that became shorter", "a file that holds still")

    def skip(self, length: int) -> None:
        """Step over bytes. Raises Malformed where fewer are left."""
        if length < 0 or length > self.left:
            found = f"{length} bytes announced at {self.place}, {max(0, self.left)} left"
            raise Malformed(self.subject, found, "a length within the file")
        self.place += length

    def skip_texts(self, count: int, wide: int, order: str) -> None:
        """Step over texts, each behind its length of `wide` bytes. Raises Malformed as `skip`, TooLarge as `take`."""
        byteorder: Literal["little", "big"] = "big" if order == "big" else "little"
        read = int.from_bytes
        while count > 0:
            piece, at = self._piece, self.place - self._base
            last = len(piece) - wide
            # A vocabulary has a hundred thousand words: those that lie whole in what is buffered need no call each.
            while count > 0 and 0 <= at <= last:
                after = at + wide + read(piece[at : at + wide], byteorder)
                if after > len(piece):
                    break
                at, count = after, count - 1
            self.place = self._base + at if 0 <= at <= len(piece) else self.place
            if count > 0:
                self.skip(self.number(wide, order))
                count -= 1

    def number(self, size: int, order: str = "little") -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size), "big" if order == "big" else "little")

    def _ready(self) -> int:
        """How many bytes can be taken at once without reading again; one buffer's where none is left."""
        buffered = self._base + len(self._piece) - self.place
        return min(self.left, buffered) if 0 < buffered <= len(self._piece) else min(self.left, _PIECE)

    def line(self, most: int = 4096) -> bytes:
        """The bytes up to the next newline, which is taken too; empty where there are over `most` of them.

        Raises Malformed where there is no newline any more.
        """
        begin, parts, length = self.place, [], 0
        while True:
            piece = self.take(self._ready())
            at = piece.find(b"\n")
            kept = piece if at < 0 else piece[:at]
            length += len(kept)
            if length <= most:
                parts.append(kept)
            if at >= 0:
                self.place = begin + length + 1
                return b"".join(parts) if length <= most else b""
            if not self.left:
                raise Malformed(self.subject, "a line without an end", "a newline")


def safe_name(name: str) -> bool:
    """Whether a path of an archive or index stays below the folder that it is unpacked or read in."""
    pieces = name.replace("\\", "/").split("/")
    return bool(name) and "\0" not in name and pieces[0] != "" and ".." not in pieces and name[1:2] != ":"
