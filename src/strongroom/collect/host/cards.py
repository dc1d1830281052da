"""One accelerator: what the bus, the driver's pages and `nvidia-smi -q -x` say of it."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from strongroom.collect.host import smi
from strongroom.collect.host.gpus import VENDORS, Gpus
from strongroom.collect.host.reading import Reading, Said
from strongroom.kit.kleene import any_of
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value

# Fact -> path in the XML; all text.
_TEXTS = (
    ("gpu.model", "product_name"),
    ("gpu.serial", "serial"),
    ("gpu.uuid", "uuid"),
    ("gpu.architecture", "product_architecture"),
    ("gpu.vbios", "vbios_version"),
    ("gpu.gsp", "gsp_firmware_version"),
    ("gpu.inforom", "inforom_version/img_version"),
    ("gpu.part_number", "board_part_number"),
    ("gpu.compute_mode", "compute_mode"),
    ("gpu.virtualization", "gpu_virtualization_mode/virtualization_mode"),
    ("gpu.vgpu_host", "gpu_virtualization_mode/host_vgpu_mode"),
)
_FLAGS = (
    ("gpu.mig", "mig_mode/current_mig"),
    ("gpu.mig_pending", "mig_mode/pending_mig"),
    ("gpu.ecc", "ecc_mode/current_ecc"),
    ("gpu.ecc_pending", "ecc_mode/pending_ecc"),
    ("gpu.persistence", "persistence_mode"),
    ("gpu.accounting", "accounting_mode"),
    ("gpu.dram_encrypted", "dram_encryption_mode/current_dram_encryption"),
    ("gpu.dram_encrypted_pending", "dram_encryption_mode/pending_dram_encryption"),
)
_NUMBERS = (
    ("gpu.memory_mib", "fb_memory_usage/total"),
    ("gpu.cc_memory_mib", "cc_protected_memory_usage/total"),
)
# Errors that ECC could not correct, and that it corrected; which of these are printed depends on the driver's age.
_UNCORRECTED = ("sram_uncorrectable", "sram_uncorrectable_parity", "sram_uncorrectable_secded", "dram_uncorrectable",
                "double_bit/total")  # fmt: skip
_CORRECTED = ("sram_correctable", "dram_correctable", "single_bit/total")
_ERRORS = (
    ("gpu.ecc_uncorrected", "ecc_errors/aggregate", _UNCORRECTED),
    ("gpu.ecc_uncorrected_now", "ecc_errors/volatile", _UNCORRECTED),
    ("gpu.ecc_corrected", "ecc_errors/aggregate", _CORRECTED),
    ("gpu.ecc_corrected_now", "ecc_errors/volatile", _CORRECTED),
)
_NO_SPARE = "remapped_rows/row_remapper_histogram/row_remapper_histogram_none"
# Models of data sheets. A name that none of them is in is no guess.
_HBM = re.compile(r"HBM|\b(?:[AHB][13]00|[AH]800|H20|A30|GH200|GB[23]00|B200|H200|V100S?|P100|G[PV]100)\b")
_GDDR = re.compile(
    r"GDDR|RTX|GTX|GeForce|Quadro|\b(?:T4G?|T1?000|P4|P40|M10|M60|A2|A10[GM]?|A16|A40|L4|L40[SG]?|L20?|A[2456]000)\b"
)
_WIDE = 1024  # bits: one stack of HBM alone has this many (JEDEC JESD235), a whole card of GDDR at most half
_RETIRED = ("multiple_single_bit_retirement/retired_count", "double_bit_retirement/retired_count")
# Keys of /proc/driver/nvidia/gpus/ADDRESS/information, which is there without nvidia-smi.
_PAGE = (("gpu.model", "Model"), ("gpu.uuid", "GPU UUID"), ("gpu.vbios", "Video BIOS"), ("gpu.gsp", "GPU Firmware"))


def said(g: Gpus, address: str) -> Iterator[Said]:
    """The facts of the accelerator at a PCI address."""
    row = g.rows.get(address)
    vendor = VENDORS.get(row[2], row[2]) if row is not None else "nvidia"
    yield "gpu.vendor", vendor, "pci"
    yield "gpu.pci", address, "pci"
    if row is not None:
        yield "gpu.bus_driver", None if row[4] == "-" else row[4], "pci"
    if vendor == "nvidia":
        yield from _nvidia(g, address)
    elif vendor == "amd":
        yield from _amd(g.reading, address)


def _element(g: Gpus, address: str) -> smi.Element | Unknown:
    if isinstance(g.log, smi.Element):
        found = next((e for a, e in smi.gpus(g.log) if a == address), None)
        return found or Unknown(GapCode.ABSENT, f"nvidia-smi: it does not list the GPU at {address}")
    if g.log is not None:
        return g.log
    row = g.rows.get(address)
    held = f"; {row[4]} holds the GPU" if row is not None and row[4] not in ("-", "nvidia") else ""
    return Unknown(GapCode.ABSENT, f"nvidia-smi: not run, because NVIDIA's driver is not loaded{held}")


def _nvidia(g: Gpus, address: str) -> Iterator[Said]:
    element = _element(g, address)
    page = _page(g, address)
    section = "nvidia-smi" if isinstance(element, smi.Element) else f"nvidia-gpu:{address}"
    for name, path in _TEXTS:
        value: Value = smi.text(element, path) if isinstance(element, smi.Element) else element
        yield name, page.get(name, value) if isinstance(value, Unknown) else value, section
    for name, path in _FLAGS:
        yield name, smi.flag(element, path) if isinstance(element, smi.Element) else element, section
    yield "gpu.memory_type", _memory_type(element, page.get("gpu.model", "")), section
    yield "gpu.reset_pending", _pending(element), section
    yield from _state(element, section)
    yield "gpu.sharing", _sharing(g, element), section


def _memory_type(element: smi.Element | Unknown, model: str) -> Value:
    """The kind, hbm or gddr, by the width of the bus where a source tells it, else by the model's name."""
    if isinstance(element, smi.Element):
        width = smi.number(element, "memory_bus_width")
        if isinstance(width, int):
            return "hbm" if width >= _WIDE else "gddr"
        named = smi.text(element, "product_name")
        model = named if isinstance(named, str) else model
    return element if isinstance(element, Unknown) and not model else memory_type(model)


