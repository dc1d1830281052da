"""Try what the rule forbids."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("probe", short_help="Try what the rule forbids on a running cluster, as a dry run.")
@click.option("--kubeconfig", metavar="FILE", help="The cluster [default: the one that this pod runs in].")
@click.option("--context", default="", metavar="NAME", help="The context of the kubeconfig.")
@click.option("--namespace", required=True, metavar="NAME", help="A namespace of a sensitive tenant.")
@options.RULE
@click.option("--log", "log_", metavar="PATH|URL", help="The log [default: [log] path].")
@click.option("--offline", is_flag=True, help="Ask no witness of the log now.")
@click.option("--config", metavar="FILE", help="The configuration file, with [log].")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@options.DEBUG
def COMMAND(
    kubeconfig: str | None,
    context: str,
    namespace: str,
    rule_: str | None,
    log_: str | None,
    offline: bool,
    config: str | None,
    format_: str,
    debug: bool,
) -> None:
    """Send pods that the rule forbids to the API server as dry runs, and a pod that it lets in.

    Nothing is kept: the server asks its webhooks and policies and forgets. What became of it is an entry of the log.

    Exit 0: everything was rejected. 1: something was let in. 2: the cluster cannot be read, or the log not written.
    3: it cannot be told, because the harmless pod was rejected too or a probe came to nothing.
    """
    from strongroom.app.config import load
    from strongroom.app.isolation import load_rule
    from strongroom.app.isolation_probe import probe, record
    from strongroom.app.log_default import open_or_create, place_of
    from strongroom.cli.isolation_views import probe_lines
    from strongroom.cli.release_views import formatted
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        settings, rule = load(config), load_rule(rule_)
        with open_or_create(place_of(settings, log_), made=not (log_ or settings.log.path), offline=offline) as log:
            found = probe(rule, kubeconfig, context, namespace)
            index = record(log, rule, found, moment(None))
            log.publish()
        if format_ == "json":
            write([formatted({"entry": index, "probed": found._asdict()})], None)
        else:
            write(probe_lines(found, index), None)
        return 3 if found.told.passed is None else 0 if found.told.passed else 1

    finish(work, debug=debug)
