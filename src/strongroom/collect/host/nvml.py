"""NVML, asked live through the optional extra: a second witness beside `nvidia-smi`, and the only one without it.

The binding (nvidia-ml-py) is imported at the call. Where it or its library is missing, that is a reason, no error.
Only calls that read are made. Each may fail by itself: then its answer is the library's own word for that, and the
others count. What comes out is a record, which `nvml_record` reads, live or from a file.
"""

import ctypes
import importlib
import importlib.util
from collections.abc import Callable
from typing import cast

from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

EXTRA = "nvidia-ml-py is not installed: pip install 'strongroom[gpu]'"
SCHEMA = "strongroom-nvml/1"
_CORRECTED, _UNCORRECTED = 0, 1  # nvmlMemoryErrorType_t
_VOLATILE, _AGGREGATE = 0, 1  # nvmlEccCounterType_t
_SINGLE, _DOUBLE = 0, 1  # nvmlPageRetirementCause_t
_MOST = 1024  # devices of a machine; a library that counts more is broken

# Key of the record -> the call, and its arguments after the handle.
_DEVICE: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("name", "nvmlDeviceGetName", ()),
    ("serial", "nvmlDeviceGetSerial", ()),
    ("uuid", "nvmlDeviceGetUUID", ()),
    ("part_number", "nvmlDeviceGetBoardPartNumber", ()),
    ("vbios", "nvmlDeviceGetVbiosVersion", ()),
    ("gsp", "nvmlDeviceGetGspFirmwareVersion", ()),
    ("inforom", "nvmlDeviceGetInforomImageVersion", ()),
    ("architecture", "nvmlDeviceGetArchitecture", ()),
    ("ecc", "nvmlDeviceGetEccMode", ()),
    ("mig", "nvmlDeviceGetMigMode", ()),
    ("dram_encryption", "nvmlDeviceGetDramEncryptionMode", ()),
    ("compute_mode", "nvmlDeviceGetComputeMode", ()),
    ("persistence", "nvmlDeviceGetPersistenceMode", ()),
    ("accounting", "nvmlDeviceGetAccountingMode", ()),
    ("virtualization", "nvmlDeviceGetVirtualizationMode", ()),
    ("host_vgpu", "nvmlDeviceGetHostVgpuMode", ()),
    ("bus_width", "nvmlDeviceGetMemoryBusWidth", ()),
    ("corrected_now", "nvmlDeviceGetTotalEccErrors", (_CORRECTED, _VOLATILE)),
    ("corrected", "nvmlDeviceGetTotalEccErrors", (_CORRECTED, _AGGREGATE)),
    ("uncorrected_now", "nvmlDeviceGetTotalEccErrors", (_UNCORRECTED, _VOLATILE)),
    ("uncorrected", "nvmlDeviceGetTotalEccErrors", (_UNCORRECTED, _AGGREGATE)),
    ("remapped", "nvmlDeviceGetRemappedRows", ()),
    ("retire_pending", "nvmlDeviceGetRetiredPagesPendingStatus", ()),
)
_COUNTED = (
    ("retired_single", "nvmlDeviceGetRetiredPages", (_SINGLE,)),
    ("retired_double", "nvmlDeviceGetRetiredPages", (_DOUBLE,)),
    ("compute_processes", "nvmlDeviceGetComputeRunningProcesses", ()),
    ("graphics_processes", "nvmlDeviceGetGraphicsRunningProcesses", ()),
)
_MEMORY = (("memory", "nvmlDeviceGetMemoryInfo"), ("cc_memory", "nvmlDeviceGetConfComputeProtectedMemoryUsage"))
_SYSTEM = (
    ("driver", "nvmlSystemGetDriverVersion"),
    ("nvml", "nvmlSystemGetNVMLVersion"),
    ("cuda", "nvmlSystemGetCudaDriverVersion_v2"),
    ("cc_ready", "nvmlSystemGetConfComputeGpusReadyState"),
)


def there() -> bool:
    """Whether the binding is installed; it is not imported for that."""
    return importlib.util.find_spec("pynvml") is not None


def load() -> object:
    """The binding's module, or Unknown with the reason why there is none."""
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        return Unknown(GapCode.ABSENT, EXTRA)


class _Asking:
    """The binding, with what it raises. An old binding lacks calls, and an old library what they need."""

    def __init__(self, binding: object) -> None:
        self._binding = binding
        self.error = cast("type[Exception]", getattr(binding, "NVMLError", OSError))

    def call(self, name: str, *arguments: object) -> object:
        """What a call answers; raises what the binding does."""
        return cast("object", getattr(self._binding, name)(*arguments))

    def safely(self, name: str, ask: Callable[[], object]) -> object:
        """What is asked, or the words with which it was refused."""
        try:
            return ask()
        except self.error as e:
            return {"error": str(e)[:120]}
        except (AttributeError, TypeError, ValueError, ctypes.ArgumentError):  # older or newer than the library
            return {"error": f"Function Not Found: {name}"}

    def plain(self, name: str, *arguments: object) -> object:
        """A text, a number or several numbers; bytes are texts of an older binding."""
        return self.safely(name, lambda: _plain(self.call(name, *arguments)))

    def handle(self, name: str, *arguments: object) -> tuple[object, str]:
        """A handle, which no record keeps, or the words with which it was refused."""
        found = self.safely(name, lambda: self.call(name, *arguments))
        return found, failed(found)


