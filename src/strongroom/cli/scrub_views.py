"""What the commands of scrubbing print, in at most 80 columns."""

from collections.abc import Iterator, Sequence

import msgspec

from strongroom.app.scrub import Planned, Scrubbed, Tested
from strongroom.cli.lines import line
from strongroom.cli.release_views import formatted
from strongroom.model.scrub import PASSES, SCHEMA, SWEEPS, Cover, Remains, Standing, Tried


def _octets(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,} octets"


def _standing(standing: Standing) -> Iterator[str]:
    yield line("model", f"{standing.model}, driver {standing.driver}")
    yield line("memory", f"{_octets(standing.bytes_total)}, {_octets(standing.bytes_used)} in use")
    ecc = "unknown" if standing.uncorrected is None else str(standing.uncorrected)
    yield line("MIG", f"{standing.mig}; memory errors that were not corrected: {ecc}")
    yield from (line("note", note) for note in standing.notes)
    yield from (line("unknown", f"{name}: {why}") for name, why in standing.unknown.items())


def plan_lines(found: Sequence[Planned]) -> Iterator[str]:
    """How GPUs stand, for a person."""
    for n, p in enumerate(found):
        yield ("\n" if n else "") + line("GPU", p.uuid)
        if p.standing is None:
            yield line("UNKNOWN", p.trouble)
            continue
        yield from _standing(p.standing)
        yield from (line("REFUSED", reason) for reason in p.refusals)
        if not p.refusals:
            yield line("would do", f"take all memory; {', '.join(PASSES)}; {', '.join(SWEEPS)}; log")


def plan_json(found: Sequence[Planned]) -> Iterator[str]:
    """The same as JSON."""
    rows = [
        {"uuid": p.uuid, "refusals": p.refusals, "trouble": p.trouble, "standing": p.standing, "passes": PASSES}
        for p in found
    ]
    yield formatted({"schema": SCHEMA, "plan": rows})


def scrub_lines(found: Sequence[Scrubbed]) -> Iterator[str]:
    """What became of scrubs, for a person."""
    for n, s in enumerate(found):
        yield ("\n" if n else "") + line("GPU", s.report.uuid)
        yield line("outcome", _outcome(s))
        yield from (line("because", reason) for reason in s.verdict.reasons)
        yield from _done(s)
        yield line("log entry", f"{s.kept.entry}, report {s.kept.digest}")


def _outcome(s: Scrubbed) -> str:
    word = s.verdict.outcome.value
    shown = word if s.good else word.upper()
    return f"{shown}{', on an emulated card' if s.emulated else ''}"


def _done(s: Scrubbed) -> Iterator[str]:
    r = s.report
    if r.bytes_taken and r.bytes_total:
        share = r.bytes_taken * 10_000 // r.bytes_total / 100
        yield line("reached", f"{_octets(r.bytes_taken)} of {r.bytes_total:,}, {share:.2f} %")
        yield line("verified", _octets(r.bytes_verified))
    yield from (
        line("not reached", f"{u.what}{f': {_octets(u.bytes)}' if u.bytes is not None else ''}") for u in r.unreached
    )
    if s.verdict.remains is Remains.LEAK:
        yield line("FOUND", f"at most {_octets(s.verdict.remains_bytes)} that others left; {s.verdict.remains_where}")
    else:
        yield line("found", f"{s.verdict.remains}{f': {s.verdict.remains_where}' if s.verdict.remains_where else ''}")
    for p in r.passes:
        rate = p.bytes / max(1, p.microseconds) / 1000
        yield line("pass", f"{p.step}: {p.microseconds / 1000:.1f} ms, {rate:.1f} GB/s, {p.wrong_words} wrong")
    yield from (line("sweep", f"{w.step}: {_cover(w.cover)}") for w in r.sweeps)
    yield line("took", f"{r.microseconds / 1e6:.2f} s")


def _cover(cover: Cover) -> str:
    return f"{cover.units} of {cover.units_total} units, {cover.bytes_each} of {cover.bytes_each_total} octets each"


def scrub_json(found: Sequence[Scrubbed]) -> Iterator[str]:
    """The same as JSON."""
    rows = [{"verdict": s.verdict, "entry": s.kept.entry, "digest": s.kept.digest, "report": s.report} for s in found]
    yield formatted({"schema": SCHEMA, "scrubs": rows})


def leak_lines(found: Sequence[Tested]) -> Iterator[str]:
    """What became of leak tests, for a person."""
    for n, t in enumerate(found):
        verdict = t.verdict
        yield ("\n" if n else "") + line("GPU", t.report.uuid)
        emulated = ", on an emulated card" if t.emulated else ""
        yield line(
            "outcome", f"{verdict.remains.upper() if verdict.remains is Remains.LEAK else verdict.remains}{emulated}"
        )
        if verdict.remains is Remains.LEAK:
            yield line("leaked", f"at most {_octets(verdict.bytes)}")
            yield from (line("where", where) for where in verdict.where)
        yield from (line("because", reason) for reason in verdict.reasons)
        yield from (line("case", f"{one.case}: {_tried(one)}") for one in t.report.tried)
        yield line("log entry", f"{t.kept.entry}, report {t.kept.digest}")


def _tried(one: Tried) -> str:
    if one.failure:
        return one.failure
    scanned = _octets(one.scanned_bytes) if one.scanned_bytes else f"{one.units} units"
    return f"{sum(one.hits.values())} of {one.planted_words} words, {scanned} read"


def leak_json(found: Sequence[Tested]) -> Iterator[str]:
    """The same as JSON."""
    rows = [{"verdict": t.verdict, "entry": t.kept.entry, "digest": t.kept.digest, "report": t.report} for t in found]
    yield formatted({"schema": msgspec.structs.asdict(found[0].report)["schema"] if found else "", "tests": rows})
