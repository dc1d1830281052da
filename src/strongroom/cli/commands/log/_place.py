"""The options that say which log is meant."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from strongroom.app.log import Place

F = TypeVar("F", bound=Callable[..., object])


def reads_log(command: F) -> F:
    """The options of a command that reads a log."""
    for option in (
        click.option("--debug", is_flag=True, help="Show the traceback of an internal fault."),
        click.option("--config", metavar="FILE", help="The configuration file."),
        click.option("--policy", metavar="FILE", help="The trust policy (c2sp.org/tlog-policy): logs and witnesses."),
        click.option("--log", "log_", metavar="PATH|URL", help="The log [default: beside the state database]."),
    ):
        command = option(command)
    return command


def writes_log(command: F) -> F:
    """The options of a command that writes to a log."""
    offline = click.option("--offline", is_flag=True, help="Ask no witness now.")
    keys = click.option(
        "--key", "key_files", multiple=True, metavar="FILE", help="A key file of the log, if elsewhere."
    )
    return offline(keys(reads_log(command)))


def place(log_: str | None, policy: str | None, config: str | None, key_files: tuple[str, ...] = ()) -> "Place":
    """The log that is meant. Raises what reading the configuration raises."""
    from strongroom.app.config import load
    from strongroom.app.log_default import place_of

    return place_of(load(config), log_, policy, key_files)
