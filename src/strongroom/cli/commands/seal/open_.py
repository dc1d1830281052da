"""Open a sealed artifact."""

from typing import Unpack

import click

from strongroom.cli.commands.seal import _options as options


class _Words(options.Opening, options.Demanding):
    """All options but its own."""


@click.command("open", short_help="Verify and open a sealed artifact.")
@click.argument("path", metavar="SEALED")
@click.argument("dest", metavar="DEST")
@options.opens
@options.demands
@click.option(
    "--allow-plaintext-disk", "disk", is_flag=True, help="Let DEST lie on a disk, where it can be found later."
)
@click.option("--log", "log_", metavar="PATH|URL", help="Put the opening into this log.")
@click.option("--offline", is_flag=True, help="Ask no witness of the log now.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    path: str, dest: str, disk: bool, log_: str | None, offline: bool, debug: bool, **words: Unpack[_Words]
) -> None:
    """Open SEALED into DEST, which appears when every octet was authenticated.

    With --attest this machine is attested to the slot's broker first, and the artifact must be signed, scanned and have
    a provenance; each by whom the options name.

    Exit 0: opened. 1: something that is demanded is missing or refuses, or the broker refused. 2: the command, the
    artifact or this machine will not do. 3: the broker did not answer, or cannot work now.
    """
    from pathlib import Path

    from strongroom.app.seal_open import Asked
    from strongroom.cli.run import finish
    from strongroom.cli.seal_opening import written

    def work() -> int:
        asked = Asked(Path(path), options.way(words), options.demanded(words), target=Path(dest), disk=disk)
        written(asked, (words["config"], log_, offline))
        return 0

    finish(work, debug=debug)
