"""The options that the commands share."""

from collections.abc import Callable
from typing import TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])


def of_file(command: F) -> F:
    """The options of a command that reads an exceptions file."""
    for option in (
        click.option("--debug", is_flag=True, help="Show the traceback of an internal fault."),
        click.option("--config", metavar="FILE", help="The configuration file."),
        click.option("--at", metavar="TIME", help="The time that counts as now (ISO 8601)."),
        click.option("--state", metavar="PATH", help="The state database (a path or a database URL)."),
        click.option("--exceptions", metavar="FILE", help="The exceptions file [default: [assess] exceptions]."),
    ):
        command = option(command)
    return command


def logging(command: F) -> F:
    """The options of a command that logs."""
    for option in (
        click.option("--offline", is_flag=True, help="Open no socket: a log's witnesses are not asked."),
        click.option("--seal", multiple=True, metavar="NAME", help="Only commit to this field in the log."),
        click.option("--log", "log_", metavar="PATH|URL", help="The log [default: beside the state]."),
    ):
        command = option(command)
    return command
