"""XML signatures of one shape: enveloped in the root, over the whole document, by the key of an X.509 certificate.

Source: "XML Signature Syntax and Processing 1.1" (W3C, 2013), with RFC 6931 for the identifiers. One reference to the
whole document is the only one that is taken, so nothing that is read can be outside of what was signed. Nothing is
proven about the certificates here.
"""

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from strongroom.kit import xml_tree
from strongroom.kit.x509 import certificate
from strongroom.kit.x509.certificate import Certificate
from strongroom.kit.x509.signing import Algorithm, verify
from strongroom.kit.xml_tree import Element
from strongroom.model.errors import BadSignature, Malformed

DSIG = "http://www.w3.org/2000/09/xmldsig#"
_C14N = frozenset({"http://www.w3.org/2006/12/xml-c14n11", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"})
_ENVELOPED = f"{DSIG}enveloped-signature"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_HASHES = {f"{_MORE}sha384": "sha384", "http://www.w3.org/2001/04/xmlenc#sha256": "sha256"}
_HASHES["http://www.w3.org/2001/04/xmlenc#sha512"] = "sha512"
_HOW = {f"{_MORE}ecdsa-sha384": (Algorithm.ECDSA_SHA384, 96), f"{_MORE}ecdsa-sha256": (Algorithm.ECDSA_SHA256, 64)}
MOST_CERTIFICATES = 8
_SUBJECT = "XML signature"


class Signed(NamedTuple):
    """A document that was read, with its signature beside it; nothing is proven yet."""

    root: Element
    signature: Element
    certificates: tuple[Certificate, ...]  # those that it names, in its order: the signer first


def _bad(found: str, wanted: str) -> Malformed:
    return Malformed(_SUBJECT, found[:200], wanted)


def _only(element: Element, local: str) -> Element:
    found = element.elements(DSIG, local)
    if len(found) != 1:
        raise _bad(f"{len(found)} of {local} in {element.local}", "one")
    return found[0]


def _octets(element: Element) -> bytes:
    try:
        return base64.b64decode("".join(element.text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _bad(f"a {element.local} that is not base64", "base64") from None


@lru_cache(maxsize=64)
def read(data: bytes) -> Signed:
    """The document with its signature. Raises Malformed, TooLarge."""
    root = xml_tree.parse(data)
    found = [e for e in root.walk() if e.space == DSIG and e.local == "Signature"]
    if len(found) != 1 or root.elements()[-1:] != found:
        raise _bad(f"{len(found)} signatures, or one elsewhere", "one, as the last element of the root")
    held = _only(_only(found[0], "KeyInfo"), "X509Data").elements(DSIG, "X509Certificate")
    if not 1 <= len(held) <= MOST_CERTIFICATES:
        raise _bad(f"{len(held)} certificates", f"1 to {MOST_CERTIFICATES}")
    return Signed(root, found[0], tuple(certificate.parse(_octets(e)) for e in held))


# A fleet shares its manifests: each is canonicalised and verified once. The octets are the whole of the statement.
@lru_cache(maxsize=64)
def verified(data: bytes) -> Signed:
    """The document, when the first certificate's key has signed all of it. Raises Malformed, TooLarge, BadSignature."""
    signed = read(data)
    info = _only(signed.signature, "SignedInfo")
    if _only(info, "CanonicalizationMethod").get("Algorithm") not in _C14N:
        raise _bad("another canonical form", "Canonical XML 1.0 or 1.1, without comments")
    _digest(signed, _only(info, "Reference"))
    named = _only(info, "SignatureMethod").get("Algorithm")
    if named not in _HOW:
        raise _bad(f"the algorithm {named!r}", "ECDSA with SHA-384 or SHA-256")
    how, size = _HOW[named]
    octets = _octets(_only(signed.signature, "SignatureValue"))
    if len(octets) != size:
        raise _bad(f"a signature of {len(octets)} octets", f"{size}")
    r, s = (int.from_bytes(x, "big") for x in (octets[: size // 2], octets[size // 2 :]))
    try:
        verify(signed.certificates[0].key, how, encode_dss_signature(r, s), xml_tree.canonical(info))
    except BadSignature:
        name = signed.certificates[0].common_name
        raise BadSignature(_SUBJECT, f"one that {name!r} did not make", "its own") from None
    return signed


def _digest(signed: Signed, reference: Element) -> None:
    """The reference is to the whole document without the signature, and its hash is the document's."""
    transforms = [t.get("Algorithm") for t in _only(reference, "Transforms").elements()]
    whole = any(a.local == "URI" and not a.value for a in reference.attributes)
    if not whole or len(transforms) != 2 or transforms[0] != _ENVELOPED or transforms[1] not in _C14N:
        raise _bad("a reference to a part, or transformed", "the whole document, less the signature, canonical")
    named = _only(reference, "DigestMethod").get("Algorithm")
    if named not in _HASHES:
        raise _bad(f"the digest {named!r}", "SHA-256, SHA-384 or SHA-512")
    made = hashlib.new(_HASHES[named], xml_tree.canonical(signed.root, signed.signature)).digest()
    if not hmac.compare_digest(made, _octets(_only(reference, "DigestValue"))):
        raise BadSignature(_SUBJECT, "a document that was changed after it was signed", "the digest that was signed")
