"""What the requests to a broker share: threads that judge, room for so many, time for each, and what the operator reads."""

import asyncio
import ipaddress
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TypeVar

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from strongroom.app.boundary import fault
from strongroom.app.broker import Broker
from strongroom.app.broker_channel import Channel, Note, steps_of
from strongroom.app.broker_health import PROMETHEUS, Counts, Health, metrics
from strongroom.app.broker_self import OwnEvidence
from strongroom.app.broker_words import Refused, cannot_work
from strongroom.app.watch_limits import Buckets
from strongroom.kit import kbs
from strongroom.kit.tlog.witnessing import Answer
from strongroom.model.errors import StrongroomError
from strongroom.serve.answers import FRESH, Asked, respond

JSON, PROBLEM = "application/json", "application/problem+json"
THREADS = 16  # requests that are judged together
WAITING = 256  # and that may wait for them; beyond that the broker says so at once
WAIT = 5.0  # seconds that one may wait until it is begun
RATE = 1200.0  # requests a minute of one address
_LOGGING = 5.0  # seconds for the entry of a request that took too long
_KINDS = {404: "InvalidRequestPath", 405: "MethodNotAllowed", 408: "BodyTooSlow", 413: "TooLarge"}
_KINDS[429] = "TooManyRequests"
_WORDS = {
    404: "there is no such path",
    405: "another method is wanted",
    408: "the body took too long",
    413: "the body is too large",
    429: "too many requests",
}
_ASKED = {"auth", "attest", "resource", "certificate", "recipients", "output", "evidence"}
_MOMENTS = _ASKED | {"resources", "revocations", "approvals", "decisions", "policy"}
T = TypeVar("T")


