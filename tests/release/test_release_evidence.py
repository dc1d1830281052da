"""What this machine gives a broker: each interface in the protocol's form, GPUs first, and what is told when one is missing."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from strongroom.app import release_evidence as part
from strongroom.app.release_evidence import Machine, devices_text, json_of
from strongroom.collect.evidence import configfs_tsm, gpu_reports
from strongroom.collect.evidence.collected import Collected
from strongroom.collect.evidence.gpu_reports import Gpu
from strongroom.model.attest import EvidenceKind, EvidencePart
from strongroom.model.errors import BadInput, BadUsage, Malformed, NotFound, StrongroomError, Unreadable

NONCE = bytes(range(32))


class NvmlError(Exception):
    """What NVML raises."""


@dataclass
class Nvml:
    """NVML as its module has it, for GPUs that answer, or do not."""

    architectures: tuple[int, ...] = (9, 10)
    broken: str = ""
    size: int = 4
    NVMLError: type[Exception] = NvmlError
    calls: list[str] = field(default_factory=list)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name == self.broken:
            raise NvmlError("Not Supported")

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's own name
        self._call("init")

    def nvmlShutdown(self) -> None:  # noqa: N802 - NVML's own name
        self._call("shutdown")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - NVML's own name
        return len(self.architectures)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802 - NVML's own name
        return index

    def nvmlDeviceGetArchitecture(self, device: object) -> int:  # noqa: N802 - NVML's own name
        assert isinstance(device, int)
        return self.architectures[device]

    def nvmlDeviceGetConfComputeGpuAttestationReport(self, device: object, c_nonce: bytes) -> SimpleNamespace:  # noqa: N802 - NVML's own name
        self._call("report")
        octets = bytes([int(str(device))]) + c_nonce
        return SimpleNamespace(attestationReport=list(octets.ljust(64, b"\0")), attestationReportSize=len(octets))

    def nvmlDeviceGetConfComputeGpuCertificate(self, _: object) -> SimpleNamespace:  # noqa: N802 - NVML's own name
        self._call("certificate")
        return SimpleNamespace(attestationCertChain=list(b"PEM\n" + bytes(60)), attestationCertChainSize=self.size)


def test_every_gpu_is_asked_with_the_nonce() -> None:
    """Reports and chains are cut to what the GPU wrote, and NVML is closed again."""
    nvml = Nvml()
    found = gpu_reports.collect(NONCE, nvml)
    assert found == (Gpu("HOPPER", b"\0" + NONCE, b"PEM\n"), Gpu("BLACKWELL", b"\1" + NONCE, b"PEM\n"))
    assert (nvml.calls[0], nvml.calls[-1]) == ("init", "shutdown")


@pytest.mark.parametrize(
    ("nvml", "wanted", "words"),
    [
        (Nvml(broken="init"), Unreadable, "not supported"),
        (Nvml(broken="report"), Unreadable, "not supported"),
        (Nvml(broken="certificate"), Unreadable, "not supported"),
        (Nvml(architectures=()), NotFound, "none"),
        (Nvml(architectures=(8,)), Unreadable, "architecture 8"),
        (Nvml(size=0), Malformed, "0 octets"),
        (Nvml(size=65), Malformed, "65 octets"),
    ],
)
def test_gpus_that_do_not_answer_are_told(nvml: Nvml, wanted: type[StrongroomError], words: str) -> None:
    """A GPU out of confidential-computing mode, of an older kind, or with sizes that cannot be, is an error that says so."""
    with pytest.raises(wanted, match=words):
        gpu_reports.collect(NONCE, nvml)
    assert nvml.calls[-1] in ("shutdown", "init")


def test_a_nonce_of_another_size_is_refused() -> None:
    """A GPU takes 32 octets, neither fewer nor more."""
    with pytest.raises(BadInput, match="31 octets"):
        gpu_reports.collect(NONCE[:31], Nvml())


def test_the_devices_text_is_the_list_of_nvidias_tools() -> None:
    """Additional evidence names the class, and lists each GPU with its report and chain in base64."""
    held = json.loads(devices_text((Gpu("HOPPER", b"report", b"chain"),), NONCE))
    assert held == {
        "nvidia": {
            "device_evidence_list": [
                {
                    "arch": "HOPPER",
                    "nonce": NONCE.hex(),
                    "evidence": base64.b64encode(b"report").decode(),
                    "certificate": base64.b64encode(b"chain").decode(),
                }
            ]
        }
    }


@pytest.mark.parametrize("gpus", [part.AUTO, part.YES])
def test_gpus_that_are_not_confidential(monkeypatch: pytest.MonkeyPatch, gpus: str) -> None:
    """Left out and told, or an error where they are demanded: never left out in silence."""
    told: list[str] = []

    def refuses(_: bytes) -> tuple[Gpu, ...]:
        raise Unreadable("NVML", "not supported", "a GPU in confidential-computing mode")

    monkeypatch.setattr(gpu_reports, "present", lambda: True)
    monkeypatch.setattr(gpu_reports, "collect", refuses)
    machine = Machine("tpm", gpus=gpus, tell=told.append)
    if gpus == part.YES:
        with pytest.raises(Unreadable):
            machine.devices(NONCE)
        return
    assert machine.devices(NONCE) == ""
    assert "left out" in told[0]


def test_gpus_answer_the_first_octets_of_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU has room for 32 octets of the hash of the runtime data."""
    monkeypatch.setattr(gpu_reports, "present", lambda: True)
    monkeypatch.setattr(gpu_reports, "collect", lambda nonce: (Gpu("HOPPER", nonce, b""),))
    held = json.loads(Machine("tpm").devices(NONCE + bytes(16)))["nvidia"]["device_evidence_list"]
    assert base64.b64decode(held[0]["evidence"]) == NONCE
    assert Machine("tpm", gpus=part.NO).devices(NONCE) == ""


