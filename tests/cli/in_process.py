"""The command line in this process: what the tests of one command need, without a start for each word."""

import contextlib
import subprocess
from pathlib import Path

from click.testing import CliRunner

from strongroom.cli.main import group


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, with a home of its own, piped."""
    env = {"HOME": str(cwd), "XDG_STATE_HOME": None, "XDG_CONFIG_HOME": None, "COLUMNS": "80", "NO_COLOR": "1"}
    with contextlib.chdir(cwd):
        got = CliRunner(env=env).invoke(group, list(words), prog_name="strongroom")
    return subprocess.CompletedProcess(words, got.exit_code, got.stdout, got.stderr)
