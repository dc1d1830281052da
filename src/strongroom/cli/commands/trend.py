"""How what fails became less, or more, over the kept runs."""

import click


@click.command("trend", short_help="Show how what fails changed over the kept runs.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the last N runs [default in a table: 15].")
@click.option("--since", metavar="DATE", help="Only runs from this day or time on (ISO 8601, UTC).")
@click.option("--control", metavar="ID", help="Only the findings of this control.")
@click.option("--area", metavar="NAME", help="Only the findings of the controls of this area.")
@click.option("--of", "run", metavar="ID", help="The line that this run is on [default: that of the latest run].")
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--state", metavar="PATH", help="The state database (a path or a database URL).")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    last: int | None,
    since: str | None,
    control: str | None,
    area: str | None,
    run: str | None,
    format_: str,
    output: str | None,
    state: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """Draw the kept runs as a line: what fails, what is unknown, what is accepted, and what is open by phase.

    Runs are on one line when they read the same sources; other lines are named below it. `new`, `fixed` and `gone`
    (the asset is no longer seen) are since the run before on the line. The age is the mean of what fails, from the
    first kept run that saw it fail.
    """
    from strongroom.app.config import load
    from strongroom.app.history import chosen_controls, line_of, lines, window
    from strongroom.app.state import state_path
    from strongroom.cli import trend_views as views
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        settings = load(config)
        from_ = moment(since, "--since") if since else None
        wanted = chosen_controls(control, area)
        found = lines(state_path(state or settings.state.path), wanted)
        main = line_of(found, run) if run else None
        chosen = [main, *(x for x in found if x is not main)] if main else list(found)
        parts = [window(x, last, from_) for x in chosen]
        if format_ == "table":
            write([views.table_text(parts, control or area or "", last, to_file=output is not None)], output)
        else:
            write(views.json(parts) if format_ == "json" else views.csv(parts), output)
        return 0

    finish(work, debug=debug)
