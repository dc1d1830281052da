"""Assertions: what people vouch for."""

import click

from strongroom.cli.rooms import Rooms


@click.command("assertions", cls=Rooms, package=__name__, short_help="List and take back what people vouch for.")
def COMMAND() -> None:
    """List and take back what people vouch for. `strongroom assert` makes an assertion."""
