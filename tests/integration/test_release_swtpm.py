"""A host with a TPM gets its key over TLS from the back ends that hold it; with an implant it does not; the log proves both."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bao_case
import file_case
import pkcs11_case
import pytest
import tpm_minting as tpms
from broker_house import Running
from key_harness import Case

from integration.broker_desk import Owned, clock, serving, wait_for
from integration.release_host import GOOD, IMPLANTED, Host, host
from integration.watch_desk import NO_LOG
from strongroom.app.release_client import Client, To
from strongroom.app.release_words import TurnedAway
from strongroom.client import Broker as Door
from strongroom.model.codes import EntryKind

_ABSENT = [p for p in ("swtpm", "tpm2") if not shutil.which(p)]
pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(_ABSENT), reason=f"missing: {', '.join(_ABSENT)}")]
BACKENDS: tuple[Case, ...] = (file_case.CASE, pkcs11_case.CASES[0], bao_case.REAL)
NAME = "models/weights/llm-2"
KEY = bytes(range(32))
_ENOUGH = 60.0  # seconds; not a measure, only an end to waiting


@dataclass
class Desk:
    """A broker's process with a back end that holds NAME, and one host that is enrolled."""

    house: Owned
    served: Running
    host: Host

    def client(self) -> Client:
        """A client of the host."""
        return Client(To(self.served.at["listening"], str(self.house.ca)), self.host, clock)

    def kinds(self, count: int) -> list[EntryKind]:
        """What the log says, once it has so many entries."""
        wait_for(self.house, count)
        return [kind for kind, _ in self.house.said()]


def registers(*chosen: int) -> dict[str, tuple[str, ...]]:
    """The values of a good boot."""
    held = tpms.extended(GOOD)
    return {f"pcr{n}": (held[n].hex(),) for n in chosen}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A host that booted well, and `strongroom serve broker` whose back end is the case's."""
    case, logs = request.param
    with host(tmp_path / "host") as machine, case.start(tmp_path, monkeypatch) as running:
        machine.boot(GOOD)
        house = Owned(
            tmp_path,
            keys_in=running,
            enrolled=(machine.name(),),
            values=registers(0, 4, 7, 8, 9),
            unchecked={} if logs else NO_LOG,
        )
        house.deposit(NAME, KEY)
        with serving(house) as served:
            yield Desk(house, served, machine)


def refused(desk: Desk) -> str:
    """What the operator learns of a refusal."""
    with desk.client() as client, pytest.raises(TurnedAway, match="AttestationError"):
        client.get(NAME)
    return str(desk.served.told()[-1]["why"])


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
    assert desk.kinds(3) == [EntryKind.RELEASE, EntryKind.DENIAL, EntryKind.RELEASE]
    assert all(desk.house.proven(n) for n in range(3))


@pytest.mark.parametrize("desk", [(file_case.CASE, True)], ids=["file"], indirect=True)
def test_a_host_that_changes_after_its_boot_gets_nothing(desk: Desk) -> None:
    """A register that was extended after a good boot is another state, which the log does not explain."""
    desk.host.extend(9, bytes(32))
    refused(desk)
    assert desk.kinds(1) == [EntryKind.DENIAL]


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
    environment = {"PATH": os.defpath, "TPM2TOOLS_TCTI": desk.host.tcti, "HOME": str(desk.house.folder)}
    at = ("--broker", desk.served.at["listening"], "--ca", str(desk.house.ca), "--interface", "tpm", "--gpus", "no")
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
    told = command(desk, "exec", NAME, "--", "touch", str(desk.house.folder / "started"))
    assert (told.returncode, (desk.house.folder / "started").exists()) == (125, False)


@WITHOUT_LOG
def test_the_python_door_on_a_host(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same from Python."""
    monkeypatch.setenv("TPM2TOOLS_TCTI", desk.host.tcti)
    where = {"interface": "tpm", "state": str(desk.host.state), "gpus": "no"}
    with Door(desk.served.at["listening"], ca=str(desk.house.ca), **where) as door, door.get(NAME) as secret:  # type: ignore[arg-type] # by name
        assert bytes(secret) == KEY
        assert door.operator_trusted


@WITHOUT_LOG
def test_a_drill_beside_the_serving_broker(desk: Desk) -> None:
    """The command repeats the host's release with every fault; before there is one it says so, and its outcome is in the log."""
    whole = (sys.executable, "-m", "strongroom", "release", "drill", "--offline", "--config", str(desk.house.config))
    told = subprocess.run(whole, check=False, capture_output=True, text=True, timeout=_ENOUGH)
    assert (told.returncode, "release get" in told.stderr) == (2, True), told.stderr
    with desk.client() as client, client.get(NAME) as secret:
        assert bytes(secret) == KEY
    wait_for(desk.house, 1)
    told = subprocess.run(whole, check=False, capture_output=True, text=True, timeout=_ENOUGH)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "it fails closed" in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 80
    wait_for(desk.house, 2)
    assert [kind for kind, _ in desk.house.said()] == [EntryKind.RELEASE, EntryKind.DRILL]
    with desk.client() as client, client.get(NAME) as secret:
        assert bytes(secret) == KEY
