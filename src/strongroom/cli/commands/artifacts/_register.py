"""The options that say which register is meant, and who signs it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from strongroom.app.artifacts import Desk

F = TypeVar("F", bound=Callable[..., object])


def reads_register(command: F) -> F:
    """The options of a command that reads a register."""
    for option in (
        click.option("--debug", is_flag=True, help="Show the traceback of an internal fault."),
        click.option("--config", metavar="FILE", help="The configuration file."),
        click.option("--register", metavar="FILE", help="The register [default: the configured one]."),
    ):
        command = option(command)
    return command


def signs_register(command: F) -> F:
    """The options of a command that changes and signs a register."""
    for option in (
        click.option("--offline", is_flag=True, help="Ask no witness of the log now."),
        click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601)."),
        click.option("--log", "log_", metavar="PATH|URL", help="The log [default: beside the state database]."),
        click.option("--state", metavar="PATH", help="The state database, for the log beside it."),
        click.option("--key", metavar="FILE", help="The key file that signs [default: REGISTER.key]."),
    ):
        command = option(command)
    return reads_register(command)


def desk(
    register: str | None,
    key: str | None,
    state: str | None,
    log_: str | None,
    at: str | None,
    config: str | None,
    *,
    offline: bool,
) -> "Desk":
    """Who changes which register. Raises BadUsage, and what reading the configuration raises."""
    from strongroom.app.artifacts import desk as made
    from strongroom.app.config import load
    from strongroom.app.log_default import place_of
    from strongroom.cli.run import moment

    settings = load(config)
    place = place_of(settings, log_, state=state or "")
    default = not (log_ or settings.log.path)
    return made(settings, register, key, place, made=default, now=moment(at), offline=offline)
