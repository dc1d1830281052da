"""What differs between two runs, or between sources."""

import click

from strongroom.cli.helping import PlanCommand

FORMATS = ["table", "json", "md"]


@click.command("diff", cls=PlanCommand, short_help="Show what changed between two runs, or differs between sources.")
@click.argument("before", default="previous")
@click.argument("after", default="latest")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--at", metavar="TIME", help="The time that counts as now for what is read (ISO 8601).")
@click.option("--state", metavar="PATH", help="The state database (a path or a database URL).")
@click.option(
    "--log", "log_", metavar="PATH|URL", help="The log, for what people vouch for [default: beside the state]."
)
@click.option("--exceptions", metavar="FILE", help="The exceptions file, for what is read.")
@click.option("--rules", "rules_", multiple=True, metavar="FILE|DIR", help="Rules of your own, for what is read.")
@click.option("--register", metavar="FILE", help="The signed register of artifacts, for what is read.")
@click.option("--offline", is_flag=True, help="Open no socket: a cluster is not asked.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")
def COMMAND(
    before: str,
    after: str,
    format_: str,
    output: str | None,
    at: str | None,
    state: str | None,
    log_: str | None,
    exceptions: str | None,
    rules_: tuple[str, ...],
    register: str | None,
    offline: bool,
    config: str | None,
    debug: bool,
) -> None:
    """Compare BEFORE (default: previous) with AFTER (default: latest).

    Each is a kept run (its id or a unique beginning of one, `latest`, `previous`) or a SOURCE, which is read and judged
    as `assess` does, and not kept. A path that is called like a run is written ./NAME.

    A failing asset that is no longer seen is `gone`, not `fixed`; an answer that became unknown is `lost-sight`; what
    one kind of source shows and the other cannot is `not-seen`. What an exception accepts is `accepted`, and `reopened`
    once it ends. An asset that both sides show, with other facts, has `drifted`.

    \b
    Exit: 0 nothing new fails, 1 something new fails, or is open again,
          2 bad input, 4 a bug.
    """  # noqa: D301 - the escape is click's mark for lines that stay as they are
    from strongroom.app import artifacts, rules
    from strongroom.app.comparing import FAILS
    from strongroom.app.config import load
    from strongroom.app.people import people
    from strongroom.app.sealed_join import looking
    from strongroom.app.sides import Circumstances, diff
    from strongroom.app.state import state_path
    from strongroom.cli.changes import json, table_text
    from strongroom.cli.changes_md import markdown
    from strongroom.cli.run import finish, moment, note, progress, write

    def work() -> int:
        settings, now = load(config), moment(at)
        bounds = settings.bounds(offline=offline)
        own, held = rules.load(rules.given(settings, rules_), bounds), artifacts.trusted(settings, register)
        place = state_path(state or settings.state.path)
        said, unseen = people(settings, exceptions, now, state=state, log=log_)
        with progress() as tell:
            by = Circumstances(place, now, bounds, tell, said, own, held, looking(settings))
            found = diff(before, after, by)
        note(unseen)
        if format_ == "table":
            write([table_text(found, to_file=output is not None)], output)
        else:
            write(json(found) if format_ == "json" else markdown(found), output)
        return 1 if any(c.kind in FAILS for c in found.changes) else 0

    finish(work, debug=debug)
