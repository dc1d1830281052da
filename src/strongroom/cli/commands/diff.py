"""What changed between two runs."""

import click


@click.command("diff", short_help="Show what changed between two runs.")
@click.argument("before", default="previous")
@click.argument("after", default="latest")
@click.option("--state", metavar="PATH", help="The state database (a path or a database URL).")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(before: str, after: str, state: str | None, format_: str, config: str | None, debug: bool) -> None:
    """Compare snapshot BEFORE (default: previous) with AFTER (default: latest).

    A failing asset that is no longer seen is `gone`, not `fixed`; an answer that became unknown is `lost-sight`.
    What an exception accepts is `accepted`, not `fixed`, and `reopened` once it ends.
    Exit 1 when something new fails, or is open again.
    """
    from strongroom.app.config import load
    from strongroom.app.state import diff, state_path
    from strongroom.cli.changes import lines
    from strongroom.cli.run import finish, write

    def work() -> int:
        place = state_path(state or load(config).state.path)
        old, new, changes = diff(place, before, after)
        write(lines(old, new, changes, format_), None)
        return 1 if any(c.kind in ("new", "reopened") for c in changes) else 0

    finish(work, debug=debug)
