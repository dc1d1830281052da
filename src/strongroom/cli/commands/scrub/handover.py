"""Hand GPUs over to the next tenant."""

import click

from strongroom.cli.commands.scrub import _node
from strongroom.cli.commands.scrub import _options as options


@click.command("handover", short_help="Hand GPUs over: cordon, reset, scrub, health, uncordon, each logged.")
@_node.names_node
@click.option("--scheduler", default="none", show_default=True, metavar="NAME", help="slurm, kubernetes or none.")
@click.option(
    "--cause", "causes", multiple=True, metavar="WHY[:WHAT]", help="boot, xid:79, ecc, hang, abnormal-exit, shared."
)
@click.option("--kubeconfig", metavar="FILE", help="The API server [default: the pod's own].")
@click.option("--context", metavar="NAME", help="Of the kubeconfig.")
@click.option("--prefix", default="isolation.example.org", show_default=True, help="Of the taint.")
@click.option("--accept-firmware", is_flag=True, help="Somebody has looked at a VBIOS or InfoROM that changed.")
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
    scheduler: str,
    causes: tuple[str, ...],
    kubeconfig: str | None,
    context: str | None,
    prefix: str,
    accept_firmware: bool,
    log_: str | None,
    offline: bool,
    config: str | None,
) -> None:
    """Hand GPUs over: what an epilog, a unit of systemd or a job on the node runs between two tenants.

    At a change of tenants: scrub, health. After a failure (named by --cause, or seen: an XID in the kernel's log since the
    last handover, a memory error that was not corrected, no answer): cordon, reset, scrub, health, uncordon. Health compares
    VBIOS and InfoROM with the last handover. A step that fails holds the node; a node that another cordoned stays cordoned.
    A handover that was cut off goes on in the next one, with its causes.

    Exit 0: the GPUs may go to the next job. 1: they may not, and why. 2: it could not be logged, or was asked for wrongly.
    """
    from strongroom.app import handover_join
    from strongroom.app.handover import causes_of, hand_over
    from strongroom.app.handover import scheduler as scheduler_of
    from strongroom.app.scrub import Desk
    from strongroom.cli.handover_views import handover_json, handover_lines
    from strongroom.cli.run import finish, write

    def work(desk: Desk) -> int:
        kind = scheduler_of(scheduler)
        asked = _node.wanted(gpus, device, card, seconds, node, jobs, table, numbers)._replace(
            scheduler=scheduler,
            causes=causes_of(causes),
            accept_firmware=accept_firmware,
            options=handover_join.options(prefix),
            link=handover_join.link(kind, kubeconfig, context),
        )
        found = hand_over(asked, desk)
        write(handover_json(found) if format_ == "json" else handover_lines(found), None)
        return 0 if found.good else 1

    finish(lambda: options.logged(work, log_, config, offline=offline), debug=debug)