class Desk:
    """The broker behind HTTP.

    `seconds` is after how long a request is answered with 503 whatever becomes of it. A work that was begun denies and
    logs it before that, by the broker's own patience, which counts twice: to judge, and to deliver.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        rate: float = RATE,
        seconds: float | None = None,
        waiting: int = WAITING,
        channel: Channel | None = None,
        shown: OwnEvidence | None = None,
        twin: bool = False,
    ) -> None:
        self.broker, self.shown, self.twin = broker, shown, twin
        self.channel = channel or Channel()
        self.counts, self.health = Counts(), Health(broker)
        self.seconds = seconds if seconds is not None else 2 * broker.setup.patience.total_seconds() + WAIT
        self._limits = {sort: Buckets(rate) for sort in ("open", "resource", "admin")}
        self._most = THREADS + waiting
        self._told: list[str] = []
        self._looking: asyncio.Future[list[str]] | None = None
        self._threads = ThreadPoolExecutor(THREADS, "broker")
        self._late = ThreadPoolExecutor(4, "late")  # whoever hangs in the others, a denial is logged
        self._health = ThreadPoolExecutor(1, "health")

    def admit(self, request: Asked, sort: str = "open") -> None:
        """Count a request of an address. Raises HTTPException (429) beyond its rate."""
        self.spare(request, self._limits[sort], _address(request))

    def spare(self, request: Asked, limits: Buckets, whose: str) -> None:
        """Count a request of somebody. Raises HTTPException (429) beyond his rate."""
        wait = limits.wait(whose, self.broker.setup.clock())
        if wait:
            self.counts.answered(moment_of(request), "TooManyRequests")
            raise HTTPException("too many requests", status_code=429, headers={"Retry-After": str(int(wait) + 1)})

    async def run(self, moment: str, work: Callable[[], T], late: Callable[[], object] | None = None) -> T:
        """Do a work in a thread, where there is room and time. `late` logs that it took too long. Raises Refused."""
        if self.counts.waiting >= self._most:
            self.counts.answered(moment, "overloaded")
            raise cannot_work("more requests than can be judged", owed=False)
        began = time.monotonic()
        try:
            done = await self._timed(work, began, late)
        except Refused as e:
            self.counts.answered(moment, e.kind, time.monotonic() - began)
            self.counts.steps.update(steps_of(e.found))
            raise
        self.counts.answered(moment, "ok", time.monotonic() - began)
        return done

    async def _timed(self, work: Callable[[], T], began: float, late: Callable[[], object] | None) -> T:
        def begun() -> T:
            if time.monotonic() - began > WAIT:
                raise cannot_work(f"it waited over {WAIT:g} seconds", owed=False)
            return work()

        future = asyncio.get_running_loop().run_in_executor(self._threads, begun)
        self.counts.waiting += 1
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self.seconds)
        except TimeoutError:
            await self._too_late(late)
            raise cannot_work(f"not done within {self.seconds:g} seconds", owed=False) from None

    def _done(self, future: "asyncio.Future[T]") -> None:
        self.counts.waiting -= 1
        _heard(future)

    async def _too_late(self, late: Callable[[], object] | None) -> None:
        if late is None:
            return
        logging = asyncio.get_running_loop().run_in_executor(self._late, late)
        logging.add_done_callback(_heard)
        try:
            await asyncio.wait_for(asyncio.shield(logging), _LOGGING)
        except (TimeoutError, StrongroomError) as e:
            text = f"a denial is not in the log: {str(e) or 'no answer'}"
            self.channel.note(Note.NOT_LOGGED, text, self.broker.setup.clock(), warning=True)

    async def look(self) -> list[str]:
        """What keeps the broker from releasing anything; apart from the threads that judge. Never waits for long.

        One looks at a time, and all who ask meanwhile are told the same: anybody may ask.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().run_in_executor(self._health, self.health.troubles)
            self._looking.add_done_callback(_heard)
        try:
            found = await asyncio.wait_for(asyncio.shield(self._looking), WAIT * 2)
        except TimeoutError:
            found = [f"it took over {WAIT * 2:g} seconds to look"]
        if found != self._told:
            self._told = found
            for trouble in found or ["ready"]:
                about = Note.NOT_READY if found else Note.READY
                self.channel.note(about, trouble, self.broker.setup.clock(), warning=bool(found))
        return found

    async def measured(self) -> Answer:
        """The figures of the broker, for Prometheus."""
        ready = not await self.look()
        text = await asyncio.to_thread(metrics, self.broker, self.counts, ready=ready)
        return Answer(200, PROMETHEUS, text.encode())

    def close(self) -> None:
        """Wait for what is being judged; what waits is not begun."""
        for threads in (self._threads, self._late, self._health):
            threads.shutdown(wait=True, cancel_futures=True)

    # What is answered when something is wrong

    def errors(self) -> ExceptionHandlersMap:
        """What each kind of error is answered with; the operator reads more than the caller."""
        return {
            Refused: self._refused,
            StrongroomError: self._ours,
            HTTPException: self._http_error,
            Exception: self._fault,
        }

    def _refused(self, request: Asked, error: Refused) -> Response[bytes]:
        session = error.ident or self._session(request)
        self.channel.refused(moment_of(request), error, self.broker.setup.clock(), session)
        headers = {**FRESH, "Retry-After": "1"} if error.status == 503 else FRESH
        more = {"why": error.found} if self.twin else {}
        return problem(request, error.status, error.kind, error.public, headers, more)

    def _ours(self, request: Asked, error: StrongroomError) -> Response[bytes]:
        return self._refused(request, cannot_work(str(error), owed=False))

    def _session(self, request: Asked) -> str:
        try:
            return self.broker.setup.tokens.session(request.cookies.get(kbs.COOKIE, ""), self.broker.setup.clock()).id
        except Refused as e:
            return e.ident

    def _http_error(self, request: Asked, error: HTTPException) -> Response[bytes]:
        status = error.status_code
        headers = {**FRESH, **(error.headers or {})}
        if status in {408, 413}:
            headers["Connection"] = "close"  # what is left of a body must not be taken for a request
        return problem(
            request, status, _KINDS.get(status, "BadRequest"), _WORDS.get(status, "no such request"), headers
        )

    def _fault(self, request: Asked, error: Exception) -> Response[bytes]:
        self.counts.answered(moment_of(request), "fault")
        sys.stderr.write(f"error: internal fault {fault(error)}; this is a bug in strongroom\n")
        return problem(request, 500, "Internal", "internal fault", FRESH)


def problem(
    request: Asked,
    status: int,
    kind: str,
    detail: str,
    headers: Mapping[str, str] = FRESH,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Response[bytes]:
    """A problem of the protocol (RFC 7807); `more` are members of ours."""
    body = kbs.problem(kind, detail)
    if more:
        body = msgspec.json.encode({**msgspec.json.decode(body, type=dict[str, str]), **more})
    return respond(request, Answer(status, PROBLEM, body), headers)


def _heard(future: "asyncio.Future[T]") -> None:
    """Take what a work came to that nobody may wait for any more."""
    if not future.cancelled():
        future.exception()


def moment_of(request: Asked) -> str:
    """What was asked for, in one word of few."""
    pieces = request.scope["path"].split("/")
    return next((p for p in pieces[3:4] if p in _MOMENTS), "other")


def bearer(request: Asked) -> str:
    """The token of a request, or nothing."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _address(request: Asked) -> str:
    """Whose rate it is: an address, or all of a network that one customer has (IPv6, 64 bits)."""
    host = request.client.host if request.client else ""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else host
