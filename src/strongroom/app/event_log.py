"""An event log of a measured boot, replayed: the registers of every bank, and every event in words."""

from dataclasses import dataclass

from strongroom.app.evidence import read
from strongroom.kit import ccel, event_words
from strongroom.kit.ccel import Event, Log
from strongroom.model.errors import BadInput

_CC_MEASUREMENTS = ("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3")
_SHA384 = 0x000C


@dataclass(frozen=True, slots=True)
class Told:
    """One event in words. `remark`: the words are beside what was hashed, and prove nothing."""

    number: int
    register: str
    type: str
    digests: dict[str, str]
    words: str
    remark: bool


@dataclass(frozen=True, slots=True)
class Replayed:
    """A log: its registers by bank, and its events. `confidential`: registers are those of a confidential VM."""

    version: tuple[int, int, int]
    confidential: bool
    startup_locality: int | None
    padding: int
    registers: dict[str, dict[str, str]]
    events: tuple[Told, ...]


def _is_confidential(log: Log) -> bool:
    """Whether it is a CCEL: SHA-384 alone, registers 1 to 4, as UEFI 2.10, 38.4.1 numbers those of a TD."""
    used = {e.register for e in log.events if e.extends}
    return set(log.banks) == {_SHA384} and bool(used) and used <= {1, 2, 3, 4}


def _name(register: int, *, confidential: bool) -> str:
    if confidential and register < len(_CC_MEASUREMENTS):
        return _CC_MEASUREMENTS[register]
    return f"pcr{register}"


def _registers(log: Log, bank: int, *, confidential: bool) -> dict[str, str]:
    if confidential:
        return {name: value.hex() for name, value in ccel.rtmrs(log).items()}
    return {f"pcr{n}": v.hex() for n, v in sorted(ccel.replay(log, bank).items())}


def _told(e: Event, bank: int, *, confidential: bool) -> Told:
    digests = {ccel.ALGORITHMS.get(b, (f"0x{b:04x}", 0))[0]: d.hex() for b, d in e.digests.items()}
    name = _name(e.register, confidential=confidential)
    return Told(e.number, name, e.type_name, digests, event_words.words(e), event_words.remark(e, bank))


def replayed(path: str) -> Replayed:
    """The log of a file, replayed in every bank. Raises Unreadable, TooLarge, Malformed."""
    try:
        log = ccel.parse(read(path))
        confidential = _is_confidential(log)
        banks = [b for b in log.banks if b in ccel.ALGORITHMS]
        registers = {ccel.ALGORITHMS[b][0]: _registers(log, b, confidential=confidential) for b in banks}
    except BadInput as e:
        raise type(e)(path, e.found, e.wanted, e.hint) from None
    last = max(banks, key=lambda b: ccel.ALGORITHMS[b][1])
    events = tuple(_told(e, last, confidential=confidential) for e in log.events)
    return Replayed(log.version, confidential, log.startup_locality, log.padding, registers, events)
