"""A host with a TPM opens a sealed model by attesting: the commands, a broker's process over TLS, a real log."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import file_case
import pytest
import tpm_minting as tpms
from broker_house import Running
from sealing_case import Case, contents, provenance

from integration.broker_desk import Owned, serving, wait_for
from integration.release_host import GOOD, IMPLANTED, Host, host
from integration.watch_desk import NO_LOG
from strongroom.model.codes import EntryKind

_ABSENT = [p for p in ("swtpm", "tpm2") if not shutil.which(p)]
SHM = Path("/dev/shm")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(_ABSENT), reason=f"missing: {', '.join(_ABSENT)}"),
    pytest.mark.skipif(not SHM.is_dir(), reason="no /dev/shm"),
]
NAME = "models/weights/llm-7"
_ENOUGH = 60.0  # seconds; not a measure, only an end to waiting


@dataclass
class Desk:
    """A broker that gives the identity of a slot to one enrolled host, and the owner of a model."""

    house: Owned
    served: Running
    host: Host
    case: Case

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """`strongroom seal …` on the host."""
        environment = {
            "PATH": os.defpath,
            "TPM2TOOLS_TCTI": self.host.tcti,
            "HOME": str(self.house.folder),
            "XDG_STATE_HOME": str(self.case.folder / "state"),
        }
        whole = (sys.executable, "-m", "strongroom", "seal", *words)
        return subprocess.run(whole, env=environment, check=False, capture_output=True, text=True, timeout=_ENOUGH)

    def open(self, target: Path) -> "subprocess.CompletedProcess[str]":
        """Attest, release, open."""
        f = self.case.folder
        machine = ("--interface", "tpm", "--gpus", "no", "--state", str(self.host.state), "--ca", str(self.house.ca))
        by = ("--public-key", str(f / "signer.pub"), "--provenance-key", str(f / "signer.pub"))
        return self.command("open", str(self.case.target), str(target), "--attest", *machine, *by)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A host that booted well, a broker with the back end `file`, and a model sealed to what it attests."""
    (tmp_path / "owner").mkdir()
    case = Case(tmp_path / "owner")
    with host(tmp_path / "host") as machine, file_case.CASE.start(tmp_path, monkeypatch) as running:
        machine.boot(GOOD)
        held = tpms.extended(GOOD)
        values = {f"pcr{n}": (held[n].hex(),) for n in (0, 4, 7, 8, 9)}
        house = Owned(tmp_path, keys_in=running, enrolled=(machine.name(),), values=values, unchecked=NO_LOG)
        to = case.identity("deposited")
        house.deposit(NAME, Path(case.id_of("deposited")).read_bytes())
        with serving(house) as served:
            made = Desk(house, served, machine, case)
            url, f = served.at["listening"], case.folder
            (f / "deposited.pub").write_text(f"{to}\n")
            words = ("--to", str(f / "deposited.pub"), "--policy", "llm-v1", "--broker", url, "--ca", str(house.ca))
            told = made.command("recipient", NAME, *words, "-o", str(f / "llm.recipient"))
            assert told.returncode == 0, told.stderr
            to_broker = ("--to-broker", str(f / "llm.recipient"), "--boundary", "attested")
            more = ("--sign-key", str(f / "signer.pem"), "--provenance", str(provenance(case)))
            told = made.command("create", str(case.model), str(case.target), *to_broker, *more)
            assert told.returncode == 0, told.stderr
            yield made


def test_a_good_boot_opens_the_model_and_an_implanted_one_does_not(desk: Desk) -> None:
    """One command on the host; the plaintext lies in memory; the broker's log proves the release and the denial."""
    target = SHM / f"strongroom-sealed-{os.getpid()}"
    try:
        told = desk.open(target)
        assert told.returncode == 0, told.stderr
        assert contents(target) == contents(desk.case.model)
        shutil.rmtree(target)
        desk.host.boot(IMPLANTED)
        told = desk.open(target)
        assert (told.returncode, target.exists()) == (1, False), told.stderr
        assert "AttestationError" in told.stderr
        wait_for(desk.house, 2)
        assert [kind for kind, _ in desk.house.said()] == [EntryKind.RELEASE, EntryKind.DENIAL]
        assert all(desk.house.proven(n) for n in range(2))
    finally:
        shutil.rmtree(target, ignore_errors=True)


def test_nothing_is_opened_onto_a_disk(desk: Desk, tmp_path: Path) -> None:
    """What is for the attested boundary alone goes to memory, whatever is said."""
    target = tmp_path / "disk"
    if (
        subprocess.run(["stat", "-f", "-c", "%T", str(tmp_path)], capture_output=True, text=True, check=True).stdout
        == "tmpfs\n"
    ):
        pytest.skip("the folder of the tests lies in memory")
    told = desk.open(target)
    assert (told.returncode, target.exists()) == (2, False)
    assert "disk" in told.stderr


def test_what_was_changed_on_its_way_is_not_even_asked_for(desk: Desk) -> None:
    """A payload that is not the signed one ends it before the broker hears of it."""
    payload = max((desk.case.target / "payload").iterdir(), key=lambda p: p.stat().st_size)
    octets = bytearray(payload.read_bytes())
    octets[len(octets) // 2] ^= 1
    payload.write_bytes(octets)
    told = desk.open(SHM / f"strongroom-never-{os.getpid()}")
    assert told.returncode == 1, told.stderr
    assert "payload" in told.stderr
    assert desk.house.said() == []
