"""Administration of a broker over HTTP, on a listener of its own: who calls is known, may do it, and is in the log first."""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import msgspec
from litestar import HttpMethod, Litestar, Response, get, route
from litestar.handlers import HTTPRouteHandler

from strongroom.app import broker_admin as admin
from strongroom.app.boundary import contained
from strongroom.app.broker_denials import unforeseen
from strongroom.app.broker_open import Opened
from strongroom.app.broker_people import Doorkeeper, Person, admitted, nobody
from strongroom.app.broker_words import Refused, bad_message, cannot_work
from strongroom.app.watch_limits import Buckets
from strongroom.kit import strict_json
from strongroom.kit.canonical import Json
from strongroom.kit.tlog.witnessing import Answer
from strongroom.model.errors import (
    Denied,
    KeyUnavailable,
    LogError,
    LogUnavailable,
    NotFound,
    StateError,
    StrongroomError,
)
from strongroom.model.release import AdminRole
from strongroom.serve.answers import Asked, body_of, respond
from strongroom.serve.broker_desk import JSON, Desk, bearer
from strongroom.serve.broker_openapi import Table, alive, body, document, operation, ref, said

PREFIX = "/strongroom/v0"
_BODY = 6 << 20  # octets: a policy with its notes
FARTHEST = 10**15  # index of an entry
_KEYS, _POLICIES = AdminRole.KEY_ADMIN, AdminRole.POLICY_ADMIN
_OPERATES, _AUDITS = AdminRole.OPERATOR, AdminRole.AUDITOR
_NUMBER = re.compile(r"[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Coming:
    """One call: who, with which body and which words of the query."""

    who: Person
    body: bytes
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its path, who may make it, what it takes and answers, and what it does."""

    method: HttpMethod
    path: str
    about: str
    roles: frozenset[AdminRole]
    takes: type[msgspec.Struct] | None
    gives: type[msgspec.Struct]
    work: Callable[[Opened, Coming], msgspec.Struct]


def _taken(coming: Coming, kind: type[msgspec.Struct]) -> msgspec.Struct:
    strict_json.check(coming.body, "the request")
    try:
        return msgspec.json.decode(coming.body, type=kind)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Refused(400, "BadRequest", str(e)[:300], str(e)[:300]) from None


def _deposit(found: Opened, coming: Coming) -> msgspec.Struct:
    asked = _taken(coming, admin.Deposit)
    assert isinstance(asked, admin.Deposit)
    return admin.deposit(found, coming.who, asked, found.broker.setup.clock())


def _revoke(found: Opened, coming: Coming) -> msgspec.Struct:
    asked = _taken(coming, admin.Revoke)
    assert isinstance(asked, admin.Revoke)
    return admin.revoke(found, coming.who, asked, found.broker.setup.clock())


def _approve(found: Opened, coming: Coming) -> msgspec.Struct:
    asked = _taken(coming, admin.Approve)
    assert isinstance(asked, admin.Approve)
    return admin.approve(found, coming.who, asked, found.broker.setup.clock())


def _bring(found: Opened, coming: Coming) -> msgspec.Struct:
    asked = _taken(coming, admin.Bring)
    assert isinstance(asked, admin.Bring)
    return admin.bring(found, coming.who, asked, found.broker.setup.clock())


def _in_force(found: Opened, _: Coming) -> msgspec.Struct:
    return admin.in_force(found)


def _decisions(found: Opened, coming: Coming) -> msgspec.Struct:
    return admin.decisions(found, _number(coming, "start", 0, FARTHEST), _number(coming, "most", 1, admin.MOST) or 100)


def _number(coming: Coming, name: str, least: int, most: int) -> int | None:
    text = coming.query.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise bad_message(f"{name}={text[:20]!r}")
    return int(text)


_POST, _GET = HttpMethod.POST, HttpMethod.GET
CALLS: tuple[Call, ...] = (
    Call(_POST, "resources", "Deposit a resource", frozenset({_KEYS}), admin.Deposit, admin.Deposited, _deposit),
    Call(
        _POST,
        "revocations",
        "Revoke: from now on it opens nothing",
        frozenset({_KEYS, _POLICIES, _OPERATES}),
        admin.Revoke,
        admin.Logged,
        _revoke,
    ),
    Call(
        _POST,
        "approvals",
        "Hand in what an approver signed",
        frozenset({_OPERATES, _POLICIES}),
        admin.Approve,
        admin.Logged,
        _approve,
    ),
    Call(
        _POST,
        "policy",
        "Put a signed policy into force, or see what it would change",
        frozenset({_POLICIES}),
        admin.Bring,
        admin.Brought,
        _bring,
    ),
    Call(_GET, "policy", "The policy in force", frozenset({_KEYS, _POLICIES, _AUDITS}), None, admin.InForce, _in_force),
    Call(_GET, "decisions", "What was decided", frozenset({_AUDITS}), None, admin.Decisions, _decisions),
)
_LOOKS = frozenset({_OPERATES, _AUDITS})


class Counter:
    """Who is behind the counter of the admin listener: the desk, the open broker, and who knows people."""

    def __init__(self, desk: Desk, found: Opened, keeper: Doorkeeper) -> None:
        self.desk, self.found, self.keeper = desk, found, keeper
        self._rates = Buckets(found.config.broker.person_rate)

    async def person(self, request: Asked) -> Person:
        """Who calls. Raises Refused (401, 429 as HTTPException by the address)."""
        self.desk.admit(request, "admin")
        certificate, token = _certificate(request), bearer(request)
        if not token and "authorization" in request.headers:
            raise nobody("an Authorization that is no bearer's")  # whoever shows one is judged by it
        now = self.found.broker.setup.clock()
        who = await self.desk.run("admin", lambda: self.keeper.known(certificate, token, now))
        self.desk.spare(request, self._rates, who.name)  # every call is an entry: nobody may fill the log
        return who

    async def done(self, request: Asked, call: Call) -> Response[bytes]:
        """A call, once it is in the log."""
        who = await self.person(request)
        given = await body_of(request) if call.takes is not None else b""
        coming = Coming(who, given, {k: str(v) for k, v in request.query_params.items()})
        found = self.found

        def work() -> bytes:
            setup = found.broker.setup
            admitted(who, call.roles, f"{call.method.value} {PREFIX}/{call.path}", setup.log.decide, setup.clock())
            return msgspec.json.encode(told(lambda: call.work(found, coming)))

        return respond(request, Answer(200, JSON, await self.desk.run("admin", work)))

    async def looking(self, request: Asked) -> None:
        """See that somebody may look at how the broker is; only who may not is an entry. Raises Refused."""
        who = await self.person(request)
        setup = self.found.broker.setup
        if not who.roles & _LOOKS:
            path = request.scope["path"]
            await self.desk.run("admin", lambda: admitted(who, _LOOKS, f"GET {path}", setup.log.decide, setup.clock()))


def told(work: Callable[[], msgspec.Struct]) -> msgspec.Struct:
    """What a call comes to. Who administers is told why not. Raises Refused."""
    try:
        return contained(work, unforeseen)
    except Refused:
        raise
    except (KeyUnavailable, StateError, LogUnavailable, LogError) as e:
        raise cannot_work(str(e), owed=False) from None
    except Denied as e:
        raise Refused(409, "Conflict", _words(e), str(e)) from None
    except NotFound as e:
        raise Refused(404, "NotFound", _words(e), str(e)) from None
    except StrongroomError as e:
        raise Refused(400, "BadRequest", _words(e), str(e)) from None


def _words(e: StrongroomError) -> str:
    return "".join(c if c.isprintable() else " " for c in str(e))[:500]


def routes(desk: Desk, found: Opened, keeper: Doorkeeper) -> Litestar:
    """The application for people who administer."""
    counter = Counter(desk, found, keeper)

    @get(f"{PREFIX}/health/full")
    async def full(request: Asked) -> Response[bytes]:
        await counter.looking(request)
        troubles = await desk.look()
        work = await desk.run("admin", lambda: msgspec.json.encode(told(lambda: admin.full(found, troubles))))
        return respond(request, Answer(200, JSON, work))

    @get("/metrics")
    async def figures(request: Asked) -> Response[bytes]:
        await counter.looking(request)
        return respond(request, await desk.measured())

    @get("/openapi.json")
    async def described(request: Asked) -> Response[bytes]:
        return respond(request, Answer(200, JSON, description()))

    @get("/healthz")
    async def healthz(request: Asked) -> Response[bytes]:
        return respond(request, Answer(200, "text/plain", b"ok\n"))

    paths = dict.fromkeys(call.path for call in CALLS)
    handlers = [full, figures, described, healthz, *(_handler(counter, path) for path in paths)]
    return Litestar(
        handlers,
        debug=False,
        exception_handlers=desk.errors(),
        logging_config=None,
        openapi_config=None,
        request_max_body_size=_BODY,
    )


def _handler(counter: Counter, path: str) -> HTTPRouteHandler:
    """The handler of all methods of a path: of several handlers litestar would tell the methods of one."""
    calls = {call.method.value: call for call in CALLS if call.path == path}

    @route(f"{PREFIX}/{path}", http_method=[call.method for call in calls.values()], status_code=200)
    async def handler(request: Asked) -> Response[bytes]:
        return await counter.done(request, calls[request.method])

    return handler


def _certificate(request: Asked) -> bytes:
    """The client's certificate (DER), which TLS has verified; nothing where it showed none."""
    extensions = request.scope.get("extensions")
    tls = extensions.get("tls") if extensions is not None else None
    chain = tls.get("client_cert_chain") if isinstance(tls, dict) else None
    return ssl.PEM_cert_to_DER_cert(chain[0]) if isinstance(chain, list) and chain else b""


# The description


def description() -> bytes:
    """The interface for people who administer (OpenAPI)."""
    kinds = [k for c in CALLS for k in (c.takes, c.gives) if k is not None]
    _, found = msgspec.json.schema_components((*kinds, admin.Full), ref_template="#/components/schemas/{name}")
    schemas = cast("Table", found)
    deposit = schemas["Deposit"]
    assert isinstance(deposit, dict)
    deposit["oneOf"] = [{"required": [name]} for name in ("secret", "generate")]
    paths: dict[str, Json] = {}
    for c in CALLS:
        at = paths.setdefault(f"{PREFIX}/{c.path}", {})
        assert isinstance(at, dict)
        at[c.method.value.lower()] = _described(c)
    good = said("how the broker is", ref("Full"))
    paths[f"{PREFIX}/health/full"] = {"get": operation("full", "How it is", good, *_USUAL, security=_SECURITY)}
    text = said("figures", {"type": "string"}, "text/plain")
    paths["/metrics"] = {"get": operation("metrics", "Figures", text, *_USUAL, security=_SECURITY)}
    paths |= {k: v for k, v in alive().items() if k != "/readyz"}
    security: Table = {"oidc": {"type": "http", "scheme": "bearer"}, "certificate": {"type": "mutualTLS"}}
    return document("Strongroom broker, administration", paths, schemas, security)


_USUAL = (401, 403, 405, 429, 503)
_SECURITY: Json = [{"oidc": []}, {"certificate": []}]


def _described(c: Call) -> Table:
    ident = f"{c.method.value.lower()}-{c.path}"
    about = f"{c.about} ({', '.join(sorted(c.roles))})"
    more: Table = {"security": _SECURITY}
    if c.takes is not None:
        more["requestBody"] = body(c.takes.__name__)
        return operation(ident, about, said("done", ref(c.gives.__name__)), 400, 404, 408, 409, 413, *_USUAL, **more)
    if c.path == "decisions":
        more["parameters"] = [_asked("start", 0, FARTHEST), _asked("most", 1, admin.MOST)]
    return operation(ident, about, said("found", ref(c.gives.__name__)), 400, *_USUAL, **more)


def _asked(name: str, least: int, most: int) -> Json:
    return {"name": name, "in": "query", "schema": {"type": "integer", "minimum": least, "maximum": most}}
