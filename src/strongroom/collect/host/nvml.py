"""NVML, asked live through the optional extra: a second witness beside `nvidia-smi`, and the only one without it.

The binding (nvidia-ml-py) is imported at the call. Where it or its library is missing, that is a reason, no error.
Only calls that read are made.
"""

import importlib
from collections.abc import Mapping
from typing import cast

from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

EXTRA = "nvidia-ml-py is not installed: pip install 'strongroom[gpu]'"
Seen = Mapping[str, Mapping[str, Value]]
"""Per GPU UUID: the facts that NVML gives."""

_TEXTS = (
    ("gpu.model", "nvmlDeviceGetName"),
    ("gpu.vbios", "nvmlDeviceGetVbiosVersion"),
    ("gpu.gsp", "nvmlDeviceGetGspFirmwareVersion"),
)
_MODES = (("gpu.ecc", "nvmlDeviceGetEccMode"), ("gpu.mig", "nvmlDeviceGetMigMode"))


def load() -> object:
    """The binding's module, or Unknown with the reason why there is none."""
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        return Unknown(GapCode.ABSENT, EXTRA)


def _call(binding: object, name: str, *arguments: object) -> object:
    return cast("object", getattr(binding, name)(*arguments))


def ask(binding: object) -> tuple[str, Seen] | Unknown:
    """The library's version and what it says of every GPU; Unknown when there is no binding or it does not open."""
    if isinstance(binding, Unknown):
        return binding
    error = cast("type[Exception]", getattr(binding, "NVMLError", OSError))
    try:
        _call(binding, "nvmlInit")
    except error as e:
        return Unknown(GapCode.ABSENT, f"NVML does not open: {str(e).lower()}")
    try:
        version = str(_call(binding, "nvmlSystemGetNVMLVersion"))
        count = int(str(_call(binding, "nvmlDeviceGetCount")))
        handles = [_call(binding, "nvmlDeviceGetHandleByIndex", i) for i in range(count)]
        return version, {str(_call(binding, "nvmlDeviceGetUUID", h)): _device(binding, h, error) for h in handles}
    except error as e:
        return Unknown(GapCode.CRASHED, f"NVML failed: {str(e).lower()}")
    finally:
        _call(binding, "nvmlShutdown")


def _device(binding: object, handle: object, error: type[Exception]) -> Mapping[str, Value]:
    """What one GPU answers; what it does not support it leaves out."""
    out: dict[str, Value] = {}
    for name, call in _TEXTS:
        try:
            out[name] = str(_call(binding, call, handle))
        except error:
            continue
    for name, call in _MODES:
        try:
            current, pending = cast("tuple[int, int]", _call(binding, call, handle))
        except error:
            continue
        out[name], out[f"{name}_pending"] = bool(current), bool(pending)
    return out
