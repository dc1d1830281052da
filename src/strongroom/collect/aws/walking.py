"""All that the tables ask of an account, many questions at a time, within the time that there is.

A list counts as whole when it was read to its last page. What could not be listed is told with its reason, and so is what
a resource did not tell: nothing that was not seen passes for absent.
"""

import hashlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from strongroom.collect.aws.answers import Failure, Told, canonical, nowhere, unset
from strongroom.collect.aws.asking import Call, Detail, Listing, Seen
from strongroom.collect.aws.session import AT_ONCE, Account, asked_in
from strongroom.collect.cloudformation.scope import Open
from strongroom.model.codes import GapCode
from strongroom.model.ports import Progress
from strongroom.model.values import Unknown

Ask = Callable[[str, Call, Mapping[str, object]], Told]


@dataclass(frozen=True, slots=True)
class Lost:
    """A list that was not read to its end: of which type, where, and why."""

    listing: Listing
    region: str
    failure: Failure


@dataclass(slots=True)
class Walked:
    """What an account told: resources in the order of the tables, what could not be listed, and the digest of it all."""

    seen: list[Seen] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    calls: int = 0
    size: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class _Task:
    """One list to read: in a region, and of one owner where it is asked of each."""

    order: int
    listing: Listing
    region: str
    owner: Seen | None = None


@dataclass(frozen=True, slots=True)
class _Done:
    task: _Task
    seen: tuple[Seen, ...]
    failure: Failure | None
    calls: int
    late: bool = False


