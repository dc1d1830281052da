"""An agent's life beside a real TPM in software: enrolled by its endorsement key, trusted, found out when it changes."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from integration.watch_desk import Desk, serving
from strongroom.app.agent import Agent, Identity, Outcome
from strongroom.app.agent_client import RefusedError, Server
from strongroom.attest.enrolment import CERTIFIED, FIRST_USE, Enrolling, appraise_enrolment
from strongroom.attest.tee import _tpm_reading as reading
from strongroom.collect.evidence import tpm as part
from strongroom.collect.evidence.tpm import Machine, Places, opened
from strongroom.collect.evidence.tpm_tools import Setting
from strongroom.kit import tpm, tpm_credential
from strongroom.kit.x509 import pem
from strongroom.kit.x509.certificate import parse
from strongroom.model.errors import StrongroomError, Unreadable

_PROGRAMS = ("swtpm", "swtpm_setup", "swtpm_localca", "tpm2")
_ABSENT = [p for p in _PROGRAMS if not shutil.which(p)]
pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(_ABSENT), reason=f"missing: {', '.join(_ABSENT)}")]
_ENOUGH = 30.0  # seconds; not a measure, only an end to waiting


def _free() -> int:
    """A port that is free with the one behind it."""
    for _ in range(50):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
    pytest.skip("no two free ports")


@dataclass
class Simulator:
    """A TPM of its own state, that can be switched off and on."""

    folder: Path
    port: int
    running: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Switch it on: a reset. Where another program took one of its ports meanwhile, it gets others."""
        for _ in range(5):
            if self._started():
                return
            self.port = _free()
        pytest.fail("the simulator did not start")

    def _started(self) -> bool:
        state = ("--tpm2", "--tpmstate", f"dir={self.folder}", "--flags", "not-need-init,startup-clear")
        where = ("--server", f"type=tcp,port={self.port}", "--ctrl", f"type=tcp,port={self.port + 1}")
        self.running = subprocess.Popen(("swtpm", "socket", *state, *where))
        until = time.monotonic() + _ENOUGH
        while time.monotonic() < until and self.running.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port + 1)) == 0:
                    time.sleep(0.1)  # it opens the other port after this one, and ends where it cannot
                    return self.running.poll() is None
        return False

    def stop(self) -> None:
        """Switch it off as a machine does that is shut down."""
        self.tool("shutdown", "-c")
        assert self.running is not None
        self.running.terminate()
        self.running.wait(_ENOUGH)

    @property
    def setting(self) -> Setting:
        """How the tools reach it."""
        return Setting(f"swtpm:host=127.0.0.1,port={self.port}", os.defpath)

    def tool(self, *args: str) -> None:
        """Run one of tpm2-tools."""
        words = {"PATH": os.defpath, "TPM2TOOLS_TCTI": self.setting.tcti}
        subprocess.run(("tpm2", *args), cwd=self.folder, env=words, check=True, capture_output=True, timeout=60)


@dataclass
class Made:
    """A simulator with the authority that certified its endorsement keys."""

    simulator: Simulator
    authority: Path

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The authority's certificates, the root last."""
        names = ("issuercert.pem", "swtpm-localca-rootca-cert.pem")
        return tuple(pem.blocks((self.authority / n).read_bytes())[0].data for n in names)

    @property
    def root(self) -> str:
        """What an owner names to trust it."""
        return parse(self.chain[-1]).fingerprint


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Made]]:
    """Makes simulators; those that still run are ended."""
    made: list[Simulator] = []

    def one(*, certified: bool = True) -> Made:
        state, authority = tmp_path_factory.mktemp("tpm"), tmp_path_factory.mktemp("ca")
        keys = ("statedir", "signingkey", "issuercert", "certserial")
        values = (authority, authority / "signkey.pem", authority / "issuercert.pem", authority / "certserial")
        (authority / "ca.conf").write_text("".join(f"{k} = {v}\n" for k, v in zip(keys, values, strict=True)))
        (authority / "ca.options").write_text(
            "--platform-manufacturer Test\n--platform-version 1\n--platform-model Simulated\n"
        )
        (authority / "setup.conf").write_text(
            f"create_certs_tool = {shutil.which('swtpm_localca')}\n"
            f"create_certs_tool_config = {authority / 'ca.conf'}\n"
            f"create_certs_tool_options = {authority / 'ca.options'}\n"
            "active_pcr_banks = sha256\n"
        )
        words = ("--tpm2", "--tpmstate", str(state), "--config", str(authority / "setup.conf"))
        words += ("--create-ek-cert",) if certified else ()
        subprocess.run(("swtpm_setup", *words), check=True, capture_output=True, timeout=60)
        simulator = Simulator(state, _free())
        simulator.start()
        made.append(simulator)
        return Made(simulator, authority)

    yield one
    for simulator in made:
        if simulator.running is not None and simulator.running.poll() is None:
            simulator.running.terminate()
            simulator.running.wait(_ENOUGH)


