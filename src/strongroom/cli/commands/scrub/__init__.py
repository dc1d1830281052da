"""Scrub: clear the memory of GPUs between tenants, and test whether they leak."""

import click

from strongroom.cli.rooms import Rooms


@click.command(
    "scrub", cls=Rooms, package=__name__, short_help="Clear GPUs between tenants, and test whether they leak."
)
def COMMAND() -> None:
    """Read what was left in the memory of GPUs, overwrite it, verify that, and put a record into the log.

    Start with:  strongroom scrub plan --gpu GPU-…   (nvidia-smi -L names them)
    """
