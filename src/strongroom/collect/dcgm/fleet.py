"""Hosts and GPUs of a scrape, with what its metrics and labels say of each (DCGM API, "Field Identifiers")."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from strongroom.collect.dcgm.samples import Sample
from strongroom.collect.host.cards import memory_type
from strongroom.collect.host.gpus import library as of_driver
from strongroom.collect.host.smi import address
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

_BLANK = float(2**63 - 64)  # what DCGM writes of a field that it could not read, and above
_NUMBERS = "0123456789"
Seen = tuple[str, Value, int]
"""A fact's name, its value, and the line that says so."""


@dataclass(slots=True)
class Card:
    """A GPU: what each metric said, once, and the labels of its samples."""

    uuid: str
    host: str
    line: int
    values: dict[str, tuple[Value, int]] = field(default_factory=dict)
    labels: dict[str, tuple[Value, int]] = field(default_factory=dict)
    slices: dict[str, str] = field(default_factory=dict)  # GPU instances, and the profile of each


@dataclass(slots=True)
class Fleet:
    """What a scrape shows: cards by UUID and host, the newest time of it, and samples that name no GPU."""

    cards: dict[tuple[str, str], Card] = field(default_factory=dict)
    at: str = ""
    homeless: int = 0


_OWN = frozenset({"Hostname", "UUID", "__name__", "instance", "job", "container", "pod", "namespace", "value"})


def of(samples: Iterable[Sample]) -> Fleet:
    """The fleet of a scrape. Two values of one thing are a conflict, and unknown."""
    fleet = Fleet()
    for sample in samples:
        if not sample.metric.startswith("DCGM_"):
            continue
        uuid = sample.labels.get("UUID", "")
        host = sample.labels.get("Hostname") or sample.labels.get("instance", "").partition(":")[0]
        if not uuid.startswith("GPU-") or not host:
            fleet.homeless += 1
            continue
        fleet.at = max(fleet.at, sample.at)
        card = fleet.cards.setdefault((host, uuid), Card(uuid, host, sample.line))
        instance = sample.labels.get("GPU_I_ID", "")
        if instance:  # the rest of the sample is of the slice alone, but for what only a whole card has
            card.slices[instance] = sample.labels.get("GPU_I_PROFILE", "")
        _keep(card.values, sample.metric, _number(sample), sample.line, fixed=sample.metric in _STATES)
        for name, value in sample.labels.items():
            if name not in _OWN and not name.startswith("GPU_I_"):
                _keep(card.labels, name, value, sample.line, fixed=name in _FIXED)
    return fleet


def _keep(held: dict[str, tuple[Value, int]], name: str, value: Value, line: int, *, fixed: bool) -> None:
    """Take a value. A count may go on while it is read; a state and a version may not."""
    old = held.get(name)
    if old is None or isinstance(old[0], Unknown) or old[0] == value:
        held.setdefault(name, (value, line))
    elif isinstance(value, Unknown):
        held[name] = (value, line)
    elif fixed:
        held[name] = (Unknown(GapCode.CONFLICT, f"{name}: {old[0]} and {value}"), line)


def _number(sample: Sample) -> Value:
    """A finite number that is not one of DCGM's words for nothing."""
    try:
        found = float(sample.value)
    except ValueError:
        return Unknown(GapCode.MALFORMED, f"{sample.metric}: found {sample.value[:40]!r}, wanted a number")
    if not math.isfinite(found) or abs(found) >= _BLANK:
        return Unknown(GapCode.ABSENT, f"{sample.metric}: {sample.value[:40]}: the driver gave no value")
    return found


# Metrics


def _flag(card: Card, metric: str) -> Value:
    """0 or 1."""
    value = card.values[metric][0]
    if isinstance(value, Unknown):
        return value
    return value == 1 if value in (0, 1) else Unknown(GapCode.MALFORMED, f"{metric}: found {value}, wanted 0 or 1")


def _count(card: Card, metric: str) -> Value:
    value = card.values[metric][0]
    return int(value) if isinstance(value, float) else value


def _some(card: Card, metric: str) -> Value:
    """Whether a count is more than none."""
    value = card.values[metric][0]
    return value > 0 if isinstance(value, float) else value


