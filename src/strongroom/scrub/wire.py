"""What crosses between the process that asks and the one that has the GPU: the work on the way in, lines on the way out."""

import msgspec

from strongroom.model.scrub import Case, Gpu, ScrubReport, Standing

GO, END = b"go\n", b"end\n"
LOOK, SCRUB, CONTROL, VICTIM, SEEK = "look", "scrub", "control", "victim", "seek"


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One work: a verb, the device, and what chance gave. Tags and key are hexadecimal."""

    verb: str
    device: str
    uuid: str
    options: dict[str, str] = {}
    seconds: float = 60.0
    jobs: tuple[str, ...] = ()
    key: str = ""
    tags: tuple[str, ...] = ()
    every: int = 4096
    case: Case | None = None
    tag: str = ""
    bytes: int = 0
    small: int = 0


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one side of the leak test did or found. `hits` are words by tag."""

    planted_words: int = 0
    scanned_bytes: int = 0
    units: int = 0
    residual_words: int = 0
    hits: dict[str, int] = {}
    gpu: Gpu | None = None


class Trouble(msgspec.Struct, frozen=True):
    """An error, in its parts."""

    subject: str
    found: str
    wanted: str
    hint: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line: one of these."""

    standing: Standing | None = None
    report: ScrubReport | None = None
    found: Found | None = None
    trouble: Trouble | None = None
