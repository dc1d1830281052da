"""Products and platforms in the words of vendors, and the names that they have here."""

import re
from typing import NamedTuple

DRIVER, GUEST, MANAGER = "nvidia-driver", "nvidia-vgpu-guest", "nvidia-vgpu-manager"
_FAMILIES = {"tesla": "tesla", "geforce": "geforce", "studio": "studio", "nvidia rtx": "rtx"}
_NAMES = {
    "nvidia container toolkit": "nvidia-container-toolkit", "nvidia gpu operator": "nvidia-gpu-operator",
    "nvidia kubernetes device plugin": "nvidia-device-plugin", "nvidia mig manager": "nvidia-mig-manager",
    "dcgm": "dcgm", "nvidia dcgm": "dcgm", "dcgm exporter": "dcgm-exporter", "triton inference server": "triton",
    "nvidia triton inference server": "triton", "nvidia kai scheduler": "kai-scheduler",
    "nvidia cuda toolkit": "cuda-toolkit", "cuda toolkit": "cuda-toolkit",
}  # fmt: skip
_BRANCH = re.compile(r"\bR(\d{3,4})\b")


class Named(NamedTuple):
    """A product's name here, the line of cards that a driver is for, the system it runs on, and the driver's branch."""

    product: str
    family: str = ""
    os: str = ""
    branch: int = 0


def named(product: str, platform: str) -> Named:
    """What a vendor calls a product on a platform (`Tesla`, `Linux(R535)`)."""
    words = " ".join(product.lower().split())
    found = _BRANCH.search(platform)
    branch, system = int(found[1]) if found else 0, _system(platform)
    if words in _NAMES:
        return Named(_NAMES[words], "", system, branch)
    line = "-gaming" if "gaming" in f"{words} {platform}".lower() else ""  # a line of its own, with releases of its own
    if "guest driver" in words:
        return Named(f"{GUEST}{line}", "", system, branch)
    if "virtual gpu manager" in words:
        return Named(f"{MANAGER}{line}", "", system or "hypervisor", branch)
    family = next((key for start, key in _FAMILIES.items() if words.startswith(start)), "")
    if family:
        return Named(DRIVER, family, system, branch)
    return Named(re.sub(r"[^a-z0-9]+", "-", words).strip("-") or "unnamed", "", system, branch)


def _system(platform: str) -> str:
    """Linux or Windows, in lower case; empty where it is both, neither or not said."""
    words = platform.lower().partition("(")[0]
    linux, windows = "linux" in words and "red hat" not in words, "windows" in words
    return "linux" if linux and not windows else "windows" if windows and not linux else ""
