"""Canonical JSON (RFC 8785): one text for each value, so that a digest of it has one meaning."""

import rfc8785

from strongroom.model.errors import Malformed

Json = bool | int | float | str | None | list["Json"] | tuple["Json", ...] | dict[str, "Json"]


def canonical(value: Json, subject: str) -> bytes:
    """The canonical JSON of a value, as UTF-8.

    Raises:
        Malformed: a number is not exact in a double, or a text is not Unicode.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as e:
        raise Malformed(
            subject, str(e).lower()[:160] or type(e).__name__, "a value that JSON can hold exactly"
        ) from None
