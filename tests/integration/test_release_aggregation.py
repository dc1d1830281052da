"""Two owners, two ranks, one aggregator: keys, certificates and outputs only while every owner's demands hold for each.

Four hosts with TPMs in software boot by logs and attest to a broker over TLS. Ranks and aggregator talk over TLS that their
attestation gave them; what they make goes to the owners alone; the log has every step under each owner.
"""

import contextlib
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import authority_minting as a
import broker_rig as b
import file_case
import pytest
import tpm_minting as tpms
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from served_broker import Served, serving

from integration.release_host import GOOD, IMPLANTED, Host, host
from integration.watch_desk import NO_LOG
from strongroom.app import log_entries, release_output
from strongroom.app.appraisal import appraise
from strongroom.app.broker import Judging
from strongroom.app.broker_judging import ReleaseTerms
from strongroom.app.config import BrokerSection, Config
from strongroom.app.log import make_key
from strongroom.app.release_certificate import Certificate, Roots, certificate
from strongroom.app.release_client import Client, To
from strongroom.app.release_policy import sign
from strongroom.app.release_replay import replay
from strongroom.app.release_words import TurnedAway
from strongroom.attest.policy import CompositePolicy, Policy, TpmPolicy
from strongroom.cli.main import group
from strongroom.client import Broker as Door
from strongroom.kit import jwe, outputs, svid
from strongroom.kit.jwk import public_members
from strongroom.model.attest import Endorsements, EvidenceKind, Reference, ReferenceValues
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadSignature
from strongroom.model.log import LogEntry
from strongroom.model.release import CERTIFICATE, Issue, Revocation, Secret, What

_ABSENT = [p for p in ("swtpm", "tpm2") if not shutil.which(p)]
pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(_ABSENT), reason=f"missing: {', '.join(_ABSENT)}")]
AGGREGATES = (*tpms.secure_boot(), *tpms.started(initrd=b"aggregator"))
RANK, AGGREGATOR = "spiffe://joint.example/rank", "spiffe://joint.example/aggregator"
RANK_CA, AGGREGATOR_CA, DATA = "joint/ca/rank", "joint/ca/aggregator", "joint/data/round"
KEY = bytes(range(32))
TAKEN = b"\x06"
OWNERS = ("lab-a", "lab-b")
ENOUGH = 30.0  # seconds; not a measure, only an end to waiting


clock = a.today


def registers(events: tuple[tpms.Measured, ...], *chosen: int) -> dict[str, tuple[str, ...]]:
    """The values that a boot leaves."""
    held = tpms.extended(events)
    return {f"pcr{n}": (held[n].hex(),) for n in chosen}


def policy_file(keys: dict[str, str], receivers: dict[str, jwe.PrivateKey], version: int = 1) -> str:
    """The release policy of both owners: one names builds, the other what was measured."""
    ranks, one = registers(GOOD, 9)["pcr9"], registers(AGGREGATES, 9)["pcr9"]
    lines = ['schema = "strongroom.release-policy/1"', 'name = "joint"', f"version = {version}"]
    for owner, key in keys.items():
        lines += ["[[owner]]", f'name = "{owner}"', f'keys = ["{key}"]']
    for name, held in receivers.items():
        jwk = ", ".join(f'{n} = "{v}"' for n, v in public_members(held.public_key()).items())
        lines += ["[[recipient]]", f'name = "{name}"', f"key = {{ {jwk} }}"]
    for resource, builds, measured, more in (
        (RANK_CA, ["rank 1.4"], ranks, f'[rule.issue]\nspiffe = "{RANK}"\nminutes = 30'),
        (AGGREGATOR_CA, ["aggregator 2.0"], one, f'[rule.issue]\nspiffe = "{AGGREGATOR}"\nminutes = 30'),
        (DATA, ["rank 1.4", "aggregator 2.0"], (*ranks, *one), ""),
    ):
        lines += ["[[rule]]", f'resource = "{resource}"', "uses = 3"]
        lines += [f"recipients = {json.dumps(list(receivers))}"] if resource == DATA else []
        lines += [more, "[rule.owners.lab-a]", f"references = {json.dumps(builds)}"]
        lines += ["[rule.owners.lab-b]", f"measured = {{ pcr9 = {json.dumps(list(measured))} }}"]
    return "\n".join(lines) + "\n"


