"""A made-up machine with a TPM: its attestation key and who certifies it, its boot, its logs, and one quote that passes."""

import hashlib
import json
import uuid
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import minted_x509 as x
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, TpmPolicy
from strongroom.attest.tee import tpm as part
from strongroom.attest.tee._tpm_case import Case
from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit import boot_events, ccel, known_boot, tpm
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

CHALLENGE = bytes(range(32))
KEY = x.ec_key(700, ec.SECP256R1)
OTHER_KEY = x.ec_key(701, ec.SECP256R1)
SOUND_BITS = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 16 | 1 << 18
_GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
_SECURITY = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
_SHIM = uuid.UUID("605dab50-e046-4300-abb6-3dd810dd8b23")
X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
_SHA256 = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328")
REVOKED = tuple(hashlib.sha256(bytes([n])).digest() for n in range(3))
PCRS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14)


def sized(data: bytes) -> bytes:
    """A TPM2B."""
    return len(data).to_bytes(2, "big") + data


def public(key: ec.EllipticCurvePrivateKey = KEY, bits: int = SOUND_BITS) -> bytes:
    """TPMT_PUBLIC of a P-256 key that signs by ECDSA with SHA-256."""
    numbers = key.public_key().public_numbers()
    point = sized(numbers.x.to_bytes(32, "big")) + sized(numbers.y.to_bytes(32, "big"))
    return bytes.fromhex("0023000b") + bits.to_bytes(4, "big") + bytes.fromhex("0000 0010 0018000b 0003 0010") + point


def name(area: bytes) -> str:
    """The name of a key's public area."""
    return "000b" + hashlib.sha256(area).hexdigest()


# The firmware's log


@dataclass(frozen=True)
class Measured:
    """One event; `digest` where it is not the hash of the data."""

    register: int
    type: int
    data: bytes
    of: bytes | None = None  # what was hashed, where it is not the data

    @property
    def digest(self) -> bytes:
        """What goes into the register."""
        return hashlib.sha256(self.data if self.of is None else self.of).digest()


def variable(owner: uuid.UUID, named: str, data: bytes) -> bytes:
    """UEFI_VARIABLE_DATA."""
    sizes = len(named).to_bytes(8, "little") + len(data).to_bytes(8, "little")
    return owner.bytes_le + sizes + named.encode("utf-16-le") + data


def listed(kind: uuid.UUID, *held: bytes) -> bytes:
    """An EFI_SIGNATURE_LIST of entries of one size."""
    if not held:
        return b""
    each = 16 + len(held[0])
    sizes = (28 + each * len(held), 0, each)
    return kind.bytes_le + b"".join(n.to_bytes(4, "little") for n in sizes) + b"".join(bytes(16) + h for h in held)


def certificate(common: str, number: int = 710, **fields: object) -> bytes:
    """A certificate that signed itself, as Secure Boot's keys are."""
    who = x.changed(x.Subject(common, x.ec_key(number), x.authority()), **fields)
    return x.certificate(who, who)


DB_KEY = certificate("Maker CA")


def secure_boot(
    *,
    on: bytes = b"\1",
    pk: bytes | None = None,
    db: bytes = DB_KEY,
    dbx: tuple[bytes, ...] = REVOKED,
    by: bytes = DB_KEY,
    kek: bytes | None = None,
) -> tuple[Measured, ...]:
    """What goes into PCR 7."""
    exchange = certificate("Owner KEK") if kek is None else kek
    platform = listed(X509, certificate("Owner PK")) if pk is None else pk
    told = (
        (_GLOBAL, "SecureBoot", on),
        (_GLOBAL, "PK", platform),
        (_GLOBAL, "KEK", listed(X509, exchange)),
        (_SECURITY, "db", listed(X509, db)),
        (_SECURITY, "dbx", listed(_SHA256, *dbx)),
    )
    events = tuple(Measured(7, 0x80000001, variable(*t)) for t in told)
    authority = Measured(7, 0x800000E0, variable(_SECURITY, "db", bytes(16) + by))
    return (*events, Measured(7, 4, bytes(4)), authority)


def menu(data: bytes = b"disk") -> Measured:
    """An entry of the boot menu, which every machine has its own of."""
    return Measured(1, 0x80000002, variable(_GLOBAL, "Boot0001", data))


