"""Products and platforms in the words of vendors, and the names that they have here."""

import re
from typing import NamedTuple

from strongroom.kit.words import slug

DRIVER, GUEST, MANAGER = "nvidia-driver", "nvidia-vgpu-guest", "nvidia-vgpu-manager"
_FAMILIES = {"tesla": "tesla", "geforce": "geforce", "studio": "studio", "nvidia rtx": "rtx"}
_NAMES = {
    "nvidia container toolkit": "nvidia-container-toolkit", "nvidia gpu operator": "nvidia-gpu-operator",
    "nvidia kubernetes device plugin": "nvidia-device-plugin", "nvidia mig manager": "nvidia-mig-manager",
    "dcgm": "dcgm", "nvidia dcgm": "dcgm", "dcgm exporter": "dcgm-exporter", "triton inference server": "triton",
    "nvidia triton inference server": "triton", "nvidia kai scheduler": "kai-scheduler",
    "nvidia cuda toolkit": "cuda-toolkit", "cuda toolkit": "cuda-toolkit",
}  # fmt: skip
_MAKES = (  # controllers and machines that several vendors name in several ways
    (re.compile(r"(?:ami )?megarac[ _-]*spx?[ _-]*(?:\d+)?"), "ami-megarac"),
    (
        re.compile(r"(?:dell )?(?:integrated dell remote access controller|idrac)[ _-]*(\d+)(?: firmware)?"),
        "dell-idrac",
    ),
    (re.compile(r"(?:hpe? )?(?:integrated lights[ -]out|ilo)[ _-]*(\d+)(?: firmware)?"), "hpe-ilo"),
    (re.compile(r"(?:lenovo )?xclarity controller(?: \(?xcc\)?)?[ _-]*(\d*)"), "lenovo-xcc"),
    (re.compile(r"(?:super ?micro )?mbd-([a-z0-9-]+)"), "supermicro-"),
)
_PARTS = ("hmc", "bmc", "sbios", "bios", "vbios")  # of a machine; each has versions of its own
_OWNERS = ("nvidia", "amd", "intel", "ami", "dell", "hpe", "hp", "lenovo", "supermicro")
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
    made = next(((p, m) for p, m in ((m.fullmatch(words), name) for m, name in _MAKES) if p is not None), None)
    if made is not None:
        return Named(f"{made[1]}{''.join(g or '' for g in made[0].groups())}", "", system, branch)
    line = "-gaming" if "gaming" in f"{words} {platform}".lower() else ""  # a line of its own, with releases of its own
    if "guest driver" in words:
        return Named(f"{GUEST}{line}", "", system, branch)
    if "virtual gpu manager" in words:
        return Named(f"{MANAGER}{line}", "", system or "hypervisor", branch)
    family = next((key for start, key in _FAMILIES.items() if words.startswith(start)), "")
    if family:
        return Named(DRIVER, family, system, branch)
    parts = "-".join(p for p in _PARTS if re.search(rf"\b{p}\b", platform, re.IGNORECASE))
    name = slug(words) or "unnamed"
    return Named(f"{name}-{parts}" if parts and not name.endswith(f"-{parts}") else name, "", system, branch)


def maker(vendor: str, product: str) -> str:
    """A product of a CVE record, with its maker before it where its name alone says too little."""
    words = f" {product.lower()} "
    first = vendor.lower().split()[0] if vendor.split() else ""
    if not first or first in {"n/a", "-"} or " ".join(product.lower().split()) in _NAMES:
        return product
    if any(m.fullmatch(words.strip()) for m, _ in _MAKES) or f" {first} " in words:
        return product
    if words.strip().startswith((*_FAMILIES, "guest driver", "virtual gpu manager")):
        return product
    return f"{first} {product}" if first in _OWNERS else f"{vendor} {product}"


def _system(platform: str) -> str:
    """Linux or Windows, in lower case; empty where it is both, neither or not said."""
    words = platform.lower().partition("(")[0]
    linux, windows = "linux" in words and "red hat" not in words, "windows" in words
    return "linux" if linux and not windows else "windows" if windows and not linux else ""
