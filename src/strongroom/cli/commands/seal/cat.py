"""Read one file of a sealed artifact."""

from typing import Unpack

import click

from strongroom.cli.commands.seal import _options as options


class _Words(options.Opening, options.Demanding):
    """All options but its own."""


@click.command("cat", short_help="Write one file of a sealed artifact to standard output.")
@click.argument("path", metavar="SEALED")
@click.argument("name", metavar="FILE")
@options.opens
@options.demands
@click.option("--offset", type=click.IntRange(0), default=0, metavar="N", help="The first octet.")
@click.option("--length", type=click.IntRange(0), metavar="N", help="How many octets [default: all that follow].")
@click.option("--allow-plaintext-disk", "disk", is_flag=True, help="Let standard output be a file on a disk.")
@click.option("--log", "log_", metavar="PATH|URL", help="Put the opening into this log.")
@click.option("--offline", is_flag=True, help="Ask no witness of the log now.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    path: str,
    name: str,
    offset: int,
    length: int | None,
    disk: bool,
    log_: str | None,
    offline: bool,
    debug: bool,
    **words: Unpack[_Words],
) -> None:
    """Write FILE of SEALED, or some of its octets: only the segments that hold them are read.

    The signature is verified over the index; what is in FILE is held by the artifact's key, segment by segment. A file
    that was damaged ends in an error after the octets before the damage.
    """
    from pathlib import Path

    from strongroom.app.seal_open import Asked
    from strongroom.cli.run import finish
    from strongroom.cli.seal_opening import streamed

    def work() -> int:
        asked = Asked(Path(path), options.way(words), options.demanded(words), whole=False)
        span = (offset, None if length is None else offset + length)
        streamed(asked, name, span, (words["config"], log_, offline), disk=disk)
        return 0

    finish(work, debug=debug)
