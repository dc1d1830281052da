"""Authorities and requests for certificates, as sound or as wrong as a test wants them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from strongroom.kit import svid

Extensions = tuple[tuple[x509.ExtensionType, bool], ...]


def named(text: str) -> x509.Name:
    """A name."""
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def usage(*, signs: bool = True) -> x509.KeyUsage:
    """The usage of an authority, or of one that may not sign certificates."""
    return x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)


@dataclass(frozen=True)
class Authority:
    """An authority. `above` is whoever signed it; `also` are extensions beside the usual ones, `without` lacks some."""

    at: datetime
    key: svid.SigningKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    name: str = "lab authority"
    days: float = 30
    above: "Authority | None" = None
    ca: bool = True
    signs: bool = True
    also: Extensions = ()
    without: tuple[type[x509.ExtensionType], ...] = ()

    def but(self, **fields: object) -> "Authority":
        """Another one."""
        return replace(self, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name

    @cached_property
    def certificate(self) -> x509.Certificate:
        """Its certificate."""
        by = self.above or self
        public = self.key.public_key()
        usual: Extensions = (
            (x509.BasicConstraints(self.ca, None), True),
            (usage(signs=self.signs), True),
            (x509.SubjectKeyIdentifier.from_public_key(public), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), False),
        )
        made = x509.CertificateBuilder(issuer_name=named(by.name), subject_name=named(self.name), public_key=public)
        made = made.serial_number(x509.random_serial_number())
        made = made.not_valid_before(self.at - timedelta(days=1)).not_valid_after(self.at + timedelta(days=self.days))
        for value, critical in (*usual, *self.also):
            if not isinstance(value, self.without):
                made = made.add_extension(value, critical)
        return made.sign(by.key, None if isinstance(by.key, ed25519.Ed25519PrivateKey) else hashes.SHA256())

    @property
    def root(self) -> bytes:
        """The certificate that peers trust, in PEM."""
        return (self.above or self).certificate.public_bytes(Encoding.PEM)

    @property
    def private(self) -> bytes:
        """The key alone."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def pem(self) -> bytes:
        """What is deposited: the key, and the certificates from its own up."""
        chain = [self.certificate] + ([self.above.certificate] if self.above else [])
        return self.private + b"".join(c.public_bytes(Encoding.PEM) for c in chain)

    def issue(
        self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, what: svid.Issue, **spell: object
    ) -> tuple[x509.Certificate, ...]:
        """A certificate by it, with those above it."""
        held = svid.Spell(self.at, self.at + timedelta(hours=1), hashlib.sha256(b"serial").digest()[: svid.SERIAL])
        held = held._replace(**spell)
        by = svid.authority(self.pem, held.now)
        made = svid.issued(by, svid.request(request(key)), what, held)
        return (made, *(c for c in by.chain if c.subject != c.issuer))


def request(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
    names: Sequence[x509.GeneralName] = (),
    subject: str = "",
) -> bytes:
    """A request that may claim names."""
    made = x509.CertificateSigningRequestBuilder(named(subject) if subject else x509.Name([]))
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        made = made.add_extension(x509.BasicConstraints(True, None), critical=True)
    signed = made.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def today() -> datetime:
    """The clock, for what TLS looks at: no test of ours tells TLS the time."""
    return datetime.now(UTC)  # noqa: TID251 - TLS looks at the real clock


def private(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
