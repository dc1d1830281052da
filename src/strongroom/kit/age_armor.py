"""The armor of an age file (c2sp.org/age, "ASCII armor"): strict PEM, in 64 columns."""

import base64
import binascii

from strongroom.model.errors import Malformed

BEGIN, END = b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS = 64
_SPACE = b" \t\r\n"
_SUBJECT = "age armor"


def is_armored(data: bytes) -> bool:
    """Whether it begins as armor does."""
    return data[:4096].lstrip(_SPACE).startswith(BEGIN)


def armored(data: bytes) -> bytes:
    """Octets in armor."""
    text = base64.b64encode(data)
    lines = [text[i : i + _COLUMNS] for i in range(0, len(text), _COLUMNS)]
    return b"\n".join([BEGIN, *lines, END, b""])


def dearmored(data: bytes) -> bytes:
    """The octets in armor. Space before and behind is allowed, and CRLF; nothing else is (RFC 7468, the strict form).

    Raises Malformed.
    """
    lines = [line.removesuffix(b"\r") for line in data.lstrip(_SPACE).split(b"\n")]
    if lines[0] != BEGIN or END not in lines:
        raise Malformed(_SUBJECT, "no first and last line", f"{BEGIN.decode()} … {END.decode()}")
    last = lines.index(END)
    if b"".join(lines[last + 1 :]).strip(_SPACE):
        raise Malformed(_SUBJECT, "something behind the last line", "nothing")
    body = lines[1:last]
    if any(len(line) != _COLUMNS for line in body[:-1]) or (body and not 0 < len(body[-1]) <= _COLUMNS):
        raise Malformed(_SUBJECT, "lines of other lengths", f"{_COLUMNS} columns, and a last line that may be shorter")
    return _decoded(b"".join(body))


def _decoded(text: bytes) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(_SUBJECT, "signs that are not of base64", "base64 with its padding") from None
    if base64.b64encode(found) != text:
        raise Malformed(_SUBJECT, "base64 of another form", "the one form (RFC 4648, section 3.5)")
    return found
