"""A folder with all that a broker's process needs, and somebody who speaks to it over TLS."""

import contextlib
import hashlib
import http.client
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import broker_rig as b
import serving
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from served_broker import certified

from strongroom.app.broker_open import open_keys, open_state
from strongroom.app.config import load
from strongroom.app.key_backends import backend
from strongroom.app.release_policy import parse
from strongroom.kit import kbs, release_policy
from strongroom.kit.gate import LogGate
from strongroom.kit.tlog import policy as trust
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.release import KeySettings, Secret

ANN = SignerKey("lab-ann", Kind.ED25519, bytes(range(32)))
AUTH, ATTEST, RESOURCE = "/kbs/v0/auth", "/kbs/v0/attest", "/kbs/v0/resource/"
WEIGHTS = RESOURCE + b.WEIGHTS
Got = serving.Got


@dataclass
class House:
    """Files of a broker. `state` is its database, a path or a URL."""

    folder: Path
    state: str = ""
    repository: str = "models"
    name: str = "weights"
    admins: dict[str, tuple[str, ...]] = field(default_factory=dict)
    more: str = ""
    before: str = ""  # sections

    def __post_init__(self) -> None:
        self.ca, _, self.certificate = certified(self.folder)
        self.config = self.folder / "strongroom.toml"
        self._people()
        self.prepare()
        self.config.write_text(self._text())
        self.policy(1)
        self.deposit(f"{self.repository}/weights/llm-1", b.SECRET)

    def prepare(self) -> None:
        """What the configuration names; here the folder of a back end."""
        (self.folder / "passphrase").touch(0o600)
        (self.folder / "passphrase").write_text("correct horse battery staple\n")
        options = {"folder": str(self.folder / "keys"), "passphrase-file": str(self.folder / "passphrase")}
        prepare = backend("file").prepare
        assert prepare is not None
        prepare(KeySettings(options))

    def sections(self) -> str:
        """[attest] and the back ends of the configuration."""
        f = self.folder
        keys = f'[broker.keys.file]\nfolder = "{f}/keys"\npassphrase-file = "{f}/passphrase"\n'
        return f'[attest]\ncache = "{f}/cache"\n{keys}'

    def _people(self) -> None:
        """A certificate for each person, and a file of their authorities."""
        held, self.keys = b"", {}
        for name in self.admins:
            ca, _, der = certified(self.folder, name)
            held += ca.read_bytes()
            spki = x509.load_der_x509_certificate(der).public_key()
            octets = spki.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            self.keys[name] = hashlib.sha256(octets).hexdigest()
        (self.folder / "admins.pem").write_bytes(held)

    def _text(self) -> str:
        f = self.folder
        plain = "" if "redact_log" in self.more else "redact_log = false\n"
        rate = "" if "address_rate" in self.more else "address_rate = 100000\n"
        admins = "".join(
            f'[[broker.admins]]\nname = "{n}"\nkey = "{self.keys[n]}"\nroles = {json.dumps(roles)}\n'
            for n, roles in self.admins.items()
        )
        return (
            f'{self.before}[state]\npath = "{f}/strongroom.db"\n'
            f'[broker]\nstate = "{self.state or f / "broker.db"}"\npolicy = "{f}/policy.toml"\n'
            f'signers = ["{ANN.verifier}"]\nevidence = "none"\n{rate}{plain}{self.more}{self.sections()}{admins}'
        )

    def policy_text(self, version: int, **rule: str) -> str:
        """A release policy: whoever runs the minted node may have any of the weights."""
        fields = "".join(f"{k} = {v}\n" for k, v in {"uses": "100", "approvals": "0", **rule}.items())
        return (
            f'schema = "strongroom.release-policy/1"\nname = "{self.name}"\nversion = {version}\n'
            f'[[owner]]\nname = "lab"\nkeys = ["{ANN.verifier}"]\n'
            f'[[rule]]\nresource = "{self.repository}/weights/*"\n{fields}[rule.owners.lab]\nreferences = ["worker 1.4"]\n'
        )

    def note(self, text: str) -> bytes:
        """The signature of the owner, who is the broker's signer too."""
        return release_policy.sign(text.encode(), parse(text.encode(), "policy"), Ed25519Signer(ANN))

    def policy(self, version: int, **rule: str) -> None:
        """Put a signed policy into its place."""
        text = self.policy_text(version, **rule)
        (self.folder / "policy.toml.ann.sig").write_bytes(self.note(text))
        (self.folder / "policy.toml").write_text(text)

    def deposit(self, name: str, secret: bytes) -> None:
        """Keep a resource, as `release put` does."""
        config = load(str(self.config))
        keys = open_keys(config, LogGate(trust.parse(b"quorum none\n"), ()))
        with open_state(config) as store:
            store.deposit(keys["file"].wrap(Secret(secret), name, 1, (str(ANN.verifier),)), b.x.NOW)
        keys["file"].close()


