"""AWS Nitro enclave images (EIF): their sections, and the PCRs that an enclave started from one has.

Sources: the format and the measurements are those of `aws-nitro-enclaves-image-format`, format version 4, and of the
AWS Nitro Enclaves User Guide, "Enclave measurements". All numbers of the format are big-endian.

PCR0 covers kernel, command line and all ramdisks; PCR1 kernel, command line and the first ramdisk, which AWS provides;
PCR2 the other ramdisks; PCR8 the certificate that signed the image. Metadata and signature are in no PCR but PCR8.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from strongroom.kit.x509 import pem
from strongroom.model.errors import Malformed, TooLarge

MAGIC = b".eif"
HEADER = 548  # octets of the file's header
MOST_OCTETS = 8 << 30
_MOST_SECTIONS = 32
_MOST_SIGNATURE = 1 << 20
_MOST_METADATA = 4 << 20
_FIXED = struct.Struct(">4sHHQQHH")  # magic, version, flags, memory, cpus, reserved, number of sections
_NUMBERS = struct.Struct(">32Q")
_SECTION = struct.Struct(">HHQ")  # type, flags, size of what follows
_ARM = 1  # flag: built for aarch64

Octets = bytes | memoryview
Certificates = Callable[[bytes], bytes]
"""Takes the first signing certificate, in PEM, out of a signature section, which is CBOR. Raises Malformed."""


class Type(IntEnum):
    """The types of sections."""

    KERNEL = 1
    COMMAND_LINE = 2
    RAMDISK = 3
    SIGNATURE = 4
    METADATA = 5


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its type, and where its octets lie."""

    type: Type
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it was read: its sections follow one another, fill the file, and the file's checksum is right."""

    version: int
    architecture: str
    sections: tuple[Section, ...]
    size: int

    def of(self, kind: Type) -> tuple[Section, ...]:
        """The sections of a type, in their order."""
        return tuple(s for s in self.sections if s.type is kind)


def parse(data: Octets) -> Image:
    """The image. Raises Malformed for what is none, or was cut, extended or changed; TooLarge."""
    view = memoryview(data)
    if len(view) < HEADER or bytes(view[:4]) != MAGIC:
        raise Malformed("enclave image", f"{len(view)} octets that begin with {bytes(view[:4])!r}", "an EIF: .eif")
    if len(view) > MOST_OCTETS:
        raise TooLarge("enclave image", f"{len(view)} octets", f"at most {MOST_OCTETS}")
    _, version, flags, _, _, _, count = _FIXED.unpack_from(view)
    offsets = _NUMBERS.unpack_from(view, _FIXED.size)
    sizes = _NUMBERS.unpack_from(view, _FIXED.size + _NUMBERS.size)
    if not 1 <= version <= 4 or not 3 <= count <= _MOST_SECTIONS:
        raise Malformed("enclave image", f"version {version} with {count} sections", "version 1 to 4 with 3 to 32")
    sections = []
    at = HEADER
    for number in range(count):
        section = _section(view, at, number)
        if offsets[number] != at or sizes[number] != section.size:
            found = f"section {number} at {at}, {section.size} octets"
            raise Malformed("enclave image", found, f"at {offsets[number]}, {sizes[number]} octets, as the header says")
        sections.append(section)
        at = section.offset + section.size
    if at != len(view):
        raise Malformed("enclave image", f"{len(view) - at} octets behind its last section", "none")
    if version > 1:
        _checksum(view)
    image = Image(version, "aarch64" if flags & _ARM else "x86_64", tuple(sections), len(view))
    _ordered(image)
    return image


def _section(view: memoryview, at: int, number: int) -> Section:
    if len(view) - at < _SECTION.size:
        raise Malformed("enclave image", f"{len(view)} octets", f"a section {number} at {at}")
    kind, _, size = _SECTION.unpack_from(view, at)
    if kind not in Type.__members__.values():
        raise Malformed("enclave image", f"section {number} of type {kind}", "1 to 5")
    if size > len(view) - at - _SECTION.size:
        raise Malformed("enclave image", f"section {number} of {size} octets", "one that ends inside of the file")
    return Section(Type(kind), at + _SECTION.size, size)


def _checksum(view: memoryview) -> None:
    """CRC-32 over everything but its own four octets, the last of the header; since format version 2."""
    held = int.from_bytes(view[HEADER - 4 : HEADER], "big")
    found = zlib.crc32(view[HEADER:], zlib.crc32(view[: HEADER - 4]))
    if found != held:
        raise Malformed("enclave image", f"checksum {found:08x}", f"{held:08x}, as its header says", "copy it again")


def _ordered(image: Image) -> None:
    """One kernel, one command line, then ramdisks: what another order measures to is nowhere said."""
    measured = [s.type for s in image.sections if s.type in (Type.KERNEL, Type.COMMAND_LINE, Type.RAMDISK)]
    ramdisks = len(measured) - 2
    if ramdisks < 1 or measured != [Type.KERNEL, Type.COMMAND_LINE, *[Type.RAMDISK] * ramdisks]:
        found = ", ".join(t.name.lower().replace("_", " ") for t in measured)
        raise Malformed("enclave image", found or "no kernel", "a kernel, a command line, and ramdisks")
    for kind, most in ((Type.SIGNATURE, _MOST_SIGNATURE), (Type.METADATA, _MOST_METADATA)):
        held = image.of(kind)
        if len(held) > 1 or any(s.size > most for s in held):
            raise Malformed("enclave image", f"{len(held)} sections of type {kind.name.lower()}", "one, of usual size")


def pcrs(data: Octets, image: Image, certificate: Certificates) -> dict[str, str]:
    """`pcr0`, `pcr1`, `pcr2`, and `pcr8` of a signed image, in hex. Raises Malformed for a signature that is none."""
    view = memoryview(data)
    ramdisks = image.of(Type.RAMDISK)
    boot = (*image.of(Type.KERNEL), *image.of(Type.COMMAND_LINE), ramdisks[0])
    found = {
        "pcr0": _extended(view, (*boot, *ramdisks[1:])),
        "pcr1": _extended(view, boot),
        "pcr2": _extended(view, ramdisks[1:]),
    }
    for s in image.of(Type.SIGNATURE):
        der = _der(certificate(bytes(view[s.offset : s.offset + s.size])))
        found["pcr8"] = _register(hashlib.sha384(der).digest())
    return found


def _extended(view: memoryview, sections: Iterable[Section]) -> str:
    digest = hashlib.sha384()
    for s in sections:
        digest.update(view[s.offset : s.offset + s.size])
    return _register(digest.digest())


def _register(digest: bytes) -> str:
    """A register that was zeros and extended once."""
    return hashlib.sha384(bytes(48) + digest).hexdigest()


def _der(text: bytes) -> bytes:
    """The first certificate of a PEM text, which is what signs."""
    held = next((b.data for b in pem.blocks(text) if b.label == "CERTIFICATE"), b"")
    if not held:
        raise Malformed("enclave image", "a signature without a certificate", "one in PEM")
    return held


def metadata(data: Octets, image: Image) -> bytes:
    """The metadata section: JSON, as whoever built the image wrote it; empty where there is none. It is in no PCR."""
    held = image.of(Type.METADATA)
    return bytes(memoryview(data)[held[0].offset : held[0].offset + held[0].size]) if held else b""
