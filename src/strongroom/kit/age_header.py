"""The header of an age file (c2sp.org/age, "ABNF definition of file header"): stanzas that wrap the file key, and a MAC."""

import base64
import binascii
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.model.errors import BadSignature, Malformed, TooLarge

VERSION = b"age-encryption.org/v1"
FILE_KEY = 16  # octets
MOST = 4 << 20  # octets of a header, and far more than any that a program writes
SUBJECT = "age header"
_COLUMNS = 64
_MAC = 32  # octets
_ARGUMENT = re.compile(rb"[\x21-\x7e]+")
_DIGITS = re.compile(rb"[A-Za-z0-9+/]*")


@dataclass(frozen=True, slots=True)
class Stanza:
    """One wrap of the file key. The first argument is its type."""

    arguments: tuple[str, ...]
    body: bytes

    @property
    def type(self) -> str:
        """What kind of recipient it is for."""
        return self.arguments[0]


@dataclass(frozen=True, slots=True)
class Header:
    """A header as it was read. `covered` are the octets under the MAC; the payload begins at `end`."""

    stanzas: tuple[Stanza, ...]
    covered: bytes
    mac: bytes
    end: int

    def verify(self, file_key: bytes) -> None:
        """Hold the MAC against the file key that a stanza gave. Raises BadSignature."""
        authentic = HMAC(_mac_key(file_key), SHA256())
        authentic.update(self.covered)
        try:
            authentic.verify(self.mac)
        except InvalidSignature:
            wanted = "the header as it was written"
            raise BadSignature("age header MAC", "a MAC of other octets", wanted) from None


def unpadded(text: bytes, what: str) -> bytes:
    """Octets of base64 in its one form, without padding (RFC 4648, section 3.5). Raises Malformed."""
    if not _DIGITS.fullmatch(text):
        raise Malformed(SUBJECT, f"{what} with other signs", "base64 without padding")
    try:
        found = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(SUBJECT, f"{what} that was cut", "base64 without padding") from None
    if encoded(found) != text:
        raise Malformed(SUBJECT, f"{what} with bits left over", "base64 in its one form")
    return found


def encoded(data: bytes) -> bytes:
    """Base64 without padding."""
    return base64.b64encode(data).rstrip(b"=")


def _mac_key(file_key: bytes) -> bytes:
    return HKDF(SHA256(), 32, b"", b"header").derive(file_key)


class _Lines:
    """Lines that end with LF alone, up to the limit of a header."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def next(self) -> bytes:
        end = self.data.find(b"\n", self.at, MOST)
        if end < 0:
            if len(self.data) >= MOST:
                raise TooLarge(SUBJECT, f"no end within {MOST} octets", "a header")
            raise Malformed(SUBJECT, "the end of the file", "a whole header")
        line = self.data[self.at : end]
        self.at = end + 1
        return line


def parse(data: bytes) -> Header:
    """The header that a file begins with. Raises Malformed, TooLarge."""
    lines = _Lines(data)
    first = lines.next()
    if first != VERSION:
        raise Malformed(SUBJECT, repr(first[:40].decode("ascii", "replace")), VERSION.decode())
    stanzas: list[Stanza] = []
    while True:
        start = lines.at
        line = lines.next()
        if line.startswith(b"---"):
            break
        stanzas.append(_stanza(line, lines))
    mac = unpadded(line[4:], "a MAC")
    if line[:4] != b"--- " or len(mac) != _MAC or not stanzas:
        raise Malformed(SUBJECT, "an end without its MAC, or without a stanza before it", "--- and a MAC of 32 octets")
    if len(stanzas) > 1 and any(s.type == "scrypt" for s in stanzas):
        # Whoever knows a passphrase takes it for a proof of who wrote the file: another way in would break that.
        raise Malformed(SUBJECT, "a passphrase beside other recipients", "a passphrase alone")
    return Header(tuple(stanzas), data[: start + 3], mac, lines.at)


def _stanza(line: bytes, lines: _Lines) -> Stanza:
    arguments = line[3:].split(b" ")
    if line[:3] != b"-> " or not all(map(_ARGUMENT.fullmatch, arguments)):
        raise Malformed(SUBJECT, repr(line[:40].decode("ascii", "replace")), "-> and arguments, or the end")
    body = bytearray()
    while True:
        part = lines.next()
        if len(part) > _COLUMNS:
            raise Malformed(SUBJECT, f"a line of {len(part)} columns", f"at most {_COLUMNS}")
        body += unpadded(part, "a body")
        if len(part) < _COLUMNS:
            return Stanza(tuple(a.decode("ascii") for a in arguments), bytes(body))


def render(stanzas: tuple[Stanza, ...], file_key: bytes) -> bytes:
    """The header of stanzas, with its MAC. `parse` gives them again, and refuses what it would not read."""
    lines = [VERSION]
    for stanza in stanzas:
        lines.append(b"-> " + " ".join(stanza.arguments).encode())
        text = encoded(stanza.body)
        lines += [text[i : i + _COLUMNS] for i in range(0, len(text) + 1, _COLUMNS)]
    covered = b"\n".join([*lines, b"---"])
    authentic = HMAC(_mac_key(file_key), SHA256())
    authentic.update(covered)
    made = covered + b" " + encoded(authentic.finalize()) + b"\n"
    parse(made)
    return made
