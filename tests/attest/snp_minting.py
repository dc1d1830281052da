"""SEV-SNP evidence of a made-up AMD: root, intermediates, chips, clouds, reports and lists, and one that passes."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import minted_x509 as x
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, SnpPolicy, SnpTcb
from strongroom.attest.tee import snp
from strongroom.attest.tee._snp_case import Case
from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit.x509.certificate import parse
from strongroom.model.attest import (
    Appraisal,
    Endorsement,
    EndorsementKind,
    Endorsements,
    Evidence,
    EvidenceKind,
    EvidencePart,
    Reference,
    ReferenceValues,
)

_AMD = "1.3.6.1.4.1.3704.1."
CPUID = {"Milan": (25, 1, 1), "Genoa": (25, 17, 1), "Turin": (26, 2, 1)}
TCB = {"bootloader": 10, "tee": 1, "snp": 23, "microcode": 84, "fmc": 2}
CHIP = bytes(range(64))
CHALLENGE = bytes(range(100, 132))
MEASUREMENT = bytes(reversed(range(48)))


def tcb_octets(product: str, tcb: Mapping[str, int]) -> bytes:
    """A TCB_VERSION in the layout of its product."""
    t = tcb
    if product == "Turin":
        return bytes([t["fmc"], t["bootloader"], t["tee"], t["snp"], 0, 0, 0, t["microcode"]])
    return bytes([t["bootloader"], t["tee"], 0, 0, 0, 0, t["snp"], t["microcode"]])


@dataclass(frozen=True)
class Report:
    """The fields of a report; those of no interest are zero."""

    version: int = 3
    product: str = "Milan"
    guest_svn: int = 7
    policy: int = 0x20000 | 1 << 8 | 55  # the bit that is one, and firmware 1.55
    vmpl: int = 0
    sig_algo: int = 1
    current: Mapping[str, int] = field(default_factory=lambda: TCB)
    reported: Mapping[str, int] = field(default_factory=lambda: TCB)
    committed: Mapping[str, int] = field(default_factory=lambda: TCB)
    platform: int = 0b10
    key_info: int = 0
    report_data: bytes = CHALLENGE.ljust(64, b"\0")
    measurement: bytes = MEASUREMENT
    host_data: bytes = bytes(32)
    id_key: bytes = bytes(48)
    author_key: bytes = bytes(48)
    chip_id: bytes | None = None
    cpuid: tuple[int, int, int] | None = None
    patches: tuple[tuple[int, bytes], ...] = ()  # (offset, octets) written before it is signed

    def body(self) -> bytes:
        """The octets that are signed."""
        t = [tcb_octets(self.product, tcb) for tcb in (self.current, self.reported, self.committed)]
        cpuid = bytes(self.cpuid or CPUID[self.product]) if self.version >= 3 else bytes(3)
        chip = self.chip_id if self.chip_id is not None else CHIP
        if self.product == "Turin" and self.chip_id is None:
            chip = CHIP[:8].ljust(64, b"\0")
        made = bytearray(
            struct.pack("<IIQ", self.version, self.guest_svn, self.policy)
            + bytes(32)
            + struct.pack("<II", self.vmpl, self.sig_algo)
            + t[0]
            + struct.pack("<QII", self.platform, self.key_info, 0)
            + self.report_data
            + self.measurement
            + self.host_data
            + self.id_key
            + self.author_key
            + bytes(32)
            + b"\xff" * 32
            + t[1]
            + cpuid
            + bytes(21)
            + chip
            + t[2]
            + bytes([5, 55, 1, 0]) * 2
            + t[0]
        ).ljust(0x2A0, b"\0")
        for at, octets in self.patches:
            made[at : at + len(octets)] = octets
        return bytes(made)

    def signed(self, key: ec.EllipticCurvePrivateKey) -> bytes:
        """The report, signed by a key."""
        body = self.body()
        r, s = decode_dss_signature(key.sign(body, ec.ECDSA(SHA384(), deterministic_signing=True)))
        return body + r.to_bytes(72, "little") + s.to_bytes(72, "little") + bytes(368)


@dataclass(frozen=True)
class Vendor:
    """A made-up AMD for one product: its root, its two intermediates, and the keys of a chip and of a cloud."""

    product: str = "Milan"
    family: int = 0  # another number is another vendor of the same names
    rsa: bool = True

    def _key(self, number: int) -> x.Key:
        number += 100 * self.family + 1000 * sum(map(ord, self.product))
        return x.rsa_key(number) if self.rsa else x.ec_key(number)

    @property
    def ark(self) -> x.Subject:
        """The root."""
        return x.Subject(f"ARK-{self.product}", self._key(1), x.authority(), serial=1)

    @property
    def ask(self) -> x.Subject:
        """Who signs for chips."""
        return x.Subject(f"SEV-{self.product}", self._key(2), x.authority(0), serial=2)

    @property
    def asvk(self) -> x.Subject:
        """Who signs for clouds."""
        return x.Subject(f"SEV-VLEK-{self.product}", self._key(3), x.authority(0), serial=3)

    @property
    def chip_key(self) -> ec.EllipticCurvePrivateKey:
        """The key of the chip."""
        return x.ec_key(4 + 100 * self.family)

    @property
    def cloud_key(self) -> ec.EllipticCurvePrivateKey:
        """The key of the cloud."""
        return x.ec_key(5 + 100 * self.family)

    def tcb_extensions(self, tcb: Mapping[str, int]) -> tuple[bytes, ...]:
        """The TCB that a leaf is for, component by component."""
        numbers = {"bootloader": "1", "tee": "2", "snp": "3", "microcode": "8"}
        if self.product == "Turin":
            numbers["fmc"] = "9"
        return tuple(x.extension(f"{_AMD}3.{n}", x.integer(tcb[part])) for part, n in numbers.items())

    def vcek(self, tcb: Mapping[str, int] = TCB, chip: bytes | None = None, **fields: object) -> x.Subject:
        """The leaf of the chip."""
        held = chip if chip is not None else CHIP[:8] if self.product == "Turin" else CHIP
        inside = (*self.tcb_extensions(tcb), *([x.extension(f"{_AMD}4", held)] if held else []))
        return x.changed(x.Subject("SEV-VCEK", self.chip_key, inside), **fields)

    def vlek(self, tcb: Mapping[str, int] = TCB, provider: str = "cloud.example", **fields: object) -> x.Subject:
        """The leaf of the cloud."""
        said = [x.extension(f"{_AMD}5", x.tlv(0x16, provider.encode()))] if provider else []
        return x.changed(x.Subject("SEV-VLEK", self.cloud_key, (*self.tcb_extensions(tcb), *said)), **fields)

    def chain(self, leaf: x.Subject | None = None) -> tuple[bytes, bytes, bytes]:
        """The certificates of leaf, intermediate and root."""
        leaf = leaf or self.vcek()
        signer = self.asvk if leaf.common == "SEV-VLEK" else self.ask
        return (x.certificate(leaf, signer), x.certificate(signer, self.ark), self.root)

    @property
    def root(self) -> bytes:
        """The certificate of the root."""
        return _root(self)

    def crl(self, held: x.Listing | None = None) -> bytes:
        """The list of the root."""
        return x.revocations(self.ark, held or x.Listing())


_ROOTS: dict[Vendor, bytes] = {}


def _root(vendor: Vendor) -> bytes:
    if vendor not in _ROOTS:
        _ROOTS[vendor] = x.certificate(vendor.ark, vendor.ark)
    return _ROOTS[vendor]


POLICY = Policy(
    name="minted",
    snp=SnpPolicy(smt=False, min_tcb={p: SnpTcb(bootloader=3, snp=8, microcode=50) for p in CPUID}),
)
REFERENCES = ReferenceValues(
    (Reference(EvidenceKind.SNP, "image", {"measurement": (MEASUREMENT.hex(),)}, version="1"),), "owner"
)


@dataclass(frozen=True)
class Minted:
    """All that one appraisal is made of: what `genuine` gives opens, and each test changes one thing."""

    vendor: Vendor
    report: bytes
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    policy: Policy = POLICY
    references: ReferenceValues = REFERENCES
    challenge: bytes | None = CHALLENGE
    now: x.datetime = x.NOW
    trusted: tuple[Vendor, ...] = ()

    def verifier(self) -> Verifier[Case]:
        """The verifier that trusts this vendor's root, or those that are named."""
        return snp.verifier({parse(v.root).fingerprint: v.product for v in self.trusted or (self.vendor,)})

    def inputs(self) -> Inputs:
        """What the verifier is given."""
        part = EvidencePart("report", "application/octet-stream", self.report)
        given = [Endorsement(EndorsementKind.CERTIFICATE, c) for c in self.certificates]
        lists = [Endorsement(EndorsementKind.CRL, c) for c in self.crls]
        evidence = Evidence(EvidenceKind.SNP, (part,), self.challenge, self.now)
        return Inputs(evidence, Endorsements((*given, *lists)), self.references, self.policy, self.now)

    def appraised(self) -> Appraisal:
        """The verdict."""
        return appraise(self.verifier(), self.inputs())

    def but(self, **fields: object) -> "Minted":
        """The same with other fields."""
        return replace(self, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name

    def demanding(self, **fields: object) -> "Minted":
        """The same under a policy with other demands."""
        demands = {n: getattr(self.policy.snp, n) for n in self.policy.snp.__struct_fields__} | fields
        return replace(self, policy=Policy(name="minted", snp=SnpPolicy(**demands)))  # type: ignore[arg-type] # as above


def genuine(vendor: Vendor | None = None, **fields: object) -> Minted:
    """Evidence that opens, by the chip's own key; `fields` are those of the report."""
    vendor = vendor or Vendor()
    report = replace(Report(product=vendor.product), **fields)  # type: ignore[arg-type] # the fields of a report by name
    leaf = vendor.vcek(report.reported)
    return Minted(vendor, report.signed(vendor.chip_key), vendor.chain(leaf), (vendor.crl(),))


def by_cloud(vendor: Vendor | None = None, leaf: x.Subject | None = None, **fields: object) -> Minted:
    """Evidence that opens, by the key of a cloud, with the chip id masked."""
    vendor = vendor or Vendor()
    mine = {"key_info": 1 << 2, "chip_id": bytes(64)} | fields
    report = replace(Report(product=vendor.product), **mine)  # type: ignore[arg-type] # the fields of a report by name
    return Minted(vendor, report.signed(vendor.cloud_key), vendor.chain(leaf or vendor.vlek()), (vendor.crl(),))
