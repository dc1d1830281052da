"""Assess infrastructure against every control that its sources can show."""

import click

from strongroom.cli.helping import AssessCommand

SEVERITIES = ["critical", "high", "medium", "low", "info", "never"]


@click.command("assess", cls=AssessCommand, short_help="Judge infrastructure against the controls.")
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@click.option("--format", "format_", default="table", metavar="NAME", help="table, or a report; see below.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit 1 from this severity on [default: high].")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--state", metavar="PATH", help="The state database (a path or a database URL).")
@click.option("--log", "log_", metavar="PATH|URL", help="The log of snapshots [default: beside the state].")
@click.option("--no-snapshot", is_flag=True, help="Keep and log nothing of this run.")
@click.option("--offline", is_flag=True, help="Open no socket: a log's witnesses are not asked.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    sources: tuple[str, ...],
    format_: str,
    output: str | None,
    fail_on: str | None,
    at: str | None,
    state: str | None,
    log_: str | None,
    no_snapshot: bool,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Judge infrastructure against every control that its sources can show.

    A SOURCE is a path that is recognised, or KIND:TARGET; see below.

    \b
    Exit: 0 nothing fails, 1 something fails at or above --fail-on,
          2 bad input, 3 nothing fails but something is unknown, 4 a bug.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app.assess import assess, exit_code
    from strongroom.app.catalogue import catalogue, report
    from strongroom.app.config import load
    from strongroom.cli.run import finish, moment, progress, write
    from strongroom.model.codes import Severity
    from strongroom.model.errors import BadInput, BadUsage, LogError, NotFound, StateError, StrongroomError

    def work() -> int:
        settings = load(config)
        given = sources or settings.assess.sources
        if not given:
            raise BadUsage("assess", "no source", "at least one", "strongroom assess .   or   strongroom assess host:")
        chosen = report(format_) if format_ != "table" else None
        floor = fail_on or settings.assess.fail_on
        if floor not in SEVERITIES:
            raise BadUsage("[assess] fail_on", repr(floor), f"one of {', '.join(SEVERITIES)}")
        with progress() as tell:
            found = assess(given, moment(at), settings.bounds(), tell)
        trouble: StrongroomError | None = None
        if not no_snapshot:
            from strongroom.app.log_snapshots import keep_and_log

            try:
                keep_and_log(found, settings, state=state, log=log_, offline=offline)
            except (StateError, LogError, BadInput, NotFound) as e:
                trouble = e  # what was found is still printed; that it was not kept is said after it
        if chosen is not None:
            write(chosen.render(found, catalogue()), output)
        else:
            _table(output, found)
        if trouble is not None:
            raise trouble
        return exit_code(found, None if floor == "never" else Severity(floor))

    finish(work, debug=debug)


def _table(output: str | None, found: object) -> None:
    from strongroom.app.catalogue import catalogue
    from strongroom.cli.run import write
    from strongroom.cli.tables import assessment, console
    from strongroom.model.control import Assessment

    assert isinstance(found, Assessment)
    out = console()
    if output is None:
        assessment(out, found, catalogue())
        return
    with out.capture() as text:
        assessment(out, found, catalogue())
    write([text.get()], output)
