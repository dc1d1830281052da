"""How an AMD GPU stands, by what amdgpu and KFD show in sysfs: what it is, who is on it, whether it isolates processes."""

from pathlib import Path
from typing import NamedTuple

from strongroom.model.errors import GpuError
from strongroom.model.scrub import Mig, Occupant, Standing

_NODES = "class/kfd/kfd/topology/nodes"
_PROCESSES = "class/kfd/kfd/proc"
CLEANER = "run_cleaner_shader"  # Documentation/gpu/amdgpu/process-isolation.rst: writing 0 runs it on partition 0


class Found(NamedTuple):
    """A GPU in sysfs: KFD's number and properties of it, and amdgpu's folder."""

    gpu_id: int
    properties: dict[str, int]
    device: Path

    @property
    def units(self) -> int:
        """Compute units."""
        return self.properties.get("simd_count", 0) // max(1, self.properties.get("simd_per_cu", 4))

    @property
    def architecture(self) -> str:
        """Such as gfx942: KFD has 90402 for it, and its last two places are hexadecimal digits."""
        version = self.properties.get("gfx_target_version", 0)
        return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"

    @property
    def bytes_total(self) -> int | None:
        """Video memory."""
        return _number(self.device / "mem_info_vram_total")

    @property
    def partitions(self) -> int:
        """Of the graphics engine: one number for each stands in `enforce_isolation`."""
        return len(_text(self.device / "enforce_isolation").split()) or 1


def find(uuid: str, root: Path) -> Found:
    """The GPU whose unique id is in a UUID such as GPU-ab12… Raises GpuError."""
    wanted = uuid.partition("-")[2].lower()
    for node in sorted((root / _NODES).glob("*")):
        properties = _properties(node / "properties")
        if wanted and f"{properties.get('unique_id', 0):016x}" == wanted:
            gpu_id = _number(node / "gpu_id")
            cards = [d for d in (root / "class/drm").glob("card*/device") if _text(d / "unique_id").lower() == wanted]
            if gpu_id and cards:
                return Found(gpu_id, properties, cards[0])
    raise GpuError(f"amdgpu {uuid}", "no such GPU", "one of this machine", "rocminfo names them")


def look(uuid: str, root: Path) -> Standing:
    """How it stands. Raises GpuError where there is no such GPU."""
    found = find(uuid, root)
    unknown = {"uncorrected": "not supported: amdgpu's counters are not read"}
    occupants = _occupants(found.gpu_id, root)
    if occupants is None:
        unknown["occupants"] = "KFD does not list its processes"
    isolation = _text(found.device / "enforce_isolation")
    return Standing(
        uuid=uuid,
        model=_text(found.device / "product_name") or found.architecture,
        driver=_text(root / "module/amdgpu/version") or "of the kernel",
        bytes_total=found.bytes_total,
        bytes_used=_number(found.device / "mem_info_vram_used"),
        occupants=occupants,
        mps=(),
        mig=Mig.OFF if found.partitions == 1 else Mig.ON,
        uncorrected=None,
        bus=found.device.resolve().name.rpartition(".")[0],
        firmware={"VBIOS": vbios} if (vbios := _text(found.device / "vbios_version")) else {},
        notes=(f"enforce_isolation: {isolation}" if isolation else "no enforce_isolation",),
        unknown=unknown,
    )


def _occupants(gpu_id: int, root: Path) -> tuple[Occupant, ...] | None:
    folder = root / _PROCESSES
    if not folder.is_dir():
        return None
    found = []
    for process in folder.iterdir():
        used = _number(process / f"vram_{gpu_id}")
        if process.name.isdigit() and used:
            found.append(Occupant(int(process.name), "", used))
    return tuple(found)


def _properties(path: Path) -> dict[str, int]:
    words = (line.split() for line in _text(path).splitlines())
    return {w[0]: int(w[1]) for w in words if len(w) == 2 and w[1].isdigit()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None
