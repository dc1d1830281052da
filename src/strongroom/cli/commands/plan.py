"""The findings as tasks for 30, 60 and 90 days."""

import click

from strongroom.cli.helping import PlanCommand


@click.command("plan", cls=PlanCommand, short_help="Turn findings into a 30/60/90-day plan.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--phase", type=click.Choice(["30", "60", "90"]), help="Only the tasks of this phase.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "md"]), default="table", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--exceptions", metavar="FILE", help="The exceptions file: which findings are accepted, by whom.")
@click.option(
    "--rules", "rules_", multiple=True, metavar="FILE|DIR", help="Rules of your own, beside the built-in checks."
)
@click.option("--offline", is_flag=True, help="Open no socket: a cluster is not asked.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    sources: tuple[str, ...],
    phase: str | None,
    format_: str,
    output: str | None,
    at: str | None,
    exceptions: str | None,
    rules_: tuple[str, ...],
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Assess the sources and print what to do, in the guide's order.

    Each task says which assets it is about, how to do it, how large it is, how to see that it is done, and which
    findings it closes.
    """
    from strongroom.app.artifacts import trusted
    from strongroom.app.assess import assess
    from strongroom.app.config import load
    from strongroom.app.people import accepted
    from strongroom.app.rules import given as given_rules
    from strongroom.app.rules import load as load_rules
    from strongroom.app.sealed_join import looking
    from strongroom.cli.planning import lines
    from strongroom.cli.run import finish, moment, progress, write

    def work() -> int:
        settings = load(config)
        now = moment(at)
        said = accepted(settings, exceptions)
        rules = load_rules(given_rules(settings, rules_), settings.bounds(offline=offline))
        with progress() as tell:
            found = assess(
                sources,
                now,
                settings.bounds(offline=offline),
                tell,
                said,
                rules,
                trusted(settings, None),
                looking(settings),
            )
        todo = [t for t in found.tasks if phase is None or t.phase == int(phase)]
        write(lines(todo, found, rules.catalogue(), format_), output)
        return 0

    finish(work, debug=debug)
