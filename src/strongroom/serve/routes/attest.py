"""The watch over hosts with a TPM: they come to enrol, to be challenged, and to answer; nothing is asked of them.

Bodies are strict JSON and octets are base64. A host is told its standing and which steps it failed by; why, the operator
reads on standard error and in the log. Errors are RFC 7807.
"""

import asyncio
import base64
import binascii
import math
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, TypeVar

import click
import msgspec
from litestar import Litestar, Response, get, post
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from strongroom.app import watch_enrol, watching
from strongroom.app.boundary import guard, say
from strongroom.app.config import WatchSection, load
from strongroom.app.watch_limits import Buckets
from strongroom.app.watch_metrics import Health, metrics
from strongroom.app.watch_open import Options, opened
from strongroom.app.watch_running import sweeping
from strongroom.app.watch_setup import Counts, RefusedError, Watch
from strongroom.kit import strict_json
from strongroom.kit.tlog.witnessing import Answer
from strongroom.model.errors import BadInput, StrongroomError
from strongroom.serve import listening
from strongroom.serve.answers import FRESH, Asked, body_of, respond
from strongroom.serve.role import Role

_JSON, _PROBLEM = "application/json", "application/problem+json"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_SMALL = 1 << 18  # octets of a body: the certificates of an endorsement key are some kilobytes
_EVIDENCE = 8 << 20  # and of evidence: a kernel's list may have megabytes
_AT_ONCE, _AT_ONCE_EACH = 64, 16  # bodies that are being read or judged, of everybody and of one address
_CONNECTIONS = 4096
_T = TypeVar("_T")

_Host = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$")]
_Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8,136}$")]
_Octets = Annotated[str, msgspec.Meta(max_length=1 << 16)]


