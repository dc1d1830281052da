"""X.509-SVIDs: certificates that give a workload one name, a SPIFFE ID (SPIFFE X509-SVID.md, SPIFFE-ID.md).

A request is taken for its key alone, which must have signed it (RFC 2986, section 4.2): every name in it is ignored. What a
certificate says comes from the policy, its serial number and its times from the caller. An authority is a private key with
its own certificates, as PEM; it is looked at before it signs, so that no verifier is left to find out.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from strongroom.model.errors import BadSignature, Malformed, TooLarge
from strongroom.model.release import Issue

SERIAL = 20  # octets of chance for a serial number (RFC 5280, section 4.1.2.2: at most 20, positive)
MOST_REQUEST = 64 << 10  # octets
MOST_MINUTES = 24 * 60
SKEW = timedelta(seconds=30)  # by which the clock of a peer may be behind
_MOST_CHAIN = 8
_MOST_ID = 2048  # octets of a SPIFFE ID (SPIFFE-ID, section 2.3)
_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")  # section 2.1
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+")  # section 2.2
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_USAGES = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}
_SCHEME = "spiffe://"
_PEM = b"-----BEGIN"
_CURVES = {"secp256r1", "secp384r1", "secp521r1"}
SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
LeafKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
# A version that there is not is an exception of its own kind.
_BROKEN = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)


class Request(NamedTuple):
    """What counts of a request: its key, the key's SubjectPublicKeyInfo in DER, and the digest of the request (DER)."""

    key: LeafKey
    spki: bytes
    digest: str


class Authority(NamedTuple):
    """A key that signs, and its certificates: its own first."""

    key: SigningKey
    chain: tuple[x509.Certificate, ...]


class Spell(NamedTuple):
    """When it is made, until when the workload's appraisal holds, and chance for the serial number."""

    now: datetime
    ends: datetime
    chance: bytes


# Names


def spiffe_id(text: str) -> str:
    """A SPIFFE ID of a workload: `spiffe://TRUST-DOMAIN/PATH`. Raises Malformed."""
    domain, slash, path = text.removeprefix(_SCHEME).partition("/")
    segments = path.split("/")
    good = text.startswith(_SCHEME) and slash and len(text) <= _MOST_ID and _DOMAIN.fullmatch(domain)
    if not good or any(not _SEGMENT.fullmatch(s) or s in (".", "..") for s in segments):
        raise Malformed("SPIFFE ID", repr(text[:80]), "spiffe://TRUST-DOMAIN/PATH, without a wildcard or an escape")
    return text


def domain_of(text: str) -> str:
    """The trust domain of a SPIFFE ID."""
    return text.removeprefix(_SCHEME).partition("/")[0]


def check(issue: Issue) -> None:
    """Raise Malformed for names, times or usages that no certificate can have."""
    spiffe_id(issue.spiffe)
    for name in issue.dns:
        if not _HOST.fullmatch(name):
            raise Malformed("dns", repr(name[:80]), "a host's name in lower case, without a wildcard")
    if not 1 <= issue.minutes <= MOST_MINUTES:
        raise Malformed("minutes", f"{issue.minutes:g}", "from 1 to a day")
    if not issue.usages or set(issue.usages) - set(_USAGES):
        raise Malformed("usages", ", ".join(issue.usages)[:80] or "none", " or ".join(_USAGES))


# The request


def request(body: bytes) -> Request:
    """A PKCS#10 request, DER or PEM, that its own key has signed.

    Raises:
        TooLarge, Malformed: it is none, or its key is of another kind.
        BadSignature: its key did not sign it: whoever sent it need not have that key.
    """
    if len(body) > MOST_REQUEST:
        raise TooLarge("certificate request", f"{len(body)} octets", f"at most {MOST_REQUEST}")
    try:
        pem = body.lstrip().startswith(_PEM)
        read = x509.load_pem_x509_csr(body) if pem else x509.load_der_x509_csr(body)
        key, signed = read.public_key(), read.is_signature_valid
    except _BROKEN:
        raise Malformed("certificate request", "octets that cannot be read", "PKCS#10, DER or PEM") from None
    except InvalidSignature:
        signed = False
    if not signed:
        raise BadSignature("certificate request", "a signature that does not verify", "one by the key that it is for")
    usable = _usable(key)
    spki = usable.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.sha256(read.public_bytes(Encoding.DER)).hexdigest()
    return Request(usable, spki, f"sha256:{digest}")


def _usable(key: object) -> LeafKey:
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    if isinstance(key, rsa.RSAPublicKey) and 2048 <= key.key_size <= 8192:
        return key
    raise Malformed("certificate request", "a key of another kind", "P-256, P-384, P-521 or RSA of 2048 bits or more")


# The authority


def authority(pem: bytes, now: datetime) -> Authority:
    """The authority of a PEM file: a private key (PKCS#8, not encrypted), its certificate, and those above it.

    Raises:
        Malformed: it is none; the certificate is another key's; it may not sign certificates, or not now; verifiers that are
            strict would refuse it (RFC 5280, sections 4.2.1.2, 4.2.1.3, 4.2.1.9).
    """
    try:
        key = load_pem_private_key(pem, None)
        chain = tuple(x509.load_pem_x509_certificates(pem))
    except _BROKEN:
        raise Malformed("authority", "octets that cannot be read", "a private key and its certificates, PEM") from None
    if not isinstance(key, SigningKey):
        raise Malformed("authority", "a key that cannot sign", "an EC, RSA or Ed25519 key")
    if not 1 <= len(chain) <= _MOST_CHAIN:
        raise Malformed("authority", f"{len(chain)} certificates", f"1 to {_MOST_CHAIN}, its own first")
    if _spki(key.public_key()) != _spki(chain[0].public_key()):
        raise Malformed("authority", "a certificate of another key", "its own certificate first")
    for below, above in pairwise(chain):
        _signed_by(below, above)
    for certificate in chain:
        _may_sign(certificate, now)
    return Authority(key, chain)


