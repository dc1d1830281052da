"""The checks of sealed artifacts, each where it passes, fails, does not apply and cannot tell."""

import pytest

import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import judge
from strongroom.model.codes import Status
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
DOUBT = synthetic.NOT_KNOWN
ANY: dict[str, Value] = {"sealed.boundary": "any"}
SIGNED: dict[str, Value] = {"artifact.signature": ("signature.json",), "artifact.unsigned_files": ()}
LOGGED: dict[str, Value] = {"sealed.logged": True}

CASES: list[tuple[str, dict[str, Value], Status]] = [
    ("art.sealed.attested-slots", {**ANY, "sealed.slot_types": ("broker", "key")}, P),
    ("art.sealed.attested-slots", {**ANY, "sealed.slot_types": ("broker", "hpke")}, F),
    ("art.sealed.attested-slots", {**ANY, "sealed.slot_types": ("age",), "artifact.tier": 1}, N),
    ("art.sealed.attested-slots", {**ANY, "sealed.slot_types": ("age",), "artifact.tier": DOUBT}, F),
    ("art.sealed.attested-slots", {**ANY, "sealed.slot_types": DOUBT}, U),
    ("art.sealed.attested-slots", {"sealed.boundary": "attested", "sealed.slot_types": DOUBT}, P),
    ("art.sealed.signed", {**SIGNED, "sealed.signature_valid": True}, P),
    ("art.sealed.signed", {**SIGNED, "sealed.signature_valid": False, "sealed.signature_trouble": "x"}, F),
    ("art.sealed.signed", {**SIGNED, "sealed.signature_valid": DOUBT}, U),
    ("art.sealed.signed", SIGNED, U),
    ("art.sealed.signed", {**SIGNED, "artifact.unsigned_files": ("a",), "sealed.signature_valid": DOUBT}, F),
    ("art.sealed.signed", {**SIGNED, "artifact.signature": ()}, F),
    ("art.sealed.described", {"sealed.attached": ("bom", "scan")}, F),
    ("art.sealed.described", {"sealed.attached": ("bom", "provenance"), "sealed.held": ("bom",)}, U),
    ("art.sealed.described", {"sealed.attached": ("bom", "provenance"), "sealed.held": ("bom", "provenance")}, P),
    ("art.sealed.described", {"sealed.attached": DOUBT}, U),
    ("art.sealed.described", {"sealed.attached": (), "artifact.class": "prompt-logs"}, N),
    ("art.sealed.scanned", {"sealed.scan": "safe"}, P),
    ("art.sealed.scanned", {"sealed.scan": "needs-review"}, F),
    ("art.sealed.scanned", {"sealed.scan": ""}, F),
    ("art.sealed.scanned", {"sealed.scan": DOUBT}, U),
    ("art.sealed.slots-logged", {**LOGGED, "sealed.slots_logged": True}, P),
    ("art.sealed.slots-logged", {**LOGGED, "sealed.slots_logged": False}, F),
    ("art.sealed.slots-logged", {"sealed.logged": False, "sealed.slots_logged": DOUBT}, F),
    ("art.sealed.slots-logged", {"sealed.logged": DOUBT, "sealed.slots_logged": DOUBT}, U),
    ("art.artifact.signed", SIGNED, N),
    ("art.artifact.not-world-readable", {"file.others_read": True, "file.mode": "0644"}, N),
    ("art.artifact.provenance", {"artifact.provenance": DOUBT, "artifact.class": "weights"}, N),
]


@pytest.mark.parametrize(("ident", "facts", "status"), CASES)
def test_a_check_of_sealed_artifacts(ident: str, facts: dict[str, Value], status: Status) -> None:
    """Each check answers as the table says."""
    check = catalogue().checks[ident]
    asset = synthetic.asset(Kind.ARTIFACT, {"sealed.artifact": "00" * 32, **facts})
    assert judge(check, asset, synthetic.NOW).status is status