@dataclass
class Joint:
    """The broker of both owners, their keys, and the hosts by what they are for."""

    rig: b.Rig
    served: Served
    folder: Path
    hosts: dict[str, Host]
    authority: a.Authority
    signing: dict[str, str]
    receivers: dict[str, jwe.PrivateKey]
    clients: list[Client] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The policy."""
        return self.folder / "joint.toml"

    def write(self, version: int, *signers: str) -> None:
        """Bring a policy, signed by some."""
        self.file.write_text(policy_file(self.signing, self.receivers, version))
        for owner in signers:
            sign(str(self.file), str(self.folder / f"{owner}.key"), None)

    def client(self, name: str) -> Client:
        """A client of a host, which attests when it first asks."""
        self.clients.append(Client(To(self.served.url, str(self.served.ca)), self.hosts[name], clock))
        return self.clients[-1]

    def certified(self, client: Client, name: str) -> Certificate:
        """A certificate, verified up to the authority of both."""
        return certificate(client, name, Roots(self.authority.root), clock)

    def entries(self) -> list[LogEntry]:
        """What the log holds, in order."""
        self.rig.log.publish()
        return [got.entry for got in log_entries.entries(self.rig.place) if got.entry is not None]

    def proven(self, index: int) -> bool:
        """Whether the log proves an entry to somebody who has its key alone."""
        proof, entry = self.folder / f"{index}.tlog-proof", self.folder / f"{index}.entry"
        made = ("log", "prove", str(index), "--log", str(self.folder / "log"), "-o", str(proof), "--entry", str(entry))
        assert CliRunner().invoke(group, list(made)).exit_code == 0
        key = self.rig.log.settings.keys[0]
        asked = ["log", "verify", str(proof), "--entry", str(entry), "--key", key]
        return CliRunner().invoke(group, asked).exit_code == 0


@pytest.fixture
def joint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Joint]:
    """Two owners with a broker, and four hosts that they enrolled: one of them booted something else.

    With `False`, without the hosts' event logs: a command finds none of a TPM in software.
    """
    logs = getattr(request, "param", True)
    boots = {"rank-1": GOOD, "rank-2": GOOD, "aggregator": AGGREGATES, "stranger": IMPLANTED}
    with contextlib.ExitStack() as held:
        hosts = {}
        for name, events in boots.items():  # one by one: a port that was found free may be another's soon
            hosts[name] = held.enter_context(host(tmp_path / name))
            hosts[name].boot(events)
        running = held.enter_context(file_case.CASE.start(tmp_path, monkeypatch))
        rig = b.Rig(tmp_path, now=clock())
        keys = running.open(rig.gate)
        enrolled = tuple(h.name() for h in hosts.values())
        told = TpmPolicy(aks=enrolled, unsafe_clock=True, dbx=tuple(r.hex() for r in tpms.REVOKED), secure_boot=logs)
        judged = Policy(tpm=told, composite=CompositePolicy(roots=("tpm",)), unchecked={} if logs else NO_LOG)
        known = ReferenceValues(
            (
                Reference(EvidenceKind.TPM, "rank", registers(GOOD, 0, 4, 7, 8, 9), version="1.4"),
                Reference(EvidenceKind.TPM, "aggregator", registers(AGGREGATES, 0, 4, 7, 8, 9), version="2.0"),
            ),
            "owners",
        )
        signing = {o: str(make_key(o, tmp_path / f"{o}.key", witness=False, algorithm=None)) for o in OWNERS}
        section = BrokerSection(policy=str(tmp_path / "joint.toml"), signers=tuple(signing.values()), threshold=1)
        made = rig.but(
            clock=clock,
            judge=appraise,
            judging=lambda *_: Judging(judged, known, Endorsements()),
            keys={running.backend.name: keys},
            policy=ReleaseTerms(Config(broker=section), rig.store),
        )
        authority = a.Authority(clock())
        for name, octets in ((RANK_CA, authority.pem), (AGGREGATOR_CA, authority.pem), (DATA, KEY)):
            purpose = "" if name == DATA else CERTIFICATE
            rig.store.deposit(keys.wrap(Secret(octets), name, 1, tuple(signing.values()), purpose), clock())
        receivers: dict[str, jwe.PrivateKey] = {
            "lab-a": ec.generate_private_key(ec.SECP256R1()),
            "lab-b": rsa.generate_private_key(public_exponent=65537, key_size=3072),
        }
        served = held.enter_context(serving(made, tmp_path))
        found = Joint(rig, served, tmp_path, hosts, authority, signing, receivers)
        found.write(1, *OWNERS)
        yield found
        for client in found.clients:
            client.close()
        keys.close()
        rig.log.close()
        rig.store.close()


# Real vectors, over real sockets


def _exactly(connection: ssl.SSLSocket, size: int) -> bytes:
    octets = b""
    while len(octets) < size:
        more = connection.recv(size - len(octets))
        assert more, "it ended before all of it came"
        octets += more
    return octets


def summed(listening: socket.socket, me: Certificate, count: int) -> list[float]:
    """The aggregator: take a vector of each rank, say that it came, and sum them. Whoever is no rank is sent away."""
    tls = me.server_context([RANK])
    total: list[float] = []
    while count:
        raw, _ = listening.accept()
        raw.settimeout(ENOUGH)
        try:
            connection = tls.wrap_socket(raw, server_side=True)
        except (OSError, BadSignature):
            raw.close()
            continue
        with connection:
            [size] = struct.unpack("<I", _exactly(connection, 4))
            vector = struct.unpack(f"<{size}d", _exactly(connection, 8 * size))
            connection.sendall(TAKEN)
        total = [x + y for x, y in zip(total, vector, strict=True)] if total else list(vector)
        count -= 1
    return total


def sent(address: tuple[str, int], me: Certificate, vector: list[float]) -> None:
    """A rank: send a vector to the aggregator and to nobody else."""
    tls = me.client_context(AGGREGATOR)
    with socket.create_connection(address, ENOUGH) as raw, tls.wrap_socket(raw) as connection:
        connection.sendall(struct.pack(f"<I{len(vector)}d", len(vector), *vector))
        assert _exactly(connection, 1) == TAKEN


@contextlib.contextmanager
def aggregating(me: Certificate, count: int) -> Iterator[tuple[tuple[str, int], "Future[list[float]]"]]:
    """An aggregator that listens: where, and what it will have summed."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        listening.settimeout(ENOUGH)
        yield listening.getsockname(), pool.submit(summed, listening, me, count)


