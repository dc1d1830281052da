"""NVML asked live and kept as a record: what each call says, and that one which fails is unknown by itself."""

import ctypes
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import host_records as hosts
from strongroom.app import collector
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import findings
from strongroom.collect.host import nvml, nvml_record
from strongroom.collect.sources import host
from strongroom.model.codes import GapCode, Status
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.ports import Request
from strongroom.model.values import Unknown, Value

UUID = "GPU-2b1c5d70-0000-0000-0000-000000000001"


class LibraryError(Exception):
    """What the binding raises."""


def refused(words: str) -> Callable[..., object]:
    """A call that fails with the library's words."""

    def call(*_: object) -> object:
        raise LibraryError(words)

    return call


class Fabric(ctypes.Structure):
    """nvmlGpuFabricInfo_t."""

    _fields_ = (
        ("clusterUuid", ctypes.c_uint8 * 16),
        ("status", ctypes.c_uint),
        ("cliqueId", ctypes.c_uint32),
        ("state", ctypes.c_uint),
    )


class Settings(ctypes.Structure):
    """nvmlSystemConfComputeSettings_v1_t."""

    _fields_ = tuple(
        (n, ctypes.c_uint) for n in ("version", "environment", "ccFeature", "devToolsMode", "multiGpuMode")
    )


def fabric_of(_handle: object, into: object) -> None:
    """A card of an NVL72 that has joined clique 7."""
    table = ctypes.cast(into, ctypes.POINTER(Fabric)).contents  # type: ignore[arg-type]
    table.clusterUuid[:] = bytes.fromhex("8a3c3f4e111122223333444455556666")
    table.cliqueId, table.state = 7, 3


def settings_of(feature: int, tools: int, multi: int) -> Callable[[object], int]:
    """Confidential computing as the machine has it."""

    def call(into: object) -> int:
        table = ctypes.cast(into, ctypes.POINTER(Settings)).contents  # type: ignore[arg-type]
        table.ccFeature, table.devToolsMode, table.multiGpuMode = feature, tools, multi
        return 0

    return call


def total(octets: int) -> Callable[..., object]:
    """A table of memory."""
    return lambda _: SimpleNamespace(total=octets, free=0, used=0)


def binding(**changes: object) -> SimpleNamespace:
    """A binding of a machine with one sound H100; `changes` are its other calls."""
    counts = {(0, 0): 2, (0, 1): 9, (1, 0): 0, (1, 1): 1}
    calls: dict[str, object] = {
        "NVMLError": LibraryError,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: "580.159.03",
        "nvmlSystemGetNVMLVersion": lambda: "13.580.159",
        "nvmlSystemGetCudaDriverVersion_v2": lambda: 13000,
        "nvmlSystemGetConfComputeGpusReadyState": lambda: 0,
        "c_nvmlSystemConfComputeSettings_v1_t": Settings,
        "nvmlSystemGetConfComputeSettings": settings_of(0, 0, 0),
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda i: i,
        "nvmlDeviceGetName": lambda _: b"NVIDIA H100 80GB HBM3",
        "nvmlDeviceGetSerial": lambda _: "1650000000001",
        "nvmlDeviceGetUUID": lambda _: UUID,
        "nvmlDeviceGetBoardPartNumber": lambda _: "699-21010-0200-000",
        "nvmlDeviceGetVbiosVersion": lambda _: "96.00.99.00.01",
        "nvmlDeviceGetGspFirmwareVersion": lambda _: "580.159.03",
        "nvmlDeviceGetInforomImageVersion": lambda _: "G520.0200.00.05",
        "nvmlDeviceGetArchitecture": lambda _: 9,
        "nvmlDeviceGetEccMode": lambda _: [1, 0],
        "nvmlDeviceGetMigMode": lambda _: [1, 1],
        "nvmlDeviceGetDramEncryptionMode": refused("Not Supported"),
        "nvmlDeviceGetComputeMode": lambda _: 3,
        "nvmlDeviceGetPersistenceMode": lambda _: 1,
        "nvmlDeviceGetAccountingMode": lambda _: 0,
        "nvmlDeviceGetVirtualizationMode": lambda _: 0,
        "nvmlDeviceGetHostVgpuMode": refused("Not Supported"),
        "nvmlDeviceGetMemoryBusWidth": lambda _: 5120,
        "nvmlDeviceGetTotalEccErrors": lambda _, kind, when: counts[kind, when],
        "nvmlDeviceGetRemappedRows": lambda _: (1, 2, 0, 0),
        "nvmlDeviceGetRowRemapperHistogram": lambda _: SimpleNamespace(max=2550, high=9, partial=1, low=0, none=0),
        "nvmlDeviceGetRetiredPagesPendingStatus": refused("Not Supported"),
        "nvmlDeviceGetRetiredPages": refused("Not Supported"),
        "nvmlDeviceGetComputeRunningProcesses": lambda _: [object(), object()],
        "nvmlDeviceGetGraphicsRunningProcesses": lambda _: [],
        "nvmlDeviceGetPciInfo": lambda _: SimpleNamespace(busId=b"00000000:53:00.0"),
        "nvmlDeviceGetMemoryInfo": total(81559 << 20),
        "nvmlDeviceGetConfComputeProtectedMemoryUsage": total(0),
        "c_nvmlGpuFabricInfo_t": Fabric,
        "nvmlDeviceGetGpuFabricInfo": fabric_of,
        "nvmlDeviceGetMaxMigDeviceCount": lambda _: 7,
        "nvmlDeviceGetMigDeviceHandleByIndex": lambda _, n: n if n == 2 else refused("Not Found")(),
        "nvmlDeviceGetGpuInstanceId": lambda _: 5,
        "nvmlDeviceGetComputeInstanceId": lambda _: 0,
    }
    return SimpleNamespace(**(calls | changes))