def memory_type(model: str) -> str | Unknown:
    """The kind, hbm or gddr, by the name of a model."""
    if _HBM.search(model):
        return "hbm"
    if _GDDR.search(model):
        return "gddr"
    return Unknown(GapCode.UNSUPPORTED, f"the kind of memory: {model[:60]!r} is in no data sheet known to this release")


def _pending(element: smi.Element | Unknown) -> Value:
    """The modes that a reset would change; unknown ones stay in the list as what they are."""
    if isinstance(element, Unknown):
        return element
    out: list[str | Unknown] = []
    for name, current, pending in (
        ("MIG", "mig_mode/current_mig", "mig_mode/pending_mig"),
        ("ECC", "ecc_mode/current_ecc", "ecc_mode/pending_ecc"),
    ):
        now, then = smi.flag(element, current), smi.flag(element, pending)
        doubt = next((x for x in (now, then) if isinstance(x, Unknown)), None)
        if doubt is not None:
            out.append(doubt)
        elif now != then:
            out.append(name)
    return tuple(out)


def _page(g: Gpus, address: str) -> dict[str, str]:
    section = g.pages.get(address)
    pairs = dict(line.partition(":")[::2] for line in section.lines) if section is not None else {}
    known = {name: pairs[key].strip() for name, key in _PAGE if key in pairs}
    # Without root, or before the first use, the page masks what it does not tell: GPU-????????-….
    return {name: text for name, text in known.items() if text and "?" not in text and text != "N/A"}


def _state(element: smi.Element | Unknown, section: str) -> Iterator[Said]:
    if isinstance(element, Unknown):
        for name in ("gpu.remap_failed", "gpu.ecc_uncorrected_now", "gpu.ecc_corrected_now", "gpu.fabric"):
            yield name, element, section
        return
    for name, path in (("gpu.remap_failed", "remapped_row_failure"), ("gpu.remap_pending", "remapped_row_pending")):
        # A GPU without row remapping writes <remapped_rows>N/A</remapped_rows>.
        rows = element.find("remapped_rows")
        yield name, smi.flag(element, f"remapped_rows/{path}") if rows is not None and rows.children else None, section
    devices = _listed(element, "mig_devices", "mig_device")
    if isinstance(devices, Unknown):
        yield "gpu.mig_instances", devices, section
    else:
        yield "gpu.mig_instances", len(devices), section
        yield "gpu.mig_layout", tuple(map(_instance, devices)), section
    processes = _listed(element, "processes", "process_info")
    if isinstance(processes, Unknown):
        yield "gpu.processes", processes, section
    else:
        yield "gpu.processes", len(processes), section
        yield "gpu.process_types", tuple(sorted({_process(p) for p in processes})), section
    yield from _wear(element, section)


def _listed(element: smi.Element, path: str, tag: str) -> list[smi.Element] | Unknown:
    """The elements of a list; what could not be listed is not empty."""
    group = element.find(path)
    told = smi.text(element, path)
    if group is None or isinstance(told, Unknown):
        return told if isinstance(told, Unknown) else []
    return [c for c in group.children if c.tag == tag]


def _instance(device: smi.Element) -> str:
    """A MIG device: the GPU instance and compute instance that it is of, and its memory."""
    gpu, compute, memory = (
        smi.text(device, p) for p in ("gpu_instance_id", "compute_instance_id", "fb_memory_usage/total")
    )
    return f"{gpu}/{compute} {memory}" if isinstance(memory, str) else f"{gpu}/{compute}"


def _process(process: smi.Element) -> str:
    """The type of a process (C computes, G draws, M is MPS) and its program; paths and arguments may tell secrets."""
    kind, name = smi.text(process, "type"), smi.text(process, "process_name")
    program = PurePosixPath(name.split()[0]).name if isinstance(name, str) and name.split() else "unnamed"
    return f"{kind if isinstance(kind, str) else '?'} {program[:40]}"


