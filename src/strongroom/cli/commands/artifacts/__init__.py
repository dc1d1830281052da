"""The register of model artifacts."""

import click

from strongroom.cli.rooms import Rooms


@click.command(
    "artifacts", cls=Rooms, package=__name__, short_help="Define, register, list and verify model artifacts."
)
def COMMAND() -> None:
    """Say what counts as a model artifact, and which there are: a TOML file that is signed, and logged when it changes.

    `strongroom assess artifacts:DIR` lays what it finds beside this register. The file is named with --register or in
    [artifacts] of the configuration; a tree that is assessed cannot bring its own.
    """
