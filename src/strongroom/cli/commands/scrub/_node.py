"""The options of commands that know a node and its scheduler."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from strongroom.cli.commands.scrub import _options as options

if TYPE_CHECKING:
    from strongroom.app.handover import Wanted

F = TypeVar("F", bound=Callable[..., object])


def names_node(command: F) -> F:
    """Which GPUs of which node, by UUID or by the scheduler's numbers."""
    for option in (
        click.option("--numbers", metavar="N,N", help="GPUs by the scheduler's numbers, as --table has them; or all."),
        click.option("--table", metavar="FILE", help="The node's GPUs by number, with UUID and minor, as JSON."),
        click.option("--job", "jobs", multiple=True, metavar="ID", help="A job of this handover; may be repeated."),
        click.option("--node", required=True, metavar="NAME", help="The node, as its scheduler has it."),
    ):
        command = option(command)
    return options.names_gpus(command, required=False)


def wanted(
    gpus: tuple[str, ...], device: str, card: str | None, seconds: float, node: str, jobs: tuple[str, ...],
    table: str | None, numbers: str | None,
) -> "Wanted":  # fmt: skip
    """What is asked for. Raises BadUsage, Unreadable, Malformed, NotFound."""
    from strongroom.app import handover_join
    from strongroom.app.handover import Wanted
    from strongroom.model.errors import BadUsage

    if bool(table) != bool(numbers) or bool(table) == bool(gpus):
        raise BadUsage("GPUs", "not one way to name them", "--gpu UUID, or --table FILE with --numbers N,N")
    rows = handover_join.table(table, numbers) if table and numbers else {}
    uuids = gpus or tuple(r.uuid for r in rows.values())
    minors = {r.uuid: r.minor for r in rows.values() if r.minor is not None}
    asked = options.asked(uuids, device, card, seconds)._replace(jobs=jobs)
    return Wanted(asked, node, "none", minors=minors)