def agent(url: str, machine: Machine, made: Made, state: Path, told: list[str], host: str = "node1") -> Agent:
    """An agent of a simulated machine."""
    return Agent(Identity(url, host, state, made.chain), machine, Server(url), told.append)


def test_a_machine_is_enrolled_trusted_and_found_out(make: Callable[..., Made], tmp_path: Path) -> None:
    """Certified and trusted; lost with the next round after a register changed; lost for good until that is undone."""
    made, told = make(), list[str]()
    desk = Desk((made.root,))
    with serving(desk) as url, opened(made.simulator.setting, Places(tmp_path / "a", tmp_path)) as machine:
        mine = agent(url, machine, made, tmp_path / "a", told)
        assert mine.once().outcome is Outcome.TRUSTED
        assert desk.hosts["node1"].grade == CERTIFIED
        assert mine.once().outcome is Outcome.TRUSTED
        made.simulator.tool("pcrextend", f"8:sha256={'22' * 32}")
        found = mine.once()
        assert (found.outcome, desk.hosts["node1"].standing) == (Outcome.NOT_TRUSTED, "lost")
        assert "tpm.measurement" in found.words
        assert mine.once().outcome is Outcome.NOT_TRUSTED
    assert desk.asked == ["enrol", "activate", *["challenge", "evidence"] * 4]
    assert sum("standing" in t for t in told) == 2, "a standing is told when it changes, and only then"


def test_the_chain_decides_the_grade(make: Callable[..., Made], tmp_path: Path) -> None:
    """A root that the owner names certifies, and its fingerprint is told; without it, or without a certificate, not."""
    made, bare = make(), make(certified=False)
    with opened(made.simulator.setting, Places(tmp_path / "a", tmp_path)) as machine:
        keys = machine.keys()
        secret = os.urandom(32)
        closed = tpm_credential.make_credential(tpm.public(keys.ek), bytes.fromhex(keys.name), secret, os.urandom(128))
        given = Enrolling(
            keys.ek,
            keys.ak,
            (*keys.certificates, *made.chain),
            (made.root,),
            secret=secret,
            answer=machine.activate(*closed),
            now=max(parse(c).not_before for c in (*keys.certificates, *made.chain)),
        )
    found = appraise_enrolment(given)
    assert (found.grade, found.root) == (CERTIFIED, made.root)
    assert appraise_enrolment(replace(given, roots=())).grade == FIRST_USE
    other = appraise_enrolment(replace(given, roots=("00" * 32,)))
    assert other.failed == ("enrol.ek_root",)
    desk = Desk((made.root,))
    with serving(desk) as url, opened(bare.simulator.setting, Places(tmp_path / "b", tmp_path)) as machine:
        assert machine.keys().certificates == ()
        assert agent(url, machine, made, tmp_path / "b", []).once().outcome is Outcome.TRUSTED
    assert desk.hosts["node1"].grade == FIRST_USE


def test_another_key_under_a_name_is_refused(make: Callable[..., Made], tmp_path: Path) -> None:
    """A second attestation key of the same machine, and another machine's, do not come in under an enrolled name."""
    made, other, told = make(), make(), list[str]()
    desk = Desk((made.root, other.root))
    with serving(desk) as url:
        with opened(made.simulator.setting, Places(tmp_path / "a", tmp_path)) as machine:
            assert agent(url, machine, made, tmp_path / "a", []).once().outcome is Outcome.TRUSTED
        for of, state in ((made, tmp_path / "b"), (other, tmp_path / "c")):
            with opened(of.simulator.setting, Places(state, tmp_path)) as machine:
                assert agent(url, machine, of, state, told).once().outcome is Outcome.COULD_NOT
    assert len(desk.hosts) == 1
    assert "409" in told[0]


