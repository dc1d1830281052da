"""Evidence of an Azure confidential VM, asked of tools and a metadata service that a test made."""

import base64
import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import azure_minting as azure
import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from strongroom.app import attest_collect
from strongroom.app.release_evidence import Machine
from strongroom.attest.appraise import appraise
from strongroom.collect.evidence import azure_vtpm
from strongroom.collect.evidence.tpm_tools import Setting
from strongroom.model.errors import BadUsage, Malformed, StrongroomError, Unreadable

TOOL = """#!{python}
import pathlib, sys
folder, words = pathlib.Path({folder!r}), sys.argv[1:]
given = dict(zip(words, words[1:]))
for option, name in (("-o", {{"nvread": "report", "pcrread": "pcrs"}}.get(words[0], "")), ("-m", "message"), ("-s", "signature")):
    if option in given and name:
        if not (folder / name).exists():
            sys.exit("ERROR: it is not there")
        pathlib.Path(given[option]).write_bytes((folder / name).read_bytes())
with (folder / "said").open("a") as said:
    print(*words, file=said)
"""


@dataclass
class Vm:
    """A VM: its TPM's answers are files in a folder, and its metadata service answers by path."""

    folder: Path
    minted: azure.Minted
    url: str = ""
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def ready(self) -> None:
        """Put everything where it is asked for."""
        assert self.minted.quote is not None
        held = {"report": self.minted.hcl(), "message": self.minted.quote, "pcrs": b"".join(self.minted.pcrs)}
        held["signature"] = self.minted.signer.sign(self.minted.quote, padding.PKCS1v15(), SHA256())
        for name, data in held.items():
            (self.folder / name).write_bytes(data)
        tool = self.folder / "tpm2"
        tool.write_text(TOOL.format(python=sys.executable, folder=str(self.folder)))
        tool.chmod(0o755)
        vcek = base64.b64encode(azure.VENDOR.chain()[0]).decode()
        quote = base64.urlsafe_b64encode(self.minted.td_quote()).decode().rstrip("=")
        self.answers["/metadata/THIM/amd/certification"] = (200, json.dumps({"vcekCert": vcek}).encode())
        self.answers["/acc/tdquote"] = (200, json.dumps({"quote": quote}).encode())

    @property
    def setting(self) -> Setting:
        """How the tools are found."""
        return Setting("device:/dev/tpmrm0", f"{self.folder}{os.pathsep}{os.defpath}")


def _handler(vm: Vm) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            vm.asked.append((self.path, body))
            status, data = vm.answers.get(self.path, (404, b""))
            self.send_response(status if self.headers.get("Metadata") == "true" else 400)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, *_: object) -> None:
            return

    return Handler


@pytest.fixture
def vm(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Vm]:
    """A VM on the hardware that the test names."""
    made = Vm(tmp_path, azure.GOOD[request.param])
    made.ready()
    server = HTTPServer(("127.0.0.1", 0), _handler(made))
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


BOTH = pytest.mark.parametrize("vm", ["snp", "tdx"], indirect=True)


@BOTH
def test_what_is_collected_verifies(vm: Vm) -> None:
    """Report, quote, registers, and the chip's certificate or the TD's quote make evidence that the verifier affirms."""
    found = azure_vtpm.collect(azure.CHALLENGE, vm.setting, vm.url)
    assert found.kind is vm.minted.kind
    verdict = appraise(vm.minted.verifier(), vm.minted.inputs(found.parts[0].data))
    assert verdict.opens, [s for s in verdict.steps if s.verdict.value == "fail"]
    said = (vm.folder / "said").read_text()
    assert f"-q {azure.CHALLENGE.hex()}" in said
    assert "-c 0x81000003" in said


@BOTH
def test_the_kind_is_what_the_paravisor_says(vm: Vm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The protocol's name is known before the challenge, by the report alone."""
    assert azure_vtpm.kind(vm.setting) is vm.minted.kind
    monkeypatch.setattr("strongroom.app.release_evidence.tpm_setting", lambda: vm.setting)
    assert Machine("azure-vtpm").tee in ("az-snp-vtpm", "az-tdx-vtpm")
    assert vm.asked == []


@pytest.mark.parametrize("vm", ["snp"], indirect=True)
def test_a_chip_without_its_certificate_is_left_to_the_verifier(vm: Vm) -> None:
    """Where the metadata service has none, the evidence goes without: the verifier can ask AMD."""
    vm.answers.clear()
    held = json.loads(azure_vtpm.collect(azure.CHALLENGE, vm.setting, vm.url).parts[0].data)
    assert held["vcek"] == ""


@pytest.mark.parametrize("vm", ["tdx"], indirect=True)
@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ((500, b""), Unreadable),
        ((200, b"{}"), Malformed),
        ((200, b'{"quote": "\xc3\xa9"}'), Malformed),
        ((200, b"no JSON"), Malformed),
    ],
)
def test_a_td_without_its_quote_is_an_error(vm: Vm, answer: tuple[int, bytes], wanted: type[StrongroomError]) -> None:
    """A TD's quote comes from the metadata service, or there is no evidence."""
    vm.answers["/acc/tdquote"] = answer
    with pytest.raises(wanted):
        azure_vtpm.collect(azure.CHALLENGE, vm.setting, vm.url)
    assert len(base64.urlsafe_b64decode(json.loads(vm.asked[-1][1])["report"] + "==")) == 1024


@pytest.mark.parametrize("vm", ["tdx"], indirect=True)
def test_a_metadata_service_that_is_not_there_is_told(vm: Vm) -> None:
    """Outside of Azure nobody answers."""
    with pytest.raises(Unreadable, match="metadata service"):
        azure_vtpm.collect(azure.CHALLENGE, vm.setting, "http://127.0.0.1:1")


@pytest.mark.parametrize("vm", ["snp"], indirect=True)
@pytest.mark.parametrize(
    ("name", "data", "wanted"),
    [
        ("report", b"HCLA", Malformed),
        ("report", b"XXXX" + bytes(4000), Malformed),
        ("report", b"HCLA" + bytes(4000), Malformed),
        ("pcrs", bytes(31), Malformed),
        ("report", None, Unreadable),
        ("message", None, Unreadable),
    ],
)
def test_a_tpm_that_is_not_azures_is_told(vm: Vm, name: str, data: bytes | None, wanted: type[StrongroomError]) -> None:
    """A report that is none, of unknown hardware or not there, registers that are missing, a key that is not there."""
    (vm.folder / name).unlink()
    if data is not None:
        (vm.folder / name).write_bytes(data)
    with pytest.raises(wanted):
        azure_vtpm.collect(azure.CHALLENGE, vm.setting, vm.url)


def test_what_does_not_fit_is_told() -> None:
    """A nonce that is too long, and options of other hardware."""
    with pytest.raises(BadUsage, match="65 octets"):
        azure_vtpm.collect(bytes(65), Setting())
    for words in ({"vmpl": 1}, {"registers": "sha256:0"}):
        with pytest.raises(BadUsage, match="virtual TPM"):
            attest_collect.collect(b"", "azure-vtpm", **words)  # type: ignore[arg-type] # by name
