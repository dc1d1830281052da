"""What the rule would say of what is there."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("simulate", short_help="Judge everything that a dump of a cluster holds.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "jsonl"]), default="table", show_default=True)
@click.option("--all", "every", is_flag=True, help="Show what is allowed too.")
@options.judged
def COMMAND(format_: str, every: bool, states: tuple[str, ...], rule_: str | None, debug: bool) -> None:
    """Judge every pod of a dump where it is, and every workload and claim as if it were made again.

    Exit 0: the rule denies nothing of it. 1: something would be denied. 2: the rule or the state cannot be read.
    """
    from strongroom.app.isolation import load_rule, load_state, simulate
    from strongroom.cli.isolation_views import simulation_json, simulation_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        rule = load_rule(rule_)
        found = list(simulate(rule, load_state(states)))
        shown = (
            simulation_lines(found, every=every) if format_ == "table" else simulation_json(found, format_, every=every)
        )
        write(shown, None)
        return 0 if all(j.verdict.allowed for j in found) else 1

    finish(work, debug=debug)