def test_the_endorsement_key_of_another_machine_cannot_be_borrowed(make: Callable[..., Made], tmp_path: Path) -> None:
    """A credential for another TPM's endorsement key does not open here, and a wrong answer enrols nobody."""
    made, other = make(), make()
    desk = Desk((made.root, other.root))
    with serving(desk) as url:
        server = Server(url)
        with opened(other.simulator.setting, Places(tmp_path / "b", tmp_path)) as machine:
            theirs = machine.keys()
        with opened(made.simulator.setting, Places(tmp_path / "a", tmp_path)) as machine:
            mine = machine.keys()
            asked = server.enrol("node1", theirs.ek, (*theirs.certificates, *other.chain), mine.ak)
            with pytest.raises(Unreadable):
                machine.activate(asked.blob, asked.secret)
            with pytest.raises(RefusedError, match=r"enrol\.activation"):
                server.activate(asked.session, bytes(32))
        with pytest.raises(RefusedError, match=r"enrol\.ek_key"):
            server.enrol("node1", mine.ek, (*theirs.certificates, *other.chain), mine.ak)
    assert desk.hosts == {}


def test_a_credential_is_for_one_key(make: Callable[..., Made], tmp_path: Path) -> None:
    """The TPM itself refuses a credential that was made for another name."""
    made = make()
    with opened(made.simulator.setting, Places(tmp_path / "a", tmp_path)) as machine:
        keys = machine.keys()
        name = bytes.fromhex(keys.name)
        for named, opens in ((name, True), (name[:-1] + bytes([name[-1] ^ 1]), False)):
            closed = tpm_credential.make_credential(tpm.public(keys.ek), named, b"secret", os.urandom(128))
            if opens:
                assert machine.activate(*closed) == b"secret"
            else:
                with pytest.raises(Unreadable, match="activatecredential"):
                    machine.activate(*closed)


@pytest.mark.parametrize("kind", ["rsa", "ecc", "ecc384"])
def test_credentials_of_every_template(make: Callable[..., Made], tmp_path: Path, kind: str) -> None:
    """What is closed for an RSA, a P-256 and a P-384 endorsement key opens, and the tools' own file has the same form."""
    made = make(certified=False)
    state = tmp_path / "a"
    state.mkdir()
    made.simulator.tool("createek", "-G", kind, "-c", "ek.ctx", "-u", "ek.pub")
    made.simulator.tool("flushcontext", "-t")
    folder = made.simulator.folder
    with opened(made.simulator.setting, Places(state, tmp_path)) as machine:
        (machine._work / "ek.pub").write_bytes((folder / "ek.pub").read_bytes())
        (machine._work / "ek.ctx").write_bytes((folder / "ek.ctx").read_bytes())
        machine._make(next(t for t in part._TEMPLATES if t.name == kind))
        keys = machine.keys()
        secret = os.urandom(32)
        area = tpm.public(keys.ek)
        closed = tpm_credential.make_credential(area, bytes.fromhex(keys.name), secret, os.urandom(128))
        assert machine.activate(*closed) == secret
        (folder / "secret").write_bytes(secret)
        (folder / "ek.key").write_bytes(keys.ek)
        theirs = ("-u", "ek.key", "-s", "secret", "-n", keys.name, "-o", "made")
        made.simulator.tool("makecredential", "-T", "none", *theirs)
        file = (folder / "made").read_bytes()
        assert (len(file), file[:12]) == (len(closed.file), closed.file[:12])
        blob = 2 + int.from_bytes(file[8:10], "big")
        assert machine.activate(file[8 : 8 + blob], file[8 + blob :]) == secret


def test_a_restart_is_told_and_the_key_is_loaded_again(make: Callable[..., Made], tmp_path: Path) -> None:
    """After a reset of the TPM the same key quotes again, with a higher count of resets, and nothing is enrolled anew."""
    made = make()
    desk = Desk((made.root,))
    with serving(desk) as url, opened(made.simulator.setting, Places(tmp_path / "a", tmp_path)) as machine:
        mine = agent(url, machine, made, tmp_path / "a", [])
        assert mine.once().outcome is Outcome.TRUSTED
        made.simulator.stop()
        assert mine.once().outcome is Outcome.COULD_NOT
        made.simulator.start()
        assert mine.once().outcome is Outcome.TRUSTED
    assert [c.split()[0] for c in desk.changes] == ["trusted", "resets", "trusted"]
    assert desk.asked.count("enrol") == 1


def test_evidence_cannot_be_shown_again(make: Callable[..., Made], tmp_path: Path) -> None:
    """The same evidence a second time is refused, and so is old evidence under a new challenge."""
    made = make()
    desk = Desk((made.root,))
    with serving(desk) as url, opened(made.simulator.setting, Places(tmp_path / "a", tmp_path)) as machine:
        assert agent(url, machine, made, tmp_path / "a", []).once().outcome is Outcome.TRUSTED
        server, old = Server(url), json.dumps(desk.last["evidence"]).encode()
        with pytest.raises(RefusedError, match="403"):
            server.evidence("node1", base64.b64decode(str(desk.last["nonce"])), old)
        fresh = server.challenge("node1", machine.keys().name)
        assert "tpm.extra_data" in server.evidence("node1", fresh.nonce, old).failed


