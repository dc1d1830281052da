"""Evidence of made-up Azure confidential VMs: the paravisor's report around a minted SNP report or TD quote, and a vTPM."""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import dcap_minting as dcap
import gcp_minting as tokens
import minted_x509 as x
import snp_minting as snp
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import AzurePolicy, Policy
from strongroom.attest.tee import azure_snp, azure_tdx
from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit.x509.certificate import parse
from strongroom.model.attest import (
    Appraisal,
    Endorsement,
    EndorsementKind,
    Endorsements,
    Evidence,
    EvidenceKind,
    Reference,
    ReferenceValues,
)

AK = x.rsa_key(81)
CHALLENGE = bytes(range(32))
POLICY = AzurePolicy()
VM = "911B0EF8-9DBA-48B0-B275-4E4DF2D39252"
PCRS = tuple(bytes([n + 1]) * 32 for n in range(24))
DRAFT = dcap.Draft(report={"td_attributes": bytes(8)})  # Azure's TDs are made without SEPT_VE_DISABLE
_SNP, _TDX = EvidenceKind.AZURE_SNP, EvidenceKind.AZURE_TDX
VENDOR = snp.Vendor("Milan", rsa=False)


def configuration(**fields: object) -> dict[str, object]:
    """What the paravisor says of the VM; what is given as ... is left out."""
    whole: dict[str, object] = {"console-enabled": True, "secure-boot": True, "tpm-enabled": True, "vmUniqueId": VM}
    return {k: v for k, v in (whole | fields).items() if v is not ...}


def claims(key: rsa.RSAPrivateKey = AK, vm: Mapping[str, object] | None = None, **fields: object) -> bytes:
    """The runtime claims."""
    held = tokens.jwk(key, kid="HCLAkPub")
    ak = {"kid": held["kid"], "key_ops": ["sign"], "kty": "RSA", "e": held["e"], "n": held["n"]}
    whole = {"keys": [ak], "vm-configuration": configuration() if vm is None else dict(vm), "user-data": "aa" * 64}
    return json.dumps({**whole, **fields}).encode()


def quote(extra: bytes = CHALLENGE, digest: bytes | None = None, **fields: object) -> bytes:
    """A TPMS_ATTEST over registers of the SHA-256 bank."""
    magic, kind, chosen = (
        fields.get(n, v) for n, v in (("magic", 0xFF544347), ("kind", 0x8018), ("chosen", b"\xff" * 3))
    )
    bank = fields.get("bank", 0x000B)
    assert isinstance(chosen, bytes)
    made = hashlib.sha256(b"".join(PCRS)).digest() if digest is None else digest
    head = struct.pack(">IHH", magic, kind, 34) + b"\0\x0b" + bytes(32) + struct.pack(">H", len(extra)) + extra
    clock = struct.pack(">QIIB", 1000, 3, 0, 1) + bytes(8)
    selection = struct.pack(">IHB", 1, bank, len(chosen)) + chosen
    return head + clock + selection + struct.pack(">H", len(made)) + made


