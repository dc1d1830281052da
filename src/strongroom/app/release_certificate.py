"""A certificate for the key that was attested: asked for, verified, and handed on with the key for as long as it lasts."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import mlkem
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from strongroom.app.attested_tls import AttestedContext, context
from strongroom.app.release_client import Client, Session
from strongroom.app.release_secret import Secret
from strongroom.kit import jwe, strict_json, svid
from strongroom.model.errors import BadSignature, BadUsage, Malformed, Unreadable
from strongroom.model.release import resource_name

PATH = "strongroom/v0/certificate"
_HASH = hashes.SHA256()
_ANSWER = "answer with a certificate"


class _Certified(msgspec.Struct):
    certificate: str
    decision: str
    policy: str


class Roots:
    """The authorities that certificates must come from, in PEM."""

    def __init__(self, pem: bytes, name: str = "--trust") -> None:
        """Raises Malformed where there is none."""
        try:
            self.certificates = tuple(x509.load_pem_x509_certificates(pem))
        except (ValueError, x509.InvalidVersion):
            raise Malformed(name, "no certificates", "certificates of authorities in PEM") from None
        self.pem = "".join(c.public_bytes(Encoding.PEM).decode() for c in self.certificates)


def roots(path: str) -> Roots:
    """The authorities of a file. Raises Unreadable, Malformed."""
    try:
        return Roots(Path(path).read_bytes(), path)
    except OSError as e:
        why = (e.strerror or "an error").lower()
        raise Unreadable(path, why, "certificates of authorities in PEM") from None


class Certificate:
    """A certificate that was verified, with the key that it is for. The key is in this process's memory, and nowhere else.

    `spiffe` is who this workload is, `until` its end, `chain` the certificates in PEM, `decision` the broker's, by which
    `release replay` makes it again, and `policy` the digest of the release policy that gave it.
    """

    def __init__(self, key: jwe.PrivateKey, answer: _Certified, by: Roots, now: datetime) -> None:
        """Raises BadSignature, Malformed for a certificate that is not this key's, or by another authority."""
        try:
            made = tuple(x509.load_pem_x509_certificates(answer.certificate.encode()))
        except (ValueError, x509.InvalidVersion):
            raise Malformed(_ANSWER, "no certificate", "certificates in PEM") from None
        leaf = made[0]
        if leaf.public_key().public_bytes(*_SPKI) != key.public_key().public_bytes(*_SPKI):
            raise BadSignature(_ANSWER, "a certificate of another key", "one of the key that was attested")
        svid.verified(made, by.certificates, now)
        self._key, self._roots = key, by
        self.chain = "".join(c.public_bytes(Encoding.PEM).decode() for c in made)
        self.authorities = by.pem
        self.spiffe = svid.workload_of(leaf.public_bytes(Encoding.DER))
        self.until = leaf.not_valid_after_utc
        self.serial = f"{leaf.serial_number:x}"
        self.issuer = leaf.issuer.rfc4514_string()
        self.decision, self.policy = answer.decision, answer.policy

    def server_context(self, peers: Iterable[str]) -> AttestedContext:
        """TLS 1.3 for whoever is connected to, by one of `peers` (SPIFFE IDs) and by nobody else. Raises BadUsage."""
        return context(self._pem(), self.authorities, peers, server=True)

    def client_context(self, peer: str) -> AttestedContext:
        """TLS 1.3 for whoever connects, to `peer` (a SPIFFE ID) and to nobody else. Raises Malformed."""
        return context(self._pem(), self.authorities, (peer,), server=False)

    def key(self) -> Secret:
        """The private key (PKCS#8, PEM), for a program of its own. The caller wipes it."""
        octets = self._private()
        held = Secret(len(octets))
        held.view[:] = octets
        return held

    def _pem(self) -> bytes:
        return self._private() + self.chain.encode()

    def _private(self) -> bytes:
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def __repr__(self) -> str:
        """Who it is; nothing of the key."""
        return f"Certificate({self.spiffe!r})"


_SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def certificate(client: Client, name: str, by: Roots, clock: Callable[[], datetime]) -> Certificate:
    """A certificate by the authority that a resource is. Raises as `Client.get`, and as `Certificate`."""
    resource_name(name)
    return client.standing(lambda session: _got(client, name, by, session, clock), name)


def _got(client: Client, name: str, by: Roots, session: Session, clock: Callable[[], datetime]) -> Certificate:
    body = request(session.key)
    answer = client.once(f"{PATH}/{name}", body, session, subject=name)
    session.got.add(name)
    strict_json.check(answer.body, _ANSWER)
    try:
        read = msgspec.json.decode(answer.body, type=_Certified)
    except msgspec.MsgspecError as e:
        raise Malformed(_ANSWER, str(e)[:160], "a certificate and the decision that gave it") from None
    return Certificate(session.key, read, by, clock())


def request(key: jwe.PrivateKey) -> bytes:
    """A request (PKCS#10, DER) without a name, signed by the key. Raises BadUsage for a key that signs nothing."""
    if isinstance(key, mlkem.MLKEM768PrivateKey):
        raise BadUsage("--algorithm", "a key of ML-KEM, which signs nothing", "ECDH-ES+A256KW or RSA-OAEP-256")
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, _HASH)
    return made.public_bytes(Encoding.DER)
