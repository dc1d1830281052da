"""Asking the vendors' services, politely: one request at a time to each, waiting as they say, and giving up in time.

AMD's key service limits requests by address and answers 429 with Retry-After. A service that asks to be left alone for
longer than a command may wait is left alone by every command that shares the cache, until then.
"""

import contextlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Protocol

from strongroom.collect.endorsements import answers
from strongroom.collect.endorsements.answers import Answer
from strongroom.collect.endorsements.cache import Cache, Hold
from strongroom.collect.endorsements.services import Question, Sources, questions
from strongroom.kit import ocsp_request
from strongroom.kit.endorsement_names import described, names_of
from strongroom.model.attest import Endorsements, Want
from strongroom.model.errors import BadInput, Unreadable

_BUSY = (429, 503)
_NONE = (400, 404, 410)  # KDS answers 400 or 404 for a chip or a TCB that it does not know
ABSENT_FOR = timedelta(hours=1)
HOLD_FOR = timedelta(minutes=5)  # after a service that stayed busy without saying for how long
PAUSE_FOR = timedelta(minutes=1)  # after one that gave no answer; forgotten with the command
KEYS_FOR = timedelta(
    minutes=5
)  # after a key set without the key: whoever makes up tokens must not make us ask on and on
MOST_HOLD = timedelta(days=1)  # a header must not silence a service for ever


class NoAnswerError(Exception):
    """There was no whole answer; says why."""


class Transport(Protocol):
    """Sends one GET, or a POST of what has a body, over HTTP: no redirect followed, bounded in size and time."""

    def __call__(self, question: Question) -> Answer:
        """The answer, whatever its status. Raises NoAnswerError."""
        ...


class Patience(NamedTuple):
    """How long a want may be tried for: attempts at one address, and seconds of waiting in all."""

    attempts: int = 4
    unanswered: int = 2  # attempts at one that gives no answer at all
    seconds: float = 20.0
    first: float = 1.0  # seconds before the second attempt; twice as long before each that follows


class World(NamedTuple):
    """What fetching needs of the surroundings. `jitter` gives 0 to 1, so that a fleet does not come back in step;
    `nonce` is one for a question about a certificate's status.
    """

    ask: Transport
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    jitter: Callable[[], float]
    nonce: Callable[[], bytes] = lambda: secrets.token_bytes(ocsp_request.NONCE_SIZE)


class Fetched(NamedTuple):
    """What was brought; `trouble` says why there is nothing."""

    endorsements: Endorsements
    trouble: str = ""


