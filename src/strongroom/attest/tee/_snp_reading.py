"""How SEV-SNP evidence arrives: the bare report, with the host's certificate table behind it, or as a guest's JSON.

Sources: GHCB specification, publication 56421, section 4.1.8.1 (certificate table); the JSON is what Trustee's
attesters write, the fields of the `sev` crate by name.
"""

import struct
from collections.abc import Iterator, Mapping

import msgspec

from strongroom.attest.tee._snp_report import REPORT_SIZE
from strongroom.kit import strict_json
from strongroom.kit.x509 import pem
from strongroom.model.attest import EvidencePart
from strongroom.model.errors import Malformed

REPORT, CERTIFICATES = "report", "certificates"
MEDIA_TYPE = "application/vnd.amd.sev-snp.report"
_DER = "application/pkix-cert"
_ENTRY = 24  # octets of an entry of the table: GUID, offset, length
_MOST_ENTRIES = 16
_SIZES = {"family_id": 16, "image_id": 16, "report_data": 64, "measurement": 48, "host_data": 32}
_SIZES |= {"id_key_digest": 48, "author_key_digest": 48, "report_id": 32, "report_id_ma": 32, "chip_id": 64}


def recognises(data: bytes) -> int:
    """By the version, the policy's bit that is always one, and the algorithm; or by the JSON's own field."""
    if data.lstrip()[:1] == b"{":
        return 95 if b'"attestation_report"' in data[:4096] else 0
    if len(data) < 0x38:
        return 0
    version, policy, algorithm = (int.from_bytes(data[a:b], "little") for a, b in ((0, 4), (8, 16), (0x34, 0x38)))
    if not 1 <= version <= 16 or not policy >> 17 & 1 or policy >> 32:
        return 0
    return 90 if algorithm == 1 else 40 if len(data) == REPORT_SIZE else 0


def read(data: bytes) -> tuple[EvidencePart, ...]:
    """The parts. Raises Malformed for JSON that is none, or lacks a field."""
    if data.lstrip()[:1] == b"{":
        return _from_json(data)
    report = EvidencePart(REPORT, MEDIA_TYPE, data[:REPORT_SIZE])
    beside = data[REPORT_SIZE:]
    if not beside:
        return (report,)
    found = tuple(_table(beside))
    if not found:  # octets that nobody accounts for stay with the report, whose length then fails
        return (EvidencePart(REPORT, MEDIA_TYPE, data),)
    return (report, EvidencePart(CERTIFICATES, _DER, b"".join(found)))


def _table(data: bytes) -> Iterator[bytes]:
    """The certificates of a table; none where it is no table. A list of revoked ones is DER as well."""
    for n in range(_MOST_ENTRIES):
        entry = data[n * _ENTRY : (n + 1) * _ENTRY]
        if len(entry) < _ENTRY or not any(entry):
            return
        offset, length = struct.unpack("<II", entry[16:])
        if offset < _ENTRY or offset + length > len(data):
            return
        yield data[offset : offset + length]


class _TcbJson(msgspec.Struct):
    bootloader: int
    tee: int
    snp: int
    microcode: int
    fmc: int | None = None

    def octets(self) -> bytes:
        if self.fmc is not None:
            return bytes([self.fmc, self.bootloader, self.tee, self.snp, 0, 0, 0, self.microcode])
        return bytes([self.bootloader, self.tee, 0, 0, 0, 0, self.snp, self.microcode])


class _VersionJson(msgspec.Struct):
    major: int
    minor: int
    build: int

    def octets(self) -> bytes:
        return bytes([self.build, self.minor, self.major, 0])


class _SignatureJson(msgspec.Struct):
    r: list[int]
    s: list[int]


class _ReportJson(msgspec.Struct):
    version: int
    guest_svn: int
    policy: int
    vmpl: int
    sig_algo: int
    current_tcb: _TcbJson
    plat_info: int
    report_data: list[int]
    measurement: list[int]
    host_data: list[int]
    id_key_digest: list[int]
    author_key_digest: list[int]
    report_id: list[int]
    report_id_ma: list[int]
    reported_tcb: _TcbJson
    chip_id: list[int]
    committed_tcb: _TcbJson
    current: _VersionJson
    committed: _VersionJson
    launch_tcb: _TcbJson
    signature: _SignatureJson
    family_id: list[int]
    image_id: list[int]
    key_info: int = msgspec.field(default=0)
    cpuid_fam_id: int | None = None
    cpuid_mod_id: int | None = None
    cpuid_step: int | None = None
    launch_mit_vector: int | None = None
    current_mit_vector: int | None = None


class _CertificateJson(msgspec.Struct):
    data: list[int] | str
    cert_type: str | dict[str, str] = ""


class _EvidenceJson(msgspec.Struct):
    attestation_report: _ReportJson
    cert_chain: list[_CertificateJson] | None = None


def _from_json(data: bytes) -> tuple[EvidencePart, ...]:
    strict_json.check(data, "SEV-SNP evidence")
    try:
        found = msgspec.json.decode(data, type=_EvidenceJson)
        report = _octets(found.attestation_report)
        chain = b"".join(_certificate(c) for c in found.cert_chain or ())
    except (msgspec.MsgspecError, ValueError, OverflowError, struct.error) as e:
        raise Malformed("SEV-SNP evidence", str(e)[:200], "the fields of a report") from None
    parts = (EvidencePart(REPORT, MEDIA_TYPE, report),)
    return (*parts, EvidencePart(CERTIFICATES, _DER, chain)) if chain else parts


def _certificate(item: _CertificateJson) -> bytes:
    if isinstance(item.data, str):
        return b"".join(b.data for b in pem.blocks(item.data.encode()))
    octets = bytes(item.data)
    return b"".join(b.data for b in pem.blocks(octets)) if octets.startswith(b"-----") else octets


def _octets(r: _ReportJson) -> bytes:
    """The report as the device wrote it; what JSON leaves out is reserved and zero, or the signature will not verify."""
    fixed: Mapping[str, bytes] = {name: bytes(getattr(r, name)) for name in _SIZES}
    for name, size in _SIZES.items():
        if len(fixed[name]) != size:
            raise ValueError(f"{name} has {len(fixed[name])} octets, not {size}")
    cpu = bytes(n or 0 for n in (r.cpuid_fam_id, r.cpuid_mod_id, r.cpuid_step))
    vectors = struct.pack("<QQ", r.launch_mit_vector or 0, r.current_mit_vector or 0)
    body = b"".join(
        (
            struct.pack("<IIQ", r.version, r.guest_svn, r.policy),
            fixed["family_id"] + fixed["image_id"],
            struct.pack("<II", r.vmpl, r.sig_algo),
            r.current_tcb.octets(),
            struct.pack("<QII", r.plat_info, r.key_info, 0),
            fixed["report_data"] + fixed["measurement"] + fixed["host_data"],
            fixed["id_key_digest"] + fixed["author_key_digest"] + fixed["report_id"] + fixed["report_id_ma"],
            r.reported_tcb.octets() + cpu + bytes(21) + fixed["chip_id"],
            r.committed_tcb.octets() + r.current.octets() + r.committed.octets(),
            r.launch_tcb.octets() + vectors,
        )
    )
    parts = bytes(r.signature.r).ljust(72, b"\0") + bytes(r.signature.s).ljust(72, b"\0")
    return body.ljust(0x2A0, b"\0") + parts.ljust(512, b"\0")
