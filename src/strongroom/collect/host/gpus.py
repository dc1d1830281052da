"""The accelerators' driver as the host configures it: facts of the host, none where there is no such device."""

import re
from collections.abc import Iterator, Mapping

from strongroom.collect.host import confidential, options, smi
from strongroom.collect.host.reading import Reading, Said
from strongroom.collect.host.storage import Storage
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput
from strongroom.model.values import Unknown, Value

NVIDIA, AMD, INTEL = "0x10de", "0x1002", "0x8086"
VENDORS = {NVIDIA: "nvidia", AMD: "amd", INTEL: "intel", "0x1da3": "habana", "0x1e52": "tenstorrent"}
ENVVAR = "accept-nvidia-visible-devices-envvar-when-unprivileged"
# The toolkit's default, from its configuration reference.
TOOLKIT_DEFAULTS = "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"


class Gpus:
    """What the document says of accelerators: PCI rows, /proc pages and the XML, found once."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.rows = _accelerators(reading)
        self.pages = {name.lower(): section for name, section in reading.named("nvidia-gpu")}
        self.log = _log(reading)

    @property
    def nvidia(self) -> bool:
        """Whether the machine has an NVIDIA device at all."""
        on_bus = any(row[2] == NVIDIA for row in self.rows.values())
        return (
            on_bus
            or bool(self.pages)
            or isinstance(self.log, smi.Element)
            or self.reading.present("/proc/driver/nvidia") is True
        )

    @property
    def loaded(self) -> bool:
        """Whether NVIDIA's kernel driver is loaded."""
        return (
            self.reading.value("/sys/module/nvidia/version") is not None
            or self.reading.lines("nvidia-version") is not None
        )

    def addresses(self) -> tuple[str, ...]:
        """Every accelerator that some source shows, in the order of their addresses."""
        shown = [a for a, _ in smi.gpus(self.log)] if isinstance(self.log, smi.Element) else []
        return tuple(sorted({*self.rows, *self.pages, *shown}))


def _accelerators(r: Reading) -> dict[str, tuple[str, ...]]:
    """The PCI rows of accelerators: 3D controllers, processing accelerators, and graphics of NVIDIA and amdgpu.

    PCI Code and ID Assignment: 0300 VGA, 0302 3D, 0380 other display, 1200 processing accelerator.
    """
    lines = r.lines("pci")
    rows = [tuple(line.split()) for line in lines] if isinstance(lines, tuple) else []
    out: dict[str, tuple[str, ...]] = {}
    for row in rows:
        if len(row) != 7 or row[6] == "vf":
            continue
        kind = row[1][2:6]
        graphics = kind in ("0300", "0380") and (row[2] == NVIDIA or row[4] in ("amdgpu", "xe", "habanalabs"))
        if kind in ("0302", "1200") or graphics:
            out[row[0].lower()] = row
    return out


def _log(r: Reading) -> smi.Element | Unknown | None:
    if not r.has("nvidia-smi"):
        return None
    lines = r.lines("nvidia-smi")
    if not isinstance(lines, tuple):
        return lines or Unknown(GapCode.ABSENT, "nvidia-smi: not installed")
    offset = r.document.sections["nvidia-smi"].line
    try:
        return smi.parse("\n".join(lines).encode(), r.document.file, offset)
    except BadInput as e:
        return Unknown(GapCode.MALFORMED, str(e))


def facts(g: Gpus, storage: Storage) -> Iterator[Said]:
    """Facts of the host. One without an accelerator says so once, and carries no other."""
    addresses = g.addresses()
    pci = g.reading.lines("pci")
    yield "gpu.count", pci if isinstance(pci, Unknown) and not addresses else len(addresses), "pci"
    if not addresses:
        return
    yield "dump.cuda", _cuda_dumps(g.reading), "cuda-dumps"
    if not g.nvidia:
        return
    if g.reading.has("nvidia-bug-reports"):
        yield "dump.bug_reports", _bug_reports(g.reading), "nvidia-bug-reports"
    yield from _toolkit(g.reading)
    yield from _driver(g)
    if g.loaded:
        yield from _params(g, storage)
        yield "gpu.unaccounted", _unaccounted(g), "nvidia-smi"
        yield from _conf_compute(g.reading)
        names = g.reading.lines("processes")
        yield "gpu.mps", "nvidia-cuda-mps" in names if isinstance(names, tuple) else names, "processes"


