"""Options of NVIDIA's driver beyond its own memory: device files, channels between machines, and what is set on disk.

Names and defaults are those of the driver's nv-reg.h; /proc/driver/nvidia/params shows what the loaded driver has, and
files of modprobe what the next one gets.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

from strongroom.collect.host.reading import Reading, Said
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

# Registry keys of NVIDIA's kernel driver (nv-reg.h, nvrm_registry.h) that switch the clearing of freed memory off,
# with the value that does it.
_SCRUB_OFF = (("rmdisablescrubonfree", "on"), ("rmdisableasyncsysmemscrub", "on"), ("rmenablepma", "off"))
_REGISTRY = ("RegistryDwords", "RegistryDwordsPerDevice")
# Option of the module -> the value that weakens it.
_WEAK = {
    "NVreg_RestrictProfilingToAdminUsers": "0",
    "NVreg_EnableDbgBreakpoint": "1",
    "NVreg_InitializeSystemMemoryAllocations": "0",
    "NVreg_CreateImexChannel0": "1",
}
_PARAMS = "/proc/driver/nvidia/params"


def facts(r: Reading, params: Mapping[str, str] | Unknown) -> Iterator[Said]:
    """What the loaded driver was told of device files and channels, and what the next one would be told."""
    yield "gpu.device_mode", _mode(params), "nvidia-params"
    yield "gpu.imex_channel0", switch(params, "CreateImexChannel0"), "nvidia-params"
    yield "gpu.options_weak", _weak(r), "nvidia-modprobe"


def switch(params: Mapping[str, str] | Unknown, key: str) -> bool | Unknown:
    """A parameter that is 0 or 1."""
    if isinstance(params, Unknown):
        return params
    text = params.get(key, "")
    if text in ("0", "1"):
        return text == "1"
    return Unknown(GapCode.UNSUPPORTED, f"{_PARAMS}: this driver shows no {key}")


def _mode(params: Mapping[str, str] | Unknown) -> Value:
    """The rights that the driver gives its device files; the page has them in decimal, 438 for 0666."""
    if isinstance(params, Unknown):
        return params
    if params.get("ModifyDeviceFiles") == "0":
        return None  # udev or an administrator makes them: the parameter says nothing
    text = params.get("DeviceFileMode", "")
    if not text.isdigit() or int(text) > 0o7777:
        return Unknown(GapCode.UNSUPPORTED, f"{_PARAMS}: this driver shows no DeviceFileMode")
    return f"{int(text):04o}"


def scrub_switches(params: Mapping[str, str] | Unknown) -> tuple[str, ...] | Unknown:
    """Registry keys that are set so that freed memory is not cleared."""
    if isinstance(params, Unknown):
        return params
    if "RegistryDwords" not in params:
        return Unknown(GapCode.UNSUPPORTED, f"{_PARAMS}: this driver shows no RegistryDwords")
    return tuple(_off(params.get(k, "") for k in _REGISTRY))


def _off(listed: Iterable[str]) -> Iterator[str]:
    for piece in re.split(r"[;,]", ";".join(listed)):
        key, _, value = piece.strip().strip('"').partition("=")
        number = int(value, 0) if re.fullmatch(r"0[xX][0-9a-fA-F]+|[1-9]\d*|0", value.strip()) else None
        for name, bad in _SCRUB_OFF:
            # A value that is no number counts as the dangerous one.
            if key.strip().lower() == name and (number is None or bool(number) == (bad == "on")):
                yield piece.strip()


def _weak(r: Reading) -> Value:
    """Options of `modprobe.d` that weaken the driver; the files of one key are read in no known order, so each counts."""
    lines = r.lines("nvidia-modprobe")
    if not isinstance(lines, tuple):
        return lines if lines is not None else ()
    return tuple(dict.fromkeys(w for line in lines for w in _weak_in(line)))


def _weak_in(line: str) -> Iterator[str]:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        words = line.split()
    for word in words[2:] if words[:1] == ["options"] else ():
        key, _, value = word.partition("=")
        if _WEAK.get(key) == value.strip():
            yield word
        elif key.removeprefix("NVreg_") in _REGISTRY:
            yield from _off([value])
