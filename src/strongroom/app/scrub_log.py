"""One entry of the log for each scrub and each leak test, good or bad; the whole report is a file that it names."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple, Protocol, cast

import msgspec

from strongroom.app.log import Appended, actor
from strongroom.isolate.scrubbing import Terms
from strongroom.kit.canonical import Json, canonical
from strongroom.model.codes import EntryKind
from strongroom.model.log import Field, LogEntry
from strongroom.model.scrub import LeakReport, LeakVerdict, ScrubReport, ScrubVerdict
from strongroom.store import blobs

WHAT, SCRUB, LEAK_TEST = "what", "scrub", "leak-test"
_LONG, _MOST = 300, 20
# What a verdict rests on: the room that scrubs, and its nouns, pattern and judge.
_CODE = ("scrub", "scrub/devices", "model/scrub.py", "kit/scrub_pattern.py", "isolate/scrubbing.py")


class Writer(Protocol):
    """What entries are put into: a log."""

    def record(self, entry: LogEntry) -> Appended:
        """Put one entry into it. Raises LogError."""


class Done(NamedTuple):
    """Of what, by which kind of device, and when."""

    uuid: str
    device: str
    emulated: bool
    at: datetime


class Kept(NamedTuple):
    """Where it is: the digest of the report, and the log's entry."""

    digest: str
    entry: int


def keep_scrub(log: Writer, folder: Path, done: Done, report: ScrubReport, verdict: ScrubVerdict, terms: Terms) -> Kept:
    """Keep a scrub. Raises StateError, LogError: then nobody may rely on it."""
    fields: dict[str, Field] = {
        WHAT: SCRUB,
        "jobs": report.jobs,
        "method": f"{report.gpu.method if report.gpu else 'no context'}; {report.how or 'no memory'}",
        "outcome": verdict.outcome.value,
        "reasons": _short(verdict.reasons),
        "total": report.bytes_total,
        "reached": report.bytes_taken,
        "verified": report.bytes_verified,
        "unreached": tuple(f"{u.what}: {'unknown' if u.bytes is None else u.bytes}" for u in report.unreached),
        "wanted": f"more than {terms.reached / 10} %",
        "passes": tuple(f"{p.step}: {p.bytes}, {p.wrong_words} wrong, {p.microseconds} us" for p in report.passes),
        "remains": verdict.remains.value,
        "left": verdict.remains_bytes,
        "left-where": verdict.remains_where,
        "took-us": report.microseconds,
        "driver": report.before.driver if report.before else "",
    }
    return _keep(log, folder, done, report, fields)


def keep_leak_test(log: Writer, folder: Path, done: Done, report: LeakReport, verdict: LeakVerdict) -> Kept:
    """Keep a leak test. Raises StateError, LogError."""
    fields: dict[str, Field] = {
        WHAT: LEAK_TEST,
        "outcome": verdict.remains.value,
        "reasons": _short(verdict.reasons),
        "leaked": verdict.bytes,
        "where": _short(verdict.where),
        "cases": tuple(f"{t.case}: {sum(t.hits.values())} of {t.planted_words} words" for t in report.tried),
        "took-us": report.microseconds,
        "driver": report.before.driver if report.before else "",
    }
    return _keep(log, folder, done, report, fields)


@lru_cache(maxsize=1)
def code_digest() -> str:
    """`sha256:` over the files that scrub and judge, with their names."""
    h = hashlib.sha256()
    for name in _CODE:
        found = files("strongroom").joinpath(name)
        for item in sorted(found.iterdir(), key=lambda i: i.name) if found.is_dir() else [found]:
            if item.name.endswith((".py", ".cu")):
                data = item.read_bytes()
                h.update(f"{name} {item.name} {len(data)}\n".encode() + data)
    return f"sha256:{h.hexdigest()}"


def _short(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(t[:_LONG] for t in texts[:_MOST])


def _keep(log: Writer, folder: Path, done: Done, report: ScrubReport | LeakReport, fields: Mapping[str, Field]) -> Kept:
    """The file first: an entry must not name what is not there."""
    digest = blobs.put(folder, canonical(cast("Json", msgspec.to_builtins(report)), "report"))
    entry = LogEntry(
        kind=EntryKind.SCRUB,
        subject=f"GPU {done.uuid}",
        actor=actor(),
        at=done.at,
        fields={"gpu": done.uuid, "device": done.device, "emulated": done.emulated, **fields},
        digests={"report": digest, "code": code_digest()},
    )
    return Kept(digest, log.record(entry).index)
