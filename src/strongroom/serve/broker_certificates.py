"""What attested workloads get beside keys: certificates, who may have outputs, and the word that one is handed out."""

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from strongroom.app import broker_certificate, broker_output
from strongroom.app.broker_judging import DEBUG
from strongroom.app.broker_late import late
from strongroom.app.broker_words import bad_message, not_released
from strongroom.kit import kbs
from strongroom.kit.tlog.witnessing import Answer
from strongroom.model.release import CERTIFICATE, OUTPUT, RECIPIENTS
from strongroom.serve.answers import Asked, body_of, respond
from strongroom.serve.broker_desk import JSON, Desk, bearer

_PATH = "/{repository:str}/{kind:str}/{tag:str}"


def certificates(desk: Desk) -> list[HTTPRouteHandler]:
    """The routes, for whoever serves the protocol's own beside them."""
    broker = desk.broker

    @post(f"/strongroom/v0/certificate{_PATH}", status_code=200)
    async def certificate(request: Asked) -> Response[bytes]:
        desk.admit(request, "resource")
        body, name, cookie, token = await body_of(request), *_who(request)

        def work() -> Answer:
            _known(desk, name)
            if len(body) > broker_certificate.MOST:
                raise bad_message(f"a body of {len(body)} octets")
            return Answer(200, JSON, broker_certificate.certificate(broker, name, body, cookie, token))

        def overdue() -> bool:
            return late(broker, CERTIFICATE, name, cookie, token, desk.seconds)

        return respond(request, await desk.run(CERTIFICATE, work, overdue))

    @get(f"/strongroom/v0/recipients{_PATH}")
    async def recipients(request: Asked) -> Response[bytes]:
        desk.admit(request, "resource")
        name, cookie, token = _who(request)

        def work() -> Answer:
            _known(desk, name)
            return Answer(200, JSON, broker_output.recipients(broker, name, cookie, token))

        def overdue() -> bool:
            return late(broker, RECIPIENTS, name, cookie, token, desk.seconds)

        return respond(request, await desk.run(RECIPIENTS, work, overdue))

    @post(f"/strongroom/v0/output{_PATH}", status_code=200)
    async def output(request: Asked) -> Response[bytes]:
        desk.admit(request, "resource")
        body, name, cookie, token = await body_of(request), *_who(request)

        def work() -> Answer:
            _known(desk, name)
            return Answer(200, JSON, broker_output.output(broker, name, body, cookie, token))

        def overdue() -> bool:
            return late(broker, OUTPUT, name, cookie, token, desk.seconds)

        return respond(request, await desk.run(OUTPUT, work, overdue))

    return [certificate, recipients, output]


def _who(request: Asked) -> tuple[str, str, str]:
    """The name, the session and the token of a request."""
    name = "/".join(str(request.path_params[n]) for n in ("repository", "kind", "tag"))
    return name, request.cookies.get(kbs.COOKIE, ""), bearer(request)


def _known(desk: Desk, name: str) -> None:
    if desk.twin and not name.startswith(f"{DEBUG}/"):
        raise not_released(f"a debug twin has resources of the repository {DEBUG} alone")