SAID: dict[str, Value] = {
    "gpu.model": "NVIDIA H100 80GB HBM3",
    "gpu.serial": "1650000000001",
    "gpu.uuid": UUID,
    "gpu.pci": "0000:53:00.0",
    "gpu.part_number": "699-21010-0200-000",
    "gpu.vbios": "96.00.99.00.01",
    "gpu.gsp": "580.159.03",
    "gpu.inforom": "G520.0200.00.05",
    "gpu.architecture": "Hopper",
    "gpu.ecc": True,
    "gpu.ecc_pending": False,
    "gpu.mig": True,
    "gpu.mig_pending": True,
    "gpu.mig_instances": 1,
    "gpu.mig_layout": ("5/0",),
    "gpu.sharing": "mig",
    "gpu.reset_pending": ("ECC",),
    "gpu.dram_encrypted": None,
    "gpu.compute_mode": "Exclusive_Process",
    "gpu.persistence": True,
    "gpu.accounting": False,
    "gpu.virtualization": None,
    "gpu.vgpu_host": None,
    "gpu.memory_type": "hbm",
    "gpu.memory_mib": 81559,
    "gpu.cc_memory_mib": 0,
    "gpu.ecc_corrected_now": 2,
    "gpu.ecc_corrected": 9,
    "gpu.ecc_uncorrected_now": 0,
    "gpu.ecc_uncorrected": 1,
    "gpu.rows_remapped": 2,
    "gpu.rows_remapped_corrected": 1,
    "gpu.remap_pending": False,
    "gpu.remap_failed": False,
    "gpu.banks_exhausted": 0,
    "gpu.retired_pages": None,
    "gpu.retire_pending": None,
    "gpu.processes": 2,
    "gpu.fabric_state": "Completed",
    "gpu.fabric": "8a3c3f4e-1111-2222-3333-444455556666/7",
    "gpu.driver": "580.159.03",
    "gpu.cc": "off",
}
# A call -> the facts that are unknown without it. Every other fact stays as it was.
CALLS: dict[str, tuple[str, ...]] = {
    "nvmlSystemGetDriverVersion": ("gpu.driver",),
    "nvmlSystemGetNVMLVersion": ("gpu.library",),
    "nvmlSystemGetCudaDriverVersion_v2": ("version.cuda",),
    "nvmlSystemGetConfComputeSettings": ("gpu.cc",),
    "nvmlSystemGetConfComputeGpusReadyState": ("gpu.cc_ready",),
    "nvmlDeviceGetName": ("gpu.model",),
    "nvmlDeviceGetSerial": ("gpu.serial",),
    "nvmlDeviceGetUUID": ("gpu.uuid",),
    "nvmlDeviceGetBoardPartNumber": ("gpu.part_number",),
    "nvmlDeviceGetVbiosVersion": ("gpu.vbios",),
    "nvmlDeviceGetGspFirmwareVersion": ("gpu.gsp",),
    "nvmlDeviceGetInforomImageVersion": ("gpu.inforom",),
    "nvmlDeviceGetArchitecture": ("gpu.architecture",),
    "nvmlDeviceGetEccMode": ("gpu.ecc", "gpu.ecc_pending", "gpu.reset_pending"),
    "nvmlDeviceGetMigMode": ("gpu.mig", "gpu.mig_pending", "gpu.reset_pending", "gpu.sharing"),
    "nvmlDeviceGetDramEncryptionMode": ("gpu.dram_encrypted", "gpu.dram_encrypted_pending"),
    "nvmlDeviceGetComputeMode": ("gpu.compute_mode",),
    "nvmlDeviceGetPersistenceMode": ("gpu.persistence",),
    "nvmlDeviceGetAccountingMode": ("gpu.accounting",),
    "nvmlDeviceGetVirtualizationMode": ("gpu.virtualization",),
    "nvmlDeviceGetHostVgpuMode": ("gpu.vgpu_host",),
    "nvmlDeviceGetMemoryBusWidth": (),  # the model's name tells the kind of memory as well
    "nvmlDeviceGetTotalEccErrors": (
        "gpu.ecc_corrected", "gpu.ecc_corrected_now", "gpu.ecc_uncorrected", "gpu.ecc_uncorrected_now",
    ),
    "nvmlDeviceGetRemappedRows": (
        "gpu.rows_remapped", "gpu.rows_remapped_corrected", "gpu.remap_pending", "gpu.remap_failed",
    ),
    "nvmlDeviceGetRowRemapperHistogram": ("gpu.banks_exhausted",),
    "nvmlDeviceGetRetiredPagesPendingStatus": ("gpu.retire_pending",),
    "nvmlDeviceGetRetiredPages": ("gpu.retired_pages",),
    "nvmlDeviceGetComputeRunningProcesses": ("gpu.processes",),
    "nvmlDeviceGetGraphicsRunningProcesses": ("gpu.processes",),
    "nvmlDeviceGetMemoryInfo": ("gpu.memory_mib",),
    "nvmlDeviceGetConfComputeProtectedMemoryUsage": ("gpu.cc_memory_mib",),
    "nvmlDeviceGetGpuFabricInfo": ("gpu.fabric_state", "gpu.fabric"),
    "nvmlDeviceGetMaxMigDeviceCount": ("gpu.mig_instances",),
}  # fmt: skip


