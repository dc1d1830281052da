"""Hand GPUs over: cordon, reset, scrub, health, uncordon; each step an entry of the log, and a node that waits until all is good."""

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path as Folder
from typing import NamedTuple

import msgspec

from strongroom.app import scrub as scrubs
from strongroom.app.handover_book import Book, Books
from strongroom.app.handover_log import Pen, good
from strongroom.app.scrub import Desk, Planned, Scrubbed
from strongroom.isolate import handover as judge
from strongroom.kit.handover_path import failed
from strongroom.kit.rooms import part, room
from strongroom.model.errors import BadInput, GpuError, NotFound
from strongroom.model.handover import (
    Cause,
    Done,
    Ended,
    Hold,
    Keeper,
    KeeperKind,
    Known,
    Link,
    Mark,
    Path,
    Stage,
    Why,
    Xid,
)
from strongroom.model.scrub import Standing
from strongroom.scrub import kernel_log
from strongroom.scrub.children import kind_of

KEEPERS = "strongroom.scrub.keepers"
_FAILS = (GpuError, BadInput, NotFound)  # of a step; a log or a book that fails ends the handover where it is


class Wanted(NamedTuple):
    """Which GPUs of which node, held by which scheduler, and why; `log` is the kernel's.

    `accept_firmware` is a person's word: what is on the GPUs now is what the next handover is compared with. `shared` says
    that the next job gets a part of a GPU, and that others of its kind may be on it.
    """

    gpus: scrubs.Asked
    node: str
    scheduler: str
    causes: tuple[Cause, ...] = ()
    options: Mapping[str, str] = {}
    link: Link | None = None
    minors: Mapping[str, int] = {}
    accept_firmware: bool = False
    shared: bool = False
    log: Folder = kernel_log.KMSG


class HandedOver(NamedTuple):
    """The path as it ended, why, and the scrubs of it."""

    path: Path
    why: str
    scrubs: tuple[Scrubbed, ...]
    entry: int

    @property
    def good(self) -> bool:
        """Whether the GPUs may go to the next job."""
        return good(self.path.ended)


class Ready(NamedTuple):
    """What speaks against giving each GPU to the next job, and the entry that says so."""

    reasons: dict[str, tuple[str, ...]]
    entry: int

    @property
    def good(self) -> bool:
        """Whether nothing does."""
        return not any(self.reasons.values())


def schedulers() -> tuple[str, ...]:
    """The schedulers, by name."""
    return tuple(k.name for k in room(KEEPERS, "KEEPER", KeeperKind).values())


def scheduler(name: str) -> KeeperKind:
    """A scheduler. Raises NotFound."""
    found = part(KEEPERS, name, "KEEPER", KeeperKind)
    if found is None:
        raise NotFound("--scheduler", repr(name[:40]), f"one of {', '.join(schedulers())}")
    return found


class _Seen(NamedTuple):
    """What was seen of GPUs and of the kernel's log before or after: standings, silence, errors, and what is not known."""

    standings: dict[str, Standing]
    hung: dict[str, str]
    xids: tuple[Xid, ...]
    lost: str
    trouble: str
    marks: dict[str, Mark]


@dataclass(slots=True)
class _Walk:
    """One handover on its way."""

    wanted: Wanted
    desk: Desk
    books: Books
    keeper: Keeper
    pen: Pen
    boot: str
    path: Path
    rebooted: bool = False
    scrubbed: list[Scrubbed] = field(default_factory=list)
    seen: _Seen | None = None
    words: str = ""


def hand_over(wanted: Wanted, desk: Desk) -> HandedOver:
    """Hand GPUs over.

    Raises:
        BadUsage, NotFound, Malformed: something is not named as it must be; nothing was done.
        StateError, LogError: a step could not be kept or logged: the handover is still open, and nothing is ready.
    """
    scrubs.check(wanted.gpus)
    kind = scheduler(wanted.scheduler)
    keeper = kind.open(wanted.node, wanted.options, wanted.link)
    books, boot = Books(desk.folder, wanted.node), kernel_log.boot()
    seen = _look(wanted, books.read(), boot)
    _is_mapped(wanted, seen)
    walk = _begin(wanted, desk, books, keeper, boot, kind, seen)
    while isinstance(stage := judge.next_stage(walk.path), Stage):
        if stage is Stage.UNCORDON:
            if (otherwise := _uncordon(walk)) is not None:
                return _end(walk, *otherwise)
        else:
            _note(walk, stage, *_do(walk, stage))
    why = "" if stage is Ended.GOOD else f"{walk.path.steps[-1].stage}: {walk.path.steps[-1].detail}"
    return _end(walk, stage, why)


