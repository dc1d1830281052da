"""How SEV-SNP evidence arrives: bare, with the host's table, as JSON; and the recorded evidence of real machines."""

import json
import struct
from datetime import datetime
from pathlib import Path

import pytest
import snp_json
from minted_x509 import NOW, pem
from snp_minting import CHALLENGE, MEASUREMENT, POLICY, REFERENCES, Minted, Vendor, genuine

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, SnpPolicy, SnpTcb
from strongroom.attest.tee import snp
from strongroom.attest.tee._snp_chain import ROOTS
from strongroom.attest.verifier import Inputs
from strongroom.kit.x509 import pem as pems
from strongroom.kit.x509.certificate import parse
from strongroom.kit.x509.chains import verify_chain
from strongroom.model.attest import (
    Appraisal,
    Endorsement,
    EndorsementKind,
    Endorsements,
    Evidence,
    ReferenceValues,
    StepVerdict,
)
from strongroom.model.errors import BadInput


def failed(appraisal: Appraisal) -> list[str]:
    return [s.id for s in appraisal.steps if s.verdict is StepVerdict.FAIL]


def appraised(minted: Minted, octets: bytes) -> Appraisal:
    """The verdict on octets as they arrive, with nothing given but the list."""
    evidence = Evidence(snp.VERIFIER.kind, snp.VERIFIER.read(octets), CHALLENGE)
    given = Endorsements(tuple(Endorsement(EndorsementKind.CRL, c) for c in minted.crls))
    return appraise(minted.verifier(), Inputs(evidence, given, REFERENCES, POLICY, NOW))


def table(*certificates: bytes) -> bytes:
    """The host's certificate table: GUID, offset and length of each, an empty entry, and the certificates."""
    at, entries = 24 * (len(certificates) + 1), b""
    for n, octets in enumerate(certificates):
        entries += bytes([n + 1]) * 16 + struct.pack("<II", at, len(octets))
        at += len(octets)
    return entries + bytes(24) + b"".join(certificates)


@pytest.mark.parametrize("product", ["Milan", "Turin"])
def test_a_report_with_the_hosts_table_opens(product: str) -> None:
    """Certificates behind the report count as if they were given."""
    minted = genuine(Vendor(product))
    assert appraised(minted, minted.report + table(*minted.certificates)).opens


@pytest.mark.parametrize("product", ["Milan", "Genoa", "Turin"])
def test_a_report_as_json_opens(product: str) -> None:
    """The JSON of an attester gives the octets that were signed."""
    minted = genuine(Vendor(product))
    for chain in (minted.certificates, (b"".join(map(pem, minted.certificates)),)):
        octets = snp_json.evidence(minted.report, product, chain)
        assert snp.VERIFIER.recognises(octets) > 90
        assert appraised(minted, octets).opens


@pytest.mark.parametrize(
    ("field", "value", "step"),
    [
        ("guest_svn", 8, "snp.signature"),
        ("measurement", [*list(MEASUREMENT[:-1]), 255], "snp.signature"),
        ("vmpl", 1, "snp.signature"),
        ("sig_algo", 2, "snp.sig_algo"),
        ("version", 9, "snp.version"),
        ("cpuid_fam_id", 99, "snp.product"),
    ],
)
def test_a_changed_field_of_the_json_is_refused(field: str, value: object, step: str) -> None:
    """What the JSON says otherwise than the device fails as it would in octets."""
    minted = genuine()
    found = appraised(minted, snp_json.evidence(minted.report, "Milan", minted.certificates, **{field: value}))
    assert step in failed(found)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("measurement", [0] * 47),
        ("measurement", [256] * 48),
        ("measurement", "00" * 48),
        ("version", -1),
        ("policy", 1 << 64),
        ("policy", 1.5),
        ("guest_svn", None),
        ("signature", {"r": [1], "s": "x"}),
        ("reported_tcb", {"bootloader": 256, "tee": 0, "snp": 0, "microcode": 0}),
        ("current", {"major": 1, "minor": 2}),
        ("cpuid_fam_id", 300),
    ],
)
def test_json_that_is_no_report_is_malformed(field: str, value: object) -> None:
    """A field of another type or size is refused as unreadable, by its name."""
    with pytest.raises(BadInput):
        snp.VERIFIER.read(snp_json.evidence(genuine().report, "Milan", (), **{field: value}))


def test_a_field_twice_is_malformed() -> None:
    """Two values under one key of the JSON are refused: two readers would see two reports."""
    text = snp_json.evidence(genuine().report, "Milan")
    with pytest.raises(BadInput, match="twice"):
        snp.VERIFIER.read(text.replace(b'{"version":', b'{"version": 2, "version":', 1))


def test_a_field_too_few_is_malformed() -> None:
    """Every field that a device signs must be there."""
    for name in snp_json.fields(genuine().report, "Milan"):
        document = json.loads(snp_json.evidence(genuine().report, "Milan"))
        del document["attestation_report"][name]
        if name in ("key_info", "cpuid_fam_id", "cpuid_mod_id", "cpuid_step"):
            snp.VERIFIER.read(json.dumps(document).encode())
            continue
        with pytest.raises(BadInput):
            snp.VERIFIER.read(json.dumps(document).encode())


