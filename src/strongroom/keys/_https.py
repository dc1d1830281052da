"""Requests in JSON to a key service: TLS to whom is meant, no redirect, no proxy, one time for all of a request.

What goes wrong is KeyUnavailable in words that hold neither a body nor a header: both may carry keys and tokens.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Self
from urllib.parse import SplitResult, urlsplit

import msgspec

from strongroom.keys._bounded import within
from strongroom.model.errors import BadInput, KeyUnavailable, Unreadable

MOST = 4 << 20  # octets of an answer: a megabyte of secret is less in base64
_KEPT = 4  # idle connections


class Reply(NamedTuple):
    """An answer: its status, its body in JSON (None where it has none), and the octets of the body."""

    status: int
    body: object
    raw: bytes = b""

    def __repr__(self) -> str:
        """Its status alone."""
        return f"Reply({self.status}, …)"


class Place(NamedTuple):
    """Where a service is, and how it is known: `ca` in place of the system's roots; a client's certificate and key.

    `local` is a metadata service of the host itself, which speaks plain http on a link-local address.
    """

    url: str
    seconds: float
    ca: str = ""
    certificate: str = ""
    key: str = ""
    local: bool = False


def _parts(url: str, *, local: bool = False) -> SplitResult:
    subject = "address of a key service"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise BadInput(subject, "no URL", "https://HOST[:PORT]") from None
    plain = parts.scheme == "http" and _here(parts.hostname or "", local=local)
    if not (parts.scheme == "https" or plain) or not parts.hostname:
        raise BadInput(subject, repr(url[:80]), "https://HOST[:PORT]; http on this host's loopback alone")
    if parts.query or parts.fragment or parts.username is not None or not url.isascii() or not url.isprintable():
        raise BadInput(subject, "a query, a fragment, a user, or strange characters", "https://HOST[:PORT]")
    return parts


def _here(host: str, *, local: bool) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or (local and address.is_link_local)


def _context(place: Place) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=place.ca or None)
        if place.certificate:
            context.load_cert_chain(place.certificate, place.key or None)
    except ssl.SSLError:
        found = "no certificates, or a key of another"
        raise BadInput(f"TLS of {place.url}", found, "PEM certificates, and the key of the first") from None
    except OSError as e:
        raise Unreadable(f"TLS of {place.url}", (e.strerror or "an error").lower(), "files that can be read") from None
    return context


class _Time(threading.local):
    """When (monotonic) the time of this thread's work is over."""

    end: float | None = None


class Client:
    """Asks one service. Threads share it: each request has a connection for itself, and idle ones are kept."""

    def __init__(self, place: Place) -> None:
        """Raises BadInput, Unreadable."""
        self._place = place
        self._parts = _parts(place.url, local=place.local)
        self._tls = _context(place) if self._parts.scheme == "https" else None
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._time = _Time()
        self.subject = f"key service {self._parts.hostname}"

    def ask(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Reply:
        """One request. Raises KeyUnavailable where there is no whole answer in time."""
        if self._closed:
            raise KeyUnavailable(self.subject, "closed", "an open back end")
        end = time.monotonic() + self.left()
        data = msgspec.json.encode(body) if body is not None else None
        told = {"Content-Type": "application/json", **headers} if data is not None else dict(headers)
        request = (method, path, data, told)
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        try:
            if kept is not None:
                # Only what the other side has let go of is tried again, on a new connection.
                with contextlib.suppress(ConnectionError, ssl.SSLEOFError, http.client.CannotSendRequest):
                    return self._once(kept, request, end)
            return self._once(self._connect(end), request, end)
        except (OSError, http.client.HTTPException, ValueError) as e:
            raise self._cannot(e) from None

    @contextlib.contextmanager
    def bounded(self) -> Iterator[None]:
        """All requests of this thread inside of it share the time of one."""
        if self._time.end is not None:
            yield
            return
        self._time.end = time.monotonic() + self._place.seconds
        try:
            yield
        finally:
            self._time.end = None

    def left(self) -> float:
        """Seconds that are left to this thread. Raises KeyUnavailable where there are none."""
        if self._time.end is None:
            return self._place.seconds
        left = self._time.end - time.monotonic()
        if left <= 0:
            raise self.late()
        return left

    def late(self) -> KeyUnavailable:
        """What is said when the time is over."""
        return self._cannot(TimeoutError())

    def _connect(self, end: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        left = max(0.01, end - time.monotonic())
        connection = (
            http.client.HTTPSConnection(host, port, timeout=left, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(host, port, timeout=left)
        )
        try:
            # A name can take longer to resolve than any timeout of a socket, and have many addresses.
            within(left, self.subject, connection.connect)
        except (OSError, ValueError, KeyUnavailable):
            connection.close()
            raise
        return connection

    def _once(
        self,
        connection: http.client.HTTPConnection,
        request: tuple[str, str, bytes | None, Mapping[str, str]],
        end: float,
    ) -> Reply:
        method, path, data, headers = request
        with _Deadline(connection.sock, end) as deadline:
            try:
                connection.request(method, f"{self._parts.path.rstrip('/')}/{path}", body=data, headers=dict(headers))
                response = connection.getresponse()
                raw = response.read(MOST + 1)
                if response.length and len(raw) <= MOST:
                    raise http.client.IncompleteRead(b"")
            except (OSError, http.client.HTTPException, ValueError):
                connection.close()
                if deadline.passed:
                    raise self.late() from None
                raise
        if deadline.passed:
            connection.close()
            raise self.late()
        if len(raw) > MOST:
            connection.close()
            raise KeyUnavailable(self.subject, f"an answer of more than {MOST} octets", "a shorter one")
        self._keep(connection, closing=response.will_close)
        return Reply(response.status, _json(raw), raw)

    def _keep(self, connection: http.client.HTTPConnection, *, closing: bool) -> None:
        with self._lock:
            if not closing and not self._closed and len(self._idle) < _KEPT:
                self._idle.append(connection)
                return
        connection.close()

    def _cannot(self, error: Exception) -> KeyUnavailable:
        if isinstance(error, TimeoutError):
            why = f"no answer within {self._place.seconds:g} seconds"
        elif isinstance(error, ssl.SSLCertVerificationError):
            why = f"the certificate of another ({error.verify_message})"
        elif isinstance(error, ssl.SSLError):
            why = f"TLS: {error.reason or 'no agreement'}".lower()
        elif isinstance(error, socket.gaierror):
            why = "a name that does not resolve"
        elif isinstance(error, OSError) and not isinstance(error, http.client.HTTPException):
            why = (error.strerror or type(error).__name__).lower()
        else:
            why = f"no answer in HTTP ({type(error).__name__})"
        return KeyUnavailable(self.subject, why, "an answer")

    def close(self) -> None:
        """Let go of every connection."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


class _Deadline:
    """Cuts a connection when its time is over: a socket's own timeout begins again with each octet."""

    def __init__(self, held: socket.socket, end: float) -> None:
        self.passed = False
        self._held = held
        left = max(0.01, end - time.monotonic())
        held.settimeout(left)
        self._timer = threading.Timer(left, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        self.passed = True
        with contextlib.suppress(OSError):
            self._held.shutdown(socket.SHUT_RDWR)


def _json(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw) if raw else None
    except msgspec.MsgspecError:
        return None
