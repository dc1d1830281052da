"""What a TPM 2.0 signs and says, read strictly: attestation structures, signatures, public areas, names, selections.

Sources: TCG TPM 2.0 Library, Part 2 (Structures), revision 1.59: 10.12.8 (TPMS_ATTEST), 10.12.4 (TPMS_QUOTE_INFO), 10.11.1
(TPMS_CLOCK_INFO), 10.6 (PCR selections), 11.3.4 (TPMT_SIGNATURE), 12.2.4 (TPMT_PUBLIC), 8.3 (TPMA_OBJECT); Part 1, 16 (names)
and 31.2 (attestation). Numbers are big-endian.

Nothing here is proven by being read: the structure is what somebody handed over, until a signature over it verifies with
a key that is known to live in a TPM, and its magic says that the TPM made it rather than somebody who let it sign.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.kit.x509.signing import public_key
from strongroom.model.errors import BadSignature, Malformed, TooLarge

MAGIC = 0xFF544347  # TPM_GENERATED_VALUE (6.2): only a TPM puts it before what a restricted key signs
QUOTE = 0x8018  # TPM_ST_ATTEST_QUOTE (6.9)
MOST = 4096  # octets of any structure here; the largest, an RSA-4096 public area, is under 1 KiB
MOST_BANKS = 16  # HASH_COUNT
MOST_PCRS = 32
_RSA, _ECC, _NULL = 0x0001, 0x0023, 0x0010
RSASSA, RSAPSS, ECDSA = 0x0014, 0x0016, 0x0018
_RSAES, _OAEP, _ECDAA = 0x0015, 0x0017, 0x001A
_HASHED_SCHEMES = frozenset({RSASSA, RSAPSS, ECDSA, _OAEP, 0x0019, 0x001B, 0x001C, 0x001D})
# 6.3 (TPM_ALG_ID): number, name in hashlib, octets.
HASHES: Mapping[int, tuple[str, int]] = MappingProxyType(
    {0x0004: ("sha1", 20), 0x000B: ("sha256", 32), 0x000C: ("sha384", 48), 0x000D: ("sha512", 64)}
)
NUMBERS: Mapping[str, int] = MappingProxyType({name: number for number, (name, _) in HASHES.items()})
# SHA-1 is not among them: who can make two structures with one hash can have one signed and show the other.
_SIGNING: Mapping[int, type[HashAlgorithm]] = MappingProxyType({0x000B: SHA256, 0x000C: SHA384, 0x000D: SHA512})
_CURVES: Mapping[int, type[ec.EllipticCurve]] = MappingProxyType(
    {0x0003: ec.SECP256R1, 0x0004: ec.SECP384R1, 0x0005: ec.SECP521R1}
)
# 8.3.2, Table 37: the bits of objectAttributes.
ATTRIBUTES: Mapping[int, str] = MappingProxyType(
    {
        1: "fixedTPM",
        2: "stClear",
        4: "fixedParent",
        5: "sensitiveDataOrigin",
        6: "userWithAuth",
        7: "adminWithPolicy",
        10: "noDA",
        11: "encryptedDuplication",
        16: "restricted",
        17: "decrypt",
        18: "sign",
        19: "x509sign",
    }
)


class _Reader:
    """Takes big-endian pieces off octets; raises Malformed where there are too few."""

    def __init__(self, data: bytes, subject: str) -> None:
        if len(data) > MOST:
            raise TooLarge(subject, f"{len(data)} octets", f"at most {MOST}")
        self.data, self.at, self.subject = data, 0, subject

    def take(self, size: int, what: str) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) != size:
            raise Malformed(self.subject, f"{len(piece)} octets at 0x{self.at:x}", f"{size} of {what}")
        self.at += size
        return piece

    def number(self, size: int, what: str) -> int:
        return int.from_bytes(self.take(size, what), "big")

    def sized(self, what: str, most: int = 1024) -> bytes:
        """A TPM2B: two octets of length, and so many."""
        size = self.number(2, f"the length of {what}")
        if size > most:
            raise Malformed(self.subject, f"{what} of {size} octets", f"at most {most}")
        return self.take(size, what)

    def end(self) -> None:
        if self.at != len(self.data):
            raise Malformed(self.subject, f"{len(self.data) - self.at} octets behind the end", "nothing")


class Selection(NamedTuple):
    """TPMS_PCR_SELECTION: the registers of one bank, ascending."""

    algorithm: int
    pcrs: tuple[int, ...]


class Clock(NamedTuple):
    """TPMS_CLOCK_INFO: milliseconds of running, TPM resets, restarts since the reset, and whether the clock is safe."""

    clock: int
    resets: int
    restarts: int
    safe: bool


class Attest(NamedTuple):
    """TPMS_ATTEST with the body of a quote. `raw` are the octets that are signed; `magic` and `type` are as they stand."""

    raw: bytes
    magic: int
    type: int
    signer: bytes  # qualified name of the key
    extra_data: bytes
    clock: Clock
    firmware: int
    selections: tuple[Selection, ...]
    digest: bytes


class Signature(NamedTuple):
    """TPMT_SIGNATURE. `value` is the RSA signature, or r and s as DER, as verifiers take it."""

    scheme: int
    hash: int
    value: bytes


class Public(NamedTuple):
    """TPMT_PUBLIC of an RSA or ECC key. `scheme` and `hash` are 0x0010 and 0 where the key is bound to none."""

    raw: bytes
    type: int
    name_algorithm: int
    bits: int  # TPMA_OBJECT
    auth_policy: bytes
    scheme: int
    hash: int
    spki: bytes  # SubjectPublicKeyInfo in DER

    @property
    def attributes(self) -> frozenset[str]:
        """The names of the attributes that are set; a reserved bit as its number."""
        return frozenset(ATTRIBUTES.get(n, f"bit {n}") for n in range(32) if self.bits >> n & 1)

    @property
    def name(self) -> bytes:
        """The object's name: the algorithm and the hash of the public area (Part 1, 16)."""
        known = HASHES.get(self.name_algorithm)
        if known is None:
            raise Malformed("TPM public area", f"a name by algorithm 0x{self.name_algorithm:04x}", "SHA-1 or SHA-2")
        return self.name_algorithm.to_bytes(2, "big") + hashlib.new(known[0], self.raw).digest()


