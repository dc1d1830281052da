"""The options that the commands of scrubbing share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from strongroom.app.scrub import Asked, Desk

F = TypeVar("F", bound=Callable[..., object])


def names_gpus(command: F, *, required: bool = True) -> F:
    """Which GPUs, by which device, and how it is told."""
    for option in (
        click.option("--debug", is_flag=True, help="Show the traceback of an internal fault."),
        click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True),
        click.option(
            "--seconds", type=click.FloatRange(1, 3600), default=60, show_default=True, help="For each process."
        ),
        click.option("--card", metavar="FOLDER", help="The emulated card, for --device cpu."),
        click.option("--device", default="cuda", show_default=True, metavar="KIND", help="cuda, amd or cpu."),
        click.option(
            "--gpu", "gpus", metavar="UUID", multiple=True, required=required, help="A GPU, or an instance (MIG)."
        ),
    ):
        command = option(command)
    return command


def logs(command: F) -> F:
    """Where it is logged."""
    for option in (
        click.option("--config", metavar="FILE", help="The configuration file, with [log]."),
        click.option("--offline", is_flag=True, help="Ask no witness of the log now."),
        click.option("--log", "log_", metavar="PATH|URL", help="The log [default: beside the state database]."),
    ):
        command = option(command)
    return command


def asked(gpus: tuple[str, ...], device: str, card: str | None, seconds: float) -> "Asked":
    """What is asked for."""
    from strongroom.app.scrub import Asked

    return Asked(gpus, device, {"card": card} if card else {}, seconds=seconds)


def logged(work: "Callable[[Desk], int]", log_: str | None, config: str | None, *, offline: bool) -> int:
    """Work with a log that is open before a GPU is touched. Raises NotFound, LogError: then nothing is."""
    from strongroom.app.config import load
    from strongroom.app.log import now
    from strongroom.app.log_default import open_or_create, place_of
    from strongroom.app.scrub import Desk, reports_in

    settings = load(config)
    made = log_ is None and not settings.log.path
    with open_or_create(place_of(settings, log_), made=made, offline=offline) as log:
        try:
            return work(Desk(log, reports_in(settings.state.path), now))
        finally:
            log.publish()  # also what was logged before somebody interrupted
