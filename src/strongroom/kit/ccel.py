"""Event logs of measured boot: read whole, every event kept, and replayed for each bank and register.

One reader for the crypto-agile log of TPMs and for the log of confidential computing (the CCEL table of ACPI), which
differ in what the register's number means; and for the older log that has SHA-1 only.

Sources: TCG PC Client Platform Firmware Profile (PFP) 1.06, section 10, for the layout; UEFI 2.10, section 38.4.1, for
the registers of Intel TDX; TCG Algorithm Registry 1.34 for the numbers of algorithms.

A log is a claim: anybody who could write to it may have changed it. What it says counts only where a replay gives the
registers that the hardware has signed, and then only for what was hashed: the digest, never the words beside it, unless
`Event.says_what_it_measured` holds.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from struct import Struct
from types import MappingProxyType
from typing import NamedTuple, Protocol

from strongroom.model.errors import Malformed, TooLarge

MOST_OCTETS = 16 << 20
MOST_EVENTS = 65_536
MOST_EVENT = 4 << 20  # octets of one event's data
_MOST_BANKS = 16

EV_NO_ACTION = 0x03  # PFP 10.4.1: never extended
_EV_EFI_HCRTM_EVENT = 0x80000010
_STARTUP_LOCALITY = b"StartupLocality\0"  # PFP 10.4.5.3
_SPEC_ID = b"Spec ID Event03\0"  # PFP 10.4.5.1
_OLD_SPEC_IDS = (b"Spec ID Event00\0", b"Spec ID Event02\0")
_SHA1 = 0x0004
_CC_REGISTERS = 5  # MRTD and RTMR0 to RTMR3

# TCG Algorithm Registry 1.34, Table 3: number, name in hashlib, octets.
ALGORITHMS: Mapping[int, tuple[str, int]] = MappingProxyType(
    {
        0x0004: ("sha1", 20),
        0x000B: ("sha256", 32),
        0x000C: ("sha384", 48),
        0x000D: ("sha512", 64),
        0x0012: ("sm3", 32),
        0x0027: ("sha3_256", 32),
        0x0028: ("sha3_384", 48),
        0x0029: ("sha3_512", 64),
    }
)
NUMBERS: Mapping[str, int] = MappingProxyType({name: number for number, (name, _) in ALGORITHMS.items()})

# PFP 10.4.1, Table 14.
TYPES: Mapping[int, str] = MappingProxyType(
    {
        0x00000000: "EV_PREBOOT_CERT",
        0x00000001: "EV_POST_CODE",
        0x00000003: "EV_NO_ACTION",
        0x00000004: "EV_SEPARATOR",
        0x00000005: "EV_ACTION",
        0x00000006: "EV_EVENT_TAG",
        0x00000007: "EV_S_CRTM_CONTENTS",
        0x00000008: "EV_S_CRTM_VERSION",
        0x00000009: "EV_CPU_MICROCODE",
        0x0000000A: "EV_PLATFORM_CONFIG_FLAGS",
        0x0000000B: "EV_TABLE_OF_DEVICES",
        0x0000000C: "EV_COMPACT_HASH",
        0x0000000D: "EV_IPL",
        0x0000000E: "EV_IPL_PARTITION_DATA",
        0x0000000F: "EV_NONHOST_CODE",
        0x00000010: "EV_NONHOST_CONFIG",
        0x00000011: "EV_NONHOST_INFO",
        0x00000012: "EV_OMIT_BOOT_DEVICE_EVENTS",
        0x00000013: "EV_POST_CODE2",
        0x80000001: "EV_EFI_VARIABLE_DRIVER_CONFIG",
        0x80000002: "EV_EFI_VARIABLE_BOOT",
        0x80000003: "EV_EFI_BOOT_SERVICES_APPLICATION",
        0x80000004: "EV_EFI_BOOT_SERVICES_DRIVER",
        0x80000005: "EV_EFI_RUNTIME_SERVICES_DRIVER",
        0x80000006: "EV_EFI_GPT_EVENT",
        0x80000007: "EV_EFI_ACTION",
        0x80000008: "EV_EFI_PLATFORM_FIRMWARE_BLOB",
        0x80000009: "EV_EFI_HANDOFF_TABLES",
        0x8000000A: "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
        0x8000000B: "EV_EFI_HANDOFF_TABLES2",
        0x8000000C: "EV_EFI_VARIABLE_BOOT2",
        0x8000000D: "EV_EFI_GPT_EVENT2",
        0x80000010: "EV_EFI_HCRTM_EVENT",
        0x800000E0: "EV_EFI_VARIABLE_AUTHORITY",
        0x800000E1: "EV_EFI_SPDM_FIRMWARE_BLOB",
        0x800000E2: "EV_EFI_SPDM_FIRMWARE_CONFIG",
        0x800000E3: "EV_EFI_SPDM_DEVICE_POLICY",
        0x800000E4: "EV_EFI_SPDM_DEVICE_AUTHORITY",
    }
)


class Event(NamedTuple):
    """One event. `register` is a PCR of a TPM, or a measurement register of a CCEL: 0 MRTD, 1 to 4 RTMR0 to RTMR3."""

    number: int  # its place in the log, the header being 0
    offset: int  # octets from the beginning
    register: int
    type: int
    digests: Mapping[int, bytes]  # by number of the algorithm
    data: bytes

    @property
    def type_name(self) -> str:
        """The name of its type, or the number."""
        return TYPES.get(self.type, f"0x{self.type:08x}")

    @property
    def extends(self) -> bool:
        """Whether its digests went into a register."""
        return self.type != EV_NO_ACTION

    def says_what_it_measured(self, algorithm: int) -> bool:
        """Whether the digest is the hash of the data beside it: only then is the data more than a remark."""
        held, made = self.digests.get(algorithm), _hash(algorithm)
        return bool(held) and made is not None and made(self.data).digest() == held


@dataclass(frozen=True, slots=True)
class Log:
    """A log as it was read. `banks` are the algorithms that its header names, with the octets of their digests.

    `startup_locality` is that of the TPM's start, None where the log does not say; `padding` are the octets behind the
    last event.
    """

    events: tuple[Event, ...]
    banks: Mapping[int, int]
    platform_class: int
    version: tuple[int, int, int]  # major, minor, errata
    startup_locality: int | None
    padding: int

    def of(self, register: int) -> Iterator[Event]:
        """The events that were extended into a register, in their order."""
        return (e for e in self.events if e.register == register and e.type != EV_NO_ACTION)


class _Hash(Protocol):
    def digest(self) -> bytes: ...


@lru_cache(maxsize=64)
def _hash(algorithm: int) -> Callable[[bytes], _Hash] | None:
    """What hashes by an algorithm's number; None where this Python does not have it."""
    name, _ = ALGORITHMS.get(algorithm, ("", 0))
    if name not in hashlib.algorithms_available:
        return None
    made: Callable[[bytes], _Hash] = getattr(hashlib, name, partial(hashlib.new, name))  # twice as fast as `new`
    return made


