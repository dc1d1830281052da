"""What runs, beside what should."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("drift", short_help="Compare what GPUs are used by with what the cluster says.")
@click.option("--uses", required=True, multiple=True, metavar="FILE", help="What isolate uses measured on a node.")
@click.option("--state", "states", metavar="FILE", multiple=True, help="What kubectl get … -o json wrote.")
@click.option("--facts", metavar="FILE", help="The facts of a Slurm cluster: whose its jobs are.")
@options.RULE
@click.option("--record", "recorded", is_flag=True, help="Put what was found into the log: it is the history.")
@click.option("--log", "log_", metavar="PATH|URL", help="The log [default: [log] path].")
@click.option("--offline", is_flag=True, help="Ask no witness of the log now.")
@click.option("--config", metavar="FILE", help="The configuration file, with [log].")
@click.option("--format", "format_", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
@options.DEBUG
def COMMAND(
    uses: tuple[str, ...],
    states: tuple[str, ...],
    facts: str | None,
    rule_: str | None,
    recorded: bool,
    log_: str | None,
    offline: bool,
    config: str | None,
    format_: str,
    debug: bool,
) -> None:
    """Find processes that nobody asked for, tenants that share a GPU or an island, and labels that are not so.

    \b
      {"schema": "strongroom.gpu-use/1", "at": "2026-01-01T00:00:00Z", "gpus": [
        {"node": "gpu-1", "uuid": "GPU-…", "mig": false, "cc": "off",
         "allocated": ["patients/training"],
         "processes": [{"pid": 4242, "pod": "patients/training"}]}]}

    With --record the outcome is an entry of the log. A cluster where that is done each hour can show later that nobody
    met whom he must not.

    Exit 0: nothing. 1: something, each named. 2: a file cannot be read, or the log not written. 3: nothing on the nodes
    that were measured, and others have GPUs too.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app.config import load
    from strongroom.app.isolation import load_rule, load_state
    from strongroom.app.isolation_drift import measure, record
    from strongroom.app.isolation_slurm import load_facts
    from strongroom.app.log_default import open_or_create, place_of
    from strongroom.cli.isolation_views import drift_lines
    from strongroom.cli.run import finish, moment, write
    from strongroom.model.errors import BadUsage

    def work() -> int:
        if not states and not facts:
            raise BadUsage("isolate drift", "neither --state nor --facts", "what should be, of Kubernetes or of Slurm")
        rule = load_rule(rule_)
        found = measure(rule, load_state(states).state, uses, load_facts(facts) if facts else None)
        index = None
        if recorded:
            settings = load(config)
            place = place_of(settings, log_)
            with open_or_create(place, made=not (log_ or settings.log.path), offline=offline) as log:
                index = record(log, rule, found, moment(None))
                log.publish()
        write(drift_lines(found, format_, index), None)
        return 1 if found.found else 3 if found.unmeasured or found.uses.blind else 0

    finish(work, debug=debug)
