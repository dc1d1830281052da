"""How an NVIDIA GPU stands, by NVML: who is on it, whether it is partitioned, what it counts. Only calls that read.

A call that fails is a reason of its own: half an answer of NVML is never taken for the whole one.
"""

import contextlib
import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar, cast

from strongroom.model.errors import GpuError
from strongroom.model.scrub import Mig, Occupant, Standing

EXTRA = "pip install 'strongroom[gpu]'"
_MPS = "nvidia-cuda-mps"  # the kernel keeps 15 characters of nvidia-cuda-mps-server and -control
_PROC = Path("/proc")
T = TypeVar("T")


def look(uuid: str) -> Standing:
    """A GPU, or an instance of one, by its UUID. Raises GpuError where NVML does not open, or has no such GPU."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        raise GpuError("nvml", "no nvidia-ml-py", "nvidia-ml-py", EXTRA) from None
    error = cast("type[Exception]", nvml.NVMLError)
    try:
        nvml.nvmlInit()
    except error as e:
        raise GpuError("nvml", str(e).lower(), "a driver that answers", "nvidia-smi says more") from None
    try:
        return _Look(nvml, error, uuid).standing()
    except error as e:
        raise GpuError(f"nvml {uuid}", str(e).lower(), "a GPU of this machine", "nvidia-smi -L names them") from None
    finally:
        with contextlib.suppress(error):
            nvml.nvmlShutdown()


class _Look:
    """One look. What cannot be read is noted under its name."""

    def __init__(self, nvml: ModuleType, error: type[Exception], uuid: str) -> None:
        self.nvml, self.error, self.uuid = nvml, error, uuid
        self.unknown: dict[str, str] = {}
        self.handle: object = nvml.nvmlDeviceGetHandleByUUID(uuid)

    def ask(self, name: str, call: Callable[[], T]) -> T | None:
        """What a call answers; None, and noted, where it does not."""
        try:
            return call()
        except self.error as e:
            self.unknown[name] = str(e).lower()
        except (AttributeError, TypeError, ValueError) as e:  # a binding that is older or newer than the library
            self.unknown[name] = f"the binding does not fit: {type(e).__name__}"
        return None

    def standing(self) -> Standing:
        """All of it."""
        nvml = self.nvml
        mig, whole, instances = self._mig()
        memory = self.ask("bytes_total", lambda: _memory(nvml.nvmlDeviceGetMemoryInfo(self.handle)))
        uncorrected = self.ask(
            "uncorrected",
            lambda: int(
                nvml.nvmlDeviceGetTotalEccErrors(whole, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC)
            ),
        )
        pending, failed, notes = self._rows(whole)
        return Standing(
            uuid=self.uuid,
            model=self.ask("model", lambda: str(nvml.nvmlDeviceGetName(self.handle))) or "",
            driver=self.ask("driver", lambda: str(nvml.nvmlSystemGetDriverVersion())) or "",
            bytes_total=memory[0] if memory else None,
            bytes_used=memory[1] if memory else None,
            occupants=self._occupants(whole, mig),
            mps=self._mps(whole),
            mig=mig,
            instances=instances,
            uncorrected=uncorrected,
            bus=self.ask("bus", lambda: _bus(nvml.nvmlDeviceGetPciInfo(whole))),
            minor=self.ask("minor", lambda: int(nvml.nvmlDeviceGetMinorNumber(whole))),
            firmware=self._firmware(whole),
            remap_pending=pending,
            remap_failed=failed,
            notes=notes,
            unknown=self.unknown,
        )

    def _mig(self) -> tuple[Mig, object, tuple[str, ...]]:
        """What is named, the whole GPU's handle, and the instances where it is partitioned."""
        nvml = self.nvml
        is_instance = self.ask("mig", lambda: bool(nvml.nvmlDeviceIsMigDeviceHandle(self.handle).value))
        if is_instance is None:
            return Mig.UNKNOWN, self.handle, ()
        if is_instance:
            whole = self.ask(
                "mig", lambda: cast("object", nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self.handle))
            )
            slices = self.ask("mig", lambda: _slices(nvml.nvmlDeviceGetAttributes_v2(self.handle)))
            if whole is None or slices is None:
                return Mig.UNKNOWN, self.handle, ()
            return Mig.PART if slices[0] < slices[1] else Mig.INSTANCE, whole, ()
        try:
            current, _ = nvml.nvmlDeviceGetMigMode(self.handle)
        except self.error as e:
            if getattr(e, "value", None) == nvml.NVML_ERROR_NOT_SUPPORTED:  # a GPU that cannot be partitioned
                return Mig.OFF, self.handle, ()
            self.unknown["mig"] = str(e).lower()
            return Mig.UNKNOWN, self.handle, ()
        return (Mig.ON, self.handle, self._instances()) if current else (Mig.OFF, self.handle, ())

    def _instances(self) -> tuple[str, ...]:
        nvml, found = self.nvml, []
        for n in range(self.ask("instances", lambda: int(nvml.nvmlDeviceGetMaxMigDeviceCount(self.handle))) or 0):
            try:
                found.append(str(nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetMigDeviceHandleByIndex(self.handle, n))))
            except self.error:
                continue  # a place without an instance
        return tuple(found)

    def _occupants(self, whole: object, mig: Mig) -> tuple[Occupant, ...] | None:
        """Who has a context, of either kind, in the same slice. None where one of the lists cannot be had."""
        nvml, found = self.nvml, {}
        mine = None
        if mig in {Mig.INSTANCE, Mig.PART}:
            mine = self.ask("occupants", lambda: int(nvml.nvmlDeviceGetGpuInstanceId(self.handle)))
            if mine is None:
                return None
        for call in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
            listed = self.ask("occupants", lambda call=call: list(getattr(nvml, call)(whole)))  # type: ignore[misc]
            if listed is None:
                return None
            for p in listed:
                if mine is None or getattr(p, "gpuInstanceId", mine) == mine:
                    used = getattr(p, "usedGpuMemory", None)
                    found[int(p.pid)] = Occupant(int(p.pid), _name(int(p.pid)), None if used is None else int(used))
        return tuple(found.values())

    def _mps(self, whole: object) -> tuple[str, ...] | None:
        """Clients that MPS has there, and its processes, as far as /proc shows them."""
        nvml = self.nvml
        listed = self.ask("mps", lambda: [int(p.pid) for p in nvml.nvmlDeviceGetMPSComputeRunningProcesses(whole)])
        servers = _servers()
        if servers is None:
            self.unknown["mps"] = "no /proc to look for its server in"
            return None
        if listed is None and not servers:
            return None
        return (*(f"client {pid}" for pid in listed or ()), *servers)

    def _firmware(self, whole: object) -> dict[str, str]:
        """What a tenant who could write it would leave to the next one."""
        nvml = self.nvml
        found = {
            "VBIOS": self.ask("VBIOS", lambda: str(nvml.nvmlDeviceGetVbiosVersion(whole))),
            "InfoROM": self.ask("InfoROM", lambda: str(nvml.nvmlDeviceGetInforomImageVersion(whole))),
        }
        return {name: version for name, version in found.items() if version is not None}

    def _rows(self, whole: object) -> tuple[bool, bool, tuple[str, ...]]:
        """Rows of memory that are replaced at the next reset, that could not be, and how many were."""
        rows = self.ask("rows", lambda: tuple(self.nvml.nvmlDeviceGetRemappedRows(whole)))
        if rows is None:
            return False, False, ()
        corrected, uncorrected, pending, failed = rows
        total = corrected + uncorrected
        return bool(pending), bool(failed), (f"{total} rows are remapped",) if total else ()


def _memory(told: object) -> tuple[int, int]:
    return int(cast("int", getattr(told, "total"))), int(cast("int", getattr(told, "used")))  # noqa: B009 - a foreign record without types


def _bus(told: object) -> str:
    """Domain, bus and device as the kernel writes them; NVML has eight digits for a domain."""
    text = getattr(told, "busId")  # noqa: B009 - as above
    shown = text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)
    return shown.lower().rpartition(".")[0][-10:]


def _slices(told: object) -> tuple[int, int]:
    mine, all_ = getattr(told, "computeInstanceSliceCount"), getattr(told, "gpuInstanceSliceCount")  # noqa: B009 - as above
    return int(cast("int", mine)), int(cast("int", all_))


def _name(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""  # of another namespace, or gone by now


def _servers() -> tuple[str, ...] | None:
    try:
        pids = [p for p in _PROC.iterdir() if p.name.isdigit()]
    except OSError:
        return None
    return tuple(f"{name} {p.name}" for p in pids if (name := _name(int(p.name))).startswith(_MPS))
