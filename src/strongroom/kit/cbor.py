"""CBOR as RFC 8949 defines it, read strictly and within limits: what two readers could read differently is refused.

Only what signed evidence needs: whole numbers, strings, arrays, maps, false, true and null; tags where they are asked
for. Arrays and maps may have an indefinite length, as security modules write them; a string comes in one piece. Every
head has its shortest form (section 4.2.1), so a value has one spelling, and no key stands twice in a map (section 5.6).
Floating-point numbers, `undefined` and other simple values say nothing that evidence has to say.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from strongroom.model.errors import Malformed, TooLarge

MAX = 1 << 20  # octets of one text
MAX_DEPTH = 8  # levels; an attestation document has four
MAX_ITEMS = 4096  # in one text: each costs memory many times its octets
_UNSIGNED, _NEGATIVE, _OCTETS, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)  # section 3.1, major types
_INDEFINITE = 31  # section 3.2
_BREAK = 0xFF
_VALUES = {20: False, 21: True, 22: None}  # section 3.3

Key = int | str
Item: TypeAlias = "bool | int | bytes | str | tuple[Item, ...] | dict[Key, Item] | Tagged | None"


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value under a tag (section 3.4)."""

    number: int
    value: Item


def _bad(found: str, wanted: str) -> Malformed:
    return Malformed("CBOR", found, wanted)


class _Reader:
    """Takes one item after another off the octets."""

    def __init__(self, data: bytes, tags: Collection[int]) -> None:
        self.data = data
        self.tags = tags
        self.at = 0
        self.left = MAX_ITEMS

    def take(self, size: int) -> bytes:
        """The next octets. Raises Malformed where there are fewer."""
        end = self.at + size
        if end > len(self.data):
            raise _bad(f"{len(self.data) - self.at} octets at {self.at}", f"{size}")
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def head(self) -> tuple[int, int | None]:
        """Major type and argument; None for an indefinite length. Raises Malformed for a longer form than needed."""
        at = self.at
        first = self.take(1)[0]
        major, low = first >> 5, first & 0x1F
        if low < 24:
            return major, low
        if low == _INDEFINITE and major in (_ARRAY, _MAP):
            return major, None
        if low > 27 or major == _SIMPLE:
            raise _bad(f"the head 0x{first:02x} at {at}", "a number, a string, an array, a map, false, true or null")
        size = 1 << (low - 24)
        argument = int.from_bytes(self.take(size), "big")
        if argument < 24 or (size > 1 and argument >> (4 * size) == 0):
            raise _bad(f"{argument} in {size} octets at {at}", "the shortest form")
        return major, argument

    def item(self, depth: int) -> Item:
        """The next item. Raises Malformed, TooLarge."""
        self.left -= 1
        if depth > MAX_DEPTH or self.left < 0:
            raise TooLarge("CBOR", "too many levels or items", f"at most {MAX_DEPTH} levels and {MAX_ITEMS} items")
        at = self.at
        major, argument = self.head()
        if major == _ARRAY:
            return self.array(argument, depth)
        if major == _MAP:
            return self.map(argument, depth)
        assert argument is not None
        if major <= _NEGATIVE:
            return argument if major == _UNSIGNED else -1 - argument
        if major <= _TEXT:
            return self.string(major, argument)
        if major == _TAG:
            if argument not in self.tags:
                raise _bad(f"the tag {argument} at {at}", "no tag" if not self.tags else f"one of {sorted(self.tags)}")
            return Tagged(argument, self.item(depth + 1))
        if argument not in _VALUES:
            raise _bad(f"the simple value {argument} at {at}", "false, true or null")
        return _VALUES[argument]

    def string(self, major: int, size: int) -> bytes | str:
        """A string in one piece; text is UTF-8. Raises Malformed."""
        at = self.at
        octets = self.take(size)
        if major == _OCTETS:
            return octets
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            raise _bad(f"a text at {at} that is not UTF-8", "UTF-8") from None

    def more(self, count: int | None, done: int) -> bool:
        """Whether another item follows in an array or a map."""
        if count is not None:
            return done < count
        if self.at < len(self.data) and self.data[self.at] == _BREAK:
            self.at += 1
            return False
        return True

    def array(self, count: int | None, depth: int) -> tuple[Item, ...]:
        """The items of an array. Raises Malformed, TooLarge."""
        found: list[Item] = []
        while self.more(count, len(found)):
            found.append(self.item(depth + 1))
        return tuple(found)

    def map(self, count: int | None, depth: int) -> dict[Key, Item]:
        """The pairs of a map, whose keys are numbers or texts, each once. Raises Malformed, TooLarge."""
        found: dict[Key, Item] = {}
        while self.more(count, len(found)):
            at = self.at
            key = self.item(depth + 1)
            if isinstance(key, bool) or not isinstance(key, int | str):
                raise _bad(f"a key at {at} that is neither number nor text", "a number or a text")
            if key in found:
                raise _bad(f"the key {key!r} twice", "every key once")
            found[key] = self.item(depth + 1)
        return found


def first(data: bytes, tags: Collection[int] = ()) -> tuple[Item, int]:
    """The item at the beginning and the offset behind it. Raises Malformed, TooLarge."""
    if len(data) > MAX:
        raise TooLarge("CBOR", f"{len(data)} octets", f"at most {MAX}")
    reader = _Reader(data, tags)
    return reader.item(1), reader.at


def read(data: bytes, tags: Collection[int] = ()) -> Item:
    """The only item of the octets. `tags` are the numbers that may stand in it. Raises Malformed, TooLarge."""
    item, end = first(data, tags)
    if end != len(data):
        raise _bad(f"{len(data) - end} octets after the item", "nothing")
    return item


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    size = next(n for n in (1, 2, 4, 8) if argument < 1 << (8 * n))
    return bytes([major << 5 | 23 + size.bit_length()]) + argument.to_bytes(size, "big")


def encode(item: Item) -> bytes:
    """The octets of an item: definite lengths, shortest heads, a map's pairs in the order that they have.

    Raises OverflowError for a whole number beyond 64 bits.
    """
    if isinstance(item, bool) or item is None:
        return bytes([_SIMPLE << 5 | {False: 20, True: 21, None: 22}[item]])
    if isinstance(item, int):
        if not -(1 << 64) <= item < 1 << 64:
            raise OverflowError("a whole number of CBOR has 64 bits")
        return _head(_UNSIGNED, item) if item >= 0 else _head(_NEGATIVE, -1 - item)
    if isinstance(item, bytes):
        return _head(_OCTETS, len(item)) + item
    if isinstance(item, str):
        octets = item.encode()
        return _head(_TEXT, len(octets)) + octets
    if isinstance(item, Tagged):
        return _head(_TAG, item.number) + encode(item.value)
    if isinstance(item, dict):
        return _head(_MAP, len(item)) + b"".join(encode(k) + encode(v) for k, v in item.items())
    return _head(_ARRAY, len(item)) + b"".join(map(encode, item))
