"""One question to a server of an API over one connection: bounded in time and size, and cut off from another thread at will."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import NamedTuple, Protocol, Self
from urllib.parse import quote, urlencode

from strongroom.model.errors import TooLarge, Unreadable

# What `http.client` and `ssl` raise for an answer that is none; a chunk of a negative size is a ValueError.
_FAULTS = (OSError, http.client.HTTPException, ValueError)
_PIECE = 65_536


class To(Protocol):
    """A server, and who asks it."""

    @property
    def host(self) -> str:
        """Its name or address."""

    @property
    def port(self) -> int:
        """Its port."""

    @property
    def prefix(self) -> str:
        """What stands before every path."""

    @property
    def tls(self) -> ssl.SSLContext | None:
        """Whom to believe; nothing for a server without TLS."""

    def headers(self) -> Mapping[str, str]:
        """What says who asks, as it is now. Raises StrongroomError where that cannot be told."""


class Hold:
    """What a thread waits on, a socket or a pause; `release`, from any other thread, ends the waiting for good."""

    def __init__(self) -> None:
        """Nothing is waited on yet."""
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    @property
    def released(self) -> bool:
        """Whether it was ended."""
        return self._released.is_set()

    def release(self) -> None:
        """End what is waited on now, and whatever would be after it."""
        with self._lock:
            self._released.set()
            _cut(self._socket)

    def pause(self, seconds: float) -> None:
        """Wait so long, or until it is released."""
        self._released.wait(seconds)

    def on(self, waited: socket.socket | None) -> None:
        """Say which socket is waited on from now."""
        with self._lock:
            self._socket = waited
            if self.released:
                _cut(waited)


class Deadline:
    """The end of all questions together: whatever is still waited for then is let go of."""

    def __init__(self, seconds: float) -> None:
        """So many seconds from now."""
        self.seconds = seconds
        self._over = threading.Event()
        self._held: list[Hold] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def over(self) -> bool:
        """Whether the time is up."""
        return self._over.is_set()

    def hold(self) -> Hold:
        """What one question waits on."""
        made = Hold()
        with self._lock:
            self._held.append(made)
            if self.over():
                made.release()
        return made

    def close(self) -> None:
        """Whoever asks has enough: nothing is waited for any longer."""
        self._timer.cancel()
        self._end()

    def _end(self) -> None:
        with self._lock:
            self._over.set()
            for one in self._held:
                one.release()


def _cut(waited: socket.socket | None) -> None:
    if waited is not None:
        with contextlib.suppress(OSError):
            # Not the method of SSLSocket: it forgets the session, and what the reader then gets is not decrypted.
            socket.socket.shutdown(waited, socket.SHUT_RDWR)


class Times(NamedTuple):
    """Seconds: until the whole answer is there, until it begins, and between two pieces of it."""

    whole: float
    first: float
    quiet: float


class Question:
    """A GET, open while its answer is read; a POST where there is a body.

    The socket's own time-out begins anew with each byte, so a timer cuts it too.
    """

    def __init__(
        self, to: To, path: str, query: dict[str, str], times: Times, hold: Hold, body: bytes | None = None
    ) -> None:
        """Nothing is sent before it is entered."""
        self._to, self._path, self._query, self._times, self._hold = to, path, query, times, hold
        self._body = body
        self._late = threading.Event()
        self._timer = threading.Timer(times.whole, self._end)
        self._timer.daemon = True
        self._socket: socket.socket | None = None
        self._answer: http.client.HTTPResponse | None = None
        self._rest = bytearray()

    def __enter__(self) -> Self:
        """Send it. Raises Unreadable where no answer begins."""
        who = self._to.headers()
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self._timer.start()
            try:
                self._send(who)
            except _FAULTS as e:
                raise self._unreadable(e, "an answer of the server") from None
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        self._timer.cancel()
        self._hold.on(None)
        for held in (self._answer, self._socket):
            if held is not None:
                held.close()

    def _send(self, who: Mapping[str, str]) -> None:
        asked = http.client.HTTPConnection(self._to.host, self._to.port)
        made = asked.sock = self._connected()
        headers = {
            "Accept": "application/json",
            "User-Agent": "strongroom",
            "Connection": "close",
            **who,
            **({"Content-Type": "application/json"} if self._body is not None else {}),
        }
        tail = f"?{urlencode(self._query)}" if self._query else ""
        verb = "GET" if self._body is None else "POST"
        asked.request(verb, f"{self._to.prefix}{quote(self._path)}{tail}", body=self._body, headers=headers)
        self._answer = asked.getresponse()
        made.settimeout(self._times.quiet)

    def _connected(self) -> socket.socket:
        """The socket, held before the handshake: that can be made to last as well, and `wrap_socket` alone says nothing."""
        to = self._to
        made = socket.create_connection((to.host, to.port), self._times.first)
        if to.tls is None:
            return self._take(made)
        try:
            wrapped = to.tls.wrap_socket(made, server_hostname=to.host, do_handshake_on_connect=False)
        except _FAULTS:
            made.close()
            raise
        self._take(wrapped)
        wrapped.do_handshake()
        return wrapped

    def _take(self, made: socket.socket) -> socket.socket:
        self._socket = made
        self._hold.on(made)
        if self._ended:
            raise TimeoutError
        return made

    def _end(self) -> None:
        self._late.set()
        _cut(self._socket)

    @property
    def status(self) -> int:
        """What the server answered."""
        return self._got.status

    def header(self, name: str) -> str:
        """A header of the answer; empty where it has none."""
        return self._got.getheader(name) or ""

    @property
    def _got(self) -> http.client.HTTPResponse:
        assert self._answer is not None
        return self._answer

    def read(self, most: int) -> bytes:
        """The whole body. Raises Unreadable where it ends too early, TooLarge."""
        parts, size = [], 0
        try:
            while piece := self._got.read(min(1 << 20, most + 1 - size)):
                parts.append(piece)
                size += len(piece)
                if size > most:
                    raise TooLarge(self._path, f"an answer of more than {most} octets", "less")
        except _FAULTS as e:
            raise self._unreadable(e, "a whole answer") from None
        # `http.client` does not mind an end that comes before the length that was named.
        if self._got.length or self._ended:
            raise self._unreadable(http.client.IncompleteRead(b""), "a whole answer")
        return b"".join(parts)

    def line(self, most: int) -> bytes:
        """The next line with its end; empty where the answer is over, also in the middle of a line: then it is cut off.

        Raises Unreadable, TooLarge.
        """
        seen = 0
        while (end := self._rest.find(b"\n", seen)) < 0:
            seen = len(self._rest)
            if seen > most:
                raise TooLarge(self._path, f"an event of more than {most} octets", "less")
            try:
                piece = self._got.read1(_PIECE)
            except _FAULTS as e:
                raise self._unreadable(e, "events") from None
            if self._ended:
                raise self._unreadable(TimeoutError(), "events")
            if not piece:
                return b""
            self._rest += piece
        found = bytes(self._rest[: end + 1])
        del self._rest[: end + 1]
        return found

    @property
    def _ended(self) -> bool:
        return self._late.is_set() or self._hold.released

    def _unreadable(self, error: Exception, wanted: str) -> Unreadable:
        where = f"{self._to.host}:{self._to.port}{self._path}"
        if self._hold.released:
            return Unreadable(where, "an end that was asked for", wanted)
        if self._late.is_set():
            return Unreadable(where, f"no end within {self._times.whole:g} seconds", wanted)
        return Unreadable(where, _why(error), wanted)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"tls: {getattr(error, 'verify_message', '') or error.reason or 'no agreement'}".lower()[:120]
    if isinstance(error, http.client.IncompleteRead):
        return "an answer that is cut off"
    return clean(getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def clean(text: str, most: int = 200) -> str:
    """What a server said, for a message: on one line, without what steers a terminal."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text[: 4 * most].split()))[:most]
