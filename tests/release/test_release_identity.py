"""Where a certificate and its key may go: a folder in memory, two descriptors, a program, or nowhere."""

import contextlib
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import authority_minting as a
import broker_rig as b
import kinds_rig as k
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from served_broker import Answer, Served, serving

from strongroom.app import release_identity
from strongroom.app.release_certificate import Certificate, Roots, certificate, roots
from strongroom.app.release_client import Client, To
from strongroom.app.release_get import Asking
from strongroom.app.release_identity import AUTHORITIES, CERTIFICATE, KEY, Places
from strongroom.app.release_words import TurnedAway
from strongroom.model.errors import BadInput, BadSignature, BadUsage, Malformed, StrongroomError, Unreadable
from strongroom.model.release import Demand, Issue, Rule, Secret
from strongroom.seal import memory as seal_memory

CA, RANK = "lab/ca/rank", "spiffe://lab.example/rank"


@dataclass
class At:
    """A broker that gives certificates, where it is served, and a guest."""

    rig: k.KindRig
    served: Served
    kind: k.Kind
    authority: a.Authority
    trust: str

    def client(self, **fields: object) -> Client:
        """A client of the guest."""
        to = To(self.served.url, str(self.served.ca), timeout=5.0, **fields)  # type: ignore[arg-type] # by name
        return Client(to, self.kind, lambda: self.rig.now)

    def certificate(self, client: Client) -> Certificate:
        """A certificate of the guest."""
        return certificate(client, CA, roots(self.trust), lambda: self.rig.now)

    def obtain(self, **places: object) -> Certificate:
        """The use case of the command."""
        asking = Asking(To(self.served.url, str(self.served.ca)))
        return release_identity.obtain(asking, CA, self.trust, Places(**places), lambda: self.rig.now, print)  # type: ignore[arg-type] # by name


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[At]:
    """The broker and the guest, at the time of both."""
    kind = k.KINDS["snp"]()
    rig = k.KindRig(tmp_path, now=kind.now, kind=kind)
    assert rig.policy is not None
    rule = Rule(CA, {"lab": Demand(references=("worker 1.4",))}, uses=2, issue=Issue(RANK))
    rig.policy = msgspec.structs.replace(rig.policy, rules=(rule, rig.rule()))
    authority = a.Authority(rig.now)
    rig.store.deposit(rig.keys.wrap(Secret(authority.pem), CA, 1, (b.OWNER,), "certificate"), rig.now)
    trust = tmp_path / "trust.pem"
    trust.write_bytes(authority.root)
    with serving(rig.broker, tmp_path) as served:
        made = At(rig, served, kind, authority, str(trust))

        @contextlib.contextmanager
        def client(*_: object) -> Iterator[Client]:
            with made.client() as found:
                yield found

        monkeypatch.setattr(release_identity, "client", client)
        monkeypatch.setattr(release_identity, "protect", tuple)
        yield made
    rig.log.close()
    rig.store.close()


# The client


def test_a_workload_gets_a_certificate_for_its_key(at: At) -> None:
    """It is for the key that was attested, verified up to the authority, and tells who the workload is."""
    with at.client() as client:
        found = at.certificate(client)
        with found.key() as key:
            private = load_pem_private_key(bytes(key), None)
        leaf = x509.load_pem_x509_certificates(found.chain.encode())[0]
        assert leaf.public_key() == private.public_key()
        assert private.private_numbers() == client.session().key.private_numbers()  # type: ignore[union-attr] # of one kind
    assert found.spiffe == RANK
    assert "PRIVATE" not in repr(found) + found.chain + found.authorities


def test_a_key_of_rsa_gets_one_and_one_of_ml_kem_is_told_why_not(at: At) -> None:
    """What signs can be certified; what does not is refused before anybody is asked."""
    with at.client(algorithm="RSA-OAEP-256") as client:
        assert at.certificate(client).spiffe == RANK
    with at.client(algorithm="ML-KEM-768+A192KW") as client, pytest.raises(BadUsage, match="signs nothing"):
        at.certificate(client)


def test_a_broker_tells_an_ml_kem_key_why_not(at: At) -> None:
    """A client that asks with another key for one of ML-KEM that was attested is told the reason, and it is logged."""
    body = a.request(ec.generate_private_key(ec.SECP256R1()))
    with at.client(algorithm="ML-KEM-768+A192KW") as client:
        session = client.attest()
        with pytest.raises(Malformed, match="signs nothing"):
            client.once(f"strongroom/v0/certificate/{CA}", body, session, CA)
    assert "signs nothing" in at.served.refused[-1]


def test_the_next_certificate_is_of_a_new_attestation(at: At) -> None:
    """Each certificate is asked for with an attestation that had none yet."""
    with at.client() as client:
        first, second = at.certificate(client), at.certificate(client)
    assert first.serial != second.serial
    assert at.served.asked.count("/kbs/v0/attest") == 2


def by(authority: a.Authority, key: ec.EllipticCurvePrivateKey, name: str = RANK) -> Answer:
    """An answer with a certificate."""
    chain = "".join(c.public_bytes(a.Encoding.PEM).decode() for c in authority.issue(key, Issue(name)))
    return 200, msgspec.json.encode({"certificate": chain, "decision": "x", "policy": "y"}), {}


LIES: dict[str, tuple[type[StrongroomError], Callable[[At, Client], Answer]]] = {
    "another's key": (BadSignature, lambda at, _: by(at.authority, ec.derive_private_key(9, ec.SECP256R1()))),
    "another authority": (
        BadSignature,
        lambda at, c: by(a.Authority(at.rig.now), c.session().key),  # type: ignore[arg-type] # of one kind
    ),
    "nothing": (Malformed, lambda *_: (200, b"{}", {})),
    "no certificate": (Malformed, lambda *_: (200, b'{"certificate":"","decision":"","policy":""}', {})),
}


