"""The GPUs of a node as the driver tells of them, with their MIG devices and the processes on each (nvidia-smi(1))."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from strongroom.collect.host import smi
from strongroom.collect.host.smi import Element
from strongroom.model.values import Unknown

_GPU = re.compile(r"^GPU \d{1,4}: .*\(UUID: (GPU-[0-9A-Za-z-]{1,64})\)\s*$")
_SLICE = re.compile(r"^\s+MIG \S+\s+Device\s+(\d{1,3}): \(UUID: (MIG-[0-9A-Za-z/-]{1,120})\)\s*$")


class Slice(NamedTuple):
    """A MIG device: its number on the GPU, its GPU instance, and its UUID, if `nvidia-smi -L` told it."""

    number: int
    instance: str
    uuid: str


class Card(NamedTuple):
    """A GPU. `minor` is the number of its device file; `mig` is None where the driver does not say."""

    uuid: str
    minor: int | None
    mig: bool | None
    slices: tuple[Slice, ...]
    pids: tuple[int, ...]
    trouble: str


def read(data: bytes, file: str, listed: str = "") -> tuple[Card, ...]:
    """The GPUs of `nvidia-smi -q -x`, with the names of MIG devices of `nvidia-smi -L`. Raises Malformed, TooLarge."""
    names = slices(listed)
    root = smi.parse(data, file)
    return tuple(_card(element, address, names) for address, element in smi.gpus(root))


def _card(gpu: Element, address: str, names: dict[str, dict[int, str]]) -> Card:
    uuid, minor, mig = smi.text(gpu, "uuid"), smi.number(gpu, "minor_number"), smi.flag(gpu, "mig_mode/current_mig")
    if not isinstance(uuid, str):
        why = uuid.detail if isinstance(uuid, Unknown) else "no uuid"
        return Card(address, None, None, (), (), f"{address}: {why}"[:200])
    found = tuple(_slices(gpu, names.get(uuid, {})))
    listed, trouble = _pids(gpu, uuid)
    known = False if mig is None else mig if isinstance(mig, bool) else None  # a GPU that cannot be divided is not
    return Card(uuid, minor if isinstance(minor, int) else None, known, found, listed, trouble)


def _slices(gpu: Element, names: dict[int, str]) -> Iterator[Slice]:
    inside = gpu.find("mig_devices")
    for one in inside.children if inside is not None else ():
        index, instance = smi.number(one, "index"), smi.text(one, "gpu_instance_id")
        if one.tag == "mig_device" and isinstance(index, int):
            yield Slice(index, instance if isinstance(instance, str) else "", names.get(index, ""))


def _pids(gpu: Element, uuid: str) -> tuple[tuple[int, ...], str]:
    """The processes on a GPU. A list that could not be made is not one of nobody."""
    inside = gpu.find("processes")
    if inside is None:
        return (), f"{uuid}: the driver lists no processes"
    if not inside.children and inside.text not in ("", "None", "N/A"):
        return (), f"{uuid}: processes: {inside.text[:80]}"
    found = [smi.number(p, "pid") for p in inside.children if p.tag == "process_info"]
    return tuple(dict.fromkeys(n for n in found if isinstance(n, int))), ""


def slices(listed: str) -> dict[str, dict[int, str]]:
    """The UUIDs of MIG devices by GPU and number, as `nvidia-smi -L` lists them."""
    found: dict[str, dict[int, str]] = {}
    here = ""
    for line in listed.splitlines():
        gpu, part = _GPU.match(line), _SLICE.match(line)
        if gpu:
            here = gpu[1]
        elif part and here:
            found.setdefault(here, {})[int(part[1])] = part[2]
    return found
