"""JSON of the API: one object, a list of a hundred thousand, or one object a line. Items are read one at a time."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from strongroom.kit import strict_json
from strongroom.model.codes import GapCode


class _Head(msgspec.Struct):
    """The outside of a document. The items stay bytes until their turn comes."""

    kind: str = ""
    version: str = msgspec.field(default="", name="apiVersion")
    items: list[msgspec.Raw] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a document, as plain values, or the reason why it cannot be read."""

    value: object
    line_start: int
    line_end: int
    code: GapCode | None = None
    detail: str = ""
    listed: bool = False  # it is one of many that kubectl wrote together
    of: tuple[str, str] = ("", "")  # kind and apiVersion of their list


def read(data: bytes, subject: str) -> Iterator[Item]:
    """The objects of a document. Raises Malformed or TooLarge when the document as a whole cannot be read."""
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from _otherwise(data, subject)
        return
    if head.items is None or not head.kind.endswith("List"):
        strict_json.check(data, subject)
        yield Item(json.loads(data), 1, 1 + data.rstrip().count(b"\n"))
        return
    for item in _listed(data, head.items, subject):
        yield replace(item, of=(head.kind, head.version))


def _otherwise(data: bytes, subject: str) -> Iterator[Item]:
    """A document whose outside is no single list: JSON lines, or broken."""
    lines = data.splitlines()
    if len(lines) > 1 and all(x.lstrip()[:1] == b"{" and x.rstrip()[-1:] == b"}" for x in lines if x.strip()):
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _one(line, number, number)
        return
    strict_json.check(data, subject)
    yield Item(json.loads(data), 1, 1 + data.rstrip().count(b"\n"))


def _listed(data: bytes, items: Sequence[msgspec.Raw], subject: str) -> Iterator[Item]:
    """The items of a list with their lines, found by walking over the bytes between them."""
    first = _first(data, items)
    if first < 0 and items:  # the walk lost its way: look at all of it for keys that stand twice
        strict_json.check(data, subject)
    line, at, last = data.count(b"\n", 0, max(first, 0)) + 1, max(first, 0), 0
    for raw in items:
        here = bytes(raw)
        if first >= 0:
            begin = data.find(here[:1], at)
            line += data.count(b"\n", at, begin)
            at = last = begin + len(here)
            inside = here.count(b"\n")
            yield _one(here, line, line + inside)
            line += inside
        else:
            yield _one(here, 0, 0)
    if first >= 0:  # what stands around the items must not hold a second list that hides the first
        strict_json.check(data[:first] + data[last:], subject)


def _first(data: bytes, items: Sequence[msgspec.Raw]) -> int:
    """Where the first item begins; -1 when the items are not where the first `items` says."""
    if not items:
        return -1
    at = data.find(b'"items"')
    at = data.find(b"[", at) if at >= 0 else -1
    begin = at + 1 + len(data[at + 1 : at + 4096]) - len(data[at + 1 : at + 4096].lstrip()) if at >= 0 else -1
    here = bytes(items[0])
    return begin if begin >= 0 and data[begin : begin + len(here)] == here else -1


def _one(raw: bytes, start: int, end: int) -> Item:
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
    except _TwiceError as e:
        return Item(None, start, end, GapCode.DUPLICATE_KEY, f"the key {str(e)[:60]!r} stands twice in one object")
    except RecursionError:
        return Item(None, start, end, GapCode.TOO_LARGE, "objects nested too deeply")
    except UnicodeDecodeError:
        return Item(None, start, end, GapCode.NOT_UTF8, "it is no UTF-8 text")
    except ValueError as e:
        return Item(None, start, end, GapCode.MALFORMED, f"no JSON: {str(e)[:100].lower()}")
    return Item(value, start, end, listed=True)


class _TwiceError(Exception):
    """Two values under one key."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _TwiceError(next(k for k, n in Counter(k for k, _ in pairs).items() if n > 1))
    return made


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)
