"""The `strongroom` command: finds the command's file, hands it the words, answers with an exit code."""

import sys

import click

import strongroom
from strongroom.cli.rooms import Rooms


@click.command(
    cls=Rooms,
    package="strongroom.cli.commands",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(strongroom.__version__, prog_name="strongroom")
def group() -> None:
    """Know where your AI infrastructure stands, close the gaps in order, and prove it.

    Start with:  strongroom assess .
    """


def main() -> None:
    """The entry point. Click's own usage errors exit with 2, as ours do."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.exit(group.main(standalone_mode=True))
