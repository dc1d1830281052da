"""JSON as a security tool must read it: a document that two parsers could read differently is refused."""

import json
from collections.abc import Sequence

import msgspec

from strongroom.model.errors import Malformed, TooLarge

MAX_DEPTH = 200
_MOST_COMPACT = 1 << 20  # octets: what is read here is held in memory, and thrown away


class DuplicateKeyError(ValueError):
    """Two values under one key. Parsers differ on which one counts, so an attacker can show each its own."""


def _no_duplicates(pairs: Sequence[tuple[str, object]]) -> None:
    # The objects themselves are thrown away: this pass only looks, and so costs no memory on a large document.
    if len(pairs) > 1:
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise DuplicateKeyError(key)
            seen.add(key)


def _no_constants(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def line_of(text: bytes, offset: int) -> int:
    """The 1-based line of a byte offset."""
    return text.count(b"\n", 0, offset) + 1


def _compact(data: bytes) -> bool:
    """Whether a document is as it comes out again when it is read and written: then no key in it was there twice.

    That is how programs send it, and is told some ten times sooner than by looking at each pair.
    """
    if len(data) > _MOST_COMPACT:
        return False
    try:
        return msgspec.json.encode(msgspec.json.decode(data)) == data
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False


def check(data: bytes, subject: str, hint: str = "") -> None:
    """Refuse a document that is not UTF-8 JSON, nests too deeply, or has a key twice in one object.

    Raises Malformed or TooLarge, naming the line where it is known.
    """
    if _compact(data):
        return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        line = line_of(data, e.start)
        raise Malformed(f"{subject}:{line}", f"byte 0x{data[e.start]:02x}", "UTF-8 text", hint) from None
    try:
        json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
    except DuplicateKeyError as e:
        raise Malformed(subject, f"the key {e} twice in one object", "every key once", hint) from None
    except json.JSONDecodeError as e:
        found = "the end of the file" if e.pos >= len(text.rstrip()) else f"{e.msg.lower()} at column {e.colno}"
        raise Malformed(f"{subject}:{e.lineno}", found, "complete JSON", hint) from None
    except RecursionError:
        raise TooLarge(subject, "objects nested too deeply", f"at most about {MAX_DEPTH} levels", hint) from None
    except ValueError as e:
        raise Malformed(subject, str(e), "JSON", hint) from None
