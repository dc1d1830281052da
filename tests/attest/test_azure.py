"""Azure confidential VMs: minted evidence that passes, and what is refused, each at its step."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import dcap_minting as dcap
import pytest
import tpm_minting as tpm
from azure_forgeries import INSIDE, SHARED, SHARED_GAPS, Made, vm
from azure_minting import DRAFT, GOOD, PCRS, VM, Minted, claims, quote
from msgspec import structs
from skipping import decides, without

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import AzurePolicy, Policy, TdxPolicy
from strongroom.attest.tee import azure_snp, azure_tdx, snp, tdx
from strongroom.attest.verifier import Inputs
from strongroom.kit import endorsement_text
from strongroom.model.attest import (
    Appraisal,
    Endorsements,
    Evidence,
    EvidencePart,
    ReferenceValues,
    StepVerdict,
    Tier,
)
from strongroom.model.errors import Malformed

KINDS = ("snp", "tdx")


def failed(appraisal: Appraisal) -> list[str]:
    return [s.id for s in appraisal.steps if s.verdict is StepVerdict.FAIL]


def verdict(appraisal: Appraisal, step: str) -> StepVerdict:
    return next(s.verdict for s in appraisal.steps if s.id == step)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", [1, 0])
def test_genuine_evidence_opens(kind: str, version: int) -> None:
    """Both forms of the JSON are affirming and complete on both kinds of hardware."""
    good = GOOD[kind]
    octets = good.evidence() if version else good.older()
    found = appraise(good.verifier(), good.inputs(octets))
    assert (failed(found), found.complete, found.tier) == ([], True, Tier.AFFIRMING)
    assert found.subject == f"azure:vm:{VM.lower()}"
    assert good.verifier().recognises(octets) > 90
    measured = found.claims["measurements"]
    assert isinstance(measured, dict)
    assert measured["pcr7"] == PCRS[7].hex()
    assert {"measurement", "mrtd"} & measured.keys()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("step", "forged"), SHARED.values(), ids=SHARED)
def test_forged_evidence_fails_at_its_step(kind: str, step: str, forged: Made) -> None:
    """Each forgery is refused, and the first step that fails is the one that it is about."""
    found = forged(GOOD[kind]).appraised()
    assert not found.opens
    assert found.first_failure is not None
    assert found.first_failure.id == step


@pytest.mark.parametrize(("step", "forged"), INSIDE.values(), ids=INSIDE)
def test_the_hardware_inside_is_judged(step: str, forged: Callable[[], Minted]) -> None:
    """What the hardware's own report gives away is refused at the step that has refused it elsewhere."""
    assert failed(forged().appraised()) == [step]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("step", "gap"), SHARED_GAPS.values(), ids=SHARED_GAPS)
def test_what_evidence_lacks_is_said(kind: str, step: str, gap: Made) -> None:
    """Missing input fails nothing and opens nothing."""
    found = gap(GOOD[kind]).appraised()
    assert (failed(found), found.complete, verdict(found, step)) == ([], False, StepVerdict.NOT_CHECKED)


def test_the_report_of_a_td_is_nothing_without_its_quote() -> None:
    """Nobody but its machine can check a TD's own report: without a quote every step inside is not checked."""
    found = GOOD["tdx"].but(without_td_quote=True).appraised()
    inner = [s for s in found.steps if s.id.startswith("tdx.") and s.mandatory]
    assert not found.complete
    assert {s.verdict for s in inner} == {StepVerdict.NOT_CHECKED}
    assert "no quote" in inner[0].reason


_OWN = [
    (k, s.id)
    for k, v in (("snp", azure_snp), ("tdx", azure_tdx))
    for s in v.STEPS
    if s.id.startswith("azure.") and s.mandatory
]


