"""UUIDs that name the same thing in every run: version 5 of RFC 9562, over our own namespace."""

import hashlib

NAMESPACE = bytes.fromhex("8e2210ffe7c0545abf66d5ab0bf9af88")
"""The UUIDv5 of `urn:strongroom:1` in the URL namespace (RFC 9562, 6.6). Never changed: every id below hangs on it."""


def uuid5(*pieces: str) -> str:
    """The UUID of the pieces in our namespace; a separator that no piece holds keeps ("ab","c") apart from ("a","bc").

    A lone surrogate, as a file name that is not UTF-8 has, counts as its three bytes.
    """
    name = "\x1f".join(pieces).encode("utf-8", "surrogatepass")
    digest = hashlib.sha1(NAMESPACE + name, usedforsecurity=False).digest()[:16]
    number = int.from_bytes(digest, "big")
    number = number & ~(0xF << 76) | 5 << 76  # RFC 9562, 5.5: version 5
    number = number & ~(0x3 << 62) | 2 << 62  # and variant 10
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
