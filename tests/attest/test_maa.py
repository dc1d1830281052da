"""Tokens of Azure Attestation: minted ones that pass, and what is refused, each at its step."""

import base64
import json
from collections.abc import Callable

import gcp_minting as tokens
import minted_x509 as x
import msgspec
import pytest
from maa_forgeries import FORGERIES, GAPS
from maa_minting import GOOD, GUESTS_KEY, HOST, ISSUER, KEY, KEY_ID, MEASURED, POLICY, SOUND, VM, Minted
from skipping import decides, without

from strongroom.app.evidence import recognise
from strongroom.attest.appraise import appraise
from strongroom.attest.tee import azure_maa
from strongroom.kit import jose
from strongroom.model.attest import Appraisal, StepVerdict, Tier, Want
from strongroom.model.errors import Malformed


def failed(appraisal: Appraisal) -> list[str]:
    return [s.id for s in appraisal.steps if s.verdict is StepVerdict.FAIL]


def missing(appraisal: Appraisal) -> list[str]:
    return [s.id for s in appraisal.steps if s.verdict is StepVerdict.NOT_CHECKED and s.mandatory]


def verdict(appraisal: Appraisal, step: str) -> StepVerdict:
    return next(s.verdict for s in appraisal.steps if s.id == step)


@pytest.mark.parametrize("minted", SOUND.values(), ids=SOUND)
def test_a_genuine_token_opens(minted: Minted) -> None:
    """A guest's and a platform's token, on either hardware, is affirming and complete, and says whose verdict it is."""
    found = minted.appraised()
    assert (failed(found), missing(found), found.tier) == ([], [], Tier.AFFIRMING)
    assert found.subject == f"azure:vm:{VM.lower()}"
    verifier, measured = found.claims["verifier"], found.claims["measurements"]
    assert isinstance(verifier, dict)
    assert isinstance(measured, dict)
    assert verifier["name"] == "Microsoft Azure Attestation"
    assert verifier["provider"] == ISSUER
    assert MEASURED in measured.values()
    assert found.expires_at == minted.now.replace(hour=20, minute=0)
    assert recognise(minted.token(), "token")[0].kind == found.kind


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


@pytest.mark.parametrize("name", [s.id for s in azure_maa.STEPS if s.mandatory])
def test_a_step_of_tokens_decides(name: str) -> None:
    """A token that one mandatory step refuses is taken as soon as that step is taken out."""
    assert decides(name, (make() for step, make in {**FORGERIES, **GAPS}.values() if step == name))


def test_taking_a_step_out_changes_no_genuine_token() -> None:
    """A genuine token opens with any one step taken out."""
    verifier = GOOD.verifier()
    assert all(appraise(without(verifier, s.id), GOOD.inputs()).opens for s in verifier.steps)


@pytest.mark.parametrize(
    ("policy", "minted", "step", "wanted"),
    [
        ({"debug": True}, GOOD.but(inside={"x-ms-sevsnpvm-is-debuggable": True}), "maa.debug", "pass"),
        ({"migration": True}, GOOD.but(inside={"x-ms-sevsnpvm-migration-allowed": True}), "maa.guest_policy", "pass"),
        ({"secure_boot": False}, GOOD.saying(secureboot=False), "maa.secure_boot", "pass"),
        ({"keys": (), "trust_jwks": True}, GOOD, "maa.key", "pass"),
        ({"keys": ("00" * 32,)}, GOOD, "maa.key", "not-checked"),
        ({"policies": ("B56nbp5slhw66peoRYkpdq1WykMkEworvdol08hnMXE",)}, GOOD, "maa.policy_hash", "pass"),
        ({"policies": ("another",)}, GOOD, "maa.policy_hash", "fail"),
        ({}, GOOD, "maa.policy_hash", "not-checked"),
        ({"vm_ids": (VM.lower(),)}, GOOD, "maa.vm_id", "pass"),
        ({"vm_ids": ("another",)}, GOOD, "maa.vm_id", "fail"),
    ],
)
def test_the_policy_on_tokens_is_obeyed(policy: dict[str, object], minted: Minted, step: str, wanted: str) -> None:
    """What the policy allows passes, what it demands and is not so fails, and what it does not ask is not checked."""
    assert verdict(minted.but(policy=msgspec.structs.replace(POLICY, **policy)).appraised(), step) == wanted


def test_a_guests_token_vouches_for_the_key_of_its_vtpm() -> None:
    """The key is that of a guest's token, and a platform's vouches for none."""
    assert GOOD.appraised().bound_key == x.spki(GUESTS_KEY).hex()
    assert SOUND["platform on TDX"].appraised().bound_key == ""
    two = GOOD.claims()["x-ms-runtime"]
    assert isinstance(two, dict)
    assert GOOD.but(fields={"x-ms-runtime": {**two, "keys": two["keys"] * 2}}).appraised().bound_key == ""


def test_the_key_set_of_the_named_provider_is_wanted() -> None:
    """A token that names a provider of Microsoft's wants its keys; another host is never gone to."""
    want = Want("azure-maa", "jwks", (("provider", HOST), ("kid", KEY_ID)))
    assert azure_maa.VERIFIER.wants(GOOD.inputs().evidence) == (want,)
    for issuer in ("https://evil.example", f"{ISSUER}.evil.example", f"http://{HOST}", "https://attest.azure.net"):
        assert azure_maa.VERIFIER.wants(GOOD.saying(iss=issuer).inputs().evidence) == ()
    assert azure_maa.VERIFIER.wants(GOOD.but(bare=True).inputs().evidence) == ()


def test_a_key_set_of_certificates_alone_is_read() -> None:
    """The service's keys have no numbers, but a certificate each, whose key is the one with the same thumbprint."""
    who = x.Subject("Microsoft Azure Attestation", KEY, ())
    certificate = base64.b64encode(x.certificate(who, who)).decode()
    held = json.dumps({"keys": [{"kty": "RSA", "kid": KEY_ID, "use": "sig", "x5c": [certificate]}]}).encode()
    assert jose.keys(held)[0].thumbprint == tokens.thumbprint(KEY)
    assert GOOD.but(key_sets=(held,)).appraised().opens
    other = x.Subject("Another", x.ec_key(94), ())
    curve = base64.b64encode(x.certificate(other, other)).decode()
    for inside in (curve, "no base64 !", base64.b64encode(b"no certificate").decode()):
        with pytest.raises(Malformed):
            jose.keys(json.dumps({"keys": [{"kty": "RSA", "kid": "1", "x5c": [inside]}]}).encode())


def test_the_fields_of_a_token_are_shown() -> None:
    """Header and claims are listed by name, those of the hardware among them."""
    shown = {f.name: f.value for f in azure_maa.VERIFIER.fields(GOOD.inputs().evidence)}
    assert shown["header.jku"] == f"{ISSUER}/certs"
    assert shown["x-ms-isolation-tee.x-ms-compliance-status"] == "azure-compliant-cvm"
    assert {"iss", "exp", "signature"} <= shown.keys()
    bare = {f.name for f in azure_maa.VERIFIER.fields(GOOD.but(bare=True).inputs().evidence)}
    assert "header.alg" not in bare
    assert azure_maa.VERIFIER.recognises(GOOD.but(bare=True).token()) > 90
    assert azure_maa.VERIFIER.recognises(tokens.GOOD.token()) == 0
