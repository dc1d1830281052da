"""The mode of confidential computing of a host's GPUs, by `nvidia-smi conf-compute -q` and `-d`."""

from collections.abc import Iterable, Mapping

from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown


def said(lines: Iterable[str]) -> dict[str, str]:
    """The lines `NAME : VALUE` that it prints, names in lower case."""
    return {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines) if k.strip() and v}


def mode(told: Mapping[str, str]) -> str | Unknown:
    """on, ppcie (several GPUs over protected PCIe), devtools or off."""
    state, multi, tools = (told.get(k, "").lower() for k in ("cc state", "multi-gpu mode", "devtools mode"))
    if state not in ("on", "off"):
        return Unknown(GapCode.MALFORMED, "nvidia-smi conf-compute -q: it prints no CC State")
    found = "on" if state == "on" else "ppcie" if multi == "protected pcie" else "off"
    if found == "off" or tools == "off":
        return found
    return "devtools" if tools == "on" else Unknown(GapCode.ABSENT, "nvidia-smi conf-compute -d: it does not say")
