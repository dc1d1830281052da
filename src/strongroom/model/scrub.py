"""The nouns of scrubbing: a GPU as it stands, what was read, written and found, and what a device must be able to do.

Numbers are whole: octets, words of 16 octets, microseconds, thousandths of a bit. None says that it is not known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

SCHEMA = "strongroom.scrub/1"
LEAK_SCHEMA = "strongroom.leak-test/1"


class Mig(StrEnum):
    """What is named: a GPU that is not partitioned, one that is, or an instance of one."""

    OFF = "off"
    ON = "on"
    INSTANCE = "instance"
    PART = "part"  # an instance that computes with a part of its slice: it does not reach the other multiprocessors
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What became of a scrub."""

    SCRUBBED = "scrubbed"
    NOT_SCRUBBED = "not-scrubbed"


class Remains(StrEnum):
    """Whether what others left could be read."""

    CLEAN = "clean"
    LEAK = "leak"
    UNKNOWN = "cannot-tell"


class Step(StrEnum):
    """The passes over memory, and the sweeps over what is on the chip, in their order."""

    LOCAL = "local"
    AUDIT = "audit"
    PATTERN = "pattern"
    CHECK_PATTERN = "check-pattern"
    ZERO = "zero"
    CHECK_ZERO = "check-zero"
    SHARED = "shared"
    REGISTERS = "registers"


PASSES = (Step.AUDIT, Step.PATTERN, Step.CHECK_PATTERN, Step.ZERO, Step.CHECK_ZERO)
SWEEPS = (Step.LOCAL, Step.SHARED, Step.REGISTERS)


class Occupant(msgspec.Struct, frozen=True):
    """A process that has a context on the GPU."""

    pid: int
    name: str = ""
    bytes: int | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A GPU as its driver tells of it, without a context on it. `unknown` has the reason for what could not be read."""

    uuid: str
    model: str = ""
    driver: str = ""
    bytes_total: int | None = None
    bytes_used: int | None = None
    occupants: tuple[Occupant, ...] | None = None
    mps: tuple[str, ...] | None = None
    mig: Mig = Mig.UNKNOWN
    instances: tuple[str, ...] = ()
    uncorrected: int | None = None  # memory errors that ECC could not correct, since the driver was loaded
    bus: str | None = None  # its PCI device, such as 0000:3b:00; empty where it is none
    minor: int | None = None  # of its device file
    firmware: dict[str, str] = {}  # VBIOS and InfoROM, by name
    remap_pending: bool = False  # a row of memory is to be replaced at the next reset
    remap_failed: bool = False  # a row of memory could not be replaced
    notes: tuple[str, ...] = ()
    unknown: dict[str, str] = {}


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """A GPU as its context tells of it."""

    uuid: str
    units: int  # streaming multiprocessors, or compute units
    shared_bytes: int  # of a unit, as much as one block can have
    register_bytes: int  # of a unit
    l2_bytes: int
    method: str  # runtime and architecture, for the record


class Block(msgspec.Struct, frozen=True):
    """A piece of memory at hand. `page` is the number of its first page in this run."""

    address: int
    bytes: int
    page: int = 0


class Taken(msgspec.Struct, frozen=True):
    """The memory that could be had, in pages of `granule`, and how."""

    blocks: tuple[Block, ...]
    granule: int
    how: str

    @property
    def bytes(self) -> int:
        """All of it."""
        return sum(b.bytes for b in self.blocks)


class Canary(msgspec.Struct, frozen=True):
    """How often words with a tag were found, and where first."""

    tag: str
    words: int
    first: int | None = None


class Audit(msgspec.Struct, frozen=True):
    """What was found before anything was written."""

    bytes: int = 0
    residual_words: int = 0
    first: int | None = None
    canaries: tuple[Canary, ...] = ()
    histogram: tuple[int, ...] = ()  # of the octets of every so many words that are not zero; 256 places, or none


class Checked(msgspec.Struct, frozen=True):
    """What was compared, and what was not as it must be."""

    bytes: int = 0
    wrong_words: int = 0
    first: int | None = None


class Cover(msgspec.Struct, frozen=True):
    """What a sweep reached: how many units of all, how much of each, and what stood there before or would not go."""

    units: int = 0
    units_total: int = 0
    bytes_each: int = 0
    bytes_each_total: int = 0
    residual_words: int = 0
    wrong_words: int = 0
    canaries: tuple[Canary, ...] = ()


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """One pass over all memory that was taken."""

    step: Step
    bytes: int
    wrong_words: int = 0
    first: int | None = None
    microseconds: int = 0


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """One sweep over what is on the chip."""

    step: Step
    cover: Cover
    microseconds: int = 0


class Failure(msgspec.Struct, frozen=True):
    """Where a run ended early, and why."""

    step: str
    reason: str


class Unreached(msgspec.Struct, frozen=True):
    """What no allocation reaches, and how much it is where that is known."""

    what: str
    bytes: int | None = None


class ScrubReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run did and found. It holds no verdict."""

    uuid: str
    device: str
    jobs: tuple[str, ...] = ()
    before: Standing | None = None
    gpu: Gpu | None = None
    after: Standing | None = None
    granule: int = 0
    how: str = ""
    bytes_total: int | None = None
    bytes_taken: int = 0
    bytes_verified: int = 0
    flushed: tuple[int, ...] = ()
    unreached: tuple[Unreached, ...] = ()
    audit: Audit | None = None
    entropy_millibits: int | None = None
    passes: tuple[Pass, ...] = ()
    sweeps: tuple[Sweep, ...] = ()
    microseconds: int = 0
    failure: Failure | None = None
    schema: str = SCHEMA