def _driver(g: Gpus) -> Iterator[Said]:
    r = g.reading
    loaded = r.value("/sys/module/nvidia/version")
    version = r.lines("nvidia-version")
    banner = version[0] if isinstance(version, tuple) and version else ""
    if loaded is None and banner:
        found = re.search(r"\b(\d{3,}\.\d+(?:\.\d+)?)\b", banner)
        loaded = (
            found[1] if found else Unknown(GapCode.MALFORMED, f"/proc/driver/nvidia/version: found {banner[:60]!r}")
        )
    yield "gpu.driver", loaded, "nvidia-version"
    if not g.loaded:
        return
    yield "gpu.driver_open", "Open Kernel Module" in banner if banner else version, "nvidia-version"
    info = r.lines("nvidia-modinfo")
    on_disk: Value = (
        info if info is not None else Unknown(GapCode.ABSENT, "modinfo: not installed, or it finds no module nvidia")
    )
    signer: Value = on_disk
    if isinstance(info, tuple):
        pairs = dict(line.partition(":")[::2] for line in reversed(info))
        on_disk = pairs.get("version", "").strip() or Unknown(GapCode.MALFORMED, "modinfo nvidia: it prints no version")
        signer = pairs.get("signer", "").strip() or None
    yield "gpu.driver_installed", on_disk, "nvidia-modinfo"
    yield "gpu.driver_signer", signer, "nvidia-modinfo"
    yield "gpu.library", _library(r), "nvidia-smi-version"
    cuda: Value = g.log if not isinstance(g.log, smi.Element) else smi.text(g.log, "cuda_version")
    yield "version.cuda", cuda, "nvidia-smi"


def _library(r: Reading) -> Value:
    """The version of NVIDIA's management library, as that of the driver that it came with; NVML prefixes CUDA's own.

    nvidia-smi names it where it can talk to the driver, and where it cannot because the two differ.
    """
    for name in ("nvidia-smi-version", "nvidia-smi"):
        if not r.has(name):
            continue
        section = r.document.sections[name]
        told = "\n".join(section.lines) if section.status == "ok" else section.detail
        found = re.search(r"(?i)NVML (?:library )?version\s*:\s*(\d+(?:\.\d+)+)", told)
        if found:
            return library(found[1])
    lines = r.lines("nvidia-smi-version")
    if isinstance(lines, Unknown):
        return lines
    return Unknown(GapCode.ABSENT, "nvidia-smi --version: it names no NVML version, or is not installed")


def library(version: str) -> str:
    """NVML's own version without the CUDA version before it: 13.580.65 is of the driver 580.65."""
    first, _, rest = version.partition(".")
    return rest if len(first) < 3 and rest.partition(".")[0].isdigit() and int(rest.partition(".")[0]) > 99 else version


def parameters(r: Reading) -> Mapping[str, str] | Unknown:
    """/proc/driver/nvidia/params; values without their quotation marks."""
    lines = r.lines("nvidia-params")
    if not isinstance(lines, tuple):
        return lines or Unknown(GapCode.ABSENT, "/proc/driver/nvidia/params: no such file")
    pairs = (line.partition(":") for line in lines)
    return {key.strip(): value.strip().strip('"') for key, _, value in pairs}


def _params(g: Gpus, storage: Storage) -> Iterator[Said]:
    params = parameters(g.reading)
    yield "gpu.profiling_admin_only", options.switch(params, "RmProfilingAdminOnly"), "nvidia-params"
    yield "gpu.debug_breakpoint", options.switch(params, "EnableDbgBreakpoint"), "nvidia-params"
    yield "gpu.sysmem_initialised", options.switch(params, "InitializeSystemMemoryAllocations"), "nvidia-params"
    yield "gpu.scrub_switched_off", options.scrub_switches(params), "nvidia-params"
    yield from options.facts(g.reading, params)
    keeps = options.switch(params, "PreserveVideoMemoryAllocations")
    if isinstance(keeps, Unknown):
        yield "vram.saved_to", keeps, "nvidia-params"
        return
    # Suspending saves video memory to a file; a machine that cannot suspend never does. NVIDIA driver README,
    # "Configuring Power Management Support": the folder is /tmp unless TemporaryFilePath names another.
    can_sleep = g.reading.value("/sys/power/state")
    folder = "" if isinstance(params, Unknown) else params.get("TemporaryFilePath") or "/tmp"  # noqa: S108 - the driver's default
    saved = folder if keeps and can_sleep else ""
    yield "vram.saved_to", saved, "nvidia-params"
    if saved:
        yield "vram.protected", storage.protects(saved), "mounts"


