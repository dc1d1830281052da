"""Where a role listens, and how it comes up and goes down."""

import asyncio
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NamedTuple, TypeVar, cast

import click
import uvicorn
from cryptography import x509
from litestar import Litestar
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from strongroom.app.log import now
from strongroom.kit.nets import is_loopback
from strongroom.model.errors import BadUsage, Unreadable

PATIENCE = 10.0  # seconds for the head of a request
MOST_CONNECTIONS = 512
GRACE = 5  # seconds for requests in progress when it is told to stop
_BACKLOG = 128
_RENEWAL = 5.0  # seconds between two looks at the files of certificates
_SOON = timedelta(days=1)  # before a certificate ends, this is said

F = TypeVar("F", bound=Callable[..., object])
Beside = Callable[[], Coroutine[object, object, None]]


class Listen(NamedTuple):
    """Where to listen, and the files for TLS; None listens in plain HTTP."""

    host: str
    port: int
    tls: tuple[Path, Path] | None


def options(command: F) -> F:
    """The options that every role has."""
    for add in (
        click.option("--debug", is_flag=True, help="Show the traceback of an internal fault."),
        click.option("--insecure-listen", is_flag=True, help="Listen on other addresses than loopback without TLS."),
        click.option("--tls-key", metavar="FILE", type=click.Path(path_type=Path), help="Its private key, as PEM."),
        click.option("--tls-cert", metavar="FILE", type=click.Path(path_type=Path), help="The certificates, as PEM."),
        click.option("--listen", metavar="HOST:PORT", required=True, help="The address; port 0 takes a free one."),
    ):
        command = add(command)
    return command


def listen_at(text: str, cert: Path | None, key: Path | None, *, insecure: bool) -> Listen:
    """The address of `HOST:PORT`, once it is safe to listen there.

    Raises:
        BadUsage: it is no address, or others could listen in.
        Unreadable: the files for TLS cannot be used.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise BadUsage("--listen", repr(text), "HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    host = host.removeprefix("[").removesuffix("]")
    if cert is None and key is None:
        if not insecure and not is_loopback(host):
            hint = "give --tls-cert and --tls-key, or --insecure-listen when something in front of it speaks TLS"
            raise BadUsage("--listen", f"{text} without TLS", "a loopback address", hint)
        return Listen(host, int(port), None)
    if cert is None or key is None:
        raise BadUsage("TLS", "one of --tls-cert and --tls-key", "both")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=_no_password)
    except (OSError, ValueError) as e:  # An SSLError is an OSError.
        why = getattr(e, "reason", "") or getattr(e, "strerror", "") or "an error"
        raise Unreadable(f"TLS files {cert} and {key}", why.lower(), "certificates and their key, as PEM") from None
    return Listen(host, int(port), (cert, key))


def _no_password() -> str:
    # Without this OpenSSL would ask the terminal, and a server would wait there.
    return ""


class _Impatient(H11Protocol):
    """Hangs up on whoever does not finish the head of a request; uvicorn waits for it without an end."""

    _hangup: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        self._wait()
        super().data_received(data)
        if not self._between() and self._hangup is not None:
            self._hangup.cancel()
            self._hangup = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._hangup is not None:
            self._hangup.cancel()
        super().connection_lost(exc)

    def _between(self) -> bool:
        # uvicorn's type has no None, which it is before the first request.
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _wait(self) -> None:
        if self._hangup is None and self._between():
            self._hangup = self.loop.call_later(PATIENCE, self._late)

    def _late(self) -> None:
        self._hangup = None
        if self._between():
            self.transport.close()


class _Known(_Impatient):
    """Says who the client is by its certificate, as the TLS extension of ASGI has it; uvicorn does not."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls is not None else None
        chain = [ssl.DER_cert_to_PEM_cert(der)] if der else []
        app = self.app

        async def known(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            found = {**scope, "extensions": {"tls": {"client_cert_chain": chain}}}
            await app(cast("Scope", found), receive, send)

        self.app = known


class _Announcing(uvicorn.Server):
    """Says that it listens once it does; signals are for all listeners of the process together."""

    up: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self.up()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Plain(logging.Formatter):
    """One line for each message, and no traceback: it may quote what a client sent."""

    def format(self, record: logging.LogRecord) -> str:
        fault = f" ({record.exc_info[0].__name__})" if record.exc_info and record.exc_info[0] else ""
        return f"{record.levelname.lower()}: {record.getMessage().splitlines()[0] if record.msg else ''}{fault}"


def _quiet() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain())
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


