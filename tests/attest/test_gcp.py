"""Google Cloud tokens: minted ones that pass, and what is refused, each at its step."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from gcp_forgeries import FORGERIES, GAPS, inside
from gcp_minting import AUDIENCE, BY_SET, CHALLENGE, GOOD, IMAGE, LEAF_KEY, MADE, Minted, jwk, key_set, thumbprint
from skipping import decides, without

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import GcpPolicy, Policy
from strongroom.attest.tee import gcp
from strongroom.attest.verifier import Inputs
from strongroom.model.attest import Appraisal, Endorsements, Evidence, ReferenceValues, StepVerdict, Tier, Want


def failed(appraisal: Appraisal) -> list[str]:
    return [s.id for s in appraisal.steps if s.verdict is StepVerdict.FAIL]


def missing(appraisal: Appraisal) -> list[str]:
    return [s.id for s in appraisal.steps if s.verdict is StepVerdict.NOT_CHECKED and s.mandatory]


def verdict(appraisal: Appraisal, step: str) -> StepVerdict:
    return next(s.verdict for s in appraisal.steps if s.id == step)


@pytest.mark.parametrize(
    "minted",
    [
        GOOD,
        GOOD.but(header={"jku": "https://elsewhere.example"}),
        GOOD.saying(eat_nonce=CHALLENGE.hex()),
        GOOD.saying(eat_nonce=base64.urlsafe_b64encode(CHALLENGE).decode()),
        GOOD.saying(eat_nonce=base64.b64encode(CHALLENGE).decode().rstrip("=")),
        GOOD.saying(eat_nonce="a nonce of words").but(challenge=b"a nonce of words"),
        GOOD.saying(swversion="250301"),
        BY_SET,
        BY_SET.but(policy=GcpPolicy((AUDIENCE,), trust_jwks=True)),
        BY_SET.but(key_sets=(b"no set", key_set(jwk(LEAF_KEY, kid="other")), *BY_SET.key_sets)),
    ],
    ids=["chain", "jku", "hex", "url", "base64", "text", "version", "set", "trusted", "sets"],
)
def test_a_genuine_token_opens(minted: Minted) -> None:
    """Every form that Google writes is affirming and complete."""
    found = minted.appraised()
    assert (failed(found), missing(found), found.tier) == ([], [], Tier.AFFIRMING)
    assert found.subject == "gcp:instance:42"
    assert found.claims["measurements"] == {"image_digest": IMAGE}
    assert found.claims["gpu"] == {"cc_mode": "ON"}


@pytest.mark.parametrize(("step", "forgery"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_token_fails_at_its_step(step: str, forgery: Callable[[], Minted]) -> None:
    """Each forgery is refused, and the first step that fails is the one that it is about."""
    found = forgery().appraised()
    assert not found.opens
    assert found.first_failure is not None
    assert found.first_failure.id == step


@pytest.mark.parametrize(("step", "gap"), GAPS.values(), ids=GAPS)
def test_what_a_token_lacks_is_said(step: str, gap: Callable[[], Minted]) -> None:
    """Missing input fails nothing and opens nothing."""
    found = gap().appraised()
    assert (failed(found), found.complete, verdict(found, step)) == ([], False, StepVerdict.NOT_CHECKED)


@pytest.mark.parametrize("name", [s.id for s in gcp.STEPS if s.mandatory])
def test_a_step_of_tokens_decides(name: str) -> None:
    """A token that one mandatory step refuses is taken as soon as that step is taken out."""
    assert decides(name, (make() for step, make in {**FORGERIES, **GAPS}.values() if step == name))


def test_taking_a_step_out_changes_no_genuine_token() -> None:
    """A genuine token opens with any one step taken out."""
    verifier = GOOD.verifier()
    assert all(appraise(without(verifier, s.id), GOOD.inputs()).opens for s in verifier.steps)


def _demanding(**fields: object) -> GcpPolicy:
    return GcpPolicy((AUDIENCE,), **fields)  # type: ignore[arg-type] # the fields of a policy by name


@pytest.mark.parametrize(
    ("policy", "claims", "step", "wanted"),
    [
        (_demanding(debug=True), {"dbgstat": "enabled"}, "gcp.dbgstat", "pass"),
        (_demanding(secure_boot=False), {"secboot": False}, "gcp.secboot", "pass"),
        (_demanding(support=""), {"submods": inside(confidential_space=None)}, "gcp.support", "pass"),
        (_demanding(software=("GCE",)), {"swname": "GCE"}, "gcp.support", "pass"),
        (_demanding(hardware=("GCP_AMD_SEV",)), {}, "gcp.hwmodel", "fail"),
        (_demanding(min_software=250301), {}, "gcp.swversion", "pass"),
        (_demanding(min_software=250302), {}, "gcp.swversion", "fail"),
        (_demanding(min_software=1), {"swversion": []}, "gcp.swversion", "fail"),
        (_demanding(min_software=1), {"swversion": ["250301", "new"]}, "gcp.swversion", "fail"),
        (_demanding(), {}, "gcp.swversion", "not-checked"),
        (_demanding(projects=("p",)), {}, "gcp.project", "pass"),
        (_demanding(projects=("q",)), {}, "gcp.project", "fail"),
        (_demanding(projects=("q",)), {"submods": inside(gce=None)}, "gcp.project", "fail"),
        (_demanding(service_accounts=("a@p.example",)), {}, "gcp.service_account", "pass"),
        (_demanding(service_accounts=("b@p.example",)), {}, "gcp.service_account", "fail"),
    ],
)
def test_the_policy_on_tokens_is_obeyed(policy: GcpPolicy, claims: dict[str, object], step: str, wanted: str) -> None:
    """What the policy allows passes, what it demands and is not so fails, and what it does not ask is not checked."""
    assert verdict(GOOD.saying(**claims).but(policy=policy).appraised(), step) == wanted


PROFILE = "https://cloud.google.com/confidential-computing/confidential-vm/docs/token-claims"
PLAIN = GOOD.saying(
    swname="GCE",
    swversion=...,
    dbgstat=...,
    eat_profile=PROFILE,
    submods={"gce": {"project_id": "p", "instance_id": "42"}},
).but(policy=_demanding(software=("GCE",)))


@pytest.mark.parametrize("minted", [PLAIN, PLAIN.but(chain=(), key_sets=BY_SET.key_sets)], ids=["chain", "set"])
def test_the_token_of_a_plain_confidential_vm_says_little(minted: Minted) -> None:
    """It says nothing of debugging and of what was started: neither passes, and neither was refused."""
    policy = _demanding(software=("GCE",), keys=(thumbprint(LEAF_KEY),))
    found = minted.but(policy=policy).appraised()
    assert (failed(found), missing(found)) == ([], ["gcp.dbgstat", "gcp.measurement"])


def test_a_plain_confidential_vm_opens_by_decision_only() -> None:
    """Where the policy takes such machines, allows what is not said and leaves the image unchecked, the token opens."""
    decided = _demanding(software=("GCE",), debug=True)
    inputs = PLAIN.but(policy=decided).inputs()
    waived = msgspec.structs.replace(inputs.policy, unchecked={"gcp.measurement": "the quote is judged beside it"})
    assert appraise(PLAIN.verifier(), replace(inputs, policy=waived)).opens
    assert not PLAIN.but(policy=decided).appraised().opens


@pytest.mark.parametrize(
    ("claims", "step"),
    [
        ({"hwmodel": "GCP_SHIELDED_VM"}, "gcp.hwmodel"),
        ({"dbgstat": "enabled"}, "gcp.dbgstat"),
        ({"secboot": False}, "gcp.secboot"),
        ({"aud": "https://another.example"}, "gcp.aud"),
        ({"swname": "CONFIDENTIAL_SPACE"}, "gcp.dbgstat"),
    ],
)
def test_a_plain_vm_is_refused_where_it_says_too_much(claims: dict[str, object], step: str) -> None:
    """A Shielded VM, debugging, Secure Boot off, another's audience, and claims of another product fail as elsewhere."""
    found = PLAIN.saying(**claims).but(policy=_demanding(software=("GCE", "CONFIDENTIAL_SPACE"))).appraised()
    assert found.first_failure is not None
    assert found.first_failure.id == step


