"""The drill: every fault is done to a broker like this one, and each must end in a denial, logged, with nothing left.

What it shows is what this build does with this policy and this evidence; the live database, log and back ends are not
harmed. Beside the faults stands a cell without any, which must release: else nothing was shown.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from strongroom import __version__
from strongroom.app import broker_record, log_entries
from strongroom.app.appraisal import appraise, code_digest
from strongroom.app.broker_record import Judge
from strongroom.app.broker_words import Refused
from strongroom.app.log import Log, Place, create
from strongroom.app.release_admin import Desk
from strongroom.app.release_drill_faults import FAULTS, Fault, Moment, Told
from strongroom.app.release_drill_stand import Stand, Taken, shown, stand
from strongroom.app.release_drill_words import SUBJECT
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, NotFound, StateError
from strongroom.model.log import LogEntry
from strongroom.model.ports import Progress
from strongroom.model.release import ALLOW, DENY, VERB, ReleasePolicy, Terms
from strongroom.model.trust import Decision
from strongroom.release.decide import rule_for
from strongroom.store.broker import BrokerStore

SECONDS = 30.0  # a cell that takes longer has hung
_PREFIX = "strongroom-drill-"


class Cell(msgspec.Struct, frozen=True):
    """What became of one fault. `failed` says why it is not as it must be; it is empty where it is."""

    fault: str
    moment: str
    answer: str
    logged: str
    failed: str = ""
    skipped: str = ""


class Drill(msgspec.Struct, frozen=True):
    """All of it. It has `passed` only where the cell without a fault released, and every other was denied."""

    schema: str
    decision: str
    record: str
    policy: str
    code: str
    version: str
    control: str
    cells: tuple[Cell, ...]
    entry: int | None = None

    @property
    def failed(self) -> tuple[Cell, ...]:
        """The cells that are not as they must be."""
        return tuple(c for c in self.cells if c.failed)

    @property
    def passed(self) -> bool:
        """Whether it showed that the broker fails closed."""
        return not self.control and not self.failed and any(not c.skipped for c in self.cells)


SCHEMA = "strongroom.release-drill/1"


@dataclass(frozen=True, slots=True)
class Asked:
    """A drill: where the live log is, whether its outcome is put there, and whose verdicts count. Tests have another judge."""

    place: Place
    dry: bool = False
    judge: Judge = appraise


def drill(desk: Desk, asked: Asked, tell: Progress | None = None) -> Drill:
    """Do every fault, and log what came of it.

    Raises:
        NotFound: nothing was released yet, or no policy counts.
        StateError, LogError: what is kept cannot be read, or the outcome not be logged.
        BadInput: the evidence of the release is of a kind that the protocol does not carry.
    """
    if desk.policy is None:
        hint = "strongroom release policy status FILE says why"
        raise NotFound("release policy", "none that counts", "one in force", hint)
    terms = _newest(desk, asked.place)
    taken = _taken(desk.store, terms, desk.policy, asked.judge)
    with _scratch() as folder, _log(folder) as log:
        control = _control(stand(taken, folder / "control", log))
        cells = []
        for number, fault in enumerate(FAULTS):
            if tell is not None:
                tell("faults", number, len(FAULTS))
            cells.append(_cell(fault, stand(taken, folder / f"{number}", log)))
    assert terms.workload is not None  # `_newest` takes no other
    record, policy = terms.workload.record, desk.policy.digest
    found = Drill(SCHEMA, terms.id, record, policy, code_digest(), __version__, control, tuple(cells))
    if asked.dry:
        return found
    return msgspec.structs.replace(found, entry=_logged(desk, found))


def _newest(desk: Desk, place: Place) -> Terms:
    """The terms of the newest release to an attested workload."""
    newest: Terms | None = None
    for got in log_entries.entries(place, [EntryKind.RELEASE.value]):
        if got.entry is None or got.entry.fields.get("verb") != VERB:
            continue
        try:
            terms = msgspec.json.decode(desk.store.decision(str(got.entry.fields.get("decision"))), type=Terms)
        except (NotFound, msgspec.MsgspecError):
            continue
        if terms.workload is not None and terms.policy is not None:
            newest = terms
    if newest is None:
        hint = "strongroom release get NAME, on a machine that the policy expects, makes one"
        raise NotFound("release", "none to an attested workload whose terms are kept", "one, to repeat it", hint)
    return newest


def _taken(store: BrokerStore, terms: Terms, policy: ReleasePolicy, judge: Judge) -> Taken:
    """What a release rested on; the rule is that of the policy in force, and where none names the resource now, the old one."""
    assert terms.workload is not None
    judged, _ = broker_record.read(store, terms.workload.record, judge)
    rule = rule_for(msgspec.structs.replace(terms, policy=policy)) or rule_for(terms)
    if rule is None:
        raise StateError("terms of the release", "no rule", "the one that it was made by")
    return Taken(judged, rule, policy, judge)


def _control(s: Stand) -> str:
    """Without a fault it releases; else why not."""
    try:
        s.release(s.attest())
    except Refused as e:
        return f"refused without a fault: {e.found[:300]}"
    return "" if s.released else "nothing came without a fault"


def _cell(fault: Fault, s: Stand) -> Cell:
    """Do one fault, and look at what was answered and logged."""
    began = time.monotonic()
    refusal: Refused | None = None
    try:
        cookie = s.attest() if fault.moment is Moment.RELEASE else ""
        try:
            fault.harm(s)
        except LookupError as e:
            return Cell(fault.name, fault.moment.value, "", "", skipped=f"this release rests on no {e.args[0]}")
        used = fault.session(s) if fault.session is not None else cookie or s.cookie()
        if fault.moment is Moment.ATTEST:
            s.attest(used)
        else:
            s.release(used)
    except Refused as e:
        refusal = e
    took = time.monotonic() - began
    answer = f"{refusal.status} {refusal.kind}" if refusal is not None else "RELEASED" if s.released else "ACCEPTED"
    why = _failed(fault, s, refusal, took)
    return Cell(fault.name, fault.moment.value, answer, _told(s.logged).value, why)


def _failed(fault: Fault, s: Stand, refusal: Refused | None, took: float) -> str:
    if refusal is None:
        return "it was not denied"
    if s.released:
        return "a secret left"
    if shown(s.secret, lambda: f"{refusal}{refusal.public}{s.logged}"):
        return "the secret stands in what was told"
    if took > SECONDS:
        return f"it took {took:.0f} s"
    told = _told(s.logged)
    return "" if told is fault.told else f"the log has {told.value}, and must have {fault.told.value}"


def _told(logged: Sequence[Decision]) -> Told:
    """What decisions come to: a release without the word that nothing of it left is no denial, whatever follows it."""
    taken = {d.id for d in logged if d.outcome == ALLOW}
    denied = " ".join(r for d in logged if d.outcome == DENY for r in d.reasons)
    if not logged or any(f"nothing left by the decision {ident}" not in denied for ident in taken):
        return Told.NOTHING
    return Told.UNDONE if taken else Told.DENIAL


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder that goes; what a drill that was killed has left goes too."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if time.time() - left.stat().st_mtime > 3600:  # noqa: TID251 - how old a folder is, the system says by its clock
            shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _log(folder: Path) -> Iterator[Log]:
    place = Place(str(folder / "log"), (), None)
    create(place)
    with Log.open(place, offline=True) as log:
        yield log


def _logged(desk: Desk, found: Drill) -> int:
    """Put the outcome into the live log; its entry. Raises LogUnavailable."""
    entry = LogEntry(
        kind=EntryKind.DRILL,
        subject=SUBJECT,
        actor=desk.who,
        at=desk.now,
        fields={
            "passed": found.passed,
            "control": found.control or "released",
            "cells": tuple(f"{c.moment}: {c.fault}: {c.skipped or c.answer}" for c in found.cells),
            "failed": tuple(f"{c.moment}: {c.fault}: {c.failed}" for c in found.failed),
            "version": found.version,
            "decision": found.decision,
        },
        digests={"code": found.code, "policy": found.policy, "appraisal-record": found.record},
    )
    return desk.log.record(entry).index


def reasons(found: Drill) -> tuple[str, ...]:
    """Why it did not pass."""
    if found.control:
        return (f"nothing was shown: {found.control}",)
    return tuple(f"{c.moment}: {c.fault}: {c.failed}" for c in found.failed)


def wanted(found: Drill) -> BadInput:
    """The error of a drill that showed nothing."""
    return BadInput(
        "drill", found.control[:300], "a release without a fault", "has the policy changed since that release?"
    )
