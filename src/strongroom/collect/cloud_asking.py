"""Questions to the API of a cloud that answers in JSON: asked again when it is busy, page by page, and never more than allowed.

Nothing is raised for what a cloud or the way to it does wrong: a question has an answer, or a reason why there is none.
Sources: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling and
https://cloud.google.com/apis/design/errors (both clouds answer `{"error": {"code", "message"}}`, and name in `Retry-After`, in
seconds, when to ask again).
"""

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from strongroom.collect.wire import Deadline, Hold, Question, Times, To, clean
from strongroom.kit import strict_json
from strongroom.kit.nets import is_loopback
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, StrongroomError, TooLarge, Unreadable

AT_ONCE = 8  # questions
TRIES = 5  # of one question
MOST_PAGES = 20_000  # of one list
TIMEOUT = 30.0  # seconds until an answer begins, and between two pieces of it
_QUIETEST = 4  # of the time that there is, the part that one silent answer may take
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_FIRST, _LONGEST = 0.5, 30.0  # seconds before it is asked again
_MOST_PAGE, _MOST_ERROR = 256 << 20, 65_536  # octets
_KEPT = 240.0  # seconds that a token is used: the libraries that get them hand out none that ends sooner
_DENIED = frozenset({401, 403})

Json = Mapping[str, object]


class Failure(NamedTuple):
    """Why there is no answer, or only the first part of one. `error` is the cloud's own code."""

    code: GapCode
    detail: str
    error: str = ""


class Told(NamedTuple):
    """What was answered: the parts of a list or the one answer, and why that is not all, if it is not."""

    found: tuple[Json, ...]
    failure: Failure | None = None
    size: int = 0