def test_the_environment_of_a_workload_is_not_told() -> None:
    """Names of variables are claims; their values, which may be secrets, are not."""
    found = GOOD.appraised().claims["container"]
    assert isinstance(found, dict)
    assert found["env"] == ["SECRET"]
    assert "value" not in str(GOOD.appraised().claims)


def test_a_verdict_ends_with_the_token() -> None:
    """The token's hour is the verdict's."""
    assert GOOD.appraised().expires_at == MADE.replace(hour=MADE.hour + 1)


def test_a_key_set_is_wanted_only_without_a_chain() -> None:
    """A token that carries its chain needs nothing else."""
    for minted, wanted in (
        (GOOD, ()),
        (BY_SET, (Want("gcp-attestation", "jwks", (("kid", "key-1"),)),)),
        (GOOD.but(bare=True), ()),
    ):
        assert gcp.VERIFIER.wants(minted.inputs().evidence) == wanted


def test_a_foreign_thumbprint_counts_for_nothing() -> None:
    """A policy that names one key does not take another of the same id."""
    from_other = BY_SET.but(policy=_demanding(keys=("00" * 32,)))
    assert missing(from_other.appraised()) == ["gcp.key"]
    assert thumbprint(LEAF_KEY) != "00" * 32


def test_the_fields_of_a_token_are_shown() -> None:
    """Header, certificates and claims are listed by name."""
    shown = {f.name: f.value for f in gcp.VERIFIER.fields(GOOD.inputs().evidence)}
    assert shown["header.x5c.2"] == "Confidential Space Root CA"
    assert {"header.alg", "iss", "exp", "submods.gce", "signature"} <= shown.keys()
    assert gcp.VERIFIER.recognises(GOOD.token()) > 90
    assert gcp.VERIFIER.recognises(b"a.b.c") == 0