def test_a_machine_without_nvidias_driver_has_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no driver nothing is asked; where GPUs are demanded, that is an error."""
    monkeypatch.setattr(gpu_reports, "present", lambda: False)
    monkeypatch.setattr(gpu_reports.importlib, "import_module", _missing)
    assert Machine("tpm").devices(NONCE) == ""
    with pytest.raises(NotFound, match="pynvml"):
        Machine("tpm", gpus=part.YES).devices(NONCE)


def _missing(name: str) -> object:
    raise ImportError(name)


@pytest.mark.parametrize("gpus", ["", "maybe"])
def test_a_word_that_is_none_is_told(gpus: str) -> None:
    """There are three words for GPUs."""
    with pytest.raises(BadUsage, match="auto, yes or no"):
        Machine(gpus=gpus)


def _collected(kind: EvidenceKind, media: str = "application/octet-stream") -> Collected:
    return Collected(kind, (EvidencePart("first", media, b"{}"), EvidencePart("certificates", "", b"more")), "made")


def test_evidence_as_json() -> None:
    """JSON as it is, a quote with its log, and else every octet in base64, with what the host gave beside it."""
    assert json_of(_collected(EvidenceKind.TPM, "application/json")) == b"{}"
    assert json.loads(json_of(_collected(EvidenceKind.SNP))) == base64.b64encode(b"{}more").decode()
    bare = json.loads(json_of(_collected(EvidenceKind.TDX)))
    assert bare == {"quote": base64.b64encode(b"{}").decode()}
    logged = json.loads(json_of(_collected(EvidenceKind.TDX), b"log"))
    assert base64.b64decode(logged["cc_eventlog"]) == b"log"


def test_a_td_without_its_log_says_so(tmp_path: Path) -> None:
    """A log that the kernel does not show is told, and left out."""
    told: list[str] = []
    assert Machine(ccel=str(tmp_path / "none"), tell=told.append).log() == b""
    assert "left out" in told[0]
    (tmp_path / "ccel").write_bytes(b"log")
    assert Machine(ccel=str(tmp_path / "ccel")).log() == b"log"


@pytest.fixture
def tsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configfs whose provider a test writes: folders that are made have it."""
    real = Path.mkdir

    def made(self: Path, *given: object) -> None:
        real(self, *given)  # type: ignore[arg-type] # as they came
        if self.parent == tmp_path:
            (self / "provider").write_bytes((tmp_path / "said").read_bytes())

    def gone(self: Path) -> None:
        for each in self.iterdir():
            each.unlink()
        self.rename(tmp_path.parent / f"gone-{self.name}")

    monkeypatch.setattr(Path, "mkdir", made)
    monkeypatch.setattr(Path, "rmdir", gone)
    return tmp_path


@pytest.mark.parametrize(("provider", "tee"), [("sev_guest", "snp"), ("tdx_guest", "tdx")])
def test_the_kind_is_known_before_anything_is_asked(tsm: Path, provider: str, tee: str) -> None:
    """The protocol wants the kind first: it is read of the provider, and no report is made for that."""
    (tsm / "said").write_text(f"{provider}\n")
    assert Machine("configfs-tsm", tsm=str(tsm)).tee == tee
    assert [p.name for p in tsm.iterdir()] == ["said"]


def test_a_provider_that_is_not_known_is_told(tsm: Path) -> None:
    """Another provider is named, and its folder goes away again."""
    (tsm / "said").write_text("arm_cca_guest\n")
    with pytest.raises(BadInput, match="arm_cca_guest"):
        configfs_tsm.kind(str(tsm))
    assert [p.name for p in tsm.iterdir()] == ["said"]


@pytest.mark.parametrize(("interface", "tee"), [("sev-guest", "snp"), ("nsm", "nitro"), ("tpm", "tpm")])
def test_other_interfaces_are_of_one_kind(interface: str, tee: str) -> None:
    """Each of the others gives one kind of evidence."""
    assert Machine(interface).tee == tee


def test_an_interface_that_does_not_exist_is_told() -> None:
    """A name that is none is a mistake of the command."""
    with pytest.raises(BadUsage, match="configfs-tsm"):
        _ = Machine("magic").tee
