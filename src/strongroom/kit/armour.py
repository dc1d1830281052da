"""The texts that binary evidence is passed around as: hexadecimal and base64, in lines or not."""

import base64
import binascii
import re

_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_BASE64_URL = re.compile(rb"[A-Za-z0-9_-]+={0,2}")
LEAST = 32  # octets; a shorter text is a word


def unarmoured(data: bytes) -> tuple[bytes, ...]:
    """What the data may be the hexadecimal or base64 of; none where it is no such text. The surest first."""
    if len(data) < LEAST or not data.strip()[:64].isascii():
        return ()
    text = b"".join(data.split())
    found = []
    digits = text.replace(b":", b"").removeprefix(b"0x")
    if _HEX.fullmatch(digits):
        found.append(binascii.unhexlify(digits))
    if _BASE64.fullmatch(text):
        found.append(_base64(text, b"+/"))
    elif _BASE64_URL.fullmatch(text):
        found.append(_base64(text, b"-_"))
    return tuple(f for f in found if f)


def _base64(text: bytes, signs: bytes) -> bytes:
    digits = text.rstrip(b"=")
    try:
        return base64.b64decode(digits + b"=" * (-len(digits) % 4), altchars=signs, validate=True)
    except (binascii.Error, ValueError):
        return b""
