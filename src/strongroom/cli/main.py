"""The `strongroom` command: finds the command's file, hands it the words, answers with an exit code."""

import importlib
import pkgutil
import sys

import click

import strongroom
from strongroom.cli import commands


class Rooms(click.Group):
    """A group whose commands are the files of `cli/commands`; only the one that is called does its imports."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names of the command files."""
        names = (m.name for m in pkgutil.iter_modules(commands.__path__) if not m.name.startswith("_"))
        return sorted(n.removesuffix("_").replace("_", "-") for n in names)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, or None."""
        stem = cmd_name.replace("-", "_")
        names = {m.name for m in pkgutil.iter_modules(commands.__path__)}
        module = next((n for n in (stem, stem + "_") if n in names), None)
        if module is None:
            return None
        found = importlib.import_module(f"{commands.__name__}.{module}").COMMAND
        return found if isinstance(found, click.Command) else None


@click.command(cls=Rooms, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(strongroom.__version__, prog_name="strongroom")
def group() -> None:
    """Know where your AI infrastructure stands, close the gaps in order, and prove it.

    Start with:  strongroom assess .
    """


def main() -> None:
    """The entry point. Click's own usage errors exit with 2, as ours do."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.exit(group.main(standalone_mode=True))
