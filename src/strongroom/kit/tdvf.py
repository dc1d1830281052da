"""TD virtual firmware: what a host loads into a TD before its first instruction, and what that measures to (MRTD).

Sources: Intel TDX Virtual Firmware Design Guide 1.01, section 11 (metadata); Intel TDX Module Base Architecture
Specification 1.5, sections 12.2.1 and 16.1 (MRTD), and the ABI's TDH.MEM.PAGE.ADD and TDH.MR.EXTEND; the table of GUIDs
at the end of OVMF is that of `OvmfPkg/ResetVector` of EDK II.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from strongroom.model.errors import Malformed, TooLarge

MOST_OCTETS = 64 << 20
PAGE, CHUNK = 4096, 256  # octets: a page that is added, and what TDH.MR.EXTEND takes at once
_MOST_SECTIONS = 64
_MOST_PAGES = 1 << 18  # 1 GiB of memory, far over what any firmware asks for
_FOUR_GIB = 1 << 32
_TABLE_END = 32  # octets behind the table of GUIDs: the reset vector
_ENTRY = struct.Struct("<H16s")
_TABLE_GUID = bytes.fromhex("de82b596b21ff745baeaa366c55a082d")  # 96b582de-1fb2-45f7-baea-a366c55a082d
_METADATA_GUID = bytes.fromhex("35657ae44a989847865e4685a7bf8ec2")  # e47a6535-984a-4798-865e-4685a7bf8ec2
_DESCRIPTOR = struct.Struct("<4sIII")  # signature, length, version, number of sections
_SECTION = struct.Struct("<IIQQII")  # data offset and size, memory address and size, type, attributes
_EXTEND, _AUGMENT = 1 << 0, 1 << 1  # attributes: MR.EXTEND, PAGE.AUG
Octets = bytes | memoryview
TYPES = ("BFV", "CFV", "TD_HOB", "TempMem", "PermMem", "Payload", "PayloadParam", "TDInfo")


class Order(StrEnum):
    """In which order a host adds and measures the pages of a section; the digest differs.

    Linux's KVM as it was merged, and Google's hypervisor, add and measure page by page; hosts with some earlier patches
    of KVM add all pages of a section, and then measure them.
    """

    PAGE = "page"
    SECTION = "section"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the TD's memory, with what the firmware's file puts there."""

    data_offset: int
    data_size: int
    address: int
    size: int
    type: int
    attributes: int

    @property
    def type_name(self) -> str:
        """Its type in the guide's word."""
        return TYPES[self.type] if self.type < len(TYPES) else str(self.type)

    @property
    def added(self) -> bool:
        """Whether its pages are there at the start: those of PAGE.AUG come later, and are not in MRTD."""
        return not self.attributes & _AUGMENT

    @property
    def measured(self) -> bool:
        """Whether its contents are in MRTD, beside its addresses."""
        return self.added and bool(self.attributes & _EXTEND)


def sections(firmware: Octets) -> tuple[Section, ...]:
    """The sections of a firmware's metadata. Raises Malformed where it has none, or they do not fit; TooLarge."""
    if len(firmware) > MOST_OCTETS:
        raise TooLarge("firmware", f"{len(firmware)} octets", f"at most {MOST_OCTETS}")
    at = len(firmware) - _metadata(firmware)
    if not 0 <= at <= len(firmware) - _DESCRIPTOR.size:
        raise Malformed("firmware", "TDX metadata outside of the file", "metadata inside")
    signature, length, version, count = _DESCRIPTOR.unpack_from(firmware, at)
    if signature != b"TDVF" or version != 1:
        raise Malformed("firmware", f"TDX metadata {signature!r} of version {version}", "b'TDVF' of version 1")
    size = _DESCRIPTOR.size + count * _SECTION.size
    if not 0 < count <= _MOST_SECTIONS or length != size or at + size > len(firmware):
        found = f"{count} sections in {length} octets"
        raise Malformed("firmware", found, f"1 to {_MOST_SECTIONS}, of {_SECTION.size} octets each")
    first = at + _DESCRIPTOR.size
    made = tuple(Section(*_SECTION.unpack_from(firmware, first + n * _SECTION.size)) for n in range(count))
    _fit(made, len(firmware))
    return made


