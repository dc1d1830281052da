"""A plan as a table, as JSON or as Markdown."""

import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from strongroom.cli.lines import clean
from strongroom.model.control import Assessment, Task
from strongroom.model.estate import SCHEMA
from strongroom.model.ports import Catalogue

_MOST = 5


class _Plan(msgspec.Struct):
    schema: str
    seen_at: str
    tasks: Sequence[Task]


def lines(todo: Sequence[Task], found: Assessment, known: Catalogue, form: str) -> Iterator[str]:
    """The plan in one of its forms, in pieces."""
    if form == "json":
        document = _Plan(SCHEMA, found.seen_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), todo)
        yield msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
        return
    addresses = {a.id: a.address for a in found.assets}
    numbers = {t.id: i for i, t in enumerate(found.tasks, 1)}
    if form == "md":
        yield from _markdown(todo, addresses, numbers, known)
    else:
        yield from _text(todo, addresses, numbers, known)


def _text(todo: Sequence[Task], addresses: dict[str, str], numbers: dict[str, int], known: Catalogue) -> Iterator[str]:
    for phase in (30, 60, 90):
        part = [t for t in todo if t.phase == phase]
        if part:
            yield f"by day {phase}: {len(part)} task{'' if len(part) == 1 else 's'}\n"
        for t in part:
            yield "\n" + "".join(_task(t, addresses, numbers, known))
        if part:
            yield "\n"
    if not todo:
        yield "nothing to do: no finding fails and every source was read whole\n"


def _task(t: Task, addresses: dict[str, str], numbers: dict[str, int], known: Catalogue) -> Iterator[str]:
    control = known.controls.get(t.control)
    name = f" {control.title}" if control else ""
    yield _hung(f"{numbers[t.id]:>3}. ", t.title)
    yield _hung("     ", f"{t.severity.value}, {t.verb.value}, {t.control}{name}; effort {t.effort.value}")
    shown = ", ".join(addresses.get(a, a) for a in t.assets[:_MOST])
    more = f" and {len(t.assets) - _MOST} more" if len(t.assets) > _MOST else ""
    yield _hung("     on      ", shown + more)
    yield _hung("     do      ", t.fix)
    yield _hung("     verify  ", t.verify)
    yield f"     closes  {len(t.closes)} finding{'' if len(t.closes) == 1 else 's'}\n"
    if t.depends_on:
        yield _hung("     after   ", ", ".join(str(n) for n in sorted(numbers[d] for d in t.depends_on)))


def _hung(head: str, text: str) -> str:
    """A line with a head; what does not fit hangs below the text, not below the head."""
    words = " ".join(clean(text).split())
    return (
        textwrap.fill(words, 80, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False) + "\n"
    )


def _markdown(
    todo: Sequence[Task], addresses: dict[str, str], numbers: dict[str, int], known: Catalogue
) -> Iterator[str]:
    yield "# Plan\n"
    for phase in (30, 60, 90):
        part = [t for t in todo if t.phase == phase]
        if part:
            yield f"\n## By day {phase}\n"
        for t in part:
            control = known.controls.get(t.control)
            yield f"\n### {numbers[t.id]}. {_plain(t.title)}\n\n"
            yield f"- control: {t.control}{' ' + control.title if control else ''} ({t.verb.value})\n"
            yield f"- severity {t.severity.value}, effort {t.effort.value}, closes {len(t.closes)}\n"
            assets = ", ".join(f"`{_plain(addresses.get(a, a))}`" for a in t.assets[:20])
            yield f"- assets: {assets}{' …' if len(t.assets) > 20 else ''}\n"
            yield f"- do: {_plain(t.fix)}\n- verify: {_plain(t.verify)}\n"
            if t.depends_on:
                yield f"- after: {', '.join(str(numbers[d]) for d in t.depends_on)}\n"


def _plain(text: str) -> str:
    return clean(text).replace("`", "'").replace("<", "&lt;").replace("|", "\\|")
