"""The checks of brokers and of what they release, each where it passes, fails and cannot tell."""

import pytest

import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import judge
from strongroom.model.codes import Status
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
DOUBT = synthetic.NOT_KNOWN
R = "release."
BROKER: dict[str, Value] = {
    "broker.policy_counts": True,
    "broker.policy_trouble": "",
    "broker.debug_kinds": (),
    "broker.debug_resources": (),
    "broker.log_broken": (),
    "broker.admins": ("ann: key-admin", "bob: policy-admin operator"),
    "broker.oidc": None,
    "broker.oidc_words": (),
}
KEY: dict[str, Value] = {
    "key.backend": "pkcs11",
    "key.hsm": True,
    "key.exportable": False,
    "key.newest": "2026-11-01T00:00:00+00:00",
    "key.tier": 0,
    R + "rule": "models/weights/*",
    R + "open": False,
    R + "owners": ("lab-a", "lab-b"),
    R + "owners_unsigned": (),
    R + "owners_demandless": (),
    R + "owners_unmeasured": (),
    R + "recipients": ("lab-a",),
    R + "break_glass": False,
    R + "approvals": 0,
    R + "approvers": 0,
    R + "not_reproduced": (),
    R + "unattested": (),
    R + "break_glass_taken": 0,
    R + "break_glass_unbounded": (),
    R + "owners_unheld": (),
    R + "owners_unlogged": (),
}
LISTS = {
    "tee.broker-key.no-way-around": R + "unattested",
    "tee.broker-key.releases-reproduced": R + "not_reproduced",
    "tee.broker.log-whole": "broker.log_broken",
    "tee.broker-key.break-glass-taken": R + "break_glass_unbounded",
    "tee.broker.debug-refused": "broker.debug_kinds",
    "tee.broker.twin-apart": "broker.debug_resources",
    "tee.broker-key.owners-hold": R + "owners_unheld",
    "tee.broker-key.release-per-owner": R + "owners_unlogged",
}
CASES: list[tuple[str, dict[str, Value], Status]] = [
    *((check, {}, P) for check in LISTS),
    *((check, {fact: ("something",)}, F) for check, fact in LISTS.items()),
    *((check, {fact: DOUBT}, U) for check, fact in LISTS.items()),
    *((check, {fact: (DOUBT,)}, U) for check, fact in LISTS.items()),
    *((check, {fact: ("something", DOUBT)}, F) for check, fact in LISTS.items()),
    ("tee.broker.policy-signed", {}, P),
    ("tee.broker.policy-signed", {"broker.policy_counts": False, "broker.policy_trouble": "1 signature of 2"}, F),
    ("tee.broker.policy-signed", {"broker.policy_counts": DOUBT}, U),
    ("tee.broker-key.attested", {}, P),
    ("tee.broker-key.attested", {R + "rule": None}, F),
    ("tee.broker-key.attested", {R + "open": True}, F),
    ("tee.broker-key.attested", {R + "owners_demandless": ("lab-b",)}, F),
    ("tee.broker-key.attested", {R + "rule": DOUBT}, U),
    ("tee.broker-key.break-glass", {}, P),
    ("tee.broker-key.break-glass", {R + "break_glass": True, R + "approvals": 2, R + "approvers": 3}, P),
    ("tee.broker-key.break-glass", {R + "break_glass": True, R + "approvals": 1, R + "approvers": 3}, F),
    ("tee.broker-key.break-glass", {R + "break_glass": True, R + "approvals": 2, R + "approvers": 1}, F),
    ("tee.broker-key.break-glass", {R + "break_glass": DOUBT}, U),
    ("tee.broker-key.owners-signed", {}, P),
    ("tee.broker-key.owners-signed", {R + "owners": ("lab-a",)}, N),
    ("tee.broker-key.owners-signed", {R + "owners_unsigned": ("lab-b",)}, F),
    ("tee.broker-key.owners-signed", {R + "owners_unmeasured": ("lab-b",)}, F),
    ("tee.broker-key.owners-signed", {R + "recipients": ()}, F),
    ("tee.broker-key.owners-signed", {R + "owners_unsigned": DOUBT}, U),
    ("art.broker-key.attested-only", {}, P),
    ("art.broker-key.attested-only", {R + "unattested": ("d1",)}, F),
    ("art.broker-key.attested-only", {R + "break_glass_taken": 2}, F),
    ("art.broker-key.attested-only", {R + "unattested": (DOUBT,)}, U),
    ("art.broker-key.not-exportable", {}, P),
    ("art.broker-key.not-exportable", {"key.exportable": True, "key.backend": "file"}, F),
    ("art.broker-key.not-exportable", {"key.exportable": DOUBT}, U),
    ("art.broker-key.rotation", {}, P),
    ("art.broker-key.rotation", {"key.newest": "2026-06-01T00:00:00Z"}, F),
    ("art.broker-key.rotation", {"key.newest": "2026-06-01T00:00:00Z", "key.tier": 1}, P),
    ("art.broker-key.rotation", {"key.newest": "2026-06-01T00:00:00Z", "key.tier": DOUBT}, U),
    ("art.broker-key.rotation", {"key.newest": "2026-11-01T00:00:00Z", "key.tier": DOUBT}, P),
    ("art.broker-key.rotation", {"key.newest": "2025-06-01T00:00:00Z", "key.tier": DOUBT}, F),
    ("art.broker-key.rotation", {"key.newest": "soon"}, U),
    ("art.broker-key.hsm", {}, P),
    ("art.broker-key.hsm", {"key.hsm": False}, F),
    ("art.broker-key.hsm", {"key.hsm": False, "key.tier": 1}, N),
    ("art.broker-key.hsm", {"key.hsm": DOUBT}, U),
    ("art.broker-key.hsm", {"key.hsm": False, "key.tier": DOUBT}, U),
    ("iam.broker.roles-apart", {}, P),
    ("iam.broker.roles-apart", {"broker.admins": ("ann: key-admin auditor",)}, F),
    ("iam.broker.roles-apart", {"broker.admins": ("ann: key-admin", "ann: policy-admin")}, F),
    ("iam.broker.roles-apart", {"broker.oidc_words": ("ops: key-admin policy-admin",)}, F),
    ("iam.broker.roles-apart", {"broker.oidc": "https://id.example"}, U),
    ("iam.broker.roles-apart", {"broker.admins": ()}, N),
]


@pytest.mark.parametrize(("check", "values", "status"), CASES)
def test_a_broker_is_judged(check: str, values: dict[str, Value], status: Status) -> None:
    """What holds passes, what is listed fails in spite of doubt, and what is not known is no pass."""
    found = catalogue().checks[check]
    held = BROKER if found.kinds == (Kind.KEY_VAULT,) else KEY
    assert judge(found, synthetic.asset(found.kinds[0], {**held, **values}), synthetic.NOW).status is status