def _word(words: dict[int, str]) -> Callable[[Card, str], Value]:
    def told(card: Card, metric: str) -> Value:
        value = card.values[metric][0]
        if not isinstance(value, float):
            return value
        return words.get(int(value)) or Unknown(GapCode.UNSUPPORTED, f"{metric}: {value:g}")

    return told


_COMPUTE = {0: "Default", 1: "Exclusive_Thread", 2: "Prohibited", 3: "Exclusive_Process"}  # nvmlComputeMode_t
# dcgmFabricManagerStatus_t; one that this has no word for stays unknown.
_FABRIC = {0: "Not Supported", 1: "Not Started", 2: "In Progress", 3: "Completed", 4: "Failure"}


def _fabric_state(card: Card, metric: str) -> Value:
    """How far the card has joined; not set for one that has no fabric."""
    told = _word(_FABRIC)(card, metric)
    return None if told == "Not Supported" else told


_METRICS: tuple[tuple[str, str, Callable[[Card, str], Value]], ...] = (
    ("gpu.ecc", "DCGM_FI_DEV_ECC_CURRENT", _flag),
    ("gpu.ecc_pending", "DCGM_FI_DEV_ECC_PENDING", _flag),
    ("gpu.mig", "DCGM_FI_DEV_MIG_MODE", _flag),
    ("gpu.persistence", "DCGM_FI_DEV_PERSISTENCE_MODE", _flag),
    ("gpu.compute_mode", "DCGM_FI_DEV_COMPUTE_MODE", _word(_COMPUTE)),
    ("gpu.remap_failed", "DCGM_FI_DEV_ROW_REMAP_FAILURE", _flag),
    ("gpu.remap_pending", "DCGM_FI_DEV_ROW_REMAP_PENDING", _flag),
    ("gpu.rows_remapped", "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", _count),
    ("gpu.rows_remapped_corrected", "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", _count),
    ("gpu.banks_exhausted", "DCGM_FI_DEV_BANKS_REMAP_ROWS_AVAIL_NONE", _count),
    ("gpu.ecc_uncorrected", "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", _count),
    ("gpu.ecc_uncorrected_now", "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", _count),
    ("gpu.ecc_corrected", "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", _count),
    ("gpu.ecc_corrected_now", "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", _count),
    ("gpu.retire_pending", "DCGM_FI_DEV_RETIRED_PENDING", _some),
    ("gpu.fabric_state", "DCGM_FI_DEV_FABRIC_MANAGER_STATUS", _fabric_state),
    ("gpu.last_xid", "DCGM_FI_DEV_XID_ERRORS", _count),
)
_STATES = frozenset(metric for _, metric, _ in _METRICS if "TOTAL" not in metric and "XID" not in metric)
_LABELS = (
    ("gpu.model", "modelName"),
    ("gpu.serial", "DCGM_FI_DEV_SERIAL"),
    ("gpu.vbios", "DCGM_FI_DEV_VBIOS_VERSION"),
    ("gpu.inforom", "DCGM_FI_DEV_INFOROM_IMAGE_VER"),
    ("gpu.driver", "DCGM_FI_DRIVER_VERSION"),
)
_CLUSTER, _CLIQUE = "DCGM_FI_DEV_FABRIC_CLUSTER_UUID", "DCGM_FI_DEV_FABRIC_CLIQUE_ID"
_FIXED = frozenset(label for _, label in _LABELS) | {
    "pci_bus_id", "DCGM_FI_CUDA_DRIVER_VERSION", "DCGM_FI_NVML_VERSION", _CLUSTER, _CLIQUE,
}  # fmt: skip
_MEMORY = ("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_FB_RESERVED")


