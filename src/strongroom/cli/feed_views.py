"""What the commands of feeds print, in at most 80 columns."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from strongroom.app.feeds_bundle import Made
from strongroom.app.feeds_update import Updated
from strongroom.app.feeds_words import Brought
from strongroom.cli.lines import clean, line
from strongroom.model.advisory import Asked, Check, Document, Feed, Installed, Judged

_MOST = 20
_CHECKS: dict[Check, Callable[[Document], tuple[str, str]]] = {
    Check.MISMATCH: lambda d: ("digest", f"{clean(d.id)}: not the one published beside it"),
    Check.UNSIGNED: lambda d: ("unsigned", f"{clean(d.id)}: no trusted key has signed it"),
}


def brought_lines(found: Sequence[Brought]) -> Iterator[str]:
    """What came in."""
    documents = [b.kept for b in found if isinstance(b.kept, Document)]
    rows = [c for d in documents for c in d.claims]
    yield line("documents", f"{len(documents)}, with {len(rows)} rows")
    for kept in (b.kept for b in found if b.kept is not None and not isinstance(b.kept, Document)):
        yield line(kept.kind, f"{len(kept.values)} vulnerabilities, as of {kept.as_of or 'a day that it does not say'}")
    doubted = sum(bool(c.trouble) for c in rows)
    if doubted:
        yield line("in doubt", f"{doubted} rows contradict themselves or cannot be read")
    for one in [d for d in documents if d.check in _CHECKS][:_MOST]:
        yield line(*_CHECKS[one.check](one))
    signed = Counter(d.signed for d in documents if d.signed)
    for key, count in sorted(signed.items()):
        yield line("signed", f"{count} by {key}")
    for lost in [b for b in found if b.trouble][:_MOST]:
        yield line("not taken", clean(f"{lost.name}: {lost.trouble}"))


def updated_lines(found: Updated) -> Iterator[str]:
    """What came of one place."""
    yield line("asked", clean(found.url))
    if found.same:
        yield line("news", "none")
    elif found.brought:
        yield from brought_lines(found.brought)
    if found.trouble:
        yield line("trouble", clean(found.trouble))


def bundled_lines(made: Made) -> Iterator[str]:
    """A bundle that was written."""
    yield line("written", f"{clean(made.path)}, {made.octets:,} bytes, {made.documents} documents")
    if made.made_key:
        yield line("made", "a key of this installation, beside the state")
    yield line("key", str(made.key))


class Status(NamedTuple):
    """A feed at a glance. `days` is None where its newest document has no day."""

    documents: int
    rows: int
    in_doubt: int
    as_of: str
    days: int | None
    fresh: bool
    publishers: dict[str, int]
    mismatched: tuple[str, ...]
    unsigned: tuple[str, ...]
    signals: dict[str, str]
    overrides: int
    publishers_to: dict[str, str]
    asked: tuple[Asked, ...]


def status_of(feed: Feed, today: date, most: int) -> Status:
    """What a feed is today."""
    goes = {p: feed.goes_to((p,)) for p in sorted({d.publisher for d in feed.documents})}
    as_of = min(goes.values(), default="")
    try:
        days: int | None = (today - date.fromisoformat(as_of)).days
    except ValueError:
        days = None
    rows = [c for d in feed.documents for c in d.claims]
    return Status(
        len(feed.documents), len(rows), sum(bool(c.trouble) for c in rows), as_of, days,
        days is not None and 0 <= days <= most, dict(Counter(d.publisher or "unnamed" for d in feed.documents)),
        tuple(d.id for d in feed.documents if d.check is Check.MISMATCH),
        tuple(d.id for d in feed.documents if d.check is Check.UNSIGNED), {s.kind: s.as_of for s in feed.signals},
        len(feed.overrides), goes, feed.asked,
    )  # fmt: skip


def status_lines(found: Status, where: str) -> Iterator[str]:
    """The same for a person."""
    yield line("kept in", where)
    yield line("documents", f"{found.documents}, with {found.rows} rows, of which {found.in_doubt} are in doubt")
    age = f"{found.days} days ago" if found.days is not None else "no day"
    yield line("ends", f"{found.as_of or 'nowhere'} ({age}){'' if found.fresh else ': STALE'}")
    for name, count in sorted(found.publishers.items()):
        yield line("from", f"{clean(name)}: {count}, up to {found.publishers_to.get(name) or 'no day'}")
    for kind, day in sorted(found.signals.items()):
        yield line(kind, f"as of {day or 'a day that it does not say'}")
    if found.mismatched:
        yield line("digests", f"not the published ones: {', '.join(found.mismatched[:_MOST])}")
    if found.unsigned:
        yield line("unsigned", f"by no trusted key: {', '.join(found.unsigned[:_MOST])}")
    for one in found.asked:
        yield line("asked", f"{clean(one.url)}: {one.at or 'never in full'}")
        if one.trouble:
            yield line("", clean(one.trouble))
    if found.overrides:
        yield line("reviewed", f"{found.overrides} overrides")


def judged_lines(asked: Installed, found: Judged) -> Iterator[str]:
    """What a version is, for a person."""
    yield line("verdict", f"{asked.product} {asked.version}: {found.patch}")
    yield line("because", clean(found.why))
    if found.fixed_in:
        yield line("fixed in", found.fixed_in)
    if found.cves:
        yield line("CVEs", ", ".join(found.cves))
    if found.exploited:
        yield line("exploited", ", ".join(found.exploited))
    if found.since:
        score = f"score {found.score:.1f}" if found.score else "no score"
        likely = f", exploited within 30 days with probability {found.epss:.2f}" if found.epss else ""
        yield line("open since", f"{found.since}, {score}{likely}")
    if found.overdue:
        yield line("overdue", clean(found.overdue))
    if found.documents:
        yield line("by", ", ".join(found.documents))
