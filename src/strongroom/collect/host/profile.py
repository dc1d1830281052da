"""Profiles of NVML in YAML (NVIDIA's nvml-mock: system, device_defaults, devices), read as if nvidia-smi printed them.

A profile says of a machine's GPUs what `nvidia-smi -q -x` does, in other words. It becomes the same elements, so that
one piece of code reads both and one set of checks judges them.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from strongroom.collect.host.smi import ROOT, Element
from strongroom.collect.yaml_text import Chunk, YamlError, parse
from strongroom.model.errors import Malformed, TooLarge

MAX_BYTES = 4 * 1024 * 1024
MAX_DEVICES = 1024
_TELLER = "the profile"
WANTED = "a profile of NVML: system, device_defaults and devices"

Read = Callable[[object], str]


def _word(value: object) -> str:
    """A state as nvidia-smi prints it: a capital first, and Yes or No for what is true or false."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    text = str(value)
    return text[:1].upper() + text[1:] if text.isascii() and text.islower() else text


def _title(value: object) -> str:
    return "_".join(w.capitalize() for w in str(value).split("_"))


def _mib(value: object) -> str:
    return f"{value >> 20} MiB" if isinstance(value, int) and not isinstance(value, bool) else "N/A"


def _pending(value: object) -> str:
    return _word(value) if isinstance(value, bool) else str(value)


# Path in a device of the profile -> path in the element of nvidia-smi, and how the value is said there.
_PLACES: tuple[tuple[str, str, Read], ...] = (
    ("name", "product_name", str),
    ("serial", "serial", str),
    ("uuid", "uuid", str),
    ("architecture", "product_architecture", _title),
    ("board_part_number", "board_part_number", str),
    ("vbios_version", "vbios_version", str),
    ("gsp_firmware.version", "gsp_firmware_version", str),
    ("inforom.image_version", "inforom_version/img_version", str),
    ("compute_mode", "compute_mode", _title),
    ("persistence_mode", "persistence_mode", _word),
    ("accounting.mode", "accounting_mode", _word),
    ("virtualization.mode", "gpu_virtualization_mode/virtualization_mode", _word),
    ("virtualization.host_vgpu_mode", "gpu_virtualization_mode/host_vgpu_mode", str),
    ("mig.mode_current", "mig_mode/current_mig", _word),
    ("mig.mode_pending", "mig_mode/pending_mig", _word),
    ("ecc.mode_current", "ecc_mode/current_ecc", _word),
    ("ecc.mode_pending", "ecc_mode/pending_ecc", _word),
    ("ecc.errors.aggregate.double_bit.total", "ecc_errors/aggregate/dram_uncorrectable", str),
    ("ecc.errors.aggregate.single_bit.total", "ecc_errors/aggregate/dram_correctable", str),
    ("ecc.errors.volatile.double_bit.total", "ecc_errors/volatile/dram_uncorrectable", str),
    ("ecc.errors.volatile.single_bit.total", "ecc_errors/volatile/dram_correctable", str),
    ("memory.memory_bus_width", "memory_bus_width", str),
    ("dram_encryption.mode_current", "dram_encryption_mode/current_dram_encryption", _word),
    ("dram_encryption.mode_pending", "dram_encryption_mode/pending_dram_encryption", _word),
    ("memory.total_bytes", "fb_memory_usage/total", _mib),
    ("remapped_rows.uncorrectable", "remapped_rows/remapped_row_unc", str),
    ("remapped_rows.correctable", "remapped_rows/remapped_row_corr", str),
    (
        "remapped_rows.availability_histogram.none",
        "remapped_rows/row_remapper_histogram/row_remapper_histogram_none",
        str,
    ),
    ("remapped_rows.pending", "remapped_rows/remapped_row_pending", _pending),
    ("remapped_rows.failure_occurred", "remapped_rows/remapped_row_failure", _pending),
    ("retired_pages.single_bit_retirement.count", "retired_pages/multiple_single_bit_retirement/retired_count", str),
    ("retired_pages.double_bit_retirement.count", "retired_pages/double_bit_retirement/retired_count", str),
    ("retired_pages.pending_retirement", "retired_pages/pending_retirement", _pending),
    ("fabric.state", "fabric/state", _word),
    ("fabric.clique_id", "fabric/cliqueId", str),
    ("fabric.cluster_uuid", "fabric/clusterUuid", str),
)


