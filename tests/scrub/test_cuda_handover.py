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


def desk(place: Path) -> scrubs.Desk:
    """A log that counts, and the books of this test."""
    return scrubs.Desk(Counting(), place / "books", lambda: datetime(2026, 11, 22, tzinfo=UTC))


def handed(place: Path, *causes: Cause, minor: int = 0, seconds: float = 30) -> app.HandedOver:
    gpus = scrubs.Asked((fake.UUID,), "cuda", {}, ("7",), seconds=seconds)
    wanted = app.Wanted(gpus, "n1", "none", causes, minors={fake.UUID: minor}, log=place / "kmsg")
    return app.hand_over(wanted, desk(place))


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


# What goes wrong with a GPU between two tenants, by its name -> how the driver answers, and what is said of it.
BAD: dict[str, tuple[dict[str, object], str]] = {
    "the GPU is lost before the scrub": ({"fail.nvmlDeviceGetHandleByUUID": 15}, "gpu is lost"),
    "the GPU is lost while it is read": ({"fail.sr_audit": 700}, "CUDA_ERROR_ILLEGAL_ADDRESS"),
    "the GPU is lost while it is written": ({"fail.cuStreamQuery.5": 214}, "CUDA_ERROR_ECC_UNCORRECTABLE"),
    "the GPU is lost after the scrub": ({"fail.nvmlInit.2": 15}, "gpu is lost"),
    "the GPU hangs": ({"fail.cuStreamQuery": 600}, "no answer within"),
    "the process dies": ({"dies": "sr_zero"}, "an end with status -9"),
    "a process of the last job is alive": ({"compute": 77}, "processes remain: 77"),
    "a process draws on it": ({"graphics": 78}, "processes remain: 78"),
    "MPS is alive": ({"mps": 79}, "MPS is alive: client 79"),
    "there is no memory for a context": ({"fail.cuDevicePrimaryCtxRetain": 2}, "CUDA_ERROR_OUT_OF_MEMORY"),
    "too little memory is had": ({"reserved": 8 << 20}, "are wanted"),
    "the library is of another driver": ({"fail.nvmlInit": 18}, "version mismatch"),
    "CUDA is of another driver": ({"fail.cuInit": 803}, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"),
    "the driver takes no code of this compiler": ({"fail.cuModuleLoadData": 222}, "UNSUPPORTED_PTX_VERSION"),
    "NVML names no processes": (
        {"fail.nvmlDeviceGetComputeRunningProcesses": 999},
        "cannot tell whether processes remain",
    ),
    "NVML knows no MIG mode": ({"fail.nvmlDeviceGetMigMode": 999}, "cannot tell whether it is partitioned"),
    "NVML counts no errors": ({"fail.nvmlDeviceGetTotalEccErrors": 999}, "errors"),
    "NVML tells no memory": ({"fail.nvmlDeviceGetMemoryInfo": 999}, "cannot tell how much memory"),
    "NVML finds no device": ({"fail.nvmlDeviceGetPciInfo": 999}, "cannot tell which PCI device it is"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_holds_the_node(name: str, place: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong, the handover ends as held, says why, has no scrub that counts, and the GPU is not ready."""
    monkeypatch.setattr(cuda, "run", lambda *_, **__: "GPU was successfully reset.")
    conf, word = BAD[name]
    fake.gpu(place / "gpu", library, **conf)
    found = handed(place, seconds=5)
    assert found.path.ended is Ended.HELD, found.why
    told = "; ".join((found.why, *(s.detail for s in found.path.steps), *(c.detail for c in found.path.causes)))
    assert word in told, told
    fake.gpu(place / "gpu", library)  # all is well again, and nobody has handed it over
    wanted = app.Wanted(scrubs.Asked((fake.UUID,), "cuda", {}), "n1", "none", log=place / "kmsg")
    ready = app.ready(wanted, desk(place), "8")
    assert not ready.good
    good = handed(place)
    assert good.path.ended is Ended.GOOD, good.why