def refused_by(address: tuple[str, int], tls: ssl.SSLContext) -> bool:
    """Whether a server sends away whoever comes with this context: TLS 1.3 tells a client after its own handshake."""
    try:
        with socket.create_connection(address, ENOUGH) as raw, tls.wrap_socket(raw) as connection:
            connection.sendall(struct.pack("<Id", 1, 1.0))
            return connection.recv(1) != TAKEN
    except (ssl.SSLError, ConnectionError):
        return True


def without(authority: a.Authority) -> ssl.SSLContext:
    """A context that trusts the authority, and has no certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.load_verify_locations(cadata=authority.root.decode())
    return made


def forged(joint: Joint) -> ssl.SSLContext:
    """A context with a certificate of a rank's name by an authority of one's own."""
    own = a.Authority(clock())
    key = ec.generate_private_key(ec.SECP256R1())
    [leaf] = own.issue(key, Issue(RANK))
    made = without(joint.authority)
    path = joint.folder / "forged.pem"
    path.write_bytes(a.private(key) + leaf.public_bytes(a.Encoding.PEM))
    made.load_cert_chain(path)
    return made


def denied(work: Callable[[], object]) -> str:
    """The kind of a refusal."""
    with pytest.raises(TurnedAway) as told:
        work()
    return told.value.kind


def test_two_owners_aggregate(joint: Joint) -> None:
    """Each owner opens the sum of what both ranks sent, which only attested workloads have touched; the log proves it."""
    vectors = {"rank-1": [0.5 * n for n in range(1000)], "rank-2": [0.25 * n for n in range(1000)]}
    total = [0.75 * n for n in range(1000)]
    ranks = {name: joint.client(name) for name in vectors}
    aggregator = joint.client("aggregator")
    for client in (*ranks.values(), aggregator):
        with client.get(DATA) as secret:
            assert bytes(secret) == KEY
    identities = {name: joint.certified(client, RANK_CA) for name, client in ranks.items()}
    me = joint.certified(aggregator, AGGREGATOR_CA)
    with aggregating(me, len(vectors)) as (address, coming):
        assert refused_by(address, without(joint.authority))
        assert refused_by(address, forged(joint))
        for name, vector in vectors.items():
            sent(address, identities[name], vector)
        found = coming.result(ENOUGH)
    assert found == total
    sealed = release_output.seal(aggregator, DATA, struct.pack(f"<{len(found)}d", *found), clock)
    for key in joint.receivers.values():
        opened = outputs.opened(sealed, key)
        assert struct.unpack(f"<{len(total)}d", opened.plaintext) == tuple(total)
    with pytest.raises(BadSignature):
        outputs.opened(sealed, ec.generate_private_key(ec.SECP256R1()))
    _logged(joint, sealed, released=3, certified=3)


def _logged(joint: Joint, sealed: bytes, released: int, certified: int) -> None:
    """Every release is in the log under each owner, is proven, and is decided again byte for byte."""
    entries = joint.entries()
    gave = [e for e in entries if e.kind is EntryKind.RELEASE]
    assert len(gave) == released + certified
    inputs = [_inputs(e) for e in entries]
    assert all({"owner.lab-a", "owner.lab-b"} <= set(held) for held in inputs)
    assert sum("certificate" in held for held in inputs) == certified
    [handed] = [e for e in entries if e.fields["verb"] == "output"]
    assert _inputs(handed)["output"] == outputs.digest_of(sealed)
    assert all(joint.proven(n) for n in range(len(entries)))
    for e in entries:
        if "terms" in _inputs(e):
            assert replay(joint.rig.store, joint.rig.place, str(e.fields["decision"])).differs == ()


def _inputs(entry: LogEntry) -> dict[str, str]:
    names, digests = entry.fields["inputs"], entry.fields["input-digests"]
    assert isinstance(names, tuple)
    assert isinstance(digests, tuple)
    return dict(zip(map(str, names), map(str, digests), strict=True))


def test_a_host_with_another_measurement_gets_nothing(joint: Joint) -> None:
    """No key, no certificate, no recipients, and nothing to say to the aggregator: and the log has each denial."""
    client = joint.client("stranger")
    for work in (
        lambda: client.get(DATA),
        lambda: joint.certified(client, RANK_CA),
        lambda: release_output.seal(client, DATA, b"what it heard", clock),
    ):
        assert denied(work) == "AttestationError"
    kinds = [e.kind for e in joint.entries()]
    assert kinds == [EntryKind.DENIAL] * 3
    assert all(joint.proven(n) for n in range(3))


def test_a_rank_is_no_aggregator(joint: Joint) -> None:
    """A genuine rank gets no certificate of the aggregator; and nobody takes one rank for the aggregator."""
    first, second = joint.client("rank-1"), joint.client("rank-2")
    assert denied(lambda: joint.certified(first, AGGREGATOR_CA)) == "PolicyDeny"
    reasons = str(joint.entries()[-1].fields["reasons"])
    assert "release.demands: lab-a" in reasons
    assert "release.demands: lab-b" in reasons
    with (
        aggregating(joint.certified(second, RANK_CA), 1) as (address, coming),
        pytest.raises(BadSignature, match="rank"),
    ):
        sent(address, joint.certified(first, RANK_CA), [1.0])
    coming.cancel()


def revoked(joint: Joint) -> None:
    """One owner has the policy revoked."""
    terms = joint.rig.store
    with contextlib.closing(joint.client("rank-1")) as client:
        said = release_output.recipients(client, DATA, clock)
    terms.revoke(Revocation(What.POLICY, said.policy, "lab-b withdraws", clock(), "lab-b"))


def unsigned(joint: Joint) -> None:
    """A new version comes that one owner has not signed."""
    joint.write(2, "lab-a")


@pytest.mark.parametrize("withdraw", [revoked, unsigned], ids=["a revocation", "a version without his signature"])
def test_one_owner_who_withdraws_stops_everything(joint: Joint, withdraw: Callable[[Joint], None]) -> None:
    """What was attested before gets nothing any more: no key, no certificate, no output."""
    client = joint.client("rank-1")
    client.attest()
    withdraw(joint)
    before = len(joint.entries())
    assert denied(lambda: client.get(DATA)) == "PolicyDeny"
    assert denied(lambda: joint.certified(client, RANK_CA)) == "PolicyDeny"
    assert denied(lambda: release_output.seal(client, DATA, b"the sum", clock)) == "PolicyDeny"
    entries = joint.entries()[before:]
    assert [e.kind for e in entries] == [EntryKind.DENIAL] * 3


# The commands, as a host runs them


def command(joint: Joint, name: str, *words: str) -> "subprocess.CompletedProcess[bytes]":
    """`strongroom release …` on a host."""
    machine = joint.hosts[name]
    environment = {"PATH": os.defpath, "TPM2TOOLS_TCTI": machine.tcti, "HOME": str(joint.folder)}
    at = ("--broker", joint.served.url, "--ca", str(joint.served.ca), "--interface", "tpm", "--gpus", "no")
    at += ("--state", str(machine.state), "--trust", str(joint.folder / "trust.pem"))
    (joint.folder / "trust.pem").write_bytes(joint.authority.root)
    whole = (sys.executable, "-m", "strongroom", "release", words[0], *at, *words[1:])
    return subprocess.run(whole, env=environment, check=False, capture_output=True, timeout=60)


@pytest.mark.parametrize("joint", [False], indirect=True)
def test_the_commands_on_a_host(joint: Joint) -> None:
    """A host puts a certificate and its key into memory, or hands them to a program; another one gets neither."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        told = command(joint, "rank-1", "certificate", RANK_CA, "--folder", folder)
        assert told.returncode == 0, told.stderr
        assert RANK.encode() in told.stdout
        found = {p.name: p.read_bytes() for p in Path(folder).iterdir()}
        assert set(found) == {"key.pem", "certificate.pem", "authorities.pem"}
        assert found["key.pem"] not in told.stdout + told.stderr
        assert (
            svid.workload_of(x509.load_pem_x509_certificate(found["certificate.pem"]).public_bytes(a.Encoding.DER))
            == RANK
        )
    read = 'grep -q "PRIVATE KEY" "$K" && grep -q CERTIFICATE "$C" && grep -q CERTIFICATE "$A" && exit 7'
    asked = ("exec", "--certificate", f"{RANK_CA}=C,K,A", f"{DATA}=D", "--", "sh", "-c", read)
    assert command(joint, "rank-1", *asked).returncode == 7
    started = joint.folder / "started"
    for name in ("aggregator", "stranger"):
        assert command(joint, name, "certificate", RANK_CA).returncode == 1
        asked = ("exec", "--certificate", f"{RANK_CA}=C,K,A", "--", "touch", str(started))
        assert (command(joint, name, *asked).returncode, started.exists()) == (125, False)


@pytest.mark.parametrize("joint", [False], indirect=True)
def test_the_python_door_on_a_host(joint: Joint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same from Python: a certificate with its contexts, and an output for the owners."""
    machine = joint.hosts["aggregator"]
    monkeypatch.setenv("TPM2TOOLS_TCTI", machine.tcti)
    (joint.folder / "trust.pem").write_bytes(joint.authority.root)
    where = {"interface": "tpm", "state": str(machine.state), "gpus": "no"}
    with Door(joint.served.url, ca=str(joint.served.ca), **where) as door:  # type: ignore[arg-type] # by name
        me = door.certificate(AGGREGATOR_CA, trust=str(joint.folder / "trust.pem"))
        assert (me.spiffe, me.server_context([RANK]).peers) == (AGGREGATOR, {RANK})
        sealed = door.seal_output(DATA, b"the mean")
    assert outputs.opened(sealed, joint.receivers["lab-b"]).plaintext == b"the mean"