@pytest.mark.parametrize(("kind", "name"), _OWN)
def test_a_step_of_azure_decides(kind: str, name: str) -> None:
    """Evidence that one mandatory step refuses is taken as soon as that step is taken out."""
    assert decides(name, (make(GOOD[kind]) for step, make in {**SHARED, **SHARED_GAPS}.values() if step == name))


@pytest.mark.parametrize("kind", KINDS)
def test_taking_a_step_out_changes_no_genuine_evidence(kind: str) -> None:
    """Genuine evidence opens with any one step taken out."""
    good, inputs = GOOD[kind], GOOD[kind].inputs()
    verifier = good.verifier()
    assert all(appraise(without(verifier, s.id), inputs).opens for s in verifier.steps)


def test_every_step_of_the_hardware_stands_in_azure() -> None:
    """No step of the report inside is lost but those that Azure's own answer."""
    for whole, own, answered in (
        (azure_snp.STEPS, snp.STEPS, {"snp.report_data", "snp.measurement"}),
        (azure_tdx.STEPS, tdx.STEPS, {"tdx.report_data", "tdx.measurement", "tdx.event_log", "tdx.secure_boot"}),
    ):
        held = {s.id: (s.needs, s.mandatory, s.waivable) for s in whole}
        assert {s.id for s in own} - held.keys() == answered
        assert all(held[s.id] == (s.needs, s.mandatory, s.waivable) for s in own if s.id in held)


@pytest.mark.parametrize(
    ("policy", "said", "step", "wanted"),
    [
        (AzurePolicy(secure_boot=False), vm(**{"secure-boot": False}), "azure.secure_boot", "pass"),
        (AzurePolicy(vm_ids=(VM.lower(),)), claims(), "azure.vm_id", "pass"),
        (AzurePolicy(vm_ids=("another",)), claims(), "azure.vm_id", "fail"),
        (AzurePolicy(), claims(), "azure.vm_id", "not-checked"),
        (AzurePolicy(user_data=("aa" * 64,)), claims(), "azure.user_data", "pass"),
        (AzurePolicy(user_data=("bb" * 64,)), claims(), "azure.user_data", "fail"),
        (AzurePolicy(user_data=("bb" * 64,)), claims(**{"user-data": "no hex"}), "azure.user_data", "fail"),
    ],
)
def test_the_policy_on_azure_is_obeyed(policy: AzurePolicy, said: bytes, step: str, wanted: str) -> None:
    """What the policy allows passes, what it demands and is not so fails, and what it does not ask is not checked."""
    assert verdict(GOOD["snp"].but(policy=policy, claims=said).appraised(), step) == wanted


def test_sept_ve_disable_is_azures_own_demand() -> None:
    """A TD without SEPT_VE_DISABLE is taken by default, refused where [azure] demands it, whatever [tdx] says."""
    step, good = "tdx.td_attributes.sept_ve_disable", GOOD["tdx"]
    assert verdict(good.appraised(), step) == "pass"
    strict = good.but(policy=AzurePolicy(sept_ve_disable=True))
    assert failed(strict.appraised()) == [step]
    lax = replace(strict.inputs(), policy=Policy(tdx=TdxPolicy(sept_ve_disable=False), azure=strict.policy))
    assert failed(appraise(good.verifier(), lax)) == [step]
    assert strict.but(draft=dcap.Draft()).appraised().opens
    assert DRAFT.report["td_attributes"] == bytes(8)


def _logged(good: Minted, events: tuple[tpm.Measured, ...] = tpm.BOOT, **fields: object) -> Minted:
    """Evidence of a boot that is known, with its log."""
    held = tpm.extended(events)
    pcrs = tuple(held.get(n, bytes(32)) for n in range(24))
    made = quote(digest=hashlib.sha256(b"".join(pcrs)).digest())
    return good.but(pcrs=pcrs, known=pcrs, quote=made, log=tpm.log_of(events)).but(**fields)