def _wear(element: smi.Element, section: str) -> Iterator[Said]:
    """How much of the memory has failed, what the driver asks for, and how far the card has joined its fabric."""
    for name, path in _NUMBERS:
        yield name, smi.number(element, path), section
    for name, at, places in _ERRORS:
        yield name, _sum(element, at, places), section
    yield "gpu.retired_pages", _sum(element, "retired_pages", _RETIRED), section
    pages = element.find("retired_pages")
    waits = "pending_retirement" if pages is not None and pages.find("pending_retirement") else "pending_blacklist"
    yield "gpu.retire_pending", smi.flag(element, f"retired_pages/{waits}"), section
    rows = element.find("remapped_rows")
    for name, path in (
        ("gpu.rows_remapped", "remapped_rows/remapped_row_unc"),
        ("gpu.rows_remapped_corrected", "remapped_rows/remapped_row_corr"),
        ("gpu.banks_exhausted", _NO_SPARE),
    ):
        yield name, smi.number(element, path) if rows is not None and rows.children else None, section
    yield "gpu.reset_required", smi.flag(element, "gpu_reset_status/reset_required"), section
    yield "gpu.recovery", smi.text(element, "gpu_recovery_action"), section
    state = smi.text(element, "fabric/state")
    yield "gpu.fabric_state", state, section
    cluster, clique = smi.text(element, "fabric/clusterUuid"), smi.text(element, "fabric/cliqueId")
    joined = isinstance(cluster, str) and isinstance(clique, str) and bool(cluster.strip("0-"))
    yield "gpu.fabric", f"{cluster}/{clique}" if joined else state if isinstance(state, Unknown) else None, section


def _sum(element: smi.Element, at: str, places: tuple[str, ...]) -> Value:
    """The sum of the counts that this driver prints; not set when it counts none for this card."""
    group = element.find(at)
    if group is None:
        return Unknown(GapCode.UNSUPPORTED, f"{element.teller}: this driver prints no <{at}>")
    found = [smi.number(group, p) for p in places if group.find(p) is not None]
    doubt = next((f for f in found if isinstance(f, Unknown)), None)
    numbers = [f for f in found if isinstance(f, int)]
    return doubt if doubt is not None else sum(numbers) if numbers else None


def _sharing(g: Gpus, element: smi.Element | Unknown) -> Value:
    """How the GPU is shared: mig, mps, time-slicing or none. Who gets it is the scheduler's decision, so without
    Slurm's word, or a mode that lets in one process at a time, it is unknown.
    """
    if isinstance(element, Unknown):
        return element
    mig = smi.flag(element, "mig_mode/current_mig")
    if mig is True:
        return "mig"
    if isinstance(mig, Unknown) and mig.code is not GapCode.UNSUPPORTED:  # a driver without the word has no MIG
        return mig
    names = g.reading.lines("processes")
    if isinstance(names, tuple) and "nvidia-cuda-mps" in names:
        return "mps"
    if smi.text(element, "compute_mode") in ("Exclusive_Process", "Exclusive Process", "Prohibited"):
        return "none"
    slurm = g.reading.lines("slurm-config")
    gres = _gres(slurm) if isinstance(slurm, tuple) else ()
    if isinstance(names, tuple) and "slurmd" in names and "gpu" in gres:
        return "time-slicing" if "shard" in gres else "mps" if "mps" in gres else "none"
    return Unknown(
        GapCode.UNDECIDED,
        "how the GPU is shared is the scheduler's decision, which this source does not show (k8s:, slurm:)",
    )


def _gres(lines: tuple[str, ...]) -> tuple[str, ...]:
    text = next((ln.partition("=")[2] for ln in lines if ln.strip().lower().startswith("grestypes")), "")
    return tuple(t.strip().lower() for t in text.split(","))


def _amd(r: Reading, address: str) -> Iterator[Said]:
    drm = r.lines("drm")
    pairs = dict(line.split(" ", 1)[::-1] for line in drm if " " in line) if isinstance(drm, tuple) else {}
    card = pairs.get(address)
    if card is None:
        return
    folder = f"/sys/class/drm/{card}/device/"
    for name, file in (
        ("gpu.model", "product_name"),
        ("gpu.vbios", "vbios_version"),
        ("gpu.uuid", "unique_id"),
        ("gpu.serial", "unique_id"),
    ):
        yield name, r.value(folder + file) or None, "values"
    isolation = r.value(folder + "enforce_isolation")
    state: Value = isolation
    if isinstance(isolation, str):
        # One number per partition, 0 where the cleaner shader and the exclusive turn are off (amdgpu documentation).
        state = not any_of(part == "0" for part in isolation.split())
    elif isolation is None:
        state = Unknown(GapCode.ABSENT, f"{folder}enforce_isolation: no such file; the kernel is older than 6.12")
    yield "gpu.isolation", state, "values"
