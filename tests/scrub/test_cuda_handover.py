"""Handovers over the emulated driver: NVML's own words for device, minor and firmware, and vendors' programs that are not there."""

from datetime import UTC, datetime
from pathlib import Path

import fake_driver as fake
import pytest

from strongroom.app import handover as app
from strongroom.app import scrub as scrubs
from strongroom.app.log import Appended
from strongroom.model.errors import GpuError
from strongroom.model.handover import Cause, Ended, Stage, Why
from strongroom.model.log import LogEntry
from strongroom.scrub import programs
from strongroom.scrub.devices import cuda

LINE = "4,{n},1,-;NVRM: Xid (PCI:0000:3b:00): {xid}, pid=1, name=job, a line\n"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver, built once."""
    return fake.built(tmp_path_factory.mktemp("driver"))


class Counting:
    """A log that counts."""

    def __init__(self) -> None:
        self.count = 0

    def record(self, _: LogEntry) -> Appended:
        self.count += 1
        return Appended(self.count - 1, b"", (), b"")


@pytest.fixture
def place(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A GPU, and a kernel's log without errors."""
    fake.gpu(tmp_path / "gpu", library)
    (tmp_path / "kmsg").write_text("6,1,1,-;a line\n")
    monkeypatch.setattr(scrubs, "libraries", lambda: str(tmp_path / "gpu"))
    return tmp_path


def handed(place: Path, *causes: Cause, minor: int = 0) -> app.HandedOver:
    gpus = scrubs.Asked((fake.UUID,), "cuda", {}, ("7",), seconds=30)
    wanted = app.Wanted(gpus, "n1", "none", causes, minors={fake.UUID: minor}, log=place / "kmsg")
    return app.hand_over(wanted, scrubs.Desk(Counting(), place / "books", lambda: datetime(2026, 11, 22, tzinfo=UTC)))


def test_a_gpu_is_handed_over_by_what_nvml_says(place: Path, library: Path) -> None:
    """Firmware is compared with the last handover, XIDs are found by the PCI device, the minor number by the table."""
    first = handed(place)
    assert first.path.ended is Ended.GOOD, first.why
    assert "VBIOS 96.00.1, InfoROM G520.1" in first.path.steps[-1].detail
    with pytest.raises(GpuError, match="found /dev/nvidia0, wanted /dev/nvidia1"):
        handed(place, minor=1)
    fake.gpu(place / "gpu", library, vbios="96.00.2")
    assert "VBIOS was 96.00.1 at the last handover, and is 96.00.2" in handed(place).why
    fake.gpu(place / "gpu", library, **{"fail.nvmlDeviceGetInforomImageVersion": 999})
    assert "InfoROM was G520.1 at the last handover, and cannot be read" in handed(place).why
    fake.gpu(place / "gpu", library, **{"fail.nvmlDeviceGetPciInfo": 15})
    assert "cannot tell which PCI device it is: gpu is lost" in handed(place).why


def test_a_reset_is_the_vendors(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an XID the GPU is reset by nvidia-smi, by its UUID; without that program, or where it fails, it is held."""
    log = place / "kmsg"
    log.write_text(log.read_text() + LINE.format(n=2, xid=79))
    monkeypatch.setattr(cuda, "run", lambda *a, **k: programs.run(*a, **{**k, "path": str(place)}))
    held = handed(place)
    assert [c.why for c in held.path.causes] == [Why.XID]
    assert (held.path.ended, held.path.steps[-1].stage) == (Ended.HELD, Stage.RESET)
    assert "nvidia-smi: found no such program" in held.why
    tool = place / "nvidia-smi"
    tool.write_text(f'#!/bin/sh\necho "$@" >>{place}/asked\necho "In use by another client"; exit 3\n')
    tool.chmod(0o755)
    assert "status 3: In use by another client" in handed(place).why
    tool.write_text(f'#!/bin/sh\necho "$@" >>{place}/asked\necho "GPU was successfully reset."\n')
    good = handed(place)
    assert good.path.ended is Ended.GOOD, good.why
    assert (place / "asked").read_text() == f"--gpu-reset --id={fake.UUID}\n" * 2
    with pytest.raises(GpuError, match="an instance has no reset of its own"):
        cuda.DEVICE.reset(fake.MIG_UUID, {})


def test_a_gpu_that_needs_a_reset_gets_one(place: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory errors and rows to be replaced are failures; where a reset does not clear them the GPU is held."""
    monkeypatch.setattr(cuda, "run", lambda *_, **__: "GPU was successfully reset.")
    fake.gpu(place / "gpu", library, ecc=2)
    found = handed(place)
    assert [c.why for c in found.path.causes] == [Why.ECC]
    assert (found.path.ended, "2 memory errors that were not corrected, after a reset" in found.why) == (
        Ended.HELD,
        True,
    )
    fake.gpu(place / "gpu", library, row_pending=1)
    found = handed(place)
    assert "a row is to be remapped at the next reset" in found.why
    fake.gpu(place / "gpu", library)
    assert handed(place).path.ended is Ended.GOOD
