"""A host with a TPM gets its key over TLS from the back ends that hold it; with an implant it does not; the log proves both."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import bao_case
import broker_rig as b
import file_case
import pkcs11_case
import pytest
import tpm_minting as tpms
from click.testing import CliRunner
from key_harness import Case
from served_broker import Served, serving

from integration.release_host import GOOD, IMPLANTED, Host, host
from integration.watch_desk import NO_LOG
from strongroom.app import log_entries
from strongroom.app.appraisal import appraise
from strongroom.app.broker import Broker, Judging
from strongroom.app.release_client import Client, To
from strongroom.app.release_words import TurnedAway
from strongroom.attest.policy import CompositePolicy, Policy, TpmPolicy
from strongroom.cli.main import group
from strongroom.client import Broker as Door
from strongroom.model.attest import Endorsements, EvidenceKind, Reference, ReferenceValues
from strongroom.model.codes import EntryKind
from strongroom.model.release import Secret

_ABSENT = [p for p in ("swtpm", "tpm2") if not shutil.which(p)]
pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(_ABSENT), reason=f"missing: {', '.join(_ABSENT)}")]
BACKENDS: tuple[Case, ...] = (file_case.CASE, pkcs11_case.CASES[0], bao_case.REAL)
NAME = "models/weights/llm-2"
KEY = bytes(range(32))
_ENOUGH = 60.0  # seconds; not a measure, only an end to waiting


def clock() -> datetime:
    """The clock of the machine: the broker's and the host's are the same here."""
    return datetime.now(UTC)  # noqa: TID251 - it stands where a server stands, which owns its clock


@dataclass
class Desk:
    """A broker with the real judge, a back end that holds NAME, and one host that is enrolled."""

    rig: b.Rig
    served: Served
    host: Host

    def client(self) -> Client:
        """A client of the host."""
        return Client(To(self.served.url, str(self.served.ca)), self.host, clock)

    def reasons(self) -> list[tuple[EntryKind, str]]:
        """What the log says, entry by entry: the kind, and the first reason."""
        self.rig.log.publish()
        found = [got.entry for got in log_entries.entries(self.rig.place) if got.entry is not None]
        return [(e.kind, str(e.fields["reasons"][0])) for e in found]  # type: ignore[index] # a list of texts

    def proven(self, index: int) -> bool:
        """Whether the log proves an entry to somebody who has its key alone."""
        proof, entry = self.rig.folder / f"{index}.tlog-proof", self.rig.folder / f"{index}.entry"
        made = ("log", "prove", str(index), "--log", str(self.rig.folder / "log"), "-o", str(proof))
        done = CliRunner().invoke(group, [*made, "--entry", str(entry)])
        assert done.exit_code == 0, done.output
        key = self.rig.log.settings.keys[0]
        return (
            CliRunner().invoke(group, ["log", "verify", str(proof), "--entry", str(entry), "--key", key]).exit_code == 0
        )


def registers(*chosen: int) -> dict[str, tuple[str, ...]]:
    """The values of a good boot."""
    held = tpms.extended(GOOD)
    return {f"pcr{n}": (held[n].hex(),) for n in chosen}


def policy(name: str, *, logs: bool = True) -> Policy:
    """What the owner demands of the enrolled host."""
    told = TpmPolicy(aks=(name,), unsafe_clock=True, dbx=tuple(r.hex() for r in tpms.REVOKED), secure_boot=logs)
    return Policy(tpm=told, composite=CompositePolicy(roots=("tpm",)), unchecked={} if logs else NO_LOG)


def broker(rig: b.Rig, judged: Policy, keys: dict[str, object]) -> Broker:
    """The broker over a rig's state, with the product's own judge and roots."""
    held = registers(0, 4, 7, 8, 9)
    known = ReferenceValues((Reference(EvidenceKind.TPM, "worker", held, version="1.4"),), "owner")
    return rig.but(clock=clock, judge=appraise, judging=lambda *_: Judging(judged, known, Endorsements()), keys=keys)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A host that booted well, and a broker whose back end is the case's."""
    case, logs = request.param
    with host(tmp_path / "host") as machine, case.start(tmp_path, monkeypatch) as running:
        machine.boot(GOOD)
        rig = b.Rig(tmp_path, now=clock())
        keys = running.open(rig.gate)
        rig.store.deposit(keys.wrap(Secret(KEY), NAME, 1, (b.OWNER,)), clock())
        made = broker(rig, policy(machine.name(), logs=logs), {running.backend.name: keys})
        with serving(made, tmp_path) as served:
            yield Desk(rig, served, machine)
        keys.close()
        rig.log.close()
        rig.store.close()


def refused(desk: Desk) -> str:
    """What the operator learns of a refusal."""
    with desk.client() as client, pytest.raises(TurnedAway, match="AttestationError"):
        client.get(NAME)
    return desk.served.refused[-1]