def started(initrd: bytes = b"initrd", cmdline: bytes = b"quiet", *more: Measured) -> tuple[Measured, ...]:
    """The other registers of a boot."""
    separators = tuple(Measured(n, 4, bytes(4)) for n in range(7))
    return (
        Measured(0, 8, "1.0".encode("utf-16-le")),
        menu(),
        *separators,
        Measured(8, 0x0D, b"grub_cmd: linux /vmlinuz " + cmdline, of=b"linux /vmlinuz " + cmdline),
        Measured(8, 0x0D, b"kernel_cmdline: " + cmdline, of=cmdline),
        Measured(8, 0x0D, b"grub_cmd: initrd /initrd.gz", of=b"initrd /initrd.gz"),
        Measured(9, 0x0D, b"/initrd.gz", of=initrd),
        Measured(14, 0x0D, b"MokList", of=b""),
        Measured(14, 0x0D, b"MokListTrusted", of=b"\1"),
        *more,
    )


def sbat(text: bytes) -> Measured:
    """The level of SBAT that shim measures."""
    return Measured(7, 0x800000E0, variable(_SHIM, "SbatLevel", text))


def booted(
    initrd: bytes = b"initrd", cmdline: bytes = b"quiet", *more: Measured, **keys: object
) -> tuple[Measured, ...]:
    """A boot."""
    return (*secure_boot(**keys), *started(initrd, cmdline, *more))  # type: ignore[arg-type] # any field by name


BOOT = booted()


def log_of(events: tuple[Measured, ...]) -> bytes:
    """A crypto-agile log with a bank of SHA-256."""
    spec = b"Spec ID Event03\0" + bytes(4) + bytes.fromhex("00020002 01000000 0b002000 00")
    out = bytes(4) + (3).to_bytes(4, "little") + bytes(20) + len(spec).to_bytes(4, "little") + spec
    for e in events:
        head = e.register.to_bytes(4, "little") + e.type.to_bytes(4, "little") + bytes.fromhex("01000000 0b00")
        out += head + e.digest + len(e.data).to_bytes(4, "little") + e.data
    return out


def extended(events: tuple[Measured, ...]) -> dict[int, bytes]:
    """The registers after a boot."""
    found = {n: bytes(32) for n in PCRS}
    for e in events:
        found[e.register] = hashlib.sha256(found[e.register] + e.digest).digest()
    return found


# A signed list of what is revoked

KEK = x.Subject("Maker KEK", x.ec_key(730), x.authority(0), serial=7)
SIGNER = x.Subject("Maker signs lists", x.rsa_key(731), serial=8)
_RSA = x.tlv(0x30, x.oid("1.2.840.113549.1.1.1"), x.tlv(0x05))
_SHA2 = x.tlv(0x30, x.oid("2.16.840.1.101.3.4.2.1"), x.tlv(0x05))


def dbx_update(*hashes: bytes, signed: tuple[bytes, ...] | None = None, authority: x.Subject = KEK) -> bytes:
    """EFI_VARIABLE_AUTHENTICATION_2 and the list; `signed` are the hashes that the signature is over, where others."""
    time = bytes.fromhex("da07030613113500") + bytes(8)
    head = "dbx".encode("utf-16-le") + _SECURITY.bytes_le + (0x67).to_bytes(4, "little") + time
    content = head + listed(_SHA256, *(hashes if signed is None else signed))
    issuer, leaf = x.certificate(authority, authority), x.certificate(SIGNER, authority)
    made = x.rsa_key(731).sign(content, padding.PKCS1v15(), SHA256())
    who = x.tlv(0x30, x.name(authority.common), x.integer(SIGNER.serial))
    info = x.tlv(0x30, x.integer(1), who, _SHA2, _RSA, x.tlv(0x04, made))
    data = x.tlv(0x30, x.oid("1.2.840.113549.1.7.1"))
    parts = (x.integer(1), x.tlv(0x31, _SHA2), data, x.tlv(0xA0, leaf, issuer), x.tlv(0x31, info))
    signature = x.tlv(0x30, *parts)
    kind = uuid.UUID("4aafd29d-68df-49ee-8aa9-347d375665a7").bytes_le
    size = (24 + len(signature)).to_bytes(4, "little")
    return time + size + bytes.fromhex("0002f10e") + kind + signature + listed(_SHA256, *hashes)


