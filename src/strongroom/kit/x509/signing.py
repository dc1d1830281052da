"""The signatures that vendors of trusted hardware put under certificates and lists, and nothing else."""

from enum import Enum
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from strongroom.kit import der
from strongroom.model.errors import BadSignature, Malformed


class Algorithm(Enum):
    """A signature algorithm: (name, hash, salt of PSS in octets)."""

    ECDSA_SHA256 = ("ecdsa-with-SHA256", SHA256, 0)
    ECDSA_SHA384 = ("ecdsa-with-SHA384", SHA384, 0)
    ECDSA_SHA512 = ("ecdsa-with-SHA512", SHA512, 0)
    RSA_SHA256 = ("sha256WithRSAEncryption", SHA256, 0)
    RSA_SHA384 = ("sha384WithRSAEncryption", SHA384, 0)
    RSA_SHA512 = ("sha512WithRSAEncryption", SHA512, 0)
    PSS_SHA256 = ("RSASSA-PSS with SHA-256", SHA256, 32)
    PSS_SHA384 = ("RSASSA-PSS with SHA-384", SHA384, 48)
    PSS_SHA512 = ("RSASSA-PSS with SHA-512", SHA512, 64)

    @property
    def hash(self) -> HashAlgorithm:
        """The hash that the signature is over."""
        made: HashAlgorithm = self.value[1]()
        return made

    @property
    def is_pss(self) -> bool:
        """Whether it is RSA with PSS padding."""
        return bool(self.value[2])


_ECDSA = {a: ec.ECDSA(a.hash) for a in Algorithm if a.value[0].startswith("ecdsa")}
_BY_OID = {
    "1.2.840.10045.4.3.2": Algorithm.ECDSA_SHA256,
    "1.2.840.10045.4.3.3": Algorithm.ECDSA_SHA384,
    "1.2.840.10045.4.3.4": Algorithm.ECDSA_SHA512,
    "1.2.840.113549.1.1.11": Algorithm.RSA_SHA256,
    "1.2.840.113549.1.1.12": Algorithm.RSA_SHA384,
    "1.2.840.113549.1.1.13": Algorithm.RSA_SHA512,
}
_PSS = "1.2.840.113549.1.1.10"
_MGF1 = "1.2.840.113549.1.1.8"
_HASHES = {
    "2.16.840.1.101.3.4.2.1": Algorithm.PSS_SHA256,
    "2.16.840.1.101.3.4.2.2": Algorithm.PSS_SHA384,
    "2.16.840.1.101.3.4.2.3": Algorithm.PSS_SHA512,
}


def algorithm(element: der.Element) -> Algorithm:
    """The algorithm of an AlgorithmIdentifier. Raises Malformed for one that no vendor here uses."""
    parts = der.members(element)
    name = der.oid(parts[0]) if parts else ""
    if name == _PSS and len(parts) == 2:
        return _pss(parts[1])
    found = _BY_OID.get(name)
    if found is None or any(p.tag != der.NULL for p in parts[1:]):
        raise Malformed("signature algorithm", name or "none", "ECDSA, or RSA with SHA-2")
    return found


def _pss(parameters: der.Element) -> Algorithm:
    """RSASSA-PSS-params (RFC 4055 section 3.1): hash, MGF1 with the same hash, and a salt as long as the hash."""
    fields = {e.tag: e.value for e in der.members(parameters)}
    if 0xA0 not in fields or 0xA1 not in fields or 0xA2 not in fields:
        raise Malformed("signature algorithm", "RSASSA-PSS with defaults, which are SHA-1", "SHA-2 named")
    named = _hash(der.prefix(fields[0xA0]))
    mask = der.sequence(fields[0xA1])
    if len(mask) != 2 or der.oid(mask[0]) != _MGF1 or _hash(mask[1]) is not named:
        raise Malformed("signature algorithm", "RSASSA-PSS with another mask", "MGF1 with the hash of the signature")
    if der.integer(der.one(fields[0xA2], der.INTEGER)) != named.value[2]:
        raise Malformed("signature algorithm", "RSASSA-PSS with another salt", f"{named.value[2]} octets")
    return named


def _hash(element: der.Element) -> Algorithm:
    parts = der.members(element)
    found = _HASHES.get(der.oid(parts[0])) if parts else None
    if found is None:
        raise Malformed("signature algorithm", "another hash", "SHA-256, SHA-384 or SHA-512")
    return found


@lru_cache(maxsize=1024)
def public_key(spki: bytes) -> PublicKeyTypes:
    """The key of a SubjectPublicKeyInfo. Raises Malformed."""
    try:
        return load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        raise Malformed("public key", "octets that are no key of a known kind", "RSA or ECDSA") from None


def verify(spki: bytes, how: Algorithm, signature: bytes, data: bytes) -> bytes:
    """The data, when the key has signed it. Raises BadSignature, or Malformed for a key of the wrong kind."""
    if not _verified(spki, how, signature, data):
        raise BadSignature("signature", "one that the key did not make", how.value[0])
    return data


# Chains and collateral are the same for a whole fleet: each signature under them is verified once, not once a report.
# The arguments are the whole statement, so a hit proves exactly what a fresh verification would.
@lru_cache(maxsize=2048)
def _verified(spki: bytes, how: Algorithm, signature: bytes, data: bytes) -> bool:
    return valid(public_key(spki), how, signature, data)


def valid(key: PublicKeyTypes, how: Algorithm, signature: bytes, data: bytes) -> bool:
    """Whether the key made the signature; not kept. Raises Malformed for a key of the wrong kind."""
    name, curve = how.value[0], _ECDSA.get(how)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and curve is not None:
            key.verify(signature, data, curve)
        elif isinstance(key, rsa.RSAPublicKey) and curve is None and key.key_size >= 2048:
            pss = padding.PSS(padding.MGF1(how.hash), how.value[2])
            key.verify(signature, data, pss if how.is_pss else padding.PKCS1v15(), how.hash)
        else:
            raise Malformed("public key", type(key).__name__, f"a key for {name}")
    except InvalidSignature:
        return False
    return True
