"""Nitro documents: minted ones that pass, and what is refused, each at its step."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from minted_x509 import ec_key, spki
from nitro_forgeries import DEBUG, FORGERIES, GAPS, GOOD, HOUR, statements
from nitro_minting import MADE, PCRS, PUBLIC_KEY, Minted, payload

from strongroom.attest.appraise import appraise
from strongroom.attest.policy import NitroPolicy, Policy
from strongroom.attest.tee import nitro
from strongroom.attest.verifier import Inputs
from strongroom.kit import cbor
from strongroom.model.attest import Appraisal, Endorsements, Evidence, ReferenceValues, StepVerdict, Tier

IMAGE = hashlib.sha256(PCRS[0] + PCRS[1] + PCRS[2]).hexdigest()


def failed(appraisal: Appraisal) -> list[str]:
    return [s.id for s in appraisal.steps if s.verdict is StepVerdict.FAIL]


def verdict(appraisal: Appraisal, step: str) -> StepVerdict:
    return next(s.verdict for s in appraisal.steps if s.id == step)


@pytest.mark.parametrize(
    "minted",
    [
        GOOD,
        GOOD.but(tagged=True),
        GOOD.saying(user_data=bytes(64)).but(behind=statements(IMAGE)),
        GOOD.saying(public_key=None, user_data=None),
        GOOD.saying(user_data=...),
        GOOD.saying(nonce=b"n" * 512).but(challenge=b"n" * 512),
        GOOD.but(now=MADE - timedelta(seconds=1)),
    ],
    ids=["plain", "tagged", "stated", "null", "absent", "longest", "clock"],
)
def test_a_genuine_document_opens(minted: Minted) -> None:
    """Every form that a security module writes is affirming and complete."""
    found = minted.appraised()
    assert (failed(found), found.complete, found.tier) == ([], True, Tier.AFFIRMING)
    assert found.subject == "nitro:i-1-enc1"
    assert found.claims["debug"] is False


def test_a_payload_of_indefinite_length_opens() -> None:
    """A map without its length, as some modules write it, is read alike."""
    octets = b"\xbf" + cbor.encode(payload(GOOD.vendor))[1:] + b"\xff"
    assert GOOD.but(octets=octets).appraised().opens


@pytest.mark.parametrize(("step", "forgery"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_document_fails_at_its_step(step: str, forgery: Callable[[], Minted]) -> None:
    """Each forgery is refused, and the first step that fails is the one that it is about."""
    found = forgery().appraised()
    first = found.first_failure
    assert not found.opens
    assert first is not None
    assert first.id == step


@pytest.mark.parametrize(("step", "gap"), GAPS.values(), ids=GAPS)
def test_what_a_document_lacks_is_said(step: str, gap: Callable[[], Minted]) -> None:
    """Missing input fails nothing and opens nothing."""
    found = gap().appraised()
    assert (failed(found), found.complete, verdict(found, step)) == ([], False, StepVerdict.NOT_CHECKED)


@pytest.mark.parametrize(
    ("policy", "fields", "step", "wanted"),
    [
        (NitroPolicy(debug=True), {"pcrs": DEBUG}, "nitro.pcr_debug", "pass"),
        (NitroPolicy(user_data=(b"user".hex(),)), {}, "nitro.user_data", "pass"),
        (NitroPolicy(user_data=(b"other".hex(),)), {}, "nitro.user_data", "fail"),
        (NitroPolicy(user_data=(b"other".hex(),)), {"user_data": None}, "nitro.user_data", "fail"),
        (NitroPolicy(), {}, "nitro.user_data", "not-checked"),
        (NitroPolicy(public_key=True), {}, "nitro.public_key", "pass"),
        (NitroPolicy(public_key=True), {"public_key": None}, "nitro.public_key", "fail"),
        (NitroPolicy(public_key=True), {"public_key": b"no key"}, "nitro.public_key", "fail"),
        (NitroPolicy(), {"public_key": None}, "nitro.public_key", "not-checked"),
    ],
)
def test_the_policy_on_documents_is_obeyed(
    policy: NitroPolicy, fields: dict[str, object], step: str, wanted: str
) -> None:
    """What the policy allows passes, what it demands and is not so fails, and what it does not ask is not checked."""
    assert verdict(GOOD.saying(**fields).but(policy=policy).appraised(), step) == wanted


def test_the_key_that_a_document_vouches_for_is_bound() -> None:
    """The public key of the document is the appraisal's; octets that are no key, and refused documents, bind nothing."""
    assert GOOD.appraised().bound_key == PUBLIC_KEY.hex()
    assert GOOD.saying(public_key=b"no key").appraised().bound_key == ""
    assert GOOD.but(challenge=None).appraised().bound_key == PUBLIC_KEY.hex()
    assert GOOD.but(signer=ec_key(66)).appraised().bound_key == ""
    assert GOOD.saying(public_key=spki(ec_key(5))).appraised().bound_key == spki(ec_key(5)).hex()


