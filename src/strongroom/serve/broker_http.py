"""The Key Broker Service protocol over HTTP, and what says how the broker is. A caller learns little."""

import asyncio
import re

import msgspec
from litestar import Litestar, Response, get, post
from litestar.handlers import HTTPRouteHandler

from strongroom.app import broker_release
from strongroom.app.broker_judging import DEBUG
from strongroom.app.broker_late import late
from strongroom.app.broker_lease import lease
from strongroom.app.broker_self import OPERATOR
from strongroom.app.broker_words import bad_message, cannot_work, not_released
from strongroom.kit import kbs
from strongroom.kit.tlog.witnessing import Answer
from strongroom.model.errors import StrongroomError
from strongroom.serve.answers import FRESH, Asked, body_of, respond
from strongroom.serve.broker_certificates import certificates
from strongroom.serve.broker_desk import JSON, Desk, bearer, problem
from strongroom.serve.broker_openapi import public

# The session counts for certificates and outputs too, which are no part of the protocol and not below its path; a client that
# keeps cookies by RFC 6265, section 5.1.4, sends it to both by their common path alone.
_COOKIE = "; HttpOnly; SameSite=Strict; Path=/"
_NONCE = re.compile(r"[0-9a-fA-F]{64}")


def routes(desk: Desk) -> Litestar:
    """The application of a broker, for everybody."""
    return _application(desk, [*_protocol(desk), *certificates(desk), *_about(desk), *_alive(desk)])


def figures(desk: Desk) -> Litestar:
    """The application of a listener for figures: whether it lives and is ready, and what it did, by step."""

    @get("/metrics")
    async def shown(request: Asked) -> Response[bytes]:
        return respond(request, await desk.measured())

    return _application(desk, [shown, *_alive(desk)])


def _application(desk: Desk, handlers: list[HTTPRouteHandler]) -> Litestar:
    return Litestar(
        handlers,
        debug=False,
        exception_handlers=desk.errors(),
        logging_config=None,
        openapi_config=None,
        request_max_body_size=kbs.MOST,
    )


def _protocol(desk: Desk) -> list[HTTPRouteHandler]:
    broker = desk.broker

    @post("/kbs/v0/auth", status_code=200)
    async def auth(request: Asked) -> Response[bytes]:
        desk.admit(request)
        body = await body_of(request)
        made = await desk.run("auth", lambda: broker.auth(body))
        secure = "; Secure" if request.url.scheme == "https" else ""
        cookie = f"{kbs.COOKIE}={made.cookie}{_COOKIE}{secure}"
        return respond(request, Answer(200, JSON, made.body), {**FRESH, "Set-Cookie": cookie})

    @post("/kbs/v0/attest", status_code=200)
    async def attest(request: Asked) -> Response[bytes]:
        desk.admit(request)
        body, cookie = await body_of(request), request.cookies.get(kbs.COOKIE, "")

        def work() -> Answer:
            return Answer(200, JSON, msgspec.json.encode({"token": broker.attest(cookie, body)}))

        def overdue() -> bool:
            return late(broker, "attest", "unknown", cookie, "", desk.seconds)

        return respond(request, await desk.run("attest", work, overdue))

    @get("/kbs/v0/resource/{repository:str}/{kind:str}/{tag:str}")
    async def resource(request: Asked) -> Response[bytes]:
        desk.admit(request, "resource")
        cookie, token = request.cookies.get(kbs.COOKIE, ""), bearer(request)
        name = "/".join(str(request.path_params[n]) for n in ("repository", "kind", "tag"))

        def work() -> tuple[Answer, int | None]:
            if desk.twin and not name.startswith(f"{DEBUG}/"):
                raise not_released(f"a debug twin has resources of the repository {DEBUG} alone")
            found = broker_release.resource(broker, name, cookie, token)
            return Answer(200, JSON, found), lease(broker, name, cookie, token)

        def overdue() -> bool:
            return late(broker, "release", name, cookie, token, desk.seconds)

        answer, seconds = await desk.run("resource", work, overdue)
        return respond(request, answer, {**FRESH, kbs.LEASE: str(seconds)} if seconds is not None else FRESH)

    return [auth, attest, resource]


def _about(desk: Desk) -> list[HTTPRouteHandler]:
    """What says who the broker is: the key of its tokens, its evidence, its interface."""

    @get("/.well-known/jwks.json")
    async def keys(request: Asked) -> Response[bytes]:
        return respond(request, Answer(200, JSON, desk.broker.setup.tokens.key_set()))

    @get("/strongroom/v0/evidence")
    async def evidence(request: Asked) -> Response[bytes]:
        desk.admit(request)
        given = request.query_params.getall("nonce", [])
        if len(given) != 1 or not _NONCE.fullmatch(given[0]):
            raise bad_message("a nonce that is not 32 octets in hex")
        shown = desk.shown
        if shown is None:
            more = {"broker-trust": DEBUG if desk.twin else OPERATOR}
            return problem(request, 404, "Unavailable", "nobody but its operator vouches for it", FRESH, more)

        def work() -> Answer:
            try:
                return Answer(200, JSON, shown.answer(bytes.fromhex(given[0])))
            except StrongroomError as e:
                raise cannot_work(f"own evidence: {e}", owed=False) from None

        return respond(request, await desk.run("evidence", work))

    @get("/openapi.json")
    async def described(request: Asked) -> Response[bytes]:
        return respond(request, Answer(200, JSON, public(await asyncio.to_thread(desk.broker.setup.algorithm))))

    return [keys, evidence, described]


def _alive(desk: Desk) -> list[HTTPRouteHandler]:
    """Whether it lives, and whether it could release anything; why not, the operator reads."""

    @get("/healthz")
    async def healthz(request: Asked) -> Response[bytes]:
        return respond(request, Answer(200, "text/plain", b"ok\n"))

    @get("/readyz")
    async def readyz(request: Asked) -> Response[bytes]:
        if await desk.look():
            return problem(request, 503, "Unavailable", "nothing can be released now", {**FRESH, "Retry-After": "5"})
        return respond(request, Answer(200, "text/plain", b"ready\n"))

    return [healthz, readyz]
