"""Become a recipient of outputs."""

import click


@click.command("recipient", short_help="Make a key for outputs, and the part of a policy that names it.")
@click.argument("name")
@click.option("--key", metavar="FILE", required=True, help="Your private key, PEM; made where it is not there yet.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(name: str, key: str, debug: bool) -> None:
    """Print the [[recipient]] of a release policy for the holder of a private key, NAME. The key stays where it is."""
    from strongroom.app.release_opening import recipient_of
    from strongroom.cli.run import finish, write

    def work() -> int:
        write((recipient_of(name, key),), None)
        return 0

    finish(work, debug=debug)