_OFF = (*tpm.secure_boot(on=b"\0"), *tpm.started())
_OTHER = tpm.log_of((*tpm.secure_boot(), *tpm.started(b"another")))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("made", "log", "boot"),
    [
        (lambda g: g, "not-checked", "not-checked"),
        (_logged, "pass", "pass"),
        (lambda g: _logged(g, log=_OTHER), "fail", "not-checked"),
        (lambda g: _logged(g, log=tpm.log_of(tpm.BOOT)[:-2]), "fail", "not-checked"),
        (lambda g: _logged(g, _OFF), "pass", "fail"),
        (lambda g: _logged(g, _OFF, policy=AzurePolicy(secure_boot=False)), "pass", "pass"),
    ],
    ids=["none", "whole", "another", "cut", "off", "allowed"],
)
def test_the_log_of_the_vtpm_is_judged_where_it_came(kind: str, made: Made, log: str, boot: str) -> None:
    """A log must give the quoted registers, and then Secure Boot is what PCR 7 measured, whatever the claims say."""
    found = made(GOOD[kind]).appraised()
    assert (verdict(found, "azure.event_log"), verdict(found, "azure.measured_boot")) == (log, boot)
    assert found.opens == ("fail" not in (log, boot))
    assert verdict(found, "azure.secure_boot") == "pass"


def test_a_log_counts_as_missing_where_it_is_asked_for() -> None:
    """Without a log nothing fails, and where the policy asks for one nothing opens."""
    asked = AzurePolicy(event_log=True)
    assert _logged(GOOD["snp"], policy=asked).appraised().opens
    found = GOOD["snp"].but(policy=asked).appraised()
    assert (failed(found), found.complete) == ([], False)


@pytest.mark.parametrize("kind", KINDS)
def test_the_fields_of_azure_are_shown(kind: str) -> None:
    """The paravisor's report, the quote, the registers and the hardware's report are listed by name."""
    good = GOOD[kind]
    shown = {f.name: f.value for f in good.verifier().fields(good.inputs().evidence)}
    assert shown["hcl.magic"] == "HCLA"
    assert shown["pcr23"] == PCRS[23].hex()
    assert f"{kind}.report_data" in shown


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_evidence_fails_at_its_first_step(kind: str) -> None:
    """Octets of any kind are judged, not raised."""
    verifier = GOOD[kind].verifier()
    for octets in (b"", b"HCLA", b"HCLA" + bytes(1232), bytes(4000), GOOD[kind].hcl()[:1300]):
        evidence = Evidence(verifier.kind, (EvidencePart("hcl-report", "", octets),), b"n")
        found = appraise(verifier, Inputs(evidence, Endorsements(), ReferenceValues(), Policy(), dcap.NOW))
        assert failed(found)[0] == "azure.hcl"
        list(verifier.fields(evidence))
        verifier.wants(evidence)


@pytest.mark.parametrize("kind", KINDS)
def test_one_policy_waives_for_the_hardware_and_for_azure(kind: str) -> None:
    """A step that is waived counts inside Azure's evidence too, and one that Azure's own answers is no error there."""
    good = GOOD[kind]
    lists = "snp.crl" if kind == "snp" else "tdx.pck_crl"
    waived = {lists: "decided elsewhere", f"{kind}.measurement": "decided elsewhere"}
    inputs = good.inputs()
    found = appraise(good.verifier(), replace(inputs, policy=structs.replace(inputs.policy, unchecked=waived)))
    assert [s.id for s in found.steps if s.waived] == [lists]
    assert verdict(found, "azure.measurement") == "pass"
    with pytest.raises(Malformed):
        appraise(
            good.verifier(),
            replace(inputs, policy=structs.replace(inputs.policy, unchecked={"azure.none": "no reason"})),
        )


# What is recorded, judged with the vendors' certificates that lie beside it; lists, collateral, floors and references
# do not, so that nothing is complete.

