"""Emulated cards, devices that fail, and one scrub of them, for the tests of this folder."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from strongroom.isolate.scrubbing import judge_scrub
from strongroom.model.errors import GpuError
from strongroom.model.scrub import Block, Occupant, ScrubReport, ScrubVerdict
from strongroom.scrub import emulated, scrubbing
from strongroom.scrub.devices.cpu import CpuDevice
from strongroom.scrub.emulated import Spec
from strongroom.scrub.scrubbing import Asked

UUID = "CPU-1"
KEY = bytes(range(1, 17))
GRANULE, GRANULES = 512, 64
SPEC = {"granules": GRANULES, "granule": GRANULE, "l2": 1024, "shared": 256}
GUEST = Occupant(4242, "guest")
_numbers = count()


def card(folder: Path, **changed: object) -> Path:
    """A small card in a folder of its own."""
    path = folder / f"card{next(_numbers)}"
    emulated.create(path, Spec(UUID, **{**SPEC, **changed}))  # type: ignore[arg-type]
    return path


def device(path: Path) -> CpuDevice:
    return CpuDevice(UUID, path)


class Steps:
    """A clock that goes on by one second with each look at it."""

    def __init__(self, step: float = 0.001) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def scrub(device: Any, *, seconds: float = 1e6, tags: tuple[bytes, ...] = ()) -> tuple[ScrubReport, ScrubVerdict]:
    """One scrub, and the verdict on it."""
    standing = device.look()
    begun = ScrubReport(uuid=UUID, device="cpu", before=standing, bytes_total=standing.bytes_total)
    clock = Steps()
    until = scrubbing.deadline(clock, seconds)
    report = scrubbing.scrub(device, begun, Asked(KEY, tags, 1), until, clock, lambda _: None)
    return report, judge_scrub(report)


class Faulty:
    """A device of which one call does something else; the others are the device's own."""

    def __init__(self, inner: CpuDevice, name: str, fault: Callable[..., Any]) -> None:
        self.inner, self.name, self.fault = inner, name, fault

    def __getattr__(self, name: str) -> Any:
        own = getattr(self.inner, name)
        return (lambda *a: self.fault(self.inner, own, *a)) if name == self.name else own


def lost(_: CpuDevice, own: Callable[..., Any], *__: object) -> Any:
    raise GpuError("emulated driver", "gpu is lost", f"an answer to {own.__name__}")


def poke(device: CpuDevice, octet: int, value: int) -> None:
    """Change one octet of what was taken, behind the device's back: `value` is exclusive-ored in."""
    block = device._taken[0]
    _, begin, _ = device._pages(block)[octet // GRANULE]
    memory = device._memory
    assert memory is not None
    memory[begin + octet % GRANULE] ^= value


def octets(path: Path) -> bytearray:
    return bytearray((path / "memory").read_bytes())


def plant(path: Path, at: int, data: bytes) -> None:
    """What another process had left in the memory of a card."""
    held = octets(path)
    held[at : at + len(data)] = data
    (path / "memory").write_bytes(bytes(held))


def short(block: Block, pages: int) -> Block:
    return Block(block.address, block.bytes - pages * GRANULE, block.page)
