"""The broker: the Key Broker Service protocol over HTTP. A caller learns little; the operator and the log learn why.

`/kbs/v0/auth`, `/kbs/v0/attest` and `/kbs/v0/resource/REPOSITORY/TYPE/TAG` are the protocol's (Confidential Containers,
kbs_attestation_protocol.md), with problems of RFC 7807. The key that signs tokens is at `/.well-known/jwks.json`.
"""

import asyncio
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click
import msgspec
from litestar import Litestar, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ExceptionHandlersMap

from strongroom.app import broker_release
from strongroom.app.boundary import guard, say
from strongroom.app.broker import Broker
from strongroom.app.broker_open import open_broker
from strongroom.app.broker_words import Refused, cannot_work
from strongroom.app.config import load
from strongroom.app.watch_limits import Buckets
from strongroom.kit import kbs
from strongroom.kit.tlog.witnessing import Answer
from strongroom.model.errors import StateError, StrongroomError
from strongroom.serve import listening
from strongroom.serve.answers import FRESH, Asked, body_of, respond
from strongroom.serve.role import Role

_JSON, _PROBLEM = "application/json", "application/problem+json"
_THREADS = 16  # requests that are judged together
_WAITING = 256  # and that may wait for them; beyond that the broker says so at once
_RATE = 600.0  # requests a minute of one address, for challenges and answers
_FORGET = 60.0  # seconds between two looks at what has ended
_KEPT = timedelta(days=1)
Work = Callable[[], Answer]


class Desk:
    """What requests share: the broker, the threads that judge, and what was counted."""

    def __init__(self, broker: Broker, rate: float = _RATE) -> None:
        self.broker = broker
        self.limits = Buckets(rate)
        self.counts: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(_THREADS, "broker")
        self._waiting = 0

    async def run(self, moment: str, work: Work) -> Answer:
        """Do a work in a thread, where there is room. Raises Refused."""
        if self._waiting >= _THREADS + _WAITING:
            raise cannot_work("more requests than can be judged")
        self._waiting += 1
        try:
            done = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Refused as e:
            self.counts[f'{moment}",outcome="{e.kind}'] += 1
            raise
        finally:
            self._waiting -= 1
        self.counts[f'{moment}",outcome="ok'] += 1
        return done

    def close(self) -> None:
        """Wait for what is being judged."""
        self._threads.shutdown(wait=True)


def routes(desk: Desk) -> Litestar:
    """The application of a broker."""
    broker, secure = desk.broker, "; HttpOnly; SameSite=Strict; Path=/kbs"

    @post("/kbs/v0/auth", status_code=200)
    async def auth(request: Asked) -> Response[bytes]:
        _slow_down(desk, request)
        body = await body_of(request)
        made = await asyncio.to_thread(broker.auth, body)
        over_tls = "; Secure" if request.url.scheme == "https" else ""
        desk.counts['auth",outcome="ok'] += 1
        return respond(
            request,
            Answer(200, _JSON, made.body),
            {**FRESH, "Set-Cookie": f"{kbs.COOKIE}={made.cookie}{secure}{over_tls}"},
        )

    @post("/kbs/v0/attest", status_code=200)
    async def attest(request: Asked) -> Response[bytes]:
        _slow_down(desk, request)
        body, cookie = await body_of(request), request.cookies.get(kbs.COOKIE, "")

        def work() -> Answer:
            return Answer(200, _JSON, msgspec.json.encode({"token": broker.attest(cookie, body)}))

        return respond(request, await desk.run("attest", work))

    @get("/kbs/v0/resource/{repository:str}/{kind:str}/{tag:str}")
    async def resource(request: Asked) -> Response[bytes]:
        cookie, token = request.cookies.get(kbs.COOKIE, ""), _bearer(request)

        name = "/".join(str(request.path_params[n]) for n in ("repository", "kind", "tag"))

        def work() -> Answer:
            return Answer(200, _JSON, broker_release.resource(broker, name, cookie, token))

        return respond(request, await desk.run("resource", work))

    return Litestar(
        [auth, attest, resource, *_about(desk)],
        debug=False,
        exception_handlers=_errors(),
        logging_config=None,
        openapi_config=None,
        request_max_body_size=kbs.MOST,
    )


