"""The attestation report of AMD SEV-SNP: its layout in versions 2, 3 and 5.

Source: "SEV Secure Nested Paging Firmware ABI Specification", publication 56860, revision 1.58: Table 3 (TCB_VERSION),
Table 9 (guest policy), Table 23 (ATTESTATION_REPORT), section 10.2.1 (signature).
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

REPORT_SIZE = 0x4A0
SIGNED_SIZE = 0x2A0  # the signature is over everything before itself
VERSIONS = (2, 3, 5)
ECDSA_P384_SHA384 = 1  # Table 130, signature algorithms
_FAMILY_19, _FAMILY_1A = 25, 26
_COMPONENT = 72  # octets of R and of S, little-endian, of which a P-384 value fills 48

POLICY_BITS = {
    16: "smt",
    18: "migrate-ma",
    19: "debug",
    20: "single-socket",
    21: "cxl-allowed",
    22: "mem-aes-256-xts",
    23: "rapl-disabled",
    24: "ciphertext-hiding",
    25: "page-swap-disabled",
}
PLATFORM_BITS = {
    0: "smt",
    1: "tsme",
    2: "ecc",
    3: "rapl-disabled",
    4: "ciphertext-hiding",
    5: "alias-check-complete",
    7: "tio",
}
# Offsets and sizes of what must be zero (Table 23, "Reserved"), by the least version for which they are reserved.
_ZERO = ((0x4C, 4), (0x1EB, 1), (0x1EF, 1))
_ZERO_OF = {
    2: (*_ZERO, (0x188, 24), (0x1F8, 168)),
    3: (*_ZERO, (0x18B, 21), (0x1F8, 168)),
    5: (*_ZERO, (0x18B, 21), (0x208, 152)),
}


class Tcb(NamedTuple):
    """A TCB_VERSION, component by component."""

    bootloader: int
    tee: int
    snp: int
    microcode: int
    fmc: int | None = None  # Turin and later

    def spoken(self) -> str:
        """`bootloader 3, tee 0, snp 8, microcode 115`."""
        return _spoken(self)

    def present(self) -> Mapping[str, int]:
        """The components that this product has."""
        return _present(self)


# A fleet has few TCBs: each is put into words once.
@lru_cache(maxsize=256)
def _present(tcb: Tcb) -> Mapping[str, int]:
    return MappingProxyType({k: v for k, v in tcb._asdict().items() if v is not None})


@lru_cache(maxsize=256)
def _spoken(tcb: Tcb) -> str:
    return ", ".join(f"{name} {value}" for name, value in _present(tcb).items())


class Report(NamedTuple):
    """A report that was read; nothing of it is proven until the steps pass. TCBs are raw, for the product says how to read them."""

    data: bytes
    version: int
    guest_svn: int
    policy: int
    family_id: bytes
    image_id: bytes
    vmpl: int
    sig_algo: int
    current_tcb: bytes
    platform_info: int
    key_info: int
    report_data: bytes
    measurement: bytes
    host_data: bytes
    id_key_digest: bytes
    author_key_digest: bytes
    report_id: bytes
    report_id_ma: bytes
    reported_tcb: bytes
    family: int
    model: int
    stepping: int
    chip_id: bytes
    committed_tcb: bytes
    current_version: tuple[int, int, int]  # major, minor, build
    committed_version: tuple[int, int, int]
    launch_tcb: bytes
    signature: bytes

    @property
    def signing_key(self) -> int:
        """Bits 4:2 of KEY_INFO: 0 VCEK, 1 VLEK, 7 none."""
        return self.key_info >> 2 & 0b111

    @property
    def masks_chip_key(self) -> bool:
        """Bit 1 of KEY_INFO."""
        return bool(self.key_info & 0b10)

    def allows(self, bit: int) -> bool:
        """Whether a bit of the guest policy is set."""
        return bool(self.policy >> bit & 1)

    @property
    def abi(self) -> tuple[int, int]:
        """The least firmware ABI that the guest's policy demands, as major and minor."""
        return self.policy >> 8 & 0xFF, self.policy & 0xFF


_LAYOUT = struct.Struct("<IIQ16s16sII8sQI4x64s48s32s48s48s32s32s8sBBB21x64s8sBBBxBBBx8s168x512s")
assert _LAYOUT.size == REPORT_SIZE


def parse(data: bytes) -> Report:
    """The fields of a report of REPORT_SIZE octets."""
    f = _LAYOUT.unpack(data)
    build, minor, major, committed_build, committed_minor, committed_major = f[23:29]
    current, committed = (major, minor, build), (committed_major, committed_minor, committed_build)
    return Report._make((data, *f[:23], current, committed, *f[29:]))


def product_of(report: Report) -> str:
    """The product by CPUID family and model; empty where the report does not say, or says one that is not known."""
    if report.version < 3:
        return ""
    if report.family == _FAMILY_19:
        if report.model <= 15:
            return "Milan"
        return "Genoa" if 16 <= report.model <= 31 or 160 <= report.model <= 175 else ""
    return "Turin" if report.family == _FAMILY_1A and report.model <= 17 else ""


@lru_cache(maxsize=256)
def tcb(raw: bytes, product: str) -> Tcb:
    """A TCB_VERSION in the layout of its product; Turin put the firmware's own loader first."""
    if product == "Turin":
        return Tcb(fmc=raw[0], bootloader=raw[1], tee=raw[2], snp=raw[3], microcode=raw[7])
    return Tcb(bootloader=raw[0], tee=raw[1], snp=raw[6], microcode=raw[7])


def tcb_reserved(raw: bytes, product: str) -> bytes:
    """The octets of a TCB_VERSION that must be zero."""
    return raw[4:7] if product == "Turin" else raw[2:6]


def not_zero(report: Report) -> list[str]:
    """The reserved fields that are not zero, by offset."""
    data = report.data
    found = [f"0x{at:03x}" for at, size in _ZERO_OF.get(report.version, _ZERO) if data[at : at + size].strip(b"\0")]
    if report.key_info >> 5:
        found.append("0x048 (bits 31:5)")
    if not report.policy >> 17 & 1:
        found.append("0x008 (bit 17, which must be one)")
    if report.policy >> 26:
        found.append("0x008 (bits 63:26)")
    return found


def signature_parts(signature: bytes) -> tuple[int, int, bool]:
    """R, S, and whether the octets around them are zero as section 10.2.1 has it."""
    r, s, tail = signature[:_COMPONENT], signature[_COMPONENT : 2 * _COMPONENT], signature[2 * _COMPONENT :]
    clean = not (r[48:] + s[48:] + tail).strip(b"\0")
    return int.from_bytes(r, "little"), int.from_bytes(s, "little"), clean


def names(bits: int, of: Mapping[int, str]) -> list[str]:
    """The names of the bits that are set."""
    return [name for bit, name in of.items() if bits >> bit & 1]
