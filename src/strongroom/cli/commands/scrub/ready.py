"""Whether GPUs may go to a job now."""

import click

from strongroom.cli.commands.scrub import _node
from strongroom.cli.commands.scrub import _options as options


@click.command("ready", short_help="Say whether GPUs may go to the next job (a prolog asks this).")
@_node.names_node
@click.option("--shared", is_flag=True, help="The job gets a part of a GPU: others that share it may be on it.")
@options.logs
def COMMAND(
    gpus: tuple[str, ...],
    device: str,
    card: str | None,
    seconds: float,
    format_: str,
    debug: bool,
    node: str,
    jobs: tuple[str, ...],
    table: str | None,
    numbers: str | None,
    shared: bool,
    log_: str | None,
    offline: bool,
    config: str | None,
) -> None:
    """Say whether GPUs may go to a job: their last handover ended well since this machine started, nobody is on them, and
    driver, VBIOS and InfoROM are those of then. The answer is an entry of the log, which names the handovers that it relies on.

    Exit 0: they may. 1: they may not, and why. 2: it could not be logged, or was asked for wrongly.
    """
    from strongroom.app.handover import ready
    from strongroom.app.scrub import Desk
    from strongroom.cli.handover_views import ready_json, ready_lines
    from strongroom.cli.run import finish, write

    def work(desk: Desk) -> int:
        asked = _node.wanted(gpus, device, card, seconds, node, jobs, table, numbers)._replace(shared=shared)
        found = ready(asked, desk, jobs[0] if jobs else "")
        write(ready_json(found) if format_ == "json" else ready_lines(found), None)
        return 0 if found.good else 1

    finish(lambda: options.logged(work, log_, config, offline=offline), debug=debug)