def kept(folder: Path, module: object) -> Estate:
    """What a binding says, written into a file and read again."""
    answer = nvml.ask(module)
    assert not isinstance(answer, Unknown)
    path = folder / "n1.json"
    path.write_text(json.dumps({**answer, "recorded_at": hosts.NOW.isoformat()}))
    return host.collect(Request(f"host:{path}", str(path), hosts.NOW))


def facts(estate: Estate) -> dict[str, Value]:
    """The facts of the one GPU, and of its machine where it has none of that name."""
    return {n: f.value for a in estate.assets if a.kind in (Kind.GPU, Kind.HOST) for n, f in a.facts.items()}


def doubt_of(value: Value) -> Unknown | None:
    """The reason why a value, or a part of it, is not known."""
    items = value if isinstance(value, tuple) else (value,)
    return next((v for v in items if isinstance(v, Unknown)), None)


def test_every_answer_becomes_a_fact(tmp_path: Path) -> None:
    """What NVML says of a card, its memory, its firmware, its fabric and its partitions is a fact, and has its place."""
    found = kept(tmp_path, binding())
    card = hosts.one(found, Kind.GPU)
    assert {n: card.value(n) for n in SAID} == SAID
    machine = hosts.one(found)
    assert (machine.value("gpu.library"), machine.value("version.cuda")) == ("580.159", "13.0")
    assert machine.value("host.collected_at") == hosts.NOW.isoformat()
    assert card.where is not None
    assert card.where.file.endswith("n1.json")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("words", ["GPU is lost", "Unknown Error", "Insufficient Permissions", "Timeout"])
def test_a_call_that_fails_leaves_its_own_facts_unknown(call: str, words: str, tmp_path: Path) -> None:
    """Each call may fail alone: its facts are unknown, with the library's word for it, and every other one counts."""
    older = {"nvmlSystemGetConfComputeState": refused(words)} if "ConfComputeSettings" in call else {}
    whole = facts(kept(tmp_path, binding()))
    found = facts(kept(tmp_path, binding(**{call: refused(words)}, **older)))
    changed = {n for n in whole if found.get(n) != whole[n]} | {n for n in found if n not in whole}
    assert {n for n, v in found.items() if doubt_of(v)} >= set(CALLS[call])
    lost = {n for n in changed if n not in found}
    assert changed - set(CALLS[call]) - lost == set()
    assert lost <= {"gpu.mig_layout", "gpu.process_types"}
    for name in CALLS[call]:
        told = doubt_of(found[name])
        assert told is not None
        assert told.detail.startswith("NVML")
        assert words.lower() in told.detail.lower()
        assert told.code is (GapCode.DENIED if words.startswith("Insuff") else GapCode.CRASHED)


