"""Exceptions for a terminal: those of a file, and a stored run under them."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from strongroom.app.exceptions import Checked, Entry, Judged
from strongroom.assess import people_prose as prose
from strongroom.cli.lines import line
from strongroom.model.codes import Status
from strongroom.model.estate import SCHEMA
from strongroom.model.people import Accepted, ExceptionNote, RiskException
from strongroom.model.snapshot import Snapshot

_MOST = 10


class _Checked(msgspec.Struct):
    schema: str
    path: str
    sound: bool
    snapshot: Snapshot | None
    entries: Sequence[Entry]
    problems: Sequence[str]


class _Judged(msgspec.Struct):
    schema: str
    of: Snapshot
    kept: Snapshot | None
    counts: dict[str, int]
    newly_accepted: int
    reopened: int
    accepted: Sequence[Accepted]
    notes: Sequence[ExceptionNote]


def as_json(document: msgspec.Struct) -> str:
    """A document, for programs and for reading."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def checked_lines(found: Checked, form: str, *, only_wrong: bool = False) -> Iterator[str]:
    """The exceptions of a file, and how they stand."""
    if form == "json":
        yield as_json(_Checked(SCHEMA, found.path, found.sound, found.snapshot, found.entries, found.problems))
        return
    for problem in found.problems:
        yield line("malformed", problem)
    for e in found.entries:
        if not (only_wrong and e.state == "holds"):
            yield from _entry(e)
    bad = len(found.problems) + sum(e.state != "holds" for e in found.entries)
    total = len(found.entries) + len(found.problems)
    yield f"{total} {'exception' if total == 1 else 'exceptions'}, {bad or 'none'} to look at\n"
    if found.snapshot is None:
        yield "no run is kept, so that use was not looked for: strongroom assess SOURCE keeps one\n"


def _entry(e: Entry) -> Iterator[str]:
    used = "" if e.findings is None else f"; {e.findings} {'finding' if e.findings == 1 else 'findings'}"
    yield line(e.state, prose.names(e.exception))
    yield line("", f"{prose.terms(e.exception)}{used}")
    if e.exception.reason:
        yield line("", e.exception.reason)
    if e.said:
        yield line("", f"{e.exception.where}: {e.said}" if e.exception.where else e.said)


def judged_lines(found: Judged, form: str) -> Iterator[str]:
    """A stored run under the exceptions as they are now."""
    counts = Counter(f.status.value for f in found.findings)
    if form == "json":
        yield as_json(
            _Judged(
                SCHEMA,
                found.of,
                found.kept,
                {s.value: counts[s.value] for s in Status if counts[s.value]},
                found.newly_accepted,
                found.reopened,
                found.accepted,
                found.notes,
            )
        )
        return
    yield f"{found.of.id} judged again: {found.newly_accepted} newly accepted, {found.reopened} open again\n"
    order = (Status.FAIL, Status.UNKNOWN, Status.ACCEPTED, Status.PASS)
    yield "  " + "  ".join(f"{counts[s.value]:,} {s.value}" for s in order) + "\n"
    for e, n in by_exception(found.accepted)[:_MOST]:
        yield line("accepted", f"{n} by {prose.names(e)}: {prose.terms(e)}")
    for note in found.notes[:_MOST]:
        yield line(note.state.value, f"{prose.names(note.exception)}: {prose.exception_state(note)}")
    if len(found.notes) > _MOST:
        yield f"and {len(found.notes) - _MOST} more: --format json\n"
    changed = found.newly_accepted or found.reopened
    unkept = "not kept" if changed else "nothing changed, so nothing was kept"
    yield f"kept as {found.kept.id}\n" if found.kept else f"{unkept}\n"


def by_exception(accepted: Sequence[Accepted]) -> list[tuple[RiskException, int]]:
    """The exceptions that accept something, with how much, the one that accepts most first."""
    counts = Counter(a.exception.digest for a in accepted)
    of = {a.exception.digest: a.exception for a in accepted}
    return [(of[d], n) for d, n in counts.most_common()]
