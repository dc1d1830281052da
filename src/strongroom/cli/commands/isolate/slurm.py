"""One job of Slurm, judged here."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("slurm", short_help="Judge one job of Slurm, a change of it, or its start.")
@click.option("--facts", required=True, metavar="FILE", help="Accounts, QOS, users, partitions, as JSON.")
@click.option("--job", required=True, metavar="FILE", help="The job, as JSON; - reads standard input.")
@click.option("--format", "format_", type=click.Choice(["json", "table"]), default="json", show_default=True)
@options.RULE
@options.DEBUG
def COMMAND(facts: str, job: str, format_: str, rule_: str | None, debug: bool) -> None:
    """Judge the job of --job by the facts of the cluster.

    A job has the fields of Slurm's job description, of scontrol or of sbatch. A change is {"job": …, "change": …}, a step
    {"job": …, "step": …}, a heterogeneous job a list or {"components": […]}.

    \b
      {"accounts": {"vision": "restricted"}, "qos": {"secret": "confidential"},
       "users": {"ada": {"account": "vision", "accounts": ["vision"]}},
       "partitions": {"h200": {"gpus_per_node": 8, "gpu_is": "whole", "cc": false,
                      "allow_accounts": [], "oversubscribe": "NO", "preempt": "OFF",
                      "island": 8, "constrain_devices": true, "default": true}},
       "reservations": {"night": {"accounts": ["vision"]}}}

    Exit 0: allowed. 1: denied, each reason named; so is a job that cannot be read. 2: the facts or the rule cannot be.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app.isolation import MOST_REVIEW, load_rule, octets
    from strongroom.app.isolation_slurm import judge, load_facts, told
    from strongroom.cli.isolation_views import job_lines
    from strongroom.cli.release_views import formatted
    from strongroom.cli.run import finish, write

    def work() -> int:
        rule = load_rule(rule_)
        found = judge(rule, load_facts(facts), octets(job, MOST_REVIEW))
        write([formatted(told(found))] if format_ == "json" else job_lines(found), None)
        return 0 if found.verdict.allowed else 1

    finish(work, debug=debug)
