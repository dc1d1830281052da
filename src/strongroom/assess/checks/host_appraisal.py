"""Recorded appraisals: whether confidential hardware was verified in full, lately, and by a policy that is closed."""

from datetime import UTC, datetime

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_VERIFY = "strongroom attest verify EVIDENCE --policy FILE --references FILE --nonce HEX --record FILE"
_AGAIN = "strongroom assess attest:FOLDER no longer lists it"
_LEVELLESS = frozenset({"nitro", "gcp", "tpm", "nvidia", "nvswitch"})
_DEBUG = {
    "snp": "snp.policy.debug",
    "azure-snp": "snp.policy.debug",
    "azure-tdx": "tdx.td_attributes.debug",
    "gcp": "gcp.dbgstat",
    "tdx": "tdx.td_attributes.debug",
    "sgx": "sgx.attributes.debug",
    "nitro": "nitro.pcr_debug",
}
_TCB = ("snp.min_tcb", "tdx.tcb_status", "sgx.tcb_status")


@check(
    id="tee.appraisal.whole",
    title="The newest appraisal checked every mandatory step, and none failed",
    clause="TEE-02.full-appraisal",
    kinds=(Kind.HOST,),
    needs=("attest.tier",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "See which step failed or was not checked, and give what it lacks: collateral, reference values, a challenge.",
        command=_VERIFY,
        verify=_AGAIN,
        effort=Effort.MEDIUM,
    ),
    broken="its appraisal is {tier}: {steps}",
)
def whole(v: View) -> bool | Answer:
    """A confidential machine that nobody verified is an ordinary machine with a label."""
    failed, missing = v.texts("attest.failed"), v.texts("attest.not_checked")
    if failed:
        return broken(tier=v.text("attest.tier"), steps=f"failed {', '.join(failed)}")
    if missing:
        return broken(tier=v.text("attest.tier"), steps=f"not checked {', '.join(missing)}")
    return holds() if v.flag("attest.complete") else broken(tier=v.text("attest.tier"), steps="not complete")


@check(
    id="tee.appraisal.reproduced",
    title="The recorded verdict is reproduced from its own inputs",
    clause="TEE-02.full-appraisal",
    kinds=(Kind.HOST,),
    needs=("attest.reproduced",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Treat the record as forged until it is explained, and verify fresh evidence of the machine.",
        command="strongroom attest replay RECORD",
        verify="strongroom attest replay says that it is the same",
    ),
    broken="judged again, its inputs give another verdict than the one that is written there",
)
def reproduced(v: View) -> bool | Answer:
    """A verdict that its own evidence does not give was written by hand."""
    return v.flag("attest.reproduced")


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@check(
    id="tee.appraisal.current",
    title="The newest appraisal still holds",
    clause="TEE-04.sensitive-runs-confidential",
    kinds=(Kind.HOST,),
    needs=("attest.expires",),
    severity=Severity.HIGH,
    fix=Fix("Verify the machine again, and on an interval from then on.", command=_VERIFY, verify=_AGAIN),
    broken="it ended {expires}",
)
def current(v: View) -> bool | Answer:
    """What a machine was a month ago says little of what it runs today."""
    expires, at = _time(v.text("attest.expires")), _time(v.text("attest.at"))
    if expires is None or at is None:
        return unknown(Unknown(GapCode.MALFORMED, "the record's times are no times"))
    if at > v.now:
        return broken(expires=f"{at:%Y-%m-%d %H:%M} UTC is when it was made, which is not yet")
    return holds() if v.now <= expires else broken(expires=f"{expires:%Y-%m-%d %H:%M} UTC")


