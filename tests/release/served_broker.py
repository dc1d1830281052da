"""A broker behind TLS on loopback, with a certificate of its own authority; what it answers can be made wrong."""

import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from strongroom.app import broker_certificate, broker_output
from strongroom.app.broker import Broker
from strongroom.app.broker_release import resource
from strongroom.app.broker_words import Refused
from strongroom.kit import kbs

Answer = tuple[int, bytes, dict[str, str]]
Spoil = Callable[[Answer], Answer]


@dataclass
class Served:
    """Where it listens, whose certificates count, what it shows, what was asked; `spoil` changes answers by path."""

    url: str
    ca: Path
    certificate: bytes
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # what only the operator learns
    spoil: dict[str, Spoil] = field(default_factory=dict)
    evidence: Callable[[bytes], bytes] | None = None


def certified(folder: Path, name: str = "broker") -> tuple[Path, Path, bytes]:
    """An authority's file, a file of key and certificate for 127.0.0.1, and the certificate in DER."""
    now = datetime.now(UTC)  # noqa: TID251 - TLS looks at the real clock
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} authority")])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    identifier = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())

    def draft(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder(issuer_name=authority, subject_name=subject, public_key=public)
        made = made.serial_number(x509.random_serial_number())
        day = timedelta(days=1)
        return made.not_valid_before(now - day).not_valid_after(now + day)

    root = draft(authority, root_key.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
    root = root.add_extension(usage, True).add_extension(identifier, False)
    leaf = draft(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]), key.public_key())
    leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
    leaf = leaf.add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)
    signed_root, signed_leaf = root.sign(root_key, hashes.SHA256()), leaf.sign(root_key, hashes.SHA256())
    ca, own = folder / f"{name}-ca.pem", folder / f"{name}.pem"
    ca.write_bytes(signed_root.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    own.write_bytes(private + signed_leaf.public_bytes(Encoding.PEM))
    return ca, own, signed_leaf.public_bytes(Encoding.DER)


def _answered(broker: Broker, served: Served, handler: BaseHTTPRequestHandler, body: bytes) -> Answer:
    path, _, query = handler.path.partition("?")
    cookie = handler.headers.get("Cookie", "").removeprefix(f"{kbs.COOKIE}=")
    served.asked.append(path)
    if path == "/kbs/v0/auth":
        opened = broker.auth(body)
        return 200, opened.body, {"Set-Cookie": f"{kbs.COOKIE}={opened.cookie}; Path=/; Secure; HttpOnly"}
    if path == "/kbs/v0/attest":
        return 200, json.dumps({"token": broker.attest(cookie, body)}).encode(), {}
    if path.startswith("/kbs/v0/resource/"):
        return 200, resource(broker, path.removeprefix("/kbs/v0/resource/"), cookie), {}
    if path.startswith("/strongroom/v0/certificate/"):
        name = path.removeprefix("/strongroom/v0/certificate/")
        return 200, broker_certificate.certificate(broker, name, body, cookie), {}
    if path.startswith("/strongroom/v0/recipients/"):
        return 200, broker_output.recipients(broker, path.removeprefix("/strongroom/v0/recipients/"), cookie), {}
    if path.startswith("/strongroom/v0/output/"):
        return 200, broker_output.output(broker, path.removeprefix("/strongroom/v0/output/"), body, cookie), {}
    if path == "/.well-known/jwks.json":
        return 200, broker.setup.tokens.key_set(), {}
    if path == "/strongroom/v0/evidence" and served.evidence is not None:
        return 200, served.evidence(bytes.fromhex(query.removeprefix("nonce="))), {}
    return 404, kbs.problem("NotFound", "there is no such path"), {}


def _handler(broker: Broker, served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            try:
                answer = _answered(broker, served, self, body)
            except Refused as e:
                served.refused.append(str(e))
                answer = e.status, kbs.problem(e.kind, e.public), {}
            spoil = served.spoil.get(self.path.split("?")[0].rsplit("/", 1)[-1])
            status, data, headers = spoil(answer) if spoil else answer
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST  # noqa: N815 - the name that http.server calls

        def log_message(self, *_: object) -> None:
            return

    return Handler


class _Quiet(ThreadingHTTPServer):
    """A client that does not like the certificate goes away: that is its answer."""

    def handle_error(self, *_: object) -> None:
        return


@contextmanager
def serving(broker: Broker, folder: Path) -> Iterator[Served]:
    """The broker while it is open."""
    ca, own, certificate = certified(folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own)
    served = Served("", ca, certificate)
    server = _Quiet(("127.0.0.1", 0), _handler(broker, served))
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    served.url = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
