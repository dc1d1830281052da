"""A known boot: the events of a golden machine at their places, what may differ, and what differs in another boot.

Each register's events are a list of places. A place takes one event: by its digest; a Secure Boot variable also by its
entries; anything, where the place says so. A place that one of several golden boots lacked may be empty. What a log calls
an event decides nothing but the words: a register proves digests in their order, and so the order is compared.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from strongroom.kit import boot_events, ccel
from strongroom.kit.boot_events import CLASSES, WHERE, Seen
from strongroom.kit.ccel import Log
from strongroom.model.attest import ExpectedEvent, Reference

MOST_EVENTS = 4096  # of one reference
_MOST_PAIRS = 40_000  # of events and places of a register between what is alike; a log beyond it is another boot
_SAME, _LEFT_OUT, _OTHER_DIGEST, _OTHER_NAME = 0, 4, 5, 6  # how far apart two boots are, event by event
_SHOWN = 16  # hexadecimal digits of a digest in a sentence
# What a reader wants to know first.
_FIRST = (
    "SecureBoot",
    "PK",
    "KEK",
    "db",
    "dbx",
    "command-line",
    "initrd",
    "kernel",
    "unified-kernel",
    "shim",
    "loader",
)


class Difference(NamedTuple):
    """What differs, in words; `event` is the event's number in the log, -1 where one is missing."""

    register: str
    event: int
    what: str
    words: str


class Place(NamedTuple):
    """One place of a known boot, ready to compare."""

    what: str
    digests: frozenset[str]  # in hex
    entries: frozenset[str] | None
    any: bool
    optional: bool
    words: str
    told: tuple[str, ...]  # the entries with their words


def place(event: ExpectedEvent, bank: str) -> Place:
    """A place as it is compared, by the digests of one bank."""
    pairs = [accepted.partition(" ") for accepted in event.accept]
    digests = frozenset(d.removeprefix(f"{bank}:") for d, _, _ in pairs if d.startswith(f"{bank}:"))
    words = next((w for d, _, w in pairs if d.startswith(f"{bank}:")), "")
    entries = frozenset(e.partition(" ")[0] for e in event.entries) if event.entries else None
    return Place(event.what, digests, entries, event.any, event.optional, words, event.entries)


@lru_cache(maxsize=256)  # a fleet is compared with a few boots
def places(events: tuple[ExpectedEvent, ...], bank: str) -> Mapping[int, tuple[Place, ...]]:
    """The places of every register, in their order."""
    found = dict[int, list[Place]]()
    for e in events:
        found.setdefault(number(e.register), []).append(place(e, bank))
    return {n: tuple(held) for n, held in found.items()}


@lru_cache(maxsize=256)
def number(register: str) -> int:
    """The number of `pcr9`; -1 where it is none."""
    text = register.removeprefix("pcr")
    return int(text) if register.startswith("pcr") and text.isdecimal() and len(text) < 3 else -1


def covered(known: Reference) -> frozenset[int]:
    """The registers that a reference's events speak of."""
    return _covered(known.events, tuple(known.may_vary))


@lru_cache(maxsize=256)
def _covered(events: tuple[ExpectedEvent, ...], may_vary: tuple[str, ...]) -> frozenset[int]:
    return frozenset((*(number(e.register) for e in events), *_loose(may_vary)))


def _loose(may_vary: Iterable[str]) -> frozenset[int]:
    """The registers in which events of a class may come in any number."""
    return frozenset(n for what in may_vary for n in WHERE.get(what, ()))


# Comparing


def fits(known: Reference, log: Log, bank: int) -> bool:
    """Whether every event is at its place, by digests alone: what nearly every boot answers, without any words."""
    held = places(known.events, ccel.ALGORITHMS[bank][0])
    told, loose = covered(known), _loose(known.may_vary)
    mine: dict[int, list[str]] = {n: [] for n in told}
    for e in log.events:
        n = e.register
        if n in told and e.extends and not (n in loose and boot_events.varies(e, known.may_vary)):
            mine[n].append(e.digests.get(bank, b"").hex())
    return all(_fit(held.get(n, ()), digests) for n, digests in mine.items())


