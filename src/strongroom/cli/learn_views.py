"""What `attest learn` prints: what a known boot starts, register by register."""

import textwrap
from collections.abc import Iterator
from itertools import groupby

from strongroom.app.learning import Taught
from strongroom.cli.lines import clean, line
from strongroom.cli.measure_views import measured_lines
from strongroom.kit.boot_events import CLASSES, REGISTERS, WHERE
from strongroom.model.attest import ExpectedEvent

# Whose words are worth a line of their own; of others the number is told.
_SHOWN = (
    *("SecureBoot", "PK", "KEK", "db", "dbx", "authority", "sbat-level", "shim", "loader", "image"),
    *("loader-config", "kernel", "initrd", "command-line", "unified-kernel"),
)
_WIDTH, _LABEL = 80, 18
_SHORT = {"authority": "vouched for by", "loader-config": "its configuration", "command-line": "command line"}


def taught_lines(taught: Taught, form: str) -> Iterator[str]:
    """What was learned."""
    reference = taught.reference
    if form == "json":
        yield from measured_lines(reference, form)
        return
    many = "golden boot" if taught.boots == 1 else "golden boots"
    yield line("learned", f"{reference.name} {reference.version}".rstrip() + f", from {taught.boots} {many}")
    yield line("proven", "every quote verifies, its log replays to it, Secure Boot was on")
    for remark in taught.remarks:
        yield line("not proven", remark)
    registers = {r: list(held) for r, held in groupby(reference.events, key=lambda e: e.register)}
    bare = [r for r, held in registers.items() if all(e.what == "separator" for e in held)]
    for register, held in registers.items():
        if register not in bare:
            yield from _register(register, held)
    if bare:
        yield f"\nPCR {', '.join(r.removeprefix('pcr') for r in bare)}\n"
        yield from _line("nothing but the separator, and what may vary", "", 2)
    for register in reference.values:
        yield f"\n{_heading(register)}\n  nothing went into it, and nothing may\n"
    yield "\n"
    for words in taught.learned.differed:
        yield line("differed", words)
    for what, why in reference.may_vary.items():
        yield line("may vary", f"{CLASSES[what]}, {_extent(what)}: {why}")


def _extent(what: str) -> str:
    return f"any number in PCR {', '.join(map(str, WHERE[what]))}" if what in WHERE else "one at its place"


def _heading(register: str) -> str:
    number = register.removeprefix("pcr")
    meaning = REGISTERS.get(int(number), "") if number.isdecimal() else ""
    return f"PCR {number:<3} {meaning}".rstrip()


def _register(register: str, held: list[ExpectedEvent]) -> Iterator[str]:
    yield f"\n{_heading(register)}\n"
    others = [e for e in held if e.what not in _SHOWN and not e.any]
    for e in held:
        if e not in others:
            yield from _event(e)
    counts = {what: sum(e.what == what for e in others) for what in dict.fromkeys(e.what for e in others)}
    told = ", ".join((f"{n} \N{MULTIPLICATION SIGN} " if n > 1 else "") + CLASSES[what] for what, n in counts.items())
    if told:
        yield from _line(f"and {told}" if len(others) < len(held) else told, "", 2)


def _event(e: ExpectedEvent) -> Iterator[str]:
    label = _SHORT.get(e.what, CLASSES[e.what].removeprefix("variable "))
    optional = ", which may be absent" if e.optional else ""
    if e.any:
        yield from _line(f"whatever it is{optional}", label)
        return
    told = [x.partition(" ")[2] for x in e.entries if " " in x]
    for n, accepted in enumerate(e.accept):
        digest, _, words = accepted.partition(" ")
        text = "; ".join(told) if told and len(e.accept) == 1 else words
        which = f" ({digest.partition(':')[2][:16]}…)" if len(e.accept) > 1 else ""
        yield from _line(f"{text or digest}{which}{optional}", label if n == 0 else "or")


def _line(text: str, label: str, indent: int = _LABEL + 2) -> Iterator[str]:
    pieces = textwrap.wrap(clean(text), _WIDTH - indent, break_on_hyphens=False) or [""]
    for n, piece in enumerate(pieces):
        yield (f"  {label:<{_LABEL}}" if n == 0 and label else " " * indent) + piece + "\n"
