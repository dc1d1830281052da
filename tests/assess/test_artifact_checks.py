"""The checks of model artifacts and of their register, each where it passes, fails and cannot tell."""

import pytest

import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import judge
from strongroom.model.codes import Status
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
DOUBT = synthetic.NOT_KNOWN
A = "artifact."

CASES: list[tuple[str, dict[str, Value], Status]] = [
    ("art.format.runs-code", {A + "executes": False, A + "executes_by": ()}, P),
    ("art.format.runs-code", {A + "executes": True, A + "executes_by": ("x",)}, F),
    ("art.format.runs-code", {A + "executes": DOUBT, A + "executes_by": ()}, U),
    ("art.format.no-pickle", {A + "pickle": True, A + "format": "pytorch"}, F),
    ("art.format.no-pickle", {A + "pickle": False, A + "format": "gguf"}, P),
    ("art.format.well-formed", {A + "faults": ("entries overlap",)}, F),
    ("art.format.well-formed", {A + "faults": ()}, P),
    ("art.format.well-formed", {A + "faults": DOUBT}, U),
    ("art.artifact.whole", {A + "missing": ("2 of 3",)}, F),
    ("art.artifact.whole", {A + "missing": ()}, P),
    ("art.artifact.not-world-readable", {"file.others_read": True, "file.mode": "0644"}, F),
    ("art.artifact.not-world-readable", {"file.others_read": False, "file.mode": "0640"}, P),
    (
        "art.artifact.not-writable-by-others",
        {"file.others_write": False, "file.group_write": True, "file.mode": "0664"},
        F,
    ),
    (
        "art.artifact.not-writable-by-others",
        {"file.others_write": True, "file.group_write": DOUBT, "file.mode": "0666"},
        F,
    ),
    (
        "art.artifact.not-writable-by-others",
        {"file.others_write": False, "file.group_write": False, "file.mode": "0640"},
        P,
    ),
    ("art.artifact.signed", {A + "signature": (), A + "unsigned_files": ()}, F),
    ("art.artifact.signed", {A + "signature": ("model.sig",), A + "unsigned_files": ("extra.bin",)}, F),
    ("art.artifact.signed", {A + "signature": ("model.sig",), A + "unsigned_files": ()}, U),
    ("art.artifact.sealed", {A + "sealed": "", A + "tier": 0}, F),
    ("art.artifact.sealed", {A + "sealed": "age", A + "tier": 0}, P),
    ("art.artifact.sealed", {A + "sealed": "", A + "tier": 2}, N),
    ("art.artifact.sealed", {A + "sealed": "", A + "tier": 2, A + "requires": ("ART-01.envelope-tier0",)}, F),
    ("art.artifact.no-plaintext-outside", {A + "sealed": "", A + "place": ("temporary",)}, F),
    ("art.artifact.no-plaintext-outside", {A + "sealed": "", A + "place": ("home",), A + "tier": 1}, N),
    ("art.artifact.no-plaintext-outside", {A + "sealed": "", A + "place": ()}, U),
    ("art.artifact.no-plaintext-outside", {A + "sealed": "age", A + "place": ("shared",)}, P),
    ("art.artifact.provenance", {A + "provenance": (), A + "class": "weights"}, F),
    ("art.artifact.provenance", {A + "provenance": ("m.cdx.json",), A + "class": "weights"}, U),
    ("art.artifact.provenance", {A + "provenance": (), A + "class": "prompt-logs"}, N),
    ("tee.checkpoint.no-plaintext", {A + "sealed": "", A + "class": "checkpoints", A + "tier": 0}, F),
    ("tee.checkpoint.no-plaintext", {A + "sealed": "age", A + "class": "checkpoints", A + "tier": 0}, P),
    ("tee.checkpoint.no-plaintext", {A + "sealed": "", A + "class": "weights", A + "tier": 0}, N),
    ("inv.artifact.registered", {A + "registered": True}, P),
    ("inv.artifact.registered", {A + "registered": False}, F),
    ("inv.artifact.registered", {A + "registered": DOUBT}, U),
    ("inv.artifact.digest", {A + "digest_matches": True}, P),
    ("inv.artifact.digest", {A + "digest_matches": False}, F),
    ("inv.artifact.digest", {A + "digest_matches": DOUBT, A + "size_matches": False}, F),
    ("inv.artifact.digest", {A + "digest_matches": DOUBT, A + "size_matches": True}, U),
    ("inv.register.signed", {"register.signed": False}, F),
    ("inv.register.signed", {"register.signed": True}, P),
    ("inv.register.entries-classed", {"register.unclassed": ("a",)}, F),
    ("inv.register.entries-classed", {"register.unclassed": ()}, P),
    ("inv.register.entries-complete", {"register.incomplete": ("a: no owner",)}, F),
    ("inv.register.entries-complete", {"register.incomplete": ()}, P),
    ("inv.register.entries-found", {"register.not_found": ("a",)}, F),
    ("inv.register.entries-found", {"register.not_found": DOUBT}, U),
    ("inv.register.entries-found", {"register.not_found": ()}, P),
    ("inv.register.reviewed", {"register.reviewed": "2026-10-01"}, P),
    ("inv.register.reviewed", {"register.reviewed": "2025-11-01"}, F),
    ("inv.register.reviewed", {"register.reviewed": "2027-01-01"}, F),
    ("inv.register.reviewed", {"register.reviewed": ""}, F),
    ("inv.register.reviewed", {"register.reviewed": "last year"}, U),
]


@pytest.mark.parametrize(("ident", "facts", "status"), CASES)
def test_a_check_of_artifacts(ident: str, facts: dict[str, Value], status: Status) -> None:
    """Each check answers as the table says."""
    check = catalogue().checks[ident]
    kind = Kind.POLICY if ident.startswith("inv.register") else Kind.ARTIFACT
    assert kind in check.kinds
    assert judge(check, synthetic.asset(kind, facts), synthetic.NOW).status is status
