"""Ask what reaches what."""

import click

from strongroom.cli.helping import PlanCommand

FORMATS = ["text", "json", "connlist"]


@click.command("reach", cls=PlanCommand, short_help="Ask what reaches what.")
@click.argument("source")
@click.argument("asset", required=False)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", help="How to answer.")
@click.option("--also", multiple=True, metavar="SOURCE", help="Another source that tells more: the cluster's own.")
@click.option(
    "--policies",
    type=click.Choice(["enforced", "ignored"]),
    help="What the network makes of policies, where no source tells.",
)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601).")
@click.option("--offline", is_flag=True, help="Open no socket: a cluster is not asked.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    source: str,
    asset: str | None,
    format_: str,
    also: tuple[str, ...],
    policies: str | None,
    output: str | None,
    at: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Ask whether the internet reaches an asset and it the internet, or without an asset, what reaches what.

    \b
      strongroom assess reach k8s:cluster                        what every workload may send to every other
      strongroom assess reach k8s:cluster ai/Deployment/serve    one workload and the internet, and what decides
      strongroom assess reach tf:. aws_instance.serve            the same of a cloud: routes, groups, balancers

    Exit: 0 answered, 2 bad input, 3 something is unknown or could not be read, 4 a bug.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app import reaching
    from strongroom.app.config import load
    from strongroom.cli import reach_views
    from strongroom.cli.run import finish, moment, note, progress, write

    def work() -> int:
        asked = reaching.Asked(source, also, None if policies is None else policies == "enforced")
        bounds, now = load(config).bounds(offline=offline), moment(at)
        if asset is not None and format_ != "connlist":
            with progress() as tell:
                found = reaching.reach(asked, asset, now, bounds, tell)
            write(reach_views.answer(found, format_), output)
            return 3 if reaching.open_questions([found]) else 0
        if reaching.drawn_by(asked) is None and format_ != "connlist":
            with progress() as tell:
                several = reaching.each(asked, now, bounds, tell)
            if not several:
                note(f"nothing in {source} has a provider whose reachability is worked out")
                return 3
            write(reach_views.several(several, format_), output)
            return 3 if reaching.open_questions(several) else 0
        with progress() as tell:
            drawn = reaching.draw(asked, now, bounds, tell)
        for text in (*drawn.notes, *(f"{g.scope}: {g.detail}" for g in drawn.gaps)):
            note(text)
        write(reach_views.whole(drawn, asset or "", format_), output)
        return 3 if drawn.gaps else 0

    finish(work, debug=debug)
