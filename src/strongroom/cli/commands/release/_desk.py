"""The options of the commands that administer a broker's state, and where they lead."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from strongroom.app.release_admin import Desk

F = TypeVar("F", bound=Callable[..., object])


def administers(command: F) -> F:
    """The options of a command that changes something: where it is logged, and when."""
    for option in (
        click.option("--debug", is_flag=True, help="Show the traceback of an internal fault."),
        click.option("--config", metavar="FILE", help="The configuration file."),
        click.option("--offline", is_flag=True, help="Ask no witness now."),
        click.option("--at", metavar="TIME", help="When it is done (ISO 8601) [default: now]."),
        click.option("--log", "log_", metavar="PATH|URL", help="The log [default: [log] path]."),
    ):
        command = option(command)
    return command


@contextmanager
def desk(log_: str | None, at: str | None, config: str | None, *, offline: bool) -> Iterator["Desk"]:
    """Open state, back ends, log and the policy in force. Raises what they raise."""
    from strongroom.app.release_desk import opened
    from strongroom.cli.run import moment

    with opened(config, log_, moment(at), offline=offline) as made:
        yield made
