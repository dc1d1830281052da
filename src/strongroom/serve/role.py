"""The shape of a role: a name on the command line, and the command that serves until it is told to stop."""

from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class Role:
    """What one server process does. `command` reads its words, serves, and leaves with an exit code."""

    name: str
    title: str
    command: click.Command
