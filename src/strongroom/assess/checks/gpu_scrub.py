"""One accelerator between two tenants: what a log of scrubs shows of it."""

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

_FRESH = 30  # days that a leak test is good for
_SHOWN = 3
_INSTALL = "strongroom isolate render scrub -o slurm/"
_NO_FAILURE = "the log has no failure of it"


def _some(texts: tuple[str, ...]) -> str:
    more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more


@check(
    id="gpu.scrub.recorded",
    title="Between any two jobs on the GPU the log has a verified scrub",
    clause="GPU-03.scrub-record",
    kinds=(Kind.GPU,),
    needs=("scrub.starts", "scrub.starts_unscrubbed"),
    severity=Severity.HIGH,
    fix=Fix(
        "Have the epilog hand each GPU over, and the prolog ask whether it is ready: both write into the log.",
        command=_INSTALL,
        verify="strongroom log list shows handovers between starts",
        effort=Effort.MEDIUM,
    ),
    broken="jobs started without a verified scrub before them: {jobs}",
)
def recorded(v: View) -> Answer:
    """A record for each handover is the only thing that later shows that nobody got what the tenant before had left; the
    prolog's own entries say between which jobs there had to be one.
    """
    jobs = v.texts("scrub.starts_unscrubbed")
    if jobs:
        return broken(jobs=_some(jobs))
    if not v.number("scrub.starts"):
        return unknown(Unknown(GapCode.ABSENT, "the log has no start of a job on it: the prolog does not ask"))
    return holds()


@check(
    id="gpu.scrub.canary-clean",
    title="A leak test on the GPU found nothing that another process left",
    clause="GPU-03.canary-clean",
    kinds=(Kind.GPU,),
    needs=("scrub.canary",),
    severity=Severity.HIGH,
    fix=Fix(
        "Find out which driver or setting leaves memory as it was, and test again.",
        command="strongroom scrub leak-test --gpu <uuid>",
        verify="strongroom scrub leak-test --gpu <uuid> says clean",
    ),
    broken="a leak test found what another process left: {where}",
)
def canary(v: View) -> Answer:
    """What a driver is set to do is a hope; canaries that are planted in one process and looked for in another are a
    test, and its controls show that it can find them.
    """
    if v.raw("scrub.canary") is None:
        return unknown(Unknown(GapCode.ABSENT, "the log has no leak test of it: strongroom scrub leak-test"))
    outcome = v.text("scrub.canary")
    if outcome == "leak":
        return broken(where=_some(v.texts("scrub.canary_where")))
    if outcome != "clean":
        return unknown(
            Unknown(GapCode.OUTSIDE, f"the leak test could not tell: {_some(v.texts('scrub.canary_where'))}")
        )
    days = v.number("scrub.canary_days")
    if days > _FRESH:
        return unknown(
            Unknown(GapCode.NOT_FETCHED, f"the last leak test is {days} days old, at most {_FRESH} are wanted")
        )
    return holds()


@check(
    id="gpu.scrub.gate",
    title="No job starts on the GPU before its handover ended well",
    clause="GPU-03.not-schedulable-until",
    kinds=(Kind.GPU,),
    needs=("scrub.starts", "scrub.starts_ungated"),
    severity=Severity.HIGH,
    fix=Fix(
        "Let the prolog end with what `scrub ready` says, and let nothing start jobs around it.",
        command=_INSTALL,
        verify="strongroom scrub ready --node <node> --gpu <uuid> exits 1 while a handover is open",
    ),
    broken="jobs started while their GPU was not handed over: {jobs}",
)
def gate(v: View) -> Answer:
    """A scrub that fails is worth nothing where the next job starts all the same."""
    jobs = v.texts("scrub.starts_ungated")
    if jobs:
        return broken(jobs=_some(jobs))
    if not v.number("scrub.starts"):
        return unknown(Unknown(GapCode.ABSENT, "the log has no start of a job on it: the prolog does not ask"))
    return holds()


@check(
    id="gpu.scrub.failure-path",
    title="After each failure the GPU was cordoned, reset, scrubbed and found healthy before it was given back",
    clause="GPU-04.failure-path",
    kinds=(Kind.GPU,),
    needs=("scrub.failures", "scrub.failure_faults"),
    severity=Severity.HIGH,
    fix=Fix(
        "Hand GPUs over by one program after failures too, and let nobody resume a node by hand in between.",
        command="strongroom scrub handover --scheduler slurm --node <node> --gpu <uuid> --cause xid:<number>",
        verify="strongroom log list shows cordon, reset, scrub, health, uncordon",
        effort=Effort.MEDIUM,
    ),
    broken="handovers after a failure that went another way: {faults}",
)
def failure_path(v: View) -> Answer:
    """Whoever can crash a victim and be the next in the queue gets its memory, unless a failure takes the longer way."""
    faults = v.texts("scrub.failure_faults")
    if faults:
        return broken(faults=_some(faults))
    return holds() if v.number("scrub.failures") else not_applicable(_NO_FAILURE)


@check(
    id="gpu.scrub.log-in-order",
    title="The log shows that way in the order of time",
    clause="GPU-04.log-in-order",
    kinds=(Kind.GPU,),
    needs=("scrub.failures", "scrub.log_faults"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Audit the log, and find who wrote entries with another clock.",
        command="strongroom log audit",
        verify="strongroom log audit exits 0",
    ),
    broken="{faults}",
)
def in_order(v: View) -> Answer:
    """Steps that were written down afterwards, or in another order, show nothing of what was done when."""
    faults = v.texts("scrub.log_faults")
    if faults:
        return broken(faults=_some(faults))
    return holds() if v.number("scrub.failures") else not_applicable(_NO_FAILURE)


CHECKS = (recorded, canary, gate, failure_path, in_order)
