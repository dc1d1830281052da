"""Feeds: what vendors and others know of vulnerabilities."""

import click

from strongroom.cli.rooms import Rooms


@click.command("feeds", cls=Rooms, package=__name__, short_help="Know which versions are patched.")
def COMMAND() -> None:
    """Bring in what vendors publish of vulnerabilities, and ask what an installed version is.

    Start with:  strongroom feeds import FOLDER; strongroom feeds check nvidia-driver 580.126.09
    """
