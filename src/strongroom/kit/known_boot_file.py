"""A known boot in a file of reference values: what it may say, and how it is written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from strongroom.kit import known_boot
from strongroom.kit.artifact_register import quoted
from strongroom.kit.boot_events import CLASSES, WHERE
from strongroom.model.attest import EvidenceKind, ExpectedEvent
from strongroom.model.errors import Malformed

MOST_FORMS = 256  # of one event
MOST_ENTRIES = 8192  # of one variable
_ACCEPTED = re.compile(r"sha(?:1:[0-9a-f]{40}|256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})(?: .{1,600})?")
_ENTRY = re.compile(r"[0-9a-z-]{1,40}:[0-9a-f]{64}(?: .{1,600})?")
_LAST = 23  # the registers of a PC's TPM (PC Client Platform TPM Profile, 4.6)


def check(kind: EvidenceKind, events: Sequence[ExpectedEvent], may_vary: Mapping[str, str], subject: str) -> None:
    """Refuse what could take any boot by accident: events of other evidence, without a digest, or in a mixed order.

    Raises Malformed.
    """
    if not events and not may_vary:
        return
    if kind is not EvidenceKind.TPM or not events:
        raise Malformed(subject, f"events of {kind.value}" if events else "may_vary without events", "a boot by a TPM")
    if len(events) > known_boot.MOST_EVENTS:
        raise Malformed(subject, f"{len(events)} events", f"at most {known_boot.MOST_EVENTS}")
    for what, why in may_vary.items():
        if what not in CLASSES or not why.strip():
            raise Malformed(subject, f"may_vary of {what[:40]!r}", f"a reason, for one of {', '.join(CLASSES)}")
    for e in events:
        _check(e, may_vary, subject)
    runs = [register for register, _ in groupby(e.register for e in events)]
    if len(runs) != len(set(runs)):
        raise Malformed(subject, "events of registers in turn", "all events of a register, in their order")


def _check(e: ExpectedEvent, may_vary: Mapping[str, str], subject: str) -> None:
    where = f"{subject}: {e.what[:40]!r} of {e.register[:20]!r}"
    if not 0 <= known_boot.number(e.register) <= _LAST:
        raise Malformed(where, "another register", f"pcr0 to pcr{_LAST}")
    if e.what not in CLASSES:
        raise Malformed(where, "another class", f"one of {', '.join(CLASSES)}")
    if e.any and (e.what not in may_vary or e.accept or e.entries):
        raise Malformed(where, "any, and digests, or no reason in may_vary", "one or the other, and why")
    if not e.any and not 0 < len(e.accept) <= MOST_FORMS:
        raise Malformed(where, f"{len(e.accept)} digests", f"1 to {MOST_FORMS}")
    bad = next((a for a in e.accept if not _ACCEPTED.fullmatch(a)), None)
    if bad is not None:
        raise Malformed(where, f"accept {bad[:80]!r}", "a digest in lower-case hex, and words: sha256:… /initrd.gz")
    if len(e.entries) > MOST_ENTRIES or (e.entries and e.what not in ("PK", "KEK", "db", "dbx")):
        raise Malformed(where, f"{len(e.entries)} entries", f"those of PK, KEK, db or dbx, at most {MOST_ENTRIES}")
    bad = next((x for x in e.entries if not _ENTRY.fullmatch(x)), None)
    if bad is not None:
        raise Malformed(where, f"the entry {bad[:80]!r}", "x509: or sha256: with a digest, and words")


def lines(events: Sequence[ExpectedEvent], may_vary: Mapping[str, str]) -> Iterator[str]:
    """The text of a known boot, below its reference: what may vary, then every event in its order."""
    if may_vary:
        yield "[reference.may_vary]"
        yield from (f"{quoted(what)} = {quoted(why)}{_free(what)}" for what, why in may_vary.items())
    for e in events:
        yield from ("", "[[reference.events]]", f"register = {quoted(e.register)}", f"what = {quoted(e.what)}")
        if e.accept:
            yield from _listed("accept", e.accept)
        if e.entries:
            yield from _listed("entries", e.entries)
        if e.any:
            yield "any = true"
        if e.optional:
            yield "optional = true"


def _free(what: str) -> str:
    """What is not proven any more, beside the reason."""
    return f"  # PCR {', '.join(map(str, WHERE[what]))}: any number of them" if what in WHERE else ""


def _listed(name: str, items: Sequence[str]) -> Iterator[str]:
    if len(items) == 1:
        yield f"{name} = [{quoted(items[0])}]"
        return
    yield f"{name} = ["
    yield from (f"  {quoted(x)}," for x in items)
    yield "]"
