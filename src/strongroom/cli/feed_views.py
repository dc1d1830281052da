"""What the commands of feeds print, in at most 80 columns."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from strongroom.app.feeds import Brought
from strongroom.cli.lines import clean, line
from strongroom.model.advisory import Check, Document, Feed, Installed, Judged

_MOST = 20


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
    for one in [d for d in documents if d.check is Check.MISMATCH][:_MOST]:
        yield line("digest", f"{one.id}: not the one published beside it")
    for lost in [b for b in found if b.trouble][:_MOST]:
        yield line("not taken", clean(f"{lost.name}: {lost.trouble}"))


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
    signals: dict[str, str]
    overrides: int


def status_of(feed: Feed, today: date, most: int) -> Status:
    """What a feed is today."""
    try:
        days: int | None = (today - date.fromisoformat(feed.as_of)).days
    except ValueError:
        days = None
    rows = [c for d in feed.documents for c in d.claims]
    return Status(
        len(feed.documents), len(rows), sum(bool(c.trouble) for c in rows), feed.as_of, days,
        days is not None and 0 <= days <= most, dict(Counter(d.publisher or "unnamed" for d in feed.documents)),
        tuple(d.id for d in feed.documents if d.check is Check.MISMATCH), {s.kind: s.as_of for s in feed.signals},
        len(feed.overrides),
    )  # fmt: skip


def status_lines(found: Status, where: str) -> Iterator[str]:
    """The same for a person."""
    yield line("kept in", where)
    yield line("documents", f"{found.documents}, with {found.rows} rows, of which {found.in_doubt} are in doubt")
    age = f"{found.days} days ago" if found.days is not None else "no day"
    yield line("ends", f"{found.as_of or 'nowhere'} ({age}){'' if found.fresh else ': STALE'}")
    for name, count in sorted(found.publishers.items()):
        yield line("from", f"{clean(name)}: {count}")
    for kind, day in sorted(found.signals.items()):
        yield line(kind, f"as of {day or 'a day that it does not say'}")
    if found.mismatched:
        yield line("digests", f"not the published ones: {', '.join(found.mismatched[:_MOST])}")
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
    if found.documents:
        yield line("by", ", ".join(found.documents))