def _signed_by(below: x509.Certificate, above: x509.Certificate) -> None:
    try:
        below.verify_directly_issued_by(above)
    except (InvalidSignature, *_BROKEN):
        raise Malformed("authority", "certificates that are no chain", "each signed by the one behind it") from None


def _may_sign(certificate: x509.Certificate, now: datetime) -> None:
    try:
        held = certificate.extensions
        basic = held.get_extension_for_class(x509.BasicConstraints)
        usage = held.get_extension_for_class(x509.KeyUsage)
        held.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        wanted = "basic constraints, key usage and a subject key identifier"
        raise Malformed("authority", "a certificate that lacks an extension", wanted) from None
    if not (basic.critical and basic.value.ca and usage.value.key_cert_sign):
        raise Malformed("authority", "a certificate that signs no certificates", "cA (critical) and keyCertSign")
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        raise Malformed("authority", f"a certificate to {certificate.not_valid_after_utc:%Y-%m-%d}", "one of now")


# The certificate


def issued(by: Authority, asked: Request, issue: Issue, spell: Spell) -> x509.Certificate:
    """The certificate of a key (X509-SVID, sections 2 to 4). It ends with the first of its minutes, the appraisal, the authority.

    Raises Malformed where the authority is of another trust domain, or nothing is left of the time.
    """
    own, start = by.chain[0], spell.now.replace(microsecond=0)
    _of_domain(own, issue)
    above = min(c.not_valid_after_utc for c in by.chain)
    ends = min(start + timedelta(minutes=issue.minutes), spell.ends.replace(microsecond=0), above)
    if ends <= start:
        raise Malformed("certificate", f"an end at {ends:%Y-%m-%dT%H:%M:%SZ}", "one that is to come")
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(issue.spiffe)]
    names += [x509.DNSName(n) for n in issue.dns]
    identifier = own.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    made = (
        x509.CertificateBuilder()
        .issuer_name(own.subject)
        .subject_name(x509.Name([]))
        .public_key(asked.key)
        .serial_number(_serial(spell.chance))
        .not_valid_before(max(start - SKEW, own.not_valid_before_utc))
        .not_valid_after(ends)
        # The subject is empty, so that the names are critical (RFC 5280, section 4.2.1.6).
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNS, critical=True)
        .add_extension(x509.ExtendedKeyUsage([_USAGES[u] for u in issue.usages]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return made.sign(by.key, _hash(by.key))


_SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _serial(chance: bytes) -> int:
    """A number of 159 bits that is not 0: the first bit would make it negative."""
    if len(chance) != SERIAL:
        raise Malformed("serial number", f"{len(chance)} octets of chance", f"{SERIAL}")
    return int.from_bytes(bytes([chance[0] & 0x3F | 0x40]) + chance[1:], "big")


def _of_domain(own: x509.Certificate, issue: Issue) -> None:
    """An authority that has a SPIFFE ID signs for its own trust domain alone (X509-SVID, section 5.2)."""
    try:
        held = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    for uri in held.get_values_for_type(x509.UniformResourceIdentifier):
        if uri.startswith(_SCHEME) and domain_of(uri) != domain_of(issue.spiffe):
            raise Malformed("authority", f"of the trust domain {domain_of(uri)[:60]}", domain_of(issue.spiffe))


def _hash(key: SigningKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA512()
    return hashes.SHA256()


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# Who somebody is


def workload_of(der: bytes) -> str:
    """The SPIFFE ID of a peer's certificate whose chain was verified (X509-SVID, sections 2, 4.3 and 5.2).

    Raises Malformed for one with no such name or several, and for the certificate of an authority.
    """
    try:
        held = x509.load_der_x509_certificate(der).extensions
        names = held.get_extension_for_class(x509.SubjectAlternativeName).value
        uris: Sequence[str] = names.get_values_for_type(x509.UniformResourceIdentifier)
        usage = held.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, *_BROKEN):
        raise Malformed("certificate", "no SPIFFE ID or no key usage", "an X.509-SVID") from None
    basic = [e.value.ca for e in held if isinstance(e.value, x509.BasicConstraints)]
    if any(basic) or usage.key_cert_sign or usage.crl_sign or not usage.digital_signature:
        raise Malformed("certificate", "one that may sign certificates, or nothing", "that of a workload")
    if len(uris) != 1:
        raise Malformed("certificate", f"{len(uris)} URIs", "one SPIFFE ID")
    return spiffe_id(uris[0])


def verified(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now: datetime) -> None:
    """Follow a chain, the workload's first, to one of the roots. Raises BadSignature, Malformed."""
    for certificate in chain[1:]:
        _may_sign(certificate, now)
    leaf = chain[0]
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        raise BadSignature("certificate", f"one to {leaf.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}", "one of now")
    for below, above in pairwise(chain):
        _signed_by(below, above)
    for root in roots:
        if root == chain[-1] and len(chain) > 1:
            return
        try:
            chain[-1].verify_directly_issued_by(root)
        except (InvalidSignature, *_BROKEN):
            continue
        _may_sign(root, now)
        return
    raise BadSignature("certificate", "an authority that is not trusted", "one of --trust")