@dataclass(frozen=True)
class Minted:
    """All that one appraisal is made of: the defaults open, and each test changes one thing."""

    kind: EvidenceKind = _SNP
    claims: bytes = claims()
    bound: bytes | None = None  # what the hardware's report carries, where it is not the hash of the claims
    head: Mapping[str, int] = field(default_factory=dict)
    tail: bytes = bytes(100)
    inner: Mapping[str, object] = field(default_factory=dict)  # of the SNP report
    draft: dcap.Draft = DRAFT
    own_data: bytes | None = None  # REPORTDATA of the TD's own report, where it is another than the quote's
    quote: bytes | None = quote()
    signer: rsa.RSAPrivateKey = AK
    signed: bytes | None = None  # what is signed, where it is not the quote
    pcrs: tuple[bytes, ...] = PCRS
    without_td_quote: bool = False
    trusted: snp.Vendor = VENDOR
    policy: AzurePolicy = POLICY
    challenge: bytes | None = CHALLENGE
    unreferenced: bool = False
    known: tuple[bytes, ...] = PCRS  # the registers of the boot that is known
    log: bytes = b""

    @property
    def report_data(self) -> bytes:
        """What the hardware vouches for."""
        return hashlib.sha256(self.claims).digest().ljust(64, b"\0") if self.bound is None else self.bound

    def td_quote(self) -> bytes:
        """The TD quote."""
        return dcap.quote(replace(self.draft, report={**self.draft.report, "report_data": self.report_data}))

    def hardware(self) -> bytes:
        """The hardware's report, in its 1184 octets."""
        if self.kind is _SNP:
            return snp.genuine(VENDOR, report_data=self.report_data, **self.inner).report
        own = self.report_data if self.own_data is None else self.own_data
        return (bytes(128) + own).ljust(1184, b"\0")

    def hcl(self) -> bytes:
        """The paravisor's report."""
        size = len(self.claims)
        base = {"magic": 0x414C4348, "version": 2, "size": 32 + 1184 + 20 + size, "request": 2}
        base |= {"whole": 20 + size, "edition": 1, "type": 2 if self.kind is _SNP else 4, "hash": 1, "length": size}
        h = {**base, **self.head}
        head = struct.pack("<4I16x", h["magic"], h["version"], h["size"], h["request"])
        runtime = struct.pack("<5I", h["whole"], h["edition"], h["type"], h["hash"], h["length"])
        return head + self.hardware() + runtime + self.claims + self.tail

    def evidence(self) -> bytes:
        """The JSON of an agent, in version 1; the bare report where there is no quote."""
        if self.quote is None:
            return self.hcl()
        made = self.signer.sign(self.signed or self.quote, padding.PKCS1v15(), SHA256())
        pcrs = [p.hex() for p in self.pcrs]
        whole: dict[str, object] = {"version": 1, "hcl_report": base64.urlsafe_b64encode(self.hcl()).decode()}
        whole["tpm_quote"] = {"message": self.quote.hex(), "signature": made.hex(), "pcrs": pcrs}
        whole |= {"event_log": base64.b64encode(self.log).decode()} if self.log else {}
        if self.kind is _SNP:
            whole["vcek"] = base64.urlsafe_b64encode(VENDOR.chain()[0]).decode().rstrip("=")
        else:
            whole["td_quote"] = "" if self.without_td_quote else base64.urlsafe_b64encode(self.td_quote()).decode()
        return json.dumps(whole).encode()

    def older(self) -> bytes:
        """The JSON of an agent without a version: octets as lists of numbers."""
        now = json.loads(self.evidence())
        octets = {k: list(bytes.fromhex(now["tpm_quote"][k])) for k in ("message", "signature")}
        pcrs = [list(bytes.fromhex(p)) for p in now["tpm_quote"]["pcrs"]]
        whole = {"quote": {**octets, "pcrs": pcrs}, "report": list(self.hcl())}
        if self.kind is _SNP:
            whole["vcek"] = x.pem(VENDOR.chain()[0]).decode()
        else:
            whole["td_quote"] = list(self.td_quote())
        return json.dumps(whole).encode()

    def verifier(self) -> Verifier[object]:
        """The verifier that trusts the roots of the made-up vendors."""
        if self.kind is _SNP:
            return azure_snp.verifier({parse(self.trusted.root).fingerprint: self.trusted.product})  # type: ignore[return-value]
        return azure_tdx.verifier({hashlib.sha256(dcap.certificate(dcap.Draft(), "root")).hexdigest()})  # type: ignore[return-value]

    def given(self) -> Endorsements:
        """The vendor's certificates, lists and statements."""
        if self.kind is _TDX:
            return dcap.endorsements(self.draft)
        above = [Endorsement(EndorsementKind.CERTIFICATE, c) for c in VENDOR.chain()]
        return Endorsements((*above, Endorsement(EndorsementKind.CRL, VENDOR.crl())))

    def references(self) -> ReferenceValues:
        """A known paravisor and boot."""
        hardware = {"measurement": snp.MEASUREMENT.hex()} if self.kind is _SNP else {"mrtd": dcap.DOMAIN["mrtd"].hex()}
        held = {**hardware, "pcr4": self.known[4].hex(), "pcr7": self.known[7].hex()}
        known = Reference(self.kind, "boot", {k: (v,) for k, v in held.items()})
        return ReferenceValues() if self.unreferenced else ReferenceValues((known,), "owner")

    def inputs(self, octets: bytes | None = None) -> Inputs:
        """What the verifier is given."""
        parts = self.verifier().read(self.evidence() if octets is None else octets)
        now = x.NOW if self.kind is _SNP else dcap.NOW
        policy = Policy(snp=snp.POLICY.snp, azure=self.policy)
        return Inputs(Evidence(self.kind, parts, self.challenge, now), self.given(), self.references(), policy, now)

    def appraised(self) -> Appraisal:
        """The verdict."""
        return appraise(self.verifier(), self.inputs())

    def but(self, **fields: object) -> "Minted":
        """The same with other fields of this record."""
        return replace(self, **fields)  # type: ignore[arg-type] # the fields of a dataclass by name


GOOD = {"snp": Minted(), "tdx": Minted(_TDX)}