_UNSIGNED = ["gcp.token", "gcp.key", "gcp.cert_time", "gcp.signature"]
RECORDED = [
    ("claims.json", "2025-07-01T17:40:00Z", []),
    ("debug_claims.json", "2025-07-01T17:40:00Z", ["gcp.dbgstat"]),
    ("expired_claims.json", "2025-07-01T17:40:00Z", ["gcp.time"]),
    ("long_lived_claims.json", "2025-06-23T14:30:00Z", ["gcp.lifetime"]),
    ("policy_claims.json", "2025-06-23T14:30:00Z", []),
]


@pytest.mark.parametrize(("name", "at", "wanted"), RECORDED)
def test_recorded_claims_get_their_verdict(vectors: Path, name: str, at: str, wanted: list[str]) -> None:
    """Claims without a signature fail where they are known to, and never make a complete appraisal."""
    data = (vectors / "attest/gcp" / name).read_bytes()
    policy = Policy(gcp=GcpPolicy(("d9b8d46d-6841-4825-9b5e-e77768638044",)))
    evidence = Evidence(gcp.VERIFIER.kind, gcp.VERIFIER.read(data))
    inputs = Inputs(evidence, Endorsements(), ReferenceValues(), policy, datetime.fromisoformat(at))
    found = appraise(gcp.VERIFIER, inputs)
    assert gcp.VERIFIER.recognises(data) > 90
    assert failed(found) == wanted
    assert missing(found) == [*_UNSIGNED, "gcp.eat_nonce", "gcp.measurement"]
