"""Numbers and base64 as the log's texts write them: one text for each value, so that a signed text has one meaning."""

import base64
import binascii

from strongroom.kit.tlog.merkle import MAX_SIZE
from strongroom.model.errors import Malformed

_SHOWN = 80


def shown(text: str) -> str:
    """A piece of hostile text as a message may carry it: quoted, and short."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def to_base64(value: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return base64.b64encode(value).decode("ascii")


def from_base64(text: str, subject: str) -> bytes:
    """The bytes of standard base64 with padding and without spare bits (RFC 4648 sections 3.5 and 4).

    Raises:
        Malformed: it is not, or another text stands for the same bytes.
    """
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Malformed(subject, shown(text), "standard base64") from None
    if to_base64(value) != text:
        raise Malformed(subject, shown(text), "base64 without spare bits")
    return value


def from_decimal(text: str, subject: str) -> int:
    """The number of ASCII digits without leading zeroes, up to 2**63 - 1.

    Raises:
        Malformed: it is not, or it is larger.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(MAX_SIZE)) or (text[0] == "0" and text != "0"):
        raise Malformed(subject, shown(text), "a decimal number without leading zeroes")
    if (value := int(text)) > MAX_SIZE:
        raise Malformed(subject, shown(text), f"at most {MAX_SIZE}")
    return value