@pytest.mark.parametrize(("error", "lie"), LIES.values(), ids=LIES)
def test_a_certificate_that_does_not_do_is_not_used(
    at: At, error: type[StrongroomError], lie: Callable[[At, Client], Answer]
) -> None:
    """What a broker answers is verified: whose key, by whom, and what it is."""
    with at.client() as client:
        client.attest()
        at.served.spoil["rank"] = lambda _: lie(at, client)
        with pytest.raises(error):
            at.certificate(client)


def test_an_authority_is_named(tmp_path: Path) -> None:
    """A file without certificates, or none, trusts nobody."""
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(Unreadable):
        roots(str(tmp_path / "none"))
    with pytest.raises(BadInput):
        Roots(b"no certificates")


# Places


def test_a_folder_gets_three_files(at: At, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, certificate and authorities, each for its owner alone; TLS takes them as they are."""
    monkeypatch.setattr(seal_memory, "in_memory", lambda _: True)
    folder = tmp_path / "tls"
    folder.mkdir()
    at.obtain(folder=str(folder))
    assert {p.name: p.stat().st_mode & 0o777 for p in folder.iterdir()} == dict.fromkeys(
        (KEY, CERTIFICATE, AUTHORITIES), 0o600
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    tls.load_verify_locations(folder / AUTHORITIES)


def test_two_descriptors_get_key_and_certificate(at: At) -> None:
    """For a program that takes them from pipes."""
    pipes = [os.pipe() for _ in range(2)]
    found = at.obtain(key=pipes[0][1], certificate=pipes[1][1])
    heard = [os.read(reading, 1 << 16) for reading, _ in pipes]
    for each in pipes:
        os.close(each[0])
        os.close(each[1])
    assert heard[0].startswith(b"-----BEGIN PRIVATE KEY-----")
    assert heard[1].decode() == found.chain


BAD: dict[str, tuple[str, dict[str, object]]] = {
    "a disk": ("disk", {"folder": "."}),
    "no folder": ("--folder", {"folder": "none/such"}),
    "one descriptor": ("both", {"key": 1}),
    "both": ("one of them", {"folder": ".", "key": 1, "certificate": 2}),
}


@pytest.mark.parametrize(("said", "places"), BAD.values(), ids=BAD)
def test_a_place_that_will_not_do_is_told_before_anything_is_asked(
    at: At, said: str, places: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that could be put nowhere is not asked for: it may be given once."""
    monkeypatch.setattr(seal_memory, "in_memory", lambda _: False)
    with pytest.raises(BadUsage, match=said):
        at.obtain(**places)
    assert at.served.asked == []


def test_a_disk_is_taken_where_that_is_said(at: At, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever says so has it on a disk."""
    monkeypatch.setattr(seal_memory, "in_memory", lambda _: False)
    at.obtain(folder=str(tmp_path), disk=True)
    assert (tmp_path / KEY).exists()


def test_a_refusal_leaves_nothing(at: At, tmp_path: Path) -> None:
    """Where the broker refuses, there is no file."""
    at.rig.policy = None
    folder = tmp_path / "tls"
    folder.mkdir()
    with pytest.raises(TurnedAway):
        at.obtain(folder=str(folder), disk=True)
    assert list(folder.iterdir()) == []


# A program


WORDS: dict[str, str] = {
    "no variables": CA,
    "two": f"{CA}=A,B",
    "four": f"{CA}=A,B,C,D",
    "a number": f"{CA}=1,2,3",
    "lower case": f"{CA}=a,b,c",
    "one twice": f"{CA}=A,A,B",
}


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_what_a_program_is_to_be_told_is_said(word: str) -> None:
    """Three variables, each another."""
    with pytest.raises(BadUsage):
        release_identity.read((word,))


def test_renewing_and_certificates_do_not_go_together(at: At) -> None:
    """A program that runs has what it has; nor is there a certificate without an authority."""
    with pytest.raises(BadUsage, match="renew"):
        release_identity.given((f"{CA}=A,B,C",), at.trust, lambda: at.rig.now, renew=True)
    with pytest.raises(BadUsage, match="--trust"):
        release_identity.given((f"{CA}=A,B,C",), None, lambda: at.rig.now, renew=False)


_CHILD = """
import os, ssl, sys
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(os.environ["CERT"], os.environ["KEY"])
tls.load_verify_locations(os.environ["CA"])
try:
    os.write(os.open(os.environ["KEY"], os.O_RDWR), b"x")
except OSError:
    sys.exit(7)
"""


def test_a_program_inherits_them(at: At) -> None:
    """An unmodified program opens the paths that it is told, and can change nothing of what is behind them."""
    more = release_identity.given((f"{CA}=CERT,KEY,CA",), at.trust, lambda: at.rig.now, renew=False)
    with at.client() as client:
        told = more(client)
    numbers = [int(path.rpartition("/")[2]) for path in told.values()]
    try:
        done = subprocess.run((sys.executable, "-c", _CHILD), env=told, pass_fds=numbers, check=False, timeout=60)
    finally:
        for number in numbers:
            os.close(number)
    assert done.returncode == 7
    assert set(told) == {"CERT", "KEY", "CA"}


def test_the_contexts_of_a_certificate_are_those_of_attested_tls(at: At) -> None:
    """A certificate makes contexts for both sides, and for named peers alone."""
    with at.client() as client:
        found = at.certificate(client)
    assert found.server_context([RANK]).peers == {RANK}
    assert found.client_context(RANK).minimum_version == ssl.TLSVersion.TLSv1_3
    with pytest.raises(BadUsage):
        found.server_context([])
