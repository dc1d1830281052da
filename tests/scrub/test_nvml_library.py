"""NVIDIA's own binding on a library that is none: what the collector records of it, and how each call's failure is told."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import fake_driver as fake
import pytest

from strongroom.collect.sources import host
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.ports import Request
from strongroom.model.values import Unknown

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver, built once."""
    return fake.built(tmp_path_factory.mktemp("driver"))


def recorded(folder: Path, library: Path, **conf: object) -> subprocess.CompletedProcess[str]:
    """Run the collector of a machine with this library."""
    where = fake.gpu(folder / "gpu", library, **conf)
    argv = [sys.executable, "-P", "-m", "strongroom", "collector", "--nvml", "-o", str(folder / "n1.json")]
    env = {**os.environ, "LD_LIBRARY_PATH": str(where)}  # noqa: TID251 - as it is
    return subprocess.run(argv, capture_output=True, text=True, env=env, check=False)


def seen(folder: Path) -> tuple[Asset, Asset]:
    """The machine and the one GPU of the record."""
    found = host.collect(Request("host:n1", str(folder / "n1.json"), NOW))
    (machine,) = [a for a in found.assets if a.kind is Kind.HOST]
    (card,) = [a for a in found.assets if a.kind is Kind.GPU]
    return machine, card


def test_the_binding_and_the_library_are_read_whole(tmp_path: Path, library: Path) -> None:
    """Structures, pairs, counts and texts come through the real binding; what the card has not is not set."""
    made = recorded(tmp_path, library, cc=1, devtools=1, banks=2, ecc=4, compute=77)
    assert made.returncode == 0, made.stderr
    machine, card = seen(tmp_path)
    wanted = {
        "gpu.uuid": fake.UUID, "gpu.pci": "0000:3b:00.0", "gpu.ecc": True, "gpu.architecture": "Hopper", "gpu.memory_type": "hbm",
        "gpu.banks_exhausted": 2, "gpu.ecc_uncorrected_now": 4, "gpu.fabric": "abababab-abab-abab-abab-abababababab/7",
        "gpu.processes": 1, "gpu.cc": "devtools", "gpu.dram_encrypted": None, "gpu.vbios": "96.00.1", "gpu.mig": False,
    }  # fmt: skip
    assert {n: card.value(n) for n in wanted} == wanted
    assert (machine.value("gpu.library"), machine.value("gpu.driver"), machine.value("version.cuda")) == (
        "580.1",
        "580.1",
        "13.0",
    )
    gsp = card.value("gpu.gsp")  # the library has no such call
    assert isinstance(gsp, Unknown)
    assert "Function Not Found" in gsp.detail


@pytest.mark.parametrize(
    ("call", "code", "fact", "words"),
    [
        ("nvmlDeviceGetEccMode", 15, "gpu.ecc", "GPU is lost"),
        ("nvmlDeviceGetEccMode", 4, "gpu.ecc", "insufficient permissions"),
        ("nvmlDeviceGetTotalEccErrors", 999, "gpu.ecc_uncorrected", "Unknown Error"),
        ("nvmlDeviceGetRemappedRows", 15, "gpu.remap_failed", "GPU is lost"),
        ("nvmlDeviceGetGpuFabricInfo", 999, "gpu.fabric", "Unknown Error"),
        ("nvmlDeviceGetComputeRunningProcesses", 15, "gpu.processes", "GPU is lost"),
        ("nvmlDeviceGetMigMode", 999, "gpu.mig", "Unknown Error"),
    ],
)
def test_a_half_broken_library_is_told_call_by_call(
    call: str, code: int, fact: str, words: str, tmp_path: Path, library: Path
) -> None:
    """A call that fails leaves its fact unknown in the library's words; the UUID and the rest are there."""
    assert recorded(tmp_path, library, **{f"fail.{call}": code}).returncode == 0
    _, card = seen(tmp_path)
    found = card.value(fact)
    assert isinstance(found, Unknown)
    assert words in found.detail
    assert (card.value("gpu.uuid"), card.value("gpu.vbios")) == (fake.UUID, "96.00.1")


def test_a_card_that_does_not_open_is_missed(tmp_path: Path, library: Path) -> None:
    """Two are counted and one is lost: the record says so, and the other one is read."""
    assert recorded(tmp_path, library, count=2).returncode == 0
    machine, _ = seen(tmp_path)
    assert machine.value("gpu.unaccounted") == ("NVML counts 2 GPUs and lists 1",)
    lost = json.loads((tmp_path / "n1.json").read_text())["devices"][1]
    assert lost == {"index": 1, "error": "GPU is lost"}


def test_a_library_of_another_driver_is_an_error(tmp_path: Path, library: Path) -> None:
    """Nothing is recorded of a library that does not open, and the reason is its own."""
    made = recorded(tmp_path, library, **{"fail.nvmlInit": 18})
    assert made.returncode == 2
    assert "version mismatch" in made.stderr
    assert not (tmp_path / "n1.json").exists()
