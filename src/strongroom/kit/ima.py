"""Measurements by Linux (IMA): the binary list, read whole and replayed into PCR 10.

Sources: Linux, Documentation/security/IMA-templates.rst, and security/integrity/ima/ima_fs.c for the binary form; numbers
are little-endian on every machine that writes such lists here.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from strongroom.kit.tpm import HASHES
from strongroom.model.errors import Malformed, TooLarge

REGISTER = 10
MOST_OCTETS = 16 << 20
MOST_ENTRIES = 200_000
_MOST_FIELD = 1 << 16
_SHA1 = 0x0004


class Measurement(NamedTuple):
    """One entry. `template_hash` is SHA-1 over the data; zeros where the file was changed while it was measured."""

    number: int
    register: int
    template_hash: bytes
    template: str
    data: bytes

    @property
    def violated(self) -> bool:
        """Whether it stands for a file that could not be measured soundly: open for writing, or written since."""
        return not any(self.template_hash)

    @property
    def fields(self) -> tuple[bytes, ...]:
        """The template's fields: the digest (`algorithm:`, zero, octets), the path, and what a template has beside."""
        return tuple(_fields(self.data))

    @property
    def path(self) -> str:
        """The file's path."""
        held = self.fields
        return held[1].rstrip(b"\0").decode("utf-8", "backslashreplace") if len(held) > 1 else ""

    @property
    def digest(self) -> bytes:
        """The file's digest, without the algorithm's name."""
        held = self.fields
        return held[0].split(b":\0", 1)[-1] if held else b""


def _fields(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def parse(data: bytes) -> tuple[Measurement, ...]:
    """The list. Raises Malformed for one that is cut off or lies, TooLarge over the limits of this file."""
    if len(data) > MOST_OCTETS:
        raise TooLarge("IMA list", f"{len(data)} octets", f"at most {MOST_OCTETS}")
    found, at = list[Measurement](), 0
    while at < len(data):
        entry, at = _entry(data, at, len(found))
        found.append(entry)
        if len(found) > MOST_ENTRIES:
            raise TooLarge("IMA list", f"over {MOST_ENTRIES} entries", "at most that")
    return tuple(found)


def _entry(data: bytes, at: int, number: int) -> tuple[Measurement, int]:
    head = _piece(data, at, 24)
    name, at = _sized(data, at + 24)
    template = name.decode("ascii", "backslashreplace")
    if template == "ima":  # the oldest template has no length before its data: a digest, and a sized name
        raise Malformed(f"IMA list, entry {number}", "the template ima", "ima-ng or later")
    fields, at = _sized(data, at)
    register = int.from_bytes(head[:4], "little")
    if register > 23 or sum(len(f) + 4 for f in _fields(fields)) != len(fields):
        raise Malformed(
            f"IMA list, entry {number}", f"register {register}, {len(fields)} octets", "fields that fill it"
        )
    return Measurement(number, register, head[4:24], template, fields), at


def _piece(data: bytes, at: int, size: int) -> bytes:
    found = data[at : at + size]
    if len(found) != size:
        raise Malformed("IMA list", f"{len(found)} octets at 0x{at:x}", f"{size}")
    return found


def _sized(data: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(_piece(data, at, 4), "little")
    if size > _MOST_FIELD:
        raise TooLarge("IMA list", f"{size} octets at 0x{at:x}", f"at most {_MOST_FIELD}")
    return _piece(data, at + 4, size), at + 4 + size


def states(entries: tuple[Measurement, ...], algorithm: int, *, padded: bool = False) -> Iterator[bytes]:
    """PCR 10 before the first entry and after each. Raises Malformed where an entry's own hash is not that of its data.

    A kernel before 5.8 extends SHA-1 with zeros behind it into every bank: `padded`.
    """
    name, size = HASHES[algorithm]
    value = bytes(size)
    yield value
    for e in entries:
        if e.violated:
            extended = b"\xff" * size
        else:
            if hashlib.sha1(e.data, usedforsecurity=False).digest() != e.template_hash:
                raise Malformed(f"IMA list, entry {e.number}", "a hash that is not of its data", "the template's hash")
            short = padded or algorithm == _SHA1
            extended = e.template_hash.ljust(size, b"\0") if short else hashlib.new(name, e.data).digest()
        if e.register == REGISTER:
            value = hashlib.new(name, value + extended).digest()
        yield value


def measured_until(entries: tuple[Measurement, ...], algorithm: int, quoted: bytes) -> int | None:
    """How many entries had been made when the register was quoted; None where it never had that value.

    A list is read after the quote and only grows: what is behind is not proven by this quote.
    """
    for padded in (False, True):
        for n, value in enumerate(states(entries, algorithm, padded=padded)):
            if value == quoted:
                return n
    return None


def boot_aggregates(registers: Mapping[int, bytes], algorithm: int) -> tuple[bytes, ...]:
    """What the first entry may say: the hash over PCR 0 to 9, or 0 to 7 (kernels before 5.8, and SHA-1)."""
    name = HASHES[algorithm][0]
    found = []
    for last in (9, 7):
        held = [registers.get(n) for n in range(last + 1)]
        if all(v is not None for v in held):
            found.append(hashlib.new(name, b"".join(v for v in held if v)).digest())
    return tuple(found)
