"""The options that the commands of isolation share."""

from collections.abc import Callable
from typing import TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])

RULE = click.option("--rule", "rule_", metavar="FILE", help="The rule, TOML or YAML [default: the built-in one].")
STATE = click.option(
    "--state", "states", metavar="FILE", required=True, multiple=True, help="What kubectl get … -o json wrote."
)
DEBUG = click.option("--debug", is_flag=True, help="Show the traceback of an internal fault.")


def judged(command: F) -> F:
    """The rule, the state of a cluster, and how faults are told."""
    for add in (DEBUG, RULE, STATE):
        command = add(command)
    return command
