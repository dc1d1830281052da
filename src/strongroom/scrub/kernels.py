"""The text of the kernels with their constants before it, and the places of what they tell."""

from importlib import resources
from typing import NamedTuple

from strongroom.kit import scrub_pattern
from strongroom.kit.scrub_pattern import MOST_TAGS, WORD
from strongroom.model.scrub import Canary

THREADS = 512
UNIT_PLACES = 16  # 64-bit places: as many as 1,024 units
REGISTERS = 232  # of at most 255 that a thread can have; the rest is what the kernel itself needs
REGISTER_THREADS = (
    256  # 256 x 255 of the 65,536 registers that a unit has (CUDA C programming guide, compute capability 9.0)
)
STACK_WORDS = 240  # below the stack of 1,024 octets that every thread of a context has from the start
STAY = 200_000  # clocks of a unit: about a tenth of a millisecond

_TAGS_AT = 3 + UNIT_PLACES
_FIRSTS_AT = _TAGS_AT + MOST_TAGS
_HISTOGRAM_AT = _FIRSTS_AT + MOST_TAGS
PLACES = _HISTOGRAM_AT + 256
_NONE = (1 << 64) - 1

NAMES = (
    "sr_fill", "sr_zero", "sr_check", "sr_check_zero", "sr_audit", "sr_plant", "sr_shared_listen", "sr_shared_plant",
    "sr_shared_zero", "sr_registers", "sr_local",
)  # fmt: skip
WHOLE_UNIT = (
    "sr_shared_listen",
    "sr_shared_plant",
    "sr_shared_zero",
    "sr_registers",
)  # with all shared memory of a unit


def constants() -> dict[str, int]:
    """Every number that the text is compiled with."""
    return {
        **scrub_pattern.constants(),
        "SR_THREADS": THREADS,
        "SR_UNIT_PLACES": UNIT_PLACES,
        "SR_REGISTERS": REGISTERS,
        "SR_REGISTER_THREADS": REGISTER_THREADS,
        "SR_STACK_WORDS": STACK_WORDS,
        "SR_STAY": STAY,
    }


def text() -> str:
    """What is compiled."""
    defines = "".join(f"#define {name} {_literal(value)}\n" for name, value in constants().items())
    return defines + resources.files("strongroom.scrub").joinpath("kernels.cu").read_text(encoding="utf-8")


def _literal(value: int) -> str:
    """A number as C has it; large ones are unsigned, so that products of them wrap."""
    return f"0x{value:08x}u" if value >= 1 << 16 else f"{value}"


class Told(NamedTuple):
    """What one launch told."""

    words: int
    bad: int
    first: int | None  # in octets
    units: int
    canaries: tuple[Canary, ...]
    histogram: tuple[int, ...]


def blank() -> list[int]:
    """The places before a launch."""
    places = [0] * PLACES
    places[2] = _NONE
    places[_FIRSTS_AT:_HISTOGRAM_AT] = [_NONE] * MOST_TAGS
    return places


def told(places: list[int], tags: tuple[bytes, ...]) -> Told:
    """The places after a launch."""
    canaries = tuple(
        Canary(tag.hex(), places[_TAGS_AT + n], _octets(places[_FIRSTS_AT + n])) for n, tag in enumerate(tags)
    )
    units = sum(p.bit_count() for p in places[3:_TAGS_AT])
    return Told(places[0], places[1], _octets(places[2]), units, canaries, tuple(places[_HISTOGRAM_AT:]))


def _octets(word: int) -> int | None:
    return None if word == _NONE else word * WORD
