"""The witness (c2sp.org/tlog-witness v1.0.0): it cosigns what grew from what it cosigned before."""

import asyncio
import os
import sys
from pathlib import Path

import click
from litestar import Litestar, Response, get, post

from strongroom.app.boundary import guard, say
from strongroom.app.witness import WitnessDesk, open_witness
from strongroom.kit.tlog.witnessing import MAX_REQUEST, TEXT_TYPE, Answer
from strongroom.serve import listening
from strongroom.serve.answers import Asked, application, body_of, respond
from strongroom.serve.role import Role

_BRIEFLY = {
    "Cache-Control": "max-age=5"
}  # "MAY delay updating the checkpoint, but SHOULD NOT delay for more than an hour"


def routes(desk: WitnessDesk) -> Litestar:
    """The application of a witness; both prefixes are the root of the listener."""

    @post("/add-checkpoint", status_code=200)
    async def add_checkpoint(request: Asked) -> Response[bytes]:
        return respond(request, await asyncio.to_thread(desk.add_checkpoint, await body_of(request)))

    @post("/sign-subtree", status_code=200)
    async def sign_subtree(request: Asked) -> Response[bytes]:
        return respond(request, await asyncio.to_thread(desk.sign_subtree, await body_of(request)))

    @get("/{name:str}/checkpoint")
    async def checkpoint(request: Asked, name: str) -> Response[bytes]:
        found = await asyncio.to_thread(desk.latest, name)
        return respond(request, Answer(200, TEXT_TYPE, found), _BRIEFLY)

    return application([add_checkpoint, sign_subtree, checkpoint], MAX_REQUEST)


@click.command("witness", short_help="Cosign the checkpoints of other people's logs.")
@listening.options
@click.option(
    "--state",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="What it cosigned; must never be lost.",
)
@click.option(
    "--key",
    "keys",
    metavar="FILE",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="A signer key of type 0x04 or 0x06; may be given for each type.",
)
@click.option(
    "--policy",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="A tlog-policy with the logs to witness.",
)
def command(
    listen: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure_listen: bool,
    state: Path,
    keys: tuple[Path, ...],
    policy: Path,
    debug: bool,
) -> None:
    """Cosign each checkpoint that has grown from the last one, of the logs that the policy names.

    The folder of `--state` is the witness's memory. If it is lost or put back to an earlier state, the witness could
    cosign a log that was rolled back.
    """

    def work() -> int:
        where = listening.listen_at(listen, tls_cert, tls_key, insecure=insecure_listen)
        if not os.path.lexists(state):
            say(f"note: {state} is new: every log starts at size 0")
        desk = open_witness(state, keys, policy)
        for key in desk.keys:
            say(f"witness {key}")
        return listening.serve(routes(desk), where)

    sys.exit(guard(work, debug=debug))


ROUTES = Role("witness", "A witness of other people's logs", command)