def attest(data: bytes) -> Attest:
    """The structure as a quote, whatever magic and type say; those are for the caller to compare. Raises Malformed."""
    r = _Reader(data, "TPM quote")
    magic, kind = r.number(4, "the magic"), r.number(2, "the type")
    signer, extra = r.sized("the signer's name", 68), r.sized("the extra data", 68)
    clock, resets, restarts = r.number(8, "the clock"), r.number(4, "the resets"), r.number(4, "the restarts")
    safe = r.number(1, "whether the clock is safe")
    if safe > 1:
        raise Malformed("TPM quote", f"safe is {safe}", "0 or 1")
    firmware = r.number(8, "the firmware's version")
    selections, digest = _selections(r), r.sized("the digest of the registers", 64)
    r.end()
    told = Clock(clock, resets, restarts, bool(safe))
    return Attest(data, magic, kind, signer, extra, told, firmware, selections, digest)


def attest_2b(data: bytes) -> Attest:
    """The same in a TPM2B_ATTEST: with its length before it."""
    return attest(_unwrapped(data, "TPM quote"))


def quote(data: bytes) -> Attest:
    """A quote that a TPM made, by what it says. Raises Malformed for another magic or type."""
    found = attest(data)
    if found.magic != MAGIC:
        raise Malformed("TPM quote", f"the magic {found.magic:08x}", f"{MAGIC:08x}: made by a TPM")
    if found.type != QUOTE:
        raise Malformed("TPM quote", f"the type {found.type:04x}", f"{QUOTE:04x}: a quote")
    return found


def _unwrapped(data: bytes, subject: str) -> bytes:
    r = _Reader(data, subject)
    inner = r.sized("the structure", MOST)
    r.end()
    return inner


def _selections(r: _Reader) -> tuple[Selection, ...]:
    """TPML_PCR_SELECTION; each bank once, or the order of the digest would be anybody's to choose."""
    count = r.number(4, "the number of banks")
    if count > MOST_BANKS:
        raise Malformed(r.subject, f"{count} banks", f"at most {MOST_BANKS}")
    found: dict[int, Selection] = {}
    for _ in range(count):
        algorithm, size = r.number(2, "a bank"), r.number(1, "the size of a selection")
        if algorithm in found or size > MOST_PCRS // 8:
            raise Malformed(r.subject, f"the bank 0x{algorithm:04x} with {size} octets", "each once, at most 4 octets")
        found[algorithm] = Selection(algorithm, chosen(r.take(size, "a selection")))
    return tuple(found.values())