class _Reader:
    """Takes little-endian pieces off octets, and says by offset what is missing."""

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self.data = data
        self.at = offset
        self.padded = min(len(data.rstrip(b"\xff")), len(data.rstrip(b"\0")))

    def take(self, size: int, what: str) -> bytes:
        """The next octets. Raises Malformed where there are fewer."""
        if size > len(self.data) - self.at:
            left = len(self.data) - self.at
            raise Malformed("event log", f"{left} octets at 0x{self.at:x}", f"{size} of {what}")
        piece = self.data[self.at : self.at + size]
        self.at += size
        return piece

    def number(self, size: int, what: str) -> int:
        """The next number of so many octets."""
        return int.from_bytes(self.take(size, what), "little")

    def ended(self) -> bool:
        """Whether only padding follows: logs lie in areas that firmware filled with 0xff or left zero."""
        return self.at >= self.padded


def parse(data: bytes) -> Log:
    """The log. Raises Malformed for what is none or is cut off, TooLarge over the limits of this file."""
    if len(data) > MOST_OCTETS:
        raise TooLarge("event log", f"{len(data)} octets", f"at most {MOST_OCTETS}")
    reader = _Reader(data)
    header = _old_event(reader, 0)
    if header.type != EV_NO_ACTION or not header.data.startswith(_SPEC_ID):
        return _old_log(data, header)
    platform, version, banks = _spec_id(header.data)
    events, form = [header], _Form(banks)
    while not reader.ended():
        form.take(reader, events)
        if not reader.ended():
            events.append(_event(reader, len(events), banks))
        if len(events) > MOST_EVENTS:
            raise TooLarge("event log", f"over {MOST_EVENTS} events", "at most that")
    locality = _startup_locality(events)
    return Log(tuple(events), MappingProxyType(banks), platform, version, locality, len(data) - reader.at)