class Fetcher:
    """Fetches wants from their services, and keeps what they gave."""

    def __init__(self, world: World, sources: Sources, cache: Cache | None, patience: Patience | None = None) -> None:
        self._world = world
        self._sources = sources
        self._cache = cache
        self._patience = patience or Patience()
        self._held: dict[str, Hold] = {}  # for where nothing can be kept

    def fetch(self, want: Want) -> Fetched:
        """What meets a want, from the first of its places that gives it. Raises Malformed for a want that is none."""
        names = names_of(want)
        asked = questions(want, self._sources)
        if not names or not asked:
            return Fetched(Endorsements(), "this program does not know where to ask for it")
        troubles = []
        for question in asked:
            try:
                found = self._turn(question, names)
            except NoAnswerError as e:
                troubles.append(str(e))
                continue
            except BadInput as e:
                troubles.append(f"{e.subject}: found {e.found}, wanted {e.wanted}")
                continue
            return Fetched(found)
        return Fetched(Endorsements(), "; ".join(troubles))

    def _turn(self, question: Question, names: tuple[str, ...]) -> Endorsements:
        """Ask when it is this command's turn, and keep what was given."""
        with self._cache.one_at_a_time(question.service) if self._cache else contextlib.nullcontext():
            self._allowed(question, names)
            nonce = self._world.nonce() if question.status_of else b""
            answer = self._answered(question.with_nonce(nonce), names)
            if question.status_of:
                answers.with_nonce(answer, question.url, nonce)
            if question.leads_to:
                question = answers.key_set_at(answer, question)
                answer = self._answered(question, names)
            now = self._world.clock()
            found = answers.read(answer, question.url, names, now)
            self._keep(found, now, question.service)
            self._has_keys(found, question, names, now)
        return found

    def _answered(self, question: Question, names: tuple[str, ...]) -> Answer:
        """An answer of status 200. Raises NoAnswerError."""
        answer = self._patiently(question)
        if answer.status in _NONE:
            until = self._world.clock() + ABSENT_FOR
            self._absent(question, names, Hold(until, f"{question.url} answered {answer.status}"))
            raise NoAnswerError(f"{question.url} has none (status {answer.status})")
        if answer.status != 200:
            raise NoAnswerError(f"{question.url} answered with status {answer.status}")
        return answer

    def _has_keys(self, found: Endorsements, question: Question, names: tuple[str, ...], now: datetime) -> None:
        """A set that lacks a key is kept all the same, and its service is not asked for keys again for a while."""
        says = [s for s in map(described, found.items) if s is not None]
        lacking = [n for n in names if not any(s.meets(n, now) for s in says)]
        if lacking:
            self._leave_alone(question, f"the key set at {question.url} has no {lacking[0][:80]}", KEYS_FOR)

    def _keep(self, found: Endorsements, now: datetime, source: str) -> None:
        if self._cache is None:
            return
        try:
            for item in found.items:
                self._cache.keep(item, now, source)
        except Unreadable as e:  # what was brought is of use all the same
            self._cache.troubles.append(f"what was fetched could not be kept: {e}")

    def _allowed(self, question: Question, names: tuple[str, ...]) -> None:
        """Raises NoAnswerError where it was said not to ask now: by the service, or by its last answer."""
        now = self._world.clock()
        held = self._held.get(question.service)
        hold = held if held is not None and now < held.until else None
        if hold is None and self._cache:
            hold = self._cache.held_off(question.service, now)
        if hold is None and self._cache:
            refused = (self._cache.held_off(f"{question.service} {n}", now) for n in names)
            hold = next((r for r in refused if r is not None), None)
        if hold is not None:
            raise NoAnswerError(f"{hold.why}; not asked again before {hold.until:%Y-%m-%dT%H:%M:%SZ}")

    def _patiently(self, question: Question) -> Answer:
        """One answer that is not "later"; a service that stays busy is left alone for a while."""
        left, pause = self._patience.seconds, self._patience.first
        for attempt in range(self._patience.attempts):
            answer, why = self._once(question)
            if answer is not None and answer.status < 500 and answer.status not in _BUSY:
                return answer
            stated = retry_after(answer.headers.get("retry-after", ""), self._world.clock()) if answer else None
            wait = max(stated or 0.0, pause * (0.5 + self._world.jitter() / 2))
            most = self._patience.attempts if answer is not None else self._patience.unanswered
            if wait > left or attempt + 1 >= most:
                if answer is None:  # the next want is not to wait for it as well
                    self._held[question.service] = Hold(self._world.clock() + PAUSE_FOR, why)
                elif answer.status in _BUSY:
                    self._leave_alone(question, why, timedelta(seconds=stated) if stated else HOLD_FOR)
                break
            self._world.sleep(wait)
            left, pause = left - wait, pause * 2
        raise NoAnswerError(why)

    def _once(self, question: Question) -> tuple[Answer | None, str]:
        try:
            answer = self._world.ask(question)
        except NoAnswerError as e:
            return None, f"{question.url}: {e}"
        return answer, f"{question.url} answered {answer.status}"

    def _leave_alone(self, question: Question, why: str, wait: timedelta) -> None:
        """Remember until when, and raise NoAnswerError."""
        hold = Hold(self._world.clock() + min(wait, MOST_HOLD), why)
        self._held[question.service] = hold
        if self._cache:
            with contextlib.suppress(Unreadable):  # it is held off by this command all the same
                self._cache.hold_off(question.service, hold)
        raise NoAnswerError(f"{why}, and wants to be asked again at {hold.until:%Y-%m-%dT%H:%M:%SZ}")

    def _absent(self, question: Question, names: tuple[str, ...], hold: Hold) -> None:
        if self._cache:
            with contextlib.suppress(Unreadable):  # it is asked again, that is all
                for name in names:
                    self._cache.hold_off(f"{question.service} {name}", hold)


def retry_after(text: str, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110 section 10.2.3); None where it says nothing."""
    text = text.strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
