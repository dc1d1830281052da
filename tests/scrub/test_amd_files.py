"""GPUs of AMD as far as files show them: what they are, who is on them, and the driver's own shader for what kernels do not reach."""

import ctypes
from pathlib import Path

import pytest

from strongroom.isolate.scrubbing import refusals
from strongroom.model.errors import GpuError
from strongroom.model.scrub import Mig
from strongroom.scrub.devices import _kfd, amd
from strongroom.scrub.devices.amd import HipRuntime

UUID, UNIQUE = "GPU-0123456789abcdef", 0x0123456789ABCDEF
PROPERTIES = (
    f"simd_count 1216\nsimd_per_cu 4\ngfx_target_version 90402\nlds_size_in_kb 64\nunique_id {UNIQUE}\nno number\n"
)


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """What amdgpu and KFD show of an MI300X with one partition, and nobody on it."""
    node = tmp_path / "class/kfd/kfd/topology/nodes/1"
    for name, text in (("properties", PROPERTIES), ("gpu_id", "4242\n"), ("caches/0/properties", "size 16384\nlevel 2\n"),
                       ("caches/1/properties", "size 262144\nlevel 3\n")):  # fmt: skip
        (node / name).parent.mkdir(parents=True, exist_ok=True)
        (node / name).write_text(text)
    device = tmp_path / "devices/pci0000:80/0000:83:00.0"
    device.mkdir(parents=True)
    for name, text in (("unique_id", "0123456789abcdef\n"), ("mem_info_vram_total", "206141652992\n"), ("vbios_version", "113-M\n"),
                       ("mem_info_vram_used", "297795584\n"), ("enforce_isolation", "1\n"), (_kfd.CLEANER, "")):  # fmt: skip
        (device / name).write_text(text)
    (tmp_path / "class/drm/card1").mkdir(parents=True)
    (tmp_path / "class/drm/card1/device").symlink_to(device)
    (tmp_path / "class/kfd/kfd/proc").mkdir()
    return tmp_path


def test_how_a_gpu_stands(sysfs: Path) -> None:
    """Its units, architecture, memory, PCI device, VBIOS, and whether it isolates processes."""
    standing = _kfd.look(UUID, sysfs)
    assert (standing.bytes_total, standing.occupants, standing.mig) == (206141652992, (), Mig.OFF)
    assert (standing.bus, standing.firmware) == ("0000:83:00", {"VBIOS": "113-M"})
    assert standing.notes == ("enforce_isolation: 1",)
    assert "not supported" in standing.unknown["uncorrected"]
    found = _kfd.find(UUID, sysfs)
    assert (found.units, found.architecture) == (304, "gfx942")
    assert amd._last_cache(found, sysfs) == 256 << 20
    assert refusals(UUID, standing) == ()


def test_who_is_on_it(sysfs: Path) -> None:
    """A process with memory of this GPU is on it; one with memory of another is not; without a list nobody knows."""
    proc = sysfs / "class/kfd/kfd/proc"
    for pid, name, used in (("77", "vram_4242", "4096"), ("78", "vram_99", "4096"), ("79", "vram_4242", "0")):
        (proc / pid).mkdir()
        (proc / pid / name).write_text(used)
    standing = _kfd.look(UUID, sysfs)
    assert [o.pid for o in standing.occupants or ()] == [77]
    assert "processes remain: 77" in refusals(UUID, standing)[0]
    for found in proc.iterdir():
        next(found.iterdir()).unlink()
        found.rmdir()
    proc.rmdir()
    assert "cannot tell whether processes remain" in refusals(UUID, _kfd.look(UUID, sysfs))[0]


def test_partitions_are_told(sysfs: Path) -> None:
    """A GPU in partitions is refused as a whole, and has each of them cleaned."""
    device = sysfs / "class/drm/card1/device"
    (device / "enforce_isolation").write_text("1 0 1 1\n")
    assert _kfd.look(UUID, sysfs).mig is Mig.ON
    HipRuntime(UUID, sysfs).clean()
    assert (device / _kfd.CLEANER).read_text() == "3\n"  # the last of four


def test_the_cleaner_must_be_there(sysfs: Path) -> None:
    """Without the driver's shader, registers and local data are not said to be cleared."""
    path = sysfs / "class/drm/card1/device" / _kfd.CLEANER
    path.unlink()
    path.mkdir()
    with pytest.raises(GpuError, match="cleaner shader"):
        HipRuntime(UUID, sysfs).clean()


def test_what_is_not_there(sysfs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another GPU, no caches and no ROCm are errors with a hint, and no verdict."""
    with pytest.raises(GpuError, match="no such GPU"):
        _kfd.look("GPU-ffffffffffffffff", sysfs)
    for cache in (sysfs / "class/kfd/kfd/topology/nodes/1/caches").rglob("properties"):
        cache.unlink()
    with pytest.raises(GpuError, match="no caches"):
        amd._last_cache(_kfd.find(UUID, sysfs), sysfs)

    def none(_: str) -> ctypes.CDLL:
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", none)
    with pytest.raises(GpuError, match="no such library") as e:
        HipRuntime(UUID, sysfs).start(lambda _: 1.0)
    assert "ROCm" in e.value.hint