def _command(made: Made, url: str, state: Path, *words: str) -> "subprocess.Popen[str]":
    chain = state.parent / "chain.pem"
    chain.write_text(
        "".join((made.authority / n).read_text() for n in ("issuercert.pem", "swtpm-localca-rootca-cert.pem"))
    )
    words = ("--server", url, "--host", "node1", "--state", str(state), "--ek-chain", str(chain), *words)
    environment = {"PATH": os.defpath, "TPM2TOOLS_TCTI": made.simulator.setting.tcti}
    command = (sys.executable, "-m", "strongroom", "attest", "agent", *words)
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_command_once(make: Callable[..., Made], tmp_path: Path) -> None:
    """One round by the command leaves 0 where the machine is trusted, 1 where it is not, and 3 where nobody answers."""
    made = make()
    desk = Desk((made.root,))
    with serving(desk) as url:
        told = _command(made, url, tmp_path / "a", "--once")
        assert (told.communicate(timeout=_ENOUGH)[1].count("certified by a maker"), told.returncode) == (1, 0)
        made.simulator.tool("pcrextend", f"8:sha256={'22' * 32}")
        told = _command(made, url, tmp_path / "a", "--once")
        assert ("standing: lost" in told.communicate(timeout=_ENOUGH)[1], told.returncode) == (True, 1)
    told = _command(made, url, tmp_path / "a", "--once")
    assert ("no answer" in told.communicate(timeout=_ENOUGH)[1], told.returncode) == (True, 3)


def test_the_command_goes_on_until_it_is_stopped(make: Callable[..., Made], tmp_path: Path) -> None:
    """It answers again and again, tells what changes, leaves nothing behind, and ends with one line at SIGTERM."""
    made = make()
    desk = Desk((made.root,))
    with serving(desk) as url:
        running = _command(made, url, tmp_path / "a")
        _until(lambda: len(desk.changes) >= 3, running)
        made.simulator.tool("pcrextend", f"8:sha256={'22' * 32}")
        _until(lambda: desk.changes[-1] == "lost", running)
        running.send_signal(signal.SIGTERM)
        told = running.communicate(timeout=_ENOUGH)[1].splitlines()
    assert running.returncode == 0
    assert "SIGTERM" in told[-1]
    assert [t for t in told if "standing:" in t] == [
        "note: standing: trusted",
        "note: standing: lost; failed: tpm.measurement",
    ]
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["ak.priv", "ak.pub", "ek.kind", "enrolled.json"]
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def _until(reached: Callable[[], bool], running: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + _ENOUGH
    while not reached():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def test_a_tpm_that_was_replaced_is_told(make: Callable[..., Made], tmp_path: Path) -> None:
    """The files of another machine's key are of no use, and the message says what to do."""
    made, other = make(), make()
    with opened(made.simulator.setting, Places(tmp_path / "a", tmp_path)) as machine:
        machine.keys()
    with opened(other.simulator.setting, Places(tmp_path / "a", tmp_path)) as machine:
        with pytest.raises(StrongroomError) as told:
            machine.keys()
        assert "enrol the machine again" in told.value.hint


def test_one_quote_by_hand(make: Callable[..., Made], tmp_path: Path) -> None:
    """The command gives a quote of the registers that were asked for, which verifies for the key that is kept."""
    made = make(certified=False)
    words = ("--interface", "tpm", "--nonce", "00" * 32, "--pcrs", "sha256:0,7", "--state", "s", "-o", "e")
    environment = {"PATH": os.defpath, "TPM2TOOLS_TCTI": made.simulator.setting.tcti}
    command = (sys.executable, "-m", "strongroom", "attest", "collect", *words)
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=_ENOUGH)
    held = {p.name: p.data for p in reading.read((tmp_path / "e").read_bytes())}
    area, quoted = tpm.public(held["ak-public"]), tpm.quote(held["quote"])
    assert quoted.extra_data == bytes(32)
    assert quoted.selections == (tpm.Selection(0x000B, (0, 7)),)
    assert tpm.verify(area.spki, tpm.signature(held["signature"]), quoted.raw)
    assert tpm.pcr_digest(quoted.selections, reading.values(held["pcrs"]), 0x000B) == quoted.digest
    assert (tmp_path / "s" / "ak.pub").read_bytes() == held["ak-public"]
