"""Forged, stale and misused Nitro documents: each differs from a genuine one in one thing, and one step says so."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import minted_x509 as x
from cryptography.hazmat.primitives.asymmetric import ec
from nitro_minting import CHALLENGE, MADE, PCRS, Minted, Vendor, milliseconds, payload

from strongroom.attest.policy import NitroPolicy
from strongroom.kit import cbor, cose
from strongroom.kit.cbor import Item
from strongroom.model.attest import ReferenceValues

GOOD, MINE = Minted(), Vendor()
_FIELDS = payload(MINE)
_PROTECTED = cbor.encode({cose.ALG: cose.ES384})
DEBUG = {**PCRS, **dict.fromkeys((0, 1, 2), bytes(48))}
HOUR = timedelta(hours=1)


def with_leaf(**fields: object) -> Minted:
    """A document by another leaf of the instance."""
    leaf = MINE.leaf(**fields)
    assert isinstance(leaf.key, ec.EllipticCurvePrivateKey)
    signer = leaf.key if leaf.key.curve.key_size == 384 else None
    return GOOD.saying(certificate=MINE.certificate(leaf)).but(signer=signer)


def with_authority(number: int, **fields: object) -> Minted:
    """A document under a bundle in which one authority differs, and all that hangs on it is signed by it."""
    subjects = [MINE.subject(n) for n in range(4)]
    subjects[number] = x.changed(subjects[number], **fields)
    bundle = tuple(x.certificate(s, subjects[max(0, n - 1)]) for n, s in enumerate(subjects))
    return GOOD.saying(cabundle=bundle)


def raw(octets: bytes) -> Minted:
    """A document whose payload is written octet by octet."""
    return GOOD.but(octets=octets)


def pairs(*more: tuple[Item, Item]) -> bytes:
    """The genuine payload with more pairs behind it, whatever they are."""
    held = [*_FIELDS.items(), *more]
    count = len(held)
    return bytes([0xA0 | count]) + b"".join(cbor.encode(k) + cbor.encode(v) for k, v in held)


def statements(image: str, report_data: bytes = bytes(64)) -> bytes:
    """What dstack writes behind a document."""
    text = b'{"os_image_hash":"' + image.encode() + b'"}'
    return b"\0" + report_data + (len(text) << 2 | 1).to_bytes(2, "little") + text


IMAGE = "b2b9c0a3f0" * 6 + "0000"
_SWAPPED = tuple(MINE.bundle()[n] for n in (0, 2, 1, 3))

FORGERIES: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "an octet behind the message": ("nitro.cose", lambda: GOOD.but(behind=b"\0")),
    "a second message behind it": ("nitro.cose", lambda: GOOD.but(behind=GOOD.document())),
    "another algorithm": ("nitro.alg", lambda: GOOD.but(protected=cbor.encode({cose.ALG: -7}))),
    "no algorithm": ("nitro.alg", lambda: GOOD.but(protected=b"")),
    "a key id beside the algorithm": ("nitro.alg", lambda: GOOD.but(protected=cbor.encode({1: -35, 4: b"k"}))),
    "a critical header": ("nitro.alg", lambda: GOOD.but(protected=cbor.encode({1: -35, 2: (99,), 99: 1}))),
    "a header that nobody signed": ("nitro.alg", lambda: GOOD.but(unprotected={4: b"key"})),
    "a field that nobody knows": ("nitro.payload", lambda: GOOD.saying(more=1)),
    "user data of 513 octets": ("nitro.payload", lambda: GOOD.saying(user_data=bytes(513))),
    "a public key of 1025 octets": ("nitro.payload", lambda: GOOD.saying(public_key=bytes(1025))),
    "a public key of no octets": ("nitro.payload", lambda: GOOD.saying(public_key=b"")),
    "user data as text": ("nitro.payload", lambda: GOOD.saying(user_data="user")),
    "no module id": ("nitro.payload", lambda: GOOD.saying(module_id=...)),
    "an empty module id": ("nitro.payload", lambda: GOOD.saying(module_id="")),
    "another digest": ("nitro.payload", lambda: GOOD.saying(digest="SHA256")),
    "a register 32": ("nitro.payload", lambda: GOOD.saying(pcrs={**PCRS, 32: bytes(48)})),
    "a register of 20 octets": ("nitro.payload", lambda: GOOD.saying(pcrs={**PCRS, 9: bytes(20)})),
    "a register that is named": ("nitro.payload", lambda: GOOD.saying(pcrs={**PCRS, "9": bytes(48)})),
    "a payload that is no map": ("nitro.payload", lambda: raw(cbor.encode((1, 2)))),
    "a key twice": ("nitro.payload", lambda: raw(pairs(("nonce", CHALLENGE)))),
    "an octet behind the payload": ("nitro.payload", lambda: raw(cbor.encode(_FIELDS) + b"\0")),
    "a time of minus one": ("nitro.payload", lambda: GOOD.saying(timestamp=-1)),
    "a bundle out of order": ("nitro.chain", lambda: GOOD.saying(cabundle=_SWAPPED)),
    "a bundle without its zone": ("nitro.chain", lambda: GOOD.saying(cabundle=MINE.bundle()[:2] + MINE.bundle()[3:])),
    "a bundle of the root alone": ("nitro.chain", lambda: GOOD.saying(cabundle=MINE.bundle()[:1])),
    "no certificate in the bundle": ("nitro.chain", lambda: GOOD.saying(cabundle=(MINE.bundle()[0], b"none"))),
    "a leaf of another instance": (
        "nitro.chain",
        lambda: GOOD.saying(certificate=x.certificate(MINE.leaf(), MINE.subject(3), signer=x.ec_key(66))),
    ),
    "an instance that may not issue": ("nitro.chain", lambda: with_authority(3, extensions=())),
    "a path that is too long": ("nitro.chain", lambda: with_authority(1, extensions=x.authority(1))),
    "a chain of one's own": ("nitro.root_pin", lambda: Minted(vendor=Vendor(1), trusted=MINE)),
    "a leaf that ended a minute ago": ("nitro.cert_time", lambda: with_leaf(ends=MADE + timedelta(minutes=4))),
    "a document from before its leaf": ("nitro.cert_time", lambda: with_leaf(begins=MADE + timedelta(minutes=1))),
    "an instance certificate that ended": ("nitro.cert_time", lambda: with_authority(3, ends=MADE - HOUR)),
    "a leaf for agreeing on keys": (
        "nitro.cert_time",
        lambda: with_leaf(extensions=(x.extension("2.5.29.15", x.tlv(0x03, b"\x03\x08"), critical=True),)),
    ),
    "a document by an authority": ("nitro.cert_time", lambda: with_leaf(extensions=x.authority(0))),
    "an edited register": (
        "nitro.signature",
        lambda: GOOD.but(edit=(bytes([PCRS[4][0]]) * 48, b"\x77" * 48)),
    ),
    "another key": ("nitro.signature", lambda: GOOD.but(signer=x.ec_key(66))),
    "a leaf on P-256": ("nitro.signature", lambda: with_leaf(key=x.ec_key(67, ec.SECP256R1))),
    "statements that nobody signed": ("nitro.signature", lambda: GOOD.but(behind=statements(IMAGE))),
    "a document of yesterday": ("nitro.timestamp", lambda: GOOD.but(policy=NitroPolicy(max_age_minutes=4))),
    "a document of tomorrow": (
        "nitro.timestamp",
        lambda: GOOD.saying(
            timestamp=milliseconds(MADE + HOUR),
            certificate=MINE.certificate(MINE.leaf()),
        ).but(now=MADE),
    ),
    "a foreign nonce": ("nitro.nonce", lambda: GOOD.saying(nonce=bytes(32))),
    "a nonce that begins alike": ("nitro.nonce", lambda: GOOD.saying(nonce=CHALLENGE + b"\1")),
    "a nonce with zeros behind": ("nitro.nonce", lambda: GOOD.saying(nonce=CHALLENGE + b"\0")),
    "no nonce": ("nitro.nonce", lambda: GOOD.saying(nonce=None)),
    "debug mode": ("nitro.pcr_debug", lambda: GOOD.saying(pcrs=DEBUG)),
    "debug mode that a reference takes": (
        "nitro.pcr_debug",
        lambda: GOOD.saying(pcrs=DEBUG).but(references=_only_signer()),
    ),
    "no register of the image": (
        "nitro.pcr_debug",
        lambda: GOOD.saying(pcrs={n: v for n, v in PCRS.items() if n}),
    ),
    "another image": ("nitro.measurement", lambda: GOOD.saying(pcrs={**PCRS, 0: b"\x55" * 48})),
    "another signer of the image": ("nitro.measurement", lambda: GOOD.saying(pcrs={**PCRS, 8: bytes(48)})),
}


def _only_signer() -> ReferenceValues:
    (known,) = GOOD.references.items
    values = {"pcr8": known.values["pcr8"]}
    return ReferenceValues((type(known)(known.kind, "signer", values),), "owner")


GAPS: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "no challenge": ("nitro.nonce", lambda: GOOD.but(challenge=None)),
    "no reference": ("nitro.measurement", lambda: GOOD.but(references=ReferenceValues())),
}
