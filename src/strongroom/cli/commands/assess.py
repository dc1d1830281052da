"""Assess infrastructure against every control that its sources can show."""

import click

SEVERITIES = ["critical", "high", "medium", "low", "info", "never"]


@click.command("assess")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--format", "format_", default="table", metavar="FORMAT", help="table, or a report format by name.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--fail-on", type=click.Choice(SEVERITIES), default="high", show_default=True, help="Exit 1 from here on.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(  # noqa: N802 - the room's constant
    sources: tuple[str, ...], format_: str, output: str | None, at: str | None, fail_on: str, debug: bool
) -> None:
    """Assess infrastructure against every control that its sources can show."""
    from strongroom.app.assess import assess, exit_code
    from strongroom.app.catalogue import catalogue, report
    from strongroom.cli.run import finish, moment, write
    from strongroom.model.codes import Severity

    def work() -> int:
        chosen = report(format_)
        found = assess(sources, moment(at))
        write(chosen.render(found, catalogue()), output)
        return exit_code(found, None if fail_on == "never" else Severity(fail_on))

    finish(work, debug=debug)
