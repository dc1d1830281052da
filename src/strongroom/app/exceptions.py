"""Exceptions, for who writes them: look at a file, add to it, and judge a stored run again without reading a source."""

import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from strongroom.app.catalogue import SOURCE_CHECK
from strongroom.app.config import Config
from strongroom.app.exceptions_file import load, parse, read, written
from strongroom.app.log_default import place_of
from strongroom.app.log_people import log_exceptions
from strongroom.app.log_snapshots import log_snapshot
from strongroom.app.rules import given as given_rules
from strongroom.app.rules import load as load_rules
from strongroom.app.state import state_path
from strongroom.assess.exceptions import OPEN, Beside, Decided, Open, decide, missing
from strongroom.assess.people_prose import exception_state
from strongroom.model.codes import ExceptionState, Severity, Status
from strongroom.model.errors import BadUsage, NotFound, StateError, Unreadable
from strongroom.model.people import Accepted, ExceptionNote, RiskException
from strongroom.model.ports import Catalogue
from strongroom.model.snapshot import Beside as Kept
from strongroom.model.snapshot import Snapshot, StoredFinding
from strongroom.store.snapshots import Store


class _Ids:
    """The ids of every check and control; the catalogue is only loaded for one that the stored run does not name."""

    def __init__(self, config: Config, findings: Iterable[StoredFinding] = ()) -> None:
        self._config = config
        self._seen = {SOURCE_CHECK, *(x for f in findings for x in (f.check, f.control))}
        self._known: Catalogue | None = None

    def __contains__(self, ident: object) -> bool:
        if ident in self._seen:
            return True
        if self._known is None:
            self._known = load_rules(given_rules(self._config, ()), self._config.bounds()).catalogue()
        return ident in self._known.checks or ident in self._known.controls


@dataclass(frozen=True, slots=True)
class Judged:
    """A stored run, judged again: the findings as they are now, and how many changed. `kept` is what they are kept as."""

    of: Snapshot
    findings: tuple[StoredFinding, ...]
    accepted: tuple[Accepted, ...]
    notes: tuple[ExceptionNote, ...]
    newly_accepted: int
    reopened: int
    kept: Snapshot | None = None

    def exit_code(self, fail_on: Severity | None) -> int:
        """As `assess` answers."""
        failing = [f.severity.rank for f in self.findings if f.status is Status.FAIL]
        if fail_on is not None and any(rank >= fail_on.rank for rank in failing):
            return 1
        return 3 if any(f.status is Status.UNKNOWN for f in self.findings) else 0


def judge_again(
    exceptions: Sequence[RiskException], config: Config, state: str, name: str, now: datetime
) -> tuple[Judged, Kept]:
    """A stored run under other exceptions. No source is read. Raises NotFound, StateError."""
    with Store(state) as store:
        snapshot = store.get(name)
        before = tuple(store.findings(snapshot))
        beside = store.beside(snapshot)
    was = {fingerprint: status for fingerprint, status, _ in beside.accepted}
    bare = [_bare(f, was) for f in before]
    said = _decide(bare, beside, exceptions, config, now)
    marked = {a.fingerprint for a in said.accepted}
    after = tuple(
        msgspec.structs.replace(f, status=Status.ACCEPTED) if f.status in OPEN and f.fingerprint in marked else f
        for f in bare
    )
    changed = [(a.status, b.status) for a, b in zip(before, after, strict=True) if a.status is not b.status]
    newly = sum(b is Status.ACCEPTED for _, b in changed)
    judged = Judged(snapshot, after, said.accepted, said.notes, newly, len(changed) - newly)
    return judged, msgspec.structs.replace(
        beside,
        accepted=tuple((a.fingerprint, a.was, a.exception.digest) for a in said.accepted),
        exceptions=tuple({a.exception.digest: a.exception for a in said.accepted}.values()),
    )


def _bare(f: StoredFinding, was: dict[str, Status]) -> StoredFinding:
    """The finding before anybody accepted it."""
    if f.status is not Status.ACCEPTED:
        return f
    return msgspec.structs.replace(f, status=was.get(f.fingerprint, Status.FAIL))


def _decide(
    bare: Sequence[StoredFinding], beside: Kept, exceptions: Sequence[RiskException], config: Config, now: datetime
) -> Decided:
    aliases: dict[str, list[str]] = {}
    for asset, alias in beside.aliases:
        aliases.setdefault(asset, []).append(alias)
    found = (
        Open(
            f.fingerprint,
            f.check,
            f.control,
            f.status,
            f.severity,
            f.asset,
            f.address,
            (f.address, f.asset, *aliases.get(f.asset, ())),
        )
        for f in bare
        if f.status in OPEN
    )
    skips = (Beside(s.asset, s.address, s.skip) for s in beside.skips)
    return decide(found, exceptions, skips, config.assess.inline, now, _Ids(config, bare))


