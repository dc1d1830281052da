"""What a Google Cloud machine type and its accelerator blocks say of GPUs and TPUs.

Accelerator-optimised machines carry their cards by name alone, so a pool without a `guest_accelerator` block can still
be a GPU pool. Source: https://cloud.google.com/compute/docs/gpus and https://cloud.google.com/tpu/docs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from strongroom.collect.native import INAPPLICABLE, Inapplicable, Reader, Row
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value


@dataclass(frozen=True, slots=True)
class Accelerators:
    """The accelerators of one machine; either may be unknown while it is certain that there are some."""

    model: str | Unknown
    count: float | Unknown


# (machine type, model, its cards: from the name where the group says so, else as given)
_MACHINES: tuple[tuple[str, str, int], ...] = (
    (r"a2-(?:high|mega|ultra)gpu-(\d+)g(?:-nolssd)?", "NVIDIA A100", 0),
    (r"a3-(?:high|mega|edge)gpu-(\d+)g(?:-nolssd)?", "NVIDIA H100", 0),
    (r"a3-ultragpu-(\d+)g(?:-nolssd)?", "NVIDIA H200", 0),
    (r"a4-highgpu-(\d+)g(?:-\w+)?", "NVIDIA B200", 0),
    (r"a4x-highgpu-(\d+)g(?:-\w+)?", "NVIDIA GB200", 0),
    (r"a4x-maxgpu-(\d+)g(?:-\w+)?", "NVIDIA GB300", 0),
    (r"g2-standard-(?:4|8|12|16|32)", "NVIDIA L4", 1),
    (r"g2-standard-24", "NVIDIA L4", 2),
    (r"g2-standard-48", "NVIDIA L4", 4),
    (r"g2-standard-96", "NVIDIA L4", 8),
    (r"g4-standard-(?:6|12|24|48)", "NVIDIA RTX PRO 6000", 1),
    (r"g4-standard-96", "NVIDIA RTX PRO 6000", 2),
    (r"g4-standard-192", "NVIDIA RTX PRO 6000", 4),
    (r"g4-standard-384", "NVIDIA RTX PRO 6000", 8),
    (r"ct3p?-hightpu-(\d+)t", "Google TPU v3", 0),
    (r"ct4p-hightpu-(\d+)t", "Google TPU v4", 0),
    (r"ct5lp?-hightpu-(\d+)t", "Google TPU v5e", 0),
    (r"ct5p-hightpu-(\d+)t", "Google TPU v5p", 0),
    (r"ct6e-standard-(\d+)t", "Google TPU v6e", 0),
    (r"tpu7x?-\w+-(\d+)t", "Google TPU v7", 0),
)
_SIZES = tuple((re.compile(pattern), model, count) for pattern, model, count in _MACHINES)
_FAMILY = re.compile(r"(?:a[2-9]x?|g[2-9]|ct\d\w*|tpu\d\w*)-")

_NVIDIA = re.compile(
    r"(?:nvidia[-_])?(?:tesla[-_])?(k80|p4|p100|v100|t4|l4|a100|h100|h200|b200|gb200|gb300|rtx[-_]?(?:pro[-_]?)?6000)"
)
_TPU = re.compile(r"(?:tpu-)?v(\d\w*?)(?:-?lite)?(?:-?pod)?(?:-?slice|-device)?(?:-\d+)?")


def by_machine(machine: str) -> Accelerators | None:
    """The accelerators that a machine type brings; None when it brings none."""
    name = machine.strip().lower().rpartition("/")[2]
    for pattern, model, count in _SIZES:
        found = pattern.fullmatch(name)
        if found is not None:
            return Accelerators(model, float(count or int(found[1])))
    if not _FAMILY.match(name):
        return None
    doubt = Unknown(GapCode.UNSUPPORTED, f"machine type {name[:40]} is not in the list of accelerator machines")
    return Accelerators(doubt, doubt)


def spoken(kind: str) -> str:
    """An accelerator type in the words of its maker: `nvidia-h100-80gb` is an NVIDIA H100."""
    name = kind.strip().lower().rpartition("/")[2]
    found = _NVIDIA.match(name)
    if found is not None:
        return "NVIDIA RTX PRO 6000" if found[1].startswith("rtx") else f"NVIDIA {found[1].upper()}"
    tpu = _TPU.fullmatch(name)
    if tpu is not None:
        return "Google TPU v5e" if "lite" in name else f"Google TPU v{tpu[1]}"
    return kind.strip()


Find = Callable[[Reader], Accelerators | Unknown | None]


def attached(blocks: str, machine: str, kind: str = "type", count: str = "count") -> Find:
    """Find the accelerators of a machine: those that a block attaches, else those that its type brings."""

    def find(r: Reader) -> Accelerators | Unknown | None:
        size = r.text(machine)
        built_in = by_machine(size) if isinstance(size, str) else None
        found = r.blocks(blocks)
        if isinstance(found, Unknown):
            return built_in or found
        cards = [a for b in found if (a := _of_block(r, b, kind, count)) is not None]
        if cards:
            return _sum(cards, built_in)
        return built_in or (size if isinstance(size, Unknown) else None)

    return find


def _of_block(r: Reader, block: Mapping[str, object], kind: str, count: str) -> Accelerators | None:
    model, number = r.text(kind, block), r.number(count, block)
    if number == 0 or (model is None and number is None):
        return None
    said = spoken(model) if isinstance(model, str) else model or Unknown(GapCode.ABSENT, f"{kind} is not given")
    return Accelerators(said, 1.0 if number is None else number)


def _sum(cards: list[Accelerators], built_in: Accelerators | None) -> Accelerators:
    """Several blocks are of one model; what a block leaves open, the machine type may say."""
    model = next((c.model for c in cards if isinstance(c.model, str)), cards[0].model)
    numbers = [c.count for c in cards]
    doubt = next((n for n in numbers if isinstance(n, Unknown)), None)
    count = doubt if doubt is not None else float(sum(n for n in numbers if not isinstance(n, Unknown)))
    if built_in is not None:
        model = built_in.model if isinstance(model, Unknown) else model
        count = built_in.count if isinstance(count, Unknown) else count
    return Accelerators(model, count)


def accelerator_rows(find: Find) -> tuple[Row, Row]:
    """Rows for model and count. Machines without an accelerator carry neither."""

    def model(r: Reader) -> Value | Inapplicable:
        found = find(r)
        return INAPPLICABLE if found is None else found if isinstance(found, Unknown) else found.model

    def count(r: Reader) -> Value | Inapplicable:
        found = find(r)
        return INAPPLICABLE if found is None else found if isinstance(found, Unknown) else found.count

    return Row("gpu.model", model), Row("gpu.count", count)


def has_accelerator(find: Find) -> Callable[[Reader], bool]:
    """Whether a machine has an accelerator for certain."""
    return lambda r: isinstance(find(r), Accelerators)
