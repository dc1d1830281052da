"""Check an exceptions file."""

import click

from strongroom.cli.commands.exceptions._options import of_file


@click.command("check", short_help="Say what is expired, unused or malformed.")
@click.option("--snapshot", default="latest", show_default=True, help="The kept run that use is looked for in.")
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
    """Say which exceptions are expired, unused, incomplete or malformed. Exit 1 when there is one.

    Whether one is used is looked for in a kept run; where none is kept, that is said and not counted.
    """
    from strongroom.app.config import load
    from strongroom.app.exceptions import check, file_of
    from strongroom.cli.people_views import checked_lines
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        settings = load(config)
        found = check(settings, file_of(settings, exceptions), snapshot, moment(at), state=state)
        write(checked_lines(found, format_, only_wrong=True), None)
        return 0 if found.sound else 1

    finish(work, debug=debug)
