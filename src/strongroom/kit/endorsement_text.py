"""Endorsements as they lie in files: certificates, chains, revocation lists and collateral, in every text they come in.

Nothing is proven here: what was read is what a verifier may choose from. A text is read as one thing or refused; a file
of which half can be read is not half an endorsement.
"""

import re

import msgspec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from strongroom.kit import dbx_update, der, intel_collateral, jose, ocsp, strict_json, xmldsig
from strongroom.kit.armour import unarmoured
from strongroom.kit.x509 import certificate, crl, pem, signing
from strongroom.kit.x509.certificate import Certificate
from strongroom.model.attest import Endorsement, EndorsementKind, Endorsements
from strongroom.model.errors import BadInput, Malformed, TooLarge

MOST = 20 << 20  # bytes of a file; a revocation list of crl.MOST as hexadecimal
MOST_ITEMS = 64  # of one file; verifiers look at no more certificates than that
_WHAT = "endorsements"
_WANTED = "a certificate, a chain, a revocation list, collateral, a key set, or a dbx update"
_SIGNER, _ROOT = "Intel SGX TCB Signing", "Intel SGX Root CA"  # PCK Certificate and CRL specification, section 1
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_LABELS = {"CERTIFICATE": EndorsementKind.CERTIFICATE, "X509 CRL": EndorsementKind.CRL}


class _Thim(msgspec.Struct, rename="camel"):
    """What Azure's metadata service answers: learn.microsoft.com, "Trusted Hardware Identity Management"."""

    vcek_cert: str
    certificate_chain: str


def read(data: bytes, origin: str = "") -> Endorsements:
    """What a file says. `origin` is the path or the address that it came from.

    Raises:
        Malformed: it is none; the message says what was found instead.
        TooLarge: it is over MOST bytes or MOST_ITEMS items.
    """
    if len(data) > MOST:
        raise TooLarge(_WHAT, f"over {MOST >> 20} MiB", _WANTED)
    found = _read(data, origin, armoured=True)
    if len(found.items) > MOST_ITEMS:
        raise TooLarge(_WHAT, f"{len(found.items)} of them in one file", f"at most {MOST_ITEMS}")
    return found


def _read(data: bytes, origin: str, *, armoured: bool) -> Endorsements:
    text = data.lstrip()
    if not text:
        raise Malformed(_WHAT, "an empty file", _WANTED)
    if text[:1] == b"<" and b"SoftwareIdentity" in text[:4096]:
        return _xml(data, origin)
    if text[:1] in (b"{", b"["):
        return _json(data, origin)
    if b"-----BEGIN " in data and not _CONTROL.search(data.rstrip(b"\0")):  # a quote carries PEM; it is no text
        return _pem(data, origin)
    if data[:1] == b"\x30":
        return _der(data, origin)
    if dbx_update.recognises(data):
        dbx_update.parse(data)
        return Endorsements((Endorsement(EndorsementKind.DBX, data, origin=origin),))
    for inner in unarmoured(data) if armoured else ():
        if inner[:1] == b"\x30" or inner.startswith(b"-----BEGIN "):
            return _read(inner, origin, armoured=False)
    raise Malformed(_WHAT, _seen(text), _WANTED)


def _seen(text: bytes) -> str:
    try:
        text[:4096].decode("utf-8")
    except UnicodeDecodeError as e:
        if e.end < min(len(text), 4096) - 4:
            return "octets of another kind"
    return "a text of another kind" if b"\0" not in text[:4096] else "octets of another kind"


def _xml(data: bytes, origin: str) -> Endorsements:
    """A signed manifest. The octets are kept as they are: its signature is over what is written in them."""
    xmldsig.read(data)
    return Endorsements((Endorsement(EndorsementKind.RIM, data, origin=origin),))