@dataclass
class Client:
    """Somebody who speaks to a listener; with a certificate, where one is named."""

    url: str
    ca: Path | None
    own: Path | None = None
    cookie: str = ""

    def connection(self) -> http.client.HTTPConnection:
        """A new connection."""
        at = urlsplit(self.url).netloc
        if self.ca is None:
            return http.client.HTTPConnection(at, timeout=30)
        tls = ssl.create_default_context(cafile=self.ca)
        if self.own is not None:
            tls.load_cert_chain(self.own)
        return http.client.HTTPSConnection(at, timeout=30, context=tls)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Got:
        """One request on a connection of its own, with the cookie of the session."""
        given = {**({"Cookie": f"{kbs.COOKIE}={self.cookie}"} if self.cookie else {}), **(headers or {})}
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, body, given)
            response = connection.getresponse()
            return Got(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def open(self, body: bytes | None = None) -> bytes:
        """Begin a session; the nonce."""
        got = self.ask("POST", AUTH, body or b.opening())
        assert got.status == 200, got.body
        self.cookie = got.headers["set-cookie"].partition(";")[0].partition("=")[2]
        return b.nonce_of(got.body)

    def attest(self, **fields: object) -> str:
        """A sound handshake; the token."""
        got = self.ask("POST", ATTEST, b.answer(self.open(), **fields))  # type: ignore[arg-type] # what is amiss with it
        assert got.status == 200, got.body
        return str(json.loads(got.body)["token"])


@dataclass
class Running:
    """A process of a broker."""

    house: House
    process: "subprocess.Popen[str]"
    at: Mapping[str, str]
    log: Path

    def client(self) -> Client:
        """Somebody new."""
        return Client(self.at["listening"], self.house.ca)

    def admin(self, name: str = "") -> Client:
        """Somebody who administers, or would like to."""
        own = self.house.folder / f"{name}.pem" if name else None
        return Client(self.at["administration"], self.house.ca, own)

    def told(self) -> list[dict[str, object]]:
        """What the operator has read by now, without notes."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [held for held in lines if held["event"] == "refused"]

    def said(self) -> str:
        """All of what it has said."""
        return self.log.read_text()


WORDS = ("listening", "administration", "figures")


@contextlib.contextmanager
def running(house: House, *words: str, stops: bool = True) -> Iterator[Running]:
    """A broker's process with roots of the tests, from when it listens until it has left as it should."""
    command = (sys.executable, str(Path(__file__).with_name("broker_process.py")), str(house.folder), *words)
    with launched(house, command, stops=stops) as found:
        yield found


@contextlib.contextmanager
def launched(
    house: House, command: Sequence[str], *, stops: bool = True, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Any process of a broker."""
    whole = {**serving.ENVIRONMENT, **(environment or {})}
    serving.need_server()
    log = house.folder / f"said-{time.monotonic_ns()}"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=house.folder, env=whole, stderr=out, text=True)
    try:
        yield Running(house, process, _listening(process, log), log)
    finally:
        if process.poll() is None:
            process.terminate() if stops else process.kill()
        code = process.wait(60)
    assert not stops or code == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def _listening(process: "subprocess.Popen[str]", log: Path) -> dict[str, str]:
    """The addresses, once it listens; the public one is told last."""
    while True:
        lines = [line.split() for line in log.read_text().splitlines() if line.startswith(WORDS)]
        at = {words[0]: words[-1] for words in lines if len(words) == 3}
        if "listening" in at:
            return at
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