def _metadata(firmware: Octets) -> int:
    """How far before the end the metadata begins, as the table of GUIDs says. The table is read from its end."""
    end = len(firmware) - _TABLE_END
    if end < _ENTRY.size:
        raise Malformed("firmware", f"{len(firmware)} octets", "an image of OVMF")
    whole, guid = _ENTRY.unpack_from(firmware, end - _ENTRY.size)
    if guid != _TABLE_GUID or not _ENTRY.size <= whole <= end:
        raise Malformed("firmware", "no table of GUIDs at its end", "an image of OVMF, or TDVF")
    at, begin = end - _ENTRY.size, end - whole
    while at - begin >= _ENTRY.size:
        size, guid = _ENTRY.unpack_from(firmware, at - _ENTRY.size)
        if not _ENTRY.size <= size <= at - begin:
            raise Malformed("firmware", f"an entry of {size} octets in the table of GUIDs", "one that fits")
        if guid == _METADATA_GUID and size == _ENTRY.size + 4:
            return int.from_bytes(firmware[at - size : at - size + 4], "little")
        at -= size
    hint = "take the build for TDX; OVMF without it boots, and measures to nothing that can be told beforehand"
    raise Malformed("firmware", "no TDX metadata", "a firmware built for TDX", hint)


def _fit(found: tuple[Section, ...], size: int) -> None:
    pages = 0
    for n, s in enumerate(found):
        name = f"section {n} ({s.type_name}) of the firmware"
        if s.address % PAGE or s.size % PAGE or not s.size or s.address + s.size > 1 << 52:
            raise Malformed(name, f"memory 0x{s.address:x} and 0x{s.size:x} octets", "whole pages")
        if s.data_offset + s.data_size > size or s.data_size > s.size:
            raise Malformed(name, f"0x{s.data_size:x} octets at 0x{s.data_offset:x}", "octets inside of the file")
        if s.measured and s.data_size and s.data_size != s.size:
            raise Malformed(name, f"0x{s.data_size:x} octets for 0x{s.size:x} of memory", "as many")
        pages += s.size // PAGE if s.added else 0
    if pages > _MOST_PAGES:
        raise TooLarge("firmware", f"sections of {pages} pages", f"at most {_MOST_PAGES}")


def mrtd(firmware: Octets, order: Order = Order.PAGE) -> bytes:
    """The MRTD of a TD that starts from this firmware alone: SHA-384 over all additions and extensions, in their order.

    The sections are taken as they lie in the file's metadata, which is the order in which QEMU and Cloud Hypervisor
    hand them to the module. Raises Malformed, TooLarge as `sections`.
    """
    digest = hashlib.sha384()
    for s in sections(firmware):
        if not s.added:
            continue
        data = memoryview(firmware)[s.data_offset : s.data_offset + s.data_size] if s.data_size else None
        addresses = range(s.address, s.address + s.size, PAGE)
        if order is Order.SECTION:
            digest.update(b"".join(map(_add, addresses)))
        for address in addresses:
            if order is Order.PAGE:
                digest.update(_add(address))
            for piece in _extend(s, address, data):
                digest.update(piece)
    return digest.digest()


def _add(address: int) -> bytes:
    """TDH.MEM.PAGE.ADD: 128 octets with the name and the guest's address."""
    return struct.pack("<16sQ104x", b"MEM.PAGE.ADD", address)


def _extend(section: Section, address: int, data: memoryview | None) -> Iterator[bytes | memoryview]:
    """TDH.MR.EXTEND for each 256 octets of a page: 128 octets with name and address, then the contents."""
    if not section.measured:
        return
    for at in range(address, address + PAGE, CHUNK):
        yield struct.pack("<16sQ104x", b"MR.EXTEND", at)
        begin = at - section.address
        yield data[begin : begin + CHUNK] if data is not None else bytes(CHUNK)
