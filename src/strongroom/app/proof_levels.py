"""How near to the real thing a capability has been run: the levels, and the shape of a row."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How near to the real thing a capability has been run, nearest first."""

    LIVE = "live"  # on the hardware or service itself
    REAL_SOFTWARE = "real software"  # against the program itself, on a machine made for the test
    RECORDED = "recorded"  # on what the real thing wrote elsewhere
    SIMULATED = "simulated"  # on input that was made to look like it
    UNPROVEN = "unproven"  # not exercised


@dataclass(frozen=True, slots=True)
class Proof:
    """One capability, its level, how it was exercised, what was not, and the tests that do it."""

    capability: str
    level: Level
    how: str
    missing: str
    tests: tuple[str, ...]
