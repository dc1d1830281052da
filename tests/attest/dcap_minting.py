"""Mints Intel quotes under a root of the tests' own: platform, quoting enclave, chain, lists and collateral.

A draft has one sound value for everything; a test changes what it is about, before or after it would be signed.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from dcap_sound import CHALLENGE, DOMAIN, DOMAIN15, ENCLAVE, LEVELS, MODULES, Json, isv

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, SgxPolicy, TdxPolicy
from strongroom.attest.tee import sgx, tdx
from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit import intel_collateral
from strongroom.model.attest import (
    Appraisal,
    Endorsements,
    Evidence,
    EvidenceKind,
    EvidencePart,
    Reference,
    ReferenceValues,
)

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
FMSPC = bytes.fromhex("50806f000000")
_NAMES = {
    "root": "Intel SGX Root CA",
    "rogue": "Intel SGX Root CA",
    "authority": "Intel SGX PCK Platform CA",
    "pck": "Intel SGX PCK Certificate",
    "signer": "Intel SGX TCB Signing",
}


@cache
def key(role: str) -> ec.EllipticCurvePrivateKey:
    """The key of a role: always the same, and nobody's."""
    return ec.derive_private_key(
        int.from_bytes(hashlib.sha256(f"test key of {role}".encode()).digest()), ec.SECP256R1()
    )


def sign(role: str, data: bytes) -> bytes:
    """R and S in 64 octets."""
    r, s = decode_dss_signature(key(role).sign(data, ec.ECDSA(SHA256(), deterministic_signing=True)))
    return r.to_bytes(32) + s.to_bytes(32)


def point(role: str) -> bytes:
    """X and Y of a role's key."""
    return key(role).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]


def tlv(tag: int, value: bytes) -> bytes:
    """One element of DER."""
    size = len(value)
    head = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else b"\x82" + size.to_bytes(2)
    return bytes([tag]) + head + value


def _pair(name: str, value: bytes) -> bytes:
    arcs = [int(a) for a in name.split(".")]
    octets = bytes([40 * arcs[0] + arcs[1]])
    for arc in arcs[2:]:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.insert(0, arc & 0x7F | 0x80)
        octets += bytes(groups)
    return tlv(0x30, tlv(0x06, octets) + value)


def _integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1))


@dataclass(frozen=True)
class Draft:
    """Everything that a quote and its collateral are made of."""

    kind: str = "tdx"
    version: int = 4
    att_key_type: int = 2
    tee_type: int | None = None
    vendor: bytes = VENDOR
    body_type: int | None = None  # of version 5
    body_size: int | None = None
    report: dict[str, bytes] = field(default_factory=dict)  # what is other in the attested report
    qe: dict[str, bytes] = field(default_factory=dict)  # what is other in the quoting enclave's
    qe_auth: bytes = bytes(range(32))
    outer_type: int = 6
    cert_type: int = 5
    outer_lie: int = 0
    auth_lie: int = 0
    tail: bytes = b""
    signers: dict[str, str] = field(default_factory=dict)  # what is signed, by another role than it should be
    # the platform
    components: tuple[int, ...] = (5, 5, 2, 2, 3, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0)
    cpu_svn: bytes | None = None
    pce_svn: int = 11
    fmspc: bytes = FMSPC
    pce_id: bytes = b"\0\0"
    smt: bool | None = False
    extension: Callable[[bytes], bytes] | None = None
    names: dict[str, str] = field(default_factory=dict)  # common names by role
    ends: dict[str, datetime] = field(
        default_factory=dict
    )  # of certificates by role, of lists by `root_crl`, `pck_crl`
    revoked: tuple[str, ...] = ()
    # the collateral: what is other in the statements
    tcb: Json = field(default_factory=dict)
    levels: Sequence[Json] | None = None
    modules: Sequence[Json] | None = None
    identity: Json = field(default_factory=dict)
    rogue: bool = False  # the chain in the quote ends in a root that somebody made
    without: tuple[str, ...] = ()  # `tcb`, `qe`, `root_crl`, `pck_crl`; `pck`, `authority`, `root`
    edit: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)  # in a statement, after it was signed
    chain_of: dict[str, tuple[str, ...]] = field(default_factory=dict)  # the issuer chain of a statement