def _look(wanted: Wanted, book: Book, boot: str) -> _Seen:
    """The GPUs as they stand, and what the kernel's log has of them since their last handover."""
    found = scrubs.plan(wanted.gpus)
    standings = {p.uuid: p.standing for p in found if p.standing is not None}
    hung = {p.uuid: p.trouble for p in found if p.standing is None}
    return _with_log(wanted, standings, hung, book, boot)


def _with_log(wanted: Wanted, standings: dict[str, Standing], hung: dict[str, str], book: Book, boot: str) -> _Seen:
    if all(s.bus == "" for s in standings.values()) and not hung:  # emulated ones are no PCI devices
        return _Seen(standings, hung, (), "", "", {})
    marks = [book.marks.get(u, Mark()) for u in wanted.gpus.uuids]
    sequences = {u: m.sequence if m.boot == boot else -1 for u, m in zip(wanted.gpus.uuids, marks, strict=True)}
    oldest = Mark(boot, min(sequences.values()))
    try:
        read = kernel_log.since(oldest, boot, wanted.log)
    except GpuError as e:
        return _Seen(standings, hung, (), "", str(e), {})
    of = {s.bus: u for u, s in standings.items() if s.bus}
    fresh = tuple(x for x in read.xids if x.sequence > sequences.get(of.get(x.bus, ""), -1))
    return _Seen(standings, hung, fresh, read.lost, "", dict.fromkeys(wanted.gpus.uuids, read.mark))


def _is_mapped(wanted: Wanted, seen: _Seen) -> None:
    """A GPU that is not where the scheduler's table has it is another job's: it is not touched. Raises GpuError."""
    for uuid, minor in wanted.minors.items():
        standing = seen.standings.get(uuid)
        if standing is not None and standing.minor != minor:
            found = "an unknown device file" if standing.minor is None else f"/dev/nvidia{standing.minor}"
            raise GpuError(f"GPU {uuid}", found, f"/dev/nvidia{minor}, as the table of this node has it")


def _begin(wanted: Wanted, desk: Desk, books: Books, keeper: Keeper, boot: str, kind: KeeperKind, seen: _Seen) -> _Walk:
    """Open a handover in the book, before anything is done. One that was not done of the same GPUs goes on in it."""
    causes = [*wanted.causes, *judge.causes(seen.standings.values(), seen.hung, seen.xids)]
    if seen.lost:
        causes.append(Cause(Why.XID, f"{seen.lost}: there may have been XIDs"))
    gpus = frozenset(wanted.gpus.uuids)
    with books.changing() as page:
        book = page.book
        old = [p for p in book.opened if gpus & set(p.gpus)]
        causes += [c for p in old for c in p.causes]
        run = next((p.run for p in old if set(p.gpus) <= gpus), secrets.token_hex(6))
        path = Path(
            run=run,
            node=wanted.node,
            gpus=wanted.gpus.uuids,
            causes=tuple(dict.fromkeys(causes)) or (Cause(Why.TENANT),),
            jobs=tuple(dict.fromkeys((*(j for p in old for j in p.jobs), *wanted.gpus.jobs))),
            kept=kind.kept,
            boot=boot,
        )
        rest = tuple(p for p in book.opened if not set(p.gpus) <= gpus)
        marks = {**book.marks, **seen.marks}
        page.book = msgspec.structs.replace(book, opened=(*rest, path), marks=marks)
    rebooted = bool(old) and all(p.boot != boot for p in old)
    asked = wanted.gpus._replace(jobs=path.jobs)
    pen = Pen(desk.log, wanted.gpus.device, kind_of(wanted.gpus.device).emulated)
    words = judge.words(run)
    return _Walk(wanted._replace(gpus=asked), desk, books, keeper, pen, boot, path, rebooted, words=words)


