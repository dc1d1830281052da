"""A rule of isolation: that something enforces it, that somebody tried, and that nobody met whom he must not."""

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

_CLUSTER = (Kind.POLICY,)
_PROBE_DAYS, _HISTORY_DAYS, _GAP_HOURS, _FRESH_HOURS = 30, 30, 24, 24
_MEASURE = Fix(
    "Measure every node with GPUs once an hour, and put what is found into the log.",
    command="strongroom isolate drift --uses NODE.json --state STATE.json --record",
    verify="strongroom log list --kind drift shows an entry for each hour",
    effort=Effort.MEDIUM,
)


@check(
    id="gpu.isolation.kubernetes-enforced",
    title="The API server denies what the rule of isolation forbids",
    clause="GPU-01.enforced-by-scheduler",
    kinds=_CLUSTER,
    needs=("isolation.not_asked", "isolation.policies_differ", "isolation.not_denied"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Install the policies or the webhook as the rule is rendered, look at the report, and let the rule deny.",
        command="strongroom isolate render vap | kubectl apply -f -",
        verify="strongroom isolate probe --namespace NAME answers 0",
        effort=Effort.MEDIUM,
    ),
    broken="{why}",
)
def kubernetes_enforced(v: View) -> Answer:
    """A rule that only observes, or that a road passes by, is a report and no rule.

    Either is enough: policies that the API server holds by itself, or a webhook that is asked about everything and denies.
    """
    differ, asked = v.raw("isolation.policies_differ"), v.raw("isolation.not_asked")
    if differ == ():
        return holds()
    webhook = (asked, v.raw("isolation.not_denied"), v.raw("isolation.switched_off"))
    if all(value in ((), "") for value in webhook):
        return holds()
    doubts = [value for value in (differ, *webhook) if isinstance(value, Unknown)]
    if doubts:
        return unknown(*doubts)
    if webhook[2]:
        return broken(why=f"denials are switched off: {webhook[2]}")
    lacks = [text for value in webhook[:2] if isinstance(value, tuple) for text in value]
    policies = [str(text) for text in differ] if isinstance(differ, tuple) else []
    return broken(why=f"the webhook: {'; '.join(map(str, lacks[:3]))}. The policies: {'; '.join(policies[:3])}")


@check(
    id="gpu.isolation.slurm-enforced",
    title="Slurm asks the rule of isolation, and keeps devices from jobs",
    clause="GPU-01.enforced-by-scheduler",
    kinds=_CLUSTER,
    needs=("isolation.slurm_lacks",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Install the files that the rule is rendered to, and restart slurmctld and slurmd.",
        command="strongroom isolate render slurm --output /etc/slurm",
        verify="sbatch --gres=shard:1 of a sensitive account is refused",
        effort=Effort.MEDIUM,
    ),
    broken="{found}",
)
def slurm_enforced(v: View) -> Answer:
    """A label that is only looked at on submission can be stripped afterwards, and a device that is not withheld can be used."""
    found = v.texts("isolation.slurm_lacks")
    return broken(found="; ".join(found)) if found else holds()


@check(
    id="gpu.isolation.probed",
    title="What the rule of isolation forbids was tried, and rejected",
    clause="GPU-01.violation-rejected",
    kinds=_CLUSTER,
    needs=("isolation.probed",),
    severity=Severity.HIGH,
    fix=Fix(
        "Probe the cluster after each change of the rule, and every month.",
        command="strongroom isolate probe --kubeconfig FILE --namespace NAME",
        verify="strongroom isolate probe answers 0, and its entry is in the log",
    ),
    broken="{why}",
)
def probed(v: View) -> Answer:
    """That a policy object exists says nothing of a selector that misses the namespace, or of a service that answers yes."""
    if not v.flag("isolation.probed"):
        return broken(why="nobody has tried: no probe is in its log")
    if not v.flag("isolation.probe_passed"):
        return broken(why=f"the last probe did not pass: {v.text('isolation.probe_why')}")
    days = v.number("isolation.probe_days")
    if days > _PROBE_DAYS:
        return broken(why=f"the last probe was {days:.0f} days ago, and {_PROBE_DAYS} is the most")
    return holds() if v.flag("isolation.probe_rule") else broken(why="the last probe was of another rule")


@check(
    id="gpu.isolation.nobody-met",
    title="In 30 days nobody had a GPU beside whom he must not meet",
    clause="GPU-01.no-co-residency",
    kinds=_CLUSTER,
    needs=("isolation.history_count",),
    severity=Severity.HIGH,
    fix=_MEASURE,
    broken="{found}",
)
def nobody_met(v: View) -> Answer:
    """What is true now was perhaps not true last week. Only measures that were logged when they were made can say so."""
    if not v.number("isolation.history_count"):
        return unknown(_lacking("no measure of drift is in its log"))
    met = v.texts("isolation.history_met")
    if met:
        return broken(found="; ".join(met[:4]))
    days, gap = v.number("isolation.history_days"), v.number("isolation.history_gap")
    if days < _HISTORY_DAYS:
        return unknown(_lacking(f"its log goes back {days:.0f} days, and an audit is of {_HISTORY_DAYS}"))
    if gap > _GAP_HOURS:
        return unknown(_lacking(f"for {gap:.0f} hours nothing was measured, and {_GAP_HOURS} is the most"))
    unseen = v.texts("isolation.history_unmeasured")
    return unknown(_lacking(f"not measured: {', '.join(unseen[:4])}")) if unseen else holds()


