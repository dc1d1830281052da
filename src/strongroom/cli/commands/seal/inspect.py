"""Look at a sealed artifact."""

from typing import Unpack

import click

from strongroom.cli.commands.seal import _options as options


@click.command("inspect", short_help="Show what a sealed artifact says of itself, and who can open it.")
@click.argument("path", metavar="SEALED")
@options.opens
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(path: str, format_: str, debug: bool, **words: Unpack[options.Opening]) -> None:
    """Show who can open SEALED; with --identity or --attest, what is inside too."""
    from pathlib import Path

    from strongroom.app.seal_inspect import Asked, inspect
    from strongroom.cli.release_views import formatted
    from strongroom.cli.run import finish, write
    from strongroom.cli.seal_opening import inspection_lines

    def work() -> int:
        found = inspect(Asked(Path(path), options.maybe(words)), options.hands())
        write([formatted(found)] if format_ == "json" else inspection_lines(found), None)
        return 0

    finish(work, debug=debug)