@dataclass(slots=True)
class Server:
    """A server of a cloud, and who asks it. `renew` gets the headers that say so: once for all threads, and again in time."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    renew: Callable[[], Mapping[str, str]]
    prefix: str = ""
    _headers: Mapping[str, str] | None = None
    _since: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def headers(self) -> Mapping[str, str]:
        """Who asks. Raises Unreadable where there is no token to be had."""
        with self._lock:
            if self._headers is None or time.monotonic() - self._since > _KEPT:
                self._headers, self._since = self.renew(), time.monotonic()
            return self._headers


def server(host: str, renew: Callable[[], Mapping[str, str]]) -> Server:
    """A server by its name, `HOST` or `HOST:PORT`: over TLS, unless it is on this machine. Raises Malformed."""
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname or "", parts.port
    except ValueError:
        name, port = "", None
    if not name or parts.netloc != host or "@" in host:
        raise Malformed(host[:100], "what is no server", "HOST or HOST:PORT")
    here = is_loopback(name)
    return Server(name, port or (80 if here else 443), None if here else ssl.create_default_context(), renew)


class Asker:
    """Asks one server, from many threads."""

    def __init__(self, to: To, deadline: Deadline) -> None:
        """Until the deadline; what is not answered by then has that as its reason."""
        self.to, self._deadline = to, deadline
        first = min(TIMEOUT, deadline.seconds / _QUIETEST)
        self._times = Times(deadline.seconds, first, first)

    def one(self, path: str, query: Mapping[str, str], body: Json | None = None) -> Told:
        """The answer to a question; a POST where there is a body."""
        sent = json.dumps(body).encode() if body is not None else None
        for n in range(TRIES):
            if self._deadline.over():
                break
            hold = self._deadline.hold()
            told, again = self._asked(path, dict(query), sent, hold)
            if self._deadline.over() and told.failure is not None:
                break
            if not again.passing or n == TRIES - 1:
                return told
            hold.pause(min(_FIRST * 2**n, _LONGEST) if again.after is None else again.after)
        return self._late()

    def pages(self, first: "Step", listed: "Listed", more: "More") -> Told:
        """Every page of a list. `more` says how the page after one is asked for."""
        found: list[Json] = []
        size = 0
        following: Step | Failure | None = first
        seen: set[str] = set()
        while isinstance(following, Step):
            if following.mark in seen or len(seen) >= MOST_PAGES:
                following = Failure(GapCode.MALFORMED, f"{len(seen)} pages that come to no end")
                break
            seen.add(following.mark)
            told = self.one(*following)
            size += told.size
            inside = _inside(told.found[0], listed) if told.failure is None else told.failure
            if isinstance(inside, Failure):
                following = inside
                break
            found += inside
            following = more(told.found[0], following)
        return Told(tuple(found), following, size)

    def _asked(self, path: str, query: dict[str, str], sent: bytes | None, hold: Hold) -> tuple[Told, "_Again"]:
        """One try: what was answered, and whether another may have another answer."""
        try:
            with Question(self.to, path, query, self._times, hold, sent) as asked:
                if asked.status == 200:
                    return _answer(asked.read(_MOST_PAGE), path), _Again(passing=False)
                return Told((), _refusal(asked)), _Again(asked.status in _PASSING, _wait(asked))
        except TooLarge as e:
            return Told((), Failure(GapCode.TOO_LARGE, f"{e.found}, where {e.wanted} was to be read")), _Again(
                passing=False
            )
        except Unreadable as e:
            return Told((), Failure(GapCode.NOT_FETCHED, f"no answer: {e.found}")), _Again(passing=True)

    def _late(self) -> Told:
        seconds = self._deadline.seconds
        detail = f"not answered within {seconds:g} seconds; set [limits] wall_seconds to wait longer"
        return Told((), Failure(GapCode.TIMEOUT, detail))


class Step(NamedTuple):
    """One page to ask for."""

    path: str
    query: Mapping[str, str]
    body: Json | None = None

    @property
    def mark(self) -> str:
        """What tells it from other pages."""
        return json.dumps([self.path, dict(self.query), self.body], sort_keys=True)


class Listed(NamedTuple):
    """Where the parts of a list stand in a page. A page without them counts as empty only where `empty` stands in it."""

    name: str
    empty: str = ""


def _inside(page: Json, listed: Listed) -> list[Json] | Failure:
    inside = page.get(listed.name)
    if inside is None and listed.empty and listed.empty in page:
        return []
    if not isinstance(inside, list) or not all(isinstance(one, dict) for one in inside):
        return Failure(GapCode.MALFORMED, f"the answer has no list {listed.name}")
    return inside


More = Callable[[Json, Step], Step | Failure | None]


def next_link(to: To) -> More:
    """Pages that name the next by its whole address (`nextLink`): followed on the same server alone, as it gets the token."""

    def more(page: Json, step: Step) -> Step | Failure | None:
        link = page.get("nextLink")
        if not link:
            return None
        try:
            url = urlsplit(link if isinstance(link, str) else "//")
            same = (url.hostname or "", url.port or (443 if url.scheme == "https" else 80)) == (to.host, to.port)
        except ValueError:
            same = False
        if not same or url.scheme != ("https" if to.tls is not None else "http"):
            return Failure(GapCode.OUTSIDE, f"the next page is said to be at {clean(str(link), 80)}, another server")
        return Step(unquote(url.path), dict(parse_qsl(url.query, keep_blank_values=True)), step.body)

    return more


def _answer(data: bytes, path: str) -> Told:
    try:
        strict_json.check(data, path)
        found = json.loads(data)
    except (Malformed, TooLarge, ValueError, RecursionError) as e:
        said = e.found if isinstance(e, Malformed | TooLarge) else "what cannot be read"
        return Told((), Failure(GapCode.MALFORMED, f"the answer is not JSON: {clean(said, 120)}"))
    if not isinstance(found, dict):
        return Told((), Failure(GapCode.MALFORMED, "the answer is no JSON object"))
    return Told((found,), None, len(data))


def _refusal(asked: Question) -> Failure:
    """What an answer that is none says of itself."""
    try:
        told = json.loads(asked.read(_MOST_ERROR))
    except (StrongroomError, ValueError, RecursionError):
        told = None
    error = told.get("error") if isinstance(told, dict) else None
    error = error if isinstance(error, dict) else {}
    message = clean(str(error.get("message") or ""), 160)
    code = clean(str(error.get("status") or error.get("code") or ""), 60)
    detail = f"the answer {asked.status}" + (f": {message}" if message else "")
    if asked.status in _DENIED:
        return Failure(GapCode.DENIED, detail, code)
    return Failure(GapCode.ABSENT if asked.status == 404 else GapCode.NOT_FETCHED, detail, code)


class _Again(NamedTuple):
    """Whether a question may be answered another time, and in how many seconds, where the server says so."""

    passing: bool
    after: float | None = None


def _wait(asked: Question) -> float | None:
    """In how many seconds the server wants to be asked again, where it says so."""
    after, window = asked.header("Retry-After"), asked.header("x-ms-user-quota-resets-after")
    if after.isascii() and after.isdigit():
        return min(float(after), _LONGEST)
    parts = window.split(":")
    if len(parts) == 3 and all(p.isascii() and p.isdigit() for p in parts):
        return min(int(parts[0]) * 3600.0 + int(parts[1]) * 60 + int(parts[2]), _LONGEST)
    return None
