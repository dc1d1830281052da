"""Change who may open a sealed artifact."""

from typing import Unpack

import click

from strongroom.cli.commands.seal import _options as options


class _Words(options.Opening, options.Sealing):
    """All options but its own."""


@click.command("rewrap", short_help="Change who may open a sealed artifact; its payload stays as it is.")
@click.argument("path", metavar="SEALED")
@options.opens
@options.seals
@click.option("--remove", multiple=True, metavar="ID", help="Take a slot out.")
@click.option("--only", is_flag=True, help="Those named open it from now on, and nobody else.")
@click.option("--reencrypt", metavar="DEST", help="Seal it anew as DEST, under another key, to those named alone.")
@click.option("--sign-key", metavar="PEM", help="Sign DEST by this private key.")
@options.logs
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    path: str,
    remove: tuple[str, ...],
    only: bool,
    reencrypt: str | None,
    sign_key: str | None,
    log_: str | None,
    offline: bool,
    debug: bool,
    **words: Unpack[_Words],
) -> None:
    """Add slots to SEALED, take some out, or put others in the place of all; the change is logged before it is made.

    Whoever has opened SEALED before, or has a copy with its old slots, still has its key. Only --reencrypt takes that from
    him for what comes: DEST has another key, and SEALED is yours to remove.
    """
    from pathlib import Path

    from strongroom.app import seal_reencrypt
    from strongroom.app.seal_rewrap import Asked
    from strongroom.app.seal_signers import SignerWords
    from strongroom.cli.run import finish
    from strongroom.cli.seal_sealing import reencrypted, rewrapped
    from strongroom.model.errors import BadUsage

    def work() -> int:
        if reencrypt is not None:
            if remove or only:
                raise BadUsage("--reencrypt", "--remove or --only beside it", "who is to open DEST, alone")
            state = options.state_folder(words["config"])
            again = seal_reencrypt.Asked(Path(path), Path(reencrypt), options.way(words), options.wanted(words), state)
            reencrypted(again, options.hands(), SignerWords(sign_key), (words["config"], log_, offline))
            return 0
        if sign_key is not None:
            raise BadUsage("--sign-key", "no --reencrypt", "both: slots are in no signature")
        asked = Asked(Path(path), options.way(words), options.wanted(words), remove, only)
        rewrapped(asked, options.hands(), (words["config"], log_, offline))
        return 0

    finish(work, debug=debug)
