"""Which accelerators an AWS instance type brings.

Source: Amazon EC2 User Guide, "Specifications for Amazon EC2 accelerated computing instances"; SageMaker prefixes the
same types with `ml.`. A size that the list does not hold has a model without a count.
"""

import re

from strongroom.collect.native import INAPPLICABLE, Inapplicable, Reader, Row
from strongroom.collect.resource import undecided
from strongroom.kit.kleene import any_of
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

_ONE_TO_FOUR = {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "16xlarge": 1, "12xlarge": 4, "24xlarge": 4}
_G = _ONE_TO_FOUR | {"48xlarge": 8}
_FAMILIES: dict[str, tuple[str, dict[str, int]]] = {
    "p2": ("NVIDIA K80", {"xlarge": 1, "8xlarge": 8, "16xlarge": 16}),
    "p3": ("NVIDIA V100", {"2xlarge": 1, "8xlarge": 4, "16xlarge": 8}),
    "p3dn": ("NVIDIA V100", {"24xlarge": 8}),
    "p4d": ("NVIDIA A100", {"24xlarge": 8}),
    "p4de": ("NVIDIA A100 80GB", {"24xlarge": 8}),
    "p5": ("NVIDIA H100", {"4xlarge": 1, "48xlarge": 8}),
    "p5e": ("NVIDIA H200", {"48xlarge": 8}),
    "p5en": ("NVIDIA H200", {"48xlarge": 8}),
    "p6-b200": ("NVIDIA B200", {"48xlarge": 8}),
    "p6-b300": ("NVIDIA B300", {"48xlarge": 8}),
    "p6e-gb200": ("NVIDIA GB200", {"36xlarge": 4}),
    "u-p6e-gb200x36": ("NVIDIA GB200", {}),
    "u-p6e-gb200x72": ("NVIDIA GB200", {}),
    "g3": ("NVIDIA M60", {"4xlarge": 1, "8xlarge": 2, "16xlarge": 4}),
    "g3s": ("NVIDIA M60", {"xlarge": 1}),
    "g4dn": ("NVIDIA T4", _ONE_TO_FOUR | {"metal": 8}),
    "g4ad": ("AMD Radeon Pro V520", {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 2, "16xlarge": 4}),
    "g5": ("NVIDIA A10G", _G),
    "g5g": ("NVIDIA T4G", {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "16xlarge": 2, "metal": 2}),
    "g6": ("NVIDIA L4", _G),
    "g6f": ("NVIDIA L4", {}),
    "gr6": ("NVIDIA L4", {"4xlarge": 1, "8xlarge": 1}),
    "gr6f": ("NVIDIA L4", {}),
    "g6e": ("NVIDIA L40S", _G),
    "g7e": ("NVIDIA RTX PRO 6000", {}),
    "trn1": ("AWS Trainium", {"2xlarge": 1, "32xlarge": 16}),
    "trn1n": ("AWS Trainium", {"32xlarge": 16}),
    "trn2": ("AWS Trainium2", {"3xlarge": 1, "48xlarge": 16}),
    "trn2u": ("AWS Trainium2", {"48xlarge": 16}),
    "inf1": ("AWS Inferentia", {"xlarge": 1, "2xlarge": 1, "6xlarge": 4, "24xlarge": 16}),
    "inf2": ("AWS Inferentia2", {"xlarge": 1, "8xlarge": 1, "24xlarge": 6, "48xlarge": 12}),
    "dl1": ("Intel Gaudi", {"24xlarge": 8}),
    "dl2q": ("Qualcomm AI 100", {"24xlarge": 8}),
}

# Families without a d in their name whose every size has disks of its own, by the same page and "Instance store
# volumes" beside it; a d after the generation says so for all the others (m5d, c6gd, g4dn, p4de).
_DISKS = frozenset(
    {"g4ad", "g5", "g6", "g6e", "g7e", "gr6", "p5", "p5e", "p5en", "p6-b200", "p6-b300", "p6e-gb200"}
    | {"trn1", "trn1n", "trn2", "trn2u", "dl1", "dl2q"}
)


def has_own_disks(instance_type: str) -> bool:
    """Whether machines of a type come with disks inside, which their own hardware encrypts."""
    family = instance_type.strip().lower().removeprefix("ml.").partition(".")[0]
    return family in _DISKS or re.fullmatch(r"[a-z]+\d+[a-z]*d[a-z]*", family) is not None


def accelerator(instance_type: str) -> tuple[str, int | None] | None:
    """The model and count of a type's accelerators; None when it has none, a None count when it is not listed."""
    family, _, size = instance_type.strip().lower().removeprefix("ml.").partition(".")
    found = _FAMILIES.get(family)
    if found is None:
        return None
    model, sizes = found
    return model, sizes.get(size)


def model_of(types: tuple[str | Unknown, ...]) -> str | Unknown | None:
    """The first accelerator among the types of a pool; one that is not known leaves it open, unless another has one."""
    doubt: Unknown | None = None
    for t in types:
        if isinstance(t, Unknown):
            doubt = doubt or t
        elif (found := accelerator(t)) is not None:
            return found[0]
    return doubt


def count_of(types: tuple[str | Unknown, ...]) -> float | Unknown | None:
    """The most accelerators that one machine of the pool has."""
    counts: list[float] = []
    for t in types:
        if isinstance(t, Unknown):
            return t
        found = accelerator(t)
        if found is not None:
            if found[1] is None:
                return Unknown(GapCode.UNSUPPORTED, f"how many accelerators {t} has is not on the list")
            counts.append(float(found[1]))
    return max(counts, default=0.0)


def types_at(reader: Reader, *paths: str) -> tuple[str | Unknown, ...]:
    """The instance types at some paths; a path may hold one type or a list."""
    out: list[str | Unknown] = []
    for path in paths:
        raw = reader.at(path)
        doubt = undecided(raw)
        if doubt is not None:
            out.append(doubt)
            continue
        found = reader.texts(path)
        if isinstance(found, Unknown):
            out.append(found)
        elif found is not None:
            out += found
    return tuple(out)


def own_disks(*paths: str) -> Row:
    """Whether machines at some paths have disks of their own; no fact where no type is named."""

    def read(r: Reader) -> Value | Inapplicable:
        types = types_at(r, *paths)
        answers = [t if isinstance(t, Unknown) else has_own_disks(t) for t in types]
        return any_of(answers) if types else INAPPLICABLE

    return Row("disk.of_machine", read)


def accelerators(*paths: str) -> tuple[Row, Row]:
    """The rows for model and count of accelerators, from the instance types at some paths; none without any."""

    def model(r: Reader) -> Value | Inapplicable:
        return model_of(types_at(r, *paths)) or INAPPLICABLE

    def count(r: Reader) -> Value | Inapplicable:
        return count_of(types_at(r, *paths)) or INAPPLICABLE

    return Row("gpu.model", model), Row("gpu.count", count)
