"""What would have been denied."""

import click

from strongroom.cli.commands.isolate import _options as options


@click.command("report", short_help="Show what admission would have denied, since when, and whose.")
@click.option("--mode", type=click.Choice(["observe", "warn", "deny", "exempt"]), default=None, help="Only these.")
@click.option("--reviewed", is_flag=True, help="Log that you have looked at it: a rule that names it may deny.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--log", "log_", metavar="PATH|URL", help="The log [default: [log] path].")
@click.option("--offline", is_flag=True, help="Ask no witness of the log now.")
@click.option("--config", metavar="FILE", help="The configuration file, with [log].")
@options.DEBUG
def COMMAND(
    mode: str | None, reviewed: bool, format_: str, log_: str | None, offline: bool, config: str | None, debug: bool
) -> None:
    """Show what is in the log of admission, by tenant, namespace and clause.

    With --reviewed the digest of the report goes into the log as looked at; a rule with that digest in its
    rollout.reviewed may deny from then on. Without one, deny only warns.
    """
    from strongroom.app.config import load
    from strongroom.app.isolation_report import report, review
    from strongroom.app.log_default import open_or_create, place_of
    from strongroom.cli.isolation_views import report_lines
    from strongroom.cli.release_views import formatted
    from strongroom.cli.run import finish, moment, write

    def work() -> int:
        place = place_of(load(config), log_)
        found = report(place, mode or "")
        index = None
        if reviewed:
            with open_or_create(place, made=False, offline=offline) as log:
                index = review(log, found, moment(None))
                log.publish()
        if format_ == "json":
            write([formatted({"digest": found.digest, "entry": index, "report": found})], None)
        else:
            write(report_lines(found, index), None)
        return 0

    finish(work, debug=debug)