def _packed(base: dict[str, bytes], changes: dict[str, bytes]) -> bytes:
    unknown = set(changes) - set(base)
    assert not unknown, unknown
    assert all(len(value) == len(base[name]) for name, value in changes.items())
    return b"".join({**base, **changes}.values())


# Certificates and lists


def extension(d: Draft) -> bytes:
    """Intel's extension of a PCK certificate."""
    oid = "1.2.840.113741.1.13.1"
    tcb = [_pair(f"{oid}.2.{n}", _integer(svn)) for n, svn in enumerate(d.components, 1)]
    tcb += [_pair(f"{oid}.2.17", _integer(d.pce_svn))]
    tcb += [_pair(f"{oid}.2.18", tlv(0x04, bytes(d.components) if d.cpu_svn is None else d.cpu_svn))]
    parts = [
        _pair(f"{oid}.1", tlv(0x04, b"\x77" * 16)),
        _pair(f"{oid}.2", tlv(0x30, b"".join(tcb))),
        _pair(f"{oid}.3", tlv(0x04, d.pce_id)),
        _pair(f"{oid}.4", tlv(0x04, d.fmspc)),
        _pair(f"{oid}.5", tlv(0x0A, b"\x01")),
        _pair(f"{oid}.6", tlv(0x04, b"\x66" * 16)),
    ]
    if d.smt is not None:
        flags = [(1, b"\xff"), (2, b"\xff"), (3, b"\xff" if d.smt else b"\0")]
        parts.append(_pair(f"{oid}.7", tlv(0x30, b"".join(_pair(f"{oid}.7.{n}", tlv(0x01, v)) for n, v in flags))))
    made = tlv(0x30, b"".join(parts))
    return d.extension(made) if d.extension else made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


_ISSUERS = {"root": "root", "rogue": "rogue", "authority": "root", "signer": "root", "pck": "authority"}
_SERIALS = {role: n for n, role in enumerate(_ISSUERS, 1000)}


