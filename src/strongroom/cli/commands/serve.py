"""Server roles."""

import click


@click.command(
    "serve",
    short_help="Run a server role: a process of its own.",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="ROLE [WORDS]...")
def COMMAND(words: tuple[str, ...]) -> None:
    """Run a server role until it is told to stop. Each role is a process with its own listener and keys.

    \b
      strongroom serve witness --listen 127.0.0.1:8080 --state DIR --key FILE --policy FILE
      strongroom serve log PATH --listen 127.0.0.1:8081
      strongroom serve --help

    It needs the server extra: `pip install 'strongroom[server]'`.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    import os
    import sys

    # -P: nothing is imported from the folder that it happens to be started in.
    words = ("-P", "-m", "strongroom.serve", *words)
    os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - our own interpreter and module, and no shell
