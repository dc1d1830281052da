"""The log: what must be provable later."""

import click

from strongroom.cli.rooms import Rooms


@click.command("log", cls=Rooms, package=__name__, short_help="Keep, read, prove and audit the transparency log.")
def COMMAND() -> None:
    """Keep, read, prove and audit the transparency log.

    The log is append-only and signed; its proofs verify offline, with this program or without it. Where no --log is
    named, it lies beside the state database and is made when it is first needed.
    """
