"""Exceptions: which findings are accepted, by whom, why, and until when."""

import click

from strongroom.cli.rooms import Rooms


@click.command("exceptions", cls=Rooms, package=__name__, short_help="Keep the exceptions file, and apply it.")
def COMMAND() -> None:
    """Keep the exceptions file, and apply it to a run that is kept, without reading any source again.

    The file is named with --exceptions, or as [assess] exceptions in the configuration. It is never looked for in the
    tree that is assessed.
    """
