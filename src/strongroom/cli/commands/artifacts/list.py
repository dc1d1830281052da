"""List the register."""

import click

from strongroom.cli.commands.artifacts._register import reads_register


@click.command("list", short_help="List classes and artifacts of the register.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@reads_register
def COMMAND(format_: str, register: str | None, config: str | None, debug: bool) -> None:
    """List what the register says, and whether a trusted key signed it. Exit 2: no trusted key did."""
    from strongroom.app.artifacts import trusted
    from strongroom.app.config import load
    from strongroom.cli.artifact_views import NO_REGISTER, listed
    from strongroom.cli.run import finish, write

    def work() -> int:
        held = trusted(load(config), register)
        if held is None:
            raise NO_REGISTER
        write(listed(held, format_), None)
        return 0 if held.trouble is None else 2

    finish(work, debug=debug)