KEKS: Mapping[str, str] = {parse(x.certificate(KEK, KEK)).fingerprint: "maker"}


# The kernel's list


def entry(path: str, digest: bytes, *, violated: bool = False) -> bytes:
    """One entry of the template ima-ng."""
    parts = (b"sha256:\0" + digest, path.encode() + b"\0")
    data = b"".join(len(p).to_bytes(4, "little") + p for p in parts)
    made = bytes(20) if violated else hashlib.sha1(data, usedforsecurity=False).digest()
    sizes = (6).to_bytes(4, "little") + b"ima-ng" + len(data).to_bytes(4, "little")
    return (10).to_bytes(4, "little") + made + sizes + data


def measured_files(entries: tuple[bytes, ...]) -> bytes:
    """PCR 10 after the entries."""
    value = bytes(32)
    for e in entries:
        step = hashlib.sha256(e[38:]).digest() if any(e[4:24]) else b"\xff" * 32
        value = hashlib.sha256(value + step).digest()
    return value


# The quote


@dataclass(frozen=True)
class Minted:
    """Evidence and what it is judged by; every part may be another."""

    magic: int = tpm.MAGIC
    type: int = tpm.QUOTE
    nonce: bytes = CHALLENGE
    safe: bool = True
    counters: tuple[int, int, int] = (5000, 2, 1)  # clock, resets, restarts
    pcrs: tuple[int, ...] = PCRS
    area: bytes = field(default_factory=public)
    signer: ec.EllipticCurvePrivateKey = KEY
    events: tuple[Measured, ...] = BOOT
    log: bytes | None = None
    files: tuple[bytes, ...] = ()
    later: tuple[bytes, ...] = ()
    hidden: int = 0  # how many of the last files the list does not show
    given: Mapping[int, bytes] = field(default_factory=dict)  # register values that are handed over instead
    certificates: tuple[bytes, ...] = ()
    authorities: tuple[bytes, ...] = ()
    policy: TpmPolicy = field(
        default_factory=lambda: TpmPolicy(aks=(name(public()),), dbx=tuple(r.hex() for r in REVOKED))
    )
    references: ReferenceValues | None = None
    challenge: bytes | None = CHALLENGE
    roots: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, bytes] = field(default_factory=dict)  # signed lists of what is revoked, by name of their file
    dropped: frozenset[str] = frozenset()
    others: Mapping[str, "Minted"] = field(default_factory=dict)  # quotes that come along, by bank

    def but(self, **fields: object) -> "Minted":
        """The same with other fields."""
        return replace(self, **fields)  # type: ignore[arg-type] # any field by name

    def registers(self) -> dict[int, bytes]:
        """What the TPM holds."""
        found = extended(self.events)
        if self.files:
            found[10] = measured_files(self.files)
        return found

    def quote(self) -> bytes:
        """TPMS_ATTEST."""
        held = self.registers()
        bitmap = sum(1 << n for n in self.pcrs).to_bytes(3, "little")
        digest = hashlib.sha256(b"".join(held[n] for n in sorted(self.pcrs))).digest()
        clock, resets, restarts = self.counters
        return b"".join(
            (
                self.magic.to_bytes(4, "big") + self.type.to_bytes(2, "big"),
                sized(b"\0\x0b" + bytes(32)) + sized(self.nonce),
                clock.to_bytes(8, "big") + resets.to_bytes(4, "big") + restarts.to_bytes(4, "big") + bytes([self.safe]),
                bytes(8) + bytes.fromhex("00000001 000b 03") + bitmap + sized(digest),
            )
        )

    def signature(self) -> bytes:
        """TPMT_SIGNATURE by ECDSA with SHA-256."""
        made = self.signer.sign(self.quote(), ec.ECDSA(SHA256(), deterministic_signing=True))
        return bytes.fromhex("0018000b") + b"".join(sized(n.to_bytes(32, "big")) for n in decode_dss_signature(made))

    def document(self) -> bytes:
        """The JSON form."""
        held = {**{n: v for n, v in self.registers().items() if n in self.pcrs}, **self.given}
        made: dict[str, object] = {
            "schema": "strongroom.tpm-evidence/1",
            "quote": b64encode(self.quote()).decode(),
            "signature": b64encode(self.signature()).decode(),
            "pcrs": {"sha256": {str(n): v.hex() for n, v in held.items()}},
            "ak": b64encode(self.area).decode(),
            "ak_certificates": [b64encode(c).decode() for c in self.certificates],
            "event_log": b64encode(log_of(self.events) if self.log is None else self.log).decode(),
            "ima_log": b64encode(b"".join((*self.files[: len(self.files) - self.hidden], *self.later))).decode(),
        }
        return json.dumps({k: v for k, v in made.items() if v and k not in self.dropped}).encode()

    def verifier(self) -> Verifier[Case]:
        """The verifier with the roots of this test."""
        return part.verifier(self.roots, KEKS)

    def inputs(self) -> Inputs:
        """What it judges."""
        parts = part.VERIFIER.read(self.document())
        for bank, other in self.others.items():
            beside = (p for p in part.VERIFIER.read(other.document()) if p.name in ("quote", "signature", "pcrs"))
            parts += tuple(msgspec.structs.replace(p, name=f"{p.name}.{bank}") for p in beside)
        known = REFERENCES if self.references is None else self.references
        given = tuple(Endorsement(EndorsementKind.CERTIFICATE, c) for c in self.authorities)
        given += tuple(Endorsement(EndorsementKind.DBX, data, origin=name) for name, data in self.lists.items())
        evidence = Evidence(EvidenceKind.TPM, parts, self.challenge)
        return Inputs(evidence, Endorsements(given), known, Policy(tpm=self.policy), x.NOW)

    def appraised(self) -> Appraisal:
        """The verdict."""
        return appraise(self.verifier(), self.inputs())