def test_a_library_that_is_older_than_the_binding_lacks_calls(tmp_path: Path) -> None:
    """A call that the library, or the binding, does not have is unknown, and never a thing that the card has not."""
    module = binding(nvmlDeviceGetDramEncryptionMode=refused("Function Not Found"))
    del module.nvmlDeviceGetGspFirmwareVersion
    found = facts(kept(tmp_path, module))
    assert all(isinstance(found[n], Unknown) for n in ("gpu.dram_encrypted", "gpu.gsp"))


def test_answers_that_are_none_are_unknown(tmp_path: Path) -> None:
    """A mode that is neither on nor off, a missing half and a number without a word are not understood."""
    odd = binding(
        nvmlDeviceGetEccMode=lambda _: [7], nvmlDeviceGetArchitecture=lambda _: 0xFFFFFFFF, nvmlDeviceGetComputeMode=lambda _: 9,
    )  # fmt: skip
    found = facts(kept(tmp_path, odd))
    assert all(
        isinstance(found[n], Unknown) for n in ("gpu.ecc", "gpu.ecc_pending", "gpu.architecture", "gpu.compute_mode")
    )


@pytest.mark.parametrize(
    ("feature", "tools", "multi", "mode", "verdict"),
    [
        (1, 0, 0, "on", Status.PASS),
        (1, 1, 0, "devtools", Status.FAIL),
        (0, 0, 1, "ppcie", Status.PASS),
        (0, 1, 1, "devtools", Status.FAIL),
        (1, 0, 2, "on", Status.PASS),
        (0, 0, 0, "off", Status.NOT_APPLICABLE),
    ],
)
def test_devtools_is_not_confidential(
    feature: int, tools: int, multi: int, mode: str, verdict: Status, tmp_path: Path
) -> None:
    """With developer tools on, a mode that is on is not confidential, for one GPU and for several."""
    found = kept(tmp_path, binding(nvmlSystemGetConfComputeSettings=settings_of(feature, tools, multi)))
    assert facts(found)["gpu.cc"] == mode
    (told,) = [
        f.status
        for f in findings(found.assets, catalogue().checks.values(), hosts.NOW)
        if f.check == "gpu.gpu.cc-no-devtools"
    ]
    assert told is verdict


def test_an_older_driver_tells_the_mode_by_another_call(tmp_path: Path) -> None:
    """Before R550 there is no mode for several GPUs; the state of one counts."""
    state = SimpleNamespace(ccFeature=1, devToolsMode=0)
    module = binding(nvmlSystemGetConfComputeSettings=lambda _: 13, nvmlSystemGetConfComputeState=lambda: state)
    assert facts(kept(tmp_path, module))["gpu.cc"] == "on"


def test_a_gpu_that_fell_off_the_bus_is_missed(tmp_path: Path) -> None:
    """One of two cards that NVML counts and cannot open is a card that is missed, and the other one is read."""

    def handle(n: int) -> object:
        return n if n == 0 else refused("GPU is lost")()

    found = kept(tmp_path, binding(nvmlDeviceGetCount=lambda: 2, nvmlDeviceGetHandleByIndex=handle))
    assert len([a for a in found.assets if a.kind is Kind.GPU]) == 1
    assert hosts.one(found).value("gpu.unaccounted") == ("NVML counts 2 GPUs and lists 1",)


def test_a_library_that_does_not_open_is_a_reason() -> None:
    """Missing, of another driver, or failing at once: unknown, with its own words."""
    closed = nvml.ask(binding(nvmlInit=refused("RM has detected an NVML/RM version mismatch.")))
    broken = nvml.ask(binding(nvmlDeviceGetCount=refused("Unknown Error")))
    assert isinstance(closed, Unknown)
    assert isinstance(broken, Unknown)
    assert (closed.code, broken.code) == (GapCode.ABSENT, GapCode.CRASHED)
    assert "version mismatch" in closed.detail


