"""What the commands on bundles of endorsements print."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from strongroom.app.attest_bundle import Imported, Looked, Made
from strongroom.cli.lines import clean, line
from strongroom.kit.endorsement_bundle import Bundle, Member

SCHEMA = "strongroom.attest-bundle/1"
_WIDTH = 34  # of a title; 80 columns hold it, kind, state and end


class _Row(msgspec.Struct):
    kind: str
    title: str
    state: str
    begins: datetime | None
    ends: datetime | None
    digest: str
    origin: str


class _View(msgspec.Struct):
    schema: str
    name: str
    made_at: datetime
    digest: str
    signed_by: tuple[str, ...]
    trusted: bool
    trouble: str
    items: list[_Row]


def state_of(member: Member, now: datetime) -> str:
    """`holds`, `over`, `not yet`, or `no end` for a list that does not say when it ends."""
    begins, ends = member.says.begins, member.says.ends
    if begins is None or ends is None:
        return "no end"
    return "over" if now > ends else "not yet" if now < begins else "holds"


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%MZ}" if at is not None else ""


def items(bundle: Bundle, now: datetime) -> Iterator[str]:
    """One line for each item: what it is, whether it holds, until when."""
    yield f"{'kind':<12} {'of':<{_WIDTH}} {'state':<8} until\n"
    for m in bundle.members:
        title = clean(m.says.title)
        title = title if len(title) <= _WIDTH else title[: _WIDTH - 1] + "…"
        ends = _day(m.says.ends)
        yield f"{m.item.kind.value:<12} {title:<{_WIDTH}} {state_of(m, now):<8} {ends}".rstrip() + "\n"


def shown(found: Looked, now: datetime, format_: str) -> Iterator[str]:
    """What is inside, until when each holds, and whether the bundle counts here."""
    b = found.bundle
    if format_ == "json":
        rows = [
            _Row(
                m.item.kind.value,
                m.says.title,
                state_of(m, now),
                m.says.begins,
                m.says.ends,
                m.item.digest,
                m.item.origin,
            )
            for m in b.members
        ]
        view = _View(SCHEMA, b.name, b.made_at, b.digest, found.signed_by, not found.trouble, found.trouble, rows)
        yield msgspec.json.format(msgspec.json.encode(view), indent=1).decode() + "\n"
        return
    yield line("bundle", f"{clean(found.path)}: {b.name}, {len(b.members)} endorsements")
    yield line("made", _day(b.made_at))
    yield line("digest", b.digest)
    who = clean(", ".join(found.signed_by)) or "nobody"
    yield line("signed by", who if not found.trouble else f"{who} (it says), which counts for nothing here")
    if found.trouble:
        yield line("trouble", clean(found.trouble))
    yield "\n"
    yield from items(b, now)


def made(done: Made, now: datetime) -> Iterator[str]:
    """What was written, and what who takes it in must know."""
    yield line("bundle", f"{clean(done.path)}: {done.bundle.name}, {len(done.bundle.members)} endorsements")
    yield line("key file", f"{clean(str(done.key_file))}{' (new)' if done.made_key else ''}")
    yield f"public key  {done.key}\n\n"
    yield from items(done.bundle, now)
    yield f"\nThere: strongroom attest bundle import {clean(done.path)} --key '{done.key}'\n"


def imported(done: Imported) -> Iterator[str]:
    """What was taken in."""
    made_at = _day(done.bundle.made_at)
    yield line("bundle", f"{clean(done.path)}: {done.bundle.name}, made {made_at}")
    yield line("signed by", clean(", ".join(done.signed_by)))
    yield line("kept", f"{done.kept} endorsements in {clean(done.cache)}")
    if done.over:
        yield line("not now", f"{done.over} of them do not hold at this time")