def _json(data: bytes, origin: str) -> Endorsements:
    if intel_collateral.recognises(data):
        return intel_collateral.read(data, (), origin)
    if b'"keys"' in data and b'"kty"' in data:
        jose.keys(data)
        return Endorsements((Endorsement(EndorsementKind.JWKS, data, origin=origin),))
    if b'"vcekCert"' not in data:
        raise Malformed(_WHAT, "JSON of another kind", _WANTED)
    strict_json.check(data, _WHAT)
    try:
        found = msgspec.json.decode(data, type=_Thim)
    except msgspec.MsgspecError as e:
        raise Malformed(_WHAT, str(e)[:200], "vcekCert and certificateChain") from None
    return _pem(f"{found.vcek_cert}\n{found.certificate_chain}".encode(), origin)


def _pem(data: bytes, origin: str) -> Endorsements:
    items: list[Endorsement] = []
    for block in pem.blocks(data):
        kind = _LABELS.get(block.label)
        if kind is None:
            raise Malformed(_WHAT, f"PEM of a {block.label.lower()}", "CERTIFICATE or X509 CRL")
        if len(items) >= MOST_ITEMS:
            raise TooLarge(_WHAT, f"more than {MOST_ITEMS} in one file", f"at most {MOST_ITEMS}")
        items.append(_checked(kind, block.data, origin))
    return Endorsements(tuple(items))


def _der(data: bytes, origin: str) -> Endorsements:
    """One after another; a list has no version or version 2, a certificate an explicit version 3 (RFC 5280)."""
    items: list[Endorsement] = []
    for element in der.elements(data):
        parts = der.sequence(element.whole)
        if parts and parts[0].tag == der.ENUMERATED:  # RFC 6960 4.2.1: the status of a response stands first
            ocsp.parse(element.whole)
            items.append(Endorsement(EndorsementKind.OCSP, element.whole, origin=origin))
            continue
        inner = der.members(parts[0]) if parts and parts[0].tag == der.SEQUENCE else ()
        if not inner:
            raise Malformed(_WHAT, "DER of another kind", _WANTED)
        kind = EndorsementKind.CERTIFICATE if inner[0].tag == 0xA0 else EndorsementKind.CRL
        items.append(_checked(kind, element.whole, origin))
        if len(items) > MOST_ITEMS:
            break
    return Endorsements(tuple(items))


def _checked(kind: EndorsementKind, data: bytes, origin: str) -> Endorsement:
    if kind is EndorsementKind.CERTIFICATE:
        certificate.parse(data)
    else:
        crl.parse(data)
    return Endorsement(kind, data, origin=origin)


def with_chains(given: Endorsements) -> Endorsements:
    """The same; a signed statement that came without its chain gets the certificates that its signer may be among.

    An answer of Intel's service has its chain in a header, so a file of the answer alone has none. The choice proves
    nothing: the verifier checks signature and chain.
    """
    near = (c for e in given.items for c in ((e.data,) if e.kind is EndorsementKind.CERTIFICATE else e.chain))
    found = [c for c in map(certificate.readable, dict.fromkeys(near)) if c is not None]
    signers = [c for c in found if c.common_name == _SIGNER]
    roots = tuple(c.der for c in found if c.common_name == _ROOT)
    return Endorsements(tuple(_with_chain(e, signers, roots) for e in given.items)) if signers else given


def _with_chain(item: Endorsement, signers: list[Certificate], roots: tuple[bytes, ...]) -> Endorsement:
    if not item.signature or item.chain:
        return item
    chosen = next((c for c in signers if _signed_by(item, c)), signers[0])
    return msgspec.structs.replace(item, chain=(chosen.der, *roots[:1]))


def _signed_by(item: Endorsement, signer: Certificate) -> bool:
    half = len(item.signature) // 2
    r, s = (int.from_bytes(p, "big") for p in (item.signature[:half], item.signature[half:]))
    try:
        signing.verify(signer.key, signing.Algorithm.ECDSA_SHA256, encode_dss_signature(r, s), item.data)
    except BadInput:
        return False
    return True
