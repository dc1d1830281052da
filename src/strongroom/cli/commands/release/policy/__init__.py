"""Release policies."""

import click

from strongroom.cli.rooms import Rooms


@click.command("policy", cls=Rooms, package=__name__, short_help="Write, sign, try and apply a release policy.")
def COMMAND() -> None:
    """What may be released to which workloads: a file that its owners sign offline.

    Start with:  strongroom release policy example > weights.toml
    """
