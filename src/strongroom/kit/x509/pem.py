"""PEM (RFC 7468): the labelled blocks of a text."""

import base64
import binascii
import re
from typing import NamedTuple

from strongroom.model.errors import Malformed

# Possessive: what is no block costs one look, however many blanks stand in it.
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----(\s[A-Za-z0-9+/=\s]*+)-----END \1-----")


class Block(NamedTuple):
    """A label such as `CERTIFICATE`, and the octets."""

    label: str
    data: bytes


def blocks(text: bytes) -> tuple[Block, ...]:
    """The blocks in the order of the text; what stands between them is explanation. Raises Malformed."""
    found = []
    for match in _BLOCK.finditer(text):
        try:
            data = base64.b64decode(b"".join(match[2].split()), validate=True)
        except binascii.Error:
            raise Malformed("PEM", "a block that is not base64", "base64") from None
        found.append(Block(match[1].decode(), data))
    if len(found) != text.count(b"-----BEGIN "):
        raise Malformed("PEM", "a block that does not end as it begins", "whole blocks")
    return tuple(found)