@check(
    id="tee.appraisal.reference",
    title="What runs equals signed reference values of a known image",
    clause="TEE-05.image-is-measured",
    kinds=(Kind.HOST,),
    needs=("attest.reference",),
    severity=Severity.HIGH,
    fix=Fix(
        "Measure the image that should run there, sign the values, and give them when verifying.",
        command="strongroom attest measure --help",
        verify=_AGAIN,
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def reference(v: View) -> bool | Answer:
    """Genuine hardware runs whatever it is given; only the measurement says what that is."""
    if not v.text("attest.reference"):
        return broken(why="its measurements equal no reference value")
    if not v.text("attest.image"):
        return broken(why="its reference values name no image that they belong to")
    return holds()


@check(
    id="tee.appraisal.tcb",
    title="Firmware and microcode are at the level that is demanded",
    clause="TEE-06.tcb-current",
    kinds=(Kind.HOST,),
    needs=("attest.checked",),
    severity=Severity.HIGH,
    fix=Fix(
        "Update the firmware and microcode of the machine, or name the least TCB in the appraisal policy.",
        command=_VERIFY,
        verify=_AGAIN,
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def tcb(v: View) -> bool | Answer:
    """Keys of old firmware are known to attackers: a machine that is behind can be made to sign anything."""
    if not set(v.texts("attest.kinds")) - _LEVELLESS:
        return not_applicable("evidence of this kind does not tell the level of the firmware under it")
    failed = [s for s in v.texts("attest.failed") if s in _TCB]
    if failed:
        status = v.text("attest.tcb_status") if v.has("attest.tcb_status") else ""
        return broken(why=f"{failed[0]} failed{f': it is {status}' if status else ''}")
    return holds() if set(_TCB) & set(v.texts("attest.checked")) else broken(why="its TCB was held against nothing")


@check(
    id="tee.appraisal.outdated-denied",
    title="An outdated TCB is refused by the policy",
    clause="TEE-06.outdated-is-denied",
    kinds=(Kind.HOST,),
    needs=("attest.tcb_accepted",),
    severity=Severity.HIGH,
    fix=Fix(
        "Take OutOfDate and Revoked from tcb_status in the policy; give a bounded grace_days where time is needed.",
        command="strongroom attest policy check FILE",
        verify=_AGAIN,
    ),
    broken="its policy takes {states}",
)
def outdated(v: View) -> bool | Answer:
    """A policy that takes what the vendor calls outdated has decided that known holes do not matter."""
    bad = [s for s in v.texts("attest.tcb_accepted") if s.startswith(("OutOfDate", "Revoked"))]
    return broken(states=", ".join(bad)) if bad else holds()


@check(
    id="tee.appraisal.debug-off",
    title="The evidence says that debugging is off",
    clause="TEE-08.debug-off",
    kinds=(Kind.HOST,),
    needs=("attest.checked",),
    severity=Severity.CRITICAL,
    fix=Fix("Start the workload without debugging; its host can read it.", command=_VERIFY, verify=_AGAIN),
    broken="{step} failed or was not checked",
)
def debug_off(v: View) -> bool | Answer:
    """A host that may debug a guest reads its memory, keys and weights included."""
    wanted = [_DEBUG[k] for k in v.texts("attest.kinds") if k in _DEBUG]
    if not wanted:
        return not_applicable("this kind of evidence has no debug attribute")
    missing = [step for step in wanted if step not in v.texts("attest.checked")]
    return broken(step=missing[0]) if missing else holds()


@check(
    id="tee.appraisal.fails-closed",
    title="With a fault in what it rests on, the same evidence opens nothing",
    clause="TEE-03.fails-closed",
    kinds=(Kind.HOST,),
    needs=("attest.drill",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Take the steps that the fault passed by out of [unchecked] in the appraisal policy, and verify again.",
        command="strongroom attest policy check FILE",
        verify=_AGAIN,
    ),
    broken="it still opened with {faults}",
)
def fails_closed(v: View) -> bool | Answer:
    """Collateral that is stale or gone, evidence that was changed, a challenge that nobody sent: each must deny. The
    record's own inputs are judged again with each of these faults.
    """
    faults = v.texts("attest.drill")
    return broken(faults=", ".join(faults)) if faults else holds()


@check(
    id="tee.kms-key.measurement-appraised",
    title="The measurements for which the key opens are those of appraised workloads",
    clause="TEE-01.keys-need-attestation",
    kinds=(Kind.KEY,),
    needs=("key.measurements_unseen",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Verify evidence of each workload that the key opens for, and take measurements that nobody runs out of its policy.",
        command=_VERIFY,
        verify="strongroom assess tf:DIR attest:FOLDER no longer lists it",
    ),
    broken="it opens for measurements that are not those of an appraised workload",
)
def measurement_appraised(v: View) -> bool | Answer:
    """A condition on a measurement is as good as what is known of that measurement: an old image still opens the key."""
    unseen = v.texts("key.measurements_unseen")
    if not unseen:
        return holds()
    shown = ", ".join(f"{text[:20]}…" for text in unseen[:3])
    return unknown(Unknown(GapCode.ABSENT, f"no appraisal that was given is of {shown}"))


CHECKS = (whole, reproduced, current, reference, tcb, outdated, debug_off, fails_closed, measurement_appraised)