REFERENCES = ReferenceValues(
    (Reference(EvidenceKind.TPM, "host", {f"pcr{n}": (extended(BOOT)[n].hex(),) for n in (0, 8, 9)}),), "owner"
)
ROOT = x.Subject("TPM Maker Root", x.ec_key(720), x.authority(1), serial=1)
ISSUER = x.Subject("TPM Maker CA", x.ec_key(721), x.authority(0), serial=2)
_USAGE = x.extension("2.5.29.15", x.tlv(0x03, b"\x07\x80"), critical=True)
_MACHINE = x.extension("2.5.29.17", x.tlv(0x30, x.tlv(0x82, b"machine.example")), critical=True)


def learned(*boots: tuple[Measured, ...], may_vary: tuple[str, ...] = (), bank: int = 0x0B) -> Reference:
    """The known boot of golden ones."""
    logs = [ccel.parse(log_of(events)) for events in boots or (BOOT,)]
    golden = [known_boot.Golden(g, boot_events.seen(g, bank), frozenset(PCRS)) for g in logs]
    found = known_boot.learn(golden, bank, {**boot_events.VARYING, **dict.fromkeys(may_vary, "the owner says so")})
    return Reference(EvidenceKind.TPM, "node", {}, version="1", events=found.events, may_vary=found.may_vary)


def leaf(key: ec.EllipticCurvePrivateKey = KEY, **fields: object) -> bytes:
    """The certificate of an attestation key, which names the machine in a critical extension as Google's do."""
    return x.certificate(x.changed(x.Subject("ak", key, (_USAGE, _MACHINE), serial=3), **fields), ISSUER)


def certified() -> Minted:
    """Evidence whose key is certified, not enrolled."""
    root = x.certificate(ROOT, ROOT)
    return Minted(
        certificates=(leaf(), x.certificate(ISSUER, ROOT)),
        authorities=(root,),
        policy=TpmPolicy(dbx=tuple(r.hex() for r in REVOKED)),
        roots={parse(root).fingerprint: "maker"},
    )


def with_files(*files: bytes, later: tuple[bytes, ...] = (), **policy: object) -> Minted:
    """Evidence with a kernel's list that begins with this boot."""
    registers = extended(BOOT)
    first = entry("boot_aggregate", hashlib.sha256(b"".join(registers[n] for n in range(10))).digest())
    demanded = msgspec.structs.replace(Minted().policy, ima=True, **policy)
    return Minted(files=(first, *files), later=later, policy=demanded)
