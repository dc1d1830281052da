"""Recorded quotes get the verdict that is known of them, and the TCB status that another verifier gives them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import dcap_minting as mint
import dcap_qvl
import dcap_sound as sound
import pytest
from dcap_minting import Draft

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, TdxPolicy
from strongroom.attest.tee import sgx, tdx
from strongroom.attest.verifier import Inputs, Verifier
from strongroom.kit import ccel, intel_collateral
from strongroom.kit.x509 import pem
from strongroom.model.attest import (
    Appraisal,
    Endorsement,
    EndorsementKind,
    Endorsements,
    Evidence,
    EvidenceKind,
    EvidencePart,
    ReferenceValues,
    StepVerdict,
)

WITH = {
    "dcap/tdx_v4_uptodate.quote": "dcap/tdx_v4_uptodate.collateral.json",
    "dcap/sgx_v3_cfg_swh.quote": "dcap/sgx_v3_cfg_swh.collateral.json",
    "dcap/tampered_mrtd.quote": "dcap/tdx_v4_uptodate.collateral.json",
    "composite/chutes-20260629/quote0.bin": "composite/chutes-20260629/collateral0.json",
    # of other machines of the same FMSPC
    "dcap/tdx_v5.quote": "composite/chutes-20260629/collateral0.json",
    "dcap/tdx_v5_google.quote": "composite/chutes-20260629/collateral0.json",
}
# Everything up to the TCB passes, but for what the quote itself is known for; the TCB's steps are not checked.
WITHOUT = {
    "dcap/tdx_v4_uptodate.quote": "",
    "dcap/sgx_v3_cfg_swh.quote": "",
    "dcap/tdx_v4_debug.quote": "td_attributes.debug",
    "dcap/tdx_v5.quote": "service_td",
    "dcap/sgx_v3_debug_occlum.quote": "attributes.debug",
    "dcap/tdx_v4_C0806F.quote": "",
    "dcap/tdx_v4_outofdate_50806F.quote": "td_attributes.sept_ve_disable",
    "dcap/sgx_v3_pck_00606A.quote": "",
    "dcap/tdx_v5_google.quote": "",
    "dcap/cos-113-tdx.quote": "",
    "dcap/tampered_mrtd.quote": "quote_sig",
    "azure/td-quote.bin": "td_attributes.sept_ve_disable",
    "composite/chutes-20260629/quote0.bin": "",
}
TCB = {"root_crl", "pck_crl", "qe_identity", "tcbinfo", "tcb_level", "tdx_module", "tcb_revoked", "tcb_status"}
# quote, tcbInfo, identity, time: the statements that were recorded beside them, signed by the chain of one of them
PAIRED = {
    "sgx_v3_pck_00606A": ("fmspc_00606A000000", "qe_identity_v2.json", "2023-01-01", "tcb_status", "SWHardeningNeeded"),
    "tdx_v4_outofdate_50806F": ("tdx_fmspc_50806F000000", "qe_identity_v2_tdx.json", "2023-07-01", "tcb_level", "OutOfDate"),
    "tdx_v4_C0806F": ("tdx_fmspc_C0806F000000", "qe_identity_v2_tdx2.json", "2024-09-15", "", "UpToDate"),
    "tdx_v4_debug": ("tdx_fmspc_50806F000000", "qe_identity_v2_tdx.json", "2023-07-01", "td_attributes.debug", "UpToDate"),
}  # fmt: skip


def at(text: str) -> datetime:
    """A time of a day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def verify(
    data: bytes,
    given: Sequence[Endorsement] = (),
    now: str = "2026-06-29T02:07:25",
    parts: tuple[EvidencePart, ...] = (),
    challenge: bytes | None = None,
) -> Appraisal:
    """The verdict of the product's own verifier of the kind that is recognised."""
    kinds: tuple[Verifier[object], ...] = (tdx.VERIFIER, sgx.VERIFIER)  # type: ignore[assignment]
    mine = max(kinds, key=lambda v: v.recognises(data))
    evidence = Evidence(mine.kind, (*mine.read(data), *parts), challenge)
    return appraise(mine, Inputs(evidence, Endorsements(tuple(given)), ReferenceValues(), Policy(), at(now)))


