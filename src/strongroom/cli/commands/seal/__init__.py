"""Seal: model artifacts that are signed, scanned, described and encrypted."""

import click

from strongroom.cli.rooms import Rooms


@click.command("seal", cls=Rooms, package=__name__, short_help="Sign, scan, seal and open model artifacts.")
def COMMAND() -> None:
    """Scan, sign and verify model artifacts.

    Start with:  strongroom seal verify MODEL --signature FILE --public-key PEM
    """
