"""What an Azure machine size says by its name: the accelerators in it and the confidential computing it offers.

The names follow a grammar (https://learn.microsoft.com/azure/virtual-machines/vm-naming-conventions):
family, vCPUs, features, accelerator, version. The number of accelerators follows from the vCPUs of the series.
"""

import re
from dataclasses import dataclass

from strongroom.collect.native import INAPPLICABLE, Inapplicable, Reader, Row
from strongroom.collect.tables._azure import marked
from strongroom.kit.kleene import Tri
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value


@dataclass(frozen=True, slots=True)
class Accelerators:
    """The accelerators of one machine. `count` below one is a share of a card that other tenants use too."""

    model: str
    count: float | None  # None: the series is not listed


# (size without `Standard_`, model, vCPUs that come with one card)
# https://learn.microsoft.com/azure/virtual-machines/sizes/gpu-accelerated/
_SERIES: tuple[tuple[str, str, float], ...] = (
    (r"nc(\d+)r?", "NVIDIA K80", 6),
    (r"nc(\d+)r?s_v2", "NVIDIA P100", 6),
    (r"nc(\d+)r?s_v3", "NVIDIA V100", 6),
    (r"nc(64)as_t4_v3", "NVIDIA T4", 16),
    (r"nc(4)as_t4_v3", "NVIDIA T4", 4),
    (r"nc(8)as_t4_v3", "NVIDIA T4", 8),
    (r"nc(16)as_t4_v3", "NVIDIA T4", 16),
    (r"nc(\d+)ads_a100_v4", "NVIDIA A100", 24),
    (r"ncc?(\d+)adi?s_h100_v5", "NVIDIA H100", 40),
    (r"nd(6|12|24)r?s", "NVIDIA P40", 6),
    (r"nd(40)rs_v2", "NVIDIA V100", 5),
    (r"nd(96)am?sr_(?:a100_)?v4", "NVIDIA A100", 12),
    (r"nd(96)isr?f?_h100_v5", "NVIDIA H100", 12),
    (r"nd(96)isr?f?_h200_v5", "NVIDIA H200", 12),
    (r"nd(96)isr?_mi300x_v5", "AMD MI300X", 12),
    (r"nd(128)isr_(?:ndr_)?gb200_v6", "NVIDIA GB200", 32),
    (r"nd(128)isr_(?:ndr_)?gb300_v6", "NVIDIA GB300", 32),
    (r"nv(\d+)(?:s_v2)?", "NVIDIA M60", 6),
    (r"nv(\d+)s_v3", "NVIDIA M60", 12),
    (r"nv(\d+)as_v4", "AMD MI25", 32),
    (r"nv(\d+)adm?s_a10_v5", "NVIDIA A10", 36),
)
_SIZES = tuple((re.compile(pattern), model, each) for pattern, model, each in _SERIES)
_GPU_FAMILY = re.compile(r"n[cdgv]c?\d")
_NAMED = re.compile(r"_(a100|a10|h100|h200|gb200|gb300|t4|mi300x|v620|rtxpro6000[a-z]*)(?:_|$)")

# https://learn.microsoft.com/azure/confidential-computing/virtual-machine-options
_CONFIDENTIAL = (
    (re.compile(r"dc\d+d?s_v[23]"), "sgx"),
    (re.compile(r"dc\d+s"), "sgx"),
    (re.compile(r"[de]c\d+i?ad?s(?:_cc)?_v[56]"), "sev-snp"),
    (re.compile(r"ncc\d+ads_h100_v5"), "sev-snp"),
    (re.compile(r"[de]c\d+i?ed?s_v[56]"), "tdx"),
)


def bare(size: str) -> str:
    """A size without `Standard_` and `_Promo`, in lower case."""
    return size.strip().lower().removeprefix("standard_").removeprefix("basic_").removesuffix("_promo")


def accelerators(size: str) -> Accelerators | None:
    """The accelerators of a machine size, or None when it has none."""
    name = bare(size)
    for pattern, model, each in _SIZES:
        found = pattern.fullmatch(name)
        if found is not None:
            return Accelerators(model, int(found[1]) / each)
    if not _GPU_FAMILY.match(name):
        return None
    said = _NAMED.search(name)
    return Accelerators(said[1].upper() if said else "", None)


def confidential(size: str) -> str:
    """The confidential-computing technology of a machine size: `sgx`, `sev-snp`, `tdx`, or empty for none."""
    name = bare(size)
    return next((tech for pattern, tech in _CONFIDENTIAL if pattern.fullmatch(name)), "")


def gpu_model(*paths: str) -> Row:
    """A row for the accelerator's model; a size without accelerators carries no such fact."""
    return Row("gpu.model", lambda r: _gpu(r, paths, "model"))


def gpu_count(*paths: str) -> Row:
    """A row for the accelerators per machine; a size without accelerators carries no such fact."""
    return Row("gpu.count", lambda r: _gpu(r, paths, "count"))


def cc_tech(*paths: str) -> Row:
    """A row for the confidential computing that the machine size at one of the paths offers."""

    def read(r: Reader) -> Value:
        size = size_at(r, paths)
        return confidential(size) if isinstance(size, str) else size

    return Row("cc.tech", read)


def size_at(r: Reader, paths: tuple[str, ...]) -> str | Unknown | None:
    """The machine size at the first path that is set."""
    return next((v for v in map(r.text, paths) if v is not None), None)


def on_gpus(row: Row, *paths: str) -> Row:
    """The row, for machines with accelerators only: with another size the question does not arise."""

    def read(r: Reader) -> Value | Inapplicable:
        found = _found(r, paths)
        return row.read(r) if isinstance(found, Accelerators) else found

    return Row(row.fact, read, row.default)


def _found(r: Reader, paths: tuple[str, ...]) -> Accelerators | Unknown | Inapplicable:
    size = size_at(r, paths)
    if size is None or isinstance(size, Unknown):
        return INAPPLICABLE if size is None else size
    return accelerators(size) or INAPPLICABLE


def _gpu(r: Reader, paths: tuple[str, ...], what: str) -> Value | Inapplicable:
    found = _found(r, paths)
    if not isinstance(found, Accelerators):
        return found
    value = found.model or None if what == "model" else found.count
    return (
        value if value is not None else Unknown(GapCode.UNSUPPORTED, f"{size_at(r, paths)} is not in the list of sizes")
    )


def sensitive(*paths: str) -> Row:
    """A row that machines for sensitive work carry; accelerators without a mark are taken to be for such."""

    def has_accelerators(r: Reader) -> Tri:
        size = size_at(r, paths)
        return size if isinstance(size, Unknown) else size is not None and accelerators(size) is not None

    return marked(unmarked=has_accelerators)
