"""Draw the estate as a graph, with the ways to its crown jewels."""

import click

from strongroom.cli.helping import PlanCommand


@click.command("graph", cls=PlanCommand, short_help="Draw the estate, and the ways to what must not be lost.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--jewel", multiple=True, metavar="ASSET", help="A crown jewel, beside those that are marked.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json", "graphml", "html"]), default="text", show_default=True
)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--offline", is_flag=True, help="Open no socket: a cluster is not asked.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    sources: tuple[str, ...],
    jewel: tuple[str, ...],
    format_: str,
    output: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Draw the estate as a graph, and find the shortest ways from the internet and every principal to each crown jewel.

    \b
      strongroom assess graph tf:infra
      strongroom assess graph tf:infra --format html -o ways.html
      strongroom assess graph aws: k8s:cluster --jewel aws_s3_bucket.weights
      strongroom assess graph gcp-assets:assets.json --format graphml -o estate.graphml

    A crown jewel is what is labelled tier=0 or artifact=weights, or named with --jewel. A hop that is not sure rests on
    something that was not read. Reaching a machine is not holding it: what is known to be open on the way is told.

    Exit: 0 drawn, 2 bad input, 3 something could not be read, 4 a bug.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app import graphing
    from strongroom.app.config import load
    from strongroom.app.graphing import page
    from strongroom.cli.graph_views import lines
    from strongroom.cli.run import finish, moment, note, progress, write

    def work() -> int:
        now = moment(at)
        with progress() as tell:
            drawn = graphing.draw(sources, jewel, now, load(config).bounds(offline=offline), tell)
            found = graphing.ways(drawn)
        for gap in drawn.gaps:
            note(f"{gap.scope}: {gap.detail}")
        made = (
            page(drawn, found, sources, f"{now:%Y-%m-%d %H:%M} UTC")
            if format_ == "html"
            else lines(drawn, found, format_)
        )
        write(made, output)
        return 3 if drawn.gaps else 0

    finish(work, debug=debug)
