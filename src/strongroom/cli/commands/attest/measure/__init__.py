"""Measure workloads, and keep what they measure to as signed reference values."""

import click

from strongroom.cli.rooms import Rooms


@click.command(
    "measure", cls=Rooms, package=__name__, short_help="Compute reference values of workloads, and sign them."
)
def COMMAND() -> None:
    """Compute what a workload will measure to, from the files that it starts from.

    With --references FILE the values are put into a file that is signed and logged; `strongroom attest verify
    --references FILE --key KEY` compares evidence with it. Evidence that fits no reference is an unknown reference.
    """