def test_an_old_document_is_taken_as_far_as_the_policy_says() -> None:
    """A policy that takes documents of a day takes them after the leaf's three hours, and not a moment longer."""
    day = NitroPolicy(max_age_minutes=24 * 60)
    assert GOOD.but(policy=day, now=MADE + 23 * HOUR).appraised().opens
    assert failed(GOOD.but(policy=day, now=MADE + 24 * HOUR + timedelta(seconds=1)).appraised()) == [
        "nitro.cert_time",
        "nitro.timestamp",
    ]
    assert failed(GOOD.but(now=MADE + 4 * HOUR).appraised()) == ["nitro.cert_time", "nitro.timestamp"]


def test_statements_are_only_those_of_their_form() -> None:
    """Octets behind the message that are no whole statement stay with it, and fail its first step."""
    whole = statements(IMAGE)
    for tail in (whole[:-1], whole + b"\0", b"\1" + whole[1:], whole.replace(b"os_image", b"an_image"), b"\0" * 70):
        minted = GOOD.but(behind=tail)
        assert failed(minted.appraised()) == ["nitro.cose"]
    stated = GOOD.saying(user_data=b"\1" * 64)
    assert failed(stated.but(behind=whole).appraised()) == ["nitro.signature"]
    assert stated.but(behind=statements(IMAGE, b"\1" * 64)).appraised().opens


def test_what_is_no_document_fails_at_its_first_step() -> None:
    """Octets of any kind are judged, not raised."""
    for octets in (b"", b"\x84", b"\xd2\x84\x40\xa0\x40", bytes(4000), b"\x9f" * 4000, GOOD.document()[:-1]):
        verifier = GOOD.verifier()
        evidence = Evidence(verifier.kind, verifier.read(octets), b"n")
        found = appraise(verifier, Inputs(evidence, Endorsements(), ReferenceValues(), Policy(), MADE))
        assert failed(found) == ["nitro.cose"]
        assert list(verifier.fields(evidence)) == []


def test_the_fields_of_a_document_are_shown() -> None:
    """Each register, certificate and statement is listed by name."""
    minted = GOOD.saying(user_data=bytes(64)).but(behind=statements(IMAGE))
    shown = {f.name: f.value for f in nitro.VERIFIER.fields(minted.inputs().evidence)}
    assert shown["pcr0"] == PCRS[0].hex()
    assert shown["statements.os_image_hash"] == IMAGE
    assert {"module_id", "cabundle.3", "certificate", "public_key", "signature"} <= shown.keys()


RECORDED = [
    ("nitro_2025-12-25.cose", "2025-12-25T13:30:00Z", []),
    ("nitro_2025-12-25.cose", "2026-11-01T00:00:00Z", ["nitro.cert_time", "nitro.timestamp"]),
    ("nitro_2025-12-25.cose", "2025-12-25T12:00:00Z", ["nitro.timestamp"]),
    ("nitro_debug_2025-12-25.cose", "2025-12-25T08:30:00Z", ["nitro.pcr_debug"]),
    ("nitro_2022-10-13.cose", "2022-10-13T08:58:02Z", []),
    ("tampered_sig.cose", "2025-12-25T13:30:00Z", ["nitro.signature"]),
]


@pytest.mark.parametrize(("name", "at", "wanted"), RECORDED)
def test_a_recorded_document_gets_its_verdict(vectors: Path, name: str, at: str, wanted: list[str]) -> None:
    """Real documents pass at their time under AWS's own root, and fail where they are known to."""
    data = (vectors / "attest/nitro" / name).read_bytes()
    evidence = Evidence(nitro.VERIFIER.kind, nitro.VERIFIER.read(data))
    inputs = Inputs(evidence, Endorsements(), ReferenceValues(), Policy(), datetime.fromisoformat(at))
    assert nitro.VERIFIER.recognises(data) > 90
    assert failed(appraise(nitro.VERIFIER, inputs)) == wanted


def test_the_recorded_nonce_is_compared_to_the_octet(vectors: Path) -> None:
    """The nonce of 256 octets passes as it is, and not without its last octet."""
    data = (vectors / "attest/nitro/nitro_2022-10-13.cose").read_bytes()
    asked = next(bytes.fromhex(f.value) for f in nitro.VERIFIER.fields(_evidence(data, None)) if f.name == "nonce")
    at = datetime.fromisoformat("2022-10-13T09:00:00Z")
    for challenge, wanted in ((asked, "pass"), (asked[:-1], "fail"), (asked + b"\0", "fail")):
        inputs = Inputs(_evidence(data, challenge), Endorsements(), ReferenceValues(), Policy(), at)
        assert verdict(appraise(nitro.VERIFIER, inputs), "nitro.nonce") == wanted


def _evidence(data: bytes, challenge: bytes | None) -> Evidence:
    return Evidence(nitro.VERIFIER.kind, nitro.VERIFIER.read(data), challenge)