def certificate(d: Draft, role: str) -> bytes:
    """The certificate of a role, in DER."""
    names = {**_NAMES, **d.names}
    issuer = _ISSUERS[role]
    authority = role in ("root", "rogue", "authority")
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(names[role]))
        .issuer_name(_name(names[issuer]))
        .public_key(key(role).public_key())
        .serial_number(_SERIALS[role])
        .not_valid_before(BEGIN)
        .not_valid_after(d.ends.get(role, END))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(
            x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False), critical=True
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key(issuer).public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key(role).public_key()), critical=False)
    )
    if role == "pck":
        oid = x509.ObjectIdentifier("1.2.840.113741.1.13.1")
        made = made.add_extension(x509.UnrecognizedExtension(oid, extension(d)), critical=False)
    return made.sign(key(d.signers.get(role, issuer)), SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def crl(d: Draft, name: str) -> bytes:
    """The list of `root_crl` or `pck_crl`, in DER."""
    issuer = "root" if name == "root_crl" else "authority"
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(_name({**_NAMES, **d.names}[issuer]))
        .last_update(NOW - timedelta(days=10))
        .next_update(d.ends.get(name, NOW + timedelta(days=20)))
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key(issuer).public_key()), critical=False)
    )
    for role in d.revoked:
        if _ISSUERS[role] == issuer:
            when = x509.RevokedCertificateBuilder().serial_number(_SERIALS[role]).revocation_date(BEGIN)
            made = made.add_revoked_certificate(when.build())
    return made.sign(key(d.signers.get(name, issuer)), SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def pem(*certificates: bytes) -> str:
    """Certificates as text."""
    return "".join(x509.load_der_x509_certificate(c).public_bytes(Encoding.PEM).decode() for c in certificates)


# Collateral


def tcb_info(d: Draft) -> bytes:
    """The octets of a TcbInfo."""
    levels = [dict(x) for x in (LEVELS if d.levels is None else d.levels)]
    made: Json = {
        "id": d.kind.upper(),
        "version": 3,
        "issueDate": "2026-01-10T00:00:00Z",
        "nextUpdate": "2026-02-09T00:00:00Z",
        "fmspc": d.fmspc.hex().upper(),
        "pceId": d.pce_id.hex(),
        "tcbType": 0,
        "tcbEvaluationDataNumber": 17,
    }
    if d.kind == "tdx":
        made["tdxModule"] = {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8}
        made["tdxModuleIdentities"] = list(MODULES if d.modules is None else d.modules)
    else:
        for x in levels:
            assert isinstance(x["tcb"], dict)
            x["tcb"] = {k: v for k, v in x["tcb"].items() if k != "tdxtcbcomponents"}
    return json.dumps({**made, "tcbLevels": levels, **d.tcb}, separators=(",", ":")).encode()


def qe_identity(d: Draft) -> bytes:
    """The octets of an EnclaveIdentity."""
    made: Json = {
        "id": "TD_QE" if d.kind == "tdx" else "QE",
        "version": 2,
        "issueDate": "2026-01-10T00:00:00Z",
        "nextUpdate": "2026-02-09T00:00:00Z",
        "tcbEvaluationDataNumber": 17,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11" + "00" * 15,
        "attributesMask": "FBFFFFFFFFFFFFFF" + "00" * 8,
        "mrsigner": "DC" * 32,
        "isvprodid": 2,
        "tcbLevels": [isv(4, "UpToDate"), isv(2, "OutOfDate", "2024-01-01", ("INTEL-SA-00477",)), isv(1, "Revoked")],
    }
    return json.dumps({**made, **d.identity}, separators=(",", ":")).encode()


def collateral(d: Draft) -> dict[str, str]:
    """Everything in one document, as QuoteCollateralV3 has it."""
    made = {
        "pck_crl_issuer_chain": pem(certificate(d, "authority"), certificate(d, "root")),
        "root_ca_crl": crl(d, "root_crl").hex(),
        "pck_crl": crl(d, "pck_crl").hex(),
    }
    for name, data, prefix in (("tcb", tcb_info(d), "tcb_info"), ("qe", qe_identity(d), "qe_identity")):
        signature = sign(d.signers.get(name if name == "tcb" else "qe_statement", "signer"), data)
        old, new = d.edit.get(name, (b"", b""))
        roles = d.chain_of.get(name, ("signer", "root"))
        made[f"{prefix}_issuer_chain"] = pem(*(certificate(d, role) for role in roles))
        made[prefix] = data.replace(old, new, 1).decode()
        made[f"{prefix}_signature"] = signature.hex()
    return made


# The quote


def quote(d: Draft) -> bytes:
    """The octets of a quote."""
    tee = (0x81 if d.kind == "tdx" else 0) if d.tee_type is None else d.tee_type
    signed = struct.pack("<HHIHH16s20s", d.version, d.att_key_type, tee, 0, 0, d.vendor, bytes(20))
    kind = (1 if d.kind == "sgx" else 2) if d.body_type is None else d.body_type
    base = ENCLAVE if d.kind == "sgx" else {**DOMAIN, **(DOMAIN15 if d.version == 5 and kind == 3 else {})}
    body = _packed(base, d.report)
    if d.version == 5:
        signed += struct.pack("<HI", kind, len(body) if d.body_size is None else d.body_size)
    signed += body
    head = sign(d.signers.get("quote", "attestation"), signed) + point(d.signers.get("key", "attestation"))
    binding = hashlib.sha256(point("attestation") + d.qe_auth).digest().ljust(64, b"\0")
    own = {
        "report_data": binding,
        "mrsigner": b"\xdc" * 32,
        "attributes": bytes.fromhex("15").ljust(8, b"\0") + bytes.fromhex("e7").ljust(8, b"\0"),
        "isv_prod_id": (2).to_bytes(2, "little"),
        "isv_svn": (4).to_bytes(2, "little"),
    }
    report = _packed(ENCLAVE, {**own, **d.qe})
    roles = [r for r in ("pck", "authority", "root") if r not in d.without]  # in the quote; `root` beside it as well
    roles = [("rogue" if d.rogue and r == "root" else r) for r in roles]
    chain = pem(*(certificate(d, r) for r in roles)).encode() + b"\0"
    inner = report + sign(d.signers.get("qe", "pck"), report) + struct.pack("<H", len(d.qe_auth)) + d.qe_auth
    inner += struct.pack("<HI", d.cert_type, len(chain)) + chain
    if d.version >= 4:
        inner = struct.pack("<HI", d.outer_type, len(inner) + d.outer_lie) + inner
    auth = head + inner
    return signed + struct.pack("<I", len(auth) + d.auth_lie) + auth + d.tail


def endorsements(d: Draft) -> Endorsements:
    """The collateral as a verifier is given it."""
    read = intel_collateral.read(json.dumps(collateral(d)).encode()).items
    names = ("tcb", "qe", "pck_crl", "root_crl", "authority", "root")
    return Endorsements(tuple(e for name, e in zip(names, read, strict=True) if name not in d.without))


# What judges it


def verifier(d: Draft) -> Verifier[object]:
    """The verifier of the draft's kind that trusts the tests' root, and no other."""
    roots = {hashlib.sha256(certificate(Draft(), "root")).hexdigest()}
    return (tdx if d.kind == "tdx" else sgx).verifier(roots)  # type: ignore[return-value]


def references(d: Draft) -> ReferenceValues:
    """References that fit the sound report of a kind."""
    if d.kind == "tdx":
        values = {name: (DOMAIN[name].hex(),) for name in ("mrtd", "rtmr0", "rtmr1", "rtmr2")}
        return ReferenceValues((Reference(EvidenceKind.TDX, "worker", values),))
    return ReferenceValues((Reference(EvidenceKind.SGX, "worker", {"mrenclave": (ENCLAVE["mrenclave"].hex(),)}),))


def inputs(d: Draft, policy: Policy | None = None, now: datetime = NOW, parts: Sequence[EvidencePart] = ()) -> Inputs:
    """What the verifier is given for a draft."""
    part = EvidencePart("quote", "application/octet-stream", quote(d))
    evidence = Evidence(EvidenceKind(d.kind), (part, *parts), CHALLENGE)
    return Inputs(evidence, endorsements(d), references(d), policy or Policy(), now)


def judge(d: Draft, policy: Policy | None = None, now: datetime = NOW, parts: Sequence[EvidencePart] = ()) -> Appraisal:
    """The verdict on a draft."""
    return appraise(verifier(d), inputs(d, policy, now, parts))


def demanding(**demands: object) -> Policy:
    """A policy that says the same of both kinds, and what only one of them knows of that one."""
    made = {}
    for name, kind in (("tdx", TdxPolicy), ("sgx", SgxPolicy)):
        made[name] = kind(**{k: v for k, v in demands.items() if k in kind.__struct_fields__})
    return Policy(**made)  # type: ignore[arg-type]


SOUND = {
    "tdx v4": Draft(),
    "tdx v5, report 1.0": Draft(version=5, body_type=2),
    "tdx v5, report 1.5": Draft(version=5, body_type=3),
    "sgx v3": Draft(kind="sgx", version=3),
    "sgx v4": Draft(kind="sgx", version=4),
    "sgx v5": Draft(kind="sgx", version=5),
    "tdx, module 1": Draft(report={"tee_tcb_svn": bytes([3, 1, 5]) + bytes(13)}),
}
changed = replace