def _plain(found: object) -> object:
    if isinstance(found, bytes):
        return found.decode("utf-8", "replace")
    if isinstance(found, list | tuple):
        return [int(n) for n in found]
    return found if isinstance(found, str) else int(cast("int", found))


def failed(answer: object) -> str:
    """The words with which a call was refused; empty where it answered."""
    return str(answer.get("error", "")) if isinstance(answer, dict) else ""


def ask(binding: object) -> dict[str, object] | Unknown:
    """A record of what the library says of the machine and of every GPU; Unknown where it does not open at all."""
    if isinstance(binding, Unknown):
        return binding
    a = _Asking(binding)
    refused = failed(a.safely("nvmlInit", lambda: a.call("nvmlInit")))
    if refused:
        return Unknown(GapCode.ABSENT, f"NVML does not open: {refused.lower()}")
    try:
        count = a.plain("nvmlDeviceGetCount")
        if not isinstance(count, int):
            return Unknown(GapCode.CRASHED, f"NVML failed: it does not count its GPUs: {failed(count).lower()}")
        system = {key: a.plain(name) for key, name in _SYSTEM}
        system["cc"] = _confidential(a)
        devices = [_device(a, n) for n in range(min(count, _MOST))]
        return {"schema": SCHEMA, "system": system, "devices": devices}
    finally:
        a.safely("nvmlShutdown", lambda: a.call("nvmlShutdown"))


def _confidential(a: _Asking) -> object:
    """Whether confidential computing is on, for one GPU or several, and whether developer tools may look in."""

    def settings() -> object:
        held = a.call("c_nvmlSystemConfComputeSettings_v1_t")
        code = a.call("nvmlSystemGetConfComputeSettings", ctypes.byref(cast("ctypes.Structure", held)))
        if code:  # this one call of the binding does not raise
            raise ValueError(code)
        return _numbers(held, "ccFeature", "devToolsMode", "multiGpuMode")

    found = a.safely("nvmlSystemGetConfComputeSettings", settings)
    if not failed(found):
        return found
    name = "nvmlSystemGetConfComputeState"  # of drivers before R550; it knows no mode for several GPUs
    return a.safely(name, lambda: _numbers(a.call(name), "ccFeature", "devToolsMode"))


def _numbers(of: object, *fields: str) -> dict[str, int]:
    return {f: int(getattr(of, f)) for f in fields}


def _device(a: _Asking, index: int) -> dict[str, object]:
    """What one GPU answers. One that cannot be reached at all is in the record as that."""
    handle, refused = a.handle("nvmlDeviceGetHandleByIndex", index)
    if refused:
        return {"index": index, "error": refused}
    out: dict[str, object] = {"index": index}
    out |= {key: a.plain(name, handle, *more) for key, name, more in _DEVICE}
    out["pci"] = a.safely("nvmlDeviceGetPciInfo", lambda: _bus(a.call("nvmlDeviceGetPciInfo", handle)))
    out |= {key: _octets(a, name, handle) for key, name in _MEMORY}
    out |= {key: _length(a, name, handle, more) for key, name, more in _COUNTED}
    name = "nvmlDeviceGetRowRemapperHistogram"
    out["banks"] = a.safely(name, lambda: _numbers(a.call(name, handle), "max", "high", "partial", "low", "none"))
    out["fabric"] = _fabric(a, handle)
    out["instances"] = _instances(a, handle)
    return out


def _octets(a: _Asking, name: str, handle: object) -> object:
    found = a.safely(name, lambda: _numbers(a.call(name, handle), "total"))
    return found if failed(found) or not isinstance(found, dict) else found["total"]


def _length(a: _Asking, name: str, handle: object, more: tuple[int, ...]) -> object:
    return a.safely(name, lambda: len(cast("list[object]", a.call(name, handle, *more))))


def _bus(info: object) -> str:
    text = cast("object", getattr(info, "busId"))  # noqa: B009 - the field of a structure that mypy does not see
    return text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)


def _fabric(a: _Asking, handle: object) -> object:
    """The NVLink fabric of a GPU: its cluster's UUID, its clique, and how far it has joined."""

    def asked() -> object:
        held = a.call("c_nvmlGpuFabricInfo_t")
        a.call("nvmlDeviceGetGpuFabricInfo", handle, ctypes.byref(cast("ctypes.Structure", held)))
        cluster = bytes(cast("bytes", getattr(held, "clusterUuid"))).hex()  # noqa: B009 - the same
        return {"cluster": cluster, **_numbers(held, "cliqueId", "state", "status")}

    return a.safely("nvmlDeviceGetGpuFabricInfo", asked)


def _instances(a: _Asking, handle: object) -> object:
    """The MIG devices of a GPU, each as GPU instance, compute instance, MiB; a place without one is no error."""
    places = a.plain("nvmlDeviceGetMaxMigDeviceCount", handle)
    if not isinstance(places, int):
        return places
    out: list[object] = []
    for n in range(min(places, _MOST)):
        held, refused = a.handle("nvmlDeviceGetMigDeviceHandleByIndex", handle, n)
        if not refused:
            out.append([a.plain(f"nvmlDeviceGet{kind}InstanceId", held) for kind in ("Gpu", "Compute")])
        elif refused not in ("Not Found", "Not Supported"):
            return {"error": refused}
    return out
