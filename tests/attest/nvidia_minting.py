"""A GPU of a made-up vendor: its chain, its reports, its manifests and what is said of its certificates."""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Self

import minted_x509 as x
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.attest.policy import NvidiaPolicy, Policy
from strongroom.attest.tee import nvidia
from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit import xml_tree
from strongroom.model.attest import Endorsement, EndorsementKind, Endorsements, Evidence, EvidencePart, ReferenceValues

CHALLENGE = bytes(range(32))
FIRMWARE = hashlib.sha384(b"firmware").digest()
DRIVER, VBIOS = "550.90.07", "96.00.9F.00.01"
TOOLS = {"nvidia.dev_tools": "the guest, which is measured, asks its driver"}
DRIVEN, BOOTED = (7, 21, 22, 35), (0, 1, 12)  # the indices of either manifest
_SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
_DSIG = "http://www.w3.org/2000/09/xmldsig#"
_C14N = "http://www.w3.org/2006/12/xml-c14n11"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"


def signed(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """A signature of two numbers of 48 octets."""
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA384(), deterministic_signing=True)))
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


def measured(index: int) -> bytes:
    """What the GPU measures at a manifest's index."""
    return hashlib.sha384(f"measurement {index}".encode()).digest()


def fwid(value: bytes = FIRMWARE) -> bytes:
    """The extension of the firmware's hash, as Hopper has it."""
    pair = x.tlv(0x30, x.oid("2.16.840.1.101.3.4.2.2"), x.tlv(0x04, value))
    return x.extension("2.23.133.5.4.1", x.tlv(0x30, x.integer(1), pair))


@dataclass(frozen=True)
class Tree:
    """A chain from a leaf to a root, each certificate by the next."""

    subjects: tuple[x.Subject, ...]

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """The certificates, the leaf first."""
        return _issued(self.subjects)

    def but(self, number: int, **fields: object) -> "Tree":
        """The tree in which one subject differs; all that it signs is signed anew."""
        held = list(self.subjects)
        held[number] = x.changed(held[number], **fields)
        return Tree(tuple(held))


@lru_cache(maxsize=256)
def _issued(subjects: tuple[x.Subject, ...]) -> tuple[bytes, ...]:
    return tuple(x.certificate(s, i) for s, i in zip(subjects, (*subjects[1:], subjects[-1]), strict=True))


_SIGNS = x.extension("2.5.29.15", x.tlv(0x03, b"\x07\x80"), critical=True)


def device(number: int = 0) -> Tree:
    """The five certificates of a GPU: firmware, chip, provisioner, family, root."""
    names = ("GH100 A01 GSP BROM", "Made Up Provisioner", "Made Up GH100 Identity", "Made Up Devices")
    leaf = x.Subject("GH100 A01 GSP FMC LF", x.ec_key(100 + number), (_SIGNS, fwid()), serial=9000 + number)
    keys = [110 + number, 120, 121, 122]
    above = [x.Subject(n, x.ec_key(k), x.authority(), serial=k) for n, k in zip(names, keys, strict=True)]
    return Tree((leaf, *above))


def signer() -> Tree:
    """The four certificates of a manifest."""
    leaf = x.Subject("Made Up RIM Signer", x.ec_key(130), (_SIGNS,), serial=130)
    names = ("Made Up Values L3", "Made Up Values L2", "Made Up CoRIM root")
    return Tree((leaf, *(x.Subject(n, x.ec_key(131 + k), x.authority(), serial=131 + k) for k, n in enumerate(names))))