def failures(a: Appraisal) -> list[str]:
    """The steps that failed, without the prefix."""
    return [s.id.partition(".")[2] for s in a.steps if s.verdict is StepVerdict.FAIL]


def status(a: Appraisal) -> tuple[object, object]:
    """Status and advisories as claimed."""
    tcb = a.claims["tcb"]
    assert isinstance(tcb, dict)
    return tcb.get("status"), tcb.get("advisories")


@pytest.mark.parametrize(("name", "step"), WITHOUT.items())
def test_without_collateral_only_the_tcb_is_not_checked(name: str, step: str, vectors: Path) -> None:
    """Everything that the quote proves by itself passes; what needs Intel's statements is not checked, by name."""
    verdict = verify((vectors / "attest" / name).read_bytes())
    assert failures(verdict) == ([step] if step else [])
    unchecked = {s.id.partition(".")[2] for s in verdict.steps if s.mandatory and s.verdict is StepVerdict.NOT_CHECKED}
    assert unchecked - {"report_data", "measurement", "smt"} == TCB - ({"tdx_module"} if "sgx" in name else set())
    assert not verdict.opens


@pytest.mark.parametrize(("name", "beside"), WITH.items())
@pytest.mark.parametrize(
    "now", ["2025-06-18", "2025-06-20", "2025-07-18", "2025-08-01", "2026-06-29T02:07:25", "2030-01-01"]
)
def test_verdict_and_status_equal_another_verifiers(name: str, beside: str, now: str, vectors: Path) -> None:
    """At any time, what another verifier refuses fails here, and where it names a status, the same one is named."""
    data, text = (vectors / "attest" / name).read_bytes(), (vectors / "attest" / beside).read_text()
    verdict = verify(data, intel_collateral.read(text.encode()).items, now)
    wrong = [f for f in failures(verdict) if f != "tcb_status"]
    try:
        theirs = dcap_qvl.verify(data, dcap_qvl.QuoteCollateralV3.from_json(text), int(at(now).timestamp()))
    except ValueError:
        assert wrong
        return
    assert not wrong
    assert status(verdict) == (theirs.status, theirs.advisory_ids)
    assert (theirs.status == "UpToDate") == (not failures(verdict))


def test_a_service_td_is_told_by_its_measurement(vectors: Path) -> None:
    """A recorded quote of version 5 is bound to a service TD, which the policy has to name."""
    data = (vectors / "attest/dcap/tdx_v5.quote").read_bytes()
    found = next(s for s in verify(data).steps if s.id == "tdx.service_td")
    evidence = Evidence(EvidenceKind.TDX, tdx.VERIFIER.read(data))
    named = Policy(tdx=TdxPolicy(service_td=(found.found,)))
    now = at("2026-06-29T02:07:25")
    verdict = appraise(tdx.VERIFIER, Inputs(evidence, Endorsements(), ReferenceValues(), named, now))
    assert "service_td" not in failures(verdict)


def test_the_recorded_statuses_are_those_that_are_known(vectors: Path) -> None:
    """Up to date in its month, hardening needed with its advisories, and up to date in production."""
    folder = vectors / "attest"
    wanted = {
        "dcap/tdx_v4_uptodate.quote": ("2025-06-20", "UpToDate", []),
        "dcap/sgx_v3_cfg_swh.quote": ("2025-06-20", "ConfigurationAndSWHardeningNeeded", ["INTEL-SA-00289", "INTEL-SA-00615"]),
        "composite/chutes-20260629/quote0.bin": ("2026-06-29T02:07:25", "UpToDate", []),
    }  # fmt: skip
    for name, (now, named, advisories) in wanted.items():
        given = intel_collateral.read((folder / WITH[name]).read_bytes()).items
        assert status(verify((folder / name).read_bytes(), given, now)) == (named, advisories)


