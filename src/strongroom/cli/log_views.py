"""What the log's commands print: plain lines of at most 80 columns, and the same as JSON."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from strongroom.app.log_entries import Got
from strongroom.cli.lines import WIDTH, clean, line
from strongroom.kit.tlog.merkle import leaf_hash
from strongroom.kit.tlog.proof import Logged
from strongroom.model.log import Field, LogEntry

_SEALED = "sealed; nobody has asked to open it, or what opens it is not here any more"


def shown(value: Field) -> str:
    """A field for a person."""
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _own(value: str, name: str, got: Got) -> str:
    return f"{value} (opened)" if name in got.opened else value or "none"


def entry_lines(got: Got) -> Iterator[str]:
    """One entry, with what is sealed and what of it was opened."""
    yield line("entry", str(got.index))
    yield line("leaf", leaf_hash(got.data).hex())
    if got.entry is None:
        yield line("bytes", f"{len(got.data)} of another schema: {got.data[:200]!r}")
        return
    entry = got.entry
    yield line("kind", str(entry.kind))
    yield line("subject", _SEALED if "subject" in entry.sealed else _own(entry.subject, "subject", got))
    yield line("actor", _SEALED if "actor" in entry.sealed else _own(entry.actor, "actor", got))
    yield line("at", f"{entry.at:%Y-%m-%d %H:%M:%S} UTC")
    for name, value in sorted(entry.fields.items()):
        yield line(name, f"{shown(value)}{' (opened)' if name in got.opened else ''}")
    for name, digest in sorted(entry.digests.items()):
        yield line(name, digest)
    for name in sorted(entry.sealed):
        if name not in {"subject", "actor"}:
            yield line(name, _SEALED)


def row(got: Got) -> str:
    """One line of a list."""
    if got.entry is None:
        return f"{got.index:>8}  {'?':<14} {len(got.data)} bytes of another schema\n"
    e = got.entry
    head = f"{got.index:>8}  {e.at:%Y-%m-%d %H:%M}  {e.kind:<13} "
    said = e.subject or "(sealed)"
    room = max(10, WIDTH - len(head))
    text = " ".join(clean(said).split())
    return head + (text if len(text) <= room else f"{text[: room - 1]}…") + "\n"


def logged_lines(found: Logged) -> Iterator[str]:
    """What a proof proves."""
    head = found.accepted.checkpoint
    yield line("entry", f"{found.index}, in the log {head.origin} of {head.size} entries")
    yield line("leaf", found.leaf.hex())
    yield line("signed by", ", ".join(f"{s.key.name}+{s.key.key_id:08x}" for s in found.accepted.signatures))
    names = [w.decode("utf-8", "backslashreplace") for w in found.accepted.witnesses]
    yield line("witnesses", ", ".join(names) or "none that is known here: the log's own word only")


class _Json(msgspec.Struct):
    index: int
    leaf: str
    entry: LogEntry | None
    bytes: str | None = None


def as_json(got: Got) -> str:
    """An entry as one line of JSON."""
    other = None if got.entry is not None else got.data.hex()
    return msgspec.json.encode(_Json(got.index, leaf_hash(got.data).hex(), got.entry, other)).decode() + "\n"


def csv_lines(entries: Iterable[Got]) -> Iterator[str]:
    """Entries as comma-separated values; fields and digests are JSON in one column each."""
    yield _csv(("index", "at", "kind", "subject", "actor", "fields", "digests", "sealed", "leaf"))
    for got in entries:
        e = got.entry
        if e is None:
            yield _csv((str(got.index), "", "", "", "", "", "", "", leaf_hash(got.data).hex()))
            continue
        maps = [msgspec.json.encode(m, order="sorted").decode() for m in (e.fields, e.digests, e.sealed)]
        at = e.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        yield _csv((str(got.index), at, e.kind, e.subject, e.actor, *maps, leaf_hash(got.data).hex()))


def _csv(cells: Sequence[str]) -> str:
    out = io.StringIO()
    # A cell that begins like a formula would be run by a spreadsheet.
    csv.writer(out, lineterminator="\n").writerow("'" + c if c[:1] in {"=", "+", "-", "@", "\t"} else c for c in cells)
    return out.getvalue()
