"""Ask who can do what to an asset."""

import click

from strongroom.cli.helping import PlanCommand

DEEDS = [
    *("deploy", "train", "update", "infer", "read", "export", "decrypt", "release", "stop-logs", "manage-gpu", "admin"),
]


@click.command("who-can", cls=PlanCommand, short_help="Ask who can do what to an asset.")
@click.argument("source")
@click.argument("deed", type=click.Choice(DEEDS), metavar="DEED")
@click.argument("asset")
@click.option("--format", "format_", type=click.Choice(["text", "json", "table"]), default="text", show_default=True)
@click.option("--also", multiple=True, metavar="SOURCE", help="Another source that tells more.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--offline", is_flag=True, help="Open no socket: a cluster is not asked.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    source: str,
    deed: str,
    asset: str,
    format_: str,
    also: tuple[str, ...],
    output: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Ask who can do something to an asset: by their own rights, or by way of others.

    \b
      strongroom assess who-can tf:infra read aws_s3_bucket.weights
      strongroom assess who-can k8s:cluster deploy ai/Deployment/serve --format json

    DEED is deploy, train, update, infer, read, export, decrypt, release, stop-logs, manage-gpu or admin. Every principal
    is ALLOW, DENY or CONDITIONAL, with the shortest way and the statements on it. CONDITIONAL depends on the request, or
    on a policy that is not in the files.

    Exit: 0 answered, 2 bad input, 3 principals may be in what could not be read, 4 a bug.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app.asking_who import ask
    from strongroom.app.config import load
    from strongroom.cli.run import finish, moment, note, progress, write
    from strongroom.cli.who_can_views import lines
    from strongroom.model.who_can import Deed

    def work() -> int:
        with progress() as tell:
            found = ask((source, *also), Deed(deed), asset, moment(at), load(config).bounds(offline=offline), tell)
        for gap in found.gaps:
            note(f"{gap.scope}: {gap.detail}")
        write(lines(found, format_), output)
        return 3 if found.gaps else 0

    finish(work, debug=debug)