def _old_log(data: bytes, header: Event) -> Log:
    """A log of TCG_PCR_EVENT throughout: SHA-1 only (PFP 10.2.1)."""
    spec = header.type == EV_NO_ACTION and header.data.startswith(_OLD_SPEC_IDS)
    if not spec and (header.type not in TYPES or header.register > 23):
        raise Malformed("event log", f"a first event of type 0x{header.type:x}", "a Spec ID Event")
    reader, events = _Reader(data), list[Event]()
    while not reader.ended():
        events.append(_old_event(reader, len(events)))
        if len(events) > MOST_EVENTS:
            raise TooLarge("event log", f"over {MOST_EVENTS} events", "at most that")
    version = (header.data[21], header.data[20], header.data[22]) if spec and len(header.data) >= 24 else (0, 0, 0)
    banks = MappingProxyType({_SHA1: 20})
    return Log(tuple(events), banks, 0, version, _startup_locality(events), len(data) - reader.at)


def _old_event(reader: _Reader, number: int) -> Event:
    offset = reader.at
    register, kind = reader.number(4, "a register"), reader.number(4, "a type")
    digest = reader.take(20, "a digest")
    return Event(number, offset, register, kind, MappingProxyType({_SHA1: digest}), _data(reader))


def _data(reader: _Reader) -> bytes:
    offset = reader.at
    size = reader.number(4, "the size of an event")
    if size > MOST_EVENT:
        raise TooLarge(f"event log at 0x{offset:x}", f"an event of {size} octets", f"at most {MOST_EVENT}")
    return reader.take(size, "an event")


def _spec_id(data: bytes) -> tuple[int, tuple[int, int, int], dict[int, int]]:
    """Platform class, version and banks of TCG_EfiSpecIDEvent (PFP 10.4.5.1)."""
    reader = _Reader(data, len(_SPEC_ID))
    platform = reader.number(4, "a platform class")
    minor, major, errata, _ = reader.take(4, "a version")
    count = reader.number(4, "the number of algorithms")
    if not 0 < count <= _MOST_BANKS:
        raise Malformed("event log", f"{count} banks", f"1 to {_MOST_BANKS}")
    banks: dict[int, int] = {}
    for _ in range(count):
        algorithm, size = reader.number(2, "an algorithm"), reader.number(2, "the size of a digest")
        known = ALGORITHMS.get(algorithm, ("", size))[1]
        if algorithm in banks or size != known or not 0 < size <= 64:
            found = f"the bank 0x{algorithm:04x} with digests of {size} octets"
            raise Malformed("event log", found, f"each bank once, with {known} octets")
        banks[algorithm] = size
    reader.take(reader.number(1, "the size of vendor information"), "vendor information")
    return platform, (major, minor, errata), banks


def _event(reader: _Reader, number: int, banks: Mapping[int, int]) -> Event:
    """TCG_PCR_EVENT2 (PFP 10.2.2). A digest of each bank, once: one that is left out would replay to nothing known."""
    offset = reader.at
    register, kind = reader.number(4, "a register"), reader.number(4, "a type")
    count = reader.number(4, "the number of digests")
    digests: dict[int, bytes] = {}
    if count != len(banks):
        raise Malformed(f"event log at 0x{offset:x}", f"{count} digests", f"one of each of {len(banks)} banks")
    for _ in range(count):
        algorithm = reader.number(2, "an algorithm")
        if algorithm not in banks or algorithm in digests:
            found = f"a digest of algorithm 0x{algorithm:04x}"
            raise Malformed(f"event log at 0x{offset:x}", found, "one of each of the header's banks")
        digests[algorithm] = reader.take(banks[algorithm], "a digest")
    return Event(number, offset, register, kind, MappingProxyType(digests), _data(reader))