class _Enrol(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    host: _Host
    ek_public: _Octets
    ak_public: _Octets
    ek_certificates: Annotated[tuple[_Octets, ...], msgspec.Meta(max_length=8)] = ()


class _Activate(msgspec.Struct, forbid_unknown_fields=True):
    session: Annotated[str, msgspec.Meta(max_length=128)]
    credential: _Octets


class _Challenge(msgspec.Struct, forbid_unknown_fields=True):
    host: _Host
    ak_name: _Hex


class _Evidence(msgspec.Struct, forbid_unknown_fields=True):
    host: _Host
    nonce: _Octets
    evidence: msgspec.Raw


_SCHEMA = "strongroom.enrol/1"


class Desk:
    """The watch behind HTTP: who may ask how often, and what each request comes to."""

    def __init__(self, watch: Watch, limits: WatchSection) -> None:
        self.watch = watch
        self._addresses = Buckets(limits.address_rate)
        self._hosts = Buckets(limits.rate)
        self._busy: Counter[str] = Counter()

    @contextmanager
    def coming(self, address: str) -> Iterator[None]:
        """One request of an address, from before its body is read. Raises RefusedError."""
        self._wait(self._addresses.wait(address, self.watch.clock()))
        if self._busy.total() >= _AT_ONCE or self._busy[address] >= _AT_ONCE_EACH:
            raise RefusedError(503, "too much at once; try again", after=1.0)
        self._busy[address] += 1
        try:
            yield
        finally:
            self._busy[address] -= 1
            if not self._busy[address]:
                del self._busy[address]

    def about(self, host: str, address: str) -> str:
        """The host as it is known: names of hosts are the same in capitals. Raises RefusedError."""
        # By address too: nobody spends what another may ask for.
        self._wait(self._hosts.wait((host.lower(), address), self.watch.clock()))
        return host.lower()

    def _wait(self, seconds: float) -> None:
        if seconds:
            raise RefusedError(429, "too often; wait", after=seconds)

    def enrol(self, body: bytes, address: str) -> bytes:
        """Close a secret for both keys."""
        given = _read(body, _Enrol)
        if given.schema != _SCHEMA:
            raise RefusedError(400, f"another schema than {_SCHEMA}")
        host = self.about(given.host, address)
        certificates = tuple(map(_octets, given.ek_certificates))
        found = watch_enrol.enrol(self.watch, host, _octets(given.ek_public), certificates, _octets(given.ak_public))
        return _json({"session": found.session, "credential_blob": _text(found.blob), "secret": _text(found.secret)})

    def activate(self, body: bytes, _address: str) -> bytes:
        """Take the secret back."""
        given = _read(body, _Activate)
        found = watch_enrol.activate(self.watch, given.session, _octets(given.credential))
        return _json(
            {"host": found.host, "ak_name": found.ak_name, "grade": found.grade.value, "admitted": found.admitted}
        )

    def challenge(self, body: bytes, address: str) -> bytes:
        """Ask a host."""
        given = _read(body, _Challenge)
        found = watching.challenge(self.watch, self.about(given.host, address), given.ak_name)
        return _json({**found._asdict(), "nonce": _text(found.nonce)})

    def evidence(self, body: bytes, address: str) -> bytes:
        """Judge its answer."""
        given = _evidence(body)
        host = self.about(given.host, address)
        found = watching.evidence(self.watch, host, _octets(given.nonce), bytes(given.evidence))
        return _json({"standing": found.standing.value, "until": found.until, "failed": found.failed})


def _read(body: bytes, kind: type[_T]) -> _T:
    try:
        strict_json.check(body, "the request")
        return msgspec.json.decode(body, type=kind)
    except (BadInput, msgspec.MsgspecError) as e:
        raise RefusedError(400, f"another message than is wanted: {str(e)[:200]}") from None


def _evidence(body: bytes) -> _Evidence:
    """What is around the evidence is read strictly here, the evidence itself by its verifier: it may be megabytes."""
    try:
        given = msgspec.json.decode(body, type=_Evidence)
    except msgspec.MsgspecError as e:
        raise RefusedError(400, f"another message than is wanted: {str(e)[:200]}") from None
    before, _, behind = body.partition(bytes(given.evidence))
    _read(before + b"{}" + behind, _Evidence)
    return given


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(400, "octets that are no base64") from None


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _json(said: object) -> bytes:
    return msgspec.json.encode(said)


# HTTP


def problem(request: Asked, status: int, detail: str, after: float | None = None) -> Response[bytes]:
    """An error as RFC 7807 has it."""
    title = HTTPStatus(status).phrase
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    headers = dict(FRESH) if after is None else {**FRESH, "Retry-After": str(max(1, math.ceil(after)))}
    if status in {408, 413, 503}:
        headers["Connection"] = "close"  # what is left of a body must not be taken for a request
    return respond(request, Answer(status, _PROBLEM, _json(told)), headers)


def routes(desk: Desk) -> Litestar:
    """The application of a watch."""

    async def one(request: Asked, work: Callable[[bytes, str], bytes], *, last: bool = False) -> Response[bytes]:
        address = request.client.host if request.client else ""
        with desk.coming(address):
            found = await asyncio.to_thread(work, await body_of(request), address)
        headers = {**FRESH, "Connection": "close"} if last else FRESH  # it comes back in half a minute
        return respond(request, Answer(200, _JSON, found), headers)

    @post("/attest/v0/enrol", status_code=200, request_max_body_size=_SMALL)
    async def enrol(request: Asked) -> Response[bytes]:
        return await one(request, desk.enrol)

    @post("/attest/v0/activate", status_code=200, request_max_body_size=_SMALL)
    async def activate(request: Asked) -> Response[bytes]:
        return await one(request, desk.activate)

    @post("/attest/v0/challenge", status_code=200, request_max_body_size=_SMALL)
    async def challenge(request: Asked) -> Response[bytes]:
        return await one(request, desk.challenge)

    @post("/attest/v0/evidence", status_code=200, request_max_body_size=_EVIDENCE)
    async def evidence(request: Asked) -> Response[bytes]:
        return await one(request, desk.evidence, last=True)

    @get("/healthz")
    async def healthz(request: Asked) -> Response[bytes]:
        found = await asyncio.to_thread(Health, desk.watch)
        return respond(request, Answer(found.status, _JSON, _json(found.words())))

    @get("/metrics")
    async def figures(request: Asked) -> Response[bytes]:
        text = await asyncio.to_thread(metrics, desk.watch)
        return respond(request, Answer(200, _PROMETHEUS, text.encode()))

    return Litestar(
        [enrol, activate, challenge, evidence, healthz, figures],
        debug=False,
        exception_handlers=_errors(desk.watch.counts),
        logging_config=None,
        openapi_config=None,
        request_max_body_size=_SMALL,
    )


def _errors(counts: Counts) -> ExceptionHandlersMap:
    """What each kind of error is answered with; the operator is told more than the host."""

    def refused(request: Asked, error: RefusedError) -> Response[bytes]:
        counts.refusals[error.status] += 1
        if error.status != HTTPStatus.TOO_MANY_REQUESTS:
            say(f"refused ({error.status}): {_clean(str(error))}")
        return problem(request, error.status, error.told, error.after)

    def http_error(request: Asked, error: HTTPException) -> Response[bytes]:
        counts.refusals[error.status_code] += 1
        return problem(request, error.status_code, HTTPStatus(error.status_code).phrase.lower())

    def our_error(request: Asked, error: StrongroomError) -> Response[bytes]:
        counts.refusals[503] += 1
        say(
            f"error: {_clean(str(error))}", error.hint
        )  # it may name paths of this machine, which are no host's business
        return problem(request, 503, "not now; try again", 5.0)

    def fault(request: Asked, error: Exception) -> Response[bytes]:
        counts.refusals[500] += 1
        at = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{at.filename.rpartition('strongroom/')[2]}:{at.lineno}"
        sys.stderr.write(f"error: internal fault {type(error).__name__} at {place}; this is a bug in strongroom\n")
        return problem(request, 500, "internal fault")

    return {RefusedError: refused, HTTPException: http_error, StrongroomError: our_error, Exception: fault}


def _clean(text: str) -> str:
    """One line, of what can be printed: hosts choose some of these words."""
    return "".join(c if c.isprintable() else " " for c in text)[:1000]


@click.command("attest", short_help="Attest hosts with a TPM again and again.")
@listening.options
@click.option("--policy", metavar="FILE", help="The appraisal policy [default: of the configuration].")
@click.option("--references", metavar="FILE|DIR", multiple=True, help="Signed reference values; may be repeated.")
@click.option("--endorsements", metavar="FILE|DIR", multiple=True, help="Certificates of authorities; may be repeated.")
@click.option("--key", "keys", metavar="VKEY", multiple=True, help="A verifier key whose signature on them counts.")
@click.option("--interval", metavar="SECONDS", type=click.FloatRange(1, 86_400), help="How long an answer is good for.")
@click.option("--state", metavar="PATH|URL", help="The database of hosts [default: watch.db beside the state].")
@click.option("--log", "log_", metavar="PATH|URL", help="The log [default: beside the state].")
@click.option("--offline", is_flag=True, help="Ask no witness of the log.")
@click.option("--config", metavar="FILE", help="The configuration file.")
def command(
    listen: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure_listen: bool,
    policy: str | None,
    references: tuple[str, ...],
    endorsements: tuple[str, ...],
    keys: tuple[str, ...],
    interval: float | None,
    state: str | None,
    log_: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Enrol hosts by their TPM, challenge them, judge their answers, and keep who is trusted and until when.

    A host that changes, fails, goes back in time or falls silent has lost its standing within one interval. Every change is
    in the log, a gain of trust before it counts. See `strongroom attest hosts`.
    """

    def work() -> int:
        where = listening.listen_at(listen, tls_cert, tls_key, insecure=insecure_listen)
        held = load(config)
        options = Options(policy, references, endorsements, keys, interval, state, log_, offline)
        with opened(options, held, lambda text: say(_clean(text))) as found, sweeping(found):
            return listening.serve(routes(Desk(found.watch, held.watch)), where, _CONNECTIONS)

    sys.exit(guard(work, debug=debug))


ROUTES = Role("attest", "Continuous attestation of hosts", command)
