"""A group whose commands are the files of a folder; only the one that is called does its imports."""

import importlib
import pkgutil
from collections.abc import Callable

import click


class Rooms(click.Group):
    """The commands of a package, each a file, or a package of its own, that has a `COMMAND`."""

    def __init__(
        self,
        name: str | None = None,
        *,
        package: str,
        callback: Callable[..., object] | None = None,
        help: str | None = None,  # noqa: A002 - click's own name
        short_help: str | None = None,
        params: list[click.Parameter] | None = None,
        context_settings: dict[str, object] | None = None,
    ) -> None:
        super().__init__(
            name, callback=callback, help=help, short_help=short_help, params=params, context_settings=context_settings
        )
        self.package = package

    def _modules(self) -> list[str]:
        root = importlib.import_module(self.package)
        return [m.name for m in pkgutil.iter_modules(root.__path__) if not m.name.startswith("_")]

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names of the command files."""
        return sorted(n.removesuffix("_").replace("_", "-") for n in self._modules())

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, or None."""
        stem = cmd_name.replace("-", "_")
        names = self._modules()
        module = next((n for n in (stem, stem + "_") if n in names), None)
        if module is None:
            return None
        found = importlib.import_module(f"{self.package}.{module}").COMMAND
        return found if isinstance(found, click.Command) else None