def _note(walk: _Walk, stage: Stage, ok: bool, detail: str) -> None:
    """A step, in the log first and then in the book."""
    done = Done(stage, ok, detail[:400])
    done = msgspec.structs.replace(done, entry=walk.pen.step(walk.path, done, walk.desk.clock()))
    _put(walk, msgspec.structs.replace(walk.path, steps=(*walk.path.steps, done)))


def _put(walk: _Walk, path: Path) -> None:
    with walk.books.changing() as page:
        others = tuple(p for p in page.book.opened if p.run != path.run)
        page.book = msgspec.structs.replace(page.book, opened=(*others, path))
    walk.path = path


def _do(walk: _Walk, stage: Stage) -> tuple[bool, str]:
    """A step: whether it did what it must, and what there is to say."""
    try:
        return _STEPS[stage](walk)
    except _FAILS as e:
        return False, str(e)


def _cordon(walk: _Walk) -> tuple[bool, str]:
    hold = walk.keeper.cordon(walk.words)
    with walk.books.changing() as page:
        whose = judge.cordon(hold, page.book.cordon, walk.path.run)
        if whose is not None:
            page.book = msgspec.structs.replace(page.book, cordon=whose)
    if not hold.cordoned:
        return False, "the scheduler still gives jobs to the node"
    return True, f"ours: {hold.words}" if whose is not None else f"another's already: {hold.words or 'without a word'}"


def _reset(walk: _Walk) -> tuple[bool, str]:
    """By the vendor's program; or it was: a machine that started again since the failure has reset its GPUs."""
    if walk.rebooted:
        return True, "the machine was started again since"
    kind, asked = kind_of(walk.wanted.gpus.device), walk.wanted.gpus
    return True, "; ".join(f"{u}: {kind.reset(u, asked.options)}" for u in asked.uuids)[:400]


def _scrub(walk: _Walk) -> tuple[bool, str]:
    walk.scrubbed = scrubs.scrub(walk.wanted.gpus, walk.desk)
    told = [
        f"{s.report.uuid}: {s.verdict.outcome}, entry {s.kept.entry}{''.join(f', {r}' for r in s.verdict.reasons[:2])}"
        for s in walk.scrubbed
    ]
    return all(s.good for s in walk.scrubbed), "; ".join(told)


def _health(walk: _Walk) -> tuple[bool, str]:
    book = walk.books.read()
    # What came before this handover began is a cause of it; what came since then speaks against its end.
    seen = walk.seen = _look(walk.wanted, book, walk.boot)
    reset = failed(walk.path.causes)
    reasons = [f"{uuid}: {why}" for uuid, why in seen.hung.items()]
    for uuid, standing in seen.standings.items():
        known = None if walk.wanted.accept_firmware else book.known.get(uuid)
        found = judge.health(standing, known, seen.xids, seen.trouble or seen.lost, reset=reset)
        reasons += [f"{uuid}: {r}" for r in found]
    firmware = [f"{u}: {', '.join(f'{k} {v}' for k, v in s.firmware.items())}" for u, s in seen.standings.items()]
    accepted = ["its firmware is accepted as it is"] if walk.wanted.accept_firmware else []
    return not reasons, "; ".join(reasons or [*accepted, *firmware, "nothing speaks against it"])


def _uncordon(walk: _Walk) -> tuple[Ended, str] | None:
    """Let the node go, where it is ours and nothing else of it is open; else how the handover ends instead.

    The book is held meanwhile: another handover that begins puts itself into it before it looks for a cordon. The log has it
    before the scheduler does: no node is let go without an entry.
    """
    with walk.books.changing() as page:
        book = page.book
        others = [p for p in book.opened if p.run != walk.path.run]
        try:
            hold: Hold = walk.keeper.look()
            if why := judge.keeps(hold, book.cordon, others):
                page.book = book if hold.cordoned else msgspec.structs.replace(book, cordon=None)
                return Ended.LEFT, why
            done = Done(Stage.UNCORDON, ok=True, detail="the node takes jobs again")
            done = msgspec.structs.replace(done, entry=walk.pen.step(walk.path, done, walk.desk.clock()))
            walk.path = msgspec.structs.replace(walk.path, steps=(*walk.path.steps, done))
            walk.keeper.uncordon(hold.words)
        except _FAILS as e:
            return Ended.HELD, f"{Stage.UNCORDON}: {e}"
        page.book = msgspec.structs.replace(book, opened=(*others, walk.path), cordon=None)
    return None


