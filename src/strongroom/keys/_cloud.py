"""What the clouds' key services have in common: tokens that end, one time for all requests of one work, strict answers.

Their errors are told by code. A code that is not known here is never repeated, nor is any message of a service: both are
text of somebody else, and could carry what was sent.
"""

import base64
import binascii
import contextlib
import functools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Concatenate, Generic, ParamSpec, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

from strongroom.keys._gated import GatedKeys, Holder
from strongroom.keys._https import Client, Place, Reply
from strongroom.model.errors import BadInput, KeyUnavailable, Malformed
from strongroom.model.release import Gate, Keys, KeySettings

_DATA_KEY = 32  # octets
_MOST_LEASE = 86_400.0  # seconds: nothing that a service says is kept for longer without asking again
T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")


def now() -> datetime:
    """The time that signatures and assertions carry, since a service refuses those that are not of now."""
    return datetime.now(UTC)  # noqa: TID251 - as a TLS library does: it decides nothing here


class Clients(Protocol):
    """Who asks several services for one piece of work."""

    @property
    def clients(self) -> tuple[Client, ...]:
        """All of them."""


H = TypeVar("H", bound=Clients)


def bounded(work: Callable[Concatenate[H, P], R]) -> Callable[Concatenate[H, P], R]:
    """All requests of one piece of work, to whatever service, share the time of one."""

    def inner(holder: H, /, *args: P.args, **named: P.kwargs) -> R:
        with contextlib.ExitStack() as stack:
            for client in holder.clients:
                stack.enter_context(client.bounded())
            return work(holder, *args, **named)

    return functools.wraps(work)(inner)


@dataclass(frozen=True, slots=True, repr=False)
class Lease(Generic[T]):
    """What lets us in, and for how many seconds."""

    what: T
    seconds: float


@dataclass(frozen=True, slots=True, repr=False)
class _Held(Generic[T]):
    what: T
    renew_at: float  # monotonic


class Leased(Generic[T]):
    """What lets us in, fetched anew when two thirds of its time are over, or when it was refused. Threads share it."""

    def __init__(self, client: Client, fetch: Callable[[], Lease[T]]) -> None:
        self._client = client
        self._fetch = fetch
        self._held: _Held[T] | None = None
        self._lock = threading.Lock()

    def current(self) -> T:
        """It, as it is now. Raises KeyUnavailable."""
        if not self._lock.acquire(timeout=self._client.left()):
            raise self._client.late()
        try:
            if self._held is None or time.monotonic() >= self._held.renew_at:
                self._held = None
                lease = self._fetch()
                life = min(max(lease.seconds, 0.0), _MOST_LEASE)
                self._held = _Held(lease.what, time.monotonic() + life * 2 / 3)
            what = self._held.what
        except BadInput as e:
            raise KeyUnavailable(e.subject, e.found, e.wanted, e.hint) from None
        finally:
            self._lock.release()
        return what

    def forget(self, what: T) -> None:
        """It was refused: the next time it is fetched, unless somebody has done so already."""
        with self._lock:
            if self._held is not None and self._held.what is what:
                self._held = None

    def close(self) -> None:
        """Forget it."""
        with self._lock:
            self._held = None


def place(settings: KeySettings, url: str, *, local: bool = False) -> Client:
    """A client of a service. Raises BadInput, Unreadable."""
    ca = "" if local else settings.options.get("ca", "")
    return Client(Place(url.rstrip("/"), settings.seconds, ca, local=local))


def form(fields: Mapping[str, str]) -> msgspec.Raw:
    """A body as application/x-www-form-urlencoded."""
    return msgspec.Raw(urlencode(fields).encode())


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def whole(reply: Reply, kind: type[T], subject: str) -> T:
    """The answer, read strictly. Raises KeyUnavailable in words that hold nothing of it."""
    try:
        return msgspec.convert(reply.body, kind, strict=True)
    except (msgspec.MsgspecError, ValueError):
        raise KeyUnavailable(subject, "an answer of another form", "one of this service") from None


def token(reply: Reply, kind: type[T], subject: str, read: Callable[[T], Lease[str]]) -> Lease[str]:
    """The token of an answer. Raises KeyUnavailable where there is none, or it could not stand in a header."""
    if reply.status != 200:
        raise KeyUnavailable(subject, f"no token (status {reply.status})", "a token", "may this identity have one?")
    lease = read(whole(reply, kind, subject))
    if not lease.what or not lease.what.isascii() or not lease.what.isprintable():
        raise KeyUnavailable(subject, "what is no token", "a token")
    return lease


def until(text: str) -> float:
    """Seconds from now to a time of RFC 3339; 0 where it is none."""
    try:
        return (datetime.fromisoformat(text) - now()).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def b64(data: bytes) -> str:
    """Base64 with padding."""
    return base64.b64encode(data).decode()


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str, subject: str) -> bytes:
    """The octets of base64 with padding. Raises KeyUnavailable."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise KeyUnavailable(subject, "no base64", "base64") from None


def data_key(data: bytes, subject: str) -> bytes:
    """A data key. Raises KeyUnavailable where it has another length."""
    if len(data) != _DATA_KEY:
        raise KeyUnavailable(subject, "no data key", f"{_DATA_KEY} octets")
    return data


@dataclass(frozen=True, slots=True)
class Said:
    """What a service's code means: the words, what to do, and whether it says that the octets do not open."""

    found: str
    hint: str = ""
    changed: bool = False


def refused(said: Said | None, reply: Reply, subject: str, key: str) -> KeyUnavailable | Malformed:
    """The error for an answer that is none."""
    if said is None:
        words = {301: "a redirect", 302: "a redirect", 307: "a redirect", 308: "a redirect", 429: "too many requests"}
        return KeyUnavailable(subject, f"{words.get(reply.status, 'no answer')} (status {reply.status})", "an answer")
    if said.changed:
        return Malformed(f"what {key[:200]} wrapped", said.found, "its own, for this resource")
    return KeyUnavailable(f"{subject}, key {key[:200]}", said.found, "a key that can be used", said.hint)


def missing(subject: str, key: str) -> KeyUnavailable:
    """A blob names a key that is not the one of the configuration: nobody is asked for it."""
    hint = "a blob opens under the key of the configuration alone; a key that is lost is lost with all that it wrapped"
    return KeyUnavailable(subject, f"no key {key[:200]!r}", "the key of the configuration", hint)


def opened(name: str, holder: Holder, gate: Gate) -> Keys:
    """An open back end, once its service has answered. Raises KeyUnavailable."""
    try:
        holder.check()
    except KeyUnavailable:
        holder.close()
        raise
    return GatedKeys(name, holder, gate)


def only(ways: Mapping[str, bool], what: str) -> str:
    """The one way that is given. Raises BadInput where it is none or several: which of them is meant is never guessed."""
    given = [way for way, there in ways.items() if there]
    if len(given) != 1:
        raise BadInput(what, ", ".join(given) or "none", f"one of {', '.join(ways)}")
    return given[0]
