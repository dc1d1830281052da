"""What every role answers with: short texts, no traceback, and no more of a body than it takes."""

import asyncio
import sys
import traceback
from collections.abc import Mapping, Sequence

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from strongroom.app.boundary import say as say_to_operator
from strongroom.kit.tlog.witnessing import Answer, say
from strongroom.model.errors import NotFound, StrongroomError

PATIENCE = 10.0  # seconds for a body
FRESH = {"Cache-Control": "no-store"}
_ALWAYS = {"X-Content-Type-Options": "nosniff"}

Asked = Request[None, None, State]
Said = Response[bytes]


def respond(request: Asked, answer: Answer, headers: Mapping[str, str] | None = None) -> Said:
    """An answer as a response; nothing keeps it unless the headers say so. HEAD gets the headers only."""
    # As headers: litestar would add a charset to each type of text, and one of them must be as it is.
    stated = {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body))}
    given = {**_ALWAYS, **stated, **(FRESH if headers is None else headers)}
    body = b"" if request.method == "HEAD" else answer.body
    return Response(body, status_code=answer.status, media_type=answer.content_type, headers=given)


async def body_of(request: Asked) -> bytes:
    """The body, up to the limit of the route and within its time.

    Raises:
        HTTPException: 413 or 408; the rest of the body is not read.
    """
    try:
        return await asyncio.wait_for(request.body(), PATIENCE)
    except TimeoutError:
        raise HTTPException("the body took too long", status_code=408) from None


def _http_error(request: Asked, error: HTTPException) -> Said:
    texts = {404: "not found", 405: "another method is wanted", 413: "the body is too large"}
    given = {**FRESH, **(error.headers or {})}
    if error.status_code in {408, 413}:
        given["Connection"] = "close"  # What is left of the body must not be taken for a request.
    return respond(request, say(error.status_code, texts.get(error.status_code, "this cannot be answered")), given)


def _our_error(request: Asked, error: StrongroomError) -> Said:
    if isinstance(error, NotFound):
        return respond(request, say(404, "not found"))
    say_to_operator(f"error: {error}", error.hint)  # It may name paths of this machine, which are no client's business.
    return respond(request, say(503, "this cannot be answered now"))


def _fault(request: Asked, error: Exception) -> Said:
    at = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{at.filename.rpartition('strongroom/')[2]}:{at.lineno}"
    sys.stderr.write(f"error: internal fault {type(error).__name__} at {place}; this is a bug in strongroom\n")
    return respond(request, say(500, "internal fault"))


def application(handlers: Sequence[HTTPRouteHandler], most: int) -> Litestar:
    """The application of some routes, with bodies of at most `most` bytes."""
    return Litestar(
        handlers,
        debug=False,
        exception_handlers={HTTPException: _http_error, StrongroomError: _our_error, Exception: _fault},
        logging_config=None,
        openapi_config=None,
        request_max_body_size=most,
    )
