"""The changes between two snapshots, for people and for programs."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from strongroom.cli.tables import clean
from strongroom.model.estate import SCHEMA
from strongroom.model.snapshot import Change, Snapshot

_WORDS = {
    "new": "new failures",
    "reopened": "accepted before, and open again",
    "lost-sight": "answers that became unknown",
    "open": "still failing",
    "accepted": "accepted by an exception, not mended",
    "back-in-sight": "answers known again",
    "gone": "failing assets that are no longer seen",
    "fixed": "fixed",
}
_MOST = 20


class _Diff(msgspec.Struct):
    schema: str
    before: Snapshot
    after: Snapshot
    changes: Sequence[Change]


def lines(old: Snapshot, new: Snapshot, changes: Sequence[Change], form: str) -> Iterator[str]:
    """The comparison in one of its forms."""
    if form == "json":
        document = _Diff(SCHEMA, old, new, changes)
        yield msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
        return
    yield f"from {old.id} ({old.failed} fail, {old.unknown} unknown, {old.passed} pass)\n"
    yield f"to   {new.id} ({new.failed} fail, {new.unknown} unknown, {new.passed} pass)\n"
    if old.sources != new.sources:
        yield "note: these runs read different sources; what only one of them read shows as new or gone\n"
        yield f"      {clean(', '.join(old.sources))}\n      {clean(', '.join(new.sources))}\n"
    counts = Counter(c.kind for c in changes)
    for kind, words in _WORDS.items():
        if counts[kind]:
            yield f"\n{counts[kind]} {words}\n"
            part = [c for c in changes if c.kind == kind]
            for c in part[:_MOST] if kind != "open" else ():
                f = c.after or c.before
                assert f is not None
                why = f": {clean(f.because)}" if f.because else ""
                yield f"  {f.severity.value:<8} {f.check}  {clean(f.address)}{why}\n"
            if kind != "open" and len(part) > _MOST:
                yield f"  and {len(part) - _MOST} more: --format json\n"
    if not changes:
        yield "\nno change: the same findings with the same status\n"