_STEPS = {
    Stage.CORDON: _cordon,
    Stage.RESET: _reset,
    Stage.SCRUB: _scrub,
    Stage.HEALTH: _health,
}


def _end(walk: _Walk, ended: Ended, why: str) -> HandedOver:
    """The end, in the log and then in the book. A node of a handover that is held waits in words that say so."""
    if ended is Ended.HELD and not walk.path.kept:
        try:
            walk.keeper.failed(walk.words)
        except _FAILS as e:
            why = f"{why}; and the node could not be marked: {e}"
    path = msgspec.structs.replace(walk.path, ended=ended)
    entry = walk.pen.end(path, why, walk.desk.clock())
    with walk.books.changing() as page:
        book = page.book
        others = tuple(p for p in book.opened if p.run != path.run)
        known = {**book.known, **{u: _known(walk, u, ended, entry, book) for u in path.gpus}}
        seen = walk.seen.marks if walk.seen and good(ended) else {}
        opened = others if good(ended) else (*others, path)
        page.book = msgspec.structs.replace(book, opened=opened, known=known, marks={**book.marks, **seen})
    return HandedOver(path, why, tuple(walk.scrubbed), entry)


def _known(walk: _Walk, uuid: str, ended: Ended, entry: int, book: Book) -> Known:
    """What is known of a GPU from now on. After a bad handover, the firmware stays what it was when all was good."""
    standing = walk.seen.standings.get(uuid) if walk.seen else None
    old = book.known.get(uuid)
    if not good(ended) or standing is None:
        driver, firmware = (old.driver, old.firmware) if old else ("", {})
        return Known(outcome=ended, boot=walk.boot, entry=entry, driver=driver, firmware=firmware)
    return Known(outcome=ended, boot=walk.boot, entry=entry, driver=standing.driver, firmware=standing.firmware)


def ready(wanted: Wanted, desk: Desk, job: str) -> Ready:
    """Whether GPUs may go to a job now; the answer is in the log. Raises as `hand_over`."""
    scrubs.check(wanted.gpus)
    book, boot = Books(desk.folder, wanted.node).read(), kernel_log.boot()
    with ThreadPoolExecutor(len(wanted.gpus.uuids)) as threads:
        found = list(threads.map(partial(_against, wanted, book, boot), scrubs.plan(wanted.gpus)))
    reasons = dict(zip(wanted.gpus.uuids, found, strict=True))
    relies = [book.known[u].entry for u in wanted.gpus.uuids if u in book.known]
    pen = Pen(desk.log, wanted.gpus.device, kind_of(wanted.gpus.device).emulated)
    return Ready(reasons, pen.start(wanted.node, reasons, relies, job, desk.clock()))


def _against(wanted: Wanted, book: Book, boot: str, planned: Planned) -> tuple[str, ...]:
    uuid, standing = planned.uuid, planned.standing
    if standing is None:
        return (planned.trouble,)
    if uuid in wanted.minors and standing.minor != wanted.minors[uuid]:
        return (f"it is not /dev/nvidia{wanted.minors[uuid]}, as the table of this node has it",)
    return tuple(judge.ready(uuid, standing, book.known.get(uuid), book.opened, boot, shared=wanted.shared))


def causes_of(texts: Sequence[str]) -> tuple[Cause, ...]:
    """Causes such as `xid:79`. Raises NotFound."""
    found = []
    for text in texts:
        why, _, detail = text.partition(":")
        if why not in {w.value for w in Why}:
            raise NotFound(
                "--cause", repr(text[:40]), f"one of {', '.join(Why)}, with what is known of it after a colon"
            )
        found.append(Cause(Why(why), detail[:200]))
    return tuple(found)
