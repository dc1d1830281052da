"""One accelerator: what the bus, the driver's pages and `nvidia-smi -q -x` say of it."""

from collections.abc import Iterator

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
)
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
    yield "gpu.mig_instances", sum(c.tag == "mig_device" for c in instances.children) if instances else 0, section
    processes = element.find("processes")
    yield "gpu.processes", sum(c.tag == "process_info" for c in processes.children) if processes else 0, section


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
