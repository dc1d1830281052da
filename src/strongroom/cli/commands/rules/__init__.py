"""Rules of your own."""

import click

from strongroom.cli.rooms import Rooms


@click.command("rules", cls=Rooms, package=__name__, short_help="Check and test rules of your own.")
def COMMAND() -> None:
    """Check and test rules of your own: YAML with CEL.

    They are asked by `strongroom assess --rules FILE`, and answer as the built-in checks do. It needs the rules extra:
    `pip install 'strongroom[rules]'`.
    """
