"""The layout of an Intel quote: versions 3, 4 and 5, of an enclave or of a trust domain.

Sources: "Intel SGX ECDSA Quote Library Reference for DCAP", Appendix A (version 3); "Intel TDX DCAP Quoting Library
API", Appendix A (versions 4 and 5); Intel SDM 3D, section 38.15 (enclave report); "Intel TDX Module Base Architecture
Specification", TDREPORT_STRUCT (trust domain report).

What is read here is claimed and no more. The lengths that nobody has signed are not followed where the layout is
fixed: they are compared with what is there, and one that lies is told by `lie`.
"""

import struct
from typing import NamedTuple

from strongroom.model.errors import Malformed

MOST = 64 << 10  # octets; a quote with its chain has about 5 KiB, the buffer of a guest up to 16 KiB
HEADER = 48
SGX, TDX = 0x00, 0x81  # TEE_TYPE
ECDSA_P256 = 2  # att_key_type
INTEL_VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")  # the quoting enclaves of Intel
BODY_SGX, BODY_TD10, BODY_TD15 = 1, 2, 3  # types of the body in version 5
SIZES = {BODY_SGX: 384, BODY_TD10: 584, BODY_TD15: 648}
CHAIN, QE_REPORT = 5, 6  # certification data: a PEM chain of the PCK certificate; the QE's report with more inside
_FIXED = struct.Struct("<HHIHH16s20s")
_SUBJECT = "quote"


class Enclave(NamedTuple):
    """REPORTBODY of an enclave: the attested one, or the quoting enclave."""

    data: bytes
    cpu_svn: bytes
    misc_select: bytes
    ext_prod_id: bytes
    flags: int  # ATTRIBUTES.FLAGS
    attributes: bytes  # with XFRM
    mrenclave: bytes
    mrsigner: bytes
    config_id: bytes
    isv_prod_id: int
    isv_svn: int
    config_svn: int
    family_id: bytes
    report_data: bytes


_ENCLAVE = struct.Struct("<16s4s12x16s16s32s32x32s32x64sHHH42x16s64s")


class Domain(NamedTuple):
    """TDREPORT of a trust domain, as a quote holds it; the last two are of version 1.5."""

    data: bytes
    tee_tcb_svn: bytes
    mrseam: bytes
    mrsignerseam: bytes
    seam_attributes: bytes
    td_attributes: int
    xfam: int
    mrtd: bytes
    mrconfigid: bytes
    mrowner: bytes
    mrownerconfig: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes
    report_data: bytes
    tee_tcb_svn2: bytes = b""
    mrservicetd: bytes = b""


_DOMAIN = struct.Struct("<16s48s48s8sQQ48s48s48s48s48s48s48s48s64s")


class Quote(NamedTuple):
    """A quote, field by field. `lie` says which length is not what is there; empty where all are."""

    version: int
    att_key_type: int
    tee_type: int
    qe_svn: int
    pce_svn: int
    vendor: bytes
    user_data: bytes
    body_type: int  # of version 5; what the version implies for others
    body_size: int
    body: bytes
    signed: bytes  # header and body: what the attestation key signs
    signature: bytes
    key: bytes  # the attestation key: X and Y of P-256
    outer_type: int  # of versions 4 and 5; QE_REPORT for others
    qe_report: bytes
    qe_signature: bytes
    qe_auth: bytes
    cert_type: int
    certificates: bytes
    tail: bytes  # what follows; a guest's buffer is longer than its quote, and zero there
    lie: str


class _Cursor:
    """Takes octets one after another; raises Malformed where they end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int, name: str) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise Malformed(_SUBJECT, f"the end within {name}", f"{size} octets, {len(self.data) - self.at} are there")
        found = self.data[self.at : end]
        self.at = end
        return found

    def number(self, size: int, name: str) -> int:
        return int.from_bytes(self.take(size, name), "little")


def parse(data: bytes, implied: int) -> Quote:
    """The fields of a quote; `implied` is the body type of a version that does not say. Raises Malformed.

    The kind of evidence chooses the body, not the octets: a header that says otherwise is a step's to refuse.
    """
    if len(data) > MOST:
        raise Malformed(_SUBJECT, f"{len(data)} octets", f"at most {MOST}")
    c = _Cursor(data)
    header = _FIXED.unpack(c.take(HEADER, "the header"))
    version, body_type = header[0], implied
    body_size = SIZES[implied]
    if version == 5:
        body_type, body_size = c.number(2, "the body's type"), c.number(4, "the body's size")
    body = c.take(SIZES[_layout(body_type, implied)], "the body")
    signed = data[: c.at]
    auth_size, begin = c.number(4, "the signature data's length"), c.at
    signature, key = c.take(64, "the signature"), c.take(64, "the attestation key")
    outer_type, outer_size, inner = QE_REPORT, 0, 0
    if version >= 4:
        outer_type, outer_size, inner = c.number(2, "a type"), c.number(4, "a length"), c.at
    qe_report, qe_signature = c.take(384, "the QE's report"), c.take(64, "the QE report's signature")
    qe_auth = c.take(c.number(2, "a length"), "the QE's authentication data")
    cert_type = c.number(2, "the certification data's type")
    certificates = c.take(c.number(4, "a length"), "the certification data")
    lie = ""
    if inner and outer_size != c.at - inner:
        lie = f"{outer_size} octets of certification data, of which {c.at - inner} are there"
    elif auth_size != c.at - begin:
        lie = f"{auth_size} octets of signature data, of which {c.at - begin} are there"
    rest = (signature, key, outer_type, qe_report, qe_signature, qe_auth, cert_type, certificates, data[c.at :], lie)
    return Quote._make((*header, body_type, body_size, body, signed, *rest))


def _layout(body_type: int, implied: int) -> int:
    """The body that a quote of this kind can have; an unknown one is read as the older of its kind."""
    return body_type if implied == BODY_TD10 and body_type == BODY_TD15 else implied


def enclave(body: bytes) -> Enclave:
    """The fields of an enclave's report of 384 octets."""
    cpu, misc, ext, attributes, mrenclave, mrsigner, config, prod, svn, config_svn, family, data = _ENCLAVE.unpack(body)
    flags = int.from_bytes(attributes[:8], "little")
    ids = (mrenclave, mrsigner, config, prod, svn, config_svn, family, data)
    return Enclave(body, cpu, misc, ext, flags, attributes, *ids)


def domain(body: bytes) -> Domain:
    """The fields of a trust domain's report of 584 or 648 octets."""
    base = _DOMAIN.unpack_from(body)
    return Domain._make((body, *base, body[584:600], body[600:648]))


def enclave_reserved(body: bytes) -> list[str]:
    """The reserved fields of an enclave's report that are not zero, by offset."""
    places = ((20, 12), (96, 32), (160, 32), (262, 42))
    return [f"0x{at:03x}" for at, size in places if any(body[at : at + size])]
