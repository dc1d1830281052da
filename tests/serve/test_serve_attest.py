"""The watch as a server process of its own: agents' requests over HTTP, the owner's commands, restarts, hostile bodies."""

import base64
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serving
import tpm_minting as minting
from serving import ENVIRONMENT, Got, Serving
from watched_machine import OTHER_BOOT, PCRS, Machine

from strongroom.app.log import make_key
from strongroom.kit import reference_file as files
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.ledger import keyfile
from strongroom.model.attest import EvidenceKind

POLICY = """
schema = "strongroom.attest-policy/1"
name = "watched"
[tpm]
pcrs = [{pcrs}]
dbx = [{dbx}]
"""


def octets(data: bytes) -> str:
    """As bodies have them."""
    return base64.b64encode(data).decode()


def prepared(tmp_path: Path) -> Path:
    """A configuration with policy and signed reference values; state, log and evidence come beside it."""
    dbx = ", ".join(f'"{r.hex()}"' for r in minting.REVOKED)
    (tmp_path / "policy.toml").write_text(POLICY.format(pcrs=", ".join(map(str, PCRS)), dbx=dbx))
    key = make_key("owner.example", tmp_path / "owner.key", witness=False, algorithm="ed25519")
    values = minting.REFERENCES.items[0].values
    known = files.Reference(EvidenceKind.TPM, "host", dict(values), f"sha256:{'ab' * 32}")
    held = files.References(files.SCHEMA, "hosts", 1, (known,))
    data = files.render(held).encode()
    (tmp_path / "references.toml").write_bytes(data)
    note = files.sign(data, held, Ed25519Signer(keyfile.read(tmp_path / "owner.key")))
    (tmp_path / "references.toml.sig").write_bytes(note)
    (tmp_path / "strongroom.toml").write_text(
        f'[state]\npath = "{tmp_path}/state/strongroom.db"\n'
        f'[attest]\npolicy = "{tmp_path}/policy.toml"\nreferences = ["{tmp_path}/references.toml"]\nkeys = ["{key}"]\n'
        f"[watch]\nrate = 600\n"
    )
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration of its own."""
    return prepared(tmp_path)


class Host:
    """A machine and the server that it talks to, as an agent does."""

    def __init__(self, server: Serving, machine: Machine, name: str = "node1") -> None:
        self.server = server
        self.machine = machine
        self.name = name

    def post(self, what: str, body: object) -> Got:
        """One request."""
        headers = {"Content-Type": "application/json"}
        return self.server.ask("POST", f"/attest/v0/{what}", iter([json.dumps(body).encode()]), headers)

    def said(self, what: str, body: object) -> dict[str, object]:
        """One request that is answered well."""
        got = self.post(what, body)
        assert got.status == 200, got.body
        found: dict[str, object] = json.loads(got.body)
        return found

    def enrol(self) -> Got:
        """Enrolment; what came of the secret."""
        m = self.machine
        body = {"schema": "strongroom.enrol/1", "host": self.name, "ek_public": octets(m.ek), "ak_public": octets(m.ak)}
        asked = self.said("enrol", {**body, "ek_certificates": []})
        opened = m.activate(base64.b64decode(str(asked["credential_blob"])), base64.b64decode(str(asked["secret"])))
        return self.post("activate", {"session": asked["session"], "credential": octets(opened)})

    def nonce(self) -> bytes:
        """A challenge."""
        return base64.b64decode(str(self.said("challenge", {"host": self.name, "ak_name": self.machine.name})["nonce"]))

    def body(self, nonce: bytes, **fields: object) -> dict[str, object]:
        """Its answer."""
        evidence = json.loads(self.machine.quote(nonce, **fields))
        return {"host": self.name, "nonce": octets(nonce), "evidence": evidence}

    def round(self, **fields: object) -> dict[str, object]:
        """A challenge and its answer."""
        return self.said("evidence", self.body(self.nonce(), **fields))


def owner(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """A command of the owner's."""
    told = ["-m", "strongroom", "attest", "hosts", *words, "--config", "strongroom.toml"]
    return subprocess.run(
        [sys.executable, *told], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


def listed(folder: Path) -> dict[str, dict[str, object]]:
    """The hosts as the owner sees them."""
    found = json.loads(owner(folder, "--format", "json").stdout)
    assert found["schema"] == "strongroom.hosts/1"
    return {h["host"]: h for h in found["hosts"]}


WORDS = ("attest", "--listen", "127.0.0.1:0", "--config", "strongroom.toml", "--offline")


@pytest.fixture
def server(folder: Path) -> Iterator[Serving]:
    """A server of its own."""
    serving.need_server()
    with serving.running(WORDS, folder) as found:
        yield found


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One server for what is refused anyway."""
    serving.need_server()
    with serving.running(WORDS, prepared(tmp_path_factory.mktemp("watch"))) as found:
        yield found


def admitted(server: Serving, folder: Path, number: int = 1, name: str = "node1") -> Host:
    """A host that is let in."""
    host = Host(server, Machine(number), name)
    got = json.loads(host.enrol().body)
    assert got == {"host": name, "ak_name": host.machine.name, "grade": "first-use", "admitted": False}
    assert owner(folder, "admit", name).returncode == 0
    return host


def problem(got: Got, status: int) -> str:
    """What an error says of itself."""
    assert (got.status, got.headers["content-type"]) == (status, "application/problem+json")
    told = json.loads(got.body)
    assert (told["status"], told["type"], set(told)) == (status, "about:blank", {"type", "title", "status", "detail"})
    return str(told["detail"])


def test_a_hosts_life_and_its_owners_view(server: Serving, folder: Path) -> None:
    """Enrolled, admitted, trusted, changed and lost, with what the owner is shown and the exit codes at each step."""
    assert owner(folder).stdout.startswith("no host yet")
    host = admitted(server, folder)
    assert host.round()["standing"] == "trusted"
    seen = owner(folder)
    assert (seen.returncode, "1 trusted" in seen.stdout) == (0, True)
    assert max(map(len, seen.stdout.splitlines())) <= 80
    host.machine.events = OTHER_BOOT
    assert host.round() == {"standing": "lost", "until": None, "failed": ["tpm.measurement"]}
    seen = owner(folder)
    assert (seen.returncode, "tpm.measurement: found" in seen.stdout) == (1, True)
    assert max(map(len, seen.stdout.splitlines())) <= 80
    assert listed(folder)["node1"]["failed"] == ["tpm.measurement"]
    record = folder / "r.appraisal.json"
    for words, code in ((("--failed",), 0), ((), 0)):
        assert owner(folder, "record", "node1", *words, "-o", str(record)).returncode == code
        replayed = [sys.executable, "-m", "strongroom", "attest", "replay", str(record)]
        assert subprocess.run(replayed, env=ENVIRONMENT, capture_output=True, check=False).returncode == 0
    assert owner(folder, "forget", "node1").returncode == 0
    assert problem(host.post("challenge", {"host": "node1", "ak_name": host.machine.name}), 404)
    assert owner(folder, "forget", "node1").returncode == 2


def test_replays_and_strangers_are_refused(server: Serving, folder: Path) -> None:
    """An answer that was given, another's nonce, another key, and another machine under the name."""
    host = admitted(server, folder)
    other = admitted(server, folder, 2, "node2")
    body = host.body(host.nonce())
    assert host.said("evidence", body)["standing"] == "trusted"
    problem(host.post("evidence", body), 403)
    problem(host.post("evidence", host.body(other.nonce())), 403)
    thief = Machine(3)
    told = host.round(signer=thief.key, area=thief.ak)
    assert (told["standing"], "tpm.ak_certified" in told["failed"]) == ("trusted", True)  # type: ignore[operator] # a list
    assert "its owner has to decide" in problem(Host(server, thief, "node1").enrol(), 409)
    assert "its owner has to decide" in problem(Host(server, host.machine, "node3").enrol(), 409)
    assert "refused" in owner(folder).stdout
    assert listed(folder)["node2"]["state"] == "enrolled"


def test_names_of_hosts_are_the_same_in_capitals(server: Serving, folder: Path) -> None:
    """`NODE1` is no second host."""
    host = admitted(server, folder)
    assert Host(server, host.machine, "NODE1").round()["standing"] == "trusted"


def test_everything_is_there_after_a_restart(folder: Path) -> None:
    """A server that was ended, or killed, leaves enrolments, admissions and standings to the next."""
    serving.need_server()
    with serving.running(WORDS, folder) as server:
        host = admitted(server, folder)
        assert host.round()["standing"] == "trusted"
        before, nonce = listed(folder)["node1"], host.nonce()
        server.process.kill()
        server.process.wait()
        assert server.process.stderr is not None
        server.process.stderr.close()
    with serving.running(WORDS, folder) as server:
        host.server = server
        assert listed(folder)["node1"] == before
        assert host.said("evidence", host.body(nonce))["standing"] == "trusted"
        assert host.round()["standing"] == "trusted"


def test_a_silent_host_goes_stale_by_itself(folder: Path) -> None:
    """The server's own sweep ends the lease, tells it, and logs it."""
    serving.need_server()
    with serving.running((*WORDS, "--interval", "4"), folder) as server:
        host = admitted(server, folder)
        assert host.round()["standing"] == "trusted"
        until = time.monotonic() + 30
        while b'strongroom_hosts{state="stale"} 1' not in server.ask("GET", "/metrics").body:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert listed(folder)["node1"]["state"] == "stale"
        assert owner(folder).returncode == 1
    entries = [sys.executable, "-m", "strongroom", "log", "list", "--config", "strongroom.toml"]
    told = subprocess.run(entries, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False).stdout
    assert [told.count(f"  {k} ") for k in ("enrolment", "standing", "roll-call")] == [2, 2, 1]


def test_without_the_log_nothing_is_gained(server: Serving, folder: Path) -> None:
    """A log that was taken away refuses gains with a time to come back, and takes no answer for a good one."""
    host = admitted(server, folder)
    (folder / "state/log").rename(folder / "state/away")
    assert problem(host.post("evidence", host.body(host.nonce())), 503)
    assert listed(folder)["node1"]["state"] == "enrolled"
    health = json.loads(server.ask("GET", "/healthz").body)
    assert (health["status"], health["log"]) == ("degraded", "unavailable")


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("enrol", b""),
        ("enrol", b"[]"),
        ("enrol", b'{"schema":"strongroom.enrol/2","host":"a","ek_public":"","ak_public":""}'),
        ("enrol", b'{"schema":"strongroom.enrol/1","host":"../a","ek_public":"","ak_public":""}'),
        ("enrol", b'{"schema":"strongroom.enrol/1","host":"a","ek_public":"?","ak_public":""}'),
        ("enrol", b'{"schema":"strongroom.enrol/1","host":"a","ek_public":"","ak_public":"","more":1}'),
        ("activate", b'{"session":"a","session":"b","credential":""}'),
        ("challenge", b'{"host":"a\\u0000","ak_name":"000b000b"}'),
        ("challenge", b'{"host":"a","ak_name":"../../x"}'),
        ("evidence", b'{"host":"a","nonce":"","evidence":{},"evidence":{}}'),
        ("evidence", b'{"host":"a","host":"b","nonce":"","evidence":{}}'),
        ("evidence", b'{"host":"a","nonce":"","evidence":{}}x'),
        ("evidence", b"\xff\xfe"),
    ],
)
def test_bodies_that_are_none_are_refused(untouched: Serving, what: str, body: bytes) -> None:
    """With what is wrong in words, and the server goes on."""
    assert problem(untouched.ask("POST", f"/attest/v0/{what}", iter([body])), 400)
    assert untouched.ask("GET", "/healthz").status == 200


