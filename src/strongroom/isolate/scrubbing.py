"""What a scrub and a leak test come to. Scrubbed and clean are said only where everything speaks for it."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from strongroom.kit.scrub_pattern import WORD
from strongroom.model.scrub import (
    ATTACKS,
    CONTROLS,
    PASSES,
    SWEEPS,
    Case,
    Cover,
    LeakReport,
    LeakVerdict,
    Mig,
    Outcome,
    Remains,
    ScrubReport,
    ScrubVerdict,
    Standing,
    Step,
    Tried,
)

FLUSHES, FLUSH = 2, 2  # after each writing pass; times the size of the cache
_HEX = "[0-9a-f]"
_NAMED = re.compile(
    rf"(?:GPU|MIG)-{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"  # NVIDIA
    rf"|GPU-{_HEX}{{16}}"  # AMD
    r"|CPU-[\w.-]{1,60}",  # an emulated card
    re.IGNORECASE,
)
_MOST = 5


class Terms(NamedTuple):
    """What is enough, in thousandths: of all memory for a scrub, of each unit's, of all memory for an attacker."""

    reached: int = 980
    of_unit: int = 950
    scanned: int = 900


TERMS = Terms()


def named(uuid: str) -> bool:
    """Whether it is the UUID of one GPU or instance. An index is none: it means another GPU after a reboot."""
    return _NAMED.fullmatch(uuid) is not None


def refusals(uuid: str, standing: Standing) -> tuple[str, ...]:
    """What speaks against touching a GPU as it stands."""
    return tuple(_refusals(uuid, standing))


def _refusals(uuid: str, standing: Standing) -> Iterator[str]:
    def why(name: str) -> str:
        return standing.unknown.get(name, "no reason")

    if not named(uuid) or standing.uuid != uuid:
        yield f"{standing.uuid[:60]} is not the UUID that was named"
    if standing.mig is Mig.ON:
        names = ", ".join(standing.instances) or "none yet"
        yield f"it is partitioned (MIG): name its instances, each by its own UUID: {names}"
    elif standing.mig is Mig.PART:
        yield "a compute instance that has a part of its slice: it does not reach the other multiprocessors of it"
    elif standing.mig is Mig.UNKNOWN:
        yield f"cannot tell whether it is partitioned (MIG): {why('mig')}"
    if standing.occupants is None:
        yield f"cannot tell whether processes remain: {why('occupants')}"
    elif standing.occupants:
        some = ", ".join(f"{o.pid} {o.name}".strip() for o in standing.occupants[:_MOST])
        yield f"{len(standing.occupants)} processes remain: {some}"
    if standing.mps is None:
        yield f"cannot tell whether MPS is alive: {why('mps')}"
    elif standing.mps:
        yield f"MPS is alive: {', '.join(standing.mps[:_MOST])}"
    if standing.bytes_total is None:
        yield f"cannot tell how much memory it has: {why('bytes_total')}"


def judge_scrub(report: ScrubReport, terms: Terms = TERMS) -> ScrubVerdict:
    """What a scrub came to, and what was found before anything was written."""
    reasons = tuple(dict.fromkeys(_speaks_against(report, terms)))
    remains, octets, where = _remains(report)
    return ScrubVerdict(Outcome.NOT_SCRUBBED if reasons else Outcome.SCRUBBED, reasons, remains, octets, where)


def _speaks_against(report: ScrubReport, terms: Terms) -> Iterator[str]:
    if report.failure is not None:
        yield f"{report.failure.step}: {report.failure.reason}"
        return  # what was not done after it is no reason of its own
    if report.before is None:
        yield "nobody looked at it before"
    else:
        yield from _refusals(report.uuid, report.before)
    if report.gpu is None or report.gpu.uuid != report.uuid:
        yield "no context on the GPU that was named"
    yield from _reach(report, terms)
    yield from _passes(report)
    yield from _sweeps(report, terms)
    yield from _after(report)


def _reach(report: ScrubReport, terms: Terms) -> Iterator[str]:
    total, taken = report.bytes_total, report.bytes_taken
    if not total:
        yield "cannot tell how much memory it has"
    elif taken > total:
        yield f"{taken} octets of {total}: more than there are"
    elif taken * 1000 <= total * terms.reached:
        yield f"{taken} of {total} octets were reached ({taken * 1000 // total / 10} %), more than {terms.reached / 10} % are wanted"
    if report.bytes_verified != taken:
        yield f"{report.bytes_verified} of {taken} octets are verified"


def _passes(report: ScrubReport) -> Iterator[str]:
    steps = tuple(p.step for p in report.passes)
    if steps != PASSES:
        missing = [s for s in PASSES if s not in steps]
        yield f"passes that were not done: {', '.join(missing)}" if missing else "passes in another order"
    for p in report.passes:
        if p.bytes != report.bytes_taken:
            yield f"{p.step}: {p.bytes} of {report.bytes_taken} octets"
        if p.wrong_words:
            yield f"{p.step}: {p.wrong_words} words are not as they were written, the first at {p.first}"
    cache = FLUSH * report.gpu.l2_bytes if report.gpu else 0
    if not cache or len(report.flushed) < FLUSHES or min(report.flushed) < cache:
        yield f"the cache was not flushed: {', '.join(map(str, report.flushed)) or 'no'} octets, {cache or 'an unknown number'} are wanted"