@dataclass(frozen=True)
class Manifest:
    """A manifest as its publisher would write it. `edit` changes the text after it was signed."""

    version: str
    values: Mapping[int, Sequence[bytes]]
    tree: Tree = field(default_factory=signer)
    product: str = "GH100"
    inactive: tuple[int, ...] = (50, 51)
    edit: Callable[[str], str] = lambda text: text

    def but(self, **fields: object) -> "Manifest":
        """The manifest with other fields."""
        return replace(self, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name

    def text(self) -> bytes:
        """The signed document."""
        rows = [_resource(i, values, active=True) for i, values in self.values.items()]
        rows += [_resource(i, [bytes(48)], active=False) for i in self.inactive]
        head = f'<SoftwareIdentity xmlns="{_SWID}" xmlns:n="{_SWID}" xmlns:h="http://www.w3.org/2001/04/xmlenc#sha384">'
        about = f'\n<n:Meta colloquialVersion="{self.version}" product="{self.product}" edition="GPU"/>'
        body = f"{head}{about}<n:Payload>{''.join(rows)}</n:Payload>"
        digest = hashlib.sha384(xml_tree.canonical(xml_tree.parse(f"{body}</SoftwareIdentity>".encode()))).digest()
        unsigned = f"{body}{self._signature(digest, b'')}</SoftwareIdentity>"
        info = xml_tree.parse(unsigned.encode()).elements(_DSIG, "Signature")[0].elements(_DSIG, "SignedInfo")[0]
        key = self.tree.subjects[0].key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        value = signed(key, xml_tree.canonical(info))
        return self.edit(f"{body}{self._signature(digest, value)}</SoftwareIdentity>").encode()

    def _signature(self, digest: bytes, value: bytes) -> str:
        """The element, with the identifiers that NVIDIA's manifests have."""
        how, form = f'<d:SignatureMethod Algorithm="{_MORE}ecdsa-sha384"/>', f'Algorithm="{_C14N}"'
        twice = f'<d:Transform Algorithm="{_DSIG}enveloped-signature"/><d:Transform {form}/>'
        made = f'<d:DigestMethod Algorithm="{_MORE}sha384"/><d:DigestValue>{_base64(digest)}</d:DigestValue>'
        to = f'<d:Reference URI=""><d:Transforms>{twice}</d:Transforms>{made}</d:Reference>'
        info = f"<d:SignedInfo><d:CanonicalizationMethod {form}/>{how}{to}</d:SignedInfo>"
        held = "".join(f"<d:X509Certificate>{_base64(c)}</d:X509Certificate>" for c in self.tree.certificates)
        names = f"<d:KeyInfo><d:X509Data>{held}</d:X509Data></d:KeyInfo>"
        return f'<d:Signature xmlns:d="{_DSIG}">{info}<d:SignatureValue>{_base64(value)}</d:SignatureValue>{names}</d:Signature>'


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _resource(index: int, values: Sequence[bytes], *, active: bool) -> str:
    held = " ".join(f'h:Hash{n}="{v.hex()}"' for n, v in enumerate(values))
    return f'<n:Resource type="Measurement" index="{index}" active="{active}" alternatives="{len(values)}" {held} size="48"/>'


def of_driver() -> Manifest:
    """The manifest of the driver; one index has two values."""
    return Manifest(DRIVER, {i: [bytes(48), measured(i)] if i == 21 else [measured(i)] for i in DRIVEN})


def of_vbios() -> Manifest:
    """The manifest of the VBIOS."""
    return Manifest(VBIOS, {i: [measured(i)] for i in BOOTED})


# What is said of certificates

GOOD, UNKNOWN = x.tlv(0x80), x.tlv(0x82)


def revoked(since: datetime, reason: int | None = None) -> bytes:
    """The status of a certificate that was revoked."""
    why = [] if reason is None else [x.tlv(0xA0, x.integer(reason, 0x0A))]
    return x.tlv(0xA1, x.tlv(0x18, f"{since:%Y%m%d%H%M%SZ}".encode()), *why)


def _moment(at: datetime) -> bytes:
    return x.tlv(0x18, f"{at:%Y%m%d%H%M%SZ}".encode())


def _key_octets(subject: x.Subject) -> bytes:
    return subject.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass(frozen=True)
class Answer:
    """An OCSP response about a certificate. Without `responder` the issuer answers itself."""

    about: x.Subject
    issuer: x.Subject
    status: bytes = GOOD
    begins: datetime = x.NOW - x.DAY
    ends: datetime | None = x.NOW + x.DAY
    responder: x.Subject | None = None
    signer: x.Key | None = None
    nonce: bytes | None = None

    def octets(self) -> bytes:
        """The response in DER."""
        who = self.responder or self.issuer
        how = x.tlv(0x30, x.oid("2.16.840.1.101.3.4.2.2"), x.tlv(0x05))
        names = (hashlib.sha384(part).digest() for part in (x.name(self.issuer.common), _key_octets(self.issuer)))
        about = x.tlv(0x30, how, *(x.tlv(0x04, h) for h in names), x.integer(self.about.serial))
        late = [x.tlv(0xA0, _moment(self.ends))] if self.ends else []
        one = x.tlv(0x30, about, self.status, _moment(self.begins), *late)
        by = x.tlv(0xA2, x.tlv(0x04, hashlib.sha1(_key_octets(who), usedforsecurity=False).digest()))
        more = []
        if self.nonce is not None:
            extension = x.extension("1.3.6.1.5.5.7.48.1.2", x.tlv(0x04, self.nonce))
            more = [x.tlv(0xA1, x.tlv(0x30, extension))]
        tbs = x.tlv(0x30, by, _moment(self.begins), x.tlv(0x30, one), *more)
        key = self.signer or who.key
        held = [x.tlv(0xA0, x.tlv(0x30, x.certificate(who, self.issuer)))] if self.responder else []
        basic = x.tlv(0x30, tbs, x.ECDSA_SHA384, x.bits(x.sign(key, tbs)), *held)
        return x.tlv(
            0x30, x.tlv(0x0A, b"\0"), x.tlv(0xA0, x.tlv(0x30, x.oid("1.3.6.1.5.5.7.48.1.1"), x.tlv(0x04, basic)))
        )


def responder(*usages: str) -> x.Subject:
    """One that an authority names to answer for it."""
    named = x.tlv(0x30, *(x.oid(u) for u in usages or ("1.3.6.1.5.5.7.3.9",)))
    return x.Subject(
        "Made Up Responder", x.ec_key(140), (_SIGNS, x.extension("2.5.29.37", named, critical=True)), serial=140
    )


# Evidence


@dataclass(frozen=True)
class Gpu:
    """One GPU and its report."""

    tree: Tree = field(default_factory=device)
    nonce: bytes = CHALLENGE
    fields: Mapping[int, bytes] = field(default_factory=dict)
    measurements: Mapping[int, bytes] = field(default_factory=dict)
    blocks: int = 64
    key: ec.EllipticCurvePrivateKey | None = None
    behind: bytes = b""
    architecture: str = "HOPPER"

    def report(self) -> bytes:
        """The request and the signed answer."""
        held = {i: self.measurements.get(i, measured(i)) for i in range(self.blocks)}
        record = b"".join(bytes([i + 1, 1, 51, 0, 1, 48, 0]) + v for i, v in held.items())
        plain = {
            3: DRIVER.encode() + b"\0",
            6: bytes.fromhex("009f009601000000"),
            11: b"\xaa",
            20: FIRMWARE,
            36: b"\0\0",
        }
        fields = {k: v for k, v in {**plain, **self.fields}.items() if v != b""}
        opaque = b"".join(k.to_bytes(2, "little") + len(v).to_bytes(2, "little") + v for k, v in fields.items())
        request = b"\x11\xe0\x01\xff" + self.nonce + b"\0"
        head = b"\x11\x60\0\0" + bytes([len(held)]) + len(record).to_bytes(3, "little")
        data = request + head + record + bytes(32) + len(opaque).to_bytes(2, "little") + opaque
        key = self.key or self.tree.subjects[0].key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return data + signed(key, data) + self.behind


@dataclass(frozen=True)
class Minted:
    """Evidence with all that is given beside it."""

    gpus: tuple[Gpu, ...] = field(default_factory=lambda: (Gpu(),))
    driver: Manifest | None = field(default_factory=of_driver)
    vbios: Manifest | None = field(default_factory=of_vbios)
    answers: tuple[Answer, ...] | None = None
    without: tuple[int, ...] = ()  # serials that nobody answers for
    challenge: bytes | None = CHALLENGE
    policy: NvidiaPolicy = field(default_factory=NvidiaPolicy)
    unchecked: Mapping[str, str] = field(default_factory=lambda: dict(TOOLS))
    chains: bool = True
    certificates: bytes | None = None  # in place of the chain
    report: bytes | None = None
    manifests: tuple[bytes, ...] = ()
    now: datetime = x.NOW

    def but(self, **fields: object) -> Self:
        """The evidence with other fields."""
        return replace(self, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name

    def gpu(self, **fields: object) -> Self:
        """The evidence of one GPU that differs."""
        return self.but(gpus=(replace(self.gpus[0], **fields),))  # type: ignore[arg-type] # as above

    def verifier(self) -> Verifier:
        """The verifier that trusts the made-up roots."""
        roots = {hashlib.sha256(t.certificates[-1]).hexdigest(): "made up" for t in (device(), signer())}
        first, second = roots
        return nvidia.verifier({first: "devices"}, {second: "manifests"})

    def parts(self) -> tuple[EvidencePart, ...]:
        """The parts of the evidence."""
        found = []
        for n, g in enumerate(self.gpus):
            data = self.report if self.report is not None and n == 0 else g.report()
            found.append(EvidencePart(f"report.{n}", "application/vnd.nvidia.gpu.report", data))
            held = b"".join(g.tree.certificates) if self.certificates is None else self.certificates
            if self.chains:
                found.append(EvidencePart(f"certificates.{n}", "application/pkix-cert", held))
            found.append(EvidencePart(f"architecture.{n}", "text/plain", g.architecture.encode()))
        return tuple(found)

    def endorsements(self) -> Endorsements:
        """Manifests and answers."""
        trees = [g.tree for g in self.gpus] + [m.tree for m in (self.driver, self.vbios) if m]
        rims = [m.text() for m in (self.driver, self.vbios) if m] + list(self.manifests)
        own = [Answer(s, i) for t in trees for s, i in zip(t.subjects, t.subjects[1:], strict=False)]
        said = [*(self.answers or ()), *own]
        octets = dict.fromkeys(
            _octets(a) for a in said if a.about.serial not in self.without or a in (self.answers or ())
        )
        items = [Endorsement(EndorsementKind.RIM, r) for r in rims]
        return Endorsements((*items, *(Endorsement(EndorsementKind.OCSP, o) for o in octets)))

    def inputs(self) -> Inputs:
        """All that the verdict depends on."""
        evidence = Evidence(self.verifier().kind, self.parts(), self.challenge)
        policy = Policy(nvidia=self.policy, unchecked=dict(self.unchecked))
        return Inputs(evidence, self.endorsements(), ReferenceValues(), policy, self.now)


@lru_cache(maxsize=512)
def _octets(answer: Answer) -> bytes:
    return answer.octets()