def _bound(listen: Listen) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
        # With its protocol named: asyncio turns Nagle's algorithm off only then, and an answer in two pieces would wait
        # 40 ms for the client's delayed acknowledgement.
        bound = socket.socket(family, kind, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as e:
        where = f"--listen {listen.host}:{listen.port}"
        raise BadUsage(where, (e.strerror or "an error").lower(), "an address that is free") from None
    return bound


class Door(NamedTuple):
    """One listener: an application, where, and how it is announced. `ca` are the authorities of clients' certificates."""

    app: Litestar
    listen: Listen
    word: str = "listening on"
    ca: Path | None = None


def serve(app: Litestar, listen: Listen, most: int = MOST_CONNECTIONS) -> int:
    """Serve until SIGTERM or SIGINT, `most` connections at once; the address stands on standard error once it listens."""
    return serve_all((Door(app, listen),), most)


def serve_all(doors: Sequence[Door], most: int = MOST_CONNECTIONS, beside: Sequence[Beside] = ()) -> int:
    """Serve several listeners, and run what goes on beside them, until SIGTERM or SIGINT. The first is announced last."""
    _quiet()
    with ExitStack() as held:
        sockets = [held.enter_context(_bound(door.listen)) for door in doors]
        servers = [_Announcing(_settings(door, most)) for door in doors]
        waiting = set(range(len(doors)))

        def up(number: int) -> None:
            waiting.discard(number)
            if not waiting:
                for door, bound in reversed(tuple(zip(doors, sockets, strict=True))):
                    sys.stderr.write(f"{door.word} {_url(door.listen, bound)}\n")
                sys.stderr.flush()

        def stop(_signal: int, _frame: FrameType | None) -> None:
            for server in servers:
                server.should_exit = True  # leave when what is in progress is done

        for number, server in enumerate(servers):
            server.up = partial(up, number)
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, stop)
        asyncio.run(_together(servers, sockets, (*beside, lambda: _renewing(servers))))
    return 0


async def _renewing(servers: Sequence[uvicorn.Server]) -> None:
    """Take up certificates that were renewed in their files; a pair that does not fit is left, and the old one kept."""
    seen = {id(s): _stamp(s.config) for s in servers}
    told: set[str] = set()
    while True:
        for server in servers:
            _warn(server.config, told)
        await asyncio.sleep(_RENEWAL)
        for server in servers:
            config, stamp = server.config, _stamp(server.config)
            if not config.is_ssl or config.ssl is None or stamp is None or stamp == seen[id(server)]:
                continue
            cert, key = str(config.ssl_certfile), str(config.ssl_keyfile)
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=_no_password)
                config.ssl.load_cert_chain(cert, key, password=_no_password)
            except (OSError, ValueError) as e:  # the other of the two files may be on its way
                sys.stderr.write(f"warning: the certificate in {cert} is not taken up: {type(e).__name__}\n")
                continue
            seen[id(server)] = stamp
            sys.stderr.write(f"note: the certificate in {cert} was renewed\n")


def ends(cert: Path) -> datetime | None:
    """When the first certificate of a file ends; None where it cannot be read."""
    try:
        return x509.load_pem_x509_certificate(cert.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None


def _warn(config: uvicorn.Config, told: set[str]) -> None:
    """Say once of a certificate that it is about to end, and once that it has."""
    if not config.ssl_certfile:
        return
    end, moment = ends(Path(str(config.ssl_certfile))), now()
    if end is None or end - moment > _SOON:
        return
    text = f"warning: the certificate in {config.ssl_certfile} {'has ended' if end <= moment else 'ends'} at {end:%Y-%m-%dT%H:%M:%SZ}\n"
    if text not in told:
        told.add(text)
        sys.stderr.write(text)


def _stamp(config: uvicorn.Config) -> tuple[tuple[int, int, int], ...] | None:
    """What tells that the files of a certificate are others now; None where there are none, or they cannot be seen."""
    if not config.ssl_certfile or not config.ssl_keyfile:
        return None
    try:
        found = [Path(str(p)).stat() for p in (config.ssl_certfile, config.ssl_keyfile)]
    except OSError:
        return None
    return tuple((s.st_mtime_ns, s.st_ino, s.st_size) for s in found)


async def _together(
    servers: Sequence[uvicorn.Server], sockets: Sequence[socket.socket], beside: Sequence[Beside]
) -> None:
    others = [asyncio.ensure_future(work()) for work in beside]
    try:
        await asyncio.gather(*(s.serve([bound]) for s, bound in zip(servers, sockets, strict=True)))
    finally:
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _settings(door: Door, most: int) -> uvicorn.Config:
    cert, key = door.listen.tls or (None, None)
    return uvicorn.Config(
        door.app,
        http=_Known if door.ca else _Impatient,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=most,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=cert,
        ssl_keyfile=str(key) if key else None,
        ssl_ca_certs=str(door.ca) if door.ca else None,
        # Who has no certificate may still have a token: the application says who may do what.
        ssl_cert_reqs=ssl.CERT_OPTIONAL if door.ca else ssl.CERT_NONE,
    )


def _url(listen: Listen, bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http{'s' if listen.tls else ''}://{shown}:{port}"
