"""`python -m strongroom.serve ROLE …`: the roles are the files of `serve/routes`."""

import importlib.util
import sys

import click

from strongroom.app.boundary import guard
from strongroom.kit.rooms import part, room
from strongroom.model.errors import NotFound
from strongroom.serve.role import Role

NEEDED = ("litestar", "uvicorn")


def roles(chosen: str = "") -> click.Group:
    """The group of all roles; of the chosen one alone where there is one of that name: a role loads no other's code.

    Raises:
        NotFound: the extra that they need is not installed.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise NotFound(
            "serve", f"no {' and no '.join(missing)}", "the server extra", "pip install 'strongroom[server]'"
        )
    one = part("strongroom.serve.routes", chosen, "ROUTES", Role)
    found = {chosen: one} if one is not None else room("strongroom.serve.routes", "ROUTES", Role)
    return click.Group(
        "serve",
        commands={role.name: role.command for role in found.values()},
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        help="Run a server role until it is told to stop.",
    )


def main() -> int:
    """Find the role and hand it the words."""
    roles(sys.argv[1] if len(sys.argv) > 1 else "").main(prog_name="strongroom serve")


if __name__ == "__main__":
    sys.exit(guard(main))
