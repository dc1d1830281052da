"""Slurm: what slurmctld asks when a job is sent or changed, what slurmd asks when it starts, and what keeps devices apart."""

from collections.abc import Mapping

from strongroom.isolate import slurm_job
from strongroom.isolate.rule import sensitive_labels
from strongroom.isolate.slurm_facts import Facts
from strongroom.isolate.targets._lua import JUDGE
from strongroom.model.isolate import Document, Rendering, Rule, Target

FACTS = "strongroom_facts.lua"
FOLDER = "/etc/slurm"
_PROLOG = """\
#!/bin/sh
# Judge a job again when it starts: a label may have risen while it waited, and a record may have been changed by root.
# It fails closed: without a verdict the node is drained, and the job is requeued and held.
set -u
# Columns of one width, of fields that no user writes words into: a name of a job could else pass for another field.
job=$(squeue -h -j "$SLURM_JOB_ID" -O "@FIELDS@") || { echo "gpu isolation: no record of the job" >&2; exit 1; }
exec strongroom isolate start --facts "${STRONGROOM_FACTS:-@FOLDER@/strongroom_facts.json}" --record "$job"
"""
_CGROUP = """\
# A job sees the devices that it was given, whatever its environment says (isolation rule, 8.6).
ConstrainDevices=yes
"""
_CONF = """\
# To be in slurm.conf: who is asked, and what a denial at the start does.
JobSubmitPlugins=lua
TaskPlugin=task/cgroup,task/affinity
ProctrackType=proctrack/cgroup
Prolog=@FOLDER@/strongroom_prolog.sh
PrologFlags=Alloc,Contain
"""


def lua(value: object) -> str:
    """A value as a Lua constructor."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return (
            '"' + "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else _escaped(c) for c in value) + '"'
        )
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"[{lua(k)}] = {lua(v)}" for k, v in value.items() if v is not None) + "}"
    assert isinstance(value, list | tuple)
    return "{" + ", ".join(lua(v) for v in value) + "}"


def _escaped(one: str) -> str:
    return "".join(f"\\{octet:03d}" for octet in one.encode("utf-8", "surrogatepass"))


def script(rule: Rule, facts: str = f"{FOLDER}/{FACTS}") -> str:
    """The judge with a rule in it; `facts` is where the facts of the cluster are."""
    raises = rule.sources.slurm.get("label", ())
    held = {
        "rank": {label: n for n, label in enumerate(rule.labels)},
        "least": {label: rule.require[label].least.depth for label in rule.labels},
        "sensitive": dict.fromkeys(sensitive_labels(rule), True),
        "missing": rule.sources.missing if rule.sources.missing in rule.labels else None,
        "qos_raises": "qos-raises" in raises,
        "mig": rule.meet.mig,
        "deny_unknown": rule.unknown == "deny-all",
    }
    return JUDGE.lstrip("\n").replace("@RULE@", lua(held)).replace('"@FACTS@"', lua(facts))


def facts_table(facts: Facts, uids: Mapping[str, str] | None = None) -> str:
    """The facts of a cluster for the judge; `uids` are names of users by number, where Slurm gives numbers alone."""
    default = [n for n, p in facts.partitions.items() if p.default]
    if not default and len(facts.partitions) == 1:
        default = list(facts.partitions)
    held = {
        "accounts": facts.accounts,
        "qos": facts.qos,
        "uids": dict(uids or {}),
        "users": {
            n: {"account": u.account, "qos": u.qos, "accounts": u.accounts or None} for n, u in facts.users.items()
        },
        "partitions": {
            n: {
                "gpus_per_node": p.gpus_per_node, "gpu_is": p.gpu_is, "cc": p.cc, "allow_accounts": p.allow_accounts,
                "oversubscribe": p.oversubscribe, "preempt": p.preempt, "island": p.island,
                "constrain_devices": p.constrain_devices, "tenant": p.tenant,
            }
            for n, p in facts.partitions.items()
        },
        "reservations": {n: {"accounts": a, "users": u} for n, (a, u) in facts.reservations.items()},
        "default_partitions": default,
    }  # fmt: skip
    return f"return {lua(held)}\n"


def prolog(folder: str = FOLDER) -> str:
    """The script that slurmd runs before a job."""
    fields = ",".join(f"{name}:{slurm_job.COLUMN}" for name in slurm_job.COLUMNS)
    return _PROLOG.replace("@FIELDS@", fields).replace("@FOLDER@", folder)


def _render(what: Rendering) -> tuple[Document, ...]:
    return (
        Document("job_submit.lua", script(what.rule)),
        Document(FACTS, facts_table(Facts())),
        Document("strongroom_prolog.sh", prolog()),
        Document("cgroup.conf", _CGROUP),
        Document("slurm.conf.part", _CONF.replace("@FOLDER@", FOLDER)),
    )


TARGET = Target(
    "slurm",
    "Slurm: job_submit.lua, prolog, cgroup.conf",
    "holds section 8 as jobs are sent, changed and started; without slurmdbd an account is what its user says, unless the "
    "facts name the accounts of users",
    _render,
)