def test_other_paths_methods_and_sizes(untouched: Serving) -> None:
    """Errors have one form, and a body that is too large is not read."""
    assert problem(untouched.ask("GET", "/attest/v0/enrol"), 405)
    assert problem(untouched.ask("POST", "/attest/v1/enrol", iter([b"{}"])), 404)
    large = (b"x" * 65536 for _ in range(5))
    assert problem(untouched.ask("POST", "/attest/v0/enrol", large), 413)
    assert problem(untouched.ask("POST", "/attest/v0/activate", iter([b'{"session":"x","credential":""}'])), 403)
    assert untouched.ask("GET", "/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_one_host_cannot_ask_without_end(folder: Path) -> None:
    """It is told when to come back, and another host at the same address is still answered."""
    serving.need_server()
    text = (folder / "strongroom.toml").read_text().replace("rate = 600", "rate = 6")
    (folder / "strongroom.toml").write_text(text)
    with serving.running(WORDS, folder) as server:
        body = {"host": "node1", "ak_name": "000b" * 2}
        first, other = Host(server, Machine(1)), Host(server, Machine(2), "node2")
        got = [first.post("challenge", body) for _ in range(6)]
        assert [g.status for g in got][:3] == [404] * 3
        assert problem(got[-1], 429)
        assert int(got[-1].headers["retry-after"]) >= 1
        assert other.post("challenge", {**body, "host": "node2"}).status == 404


def test_many_at_once_are_judged_one_by_one(server: Serving, folder: Path) -> None:
    """Four hosts that answer at the same time are all trusted, each once in the log."""
    hosts = [admitted(server, folder, n, f"node{n}") for n in range(1, 5)]
    threads = [threading.Thread(target=h.round) for h in hosts]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert {h["state"] for h in listed(folder).values()} == {"trusted"}


def test_a_policy_that_cannot_be_used_stops_it_from_starting(folder: Path) -> None:
    """And one that is broken while it runs leaves the last in force, and is told."""
    serving.need_server()
    sound = (folder / "policy.toml").read_text()
    (folder / "policy.toml").write_text("nonsense")
    words = [sys.executable, "-P", "-m", "strongroom.serve", *WORDS]
    told = subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (told.returncode, "policy.toml" in told.stderr) == (2, True)
    (folder / "policy.toml").write_text(sound)
    server = serving.start(words, folder)
    assert server.process.stderr is not None
    host = admitted(server, folder)
    (folder / "policy.toml").write_text("nonsense")
    for line in server.process.stderr:
        if "what was in force stays" in line:
            break
    assert host.round()["standing"] == "trusted"
    serving.stop(server)