@pytest.mark.parametrize("desk", [(c, True) for c in BACKENDS], ids=[c.name for c in BACKENDS], indirect=True)
def test_a_good_boot_gets_its_key_and_an_implanted_one_does_not(desk: Desk) -> None:
    """The same enrolled host: released after a good boot; refused with an initrd that was changed; and both are proven."""
    with desk.client() as client, client.get(NAME) as secret:
        assert bytes(secret) == KEY
    desk.host.boot(IMPLANTED)
    assert "composite" in refused(desk)
    desk.host.boot(GOOD)
    with desk.client() as client, client.get(NAME) as secret:
        assert bytes(secret) == KEY
    kinds = [kind for kind, _ in desk.reasons()]
    assert kinds == [EntryKind.RELEASE, EntryKind.DENIAL, EntryKind.RELEASE]
    assert all(desk.proven(n) for n in range(3))


@pytest.mark.parametrize("desk", [(file_case.CASE, True)], ids=["file"], indirect=True)
def test_a_host_that_changes_after_its_boot_gets_nothing(desk: Desk) -> None:
    """A register that was extended after a good boot is another state, which the log does not explain."""
    desk.host.extend(9, bytes(32))
    refused(desk)
    assert [kind for kind, _ in desk.reasons()] == [EntryKind.DENIAL]


@pytest.mark.parametrize("desk", [(file_case.CASE, True)], ids=["file"], indirect=True)
def test_a_host_that_is_not_enrolled_gets_nothing(desk: Desk, tmp_path: Path) -> None:
    """Another TPM with the same boot is another host."""
    with host(tmp_path / "other") as other:
        other.boot(GOOD)
        desk.host, mine = other, desk.host
        refused(desk)
        desk.host = mine


# The commands, as a host runs them


def command(desk: Desk, *words: str) -> "subprocess.CompletedProcess[bytes]":
    """`strongroom release …` on the host."""
    environment = {"PATH": os.defpath, "TPM2TOOLS_TCTI": desk.host.tcti, "HOME": str(desk.rig.folder)}
    at = ("--broker", desk.served.url, "--ca", str(desk.served.ca), "--interface", "tpm", "--gpus", "no")
    at += ("--state", str(desk.host.state))
    whole = (sys.executable, "-m", "strongroom", "release", words[0], *at, *words[1:])
    return subprocess.run(whole, env=environment, check=False, capture_output=True, timeout=_ENOUGH)


WITHOUT_LOG = pytest.mark.parametrize("desk", [(file_case.CASE, False)], ids=["file"], indirect=True)


@WITHOUT_LOG
def test_get_on_a_host(desk: Desk) -> None:
    """It prints nothing, and puts the key where it is told, for its owner alone; the implanted host gets 1 and nothing."""
    told = command(desk, "get", NAME)
    assert (told.returncode, told.stdout) == (0, b""), told.stderr
    place = Path("/dev/shm") / f"strongroom-test-{os.getpid()}"
    try:
        told = command(desk, "get", NAME, "-o", str(place))
        assert told.returncode == 0, told.stderr
        assert (place.read_bytes(), place.stat().st_mode & 0o777) == (KEY, 0o600)
        assert KEY not in told.stdout + told.stderr
        assert command(desk, "get", NAME, "-o", str(place)).returncode == 2
        place.unlink()
        desk.host.boot(IMPLANTED)
        told = command(desk, "get", NAME, "-o", str(place))
        assert (told.returncode, place.exists()) == (1, False)
        assert b"AttestationError" in told.stderr
    finally:
        place.unlink(missing_ok=True)


@WITHOUT_LOG
@pytest.mark.parametrize("more", [(), ("--renew",), ("--via", "pipe")], ids=["exec", "renew", "pipe"])
def test_exec_on_a_host(desk: Desk, more: tuple[str, ...]) -> None:
    """An unmodified program reads the key from the descriptor that it is told, and its exit code is the command's."""
    read = 'test "$(wc -c <&$STRONGROOM_FD_MODELS_WEIGHTS_LLM_2)" = 32 && test -r "$KEY_FILE" && exit 7'
    told = command(desk, "exec", *more, f"{NAME}=KEY_FILE", "--", "sh", "-c", read)
    assert (told.returncode, told.stdout) == (7, b""), told.stderr


@WITHOUT_LOG
def test_exec_on_an_implanted_host_runs_nothing(desk: Desk) -> None:
    """Where the key is refused, the program is not started, and the exit code is no program's."""
    desk.host.boot(IMPLANTED)
    told = command(desk, "exec", NAME, "--", "touch", str(desk.rig.folder / "started"))
    assert (told.returncode, (desk.rig.folder / "started").exists()) == (125, False)


@WITHOUT_LOG
def test_the_python_door_on_a_host(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same from Python."""
    monkeypatch.setenv("TPM2TOOLS_TCTI", desk.host.tcti)
    where = {"interface": "tpm", "state": str(desk.host.state), "gpus": "no"}
    with Door(desk.served.url, ca=str(desk.served.ca), **where) as door, door.get(NAME) as secret:  # type: ignore[arg-type] # by name
        assert bytes(secret) == KEY
        assert door.operator_trusted
