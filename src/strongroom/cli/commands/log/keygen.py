"""Make a key."""

import click


@click.command("keygen", short_help="Make a key of a log or of a witness.")
@click.argument("name")
@click.option("--type", "type_", type=click.Choice(["log", "witness"]), default="witness", show_default=True)
@click.option(
    "--algorithm",
    type=click.Choice(["ed25519", "ml-dsa-44"]),
    help="[default: ed25519 for a log, ml-dsa-44 for a witness]",
)
@click.option("-o", "--output", required=True, metavar="FILE", help="The key file to make; it must not exist.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(name: str, type_: str, algorithm: str | None, output: str, debug: bool) -> None:
    """Make a signing key and print its public half, as c2sp.org/signed-note writes it.

    NAME is best the URL of the log or witness without https://. The file is its owner's alone.
    """
    from pathlib import Path

    from strongroom.app.log import make_key
    from strongroom.cli.run import finish, write

    def work() -> int:
        key = make_key(name, Path(output), witness=type_ == "witness", algorithm=algorithm)
        write([f"{key}\n"], None)
        return 0

    finish(work, debug=debug)