_GENOA = "0218488bae25d2509232bf676f1a66a30d7372add909109b36016ef136f2938ca05475f8b46094de6b64270ea35d950f"
_OPEN_SNP = {"snp.crl", "snp.policy.smt", "snp.min_tcb", "azure.measurement"}
_QUOTE = {f"azure.{n}" for n in ("quote", "quote_signature", "nonce", "pcr_selection", "pcr_digest")}
_OPEN_TDX = {f"tdx.{n}" for n in ("root_crl", "pck_crl", "qe_identity", "tcbinfo", "tcb_level", "tdx_module")}
_OPEN_TDX |= {"tdx.tcb_revoked", "tdx.tcb_status", "tdx.smt", "azure.measurement"}
RECORDED = [
    ("az-snp-vtpm_evidence-genoa.json", bytes.fromhex(_GENOA), _OPEN_SNP),
    ("az-snp-vtpm_evidence-v0.json", b"challenge", _OPEN_SNP),
    ("az-snp-vtpm_evidence-v1.json", b"challenge", _OPEN_SNP),
    ("az-tdx-vtpm_evidence-v1.json", b"challenge", _OPEN_TDX),
    ("hcl-report-snp.bin", b"challenge", _OPEN_SNP | _QUOTE),
]
_BESIDE = ("snp/milan_ask_ark_asvk.pem", "snp/genoa_ask_ark_asvk.pem", "azure/hcl-report-snp.vcek.pem")
AT = datetime.fromisoformat("2025-06-23T14:30:00Z")


def _recorded(vectors: Path, evidence: Evidence) -> Appraisal:
    given = Endorsements()
    for name in (*_BESIDE, "azure/vcek-genoa.pem"):
        given += endorsement_text.read((vectors / "attest" / name).read_bytes())
    verifier = azure_tdx.VERIFIER if evidence.kind is azure_tdx.VERIFIER.kind else azure_snp.VERIFIER
    return appraise(verifier, Inputs(evidence, given, ReferenceValues(), Policy(), AT))  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "challenge", "unknown"), RECORDED, ids=[n for n, *_ in RECORDED])
def test_recorded_evidence_gets_its_verdict(vectors: Path, name: str, challenge: bytes, unknown: set[str]) -> None:
    """Real evidence passes every step that what lies beside it allows, with Secure Boot on; another nonce is refused."""
    data = (vectors / "attest/azure" / name).read_bytes()
    verifier = max((azure_snp.VERIFIER, azure_tdx.VERIFIER), key=lambda v: v.recognises(data))
    evidence = Evidence(verifier.kind, verifier.read(data), challenge)
    found = _recorded(vectors, evidence)
    assert failed(found) == []
    assert {s.id for s in found.steps if s.mandatory and s.verdict is StepVerdict.NOT_CHECKED} == unknown
    assert verdict(found, "azure.secure_boot") == "pass"
    other = _recorded(vectors, Evidence(verifier.kind, evidence.parts, b"another"))
    assert failed(other) == ([] if unknown >= _QUOTE else ["azure.nonce"])


def test_a_recorded_td_quote_belongs_to_its_report(vectors: Path) -> None:
    """The report of a TD passes its binding with the quote that lies beside it, and not with that of another TD."""
    folder = vectors / "attest"
    (report,) = azure_tdx.VERIFIER.read((folder / "azure/hcl-report-tdx.bin").read_bytes())
    for name, wanted in (("azure/td-quote.bin", []), ("dcap/tdx_v4_uptodate.quote", ["azure.binding"])):
        quote = EvidencePart("td-quote", "", (folder / name).read_bytes())
        found = _recorded(vectors, Evidence(azure_tdx.VERIFIER.kind, (report, quote)))
        assert [s for s in failed(found) if s.startswith("azure.")] == wanted
    alone = _recorded(vectors, Evidence(azure_tdx.VERIFIER.kind, (report,)))
    assert (failed(alone), alone.complete, verdict(alone, "azure.binding")) == ([], False, StepVerdict.PASS)