def apply(
    config: Config,
    file: str,
    name: str,
    now: datetime,
    *,
    state: str | None,
    log: str | None,
    keep: bool,
    offline: bool,
    seal: Sequence[str] = (),
) -> Judged:
    """Judge a stored run under the exceptions of a file; what changed is kept and logged as a run of its own.

    Raises:
        BadInput: the file is none.
        NotFound, StateError: there is no such run, or it cannot be kept.
        LogUnavailable, LogDamaged: it was kept and could not be logged.
    """
    where = existing(state or config.state.path)
    judged, beside = judge_again(load(file), config, where, name, now)
    if not keep or not (judged.newly_accepted or judged.reopened):
        return judged
    with Store(where) as store:
        kept = store.add(now, judged.of.sources, judged.of.assets, judged.findings, beside)
    place = place_of(config, log, state=where)
    made = not (log or config.log.path)
    log_exceptions(beside.exceptions, where, place, now, made=made, offline=offline, seal=seal)
    log_snapshot(kept, where, place, made=made, offline=offline, judged_again=judged.of.id)
    return Judged(
        judged.of, judged.findings, judged.accepted, judged.notes, judged.newly_accepted, judged.reopened, kept
    )


def existing(state: str) -> str:
    """The place of a state database that is there: looking for a run makes none. Raises NotFound."""
    where = state_path(state or None)
    if "://" not in where and not Path(where).exists():
        raise NotFound(f"state database {where}", "no such file", "a kept run", "strongroom assess SOURCE keeps one")
    return where


@dataclass(frozen=True, slots=True)
class Entry:
    """One exception of a file, and how it stands: `holds`, or the word for what is wrong. `findings` it names, if known."""

    exception: RiskException
    state: str
    said: str
    findings: int | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A file as it stands. `snapshot` is the run that use was looked for in, or None: then use is not known."""

    path: str
    entries: tuple[Entry, ...]
    problems: tuple[str, ...]
    snapshot: Snapshot | None

    @property
    def sound(self) -> bool:
        """Whether every entry is well formed, in force and in use."""
        return not self.problems and all(e.state == "holds" for e in self.entries)


def check(config: Config, file: str, name: str, now: datetime, *, state: str | None) -> Checked:
    """What is expired, unused, incomplete or malformed in a file. Raises Unreadable, TooLarge, NotFound, StateError."""
    found = read(file)
    problems = tuple(str(p) for p in found.problems)
    try:
        where = existing(state or config.state.path)
        judged, _ = judge_again(found.exceptions, config, where, name, now)
    except (NotFound, StateError):
        if name != "latest" or state:
            raise
        return Checked(file, tuple(_by_words(e, config, now) for e in found.exceptions), problems, None)
    used: dict[str, int] = {}
    for a in judged.accepted:
        used[a.exception.digest] = used.get(a.exception.digest, 0) + 1
    notes = {n.exception.digest: n for n in judged.notes if not n.exception.inline}
    entries = (_by_use(e, notes.get(e.digest), used.get(e.digest, 0)) for e in found.exceptions)
    return Checked(file, tuple(entries), problems, judged.of)


def _by_words(e: RiskException, config: Config, now: datetime) -> Entry:
    """How an entry stands as far as its own words say."""
    ids = _Ids(config)
    state: ExceptionState | None = None
    if any(ident and ident not in ids for ident in (e.check, e.control)):
        state = ExceptionState.NO_SUCH_CHECK
    elif missing(e):
        state = ExceptionState.INCOMPLETE
    elif e.expires is not None and now.date() > e.expires:
        state = ExceptionState.EXPIRED
    return Entry(e, state.value, exception_state(ExceptionNote(state, e))) if state else Entry(e, "holds", "")


def _by_use(e: RiskException, note: ExceptionNote | None, used: int) -> Entry:
    if note is None:
        return Entry(e, "holds", "", used)
    return Entry(e, note.state.value, exception_state(note), used or len(note.fingerprints))


def add(
    config: Config,
    file: str,
    e: RiskException,
    now: datetime,
    *,
    state: str | None,
    log: str | None,
    logged: bool,
    offline: bool,
    seal: Sequence[str] = (),
) -> RiskException:
    """Add an exception to a file, which is made where there is none, and log it. The file is changed last.

    Raises:
        BadUsage: owner, approver, reason or expiry is missing, or its day is over.
        BadInput: the file, or the entry in it, is not well formed.
        LogUnavailable, LogDamaged, StateError: it cannot be logged; then the file stays as it was.
    """
    if wanting := missing(e):
        raise BadUsage("exceptions add", f"no {', no '.join(wanting)}", "--owner, --approver, --reason and --expires")
    if e.expires is not None and now.date() > e.expires:
        raise BadUsage("--expires", e.expires.isoformat(), "a day that is not over")
    if _by_words(e, config, now).state == ExceptionState.NO_SUCH_CHECK:
        raise BadUsage(
            "exceptions add", f"{e.check or e.control!r}", "the id of a check or control", "strongroom controls"
        )
    path = Path(file)
    before = path.read_text(encoding="utf-8") if path.exists() and load(file) is not None else ""
    after = f"{before.rstrip()}\n\n{written(e)}".lstrip("\n")
    found = parse(after.encode(), file)
    if found.problems:
        raise found.problems[0]
    if logged:
        where = state_path(state or config.state.path)
        made = not (log or config.log.path)
        place = place_of(config, log, state=where)
        log_exceptions([found.exceptions[-1]], where, place, now, made=made, offline=offline, seal=seal)
    _replace(path, after)
    return found.exceptions[-1]


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Unreadable(str(path), (error.strerror or "an error").lower(), "a file that can be written") from None


def file_of(config: Config, given: str | None) -> str:
    """The exceptions file that is meant. Raises BadUsage where none is named."""
    named = given or config.assess.exceptions
    if not named:
        raise BadUsage("exceptions", "no file", "one", "name it with --exceptions FILE, or as [assess] exceptions")
    return named