def test_collateral_that_has_ended_is_a_failure_with_its_date(vectors: Path) -> None:
    """A month later the same evidence fails at the statements and the list that have ended."""
    folder = vectors / "attest/dcap"
    given = intel_collateral.read((folder / "tdx_v4_uptodate.collateral.json").read_bytes()).items
    verdict = verify((folder / "tdx_v4_uptodate.quote").read_bytes(), given, "2025-08-01")
    assert failures(verdict) == ["pck_crl", "qe_identity", "tcbinfo"]
    assert "2025-07-19" in next(s.found for s in verdict.steps if s.id == "tdx.tcbinfo")


@pytest.mark.parametrize(("quote", "case"), PAIRED.items())
def test_statements_recorded_beside_their_quotes(quote: str, case: tuple[str, ...], vectors: Path) -> None:
    """Statements without a chain of their own are taken with the signer's certificate that is given."""
    folder = vectors / "attest/dcap"
    info, identity, now, step, named = case
    chain = pem.blocks((folder / "tcb_info_v3_fmspc_00606A000000_certs.pem").read_bytes())
    given = [Endorsement(EndorsementKind.CERTIFICATE, b.data) for b in chain]
    given += intel_collateral.read((folder / f"tcb_info_v3_{info}.json").read_bytes()).items
    given += intel_collateral.read((folder / identity).read_bytes()).items
    verdict = verify((folder / f"{quote}.quote").read_bytes(), given, now)
    found = {s.id.partition(".")[2]: s for s in verdict.steps}
    assert found["tcbinfo"].verdict is StepVerdict.PASS
    assert found["qe_identity"].verdict is StepVerdict.PASS
    assert (step in failures(verdict)) == bool(step)
    assert named in found[step if step.startswith("tcb") else "tcb_status"].found


@pytest.mark.parametrize("loose", [True, False])
def test_a_wrong_issuer_chain_fails_at_the_statement(vectors: Path, *, loose: bool) -> None:
    """The chain of another statement under tcbInfo is refused, whether it came with it or beside it."""
    folder = vectors / "attest/dcap"
    bad = [b.data for b in pem.blocks((folder / "tcb_info_v3_fmspc_00606A000000_certs_bad.pem").read_bytes())]
    text = (folder / "tcb_info_v3_fmspc_00606A000000.json").read_bytes()
    given = list(intel_collateral.read(text, () if loose else bad).items)
    given += [Endorsement(EndorsementKind.CERTIFICATE, c) for c in bad if loose]
    verdict = verify((folder / "sgx_v3_pck_00606A.quote").read_bytes(), given, "2023-01-01")
    assert failures(verdict) == ["tcbinfo"]
    assert "issuer chain" in next(s.found for s in verdict.steps if s.id == "sgx.tcbinfo")


def test_the_recorded_lists_pass_at_their_time(vectors: Path) -> None:
    """The lists of root and PCK authority, given as files, are what the steps of revocation need."""
    folder = vectors / "attest/dcap"
    names = ("google_pckcrl", "google_rootcrl.der")
    given = [Endorsement(EndorsementKind.CRL, (folder / n).read_bytes()) for n in names]
    verdict = verify((folder / "tdx_v4_debug.quote").read_bytes(), given, "2023-07-01")
    passed = {s.id for s in verdict.steps if s.verdict is StepVerdict.PASS}
    assert {"tdx.root_crl", "tdx.pck_crl"} <= passed


def test_the_recorded_log_and_nonce_are_those_of_the_quote(vectors: Path) -> None:
    """The log of a production guest replays to the registers of its quote, which answers its nonce."""
    folder = vectors / "attest/dcap"
    log = EvidencePart("event-log", "application/vnd.tcg.ccel", (folder / "cos-113-tdx.ccel").read_bytes())
    nonce = (folder / "cos-113-tdx.nonce").read_bytes()
    verdict = verify((folder / "cos-113-tdx.quote").read_bytes(), parts=(log,), challenge=nonce)
    passed = {s.id for s in verdict.steps if s.verdict is StepVerdict.PASS}
    assert {"tdx.event_log", "tdx.report_data"} <= passed
    assert ccel.rtmrs(ccel.parse(log.data))
    other = verify((folder / "tdx_v4_uptodate.quote").read_bytes(), parts=(log,), challenge=nonce)
    assert {"event_log", "report_data"} <= set(failures(other))