def facts(card: Card) -> Iterator[Seen]:
    """What a scrape says of a card. What it does not tell is not set: no value stands for it."""
    yield "gpu.vendor", "nvidia", card.line
    yield "gpu.uuid", card.uuid, card.line
    for name, metric, told in _METRICS:
        if metric in card.values:
            yield name, told(card, metric), card.values[metric][1]
    for name, label in _LABELS:
        if label in card.labels:
            yield name, *card.labels[label]
    if "pci_bus_id" in card.labels:
        value, line = card.labels["pci_bus_id"]
        yield "gpu.pci", address(value) if isinstance(value, str) else value, line
    if card.slices:
        yield "gpu.mig_instances", len(card.slices), card.line
        yield "gpu.mig_layout", tuple(f"{n} {p}".strip() for n, p in sorted(card.slices.items())), card.line
        if "DCGM_FI_DEV_MIG_MODE" not in card.values:
            yield "gpu.mig", True, card.line  # it has slices
    yield from _pending(card)
    yield from _memory(card)
    yield from _fabric(card)
    if "modelName" in card.labels:
        value, line = card.labels["modelName"]
        yield "gpu.memory_type", memory_type(value) if isinstance(value, str) else value, line


def _pending(card: Card) -> Iterator[Seen]:
    """Modes that are set otherwise than they run."""
    pair = [card.values.get(m) for m in ("DCGM_FI_DEV_ECC_CURRENT", "DCGM_FI_DEV_ECC_PENDING")]
    if pair[0] is None or pair[1] is None:
        return
    doubt = next((v for v, _ in (pair[0], pair[1]) if isinstance(v, Unknown)), None)
    different = ("ECC",) if pair[0][0] != pair[1][0] else ()
    yield "gpu.reset_pending", doubt if doubt is not None else different, pair[1][1]


def _memory(card: Card) -> Iterator[Seen]:
    """All of it; a slice's numbers are not the card's."""
    found = [card.values[m] for m in _MEMORY if m in card.values]
    if card.slices or not {*_MEMORY[:2]} <= set(card.values):
        return
    numbers = [v for v, _ in found if isinstance(v, float)]
    if len(numbers) == len(found):
        yield "gpu.memory_mib", int(sum(numbers)), found[0][1]


def _fabric(card: Card) -> Iterator[Seen]:
    """The NVLink fabric that the card joined: the clique is a metric or a label, the cluster is always a label."""
    cluster = card.labels.get(_CLUSTER)
    clique = card.labels.get(_CLIQUE) or card.values.get(_CLIQUE)
    if cluster is None or clique is None:
        return
    doubt = next((v for v, _ in (cluster, clique) if isinstance(v, Unknown)), None)
    number = f"{clique[0]:g}" if isinstance(clique[0], float) else str(clique[0])
    joined = bool(str(cluster[0]).strip("0-"))
    yield "gpu.fabric", doubt if doubt is not None else f"{cluster[0]}/{number}" if joined else None, cluster[1]


def library(cards: list[Card]) -> Value:
    """The version of NVML on a host, as that of the driver that it came with; not set where no card tells one."""
    said = {str(c.labels["DCGM_FI_NVML_VERSION"][0]) for c in cards if "DCGM_FI_NVML_VERSION" in c.labels}
    return of_driver(said.pop()) if len(said) == 1 else None


def driver(cards: list[Card]) -> Value:
    """The driver of a host: one for all its cards, or a conflict."""
    said = {v for c in cards for v, _ in [c.labels.get("DCGM_FI_DRIVER_VERSION", ("", 0))] if isinstance(v, str) and v}
    if len(said) == 1:
        return said.pop()
    if said:
        return Unknown(GapCode.CONFLICT, f"cards of one host name the drivers {', '.join(sorted(said))[:120]}")
    return Unknown(GapCode.ABSENT, "the exporter names no driver: add DCGM_FI_DRIVER_VERSION, label to its counters")


def cuda(cards: list[Card]) -> Value:
    """The CUDA version of a host's driver, from a number such as 12040; not set where the exporter does not tell it."""
    said = {
        v for c in cards for v, _ in [c.labels.get("DCGM_FI_CUDA_DRIVER_VERSION", ("", 0))] if isinstance(v, str) and v
    }
    text = said.pop() if len(said) == 1 else ""
    whole = bool(text) and set(text) <= set(_NUMBERS) and len(text) <= 6
    return f"{int(text) // 1000}.{int(text) % 1000 // 10}" if whole else None
