"""What runs, beside what should."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("drift", short_help="Compare what GPUs are used by with what the cluster says.")
@click.option("--uses", required=True, metavar="FILE", help="What was measured on the nodes, as JSON.")
@click.option("--format", "format_", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
@options.judged
def COMMAND(uses: str, format_: str, states: tuple[str, ...], rule_: str | None, debug: bool) -> None:
    """Find processes that nobody asked for, tenants that share a GPU or an island, and labels that are not so.

    \b
      {"schema": "strongroom.gpu-use/1", "gpus": [
        {"node": "gpu-1", "uuid": "GPU-…", "mig": false, "cc": "off",
         "allocated": ["patients/training"],
         "processes": [{"pid": 4242, "pod": "patients/training"}]}]}

    Exit 0: nothing. 1: something, each named. 2: a file cannot be read.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app.isolation import drifted, load_rule, load_state
    from strongroom.cli.isolation_views import drift_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        found = drifted(load_rule(rule_), load_state(states).state, uses)
        write(drift_lines(found, format_), None)
        return 1 if found else 0

    finish(work, debug=debug)
