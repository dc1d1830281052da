"""The options that the commands on hosts share."""

from collections.abc import Callable
from typing import TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])


def host(command: F) -> F:
    """HOST, and where it is known and logged."""
    for add in (
        click.option("--debug", is_flag=True, help="Show the traceback of an internal fault."),
        click.option("--config", metavar="FILE", help="The configuration file."),
        click.option("--offline", is_flag=True, help="Ask no witness of the log."),
        click.option("--log", "log_", metavar="PATH|URL", help="The log [default: beside the state]."),
        click.option("--state", metavar="PATH|URL", help="The database of hosts [default: watch.db beside the state]."),
        click.argument("host", metavar="HOST"),
    ):
        command = add(command)
    return command