def is_profile(head: bytes) -> bool:
    """Whether a file's first bytes are a profile: its two keys at the margin."""
    return bool(re.search(rb"(?m)^system:", head) and re.search(rb"(?m)^device_defaults:", head))


def to_log(data: bytes, file: str) -> Element:
    """The elements that nvidia-smi would print. Raises Malformed or TooLarge with file and line."""
    if len(data) > MAX_BYTES:
        raise TooLarge(file, f"{len(data)} bytes", f"at most {MAX_BYTES}")
    try:
        documents = parse(Chunk(data.decode("utf-8"), 1))
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise Malformed(f"{file}:{line}", f"byte 0x{data[e.start]:02x}", "UTF-8 text") from None
    except YamlError as e:
        raise Malformed(f"{file}:{e.line}", e.detail, WANTED) from None
    found = documents[0].value if len(documents) == 1 else None
    system = found.get("system") if isinstance(found, dict) else None
    defaults = found.get("device_defaults") if isinstance(found, dict) else None
    devices = found.get("devices") if isinstance(found, dict) else None
    if not isinstance(system, dict) or not isinstance(defaults, dict) or not isinstance(devices, list):
        raise Malformed(file, "other keys", WANTED)
    if len(devices) > MAX_DEVICES:
        raise TooLarge(file, f"{len(devices)} devices", f"at most {MAX_DEVICES}")
    root = Element(ROOT, 1, {}, teller=_TELLER)
    for name in ("driver_version", "cuda_version", "nvml_version"):
        _put(root, name, str(system.get(name, "N/A")))
    _put(root, "attached_gpus", str(len(devices)))
    lines = _lines(data)
    for n, device in enumerate(devices):
        if not isinstance(device, dict):
            raise Malformed(file, f"a device that is no mapping (number {n})", WANTED)
        root.children.append(_gpu(_over(defaults, device), lines[n] if n < len(lines) else 1))
    return root


def _lines(data: bytes) -> list[int]:
    """The line on which each device begins: the list's own items at its smallest indent."""
    lines = data.decode("utf-8").splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith("devices:")), len(lines))
    end = next((n for n in range(start + 1, len(lines)) if re.match(r"[\w\"']", lines[n])), len(lines))
    marks = [(n + 1, re.match(r"( *)- ", lines[n])) for n in range(start + 1, end)]
    indents = [len(m[1]) for _, m in marks if m]
    return [n for n, m in marks if m and len(m[1]) == min(indents)]


def _over(defaults: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """A device with what it does not say itself."""
    merged = dict(defaults)
    for name, value in own.items():
        base = merged.get(name)
        merged[name] = _over(base, value) if isinstance(base, dict) and isinstance(value, dict) else value
    return merged


def _at(device: object, path: str) -> object:
    for name in path.split("."):
        device = device.get(name) if isinstance(device, dict) else None
    return device


def _put(into: Element, path: str, text: str) -> None:
    tag, _, rest = path.partition("/")
    child = next((c for c in into.children if c.tag == tag), None)
    if child is None:
        child = Element(tag, into.line, {})
        into.children.append(child)
    if rest:
        _put(child, rest, text)
    else:
        child.text = text


def _gpu(device: Mapping[str, object], line: int) -> Element:
    gpu = Element("gpu", line, {"id": str(_at(device, "pci.bus_id") or "")}, teller=_TELLER)
    for path, place, said in _PLACES:
        value = _at(device, path)
        if value == "auto":  # the mock decides it when it runs
            continue
        if isinstance(value, str | int | float):
            _put(gpu, place, said(value))
    if gpu.find("remapped_rows") is None:  # a card older than Ampere retires pages instead
        _put(gpu, "remapped_rows", "N/A")
    gpu.children.append(Element("mig_devices", line, {}))
    processes = Element("processes", line, {}, children=list(_processes(device.get("processes"), line)))
    gpu.children.append(processes)
    return gpu


def _processes(listed: object, line: int) -> Iterator[Element]:
    for one in listed if isinstance(listed, list) else ():
        process = Element("process_info", line, {})
        if isinstance(one, dict):
            _put(process, "type", str(one.get("type", "C")))
            _put(process, "process_name", str(one.get("name", one.get("process_name", ""))))
        yield process