@lru_cache(maxsize=1024)  # a fleet is asked for the same registers
def chosen(bitmap: bytes) -> tuple[int, ...]:
    """The registers of a bitmap: the lowest bit of the first octet is PCR 0."""
    return tuple(n for n in range(len(bitmap) * 8) if bitmap[n // 8] >> n % 8 & 1)


def signature(data: bytes) -> Signature:
    """A TPMT_SIGNATURE of RSASSA, RSAPSS or ECDSA. Raises Malformed."""
    r = _Reader(data, "TPM signature")
    scheme, hashed = r.number(2, "the scheme"), r.number(2, "the hash")
    if scheme in (RSASSA, RSAPSS):
        value = r.sized("the signature", 512)
    elif scheme == ECDSA:
        first, second = r.sized("r", 66), r.sized("s", 66)
        value = encode_dss_signature(int.from_bytes(first, "big"), int.from_bytes(second, "big"))
    else:
        raise Malformed("TPM signature", f"the scheme 0x{scheme:04x}", "RSASSA, RSAPSS or ECDSA")
    r.end()
    return Signature(scheme, hashed, value)


def verify(spki: bytes, signed: Signature, data: bytes) -> bytes:
    """The data, when the key has signed it. Raises BadSignature; Malformed for a key or hash that does not fit."""
    made = _SIGNING.get(signed.hash)
    if made is None:
        raise Malformed("TPM signature", f"the hash 0x{signed.hash:04x}", "SHA-256, SHA-384 or SHA-512")
    key, how = public_key(spki), made()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and signed.scheme == ECDSA:
            key.verify(signed.value, data, ec.ECDSA(how))
        elif isinstance(key, rsa.RSAPublicKey) and signed.scheme == RSASSA and key.key_size >= 2048:
            key.verify(signed.value, data, padding.PKCS1v15(), how)
        elif isinstance(key, rsa.RSAPublicKey) and signed.scheme == RSAPSS and key.key_size >= 2048:
            # Part 1, B.7: the salt is as long as fits, or as the hash; the TPM's age decides.
            key.verify(signed.value, data, padding.PSS(padding.MGF1(how), padding.PSS.AUTO), how)
        else:
            raise Malformed("TPM signature", f"the scheme 0x{signed.scheme:04x}", "one of the key, which has 2048 bits")
    except InvalidSignature:
        raise BadSignature("TPM signature", "one that the key did not make", "the attestation key's") from None
    return data


# A machine keeps its attestation key: each is read once, not once a quote.
@lru_cache(maxsize=2048)
def public(data: bytes) -> Public:
    """The public area of a key: TPMT_PUBLIC, or a TPM2B_PUBLIC around it. Raises Malformed."""
    if len(data) > 2 and int.from_bytes(data[:2], "big") == len(data) - 2:
        data = _unwrapped(data, "TPM public area")
    r = _Reader(data, "TPM public area")
    kind, named, bits = r.number(2, "the type"), r.number(2, "the name's algorithm"), r.number(4, "the attributes")
    policy = r.sized("the policy", 64)
    if kind not in (_RSA, _ECC):
        raise Malformed("TPM public area", f"the type 0x{kind:04x}", "an RSA or ECC key")
    if r.number(2, "the symmetric algorithm") != _NULL:
        r.take(4, "the symmetric algorithm's size and mode")
    scheme, hashed = _scheme(r)
    spki = _rsa_key(r) if kind == _RSA else _ecc_key(r)
    r.end()
    return Public(data, kind, named, bits, policy, scheme, hashed, spki)


def _scheme(r: _Reader) -> tuple[int, int]:
    scheme = r.number(2, "the scheme")
    if scheme in (_NULL, _RSAES):
        return scheme, 0
    if scheme != _ECDAA and scheme not in _HASHED_SCHEMES:
        raise Malformed(r.subject, f"the scheme 0x{scheme:04x}", "one of Part 2, 11.2")
    hashed = r.number(2, "the scheme's hash")
    if scheme == _ECDAA:
        r.take(2, "the scheme's count")
    return scheme, hashed


def _spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _rsa_key(r: _Reader) -> bytes:
    bits, exponent = r.number(2, "the key's size"), r.number(4, "the exponent") or 65537
    modulus = r.sized("the modulus", 512)
    if len(modulus) * 8 != bits or not modulus or modulus[0] < 0x80:
        raise Malformed(r.subject, f"a modulus of {len(modulus)} octets", f"one of {bits} bits")
    try:
        return _spki(rsa.RSAPublicNumbers(exponent, int.from_bytes(modulus, "big")).public_key())
    except ValueError:
        raise Malformed(r.subject, "an RSA key that cannot be", "a modulus and an exponent") from None


def _ecc_key(r: _Reader) -> bytes:
    curve = r.number(2, "the curve")
    if r.number(2, "the key derivation") != _NULL:
        r.take(2, "the key derivation's hash")
    x, y = r.sized("x", 66), r.sized("y", 66)
    made = _CURVES.get(curve)
    if made is None:
        raise Malformed(r.subject, f"the curve 0x{curve:04x}", "NIST P-256, P-384 or P-521")
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), made())
    try:
        return _spki(numbers.public_key())
    except ValueError:
        raise Malformed(r.subject, "a point that is not on its curve", "a public key") from None


def pcr_digest(selections: Sequence[Selection], values: Mapping[tuple[int, int], bytes], algorithm: int) -> bytes:
    """The hash over the selected registers in the quote's order (Part 3, 18.4): `values` by bank and register.

    Raises Malformed where one was not given, has another size than its bank, or the hash is not known.
    """
    known = HASHES.get(algorithm)
    if known is None:
        raise Malformed("TPM quote", f"a digest by algorithm 0x{algorithm:04x}", "SHA-1 or SHA-2")
    h = hashlib.new(known[0])
    for bank, pcrs in selections:
        name, size = HASHES.get(bank, (f"0x{bank:04x}", 0))
        for n in pcrs:
            held = values.get((bank, n))
            if held is None or len(held) != size:
                found = f"{len(held)} octets of PCR {n}" if held is not None else f"no PCR {n}"
                raise Malformed("register values", f"{found} in the bank {name}", f"{size} octets")
            h.update(held)
    return h.digest()


def same(a: bytes, b: bytes) -> bool:
    """Whether two digests are the same, in constant time."""
    return hmac.compare_digest(a, b)
