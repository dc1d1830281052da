"""Files of endorsements, in every text that they come in."""

import base64
import json
from pathlib import Path

import pytest
import vendor_statements as vendor
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit import endorsement_text
from strongroom.kit.endorsement_names import describe, names_of
from strongroom.model.attest import EndorsementKind, Endorsements, Want
from strongroom.model.errors import BadInput, Malformed, TooLarge

PEM_CRL = b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(vendor.crl()) + b"-----END X509 CRL-----\n"


def named(value: object) -> str:
    """Minted octets differ from one worker to the next, so no test is called by them."""
    return value if isinstance(value, str) else "-"


@pytest.mark.parametrize(
    ("data", "titles"),
    [
        (vendor.vcek(), ["VCEK Milan 0001020304050607"]),
        (vendor.crl(), ["CRL of ARK-Milan"]),
        (vendor.crl().hex().encode(), ["CRL of ARK-Milan"]),
        (base64.b64encode(vendor.crl()), ["CRL of ARK-Milan"]),
        (base64.b64encode(PEM_CRL), ["CRL of ARK-Milan"]),
        (PEM_CRL, ["CRL of ARK-Milan"]),
        (vendor.amd_chain(), ["SEV-Milan", "ARK-Milan"]),
        (b"Subject: in words\n" + vendor.amd_chain(), ["SEV-Milan", "ARK-Milan"]),
        (vendor.amd_chain() + b"\0", ["SEV-Milan", "ARK-Milan"]),
        (vendor.crl() + vendor.vcek(), ["CRL of ARK-Milan", "VCEK Milan 0001020304050607"]),
        (vendor.tcb_info(), ["TDX TCB info 00906ed50000"]),
        (vendor.qe_identity(), ["TD_QE identity"]),
        (
            json.dumps({"vcekCert": vendor.pem(vendor.vcek()).decode(), "tcbm": "", "certificateChain": "", "cacheControl": "1"}).encode(),
            ["VCEK Milan 0001020304050607"],
        ),
    ],
    ids=named,
)  # fmt: skip
def test_every_text_is_read(data: bytes, titles: list[str]) -> None:
    """DER, PEM, hexadecimal, base64, Intel's and Azure's JSON hold what they hold."""
    found = endorsement_text.read(data, "there")
    assert [describe(e).title for e in found.items] == titles
    assert {e.origin for e in found.items} == {"there"}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"# README\nwords\n", "a text of another kind"),
        (b"\x03\x00\x02\x00" + bytes(1180), "octets of another kind"),
        (b"\x04\x00" + bytes(600) + vendor.amd_chain(), "octets of another kind"),
        (b'{"tee":"snp"}', "JSON of another kind"),
        (vendor.amd_chain()[:-20], "a block that does not end as it begins"),
        (vendor.amd_chain().replace(b"MII", b"M!I", 1), "a block that does not end as it begins"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "PEM of a private key"),
        (vendor.vcek()[:-1], "octets of contents"),
        (vendor.vcek() + b"junk", ""),
        (vendor.tcb_info().replace(b'"version":3', b'"id":"SGX"'), "the key id twice"),
        (vendor.tcb_info()[:-3] + b'"}', "a signature that is not"),
        (b'{"vcekCert":7}', "Expected"),
        (b"[" * 100_000, "JSON of another kind"),
        (b'{"tcbInfo":' + b"[" * 100_000, "objects nested too deeply"),
    ],
    ids=named,
)
def test_what_is_none_is_refused(data: bytes, found: str) -> None:
    """Evidence, words, keys and damaged texts are no endorsements, and the message says what they are."""
    with pytest.raises(BadInput) as caught:
        endorsement_text.read(data)
    assert found.lower() in f"{caught.value.found} {caught.value.wanted}".lower()


def test_too_many_certificates_are_refused() -> None:
    """A chain longer than any vendor's is no chain."""
    with pytest.raises(TooLarge):
        endorsement_text.read(vendor.amd_chain() * 40)


@given(
    st.binary(max_size=300),
    st.integers(0, 2000),
    st.sampled_from([vendor.vcek(), vendor.crl(), vendor.tcb_info(), vendor.amd_chain()]),
)
def test_damage_raises_nothing_else(junk: bytes, at: int, whole: bytes) -> None:
    """Whatever is written into an endorsement, it is read or refused by name."""
    data = whole[: at % len(whole)] + junk + whole[at % len(whole) + len(junk) :]
    try:
        for item in endorsement_text.read(data).items:
            describe(item)
    except BadInput:
        pass


