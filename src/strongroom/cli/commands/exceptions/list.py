"""List exceptions."""

import click

from strongroom.cli.commands.exceptions._options import of_file


@click.command("list", short_help="List the exceptions of the file.")
@click.option("--snapshot", default="latest", show_default=True, help="The kept run that they are looked for in.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@of_file
def COMMAND(
    snapshot: str,
    format_: str,
    exceptions: str | None,
    state: str | None,
    at: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """List the exceptions of the file, how each stands, and how many findings of a kept run it names."""
    from strongroom.app.config import load
    from strongroom.app.exceptions import check, file_of
    from strongroom.cli.people_views import checked_lines
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        settings = load(config)
        found = check(settings, file_of(settings, exceptions), snapshot, moment(at), state=state)
        write(checked_lines(found, format_), None)
        return 0

    finish(work, debug=debug)
