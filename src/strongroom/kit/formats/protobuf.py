"""The wire format of protocol buffers, walked without a schema: tag, wire type, value; payloads are stepped over."""

from collections.abc import Iterator
from typing import NamedTuple

from strongroom.kit.formats.bounded import Cursor, Source
from strongroom.model.errors import Malformed, TooLarge

MOST_DEPTH = 24
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Field(NamedTuple):
    """One field: its number, its wire type, its value where that is a number, and where its bytes are."""

    number: int
    wire: int
    value: int
    start: int
    end: int


class Message:
    """A message within a source. Every field that is looked at, at any depth, counts against one budget."""

    def __init__(
        self, source: Source, subject: str, *, start: int = 0, end: int | None = None, budget: list[int], depth: int = 0
    ) -> None:
        """`budget` is a list of one number, shared by all messages of a file."""
        if depth > MOST_DEPTH:
            raise TooLarge(subject, "messages nested too deeply", f"at most {MOST_DEPTH} levels")
        self.subject = subject
        self._source = source
        self._start = start
        self._end = source.size if end is None else end
        self._budget = budget
        self._depth = depth

    def fields(self) -> Iterator[Field]:
        """Every field in order. Raises Malformed, TooLarge."""
        cursor = Cursor(self._source, self.subject, self._start, self._end, most=1 << 30)
        while cursor.left > 0:
            self._budget[0] -= 1
            if self._budget[0] < 0:
                raise TooLarge(self.subject, "more fields than are followed", "fewer")
            tag = varint(cursor)
            number, wire = tag >> 3, tag & 7
            if not number:
                raise Malformed(self.subject, "a field of number 0", "1 or more")
            start, value = cursor.place, 0
            if wire == VARINT:
                value = varint(cursor)
            elif wire == BYTES:
                length = varint(cursor)
                start = cursor.place
                cursor.skip(length)
            elif wire in (FIXED32, FIXED64):
                cursor.skip(4 if wire == FIXED32 else 8)
            else:
                raise Malformed(self.subject, f"the wire type {wire}", "0, 1, 2 or 5")
            yield Field(number, wire, value, start, cursor.place)

    def inner(self, field: Field) -> "Message":
        """The message that a field holds. Raises TooLarge where it is too deep."""
        return Message(
            self._source,
            self.subject,
            start=field.start,
            end=field.end,
            budget=self._budget,
            depth=self._depth + 1,
        )

    def text(self, field: Field, most: int = 1024) -> str:
        """The text of a field, cut at `most` bytes."""
        return self._source.at(field.start, min(most, field.end - field.start)).decode("utf-8", "backslashreplace")


def varint(cursor: Cursor) -> int:
    """A number of seven bits a byte. Raises Malformed for one of over ten bytes."""
    value = 0
    for shift in range(0, 70, 7):
        byte = cursor.take(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF
    raise Malformed(cursor.subject, "a number of over ten bytes", "a varint")
