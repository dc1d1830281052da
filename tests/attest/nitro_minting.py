"""Nitro documents of a made-up AWS: root, region, zone, instance and enclave, and one document that passes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import minted_x509 as x
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import NitroPolicy, Policy
from strongroom.attest.tee import nitro
from strongroom.attest.tee._nitro_case import Case
from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit import cbor, cose
from strongroom.kit.cbor import Item, Key
from strongroom.kit.x509.certificate import parse
from strongroom.model.attest import Appraisal, Endorsements, Evidence, EvidenceKind, Reference, ReferenceValues

MADE = x.NOW
NOW = MADE + timedelta(minutes=5)
CHALLENGE = bytes(range(32))
PCRS = {n: bytes([n + 1]) * 48 if n in (0, 1, 2, 3, 4, 8) else bytes(48) for n in range(16)}
PUBLIC_KEY = x.spki(x.ec_key(90, ec.SECP256R1))
POLICY = NitroPolicy()
REFERENCES = ReferenceValues(
    (Reference(EvidenceKind.NITRO, "image", {f"pcr{n}": (PCRS[n].hex(),) for n in (0, 1, 2, 8)}),), "owner"
)
_DIGITAL_SIGNATURE = x.extension("2.5.29.15", x.tlv(0x03, b"\x07\x80"), critical=True)


def milliseconds(at: datetime) -> int:
    """A time as the documents have it."""
    return int(at.timestamp() * 1000)


@dataclass(frozen=True)
class Vendor:
    """A made-up AWS; another `family` is another one of the same names."""

    family: int = 0

    def subject(self, number: int) -> x.Subject:
        """The root (0), a region, a zone, an instance (3)."""
        names = ("aws.nitro-enclaves", "region.aws.nitro-enclaves", "zone.aws.nitro-enclaves", "i-1.aws.nitro-enclaves")
        return x.Subject(
            names[number], x.ec_key(200 + 10 * self.family + number), x.authority(3 - number), serial=number + 1
        )

    def leaf(self, **fields: object) -> x.Subject:
        """The enclave."""
        made = x.Subject(
            "i-1-enc1.aws.nitro-enclaves",
            x.ec_key(205 + 10 * self.family),
            (_DIGITAL_SIGNATURE,),
            serial=9,
            begins=MADE - timedelta(seconds=3),
            ends=MADE + timedelta(hours=3),
        )
        return x.changed(made, **fields)

    def bundle(self) -> tuple[bytes, ...]:
        """The certificates from the root down to the instance."""
        subjects = [self.subject(n) for n in range(4)]
        return tuple(x.certificate(s, subjects[max(0, n - 1)]) for n, s in enumerate(subjects))

    def certificate(self, leaf: x.Subject | None = None) -> bytes:
        """The certificate of the enclave."""
        return x.certificate(leaf or self.leaf(), self.subject(3))


def payload(vendor: Vendor, **fields: object) -> dict[Key, Item]:
    """The fields of a document; one that is given as ... is left out."""
    whole: dict[str, object] = {
        "module_id": "i-1-enc1",
        "digest": "SHA384",
        "timestamp": milliseconds(MADE),
        "pcrs": dict(PCRS),
        "certificate": vendor.certificate(),
        "cabundle": vendor.bundle(),
        "public_key": PUBLIC_KEY,
        "user_data": b"user",
        "nonce": CHALLENGE,
    }
    return {k: v for k, v in (whole | fields).items() if v is not ...}  # type: ignore[misc] # as the test says


def sign(key: ec.EllipticCurvePrivateKey, protected: bytes, octets: bytes) -> bytes:
    """R and S over a Sig_structure."""
    made = key.sign(cose.to_be_signed(protected, octets), ec.ECDSA(SHA384(), deterministic_signing=True))
    return b"".join(n.to_bytes(48, "big") for n in decode_dss_signature(made))


@dataclass(frozen=True)
class Minted:
    """All that one appraisal is made of: the defaults open, and each test changes one thing."""

    vendor: Vendor = Vendor()
    fields: Mapping[str, object] = field(default_factory=dict)
    protected: bytes = cbor.encode({cose.ALG: cose.ES384})
    unprotected: Mapping[Key, Item] = field(default_factory=dict)
    octets: bytes | None = None  # the payload, where it is not that of `fields`
    signer: ec.EllipticCurvePrivateKey | None = None
    edit: tuple[bytes, bytes] = (b"", b"")  # in the payload, after it was signed
    tagged: bool = False
    behind: bytes = b""
    policy: NitroPolicy = POLICY
    references: ReferenceValues = REFERENCES
    challenge: bytes | None = CHALLENGE
    now: datetime = NOW
    trusted: Vendor | None = None

    def document(self) -> bytes:
        """The document as an enclave hands it out."""
        octets = self.octets if self.octets is not None else cbor.encode(payload(self.vendor, **self.fields))
        key = self.signer or self.vendor.leaf().key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        signature = sign(key, self.protected, octets)
        body: Item = (self.protected, dict(self.unprotected), octets.replace(*self.edit), signature)
        return cbor.encode(cbor.Tagged(cose.TAG, body) if self.tagged else body) + self.behind

    def verifier(self) -> Verifier[Case]:
        """The verifier that trusts this vendor's root, or another's."""
        root = (self.trusted or self.vendor).bundle()[0]
        return nitro.verifier({parse(root).fingerprint: "made up"})

    def inputs(self) -> Inputs:
        """What the verifier is given."""
        evidence = Evidence(EvidenceKind.NITRO, nitro.VERIFIER.read(self.document()), self.challenge, self.now)
        return Inputs(evidence, Endorsements(), self.references, Policy(nitro=self.policy), self.now)

    def appraised(self) -> Appraisal:
        """The verdict."""
        return appraise(self.verifier(), self.inputs())

    def but(self, **fields: object) -> "Minted":
        """The same with other fields of this record."""
        return replace(self, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name

    def saying(self, **fields: object) -> "Minted":
        """The same with other fields of the payload."""
        return replace(self, fields={**self.fields, **fields})