# The same question, of quotes that were minted

STATUSES = [
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
    "Revoked",
]
ONE = bytes([3, 1, 5]) + bytes(13)


def converging() -> dict[str, Draft]:
    """Every status of a platform with every status of its quoting enclave or module."""
    found = {}
    for platform in STATUSES:
        levels = [sound.level(platform, "2025-03-01", advisories=("INTEL-SA-1",))]
        for other in ("UpToDate", "OutOfDate", "Revoked"):
            part = sound.isv(3, other, advisories=("INTEL-SA-2",))
            found[f"{platform}, enclave {other}"] = Draft(levels=levels, identity={"tcbLevels": [part]})
            modules = [{**sound.MODULES[0], "tcbLevels": [part]}]
            found[f"{platform}, module {other}"] = Draft(levels=levels, modules=modules, report={"tee_tcb_svn": ONE})
    return found


MINTED = {
    **{name: d for name, d in mint.SOUND.items() if name not in ("sgx v4", "sgx v5")},
    **converging(),
    "a component short": Draft(components=(4, *Draft().components[1:])),
    "PCESVN short": Draft(pce_svn=10),
    "a TDX component short": Draft(report={"tee_tcb_svn": bytes([2, 0, 5]) + bytes(13)}),
    "below every level": Draft(components=(4, *Draft().components[1:]), levels=sound.LEVELS[:1]),
    "an old module": Draft(report={"tee_tcb_svn": bytes([2, 1, 5]) + bytes(13)}),
    "an unknown module": Draft(report={"tee_tcb_svn": bytes([3, 7, 5]) + bytes(13)}),
    "an old quoting enclave": Draft(qe={"isv_svn": b"\2\0"}),
    "a quoting enclave below every level": Draft(qe={"isv_svn": b"\0\0"}),
    "levels in another order": Draft(levels=tuple(reversed(sound.LEVELS))),
    "a revoked PCK certificate": Draft(revoked=("pck",)),
    "a revoked authority": Draft(revoked=("authority",)),
    "another key on the quote": Draft(signers={"quote": "other"}),
    "a swapped attestation key": Draft(signers={"quote": "other", "key": "other"}),
    "an edited statement": Draft(edit={"tcb": (b"2025-03-01", b"2025-03-02")}),
    "another FMSPC": Draft(tcb={"fmspc": "00906EA10000"}),
    "debug": Draft(report={"td_attributes": (1 << 28 | 1).to_bytes(8, "little")}),
    "no SEPT_VE_DISABLE": Draft(report={"td_attributes": bytes(8)}),
    "a service TD": Draft(version=5, body_type=3, report={"mrservicetd": b"\1" * 48}),
    "an enclave for debugging": Draft(kind="sgx", version=3, report={"attributes": b"\7" + bytes(15)}),
}


@pytest.mark.parametrize("name", MINTED)
def test_minted_quotes_have_the_status_that_another_verifier_gives_them(name: str) -> None:
    """Refused there is failed here, and a status with its advisories is the same in both."""
    draft = MINTED[name]
    verdict = mint.judge(draft)
    wrong = [f for f in failures(verdict) if f != "tcb_status"]
    text, root = json.dumps(mint.collateral(draft)), mint.certificate(Draft(), "root")
    given = dcap_qvl.QuoteCollateralV3.from_json(text)
    try:
        theirs = dcap_qvl.verify_with_root_ca(mint.quote(draft), given, root, int(mint.NOW.timestamp()))
    except ValueError:
        assert wrong
        return
    assert not wrong
    named, advisories = status(verdict)
    assert isinstance(advisories, list)
    assert (named, sorted(map(str, advisories))) == (theirs.status, sorted(theirs.advisory_ids))
    assert verdict.opens == (theirs.status == "UpToDate")
