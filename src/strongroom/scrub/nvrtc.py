"""NVRTC: the text of the kernels to a cubin for one architecture. It needs no GPU and no driver."""

import importlib
from types import ModuleType
from typing import cast

from strongroom.model.errors import GpuError

EXTRA = "pip install 'strongroom[gpu]'"


def binding(name: str) -> ModuleType:
    """A module of cuda-bindings. Raises GpuError where the extra is not installed."""
    try:
        return importlib.import_module(f"cuda.bindings.{name}")
    except ImportError as e:
        raise GpuError("cuda-bindings", str(e).lower()[:200], f"cuda.bindings.{name}", EXTRA) from None


def compiled(text: str, architecture: str) -> bytes:
    """A cubin for an architecture such as `sm_90`. Raises GpuError with what the compiler said."""
    nvrtc = binding("nvrtc")
    try:
        return _compiled(nvrtc, text, architecture)
    except RuntimeError as e:  # the library is not found only when it is called
        raise GpuError("nvrtc", str(e).lower()[:200], "the NVRTC library", EXTRA) from None


def _compiled(nvrtc: ModuleType, text: str, architecture: str) -> bytes:
    (program,) = _call(nvrtc, "nvrtcCreateProgram", text.encode(), b"kernels.cu", 0, [], [])
    try:
        options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
        result = cast("tuple[object]", nvrtc.nvrtcCompileProgram(program, len(options), options))[0]
        if int(cast("int", result)):
            (size,) = _call(nvrtc, "nvrtcGetProgramLogSize", program)
            log = b" " * int(cast("int", size))
            _call(nvrtc, "nvrtcGetProgramLog", program, log)
            said = " ".join(log.decode(errors="replace").strip(" \0").split())
            raise GpuError(f"kernels for {architecture}", said[:400] or "no reason", "what compiles")
        (size,) = _call(nvrtc, "nvrtcGetCUBINSize", program)
        cubin = b" " * int(cast("int", size))
        _call(nvrtc, "nvrtcGetCUBIN", program, cubin)
        return cubin
    finally:
        _call(nvrtc, "nvrtcDestroyProgram", program)


def _call(nvrtc: ModuleType, name: str, *arguments: object) -> tuple[object, ...]:
    result, *rest = cast("tuple[object, ...]", getattr(nvrtc, name)(*arguments))
    if int(cast("int", result)):
        raise GpuError(f"nvrtc {name}", str(result), "success")
    return tuple(rest)
