"""Where the state is: asked by every process, also by those that keep no snapshots."""

import os
from pathlib import Path


def state_path(given: str | None) -> str:
    """Where the state is: as given, else below $XDG_STATE_HOME or ~/.local/state."""
    if given:
        return given
    root = os.environ.get("XDG_STATE_HOME")  # noqa: TID251 - app is where the surroundings are asked
    return str((Path(root) if root else Path.home() / ".local" / "state") / "strongroom" / "strongroom.db")