def _fit(held: Sequence[Place], digests: Sequence[str]) -> bool:
    return len(held) == len(digests) and all(d in p.digests for p, d in zip(held, digests, strict=True))


def differences(known: Reference, log: Log, bank: int, events: Sequence[Seen]) -> tuple[Difference, ...]:
    """What differs between a log and a known boot, in words, what matters most first; nothing where it is that boot.

    `events` are the log's as `boot_events.seen` tells them. Registers that are not `covered` are not looked at.
    """
    if fits(known, log, bank):
        return ()
    held = places(known.events, ccel.ALGORITHMS[bank][0])
    free = {e.number for e in log.events if e.extends and boot_events.varies(e, known.may_vary)}
    mine, told = dict[int, list[Seen]](), covered(known)
    for e in events:
        if e.register in told and e.number not in free:
            mine.setdefault(e.register, []).append(e)
    found = [d for n in sorted(held.keys() | mine.keys()) for d in _register(n, held.get(n, ()), mine.get(n, ()))]
    ranks = {what: n for n, what in enumerate(_FIRST)}
    return tuple(sorted(found, key=lambda d: (ranks.get(d.what, len(ranks)), d.event)))


def _register(register: int, held: Sequence[Place], mine: Sequence[Seen]) -> Iterator[Difference]:
    name = f"pcr{register}"
    first, last = _alike(held, mine)
    if (len(held) - first - last) * (len(mine) - first - last) > _MOST_PAIRS:
        yield Difference(name, -1, "other", f"{len(mine)} events in PCR {register} where {len(held)} are known")
        return
    for p, e in aligned(held, mine):
        if p is None and e is not None:
            words = f"an event that the known boot does not have: the {_named(e.what, e.words)}"
            yield Difference(name, e.number, e.what, f"{words}; measured in PCR {register}, event {e.number}")
        elif e is None and p is not None and not p.optional:
            yield Difference(name, -1, p.what, f"missing: the {_named(p.what, p.words)}, of PCR {register}")
        elif p is not None and e is not None and not takes(p, e):
            where = f"measured in PCR {register}, event {e.number}"
            yield Difference(name, e.number, e.what, f"{_changed(p, e)}; {where}")


def aligned(held: Sequence[Place], mine: Sequence[Seen]) -> list[tuple[Place | None, Seen | None]]:
    """Places and events side by side, as few of them apart as there can be; in their order, as registers are."""
    first, last = _alike(held, mine)
    rows, columns = held[first : len(held) - last], mine[first : len(mine) - last]
    middle = list(_traced(rows, columns, _distances(rows, columns)))
    ends: list[tuple[Place | None, Seen | None]] = list(
        zip(held[len(held) - last :], mine[len(mine) - last :], strict=True)
    )
    return [*zip(held[:first], mine[:first], strict=True), *middle, *ends]


def _alike(held: Sequence[Place], mine: Sequence[Seen]) -> tuple[int, int]:
    """How many places at the beginning, and at the end, have just their event: nothing could be nearer."""
    most = min(len(held), len(mine))
    first = next((n for n in range(most) if held[n].optional or not takes(held[n], mine[n])), most)
    left = most - first
    last = next((n for n in range(left) if held[-1 - n].optional or not takes(held[-1 - n], mine[-1 - n])), left)
    return first, last


def _distances(held: Sequence[Place], mine: Sequence[Seen]) -> list[list[int]]:
    """How far apart what is left is, from each place and each event on."""
    rows, columns = len(held), len(mine)
    far = [[0] * (columns + 1) for _ in range(rows + 1)]
    for n in range(rows - 1, -1, -1):
        far[n][columns] = far[n + 1][columns] + _absent(held[n])
    for m in range(columns - 1, -1, -1):
        far[rows][m] = far[rows][m + 1] + _LEFT_OUT
    for n in range(rows - 1, -1, -1):
        absent = _absent(held[n])
        for m in range(columns - 1, -1, -1):
            best = min(far[n + 1][m] + absent, far[n][m + 1] + _LEFT_OUT)
            apart = _apart(held[n], mine[m])
            far[n][m] = best if apart is None else min(best, far[n + 1][m + 1] + apart)
    return far


