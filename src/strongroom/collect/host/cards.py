"""One accelerator: what the bus, the driver's pages and `nvidia-smi -q -x` say of it."""

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
)
_NUMBERS = (
    ("gpu.memory_mib", "fb_memory_usage/total"),
    ("gpu.cc_memory_mib", "cc_protected_memory_usage/total"),
)
# Errors over the card's life that ECC could not correct; which of these are printed depends on the driver's age.
_UNCORRECTED = ("sram_uncorrectable", "sram_uncorrectable_parity", "sram_uncorrectable_secded", "dram_uncorrectable",
                "double_bit/total")  # fmt: skip
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
    yield "gpu.reset_pending", _pending(element), section
    yield from _state(element, section)
    yield "gpu.sharing", _sharing(g, element), section


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
        yield "gpu.remap_failed", element, section
        return
    for name, path in (("gpu.remap_failed", "remapped_row_failure"), ("gpu.remap_pending", "remapped_row_pending")):
        # A GPU without row remapping writes <remapped_rows>N/A</remapped_rows>.
        rows = element.find("remapped_rows")
        yield name, smi.flag(element, f"remapped_rows/{path}") if rows is not None and rows.children else None, section
    instances = element.find("mig_devices")
    devices = [c for c in instances.children if c.tag == "mig_device"] if instances else []
    yield "gpu.mig_instances", len(devices), section
    yield "gpu.mig_layout", tuple(map(_instance, devices)), section
    listed = element.find("processes")
    processes = [c for c in listed.children if c.tag == "process_info"] if listed else []
    yield "gpu.processes", len(processes), section
    yield "gpu.process_types", tuple(sorted({_process(p) for p in processes})), section
    yield from _wear(element, section)


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
    yield "gpu.ecc_uncorrected", _sum(element, "ecc_errors/aggregate", _UNCORRECTED), section
    yield "gpu.retired_pages", _sum(element, "retired_pages", _RETIRED), section
    pages = element.find("retired_pages")
    waits = "pending_retirement" if pages is not None and pages.find("pending_retirement") else "pending_blacklist"
    yield "gpu.retire_pending", smi.flag(element, f"retired_pages/{waits}"), section
    rows = element.find("remapped_rows")
    remapped = smi.number(element, "remapped_rows/remapped_row_unc") if rows is not None and rows.children else None
    yield "gpu.rows_remapped", remapped, section
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
        return Unknown(GapCode.UNSUPPORTED, f"nvidia-smi -q -x: this driver prints no <{at}>")
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
    if smi.flag(element, "mig_mode/current_mig") is True:
        return "mig"
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