def _unaccounted(g: Gpus) -> Value:
    """GPUs that one of the three witnesses shows and another does not: the bus, the driver's pages, the library."""
    if g.reading.container:
        return Unknown(
            GapCode.OUTSIDE,
            f"nvidia-smi: inside a container ({g.reading.container}) it shows only the GPUs given to it",
        )
    if not isinstance(g.log, smi.Element):
        return g.log or Unknown(GapCode.ABSENT, "nvidia-smi: not run")
    library = {a for a, _ in smi.gpus(g.log)}
    out = [
        f"{a}: held by the driver, not listed by nvidia-smi"
        for a, row in g.rows.items()
        if row[4] == "nvidia" and a not in library
    ]
    out += [
        f"{a}: in /proc/driver/nvidia/gpus, not listed by nvidia-smi" for a in g.pages if a not in library | set(g.rows)
    ]
    out += [f"{a}: listed by nvidia-smi, not on the bus" for a in library if g.rows and a not in g.rows]
    attached = smi.number(g.log, "attached_gpus")
    if isinstance(attached, int) and attached != len(library):
        out.append(f"nvidia-smi counts {attached} GPUs and lists {len(library)}")
    return tuple(sorted(out))


def conf_compute(r: Reading) -> dict[str, str] | Unknown:
    """`nvidia-smi conf-compute -q` and `-d`: their lines `NAME : VALUE`, names in lower case."""
    lines = r.lines("nvidia-cc") if r.has("nvidia-cc") else None
    if not isinstance(lines, tuple):
        return lines or Unknown(GapCode.ABSENT, "nvidia-smi conf-compute: not run")
    more = r.lines("nvidia-cc-devtools") if r.has("nvidia-cc-devtools") else None
    return confidential.said((*lines, *(more if isinstance(more, tuple) else ())))


def _conf_compute(r: Reading) -> Iterator[Said]:
    """The mode of confidential computing: on, ppcie (several GPUs over protected PCIe), devtools or off."""
    said = conf_compute(r)
    if isinstance(said, Unknown):
        yield "gpu.cc", said, "nvidia-cc"
        return
    yield "gpu.cc", confidential.mode(said), "nvidia-cc"
    ready = said.get("cc gpus ready state", "").lower()
    yield (
        "gpu.cc_ready",
        ready == "ready" if ready else Unknown(GapCode.MALFORMED, "nvidia-smi conf-compute -q: no ready state"),
        "nvidia-cc",
    )


def _toolkit(r: Reading) -> Iterator[Said]:
    """NVIDIA's container toolkit; nothing where it is not installed."""
    version = r.lines("nvidia-toolkit")
    config = r.lines("nvidia-toolkit-config")
    if version is None and config is None:
        return
    found = re.search(r"version:?\s+v?(\d+\.\d+\.\d+)", "\n".join(version)) if isinstance(version, tuple) else None
    absent = (
        version
        if isinstance(version, Unknown)
        else Unknown(GapCode.ABSENT, "nvidia-ctk: not installed, or it prints no version")
    )
    yield "version.container_toolkit", found[1] if found else absent, "nvidia-toolkit"
    if isinstance(config, Unknown):
        yield "toolkit.envvar_unprivileged", config, "nvidia-toolkit-config"
        return
    values = [v.strip().lower() for k, _, v in (line.partition("=") for line in config or ()) if k.strip() == ENVVAR]
    yield (
        "toolkit.envvar_unprivileged",
        not (values and all(v.split("#")[0].strip() == "false" for v in values)),
        "nvidia-toolkit-config",
    )


def _cuda_dumps(r: Reading) -> Value:
    lines = r.lines("cuda-dumps")
    if not isinstance(lines, tuple):
        return lines if lines is not None else ()
    on = (line.strip().removeprefix("export ").strip() for line in lines)
    return tuple(s for s in on if s.partition("=")[2].strip("\"' ") not in ("0", ""))


def _bug_reports(r: Reading) -> Value:
    """Archives of nvidia-bug-report.sh: kernel logs, registry, processes and their arguments, of every tenant."""
    lines = r.lines("nvidia-bug-reports")
    return lines if lines is not None else ()
