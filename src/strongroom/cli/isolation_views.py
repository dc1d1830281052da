"""What the commands of isolation print, in at most 80 columns."""

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from strongroom.app.isolation import Judged
from strongroom.app.isolation_drift import Measured
from strongroom.app.isolation_probe import Probed
from strongroom.app.isolation_report import Report
from strongroom.cli.lines import clean, line
from strongroom.isolate.probes import CONTROL, Outcome
from strongroom.isolate.slurm import Judged as JobJudged
from strongroom.model.isolate import SCHEMA, Reason, Rule

_MOST = 40  # objects that a table shows


def rule_lines(rule: Rule) -> Iterator[str]:
    """A rule for a person."""
    yield line("rule", rule.rule)
    for label in rule.labels:
        demand = rule.require[label]
        more = f", {', '.join(f'{k}={v}' for k, v in demand.cc.items())}" if demand.cc else ""
        sensitive = ", sensitive" if rule.sensitive(label) else ""
        yield f"{label:<14}{demand.least} or better{more}{sensitive}\n"
    yield line("exempt", ", ".join(rule.exempt_namespaces) or "no namespace")
    yield line("admins", ", ".join(w for words in rule.admins.values() for w in words) or "nobody")
    yield line("mode", _modes(rule))


def _modes(rule: Rule) -> str:
    modes = [rule.rollout.default.value]
    modes += [f"{k}: {v}" for k, v in (*rule.rollout.clauses.items(), *rule.rollout.namespaces.items())]
    return ", ".join(modes)


def reason(found: Reason) -> dict[str, str]:
    """A reason as JSON has it."""
    return found._asdict()


def simulation_lines(found: Iterable[Judged], *, every: bool) -> Iterator[str]:
    """What would become of a dump, for a person."""
    rows = list(found)
    denied = [j for j in rows if not j.verdict.allowed]
    exempt = sum(bool(j.verdict.exempt) for j in rows)
    yield line("judged", f"{len(rows)} objects, of which {exempt} are exempt")
    yield line("denied", str(len(denied)))
    clauses = Counter(r.clause for j in denied for r in j.verdict.reasons[:1])
    for clause, count in sorted(clauses.items()):
        yield line(f"  {clause}", str(count))
    shown = rows if every else denied
    if shown:
        yield "\n"
    for judged in shown[:_MOST]:
        yield from _one(judged)
    if len(shown) > _MOST:
        yield f"and {len(shown) - _MOST} more: --format jsonl\n"


def _one(judged: Judged) -> Iterator[str]:
    verdict = judged.verdict
    word = "exempt" if verdict.exempt else "allow" if verdict.allowed else "DENY"
    yield line(word, f"{judged.kind} {judged.namespace}/{judged.name}")
    for found in verdict.reasons[:3]:
        yield line("", clean(str(found)))


def simulation_json(found: Iterable[Judged], format_: str, *, every: bool) -> Iterator[str]:
    """The same as one document, or a line for each object."""
    rows = [
        {
            "schema": SCHEMA, "kind": j.kind, "namespace": j.namespace, "name": j.name,
            "verdict": "allow" if j.verdict.allowed else "deny", "exempt": j.verdict.exempt,
            "reasons": [reason(r) for r in j.verdict.reasons],
        }
        for j in found
        if every or not j.verdict.allowed
    ]  # fmt: skip
    if format_ == "jsonl":
        yield from (msgspec.json.encode(row).decode() + "\n" for row in rows)
        return
    yield msgspec.json.format(msgspec.json.encode({"schema": SCHEMA, "objects": rows}), indent=2).decode() + "\n"


def job_lines(found: JobJudged) -> Iterator[str]:
    """The verdict on a job, for a person."""
    yield line("verdict", "allow" if found.verdict.allowed else "DENY")
    yield line("account", f"{found.tenant or 'none'} ({found.label or 'no label'})")
    if found.rung:
        yield line("rung", found.rung)
    for one in found.verdict.reasons:
        yield line("because", str(one))


def report_lines(found: Report, entry: int | None) -> Iterator[str]:
    """A report of admission, for a person."""
    yield line("report", found.digest)
    for rule in found.rules:
        yield line("rule", rule)
    for one in found.lines:
        yield "\n" + line(one.mode, f"{one.clause} {one.road}: {one.count} times")
        yield line("whose", f"{one.namespace or 'the cluster'}{f', tenant {one.tenant}' if one.tenant else ''}")
        yield line("since", f"{one.first:%Y-%m-%d %H:%M:%S} to {one.last:%Y-%m-%d %H:%M:%S} UTC")
        yield line("objects", ", ".join(one.objects))
        if one.users:
            yield line("by", ", ".join(one.users))
        yield line("found", one.found)
    if entry is not None:
        yield "\n" + line("log entry", f"{entry}: reviewed")


def drift_lines(measured: Measured, format_: str, entry: int | None = None) -> Iterator[str]:
    """What has drifted: for a person, or a line of JSON each."""
    found = measured.found
    if format_ == "jsonl":
        yield from (msgspec.json.encode({"schema": SCHEMA, **one._asdict()}).decode() + "\n" for one in found)
        return
    yield line("measured", f"{len(measured.uses.gpus)} GPUs of {len(measured.uses.measured)} nodes")
    yield line("drift", f"{len(found)} findings" if found else "none")
    for one in found:
        yield "\n" + line(one.code, "")
        yield line("  where", f"{one.gpu} of {one.node}")
        yield line("  found", one.found)
    if measured.unmeasured:
        yield "\n" + line("unmeasured", ", ".join(measured.unmeasured[:8]))
    for text in measured.uses.blind[:8]:
        yield line("not seen", clean(text))
    if entry is not None:
        yield "\n" + line("log entry", str(entry))


def probe_lines(found: Probed, entry: int) -> Iterator[str]:
    """What became of probes, for a person."""
    yield line("cluster", f"{found.server}, namespace {found.namespace}")
    for one in found.answers:
        mark = {Outcome.REJECTED: "rejected", Outcome.LET_IN: "LET IN", Outcome.UNTRIED: "untried"}[one.outcome]
        told = "let in, as it must be" if one.name == CONTROL and one.outcome is Outcome.LET_IN else one.by
        yield line("control" if one.name == CONTROL else mark, f"{one.name}{f': {clean(told)}' if told else ''}")
    word = {True: "passed", False: "FAILED", None: "cannot tell"}[found.told.passed]
    yield "\n" + line(word, clean(found.told.why))
    yield line("log entry", str(entry))
