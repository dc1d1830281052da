"""What NVML said, as a record: asked live, or kept in a file of JSON (`strongroom collector --nvml`).

It becomes the elements that `nvidia-smi -q -x` prints, so that one piece of code reads both and one set of checks
judges them. A call that failed stays a failure: refused, lost and not supported are three different answers.
"""

import json
import re
from collections.abc import Callable, Mapping

from strongroom.collect.host.confidential import mode
from strongroom.collect.host.nvml import SCHEMA, failed
from strongroom.collect.host.smi import ROOT, Element
from strongroom.kit import strict_json
from strongroom.model.errors import Malformed, TooLarge

MAX_BYTES = 8 * 1024 * 1024
MAX_DEVICES = 1024
WANTED = f"a record of NVML ({SCHEMA})"
_HINT = "write one with: strongroom collector --nvml -o HOSTNAME.json"
_TELLER = "NVML"
# nvmlDeviceArchitecture_t
_ARCHITECTURES = {2: "Kepler", 3: "Maxwell", 4: "Pascal", 5: "Volta", 6: "Turing", 7: "Ampere", 8: "Ada Lovelace",
                  9: "Hopper", 10: "Blackwell", 13: "Rubin"}  # fmt: skip
_COMPUTE = {0: "Default", 1: "Exclusive_Thread", 2: "Prohibited", 3: "Exclusive_Process"}  # nvmlComputeMode_t
_VIRTUAL = {0: "None", 1: "Pass-Through", 2: "VGPU", 3: "Host VGPU", 4: "Host VSGA"}  # nvmlGpuVirtualizationMode_t
_VGPU = {0: "Non SR-IOV", 1: "SR-IOV"}  # nvmlHostVgpuMode_t
_FABRIC = {0: "N/A", 1: "Not Started", 2: "In Progress", 3: "Completed"}  # nvmlGpuFabricState_t
_MULTI = {0: "None", 1: "Protected PCIe", 2: "None"}  # NVML_CC_SYSTEM_MULTIGPU_*; 2 is encrypted NVLink, on with CC

Say = Callable[[object], str | None]
"""An answer as nvidia-smi prints it; None for one that is not understood."""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> str | None:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _mib(value: object) -> str | None:
    return f"{value >> 20} MiB" if isinstance(value, int) and not isinstance(value, bool) else None


def _on(value: object) -> str | None:
    return {0: "Disabled", 1: "Enabled"}.get(value) if isinstance(value, int) else None


def _yes(value: object) -> str | None:
    return {0: "No", 1: "Yes"}.get(value) if isinstance(value, int) else None


def _word(words: Mapping[int, str]) -> Say:
    return lambda value: words.get(value) if isinstance(value, int) else None


def _uuid(value: object) -> str | None:
    found = re.fullmatch(r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})", str(value))
    return "-".join(found.groups()) if found else None


# Key of a device in the record, and of a list or a table in it -> path in the element, and how the value is said.
_PLACES: tuple[tuple[str, int | str | None, str, Say], ...] = (
    ("name", None, "product_name", _text),
    ("serial", None, "serial", _text),
    ("uuid", None, "uuid", _text),
    ("part_number", None, "board_part_number", _text),
    ("vbios", None, "vbios_version", _text),
    ("gsp", None, "gsp_firmware_version", _text),
    ("inforom", None, "inforom_version/img_version", _text),
    ("architecture", None, "product_architecture", _word(_ARCHITECTURES)),
    ("ecc", 0, "ecc_mode/current_ecc", _on),
    ("ecc", 1, "ecc_mode/pending_ecc", _on),
    ("mig", 0, "mig_mode/current_mig", _on),
    ("mig", 1, "mig_mode/pending_mig", _on),
    ("dram_encryption", 0, "dram_encryption_mode/current_dram_encryption", _on),
    ("dram_encryption", 1, "dram_encryption_mode/pending_dram_encryption", _on),
    ("compute_mode", None, "compute_mode", _word(_COMPUTE)),
    ("persistence", None, "persistence_mode", _on),
    ("accounting", None, "accounting_mode", _on),
    ("virtualization", None, "gpu_virtualization_mode/virtualization_mode", _word(_VIRTUAL)),
    ("host_vgpu", None, "gpu_virtualization_mode/host_vgpu_mode", _word(_VGPU)),
    ("bus_width", None, "memory_bus_width", _count),
    ("memory", None, "fb_memory_usage/total", _mib),
    ("cc_memory", None, "cc_protected_memory_usage/total", _mib),
    ("corrected_now", None, "ecc_errors/volatile/single_bit/total", _count),
    ("uncorrected_now", None, "ecc_errors/volatile/double_bit/total", _count),
    ("corrected", None, "ecc_errors/aggregate/single_bit/total", _count),
    ("uncorrected", None, "ecc_errors/aggregate/double_bit/total", _count),
    ("retired_single", None, "retired_pages/multiple_single_bit_retirement/retired_count", _count),
    ("retired_double", None, "retired_pages/double_bit_retirement/retired_count", _count),
    ("retire_pending", None, "retired_pages/pending_retirement", _yes),
    ("fabric", "state", "fabric/state", _word(_FABRIC)),
    ("fabric", "cliqueId", "fabric/cliqueId", _count),
    ("fabric", "cluster", "fabric/clusterUuid", _uuid),
)
_ROWS: tuple[tuple[str, int | str | None, str, Say], ...] = (
    ("remapped", 0, "remapped_rows/remapped_row_corr", _count),
    ("remapped", 1, "remapped_rows/remapped_row_unc", _count),
    ("remapped", 2, "remapped_rows/remapped_row_pending", _yes),
    ("remapped", 3, "remapped_rows/remapped_row_failure", _yes),
    ("banks", "none", "remapped_rows/row_remapper_histogram/row_remapper_histogram_none", _count),
)


