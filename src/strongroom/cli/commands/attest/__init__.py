"""Attest: what hardware says of itself, and whether it is true."""

import click

from strongroom.cli.rooms import Rooms


@click.command("attest", cls=Rooms, package=__name__, short_help="Verify evidence of confidential hardware.")
def COMMAND() -> None:
    """Verify evidence of confidential hardware: processors, clouds, TPMs and GPUs.

    Start with:  strongroom attest inspect EVIDENCE
    """
