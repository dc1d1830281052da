"""A template in JSON, read with the lines of its resources; no key counts twice."""

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping

from strongroom.model.codes import GapCode

Span = tuple[int, int]
_SPACE = re.compile(r"[ \t\n\r]*")


class JsonError(Exception):
    """A text that is no JSON, or none that is read."""

    def __init__(self, code: GapCode, detail: str, line: int = 0) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.line = line


class _TwiceError(Exception):
    """Two values under one key."""


def read(text: str, max_depth: int) -> tuple[object, Mapping[str, Span]]:
    """The document, and the first and last line of every entry of its `Resources`. Raises JsonError."""
    breaks = [m.start() for m in re.finditer("\n", text)]
    spans: dict[str, Span] = {}

    def resource(key: str, key_at: int, value_at: int) -> tuple[object, int]:
        value, end = _DECODER.raw_decode(text, value_at)
        spans[key] = (bisect_right(breaks, key_at) + 1, bisect_right(breaks, end - 1) + 1)
        return value, end

    def section(key: str, key_at: int, value_at: int) -> tuple[object, int]:
        del key_at
        if key == "Resources" and text[value_at : value_at + 1] == "{":
            return _object_at(text, value_at, resource)
        return _DECODER.raw_decode(text, value_at)

    try:
        body = _document(text, section)
    except _TwiceError as e:
        raise JsonError(GapCode.DUPLICATE_KEY, f"the key {str(e)[:60]!r} stands twice in one object") from None
    except RecursionError:
        raise JsonError(GapCode.TOO_LARGE, f"it nests deeper than {max_depth} levels") from None
    except json.JSONDecodeError as e:
        raise JsonError(GapCode.MALFORMED, f"no JSON: {e.msg.lower()} at column {e.colno}", e.lineno) from None
    except ValueError as e:
        raise JsonError(GapCode.MALFORMED, f"no JSON: {str(e)[:100].lower()}") from None
    if _deeper(body, max_depth):
        raise JsonError(GapCode.TOO_LARGE, f"it nests deeper than {max_depth} levels")
    return body, spans


def _document(text: str, section: Callable[[str, int, int], tuple[object, int]]) -> dict[str, object]:
    body, end = _object_at(text, _skip(text, 0), section)
    if _skip(text, end) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return body


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _object_at(
    text: str, at: int, value_of: Callable[[str, int, int], tuple[object, int]]
) -> tuple[dict[str, object], int]:
    """The object that begins at an offset, and where it ends. `value_of` reads each value."""
    made: dict[str, object] = {}
    if text[at : at + 1] != "{":
        raise json.JSONDecodeError("Expecting an object", text, at)
    at = _skip(text, at + 1)
    if text[at : at + 1] == "}":
        return made, at + 1
    while True:
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError("Expecting a name in double quotes", text, at)
        begin = at
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise json.JSONDecodeError("Expecting ':'", text, at)
        if key in made:
            raise _TwiceError(key)
        made[key], at = value_of(key, begin, _skip(text, at + 1))
        at = _skip(text, at)
        if text[at : at + 1] == "}":
            return made, at + 1
        if text[at : at + 1] != ",":
            raise json.JSONDecodeError("Expecting ',' or '}'", text, at)
        at = _skip(text, at + 1)


def _deeper(value: object, most: int) -> bool:
    waiting = [(value, 1)]
    while waiting:
        here, depth = waiting.pop()
        if depth > most and isinstance(here, dict | list):
            return True
        if isinstance(here, dict):
            waiting += [(v, depth + 1) for v in here.values()]
        elif isinstance(here, list):
            waiting += [(v, depth + 1) for v in here]
    return False


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _TwiceError(next(k for k, n in Counter(k for k, _ in pairs).items() if n > 1))
    return made


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)