def is_record(head: bytes) -> bool:
    """Whether a file's first bytes are a record of NVML."""
    return head.lstrip()[:1] == b"{" and SCHEMA.encode() in head[:4096]


def parse(data: bytes, file: str) -> Element:
    """The elements that nvidia-smi would print of a record. Raises Malformed or TooLarge with the file."""
    if len(data) > MAX_BYTES:
        raise TooLarge(file, f"{len(data)} bytes", f"at most {MAX_BYTES}", _HINT)
    strict_json.check(data, file, _HINT)
    table = json.loads(data)
    if not isinstance(table, dict) or table.get("schema") != SCHEMA:
        raise Malformed(file, "another schema", WANTED, _HINT)
    return to_log(table, file)


def to_log(record: Mapping[str, object], file: str) -> Element:
    """The same of a record that is in memory."""
    system, devices = record.get("system"), record.get("devices")
    if not isinstance(system, dict) or not isinstance(devices, list) or not all(isinstance(d, dict) for d in devices):
        raise Malformed(file, "other keys", f"{WANTED}: system and devices", _HINT)
    if len(devices) > MAX_DEVICES:
        raise TooLarge(file, f"{len(devices)} devices", f"at most {MAX_DEVICES}", _HINT)
    root = Element(ROOT, 1, {}, teller=_TELLER)
    _put(root, "timestamp", str(record.get("recorded_at", "N/A")))
    _put(root, "driver_version", _said(system.get("driver"), _text))
    _put(root, "cuda_version", _said(system.get("cuda"), _cuda))
    _put(root, "nvml_version", _said(system.get("nvml"), _text))
    _put(root, "attached_gpus", str(len(devices)))
    _put(root, "cc_mode", _said(system.get("cc"), _mode))
    _put(root, "cc_ready", _said(system.get("cc_ready"), _yes))
    for n, device in enumerate(devices):
        if not failed(device):  # one that NVML counts and cannot open is missed by the count
            root.children.append(_gpu(device, n))
    return root


def _cuda(value: object) -> str | None:
    return f"{value // 1000}.{value % 1000 // 10}" if isinstance(value, int) else None


def _mode(value: object) -> str | None:
    """The mode of confidential computing, by the words of `nvidia-smi conf-compute`."""
    if not isinstance(value, dict):
        return None
    states = _word({0: "off", 1: "on"})
    told = {
        "cc state": states(value.get("ccFeature")) or "",
        "devtools mode": states(value.get("devToolsMode")) or "",
        "multi-gpu mode": _word(_MULTI)(value.get("multiGpuMode", 0)) or "",
    }
    found = mode(told)
    return found if isinstance(found, str) else None


def _said(value: object, say: Say) -> str:
    """An answer in nvidia-smi's words, or its word for why there is none."""
    if failed(value):
        return _refusal(failed(value))
    told = say(value)
    return told if told is not None else f"Unknown Error: {str(value)[:40]!r} is not understood"


def _refusal(words: str) -> str:
    """The library's words in nvidia-smi's; what it says otherwise is an error and no state."""
    return words if words in ("Not Supported", "Insufficient Permissions", "GPU is lost") else f"Unknown Error: {words}"


def _put(into: Element, path: str, text: str) -> None:
    tag, _, rest = path.partition("/")
    child = next((c for c in into.children if c.tag == tag), None)
    if child is None:
        child = Element(tag, into.line, {}, teller=_TELLER)
        into.children.append(child)
    if rest:
        _put(child, rest, text)
    else:
        child.text = text


def _part(value: object, at: int | str | None) -> object:
    """A part of an answer; the answer itself where it is a refusal."""
    if at is None or failed(value):
        return value
    if isinstance(value, list) and isinstance(at, int):
        return value[at] if at < len(value) else None
    return value.get(at) if isinstance(value, dict) else None


def _gpu(device: Mapping[str, object], number: int) -> Element:
    bus = device.get("pci")
    gpu = Element("gpu", 1, {"id": bus if isinstance(bus, str) else f"nvml:{number}"}, teller=_TELLER)
    places = _PLACES if failed(device.get("remapped")) == "Not Supported" else (*_PLACES, *_ROWS)
    for key, at, path, say in places:
        if key in device:
            _put(gpu, path, _said(_part(device[key], at), say))
    if gpu.find("remapped_rows") is None:  # a card older than Ampere retires pages instead
        _put(gpu, "remapped_rows", "N/A")
    _listed(gpu, device, "mig_devices", "mig_device", ("instances",))
    _listed(gpu, device, "processes", "process_info", ("compute_processes", "graphics_processes"))
    return gpu


def _listed(gpu: Element, device: Mapping[str, object], tag: str, each: str, keys: tuple[str, ...]) -> None:
    """A list of things: instances with their numbers, processes with their type. One that was refused says so."""
    told = [device.get(k) for k in keys]
    refused = next((failed(t) for t in told if failed(t)), "")
    group = Element(tag, 1, {}, _refusal(refused) if refused else "", teller=_TELLER)
    for key, value in zip(keys, told, strict=True):
        for one in value if isinstance(value, list) else range(value) if isinstance(value, int) else ():
            child = Element(each, 1, {}, teller=_TELLER)
            if isinstance(one, list):
                _put(child, "gpu_instance_id", _said(_part(one, 0), _count))
                _put(child, "compute_instance_id", _said(_part(one, 1), _count))
            else:
                _put(child, "type", "G" if key.startswith("graphics") else "C")
                _put(child, "process_name", "")
            group.children.append(child)
    gpu.children.append(group)