class Way(StrEnum):
    """How memory is asked for."""

    PLAIN = "plain"
    ASYNC = "async"  # stream-ordered, from the driver's pool


class Case(StrEnum):
    """The cases of the leak test."""

    POOL = "pool-reuse"
    SMALL = "small-reuse"
    SHARED_SAME = "shared-same-context"
    EXIT = "exit"
    FREED = "freed-while-alive"
    KILLED = "killed"
    ASYNC = "async-exit"
    SHARED_OTHER = "shared-other-process"


CONTROLS = (Case.POOL, Case.SMALL, Case.SHARED_SAME)  # within one process, where nothing clears: they must find
ATTACKS = (Case.EXIT, Case.FREED, Case.KILLED, Case.ASYNC, Case.SHARED_OTHER)  # across processes: they must not


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One case: what the victim planted, what the attacker could look at, and what it found."""

    case: Case
    planted_words: int = 0
    scanned_bytes: int = 0
    units: int = 0
    residual_words: int = 0
    hits: dict[Case, int] = {}  # words, by the case that had planted them
    failure: str = ""


class LeakReport(msgspec.Struct, frozen=True, kw_only=True):
    """All cases. It holds no verdict."""

    uuid: str
    device: str
    before: Standing | None = None
    gpu: Gpu | None = None
    tried: tuple[Tried, ...] = ()
    microseconds: int = 0
    failure: Failure | None = None
    schema: str = LEAK_SCHEMA


class ScrubVerdict(msgspec.Struct, frozen=True):
    """Scrubbed only where nothing speaks against it; and what was read before."""

    outcome: Outcome
    reasons: tuple[str, ...]
    remains: Remains
    remains_bytes: int
    remains_where: str = ""


class LeakVerdict(msgspec.Struct, frozen=True):
    """Clean, a leak of so many octets in these cases, or why it cannot be told."""

    remains: Remains
    reasons: tuple[str, ...]
    bytes: int = 0
    where: tuple[str, ...] = ()


Until = Callable[[str], float]
"""The seconds that are left, for what is being done. Raises GpuError where none are."""


class Device(Protocol):
    """A GPU, or what stands for one. Every call may raise GpuError; `take` and what follows need `open` before."""

    def look(self) -> Standing:
        """How it stands, without a context on it."""

    def open(self, until: Until) -> Gpu:
        """Make a context. It is refused where the driver's GPU is not the one that was named."""

    def take(self) -> Taken:
        """Get all memory that can be had, and keep it."""

    def audit(self, block: Block, tags: tuple[bytes, ...], every: int) -> Audit:
        """Read, and write nothing: words that are not zero, tags, a histogram over every so many words."""

    def fill(self, block: Block, key: bytes) -> int:
        """Write the keyed pattern; the octets that were written."""

    def zero(self, block: Block) -> int:
        """Write zeros; the octets that were written."""

    def check(self, block: Block, key: bytes | None) -> Checked:
        """Compare with the keyed pattern, or without a key with zeros."""

    def flush(self, octets: int) -> int:
        """Read so much of what was taken that nothing else is left in the cache; the octets that were read."""

    def sweep(self, step: Step, tags: tuple[bytes, ...]) -> Cover:
        """Read, overwrite and check shared memory, registers or local memory of every unit."""

    def get(self, way: Way, octets: int) -> Block:
        """Ask for some memory."""

    def drop(self, block: Block) -> None:
        """Give memory back that `get` got."""

    def plant(self, block: Block, tag: bytes) -> int:
        """Write canaries; how many words."""

    def plant_shared(self, tag: bytes) -> int:
        """Write canaries into the shared memory of every unit, and leave them; how many words."""

    def listen_shared(self, tags: tuple[bytes, ...]) -> Cover:
        """Read the shared memory of every unit as it is found, and write nothing."""

    def close(self) -> None:
        """Give everything back. It never raises."""


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """A kind of device. `open` takes the UUID and the device's own options; nothing is touched before a call.

    `environment` is what the process that opens it must have in its environment, by the UUID. `reset` resets the GPU, by the
    vendor's own program, and says how; it raises GpuError where it did not.
    """

    name: str
    title: str
    emulated: bool
    open: Callable[[str, Mapping[str, str]], Device]
    environment: Callable[[str], Mapping[str, str]]
    reset: Callable[[str, Mapping[str, str]], str]
