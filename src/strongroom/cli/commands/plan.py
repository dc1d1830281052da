"""The findings as tasks for 30, 60 and 90 days."""

import click

from strongroom.cli.helping import PlanCommand


@click.command("plan", cls=PlanCommand, short_help="Turn findings into a 30/60/90-day plan.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--phase", type=click.Choice(["30", "60", "90"]), help="Only the tasks of this phase.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "md"]), default="table", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    sources: tuple[str, ...],
    phase: str | None,
    format_: str,
    output: str | None,
    at: str | None,
    config: str | None,
    debug: bool,
) -> None:
    """Assess the sources and print what to do, in the guide's order.

    Each task says which assets it is about, how to do it, how large it is, how to see that it is done, and which
    findings it closes.
    """
    from strongroom.app.assess import assess
    from strongroom.app.catalogue import catalogue
    from strongroom.app.config import load
    from strongroom.cli.planning import lines
    from strongroom.cli.run import finish, moment, progress, write

    def work() -> int:
        settings = load(config)
        with progress() as tell:
            found = assess(sources, moment(at), settings.bounds(), tell)
        todo = [t for t in found.tasks if phase is None or t.phase == int(phase)]
        write(lines(todo, found, catalogue(), format_), output)
        return 0

    finish(work, debug=debug)