def _about(desk: Desk) -> list[HTTPRouteHandler]:
    """What says how the broker is: its public key, whether it lives and is ready, what it did."""
    broker = desk.broker

    @get("/.well-known/jwks.json")
    async def keys(request: Asked) -> Response[bytes]:
        return respond(request, Answer(200, _JSON, broker.setup.tokens.key_set()))

    @get("/healthz")
    async def healthz(request: Asked) -> Response[bytes]:
        return respond(request, Answer(200, "text/plain", b"ok\n"))

    @get("/readyz")
    async def readyz(request: Asked) -> Response[bytes]:
        troubles = await asyncio.to_thread(_troubles, broker)
        for trouble in troubles:
            say(f"not ready: {trouble}")
        return respond(request, Answer(503 if troubles else 200, "text/plain", b"no\n" if troubles else b"ready\n"))

    @get("/metrics")
    async def metrics(request: Asked) -> Response[bytes]:
        lines = ["# TYPE strongroom_broker_requests_total counter"]
        lines += [f'strongroom_broker_requests_total{{moment="{k}"}} {n}' for k, n in sorted(desk.counts.items())]
        return respond(request, Answer(200, "text/plain; version=0.0.4", "\n".join([*lines, ""]).encode()))

    return [keys, healthz, readyz, metrics]


def _bearer(request: Asked) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _slow_down(desk: Desk, request: Asked) -> None:
    address = request.client.host if request.client else ""
    wait = desk.limits.wait(address, desk.broker.setup.clock())
    if wait:
        raise HTTPException("too many requests", status_code=429, headers={"Retry-After": str(int(wait) + 1)})


def _troubles(broker: Broker) -> list[str]:
    """What keeps the broker from releasing anything, in words for the operator."""
    found = []
    try:
        if broker.setup.policy() is None:
            found.append("no release policy that its signers have signed")
        broker.setup.store.revocations()
    except StateError as e:
        found.append(str(e))
    for name, keys in broker.setup.keys.items():
        try:
            keys.check()
        except StrongroomError as e:
            found.append(f"{name}: {e}")
    return found if broker.setup.keys else [*found, "no key back end"]


def _errors() -> ExceptionHandlersMap:
    def refused(request: Asked, error: Refused) -> Response[bytes]:
        say(f"{error.status} {error.kind}: {error.found}")  # never to the caller: it would help to guess
        more = {**FRESH, "Retry-After": "1"} if error.status == 503 else FRESH
        return respond(request, Answer(error.status, _PROBLEM, kbs.problem(error.kind, error.public)), more)

    def http_error(request: Asked, error: HTTPException) -> Response[bytes]:
        kind = {404: "InvalidRequestPath", 405: "MethodNotAllowed", 413: "TooLarge", 429: "TooManyRequests"}
        body = kbs.problem(kind.get(error.status_code, "BadRequest"), error.detail[:200])
        return respond(request, Answer(error.status_code, _PROBLEM, body), {**FRESH, **(error.headers or {})})

    def fault(request: Asked, error: Exception) -> Response[bytes]:
        at = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{at.filename.rpartition('strongroom/')[2]}:{at.lineno}"
        sys.stderr.write(f"error: internal fault {type(error).__name__} at {place}; this is a bug in strongroom\n")
        return respond(request, Answer(500, _PROBLEM, kbs.problem("Internal", "internal fault")))

    return {Refused: refused, HTTPException: http_error, Exception: fault}


async def _forgetting(broker: Broker) -> None:
    while True:
        await asyncio.sleep(_FORGET)
        with suppress(StateError):
            await asyncio.to_thread(broker.setup.store.forget, broker.setup.clock() - _KEPT)


@click.command("broker", short_help="Release keys to what was attested.")
@listening.options
@click.option("--offline", is_flag=True, help="Fetch no endorsements, and ask no witness of the log.")
@click.option("--config", metavar="FILE", help="The configuration file, with [broker], [attest] and [log].")
def command(
    listen: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure_listen: bool,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Release keys to attested workloads, on the terms of a signed policy, and never unlogged.

    What evidence is judged by is in [attest] of the configuration, the release policy and the key back ends are in
    [broker]. Without a policy that its signers have signed, every resource is denied.
    """

    def work() -> int:
        where = listening.listen_at(listen, tls_cert, tls_key, insecure=insecure_listen)
        with open_broker(load(config), offline=offline) as broker:
            for trouble in _troubles(broker):
                say(f"note: nothing is released yet: {trouble}")
            say("note: nobody attests this broker; its tokens say operator-trusted")
            desk = Desk(broker)
            try:
                return listening.serve(routes(desk), where)
            finally:
                desk.close()

    sys.exit(guard(work, debug=debug))


ROUTES = Role("broker", "A broker of keys for attested workloads", command)