class Deadline:
    """When the time for all questions together is up. The clock is that of the machine's running, not of its day."""

    def __init__(self, seconds: float) -> None:
        """So many seconds from now."""
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left; 0 when the time is up."""
        return max(0.0, self._end - time.monotonic())

    def failure(self, what: str) -> Failure:
        """What is told of a question that there was no time for."""
        detail = (
            f"{what}: not asked to its end within {self.seconds:g} seconds; set [limits] wall_seconds to wait longer"
        )
        return Failure(GapCode.TIMEOUT, "", detail)


class _HandedOver:
    """What a thread could not foresee goes to the thread that waits for it, and is raised there."""

    def __init__(self, to: "queue.SimpleQueue[_Done | BaseException]") -> None:
        self._to = to

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self._to.put(error)
        return True


class Walk:
    """One account, table by table."""

    def __init__(
        self, account: Account, listings: Sequence[Listing], since: str, deadline: Deadline, progress: Progress | None
    ) -> None:
        """`since` is the time, as text, from which on jobs are read."""
        self._account, self._listings, self._since = account, listings, since
        self._deadline, self._progress = deadline, progress
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[_Done | BaseException] = queue.SimpleQueue()
        self._children: dict[str, list[tuple[int, Listing]]] = {}
        for n, one in enumerate(listings):
            if one.of:
                self._children.setdefault(one.of, []).append((n, one))

    def run(self) -> Walked:
        """Ask everything. Threads that still wait when the time is up are left behind: they hold nothing that is used."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(AT_ONCE)]
        for one in threads:
            one.start()
        waiting: dict[tuple[int, str, str], _Task] = {}
        done: dict[tuple[int, str, str], _Done] = {}
        try:
            for task in self._roots():
                self._put(task, waiting)
            while waiting and self._deadline.left():
                try:
                    result = self._results.get(timeout=min(self._deadline.left(), 1.0))
                except queue.Empty:
                    continue
                if isinstance(result, BaseException):
                    raise result
                waiting.pop(_key(result.task), None)
                done[_key(result.task)] = result
                for task in self._below(result):
                    self._put(task, waiting)
                self._tell(len(done), len(done) + len(waiting))
        finally:
            for _ in threads:
                self._tasks.put(None)
        for task in waiting.values():
            done[_key(task)] = _Done(task, (), self._deadline.failure(task.listing.call.needs), 0)
        return self._gathered(done)

    def _put(self, task: _Task, waiting: dict[tuple[int, str, str], _Task]) -> None:
        waiting[_key(task)] = task
        self._tasks.put(task)

    def _tell(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress("lists", done, total)

    def _roots(self) -> Iterator[_Task]:
        for n, one in enumerate(self._listings):
            if one.of:
                continue
            for region in (self._account.home,) if one.once else self._account.regions:
                yield _Task(n, one, region)

    def _below(self, result: _Done) -> Iterator[_Task]:
        for n, child in self._children.get(result.task.listing.type, ()):
            yield from (_Task(n, child, result.task.region, owner) for owner in result.seen)

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            if task is None or not self._deadline.left():
                return
            with _HandedOver(self._results):
                self._results.put(self._listed(task))

    def _listed(self, task: _Task) -> _Done:
        """One list and what completes its resources."""
        listing, region = task.listing, task.region
        told = self._ask(task, listing.call, self._blank(task))
        failure = told.failure
        if failure is not None and unset(listing.call, failure):
            failure = None
        elif failure is not None and nowhere(failure) and not self._account.offered(listing.call.service, region):
            return _Done(task, (), None, told.calls)
        found = told.found or (({},) if listing.single and failure is None else ())
        seen = []
        calls = told.calls
        for one in found:
            made = self._seen(task, one)
            calls += self._completed(made, listing, task)
            self._name(made, listing)
            seen.append(made)
        return _Done(task, tuple(seen), failure, calls)

    def _ask(self, task: _Task, call: Call, of: Seen) -> Told:
        if not self._deadline.left():
            return Told((), self._deadline.failure(call.needs), 0)
        arguments = {name: self._filled(template, of) for name, template in call.arguments.items()}
        return asked_in(self._account, task.region, call, {k: v for k, v in arguments.items() if v is not None})

    def _filled(self, template: object, of: Seen) -> object:
        return self._since if template == "{since}" else of.fill(template)

    def _blank(self, task: _Task) -> Seen:
        """What a list's own arguments are filled from: its owner, or the account alone."""
        if task.owner is not None:
            return task.owner
        return Seen(task.listing.type, task.region, self._account.number, self._account.partition, {})

    def _seen(self, task: _Task, answer: object) -> Seen:
        made = dict(answer) if isinstance(answer, dict) else {task.listing.word: answer}
        region = "" if task.listing.once else task.region
        return Seen(task.listing.type, region, self._account.number, self._account.partition, made, owner=task.owner)

    def _name(self, made: Seen, listing: Listing) -> None:
        made.name = str(made.fill(listing.name) or "")
        made.arn = str(made.fill(listing.arn) or "")
        made.ident = str(made.fill(listing.ident) or made.name)

    def _completed(self, made: Seen, listing: Listing, task: _Task) -> int:
        """Ask what else there is to know of one resource; what is not told is unknown in it."""
        self._name(made, listing)
        calls = 0
        for detail in listing.details:
            if detail.when is not None and not detail.when(made):
                continue
            told = self._ask(task, detail, made)
            calls += told.calls
            failure = told.failure
            if failure is not None and unset(detail, failure):
                made.answer.setdefault(detail.puts, detail.empty)
            elif failure is not None:
                _doubt(made, detail, Unknown(failure.code, failure.detail))
            else:
                _laid(made, detail, told.found)
            self._name(made, listing)
        return calls

    def _gathered(self, done: Mapping[tuple[int, str, str], _Done]) -> Walked:
        walked = Walked()
        digest = hashlib.sha256()
        for key in sorted(done):
            one = done[key]
            walked.calls += one.calls
            if one.failure is not None:
                walked.lost.append(Lost(one.task.listing, one.task.region, one.failure))
            for seen in sorted(one.seen, key=lambda s: (s.ident, s.arn)):
                octets = canonical([seen.type, seen.region, seen.answer])
                digest.update(octets)
                walked.size += len(octets)
                walked.seen.append(seen)
        walked.digest = digest.hexdigest()
        return walked


def _key(task: _Task) -> tuple[int, str, str]:
    return task.order, task.region, task.owner.address + task.owner.ident if task.owner is not None else ""


def _doubt(made: Seen, detail: Detail, why: Unknown) -> None:
    if detail.puts:
        made.answer[detail.puts] = why
    else:
        made.answer = Open(made.answer, why)


def _laid(made: Seen, detail: Detail, found: tuple[object, ...]) -> None:
    """Put an answer where it belongs."""
    if detail.puts:
        value: object = list(found) if detail.many else next(iter(found), None)
        made.answer[detail.puts] = value if value is not None else detail.empty
        return
    for one in found:
        if isinstance(one, dict):
            made.answer.update(one)
