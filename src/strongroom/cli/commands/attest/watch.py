"""The server that attests hosts again and again."""

import click


@click.command(
    "watch",
    short_help="Attest hosts with a TPM again and again: a server.",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS]")
def COMMAND(words: tuple[str, ...]) -> None:
    """Enrol hosts by their TPM, challenge them, and keep who is trusted: `strongroom serve attest` by another name.

    \b
      strongroom attest watch --listen 127.0.0.1:8443 --policy FILE --references FILE --key VKEY
      strongroom attest watch --help

    The hosts run `strongroom attest agent`; `strongroom attest hosts` says how they stand.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    import os
    import sys

    # -P: nothing is imported from the folder that it happens to be started in.
    words = ("-P", "-m", "strongroom.serve", "attest", *words)
    os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - our own interpreter and module, and no shell
