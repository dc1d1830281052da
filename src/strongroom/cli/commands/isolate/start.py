"""A job of Slurm as it starts: what the prolog asks."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("start", short_help="Judge a job of Slurm as it starts (its prolog asks this).")
@click.option("--facts", required=True, metavar="FILE", help="Accounts, QOS, users, partitions, as JSON.")
@click.option("--record", required=True, metavar="TEXT", help="What squeue says of the job, in columns.")
@options.RULE
@options.DEBUG
def COMMAND(facts: str, record: str, rule_: str | None, debug: bool) -> None:
    """Judge the job of --record again, by the facts as they are now. Anything but exit 0 keeps it from starting.

    Exit 0: allowed. 1: denied, or it cannot be read. 2: the facts or the rule cannot be read: nothing starts then either.
    """
    from strongroom.app.isolation import load_rule
    from strongroom.app.isolation_slurm import load_facts, started
    from strongroom.cli.isolation_views import job_lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        found = started(load_rule(rule_), load_facts(facts), record)
        write(job_lines(found), None)
        return 0 if found.verdict.allowed else 1

    finish(work, debug=debug)
