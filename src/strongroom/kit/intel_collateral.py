"""Intel's collateral as it is handed around, and the octets of it that Intel signed.

Two forms: an answer of the provisioning certification service (PCS API v4, "Get TCB Info" and "Get Quoting Enclave
Identity"), `{"tcbInfo": {…}, "signature": "hex"}`; and the one document that holds all of a quote's collateral,
`QuoteCollateralV3`, in which the signed statements are strings. The signature is over the octets of the inner object
as they stand: they are cut out and never written again, because another spelling of the same values is another
statement.
"""

import binascii
import re
from collections.abc import Sequence

import msgspec

from strongroom.kit import strict_json
from strongroom.kit.x509 import pem
from strongroom.model.attest import Endorsement, EndorsementKind, Endorsements
from strongroom.model.errors import Malformed, TooLarge

MOST = 4 << 20  # bytes of a document; the largest that Intel gives is under 64 KiB, a CRL aside
_SUBJECT = "Intel collateral"
_SIGNATURE_SIZE = 64  # R and S of P-256, big-endian
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_CERTIFICATE = "CERTIFICATE"


class _Answer(msgspec.Struct, rename="camel"):
    """An answer of the service: one of the two statements, and the signature beside it."""

    signature: str
    tcb_info: msgspec.Raw = msgspec.Raw(b"")
    enclave_identity: msgspec.Raw = msgspec.Raw(b"")


class _Bundle(msgspec.Struct):
    """The document with everything; the fields as dcap-qvl and PCCS clients write them."""

    tcb_info: str
    tcb_info_signature: str
    tcb_info_issuer_chain: str
    qe_identity: str
    qe_identity_signature: str
    qe_identity_issuer_chain: str
    pck_crl_issuer_chain: str
    root_ca_crl: str
    pck_crl: str
    pck_certificate_chain: str | None = None


def recognises(data: bytes) -> bool:
    """Whether the octets look like one of the two forms."""
    text = data.lstrip()
    if text[:1] != b"{":
        return False
    return any(word in text for word in (b'"tcbInfo"', b'"enclaveIdentity"', b'"tcb_info_signature"'))


def read(data: bytes, chain: Sequence[bytes] = (), origin: str = "") -> Endorsements:
    """What a document of either form says. `chain` (DER, the signer first) is for an answer, which carries none.

    Raises:
        Malformed: it is not JSON, has a key twice, lacks a field, or a signature is none.
        TooLarge: it is over MOST.
    """
    if len(data) > MOST:
        raise TooLarge(_SUBJECT, f"{len(data)} bytes", f"at most {MOST}")
    strict_json.check(data, _SUBJECT)
    try:
        if b'"tcb_info_signature"' in data:
            return _bundle(msgspec.json.decode(data, type=_Bundle), origin)
        return _answer(msgspec.json.decode(data, type=_Answer), tuple(chain), origin)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:200], "an answer of PCS, or a QuoteCollateralV3") from None


def chain_of(text: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM text, DER; an issuer chain in a header of PCS or THIM is percent-encoded as well."""
    plain = _PERCENT.sub(lambda m: bytes.fromhex(m[1].decode("ascii")), text) if b"%20" in text else text
    return tuple(b.data for b in pem.blocks(plain) if b.label == _CERTIFICATE)


def _answer(found: _Answer, chain: tuple[bytes, ...], origin: str) -> Endorsements:
    signature = _signature(found.signature)
    both = ((EndorsementKind.TCB_INFO, found.tcb_info), (EndorsementKind.QE_IDENTITY, found.enclave_identity))
    items = tuple(Endorsement(k, bytes(raw), signature, chain, origin) for k, raw in both if bytes(raw))
    if len(items) != 1:
        raise Malformed(_SUBJECT, f"{len(items)} statements under one signature", "tcbInfo or enclaveIdentity")
    return Endorsements(items)


def _bundle(b: _Bundle, origin: str) -> Endorsements:
    tcb, qe = EndorsementKind.TCB_INFO, EndorsementKind.QE_IDENTITY
    tcb_chain, qe_chain = chain_of(b.tcb_info_issuer_chain.encode()), chain_of(b.qe_identity_issuer_chain.encode())
    items = [
        Endorsement(tcb, b.tcb_info.encode(), _signature(b.tcb_info_signature), tcb_chain, origin),
        Endorsement(qe, b.qe_identity.encode(), _signature(b.qe_identity_signature), qe_chain, origin),
        Endorsement(EndorsementKind.CRL, _octets(b.pck_crl), origin=origin),
        Endorsement(EndorsementKind.CRL, _octets(b.root_ca_crl), origin=origin),
    ]
    certificates = chain_of(b.pck_crl_issuer_chain.encode()) + chain_of((b.pck_certificate_chain or "").encode())
    items += [Endorsement(EndorsementKind.CERTIFICATE, c, origin=origin) for c in dict.fromkeys(certificates)]
    return Endorsements(tuple(items))


def _signature(text: str) -> bytes:
    try:
        signature = binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        raise Malformed(_SUBJECT, "a signature that is not hexadecimal", "R and S in hexadecimal") from None
    if len(signature) != _SIGNATURE_SIZE:
        raise Malformed(_SUBJECT, f"a signature of {len(signature)} octets", f"{_SIGNATURE_SIZE} octets")
    return signature


def _octets(text: str) -> bytes:
    """A revocation list: hexadecimal or PEM."""
    if text.startswith("-----BEGIN"):
        found = pem.blocks(text.encode())
        if len(found) != 1:
            raise Malformed(_SUBJECT, f"{len(found)} revocation lists in one field", "one")
        return found[0].data
    try:
        return binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        raise Malformed(_SUBJECT, "a revocation list that is neither hexadecimal nor PEM", "its DER") from None
