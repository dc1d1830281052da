"""Canonical JSON (RFC 8785): one text for each value, so that a digest of it has one meaning."""

import msgspec
import rfc8785

from strongroom.model.errors import Malformed

_EXACT = 1 << 53  # whole numbers below it are exact in a double
Json = bool | int | float | str | None | list["Json"] | tuple["Json", ...] | dict[str, "Json"]


def canonical(value: Json, subject: str) -> bytes:
    """The canonical JSON of a value, as UTF-8.

    Raises:
        Malformed: a number is not exact in a double, or a text is not Unicode.
    """
    try:
        if _plain(value):
            octets = msgspec.json.encode(value, order="sorted")
            if octets.isascii() and b"\\" not in octets:
                return octets  # nothing was escaped, and every name sorts by its octets: both have one form of it
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as e:
        raise Malformed(
            subject, str(e).lower()[:160] or type(e).__name__, "a value that JSON can hold exactly"
        ) from None


def _plain(value: Json) -> bool:
    """Whether a value has texts and exact whole numbers only, which every writer of JSON writes alike."""
    if type(value) is str or value is None or type(value) is bool:
        return True
    if type(value) is int:
        return -_EXACT < value < _EXACT
    if type(value) is dict:
        return all(type(n) is str and _plain(v) for n, v in value.items())
    return type(value) in (list, tuple) and all(map(_plain, value))  # type: ignore[arg-type] # one of the two