def _traced(
    held: Sequence[Place], mine: Sequence[Seen], far: Sequence[Sequence[int]]
) -> Iterator[tuple[Place | None, Seen | None]]:
    n = m = 0
    while n < len(held) or m < len(mine):
        apart = _apart(held[n], mine[m]) if n < len(held) and m < len(mine) else None
        if apart is not None and far[n][m] == far[n + 1][m + 1] + apart:
            yield held[n], mine[m]
            n, m = n + 1, m + 1
        elif n < len(held) and far[n][m] == far[n + 1][m] + _absent(held[n]):
            yield held[n], None
            n += 1
        else:
            yield None, mine[m]
            m += 1


def _absent(p: Place) -> int:
    return _SAME if p.optional else _LEFT_OUT


def _apart(p: Place, e: Seen) -> int | None:
    if takes(p, e):
        return _SAME
    if p.what != e.what:
        return None
    return _OTHER_DIGEST if p.words == e.words else _OTHER_NAME


def takes(p: Place, e: Seen) -> bool:
    """Whether a place takes an event: by its digest, by the entries that were hashed, or because it takes all its kind."""
    if e.digest.hex() in p.digests:
        return True
    if p.any:
        return p.what == e.what
    if p.entries is None or e.entries is None or p.what != e.what:
        return False
    found = {x.partition(" ")[0] for x in e.entries}
    # More that is revoked is no worse; more that is trusted is.
    return found >= p.entries if p.what == "dbx" else found == p.entries


# Words


def _named(what: str, words: str) -> str:
    return f"{CLASSES.get(what, what)} {words}".strip() if what != "separator" else "separator"


def _changed(p: Place, e: Seen) -> str:
    if p.entries is not None and e.entries is not None:
        return _entries(p, e.entries)
    if e.what == "SecureBoot":
        return f"Secure Boot is {e.words} instead of {p.words}"
    if e.what in ("command-line", "loader-command"):
        says = "says" if e.proven else "calls itself"
        return f"the {_subject(e)} {says} {_rewritten(p.words, e.words)}"
    old = next(iter(sorted(p.digests)), "")[:_SHOWN]
    other = f" instead of {p.words}" if p.words and p.words != e.words else ""
    noun = CLASSES.get(e.what, e.what)
    return f"the {noun} is another one: {e.words}{other}, digest {e.digest.hex()[:_SHOWN]}… instead of {old}…"


def _subject(e: Seen) -> str:
    if e.what == "command-line":
        return CLASSES[e.what]
    return f"boot loader's command {e.words.split(' ', 1)[0]!r}"


def _rewritten(old: str, new: str) -> str:
    """How one line of words became another: only what differs."""
    before, after = old.split(), new.split()
    gone, come = list[str](), list[str]()
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            gone += before[a:b]
            come += after[c:d]
    if come and gone:
        return f"{' '.join(come)!r} instead of {' '.join(gone)!r}"
    if come or gone:
        return f"{' '.join(come)!r} too" if come else f"no {' '.join(gone)!r} any more"
    return "the same with other spaces, or in octets that cannot be shown"


def _entries(p: Place, found: Iterable[str]) -> str:
    """Which entries of a variable are new, and which are gone."""
    mine = {x.partition(" ")[0]: x for x in found}
    known = {x.partition(" ")[0]: x for x in p.told}
    come = [_entry(x) for k, x in mine.items() if k not in known] if p.what != "dbx" else []
    gone = [_entry(x) for k, x in known.items() if k not in mine]
    said = [f"holds {_listed(come)}, which the known boot's does not" if come else ""]
    said.append(f"lacks {_listed(gone)}" if gone else "")
    return f"the variable {p.what} {' and '.join(filter(None, said))}"