RECORDED = [
    ("milan_v2_debug.report.bin", "milan_v2_debug.vcek.der", "milan", "2024-06-01T00:00:00Z", ["snp.policy.debug"]),
    ("milan_v2.report.bin", "milan_v2.vcek.der", "milan", "2025-06-01T00:00:00Z", []),
    ("milan_v2.report.bin", "vcek_invalid_legacy.der", "milan", "2025-06-01T00:00:00Z", ["snp.chain"]),
    ("milan_v2.report.bin", "vcek_invalid_new.der", "milan", "2025-06-01T00:00:00Z", ["snp.chain"]),
    ("milan_vlek_vmpl1.report.bin", "milan_vlek_vmpl1.vlek.der", "milan", "2025-06-01T00:00:00Z", ["snp.vmpl"]),
    ("milan_vlek_vmpl1.report.bin", "milan_vlek_vmpl1.vlek.der", "milan", "2026-01-01T00:00:00Z", ["snp.cert_time"]),
    ("milan_v2_b.report.bin", "milan_v2_b.vcek.der", "milan", "2025-06-01T00:00:00Z", []),
    ("milan_v3_oak.report.bin", "milan_v3_oak.vcek.der", "milan", "2025-06-01T00:00:00Z", []),
    ("genoa_v5.report.bin", "genoa_v5.vcek.der", "genoa", "2025-10-01T00:00:00Z", []),
    ("milan_v2_oldtcb.report.bin", "milan_v2_oldtcb.vcek.der", "milan", "2024-06-01T00:00:00Z", ["snp.min_tcb"]),
    ("trustee_e2e_evidence.json", "", "genoa", "2025-06-01T00:00:00Z", []),
    ("tampered_measurement.report.bin", "milan_v3_oak.vcek.der", "milan", "2025-06-01T00:00:00Z", ["snp.signature"]),
    ("tampered_policy_debug.report.bin", "milan_v3_oak.vcek.der", "milan", "2025-06-01T00:00:00Z", ["snp.signature"]),
    ("milan_v2.report.bin", "milan_v2.vcek.der", "genoa", "2025-06-01T00:00:00Z", []),
    ("milan_v2_b.report.bin", "milan_v2.vcek.der", "milan", "2025-06-01T00:00:00Z", ["snp.hwid"]),
]


def recorded(folder: Path, name: str, leaf: str, chain: str, at: str) -> Appraisal:
    """The verdict on a recorded report, where multithreading is allowed and the bootloader must be 3."""
    texts = [(folder / n).read_bytes() for n in (leaf, f"{chain}_ask_ark_asvk.pem") if n]
    ders = [d for t in texts for d in ([b.data for b in pems.blocks(t)] if b"-----BEGIN" in t else [t])]
    given = Endorsements(tuple(Endorsement(EndorsementKind.CERTIFICATE, d) for d in ders))
    floors = {p: SnpTcb(bootloader=3) for p in ("Milan", "Genoa", "Turin")}
    evidence = Evidence(snp.VERIFIER.kind, snp.VERIFIER.read((folder / name).read_bytes()))
    policy = Policy(snp=SnpPolicy(smt=True, min_tcb=floors))
    return appraise(snp.VERIFIER, Inputs(evidence, given, ReferenceValues(), policy, datetime.fromisoformat(at)))


@pytest.mark.parametrize(("name", "leaf", "chain", "at", "wanted"), RECORDED)
def test_a_recorded_report_gets_its_verdict(
    vectors: Path, name: str, leaf: str, chain: str, at: str, wanted: list[str]
) -> None:
    """Reports of real machines pass under AMD's own roots as far as input goes, and fail where they are known to."""
    found = recorded(vectors / "attest/snp", name, leaf, chain, at)
    first = found.first_failure
    assert ([first.id] if first else []) == wanted
    assert not found.opens  # no list, no challenge, no reference
    left = {s.id for s in found.steps if s.verdict is StepVerdict.NOT_CHECKED and s.mandatory}
    if not wanted and chain in name:
        assert left == {"snp.crl", "snp.report_data", "snp.measurement"}


@pytest.mark.parametrize("product", ["milan", "genoa", "turin"])
def test_the_roots_are_those_that_are_pinned(vectors: Path, product: str) -> None:
    """The root key of every product, as AMD serves it, has the fingerprint that is pinned."""
    text = (vectors / f"attest/snp/{product}_ask_ark_asvk.pem").read_bytes()
    held = {c.common_name: c for c in (parse(b.data) for b in pems.blocks(text))}
    root = held[f"ARK-{product.capitalize()}"]
    assert ROOTS[root.fingerprint] == product.capitalize()
    for name in (f"SEV-{product.capitalize()}", f"SEV-VLEK-{product.capitalize()}"):
        verify_chain((held[name], root))
