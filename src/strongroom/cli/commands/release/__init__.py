"""Release: keys only to what was attested."""

import click

from strongroom.cli.rooms import Rooms


@click.command("release", cls=Rooms, package=__name__, short_help="Release keys to attested workloads, and get them.")
def COMMAND() -> None:
    """Release keys to workloads that were attested, and get them on such a machine.

    Start with:  strongroom release get NAME --broker URL
    """
