"""A local server over TLS for the clouds' key services: one authority, one certificate, and answers from a function."""

import datetime as dt
import ipaddress
import json
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from strongroom.keys import _cloud

Body = Mapping[str, object]
Answer = tuple[int, Body | str]


class Asked(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found

    def form(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(self.body.decode()))


class Cloud:
    """What answers. `fault` is asked before each request, and `seen` has every one of them."""

    def __init__(self) -> None:
        self.fault: Callable[[Asked], Answer | None] = lambda _: None
        self.seen: list[Asked] = []

    def take(self, asked: Asked) -> Answer:
        self.seen.append(asked)
        return self.fault(asked) or self.answer(asked)

    def answer(self, asked: Asked) -> Answer:
        raise NotImplementedError


class Pki(NamedTuple):
    """An authority, and a server's key and certificate for this host."""

    root: bytes
    leaf: bytes
    key: rsa.RSAPrivateKey

    def files(self, folder: Path) -> tuple[str, str]:
        """The files of the authority, and of the server's certificate with its key."""
        ca, server = folder / "ca.pem", folder / "server.pem"
        pem = serialization.Encoding.PEM
        ca.write_bytes(x509.load_der_x509_certificate(self.root).public_bytes(pem))
        private = self.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        server.write_bytes(private + x509.load_der_x509_certificate(self.leaf).public_bytes(pem))
        return str(ca), str(server)


@cache
def pki(name: str = "tests", host: str = "localhost") -> Pki:
    """An authority of a name, and what it issued for a host and for 127.0.0.1."""
    authority, key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority of {name}")])
    start = _cloud.now() - dt.timedelta(days=1)

    def builder(who: x509.Name, public: rsa.RSAPublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(who).issuer_name(subject).public_key(public)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(start)
        return made.not_valid_after(start + dt.timedelta(days=30))

    usage = dict.fromkeys(
        [
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    root = (
        builder(subject, authority.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{**usage, "key_cert_sign": True}), critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority, SHA256())
    )
    names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    leaf = (
        builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(authority, SHA256())
    )
    der = serialization.Encoding.DER
    return Pki(root.public_bytes(der), leaf.public_bytes(der), key)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud: ClassVar[Cloud]

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        told = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, path, dict(urllib.parse.parse_qsl(query)), told, body)
        status, found = self.cloud.take(asked)
        data = found.encode() if isinstance(found, str) else json.dumps(found).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"http://{self.headers['Host']}/elsewhere")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 - the names that http.server calls

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients that go away are part of the test."""


@contextmanager
def serving(cloud: Cloud, certificate: str = "") -> Iterator[str]:
    """A server on loopback, over TLS where it has a certificate; its address."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"cloud": cloud}))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"{'https://localhost' if certificate else 'http://127.0.0.1'}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def private_file(folder: Path, name: str, text: str) -> str:
    """A file that is its owner's alone."""
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return str(path)
