"""The checks of recorded appraisals, each where it passes, fails and cannot tell."""

import msgspec
import pytest

import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.assess.derive.attested_keys import derive
from strongroom.assess.judge import judge
from strongroom.model.codes import Status
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.values import Condition, Statement, Value

P, F, U, N = Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE
DOUBT = synthetic.NOT_KNOWN
A = "attest."
GOOD: dict[str, Value] = {
    A + "kind": "tdx",
    A + "kinds": ("tdx",),
    A + "tier": "affirming",
    A + "complete": True,
    A + "failed": (),
    A + "not_checked": (),
    A + "checked": ("tdx.tcb_status", "tdx.td_attributes.debug"),
    A + "at": "2026-11-22T11:00:00+00:00",
    A + "expires": "2026-11-23T11:00:00+00:00",
    A + "reproduced": True,
    A + "tcb_accepted": ("UpToDate",),
    A + "tcb_status": "UpToDate",
    A + "reference": "server 1.4",
    A + "image": "sha256:00",
}

CASES: list[tuple[str, dict[str, Value], Status]] = [
    ("tee.appraisal.whole", {}, P),
    ("tee.appraisal.whole", {A + "failed": ("tdx.quote_sig",), A + "tier": "contraindicated"}, F),
    ("tee.appraisal.whole", {A + "not_checked": ("tdx.pck_crl",), A + "complete": False, A + "tier": "none"}, F),
    ("tee.appraisal.whole", {A + "complete": False}, F),
    ("tee.appraisal.whole", {A + "failed": DOUBT}, U),
    ("tee.appraisal.reproduced", {}, P),
    ("tee.appraisal.reproduced", {A + "reproduced": False}, F),
    ("tee.appraisal.reproduced", {A + "reproduced": DOUBT}, U),
    ("tee.appraisal.current", {}, P),
    ("tee.appraisal.current", {A + "expires": "2026-11-22T11:30:00+00:00"}, F),
    ("tee.appraisal.current", {A + "at": "2026-12-01T00:00:00+00:00", A + "expires": "2026-12-02T00:00:00+00:00"}, F),
    ("tee.appraisal.current", {A + "expires": "soon"}, U),
    ("tee.appraisal.reference", {}, P),
    ("tee.appraisal.reference", {A + "image": None}, F),
    ("tee.appraisal.reference", {A + "reference": None}, F),
    ("tee.appraisal.tcb", {}, P),
    ("tee.appraisal.tcb", {A + "failed": ("tdx.tcb_status",), A + "tcb_status": "OutOfDate"}, F),
    ("tee.appraisal.tcb", {A + "checked": ("snp.signature",), A + "kinds": ("snp",)}, F),
    ("tee.appraisal.tcb", {A + "kinds": ("nitro",), A + "checked": ()}, N),
    ("tee.appraisal.outdated-denied", {}, P),
    ("tee.appraisal.outdated-denied", {A + "tcb_accepted": ("UpToDate", "OutOfDate")}, F),
    ("tee.appraisal.fails-closed", {A + "drill": ()}, P),
    ("tee.appraisal.fails-closed", {A + "drill": ("no challenge",)}, F),
    ("tee.appraisal.debug-off", {}, P),
    ("tee.appraisal.debug-off", {A + "checked": ("tdx.quote_sig",)}, F),
    ("tee.appraisal.debug-off", {A + "kinds": ("another",)}, N),
]


@pytest.mark.parametrize(("check", "values", "status"), CASES)
def test_a_recorded_appraisal_is_judged(check: str, values: dict[str, Value], status: Status) -> None:
    """What was verified in full passes, a failure fails, and a fact that is not known is no pass."""
    asset = synthetic.asset(Kind.HOST, {**GOOD, **values})
    assert judge(catalogue().checks[check], asset, synthetic.NOW).status is status


PCR0 = "ab" * 48


def key(value: str) -> Asset:
    """A key that opens for one measurement."""
    names = Condition("StringEqualsIgnoreCase", "kms:recipientattestation:imagesha384", (value,))
    opens = Statement("allow", ("AWS:arn:aws:iam::1:role/enclave",), actions=("kms:decrypt",), conditions=(names,))
    return synthetic.asset(Kind.KEY, {"policy.statements": (opens,)}, name="k")


@pytest.mark.parametrize(("value", "status"), [(PCR0, P), (PCR0.upper(), P), ("cd" * 48, U)])
def test_a_key_opens_for_what_was_appraised(value: str, status: Status) -> None:
    """A measurement of an appraised workload passes, whatever its case; one of which no appraisal was given is unknown."""
    host = synthetic.asset(Kind.HOST, {**GOOD, A + "measured": (f"pcr0={PCR0}",)}, name="h")
    estate = Estate((host, key(value)), (), (), synthetic.NOW)
    facts = {fact.name: fact for _, fact in derive(estate)}
    asked = msgspec.structs.replace(key(value), facts={**key(value).facts, **facts})
    check = catalogue().checks["tee.kms-key.measurement-appraised"]
    assert judge(check, asked, synthetic.NOW).status is status
    assert list(derive(msgspec.structs.replace(estate, assets=(key(value),)))) == []
