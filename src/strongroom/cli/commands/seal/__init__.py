"""Seal: model artifacts that are signed, scanned, described and encrypted."""

import click

from strongroom.cli.rooms import Rooms


@click.command("seal", cls=Rooms, package=__name__, short_help="Sign, scan, seal and open model artifacts.")
def COMMAND() -> None:
    """Encrypt, sign, scan and describe models as one artifact, and open it where policy says.

    Start with:  strongroom seal keygen -o me.id --recipient me.pub
    """