# The record


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'{"schema": "strongroom-nvml/1"', Malformed),
        (b'{"schema": "strongroom-nvml/1", "system": {}}', Malformed),
        (b'{"schema": "strongroom-nvml/1", "system": {}, "devices": [7]}', Malformed),
        (b'{"schema": "strongroom-nvml/1", "system": {}, "system": {}, "devices": []}', Malformed),
        (b'{"schema": "strongroom-nvml/1", "system": {}, "devices": ' + b"[" * 5000, BadInput),
        (b'{"schema": "strongroom-nvml/1", "system": {}, "devices": [' + b"{}," * 1100 + b"{}]}", TooLarge),
        (b'{"a": 1, "schema": "strongroom-nvml/1 "}', Malformed),
    ],
    ids=["cut", "keys", "device", "twice", "deep", "many", "schema"],
)
def test_a_record_that_is_none_is_refused(data: bytes, error: type[Exception], tmp_path: Path) -> None:
    """Cut, doubled, overgrown or of another schema: refused, with its file."""
    path = tmp_path / "x.json"
    path.write_bytes(data)
    with pytest.raises(error, match=r"x\.json"):
        host.collect(Request("host:x", str(path), hosts.NOW))


@pytest.mark.parametrize("value", [None, True, -1, 3.5, "x" * 90, [], {}, {"error": ""}, [None, None]])
def test_no_answer_of_a_record_is_a_fault(value: object, tmp_path: Path) -> None:
    """Whatever a record holds in a place, it is a fact, or unknown, and no crash."""
    answer = nvml.ask(binding())
    assert isinstance(answer, dict)
    (device,) = answer["devices"]
    path = tmp_path / "x.json"
    path.write_text(json.dumps({**answer, "devices": [dict.fromkeys(device, value) | {"uuid": UUID}]}))
    found = facts(host.collect(Request("host:x", str(path), hosts.NOW)))
    assert found["gpu.uuid"] == UUID
    assert isinstance(found["gpu.ecc"], Unknown)


def test_a_record_is_written_and_read_by_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the collector writes of this machine's library is what the host source recognises and reads."""
    monkeypatch.setattr(nvml, "load", binding)
    text = collector.gpus(hosts.NOW)
    assert nvml_record.is_record(text.encode())
    (tmp_path / "n.json").write_text(text)
    (tmp_path / "other.json").write_text('{"system": 1}')
    found = host.collect(Request("host:x", str(tmp_path), hosts.NOW))
    assert found.sources[0].files == 1
    assert hosts.one(found, Kind.GPU).value("gpu.uuid") == UUID


def test_without_a_library_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the binding gets an error that names the extra, and no empty record."""
    monkeypatch.setattr(nvml, "load", lambda: Unknown(GapCode.ABSENT, nvml.EXTRA))
    with pytest.raises(Unreadable, match="strongroom"):
        collector.gpus(hosts.NOW)


# Live, beside the script


def live(monkeypatch: pytest.MonkeyPatch, sections: hosts.Sections, module: object) -> Estate:
    """This machine, as if the script had written the sections and the library were the module."""
    monkeypatch.setattr(host, "_run", lambda _command, _seconds: hosts.write(sections))
    monkeypatch.setattr(nvml, "load", lambda: module)
    return host.COLLECTOR.collect(Request("host:", "", hosts.NOW))


@pytest.mark.parametrize("page", ["GPU UUID: \t " + UUID, "GPU UUID: \t GPU-????????"], ids=["uuid", "place"])
def test_live_nvml_fills_what_nvidia_smi_left_open(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By UUID, or by its place on the bus, a card gets the library's answer where it has none; nothing is overruled."""
    sections = hosts.unprivileged() | {"nvidia-gpu:0000:53:00.0": hosts.ok(page)}
    gpu: Asset = hosts.one(found := live(monkeypatch, sections, binding()), Kind.GPU)
    assert (gpu.value("gpu.ecc"), gpu.value("gpu.ecc_pending")) == (True, False)
    assert gpu.value("gpu.uuid") == UUID
    machine = hosts.one(found)
    assert (machine.value("gpu.nvml"), machine.value("gpu.library"), machine.value("gpu.cc")) == (
        "13.580.159",
        "580.159",
        "off",
    )
    other = hosts.one(live(monkeypatch, hosts.good(), binding(nvmlDeviceGetEccMode=lambda _: [0, 0])), Kind.GPU)
    assert other.value("gpu.ecc") is True


def test_without_the_binding_that_is_said_where_there_is_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing extra is named on a machine with an NVIDIA device, and is no matter on another."""
    missing = Unknown(GapCode.ABSENT, nvml.EXTRA)
    assert hosts.one(live(monkeypatch, hosts.good(), missing)).value("gpu.nvml") == missing
    assert "gpu.nvml" not in hosts.one(live(monkeypatch, hosts.laptop(), missing)).facts


def test_the_binding_is_looked_for_at_the_call() -> None:
    """Loading answers with a module, or with the name of the extra."""
    found = nvml.load()
    assert hasattr(found, "nvmlInit") or found == Unknown(GapCode.ABSENT, nvml.EXTRA)
