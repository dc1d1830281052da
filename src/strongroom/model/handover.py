"""The nouns of a handover: why a GPU changes hands, the steps that it goes through, and who holds its node meanwhile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

SCHEMA = "strongroom.handover/1"


class Why(StrEnum):
    """Why a GPU is handed over. All but the first two and the last are failures."""

    TENANT = "tenant-change"
    BOOT = "boot"
    XID = "xid"
    ECC = "ecc"
    HANG = "hang"
    EXIT = "abnormal-exit"
    SHARED = "shared"  # jobs had parts of it, and the scheduler names none for them


FAILURES = frozenset({Why.XID, Why.ECC, Why.HANG, Why.EXIT})


class Stage(StrEnum):
    """The steps of a handover, in their order."""

    CORDON = "cordon"
    RESET = "reset"
    SCRUB = "scrub"
    HEALTH = "health"
    UNCORDON = "uncordon"


class Cause(msgspec.Struct, frozen=True):
    """One reason, with what is known of it."""

    why: Why
    detail: str = ""


class Done(msgspec.Struct, frozen=True):
    """A step that was tried: whether it did what it must, and the entry of the log that says so."""

    stage: Stage
    ok: bool
    detail: str = ""
    entry: int = -1


class Ended(StrEnum):
    """How a handover ended; it is open until then."""

    OPEN = "open"
    GOOD = "good"
    LEFT = "left-cordoned"  # all is good, and the node is held by another, who lets it go
    HELD = "held"


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """One handover: of which GPUs on which node, for what causes, and what was done. `kept` says that the scheduler itself
    keeps the GPUs from others until the caller ends, as Slurm does while an epilog runs.
    """

    run: str
    node: str
    gpus: tuple[str, ...]
    causes: tuple[Cause, ...]
    jobs: tuple[str, ...] = ()
    kept: bool = False
    boot: str = ""
    steps: tuple[Done, ...] = ()
    ended: Ended = Ended.OPEN


class Hold(msgspec.Struct, frozen=True):
    """How a scheduler has a node: whether it keeps jobs away, in whose words, and whether those words wait for a scrub."""

    cordoned: bool
    words: str = ""
    waits: bool = False


class Cordon(msgspec.Struct, frozen=True):
    """The cordon that this program put on a node: by which run, in which words. What another put is none of its own."""

    run: str
    words: str


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a GPU from its last handover."""

    outcome: Ended
    boot: str
    entry: int
    driver: str = ""
    firmware: dict[str, str] = {}


class Xid(msgspec.Struct, frozen=True):
    """An error that a GPU's driver wrote into the kernel's log: on which PCI device, its number, and where in the log."""

    bus: str
    number: int
    text: str
    sequence: int = 0


class Mark(msgspec.Struct, frozen=True):
    """How far a kernel's log was read: of which boot, up to which record."""

    boot: str = ""
    sequence: int = -1


class Link(Protocol):
    """How an API server is reached."""

    @property
    def host(self) -> str:
        """Its name or address."""

    @property
    def port(self) -> int:
        """Its port."""

    @property
    def prefix(self) -> str:
        """What its paths begin with."""

    @property
    def tls(self) -> object:
        """An `ssl.SSLContext`, by which it is known; None is without TLS, on the loopback address alone."""

    def bearer(self) -> str:
        """The token of now; empty where there is none."""


class Keeper(Protocol):
    """What keeps jobs away from a node. Every call may raise GpuError, and then nothing is known."""

    def look(self) -> Hold:
        """How the node stands."""

    def cordon(self, words: str) -> Hold:
        """Keep jobs away, in these words, unless somebody does already; how it stands then."""

    def failed(self, words: str) -> None:
        """Keep jobs away in words that say that it failed. What another put stays."""

    def uncordon(self, words: str) -> None:
        """Let jobs come, if it is still these words that keep them away."""


class Crowd(Protocol):
    """Who is on a node, and a cordon that waits for a scrub and names nobody. Every call may raise GpuError."""

    def users(self) -> tuple[str, ...]:
        """The work on it that has accelerators, as owner/name."""

    def look(self) -> Hold:
        """How the node stands."""

    def wait(self) -> Hold:
        """Keep others away until a scrub, unless somebody keeps them away already; how it stands then."""


@dataclass(frozen=True, slots=True)
class KeeperKind:
    """A scheduler. `open` takes the node's name, options (`prefix` of taints, `slurm_conf`), and how an API server is reached,
    where one is; `crowd` takes the same, where it can tell who is on a node.
    """

    name: str
    title: str
    open: Callable[[str, Mapping[str, str], Link | None], Keeper]
    kept: bool  # whether it keeps the GPUs of a job from others until its epilog ended
    linked: bool = False  # whether it needs a link
    crowd: Callable[[str, Mapping[str, str], Link | None], Crowd] | None = None
