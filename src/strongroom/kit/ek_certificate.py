"""The certificate of an endorsement key, as the TCG EK Credential Profile for TPM 2.0 (version 2.5) has it.

Sections: 3.1.1 (key), 3.2.9 (subject alternative name), 3.2.14 (basic constraints), 3.2.15 (key usage), 3.2.16 (extended key
usage). RFC 4055, 4.1 (keys that are for OAEP alone), RFC 5280, 4.2.1.6 and 4.2.1.12.
"""

from typing import NamedTuple

from strongroom.kit import der
from strongroom.kit.x509.certificate import Certificate
from strongroom.kit.x509.signing import public_key
from strongroom.model.errors import Malformed

ALTERNATIVE_NAME, EXTENDED_USAGE = "2.5.29.17", "2.5.29.37"
EK_CERTIFICATE = "2.23.133.8.1"  # tcg-kp-EKCertificate
MANUFACTURER, MODEL, VERSION = "2.23.133.2.1", "2.23.133.2.2", "2.23.133.2.3"
KEY_ENCIPHERMENT, KEY_AGREEMENT = 2, 4  # RFC 5280 4.2.1.3
_DIRECTORY = 0xA4  # GeneralName: [4] directoryName
_RSA, _OAEP = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.7"
_RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")


class Maker(NamedTuple):
    """Who made the TPM, by its registered id (`id:` and eight hexadecimal digits), which model, and which firmware."""

    manufacturer: str
    model: str
    version: str


def maker(certificate: Certificate) -> Maker:
    """Who made the TPM, of a certificate that is one of an endorsement key. Raises Malformed, naming what it lacks."""
    if certificate.is_authority:
        raise Malformed("EK certificate", "an authority", "the certificate of a key")
    if EK_CERTIFICATE not in extended_usages(certificate):
        raise Malformed("EK certificate", "other uses", f"the extended key usage {EK_CERTIFICATE}")
    rsa = _algorithm(certificate) in (_RSA, _OAEP)
    if (KEY_ENCIPHERMENT if rsa else KEY_AGREEMENT) not in certificate.usages:
        raise Malformed("EK certificate", "another key usage", "keyEncipherment" if rsa else "keyAgreement")
    return _maker(certificate)


def extended_usages(certificate: Certificate) -> frozenset[str]:
    """The purposes of the certificate; none where it states none. Raises Malformed."""
    held = certificate.extensions.get(EXTENDED_USAGE)
    return frozenset(der.oid(e) for e in der.sequence(held.value)) if held else frozenset()


def _maker(certificate: Certificate) -> Maker:
    held = certificate.extensions.get(ALTERNATIVE_NAME)
    named = dict[str, str]()
    for general in der.sequence(held.value) if held else ():
        if general.tag == _DIRECTORY:
            named.update(_attributes(der.one(general.value, der.SEQUENCE)))
    absent = [n for n in (MANUFACTURER, MODEL, VERSION) if not named.get(n)]
    if absent:
        raise Malformed(
            "EK certificate", f"no {absent[0]} in its alternative name", "the TPM's maker, model and version"
        )
    found = named[MANUFACTURER]
    if len(found) != 11 or not found.startswith("id:") or set(found[3:].upper()) - set("0123456789ABCDEF"):
        raise Malformed("EK certificate", f"the manufacturer {found[:40]!r}", "id: and eight hexadecimal digits")
    return Maker(found, named[MODEL], named[VERSION])


def _attributes(name: der.Element) -> dict[str, str]:
    """The attributes of a Name: one in each set, or all in one, as makers do."""
    found = dict[str, str]()
    for relative in der.members(name):
        for attribute in der.members(relative, der.SET):
            pair = der.members(attribute)
            if len(pair) != 2:
                raise Malformed("EK certificate", f"an attribute of {len(pair)} members", "a type and a value")
            kind = der.oid(pair[0])
            if kind in found:
                raise Malformed("EK certificate", f"the attribute {kind} twice", "once")
            if kind in (MANUFACTURER, MODEL, VERSION):
                found[kind] = der.text(pair[1])
    return found


def _algorithm(certificate: Certificate) -> str:
    return der.oid(der.members(der.sequence(certificate.key)[0])[0])


def key(certificate: Certificate) -> bytes:
    """The key as a plain SubjectPublicKeyInfo: some makers state RSA keys as being for OAEP alone. Raises Malformed."""
    spki = certificate.key
    if _algorithm(certificate) == _OAEP:
        bits = der.sequence(certificate.key)[1].whole
        spki = _wrapped(_RSA_ALGORITHM + bits)
    public_key(spki)
    return spki


def _wrapped(value: bytes) -> bytes:
    """A SEQUENCE around contents of 128 octets to 64 KiB, as those of any RSA key are; der's readers want the shortest form."""
    size = len(value)
    if size < 0x80:
        return bytes([der.SEQUENCE, size]) + value
    length = size.to_bytes(1 if size < 0x100 else 2, "big")
    return bytes([der.SEQUENCE, 0x80 | len(length)]) + length + value
