"""Forged, stale and misused SEV-SNP evidence: each differs from genuine evidence in one thing, and one step says so."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import minted_x509 as x
from cryptography.hazmat.primitives.asymmetric import ec
from snp_minting import CHALLENGE, CHIP, TCB, Minted, Vendor, by_cloud, genuine

from strongroom.model.attest import ReferenceValues

MILAN, GENOA, TURIN = Vendor(), Vendor("Genoa"), Vendor("Turin")
IMPOSTOR = Vendor(family=1)
_POLICY = 0x20000 | 1 << 8 | 55
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
OLD = {**TCB, "microcode": 20}


def with_leaf(leaf: x.Subject, **fields: object) -> Minted:
    """Genuine evidence with another leaf, signed as the vendor does."""
    return genuine(**fields).but(certificates=MILAN.chain(leaf))


def with_signature(at: int, octets: bytes) -> Minted:
    """Genuine evidence with octets written into its signature."""
    good = genuine()
    start = 0x2A0 + at
    return good.but(report=good.report[:start] + octets + good.report[start + len(octets) :])


def leaf_by(key: x.Key, name: str = "") -> Minted:
    """A leaf of the right names that somebody else has signed."""
    leaf = x.certificate(MILAN.vcek(), MILAN.ask, signer=key, issuer_name=name)
    return genuine().but(certificates=(leaf, *MILAN.chain()[1:]))


def with_signer(signer: x.Subject) -> Minted:
    """A leaf by another intermediate, which the root has signed."""
    middle = x.certificate(signer, MILAN.ark)
    return genuine().but(certificates=(x.certificate(MILAN.vcek(), signer), middle, MILAN.root))


def listed(**fields: object) -> Minted:
    """Genuine evidence with another revocation list."""
    return genuine().but(crls=(MILAN.crl(x.Listing(**fields)),))  # type: ignore[arg-type] # the fields of a record


def other_product() -> Minted:
    """A report of a Milan with the certificate of a Genoa of the same key: only its names tell."""
    good = genuine()
    return good.but(vendor=GENOA, certificates=GENOA.chain(GENOA.vcek()), crls=(GENOA.crl(),))


_ASK = MILAN.ask
_P256 = x.changed(MILAN.vcek(), key=x.ec_key(77, ec.SECP256R1))
_STRANGE = x.extension("2.5.29.30", x.tlv(0x30), critical=True)

FORGERIES: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "an octet behind the report": ("snp.len", lambda: genuine().but(report=genuine().report + b"\0")),
    "the last zero cut off": ("snp.len", lambda: genuine().but(report=genuine().report[:-1])),
    "a version that nobody knows": ("snp.version", lambda: genuine(version=4)),
    "another algorithm": ("snp.sig_algo", lambda: genuine(sig_algo=2)),
    "octets behind S": ("snp.sig_encoding", lambda: with_signature(144, b"\1")),
    "a reserved octet": ("snp.reserved_zero", lambda: genuine(patches=((0x1F8, b"\1"),))),
    "a reserved octet of version 2": ("snp.reserved_zero", lambda: genuine(version=2, patches=((0x188, b"\x19"),))),
    "a reserved octet of version 5": ("snp.reserved_zero", lambda: genuine(version=5, patches=((0x208, b"\1"),))),
    "a reserved bit of the key info": ("snp.reserved_zero", lambda: genuine(key_info=1 << 5)),
    "a reserved bit of the policy": ("snp.reserved_zero", lambda: genuine(policy=_POLICY | 1 << 26)),
    "the bit that is one, zero": ("snp.reserved_zero", lambda: genuine(policy=_POLICY & ~(1 << 17))),
    "a reserved octet of a TCB": ("snp.reserved_zero", lambda: genuine(patches=((0x1F2, b"\1"),))),
    "a processor that nobody knows": ("snp.product", lambda: genuine(cpuid=(26, 0x50, 0))),
    "the certificate of another product": ("snp.product", other_product),
    "a leaf that the ASK did not sign": ("snp.chain", lambda: leaf_by(x.ec_key(66))),
    "a leaf of another issuer": ("snp.chain", lambda: with_signer(x.changed(_ASK, extensions=()))),
    "an ASK below an ASK": ("snp.chain", lambda: with_signer(x.changed(_ASK, extensions=x.authority(-1)))),
    "a critical extension": (
        "snp.chain",
        lambda: with_leaf(x.changed(MILAN.vcek(), extensions=(*MILAN.vcek().extensions, _STRANGE))),
    ),
    "a chain of one's own": ("snp.root_pin", lambda: genuine(IMPOSTOR).but(trusted=(MILAN,))),
    "the root of another product": (
        "snp.root_pin",
        lambda: genuine(IMPOSTOR).but(trusted=(MILAN, GENOA, TURIN)),
    ),
    "an expired leaf": ("snp.cert_time", lambda: with_leaf(MILAN.vcek(ends=x.NOW - timedelta(seconds=1)))),
    "a leaf of tomorrow": ("snp.cert_time", lambda: with_leaf(MILAN.vcek(begins=x.NOW + x.DAY))),
    "an expired ASK": ("snp.cert_time", lambda: with_signer(x.changed(_ASK, ends=x.NOW - x.DAY))),
    "a revoked ASK": ("snp.crl", lambda: listed(serials=(2,))),
    "a stale list": ("snp.crl", lambda: listed(ends=x.NOW - timedelta(hours=1))),
    "a list of tomorrow": ("snp.crl", lambda: listed(begins=x.NOW + timedelta(hours=1))),
    "a list without an end": ("snp.crl", lambda: listed(ends=None)),
    "a list that somebody else signed": (
        "snp.crl",
        lambda: genuine().but(crls=(x.revocations(MILAN.ark, signer=x.ec_key(66)),)),
    ),
    "a VCEK where a VLEK signed": ("snp.key_type", lambda: genuine(key_info=1 << 2)),
    "a VLEK where a VCEK signed": ("snp.key_type", lambda: by_cloud(key_info=0, chip_id=CHIP)),
    "a report that nobody signed": ("snp.key_type", lambda: genuine(key_info=7 << 2)),
    "a rolled-back TCB with the certificate of the new one": (
        "snp.tcb_ext",
        lambda: with_leaf(MILAN.vcek(), reported={**TCB, "snp": 22}),
    ),
    "a leaf without a TCB": ("snp.tcb_ext", lambda: with_leaf(x.Subject("SEV-VCEK", MILAN.chip_key))),
    "a leaf with a TCB of a thousand digits": (
        "snp.tcb_ext",
        lambda: with_leaf(MILAN.vcek({**TCB, "snp": 10**5000})),
    ),
    "another chip's VCEK": ("snp.hwid", lambda: with_leaf(MILAN.vcek(chip=bytes(63) + b"\1"))),
    "a VCEK without a chip": ("snp.hwid", lambda: with_leaf(MILAN.vcek(chip=b""))),
    "a VLEK with a chip": (
        "snp.hwid",
        lambda: by_cloud(
            leaf=x.changed(
                MILAN.vlek(), extensions=(*MILAN.vlek().extensions, x.extension("1.3.6.1.4.1.3704.1.4", CHIP))
            )
        ),
    ),
    "a VLEK without its cloud": ("snp.csp_id", lambda: by_cloud(leaf=MILAN.vlek(provider=""))),
    "a VCEK with a cloud": (
        "snp.csp_id",
        lambda: with_leaf(
            x.changed(
                MILAN.vcek(),
                extensions=(*MILAN.vcek().extensions, x.extension("1.3.6.1.4.1.3704.1.5", x.tlv(0x16, b"me"))),
            )
        ),
    ),
    "an edited report": (
        "snp.signature",
        lambda: genuine().but(report=genuine(guest_svn=8).report[:0x2A0] + genuine().report[0x2A0:]),
    ),
    "a report that another key signed": ("snp.signature", lambda: genuine().but(report=genuine(IMPOSTOR).report)),
    "a leaf on P-256": ("snp.signature", lambda: with_leaf(_P256)),
    "R of zero": ("snp.signature", lambda: with_signature(0, bytes(72))),
    "S of zero": ("snp.signature", lambda: with_signature(72, bytes(72))),
    "R beyond the order": ("snp.signature", lambda: with_signature(0, _ORDER.to_bytes(72, "little"))),
    "a foreign challenge": ("snp.report_data", lambda: genuine(report_data=bytes(64))),
    "a longer challenge that begins alike": (
        "snp.report_data",
        lambda: genuine(report_data=(CHALLENGE + b"\1").ljust(64, b"\0")),
    ),
    "a shorter challenge that begins alike": ("snp.report_data", lambda: genuine().but(challenge=CHALLENGE + b"\1")),
    "a challenge that does not fit": ("snp.report_data", lambda: genuine().but(challenge=CHALLENGE.ljust(65, b"\0"))),
    "a less privileged level": ("snp.vmpl", lambda: genuine(vmpl=1)),
    "a report that the host asked for": ("snp.vmpl", lambda: genuine(vmpl=0xFFFFFFFF)),
    "debugging allowed": ("snp.policy.debug", lambda: genuine(policy=_POLICY | 1 << 19)),
    "a migration agent allowed": ("snp.policy.migrate_ma", lambda: genuine(policy=_POLICY | 1 << 18)),
    "multithreading allowed": ("snp.policy.smt", lambda: genuine(policy=_POLICY | 1 << 16)),
    "a rolled-back TCB with its own certificate": ("snp.min_tcb", lambda: genuine(reported=OLD)),
    "a TCB that can be rolled back": ("snp.min_tcb", lambda: genuine(committed=OLD)),
    "a TCB above the one in use": ("snp.min_tcb", lambda: genuine(current={**TCB, "snp": 22})),
    "an unknown launch digest": ("snp.measurement", lambda: genuine(measurement=bytes(48))),
}

# What is missing, and the step that cannot be checked for it.
GAPS: Mapping[str, tuple[str, Callable[[], Minted]]] = {
    "no certificate": ("snp.product", lambda: genuine().but(certificates=())),
    "no root": ("snp.chain", lambda: genuine().but(certificates=MILAN.chain()[:2])),
    "no list": ("snp.crl", lambda: genuine().but(crls=())),
    "a list of another authority": ("snp.crl", lambda: genuine().but(crls=(GENOA.crl(),))),
    "a list of only some certificates": (
        "snp.crl",
        lambda: listed(extensions=(x.extension("2.5.29.28", x.tlv(0x30), critical=True),)),
    ),
    "no challenge": ("snp.report_data", lambda: genuine().but(challenge=None)),
    "no reference": ("snp.measurement", lambda: genuine().but(references=ReferenceValues())),
    "a masked chip": ("snp.hwid", lambda: genuine(chip_id=bytes(64))),
    "no word on multithreading": (
        "snp.policy.smt",
        lambda: genuine(policy=_POLICY | 1 << 16).demanding(smt=None),
    ),
    "no least TCB": ("snp.min_tcb", lambda: genuine().demanding(min_tcb=None)),
    "no least TCB for this product": ("snp.min_tcb", lambda: genuine().demanding(min_tcb={})),
}
