"""What `attest eventlog` prints: for people in 80 columns, for programs as JSON."""

import textwrap
from collections.abc import Iterator

import msgspec

from strongroom.app.event_log import Replayed
from strongroom.cli.lines import clean

SCHEMA = "strongroom.event-log/1"
_WIDTH = 80


def lines(found: Replayed, form: str) -> Iterator[str]:
    """A replayed log in one of its forms."""
    if form == "json":
        document = {"schema": SCHEMA, **msgspec.to_builtins(found)}
        yield msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
        return
    yield f"{len(found.events)} events; nothing here is proven until a quote has these registers\n"
    for bank, registers in found.registers.items():
        yield f"\n{bank}\n"
        for name, value in registers.items():
            yield from _wrapped(f"  {name:<6} ", "\n".join(textwrap.wrap(value, 64)))
    yield "\nEvents (~ words beside what was hashed)\n"
    for e in found.events:
        yield f"{e.number:>5}  {e.register:<6} {e.type}\n"
        yield from _wrapped(f"{'':7}{'~ ' if e.remark else ''}", clean(e.words))


def _wrapped(head: str, text: str) -> Iterator[str]:
    room = _WIDTH - len(head)
    for n, line in enumerate(x for part in text.split("\n") for x in textwrap.wrap(part, room) or [""]):
        yield f"{head if not n else ' ' * len(head)}{line}".rstrip() + "\n"