def _lacking(why: str) -> Unknown:
    return Unknown(GapCode.ABSENT, why)


def _stale(v: View) -> Unknown | None:
    """Why a measure says nothing of now."""
    hours = v.number("isolation.measured_hours")
    if not 0 <= hours <= _FRESH_HOURS:
        return _lacking(f"the measure is {hours:.0f} hours old, and {_FRESH_HOURS} is the most")
    unseen = v.texts("isolation.unmeasured")
    return _lacking(f"not measured: {', '.join(unseen[:4])}") if unseen else None


def _now(v: View, name: str) -> Answer:
    """What a fresh and whole measure shows; what it found counts at any age."""
    found = v.texts(name)
    if found:
        return broken(found="; ".join(found[:4]))
    stale = _stale(v)
    return unknown(stale) if stale else holds()


@check(
    id="gpu.isolation.divided",
    title="GPUs of two tenants are divided by MIG",
    clause="GPU-02.mig-per-tenant",
    kinds=_CLUSTER,
    needs=("isolation.undivided", "isolation.measured_hours"),
    severity=Severity.HIGH,
    fix=Fix(
        "Give each tenant GPUs of its own, or a GPU instance of its own.",
        command="nvidia-smi -i GPU -mig 1",
        verify="strongroom isolate drift finds nothing",
        effort=Effort.MEDIUM,
    ),
    broken="{found}",
)
def divided(v: View) -> Answer:
    """Without MIG two tenants have one memory, one cache and one domain of faults."""
    return _now(v, "isolation.undivided")


@check(
    id="gpu.isolation.rungs",
    title="Nothing sensitive has less isolation than its label demands",
    clause="GPU-02.no-time-slicing",
    kinds=_CLUSTER,
    needs=("isolation.below_rung",),
    severity=Severity.HIGH,
    fix=Fix(
        "Move what is named to nodes that give it a whole GPU or a MIG instance.",
        command="strongroom isolate simulate --state STATE.json",
        verify="strongroom isolate simulate denies nothing",
        effort=Effort.MEDIUM,
    ),
    broken="{found}",
)
def rungs(v: View) -> Answer:
    """A share of time isolates nothing: those who take turns have memory, caches and faults in common."""
    found = (*v.texts("isolation.below_rung"), *v.texts("isolation.meeting"))
    return broken(found="; ".join(found[:4])) if found else holds()


@check(
    id="gpu.isolation.as-configured",
    title="What labels and configurations say of GPUs is what was measured",
    clause="GPU-02.config-equals-runtime",
    kinds=_CLUSTER,
    needs=("isolation.mismatch", "isolation.measured_hours"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Apply the configuration again, and drain the node until its GPUs are as it says.",
        command="kubectl cordon NODE",
        verify="strongroom isolate drift finds no fact-mismatch",
        effort=Effort.MEDIUM,
    ),
    broken="{found}",
)
def as_configured(v: View) -> Answer:
    """A scheduler places by labels: one that says MIG or confidential where neither is on gives away what it promises."""
    return _now(v, "isolation.mismatch")


@check(
    id="gpu.isolation.nothing-reaches",
    title="Nothing in the cluster has a way to GPUs past the scheduler",
    clause="GPU-07.only-approved-manage",
    kinds=_CLUSTER,
    needs=("isolation.reaching",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Take privileges, host paths and device variables away, or move what needs them into an exempt namespace.",
        command="strongroom isolate simulate --state STATE.json",
        verify="strongroom isolate simulate names no clause of section 4",
        effort=Effort.MEDIUM,
    ),
    broken="{found}",
)
def nothing_reaches(v: View) -> Answer:
    """A privilege, a device path or a variable is a road to every GPU of the node, whoever it was given to."""
    found = v.texts("isolation.reaching")
    return broken(found="; ".join(found[:4])) if found else holds()


@check(
    id="gpu.isolation.no-uninvited",
    title="No process is on a GPU that was not given to it",
    clause="GPU-07.only-approved-manage",
    kinds=_CLUSTER,
    needs=("isolation.uninvited", "isolation.measured_hours"),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Drain the node, end the process, scrub the GPU, and find the road by which it came.",
        command="kubectl cordon NODE",
        verify="strongroom isolate drift finds no process",
        effort=Effort.MEDIUM,
    ),
    broken="{found}",
)
def no_uninvited(v: View) -> Answer:
    """What the driver lists is what is there, whatever the API server believes."""
    return _now(v, "isolation.uninvited")


CHECKS = (
    kubernetes_enforced,
    slurm_enforced,
    probed,
    nobody_met,
    divided,
    rungs,
    as_configured,
    nothing_reaches,
    no_uninvited,
)
