"""Mount a sealed artifact."""

from typing import Unpack

import click

from strongroom.cli.commands.seal import _options as options


class _Words(options.Opening, options.Demanding):
    """All options but its own."""


@click.command("mount", short_help="Show a sealed artifact as a folder that can only be read (FUSE).")
@click.argument("path", metavar="SEALED")
@click.argument("place", metavar="FOLDER")
@options.opens
@options.demands
@click.option("--log", "log_", metavar="PATH|URL", help="Put the opening into this log.")
@click.option("--offline", is_flag=True, help="Ask no witness of the log now.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(path: str, place: str, log_: str | None, offline: bool, debug: bool, **words: Unpack[_Words]) -> None:
    """Show SEALED at FOLDER, an empty one, until Ctrl-C or `fusermount3 -u FOLDER`.

    Nothing is written anywhere: segments are opened when they are read. Only you can read it, not even root. A read of what
    was damaged fails with EIO. Needs pip install 'strongroom[fuse]' and fuse3.
    """
    from pathlib import Path

    from strongroom.app.seal_open import Asked
    from strongroom.cli.run import finish
    from strongroom.cli.seal_opening import mounted

    def work() -> int:
        asked = Asked(Path(path), options.way(words), options.demanded(words), whole=False)
        mounted(asked, Path(place), (words["config"], log_, offline))
        return 0

    finish(work, debug=debug)