class _Form:
    """TCG_PCR_EVENT2 as a log's writer lays it out: the header's banks in the header's order, read in one go.

    What is laid out otherwise, is cut off or lies is not read here: `_event` reads it piece by piece, and says what is
    wrong with it and where.
    """

    __slots__ = ("_algorithms", "_count", "_head")

    def __init__(self, banks: Mapping[int, int]) -> None:
        self._algorithms, self._count = list(banks), len(banks)
        self._head = Struct(f"<3I{''.join(f'H{size}s' for size in banks.values())}I")

    def take(self, reader: _Reader, events: list[Event]) -> None:
        """Put the events that follow to the others, until one is not as it should be, there are too many, or none."""
        data, at, algorithms, head = reader.data, reader.at, self._algorithms, self._head
        unpack, size_of_head, last = head.unpack_from, head.size, len(data)
        stop = min(reader.padded, last - size_of_head + 1)
        while at < stop and len(events) <= MOST_EVENTS:
            register, kind, count, *digests, size = unpack(data, at)
            start = at + size_of_head
            end = start + size
            if count != self._count or size > MOST_EVENT or end > last or digests[::2] != algorithms:
                break
            held = MappingProxyType(dict(zip(algorithms, digests[1::2], strict=True)))
            events.append(Event(len(events), at, register, kind, held, data[start:end]))
            at = end
        reader.at = at


def _startup_locality(events: Sequence[Event]) -> int | None:
    """Where the TPM was started from. Two that differ, or one after PCR 0 was extended, are of a log that was changed."""
    found: int | None = None
    extended = False
    for e in events:
        if e.type != EV_NO_ACTION:
            extended = extended or (e.register == 0 and e.type != _EV_EFI_HCRTM_EVENT)
        elif e.register == 0 and e.data.startswith(_STARTUP_LOCALITY):
            if len(e.data) != len(_STARTUP_LOCALITY) + 1 or e.data[-1] not in (0, 3, 4):
                raise Malformed(f"event log at 0x{e.offset:x}", "another startup locality", "0, 3 or 4")
            if found is not None or extended:
                raise Malformed(f"event log at 0x{e.offset:x}", "a late startup locality", "one, before PCR 0's events")
            found = e.data[-1]
    return found


def initial(log: Log, register: int, size: int) -> bytes:
    """What a PCR holds before its first event.

    Zeros, but PCR 0 ends in the locality of the TPM's start (PTP 4.6.2), and 17 to 22 are ones until a dynamic launch.
    """
    if register == 0:
        hcrtm = any(e.type == _EV_EFI_HCRTM_EVENT for e in log.of(0))
        return (log.startup_locality or (4 if hcrtm else 0)).to_bytes(size, "big")
    return b"\xff" * size if 17 <= register <= 22 else bytes(size)


def replay(log: Log, algorithm: int, first: Mapping[int, bytes] | None = None) -> dict[int, bytes]:
    """The registers after all events: {register: value}, for those that have any; `first` overrides what they began with.

    Raises Malformed where the log has no such bank, or the hash is not available here.
    """
    size = log.banks.get(algorithm)
    name, known = ALGORITHMS.get(algorithm, ("", 0))
    if size is None or size != known:
        banks = ", ".join(ALGORITHMS.get(b, (f"0x{b:04x}", 0))[0] for b in log.banks)
        raise Malformed("event log", f"the banks {banks}", name or f"0x{algorithm:04x}")
    made = _hash(algorithm)
    if made is None:
        raise Malformed("event log", f"a bank of {name}", "a hash that this Python has")
    registers: dict[int, bytes] = {}
    for e in log.events:
        if e.type == EV_NO_ACTION:
            continue
        before = registers.get(e.register)
        if before is None:
            before = (first or {}).get(e.register) or initial(log, e.register, size)
        registers[e.register] = made(before + e.digests[algorithm]).digest()
    return registers


def rtmrs(log: Log) -> dict[str, bytes]:
    """The runtime registers of a TD by name, `rtmr0` to `rtmr3`; one without events is zeros, as the module starts it.

    Raises Malformed for a log that is no CCEL: another bank than SHA-384, or a register that a TD does not have.
    """
    foreign = next((e for e in log.events if e.extends and not 1 <= e.register < _CC_REGISTERS), None)
    if foreign is not None:
        raise Malformed(f"event log at 0x{foreign.offset:x}", f"register {foreign.register}", "1 to 4: RTMR0 to RTMR3")
    zeros = dict.fromkeys(range(1, _CC_REGISTERS), bytes(48))
    found = {**zeros, **replay(log, NUMBERS["sha384"], zeros)}
    return {f"rtmr{register - 1}": value for register, value in sorted(found.items())}