def _listed(entries: Sequence[str]) -> str:
    more = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
    return ", ".join(entries[:3]) + more


def _entry(text: str) -> str:
    digest, _, words = text.partition(" ")
    kind, _, value = digest.partition(":")
    return f"{words} ({value[:_SHOWN]}…)" if words else f"{kind} {value[:_SHOWN]}…"


# Learning


class Golden(NamedTuple):
    """One golden boot: its log, what its events say, and the registers that its quote proves."""

    log: Log
    events: tuple[Seen, ...]
    registers: frozenset[int]


class Learned(NamedTuple):
    """A known boot, and what the golden boots differed in, in words."""

    events: tuple[ExpectedEvent, ...]
    may_vary: dict[str, str]
    differed: tuple[str, ...]


def learn(boots: Sequence[Golden], bank: int, may_vary: Mapping[str, str]) -> Learned:
    """The union of golden boots: at each place every digest that one of them had.

    `may_vary` are classes that are not compared: one that has registers of its own (`boot_events.WHERE`) in any number,
    another one event at its place, whatever it is. Registers that a boot's quote does not prove are not learned.
    """
    name = ccel.ALGORITHMS[bank][0]
    proven = frozenset.intersection(*(b.registers for b in boots))
    free = {what: why for what, why in may_vary.items() if what in WHERE}
    found, differed = list[ExpectedEvent](), list[str]()
    for register in sorted(proven):
        held: list[ExpectedEvent] = []
        for n, boot in enumerate(boots):
            skipped = {e.number for e in boot.log.events if e.extends and boot_events.varies(e, free)}
            mine = [e for e in boot.events if e.register == register and e.number not in skipped]
            held = _merged(held, mine, name, first=n == 0, may_vary=may_vary)
        found += held
        differed += [_differed(e) for e in held if len(e.accept) > 1 or e.optional]
    used = {e.what for e in found if e.any} | {w for w in free if set(WHERE[w]) & proven}
    return Learned(tuple(found), {what: why for what, why in may_vary.items() if what in used}, tuple(differed))


def _merged(
    held: list[ExpectedEvent], mine: Sequence[Seen], bank: str, *, first: bool, may_vary: Mapping[str, str]
) -> list[ExpectedEvent]:
    if first:
        return [_expected(e, bank, may_vary) for e in mine]
    made = list[ExpectedEvent]()
    left = iter(held)
    for p, e in aligned([place(x, bank) for x in held], mine):
        before = next(left) if p is not None else None
        if before is None and e is not None:
            made.append(replace(_expected(e, bank, may_vary), optional=True))
        elif before is not None and e is None:
            made.append(replace(before, optional=True))
        elif before is not None and e is not None:
            one = _expected(e, bank, may_vary)
            made.append(_both(before, one))
    return made


def _both(before: ExpectedEvent, one: ExpectedEvent) -> ExpectedEvent:
    """What takes either. Of two dbx what both revoke is demanded; of other variables each is taken as it was, alone."""
    if before.any or one.accept[0].partition(" ")[0] in {a.partition(" ")[0] for a in before.accept}:
        return before
    mine = {e.partition(" ")[0] for e in one.entries}
    entries = tuple(e for e in before.entries if e.partition(" ")[0] in mine) if one.what == "dbx" else ()
    return replace(before, accept=(*before.accept, *one.accept), entries=entries)


def _expected(e: Seen, bank: str, may_vary: Mapping[str, str]) -> ExpectedEvent:
    loose = e.what in may_vary
    accept = () if loose else (f"{bank}:{e.digest.hex()} {e.words}".strip(),)
    return ExpectedEvent(f"pcr{e.register}", e.what, accept, () if loose else e.entries or (), any=loose)


def _differed(e: ExpectedEvent) -> str:
    words = e.accept[0].partition(" ")[2] if e.accept else ""
    told = f"the {_named(e.what, words)} of {e.register.upper().replace('PCR', 'PCR ')}"
    return f"{told} has {len(e.accept)} forms" if len(e.accept) > 1 else f"{told} was not in every boot"