def test_a_statement_gets_its_signer() -> None:
    """An answer without its chain gets the certificate that signed it, and the root."""
    signer, root = vendor.signers()
    given = endorsement_text.read(vendor.tcb_info()) + endorsement_text.read(vendor.pem(root, signer))
    tcb = endorsement_text.with_chains(given).of(EndorsementKind.TCB_INFO)[0]
    assert tcb.chain == (signer, root)
    assert endorsement_text.with_chains(Endorsements(given.items[:1])).items[0].chain == ()


@pytest.mark.parametrize(
    ("want", "data"),
    [
        (vendor.VCEK, vendor.vcek()),
        (vendor.CHAIN, vendor.amd_chain()),
        (vendor.CRL, vendor.crl()),
        (vendor.TCB_INFO, vendor.tcb_info()),
        (vendor.QE, vendor.qe_identity()),
        (vendor.PCK_CRL, vendor.crl("Intel SGX PCK Platform CA")),
        (vendor.ROOT_CRL, vendor.crl("Intel SGX Root CA")),
    ],
    ids=named,
)
def test_a_want_and_its_answer_have_one_name(want: Want, data: bytes) -> None:
    """What a verifier wants is found again in what the vendor gives, and in nothing of another chip or platform."""
    names = {describe(e).name for e in endorsement_text.read(data).items}
    assert set(names_of(want)) == names
    others = endorsement_text.read(vendor.vcek(bytes(64))) + endorsement_text.read(vendor.tcb_info("00906ed50001"))
    assert not {describe(e).name for e in others.items} & names


def test_an_unknown_want_has_no_name() -> None:
    """A want of a service, or with parts, that this program does not know is told apart from one that is met."""
    assert names_of(Want("amd-kds", "other")) == ()
    assert names_of(Want("amd-kds", "vcek", (("product", "Milan"), ("hwid", "00"), ("snp", "x")))) == ()
    assert names_of(Want("intel-pcs", "tcb")) == ()


def test_a_list_without_an_end_holds_at_no_time() -> None:
    """What does not say until when it speaks is never taken for current."""
    found = describe(endorsement_text.read(vendor.crl()).items[0])
    assert found.holds(vendor.NOW)
    assert not found._replace(ends=None).holds(vendor.NOW)


def test_undated_collateral_is_refused() -> None:
    """A statement without its dates cannot be described."""
    item = endorsement_text.read(vendor.tcb_info().replace(b"nextUpdate", b"lastUpdate")).items[0]
    with pytest.raises(Malformed, match="nextUpdate"):
        describe(item)


@pytest.mark.parametrize(
    ("folder", "known", "evidence"),
    [
        ("snp", {"genoa_ask_ark_asvk.pem", "milan_v2.vcek.der", "milan_vlek_vmpl1.vlek.der", "vcek_invalid_new.der"}, {".report.bin"}),
        ("dcap", {"google_pckcrl", "google_rootcrl.der", "google_sample_qeIdentity_response", "google_sample_tcbInfo_response",
                  "google_sample_tcbinfo_response_v5", "qe_identity_v2_tdx2.json", "sgx_v3_cfg_swh.collateral.json",
                  "tcb_info_v3_fmspc_00606A000000.json", "tcb_info_v3_fmspc_00606A000000_certs.pem",
                  "tcb_info_v3_fmspc_00606A000000_certs_bad.pem", "Intel_SGX_Root_CA.der"}, {".quote", ".ccel", ".nonce"}),
        ("nitro", {"AWS_NitroEnclaves_Root-G1.pem"}, {".cose"}),
        ("azure", {"hcl-report-snp.vcek.pem", "vcek-genoa.pem"}, {".bin", "evidence-v1.json", "evidence-v0.json", "evidence-genoa.json"}),
        ("composite/chutes-20260629", {"collateral0.json", "nras_jwks.json"}, {".bin", "gpu_evidence.json", "nras_response.json", ".txt"}),
    ],
)  # fmt: skip
def test_recorded_endorsements_are_read(vectors: Path, folder: str, known: set[str], evidence: set[str]) -> None:
    """Every recorded endorsement is read and described, and no recorded evidence is taken for one."""
    read = set()
    for path in sorted((vectors / "attest" / folder).iterdir()):
        try:
            for item in endorsement_text.read(path.read_bytes()).items:
                assert describe(item).ends is not None or item.kind is EndorsementKind.JWKS
        except BadInput:
            continue
        read.add(path.name)
    assert known <= read
    assert not [n for n in read if n.endswith(tuple(evidence))]
