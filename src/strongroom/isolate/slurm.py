"""The judge of jobs of Slurm (isolation rule, section 8): as they are sent, changed, requeued, and started."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from strongroom.isolate import slurm_job
from strongroom.isolate.slurm_facts import Facts, Partition, User
from strongroom.isolate.slurm_job import Gres, Job
from strongroom.model.errors import BadInput, Malformed
from strongroom.model.isolate import Reason, Rule, Rung, Verdict, worst

_JOBS = ("job", "current", "record", "job_rec", "before", "old")
_CHANGES = ("change", "changes", "update", "modify", "modification", "job_desc", "new")
_PARTS = ("components", "het", "het_components", "hetjob", "het_job")
_FEATURE = "cc"


class Asker(NamedTuple):
    """Whose a job is: account and label, as QOS raises it; without a label, why."""

    tenant: str
    label: str | None
    why: str = ""


class Judged(NamedTuple):
    """The verdict on a job, and what it was judged as; the rung is the least of its partitions."""

    verdict: Verdict
    tenant: str = ""
    label: str = ""
    rung: str = ""


def judge(rule: Rule, facts: Facts, table: object) -> Judged:
    """What becomes of a job, a change to one (`{"job": …, "change": …}`), or a step (`{"job": …, "step": …}`).

    Whatever of it cannot be read is denied.
    """
    try:
        return _judge(rule, facts, table)
    except BadInput as e:
        return Judged(Verdict((Reason("7", "malformed", f"{e.subject}: {e.found}", e.wanted),)))


def _judge(rule: Rule, facts: Facts, table: object) -> Judged:
    if isinstance(table, list):
        return _all(rule, facts, [_object(part) for part in table])
    held = _object(table)
    base = next((_object(held[k]) for k in _JOBS if k in held), held)
    if "step" in held and isinstance(held["step"], dict | list):
        return _step(rule, facts, base, held["step"])
    change = next((_object(held[k]) for k in _CHANGES if isinstance(held.get(k), dict)), None)
    if change is not None:
        if change and slurm_job.harmless(change):
            return _judged(rule, facts, base)._replace(verdict=Verdict())
        return _judged(rule, facts, merged(base, change))
    return _judged(rule, facts, base)


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Malformed(slurm_job.SUBJECT, f"{str(value)[:40]}", "an object")
    return value


def merged(base: Mapping[str, object], change: Mapping[str, object]) -> dict[str, object]:
    """A job as it is after a change: what the change says, in whichever spelling, takes the place of what was said."""
    said = slurm_job.fields(change)
    return {**{k: v for k, v in base.items() if not said & slurm_job.fields({k: v})}, **change}


def _judged(rule: Rule, facts: Facts, table: Mapping[str, object]) -> Judged:
    parts = next((table[k] for k in _PARTS if isinstance(table.get(k), list)), None)
    if isinstance(parts, list):
        common = {k: v for k, v in table.items() if k not in _PARTS}
        return _all(rule, facts, [merged(common, _object(part)) for part in parts] or [common])
    return one(rule, facts, slurm_job.read(table))


def _all(rule: Rule, facts: Facts, parts: list[dict[str, object]]) -> Judged:
    """A job of several components: one that is denied denies all (8.9)."""
    found = [_judged(rule, facts, part) for part in parts]
    if not found:
        raise Malformed(slurm_job.SUBJECT, "no component", "at least one")
    first = next((f for f in found if not f.verdict.allowed), found[0])
    return first._replace(verdict=Verdict(tuple(dict.fromkeys(r for f in found for r in f.verdict.reasons))))


def _step(rule: Rule, facts: Facts, base: Mapping[str, object], step: object) -> Judged:
    """Steps ask within their job: of a rung that it did not get there is nothing to ask (8.8)."""
    job = slurm_job.read(base)
    asker = who(rule, facts, job)
    had = {_kind(g) for g in job.asked}
    for one_ in step if isinstance(step, list) else [step]:
        for asked in slurm_job.read(_object(one_)).asked:
            if _kind(asked) not in had:
                reason = Reason("8.8", f"slurm-{asked.kind}", f"a step that asks {_shown(asked)}", "what its job got")
                return Judged(Verdict((reason,)), asker.tenant, asker.label or "")
    return Judged(Verdict(), asker.tenant, asker.label or "")


def _kind(found: Gres) -> str:
    """What rung a request is of, where a request without a type may get what one with a type names."""
    return found.kind


def _shown(found: Gres) -> str:
    return f"{found.kind}{f':{found.type}' if found.type else ''}:{found.number}"


def who(rule: Rule, facts: Facts, job: Job) -> Asker:
    """The account and the label of a job (1.3)."""
    user = facts.users.get(job.user, User())
    account, qos = job.account or user.account, job.qos or user.qos
    if not account:
        return Asker("", None, f"user {job.user or 'nobody'} names no account and has no default one")
    if user.accounts and account not in {*user.accounts, user.account}:
        return Asker(account, None, f"account {account} is not one of user {job.user}")
    label = facts.accounts.get(account)
    if label is None and rule.sources.missing in rule.labels:
        label = rule.sources.missing
    if label not in rule.labels:
        return Asker(
            account, None, f"account {account} has {'no label' if label is None else f'the label {label[:40]!r}'}"
        )
    raised = facts.qos.get(qos) if "qos-raises" in rule.sources.slurm.get("label", ()) else None
    if raised is None:
        return Asker(account, label)
    if raised not in rule.labels:
        return Asker(account, None, f"QOS {qos} has the label {raised[:40]!r}")
    return Asker(account, max(label, raised, key=rule.rank))


def one(rule: Rule, facts: Facts, job: Job) -> Judged:
    """What becomes of one job: in each of its partitions, of which the worst counts."""
    asker = who(rule, facts, job)
    names = job.partitions or tuple(n for n, p in facts.partitions.items() if p.default)
    if not names and len(facts.partitions) == 1:
        names = tuple(facts.partitions)
    found: list[Reason] = []
    rungs: list[Rung] = []
    if job.asked and asker.label is None:
        found.append(Reason("1.6", "no-label", asker.why, "an account with one of the labels"))
    for name in names or ("",):
        partition = facts.partitions.get(name)
        if partition is None:
            found += _unknown(rule, asker, job, name)
            continue
        rungs += [rung(partition, job, asked) for asked in job.asked]
        found += _in(rule, facts, asker, job, name, partition)
    found += _reserved(rule, facts, asker, job) if job.asked else ()
    least = worst(rungs).value if rungs else ""
    return Judged(Verdict(tuple(dict.fromkeys(found))), asker.tenant, asker.label or "", least)


def _unknown(rule: Rule, asker: Asker, job: Job, name: str) -> Iterator[Reason]:
    sensitive = asker.label is None or rule.sensitive(asker.label) or rule.unknown == "deny-all"
    if sensitive and (job.asked or asker.label is not None):
        yield Reason("8.2", "unknown-partition", f"partition {name or 'of no name'}, which is not known", "one that is")


def rung(partition: Partition, job: Job, asked: Gres) -> Rung:
    """What somebody has who got it in a partition."""
    if asked.kind == "shard" or partition.shares:
        return Rung.SHARED
    if asked.kind == "mps":
        return Rung.MPS
    if asked.slice or partition.gpu_is == "mig":
        return Rung.MIG
    if partition.gpu_is != "whole":
        return Rung.UNKNOWN
    confidential = partition.cc or slurm_job.requires(job.constraint, _FEATURE)
    return Rung.CC_WHOLE if confidential else Rung.WHOLE


def _in(rule: Rule, facts: Facts, asker: Asker, job: Job, name: str, partition: Partition) -> Iterator[Reason]:
    if not job.asked:
        if partition.gpus_per_node and not partition.constrain_devices:
            yield Reason(
                "8.6", "unconstrained", f"partition {name}, whose devices every job sees", "ConstrainDevices=yes"
            )
        return
    if partition.tenant and partition.tenant != asker.tenant:
        yield Reason("8.2", "tenant-partition", f"partition {name}, which is {partition.tenant}'s", "another partition")
    if asker.label is None:
        return
    least = rule.require[asker.label].least
    for asked in job.asked:
        have = rung(partition, job, asked)
        if have is Rung.UNKNOWN and not rule.sensitive(asker.label) and rule.unknown != "deny-all":
            continue
        if have.depth > least.depth:
            found = f"{_shown(asked)} in partition {name} is {have}"
            yield Reason("8.3", f"slurm-{asked.kind}", found, f"{least} or better for {asker.label}")
    if rule.sensitive(asker.label):
        yield from _sensitive(rule, facts, asker, job, name, partition)


def _sensitive(rule: Rule, facts: Facts, asker: Asker, job: Job, name: str, partition: Partition) -> Iterator[Reason]:
    """What a sensitive job must have beside its rung: neighbours of its label, an island of its own, nobody let in."""
    rungs = [rung(partition, job, asked) for asked in job.asked]
    if Rung.MIG in rungs and rule.meet.mig != "anybody":
        others = sorted(a for a in partition.allow_accounts if facts.accounts.get(a) != asker.label)
        if not partition.allow_accounts or others:
            found = f"partition {name}, which {', '.join(others[:4]) or 'every account'} may use"
            yield Reason("8.3", "mig-neighbour", found, f"one for accounts of the label {asker.label} alone")
    whole = {Rung.WHOLE, Rung.CC_WHOLE} & set(rungs)
    if whole and partition.island > 1 and not (job.exclusive or partition.exclusive or _all_of_nodes(job, partition)):
        found = f"a part of the GPUs of nodes of {name}, which are islands of {partition.island}"
        yield Reason("8.4", "nvlink-island", found, "all of them, or --exclusive")
    if job.oversubscribe:
        yield Reason("8.5", "oversubscribe", "--oversubscribe", "GPUs of its own")


def _all_of_nodes(job: Job, partition: Partition) -> bool:
    """Whether a job gets every GPU of every node that it can get."""
    total = max(job.gpus("job"), job.gpus("task") * job.tasks)
    have = partition.gpus_per_node
    return have > 0 and (job.gpus("node") >= have or (job.nodes > 0 and total >= job.nodes * have))


def _reserved(rule: Rule, facts: Facts, asker: Asker, job: Job) -> Iterator[Reason]:
    for name in job.reservations:
        found = facts.reservations.get(name)
        if found is None:
            if asker.label is None or rule.sensitive(asker.label) or rule.unknown == "deny-all":
                yield Reason("8.9", "unknown-reservation", f"reservation {name}, which is not known", "one that is")
            continue
        accounts, users = found
        if (accounts or users) and asker.tenant not in accounts and job.user not in users:
            owner = ", ".join((*accounts, *users)[:3])
            yield Reason("8.9", "reservation", f"reservation {name}, which is {owner}'s", "no other tenant's")