def _sweeps(report: ScrubReport, terms: Terms) -> Iterator[str]:
    found = {s.step: s.cover for s in report.sweeps}
    for step in SWEEPS:
        if step not in found:
            yield f"{step}: not done"
        else:
            yield from _sweep(step, found[step], terms)


def _sweep(step: Step, cover: Cover, terms: Terms) -> Iterator[str]:
    if cover.units < max(1, cover.units_total):
        yield f"{step}: {cover.units} of {cover.units_total} units"
    if cover.bytes_each * 1000 < max(1, cover.bytes_each_total) * terms.of_unit:
        yield f"{step}: {cover.bytes_each} of {cover.bytes_each_total} octets of each unit"
    if cover.wrong_words:
        yield f"{step}: {cover.wrong_words} that would not go"


def _after(report: ScrubReport) -> Iterator[str]:
    before, after = report.before, report.after
    if after is None:
        yield "nobody looked at it after"
        return
    yield from (f"after: {reason}" for reason in _refusals(report.uuid, after))
    if before is None:
        return
    if (after.driver, after.mig) != (before.driver, before.mig):
        yield f"it was driver {before.driver}, MIG {before.mig}, and is {after.driver}, MIG {after.mig}"
    if before.uncorrected is not None and (after.uncorrected is None or after.uncorrected > before.uncorrected):
        found = "cannot be told" if after.uncorrected is None else str(after.uncorrected)
        yield f"memory errors that were not corrected: {before.uncorrected} before, {found} after"


def _remains(report: ScrubReport) -> tuple[Remains, int, str]:
    """What was there to be read, as octets of words that were not zero: at most so many."""
    audit = report.audit
    known = [c for s in report.sweeps for c in s.cover.canaries if c.words]
    if audit is not None:
        known += [c for c in audit.canaries if c.words]
        if audit.residual_words or known:
            words = audit.residual_words + sum(c.words for s in report.sweeps for c in s.cover.canaries)
            whose = f"{len(known)} known canaries" if known else "of unknown origin"
            return Remains.LEAK, WORD * words, f"the first at {audit.first}, {whose}"
    if audit is None or not report.bytes_taken or audit.bytes != report.bytes_taken:
        return Remains.UNKNOWN, 0, "not all that was taken was read first"
    return Remains.CLEAN, 0, ""


def judge_leak(report: LeakReport, terms: Terms = TERMS) -> LeakVerdict:
    """What a leak test came to. What was found is a leak, whatever else failed; nothing found is clean only with controls."""
    tried = {t.case: t for t in report.tried}
    found = [t for t in report.tried if t.case in ATTACKS and _leaked(t)]
    doubts = tuple(_doubts(report, tried, terms))
    if found:
        octets = WORD * sum(max(t.residual_words, sum(t.hits.values())) for t in found)
        return LeakVerdict(Remains.LEAK, doubts, octets, tuple(_where(t) for t in found))
    return LeakVerdict(Remains.UNKNOWN if doubts else Remains.CLEAN, doubts)


def _leaked(t: Tried) -> bool:
    """Words of ours, or in memory any at all: fresh memory that is not zero is somebody's."""
    return bool(sum(t.hits.values())) or (t.case is not Case.SHARED_OTHER and bool(t.residual_words))


def _where(t: Tried) -> str:
    mine = ", ".join(f"{n} words of {case}" for case, n in sorted(t.hits.items()) if n)
    other = t.residual_words - sum(t.hits.values())
    more = f"{other} words of unknown origin" if other > 0 else ""
    return f"{t.case}: {', '.join(w for w in (mine, more) if w)}"


def _doubts(report: LeakReport, tried: dict[Case, Tried], terms: Terms) -> Iterator[str]:
    if report.failure is not None:
        yield f"{report.failure.step}: {report.failure.reason}"
    if report.gpu is None or report.gpu.uuid != report.uuid:
        yield "no context on the GPU that was named"
    for case in (*CONTROLS, *ATTACKS):
        one = tried.get(case)
        if one is None:
            yield f"{case}: not tried"
        elif one.failure:
            yield f"{case}: {one.failure}"
        elif not one.planted_words:
            yield f"{case}: nothing was planted"
        elif case in CONTROLS:
            if not one.hits.get(case):
                yield f"{case}: the control found nothing, so that nothing found shows nothing"
        else:
            yield from _reached(report, one, terms)


def _reached(report: LeakReport, one: Tried, terms: Terms) -> Iterator[str]:
    """Whether an attacker could have found it."""
    if one.case is Case.SHARED_OTHER:
        units = report.gpu.units if report.gpu else 0
        if not units or one.units < units:
            yield f"{one.case}: {one.units} of {units} units were listened to"
        if one.residual_words and not sum(one.hits.values()):
            yield f"{one.case}: {one.residual_words} words of unknown origin"
        return
    total = report.before.bytes_total if report.before else None
    if not total or one.scanned_bytes * 1000 <= total * terms.scanned:
        yield f"{one.case}: {one.scanned_bytes} of {total or 'unknown'} octets were read, more than {terms.scanned / 10} % are wanted"
