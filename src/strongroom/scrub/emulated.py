"""An emulated card and its driver: memory in a file that processes share, owned in granules, cleared on free or not.

What is emulated is who gets which memory in what state: enough to show that the scrub and the leak test find what is
there, miss nothing, and say so where they cannot tell. It is no GPU, and proves nothing of one.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from strongroom.model.errors import GpuError, Malformed, NotFound, Unreadable

MAKE = "strongroom scrub emulate FOLDER makes one"
_STATE, _MEMORY, _SHARED, _LOCK = "card.json", "memory", "shared", "lock"


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a card is like. The switches are those of the driver."""

    uuid: str
    granules: int = 64
    granule: int = 4096  # octets
    reserved: int = 0  # granules that the driver keeps
    context: int = 1  # granules that each context takes
    units: int = 4
    shared: int = 1024  # octets of each unit
    l2: int = 8192  # octets
    clears_on_free: bool = True
    clears_shared: bool = True  # before another process runs
    clears_within: bool = False  # what is freed and got again within a process
    resets: bool = True  # whether a reset works
    vbios: str = "1.0"
    bus: str = ""  # the PCI device that it is said to be; empty is none


class _State(msgspec.Struct):
    spec: Spec
    owners: dict[int, int] = {}  # granule: process
    started: dict[int, int] = {}  # process: when it was started, since numbers come again
    shared_by: int = 0
    errors: int = 0  # of memory, that were not corrected; a reset forgets them


def create(folder: Path, spec: Spec) -> None:
    """Make a card in a folder of its own. Raises Unreadable."""
    try:
        folder.mkdir(parents=True)
        (folder / _MEMORY).write_bytes(bytes(spec.granules * spec.granule))
        (folder / _SHARED).write_bytes(bytes(spec.units * spec.shared))
        (folder / _LOCK).write_bytes(b"")
        (folder / _STATE).write_bytes(msgspec.json.encode(_State(spec)))
    except OSError as e:
        raise Unreadable(str(folder), (e.strerror or "an error").lower(), "a folder that is not there yet") from None


class Card:
    """A card, as one process has it open."""

    def __init__(self, folder: Path, uuid: str) -> None:
        """Raises NotFound, Malformed, GpuError where it is another."""
        self._folder = folder
        self._pid = os.getpid()
        with self._held() as state:
            self.spec = state.spec
        if self.spec.uuid != uuid:
            raise GpuError(f"card {folder}", f"GPU {self.spec.uuid}", f"GPU {uuid}")

    @contextlib.contextmanager
    def _held(self) -> Iterator[_State]:
        """The state, while nobody else has it; what dead processes had is free by then."""
        try:
            with (self._folder / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                state = msgspec.json.decode((self._folder / _STATE).read_bytes(), type=_State)
                for pid in {p for p in state.started if _since(p) != state.started[p]}:
                    self._end(state, pid)
                yield state
                # A process may be killed at any point, and the card must go on: the state is whole, or the old one.
                aside = self._folder / f".{_STATE}"
                aside.write_bytes(msgspec.json.encode(state))
                aside.replace(self._folder / _STATE)
        except OSError as e:
            raise NotFound(
                f"card {self._folder}", (e.strerror or "an error").lower(), "an emulated card", MAKE
            ) from None
        except msgspec.MsgspecError as e:
            raise Malformed(f"card {self._folder}", str(e).lower()[:160], "an emulated card", MAKE) from None

    def _end(self, state: _State, pid: int) -> None:
        self._free(state, [g for g, owner in state.owners.items() if owner == pid])
        del state.started[pid]

    def _free(self, state: _State, granules: list[int]) -> None:
        for granule in granules:
            del state.owners[granule]
        if state.spec.clears_on_free and granules:
            size = state.spec.granule
            with (self._folder / _MEMORY).open("r+b") as memory:
                for granule in granules:
                    memory.seek(granule * size)
                    memory.write(bytes(size))

    def enter(self) -> None:
        """Make a context: some memory is its own from now on. Raises GpuError."""
        with self._held() as state:
            if self._pid in state.started:
                raise GpuError("emulated driver", "a context of this process", "none yet")
            state.started[self._pid] = _since(self._pid)
        if len(self.get(self.spec.context)) < self.spec.context:
            self.leave()
            raise GpuError("emulated driver", "no memory for a context", f"{self.spec.context} granules")

    def leave(self) -> None:
        """Give back everything that this process has."""
        with self._held() as state:
            if self._pid in state.started:
                self._end(state, self._pid)

    def get(self, most: int) -> list[int]:
        """Up to so many granules that nobody has, lowest first."""
        with self._held() as state:
            free = (g for g in range(state.spec.reserved, state.spec.granules) if g not in state.owners)
            got = [g for _, g in zip(range(most), free, strict=False)]
            state.owners.update(dict.fromkeys(got, self._pid))
        return got

    def put(self, granules: list[int]) -> None:
        """Give granules back."""
        with self._held() as state:
            self._free(state, granules)

    def others(self) -> dict[int, int]:
        """The processes that have a context, and how many octets each has."""
        with self._held() as state:
            size = state.spec.granule
            return {p: size * sum(o == p for o in state.owners.values()) for p in state.started if p != self._pid}

    def used(self) -> int:
        """Octets that processes and the driver have."""
        with self._held() as state:
            return (len(state.owners) + state.spec.reserved) * state.spec.granule

    def errors(self) -> int:
        """Errors of memory since the last reset."""
        with self._held() as state:
            return state.errors

    def firmware(self) -> dict[str, str]:
        """The versions that it tells."""
        return {"VBIOS": self.spec.vbios, "InfoROM": "1.0"}

    def reset(self) -> None:
        """What a reset does: everything of before is gone. Raises GpuError where somebody is on it, or it does not work."""
        with self._held() as state:
            if state.started:
                raise GpuError("emulated driver", f"{len(state.started)} processes", "a card that nobody is on")
            if not state.spec.resets:
                raise GpuError("emulated driver", "a reset that does not end", "a card that can be reset")
            state.errors = state.shared_by = 0
            (self._folder / _MEMORY).write_bytes(bytes(state.spec.granules * state.spec.granule))
            (self._folder / _SHARED).write_bytes(bytes(state.spec.units * state.spec.shared))

    @contextlib.contextmanager
    def running(self) -> Iterator[Path]:
        """A kernel of this process: the file of every unit's shared memory, cleared first where the driver does that."""
        with self._held() as state:
            path = self._folder / _SHARED
            if state.shared_by not in {0, self._pid} and state.spec.clears_shared:
                path.write_bytes(bytes(state.spec.units * state.spec.shared))
            state.shared_by = self._pid
            yield path

    @property
    def memory(self) -> Path:
        """The file of the memory."""
        return self._folder / _MEMORY


def _since(pid: int) -> int:
    """When a process was started, in the system's ticks; 0 where there is none, or it is a dead one not yet waited for."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()  # proc(5): the name may hold anything, brackets too
    return 0 if fields[0] == "Z" else int(fields[19])
