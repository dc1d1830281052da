"""The public tree of a log (c2sp.org/tlog-tiles v0.1.0): its checkpoint, tiles and entries, to read and nothing else."""

import asyncio
import gzip
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import click
from litestar import HttpMethod, Litestar, Response, route

from strongroom.app.boundary import guard
from strongroom.app.log_places import reading
from strongroom.kit.tlog.tiles import Bundle, parse_path
from strongroom.kit.tlog.witnessing import TEXT_TYPE, Answer
from strongroom.model.errors import Malformed, NotFound
from strongroom.serve import listening
from strongroom.serve.answers import Asked, application, respond
from strongroom.serve.role import Role

_READ = [HttpMethod.GET, HttpMethod.HEAD]
_OCTETS = "application/octet-stream"
_CHECKPOINT = "checkpoint"
_BRIEFLY = {"Cache-Control": "max-age=1"}  # section "Checkpoints": not "beyond a few seconds"
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}  # section "Merkle Tree": "long-lived"
_SMALL = 512  # bytes; below it compression does not pay


class Published(Protocol):
    """The published tree of a log."""

    def read(self, path: str) -> bytes:
        """An object by its standard name. Raises NotFound."""
        ...


def _takes_gzip(accepted: Sequence[str]) -> bool:
    """Whether `Accept-Encoding` names gzip and does not refuse it (RFC 9110 section 12.5.3)."""
    for one in ",".join(accepted).split(","):
        coding, _, weight = one.partition(";")
        if coding.strip().lower() in {"gzip", "x-gzip"}:
            return weight.replace(" ", "").lower() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _name(request: Asked) -> str:
    """The name as it was sent: an object has one spelling, and neither escapes nor doubled slashes make another."""
    return request.scope["raw_path"].decode("latin-1").removeprefix("/")


def routes(log: Published) -> Litestar:
    """The application that serves a published tree."""

    @route("/checkpoint", http_method=_READ, status_code=200)
    async def checkpoint(request: Asked) -> Response[bytes]:
        if (name := _name(request)) != _CHECKPOINT:
            raise NotFound("object", repr(name[:200]), "a standard name")
        return respond(request, Answer(200, TEXT_TYPE, await asyncio.to_thread(log.read, _CHECKPOINT)), _BRIEFLY)

    @route("/tile/{path:path}", http_method=_READ, status_code=200)
    async def tile(request: Asked) -> Response[bytes]:
        try:
            part = parse_path(_name(request))
        except Malformed as e:
            raise NotFound("object", e.found, e.wanted) from None
        found = await asyncio.to_thread(log.read, part.path)
        if not isinstance(part, Bundle):
            return respond(request, Answer(200, _OCTETS, found), _FOR_EVER)
        headers = {**_FOR_EVER, "Vary": "Accept-Encoding"}
        if len(found) >= _SMALL and _takes_gzip(request.headers.getall("accept-encoding", [])):
            headers["Content-Encoding"] = "gzip"
            found = await asyncio.to_thread(gzip.compress, found, 6, mtime=0)
        return respond(request, Answer(200, _OCTETS, found), headers)

    return application([checkpoint, tile], 0)


@click.command("log", short_help="Serve the public tree of a log.")
@click.argument("path")
@listening.options
def command(
    path: str, listen: str, tls_cert: Path | None, tls_key: Path | None, insecure_listen: bool, debug: bool
) -> None:
    """Serve the checkpoint, tiles and entries of the log at PATH, for monitors and witnesses to read.

    Entries are public to whoever can reach the address; what they seal is not served.
    """

    def work() -> int:
        where = listening.listen_at(listen, tls_cert, tls_key, insecure=insecure_listen)
        log = reading(path)
        try:
            return listening.serve(routes(log), where)
        finally:
            log.close()

    sys.exit(guard(work, debug=debug))


ROUTES = Role("log", "The public tree of a log", command)
