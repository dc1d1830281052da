"""A real TPM in software (swtpm) and the tools that people use with it: what it signs verifies, and nothing else does."""

import base64
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, TpmPolicy
from strongroom.attest.tee import tpm as part
from strongroom.attest.verifier import Inputs
from strongroom.kit import tpm
from strongroom.model.attest import Endorsements, Evidence, EvidenceKind, ReferenceValues, StepVerdict

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not (shutil.which("swtpm") and shutil.which("tpm2")), reason="swtpm or tpm2-tools is missing"),
]
NONCE = bytes(range(20))
_PCRS = "sha256:0,1,2,3,4,5,6,7,8,9,10,14"


def _ports() -> tuple[int, int]:
    """Two free ports, one behind the other, as the tools expect them."""
    for _ in range(50):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port, port + 1
    pytest.skip("no two free ports")


@dataclass(frozen=True)
class Machine:
    """A running TPM, and the folder in which its tools leave their files."""

    folder: Path
    port: int

    def tool(self, *args: str) -> None:
        """Run one of tpm2-tools, then free what it left in the TPM, which has no resource manager."""
        where = {"PATH": os.defpath, "TPM2TOOLS_TCTI": f"swtpm:host=127.0.0.1,port={self.port}"}
        for command in (("tpm2", *args), ("tpm2", "flushcontext", "-t")):
            subprocess.run(command, cwd=self.folder, env=where, check=True, capture_output=True, timeout=60)

    def key(self, name: str, algorithm: str, scheme: str) -> None:
        """Make an attestation key under the endorsement key."""
        making = ("-G", algorithm, "-g", "sha256", "-s", scheme)
        self.tool("createak", "-C", "ek.ctx", "-c", f"{name}.ctx", *making, "-u", f"{name}.pub", "-n", f"{name}.name")

    def quote(self, key: str, nonce: bytes = NONCE) -> dict[str, str]:
        """Quote the registers, as the JSON form of evidence."""
        out = ("-m", "q.msg", "-s", "q.sig", "-o", "q.pcrs", "-g", "sha256")
        out += ("--scheme", "rsapss") if key == "pss" else ()
        self.tool("quote", "-c", f"{key}.ctx", "-l", _PCRS, "-q", nonce.hex(), *out)
        files = {"quote": "q.msg", "signature": "q.sig", "pcrs_file": "q.pcrs", "ak": f"{key}.pub"}
        held = {k: base64.b64encode((self.folder / f).read_bytes()).decode() for k, f in files.items()}
        return {"schema": "strongroom.tpm-evidence/1", **held}

    def name(self, key: str) -> str:
        """The key's name as the tools wrote it."""
        return (self.folder / f"{key}.name").read_bytes().hex()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A TPM with an endorsement key and three attestation keys."""
    folder = tmp_path_factory.mktemp("tpm")
    port, control = _ports()
    state = ("--tpm2", "--tpmstate", f"dir={folder}", "--flags", "not-need-init,startup-clear")
    where = ("--server", f"type=tcp,port={port}", "--ctrl", f"type=tcp,port={control}")
    with subprocess.Popen(("swtpm", "socket", *state, *where)) as running:
        try:
            made = Machine(folder, port)
            made.tool("createek", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub")
            made.key("rsa", "rsa", "rsassa")
            made.key("pss", "rsa", "rsapss")
            made.key("ecc", "ecc", "ecdsa")
            yield made
        finally:
            running.terminate()


def verdicts(document: dict[str, str], enrolled: str, nonce: bytes = NONCE) -> dict[str, StepVerdict]:
    """What each step says of evidence whose key should be the enrolled one."""
    evidence = Evidence(EvidenceKind.TPM, part.VERIFIER.read(json.dumps(document).encode()), nonce)
    policy = Policy(tpm=TpmPolicy(aks=(enrolled,), unsafe_clock=True))
    at = datetime(2026, 11, 22, tzinfo=UTC)
    found = appraise(part.VERIFIER, Inputs(evidence, Endorsements(), ReferenceValues(), policy, at))
    return {s.id: s.verdict for s in found.steps}


@pytest.mark.parametrize("key", ["rsa", "pss", "ecc"])
def test_a_quote_of_each_scheme_verifies(machine: Machine, key: str) -> None:
    """A fresh quote by an enrolled key passes every step but those whose logs and references were not given."""
    assert tpm.public((machine.folder / f"{key}.pub").read_bytes()).name.hex() == machine.name(key)
    found = verdicts(machine.quote(key), machine.name(key))
    missing = {s for s, v in found.items() if v is StepVerdict.NOT_CHECKED}
    unasked = {"tpm.ima", "tpm.boot_events"}
    assert missing == unasked | {"tpm.event_log", "tpm.secure_boot", "tpm.dbx", "tpm.ca_expiry", "tpm.measurement"}
    assert StepVerdict.FAIL not in found.values()


def test_a_replayed_quote_is_refused(machine: Machine) -> None:
    """A quote that answered another nonce fails at the challenge."""
    document = machine.quote("ecc", bytes(20))
    assert verdicts(document, machine.name("ecc"))["tpm.extra_data"] is StepVerdict.FAIL


def test_another_key_of_the_same_machine_is_refused(machine: Machine) -> None:
    """A quote by a key that was not enrolled fails, and so does one that shows the enrolled key's public area."""
    document = machine.quote("rsa")
    assert verdicts(document, machine.name("ecc"))["tpm.ak_certified"] is StepVerdict.FAIL
    shown = {**document, "ak": base64.b64encode((machine.folder / "pss.pub").read_bytes()).decode()}
    assert verdicts(shown, machine.name("pss"))["tpm.signature"] is StepVerdict.FAIL


def test_a_changed_register_is_refused(machine: Machine) -> None:
    """Values that were read before a register was extended are not those that were quoted after it."""
    before = machine.quote("ecc")
    machine.tool("pcrextend", f"8:sha256={'11' * 32}")
    after = machine.quote("ecc")
    assert verdicts(after, machine.name("ecc"))["tpm.pcr_digest"] is StepVerdict.PASS
    mixed = {**after, "pcrs_file": before["pcrs_file"]}
    assert verdicts(mixed, machine.name("ecc"))["tpm.pcr_digest"] is StepVerdict.FAIL


def test_a_key_that_signs_anything_is_refused(machine: Machine) -> None:
    """A key of the same TPM that is not restricted may sign a made-up quote, and its attributes say so."""
    making = ("-G", "ecc:ecdsa-sha256", "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign")
    machine.tool("createprimary", "-C", "o", "-c", "loose.ctx", *making)
    machine.tool("readpublic", "-c", "loose.ctx", "-o", "loose.pub", "-n", "loose.name")
    found = verdicts(machine.quote("loose"), machine.name("loose"))
    assert found["tpm.signature"] is StepVerdict.PASS
    assert found["tpm.ak_attributes"] is StepVerdict.FAIL
