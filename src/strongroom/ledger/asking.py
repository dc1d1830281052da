"""Requests over HTTP to a witness or to somebody's log: no redirect is followed, no proxy taken, no answer without end.

A URL names the host that is meant; plain http does not leave this machine unless that was asked for.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Self
from urllib.parse import SplitResult, urlsplit

from strongroom.kit.nets import is_loopback
from strongroom.kit.tlog.text import shown
from strongroom.kit.tlog.witnessing import TEXT_TYPE
from strongroom.model.errors import BadInput

TIMEOUT = 10.0  # seconds for one request, from the connection to the last byte


class Line(NamedTuple):
    """How requests are sent: seconds for each, whether plain http may leave this host, and TLS other than usual."""

    timeout: float = TIMEOUT
    plain: bool = False
    tls: ssl.SSLContext | None = None


class Response(NamedTuple):
    """The answer to one request; the names of `headers` are in lower case. `peer` is the certificate (DER) of the other side."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})
    peer: bytes = b""


class NoAnswerError(Exception):
    """The request got no answer; says why."""


def prefix(url: str, line: Line) -> SplitResult:
    """The parts of a URL prefix. Raises BadInput."""
    subject = f"URL {shown(url)}"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise BadInput(subject, "no URL", "https://HOST/PREFIX") from None
    if not url.isascii() or not url.isprintable() or " " in url:
        raise BadInput(subject, "characters that a URL has not", "https://HOST/PREFIX")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadInput(subject, f"the scheme {parts.scheme!r}", "https://HOST/PREFIX")
    if parts.query or parts.fragment or parts.username is not None:
        raise BadInput(subject, "a query, a fragment or a user", "https://HOST/PREFIX and nothing else")
    if parts.scheme == "http" and not line.plain and not is_loopback(parts.hostname):
        raise BadInput(subject, "http to another host", "https", "name the host with https, or allow plain http")
    return parts


def _connection(parts: SplitResult, line: Line) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=line.timeout)
    context = line.tls or ssl.create_default_context()
    return http.client.HTTPSConnection(host, parts.port, timeout=line.timeout, context=context)


class _Deadline:
    """Cuts a connection when all of it takes too long: the socket's own timeout starts again with each byte."""

    def __init__(self, seconds: float) -> None:
        self._late = threading.Event()
        self._held: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    @property
    def passed(self) -> bool:
        """Whether it was too late."""
        return self._late.is_set()

    def hold(self, connection: http.client.HTTPConnection) -> None:
        """Cut this one: `http.client` lets go of its socket before the last byte is read."""
        self._held.append(connection.sock)
        if self.passed:
            raise TimeoutError

    def _cut(self) -> None:
        self._late.set()
        for held in self._held:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)


class Caller:
    """Asks one place; its connection is kept from one request to the next ("SHOULD use … keep-alive")."""

    def __init__(self, url: str, line: Line | None = None) -> None:
        """`url` is the prefix of what is asked for. Raises BadInput."""
        self._line = line or Line()
        self._parts = prefix(url, self._line)
        self._connection: http.client.HTTPConnection | None = None

    def ask(
        self, tail: str, limit: int, body: bytes | None = None, extra: Mapping[str, str] = MappingProxyType({})
    ) -> Response:
        """Send one request: GET, or POST with a body; an answer of more than `limit` bytes is none. `extra` are headers.

        Raises:
            NoAnswerError: there was no whole answer.
        """
        if self._connection is not None and body is None:
            try:
                return self._once(tail, limit, body, extra)
            except NoAnswerError:
                self.close()  # The other side may have let go of a kept connection; a GET may be sent again.
        self.close()
        return self._once(tail, limit, body, extra)

    def _once(self, tail: str, limit: int, body: bytes | None, extra: Mapping[str, str]) -> Response:
        line = self._line
        path = f"{self._parts.path.rstrip('/')}/{tail}"
        headers = {**({"Content-Type": TEXT_TYPE} if body is not None else {}), **extra}
        fresh = self._connection is None
        connection = self._connection = self._connection or _connection(self._parts, line)
        with _Deadline(line.timeout) as deadline:
            try:
                if fresh:
                    connection.connect()
                deadline.hold(connection)
                peer = _peer(connection.sock)
                connection.request("GET" if body is None else "POST", path, body=body, headers=headers)
                response = connection.getresponse()
                data = response.read(limit + 1)
                # `read` with a limit does not mind an end that comes too early.
                if response.length and len(data) <= limit:
                    raise http.client.IncompleteRead(data)
                told = {name.lower(): value for name, value in response.getheaders()}
            except (OSError, http.client.HTTPException, ValueError) as e:
                self.close()
                raise NoAnswerError(_why(e, line, cut=deadline.passed)) from None
        if deadline.passed or len(data) > limit:
            self.close()
            why = f"no whole answer within {line.timeout:g} seconds" if deadline.passed else ""
            raise NoAnswerError(why or f"an answer of more than {limit} bytes")
        if response.will_close:
            self.close()
        return Response(response.status, told.get("content-type", ""), data, told, peer)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _peer(connected: socket.socket) -> bytes:
    return (connected.getpeercert(binary_form=True) or b"") if isinstance(connected, ssl.SSLSocket) else b""


def _why(error: Exception, line: Line, *, cut: bool) -> str:
    if cut or isinstance(error, TimeoutError):
        return f"no whole answer within {line.timeout:g} seconds"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or 'no agreement'}".lower()
    if isinstance(error, OSError) and not isinstance(error, http.client.HTTPException):
        return (error.strerror or type(error).__name__).lower()
    return f"no answer in HTTP ({type(error).__name__})"
