"""Apply exceptions to a run that is kept."""

import click

from strongroom.cli.commands.exceptions._options import logging, of_file

SEVERITIES = ["critical", "high", "medium", "low", "info", "never"]


@click.command("apply", short_help="Judge a kept run again, without reading its sources.")
@click.option("--snapshot", default="latest", show_default=True, help="The kept run.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit 1 from this severity on [default: high].")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--no-snapshot", is_flag=True, help="Keep and log nothing of it.")
@logging
@of_file
def COMMAND(
    snapshot: str,
    fail_on: str | None,
    format_: str,
    no_snapshot: bool,
    log_: str | None,
    seal: tuple[str, ...],
    offline: bool,
    exceptions: str | None,
    state: str | None,
    at: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """Judge the findings of a kept run under the exceptions as they are now. No source is read.

    Where that changes something, the result is kept and logged as a run of its own, for `diff` and `snapshots`.

    \b
    Exit: 0 nothing fails, 1 something fails at or above --fail-on,
          2 bad input, 3 nothing fails but something is unknown, 4 a bug.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app.config import load
    from strongroom.app.exceptions import apply, file_of
    from strongroom.app.log_people import checked_seal
    from strongroom.cli.people_views import judged_lines
    from strongroom.cli.run import finish, floor_of, moment, write

    def work() -> int:
        settings = load(config)
        floor = floor_of(fail_on or settings.assess.fail_on)
        found = apply(
            settings,
            file_of(settings, exceptions),
            snapshot,
            moment(at),
            state=state,
            log=log_,
            keep=not no_snapshot,
            offline=offline,
            seal=checked_seal(seal or settings.assess.seal),
        )
        write(judged_lines(found, format_), None)
        return found.exit_code(floor)

    finish(work, debug=debug)
