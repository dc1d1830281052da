"""The commands of the register of artifacts, as a user meets them."""

import json
from pathlib import Path

import artifact_files as files
import pytest
from click.testing import CliRunner, Result

from strongroom.cli.main import group


class Shell:
    """Runs the command in this process, with a home of its own, and trusts what it signed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.register = home / "artifacts.toml"
        self.keys = ""

    def __call__(self, *words: str) -> Result:
        env = {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": None,
            "XDG_STATE_HOME": str(self.home / "state"),
            "COLUMNS": "80",
            "STRONGROOM_ARTIFACTS__REGISTER": str(self.register),
            "STRONGROOM_ARTIFACTS__KEYS": self.keys or None,
        }
        return CliRunner().invoke(group, list(words), env=env)

    def ok(self, *words: str, code: int = 0) -> str:
        done = self(*words)
        assert done.exit_code == code, (done.exit_code, done.output, done.stderr)
        assert "Traceback" not in done.output
        return done.stdout if code != 2 else done.output


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    said = made.ok("artifacts", "define", "--owner", "me@example.org")
    made.keys = next(line.split()[-1] for line in said.splitlines() if line.startswith("public key"))
    return made


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "models/m.safetensors"
    path.parent.mkdir()
    path.write_bytes(files.safetensors())
    return path


def test_the_way_through(shell: Shell, weights: Path) -> None:
    """Define, register, list, verify, assess: each says what the one before did, and the log has it all."""
    assert "1 added" in shell.ok("artifacts", "register", str(weights.parent), "--class", "weights")
    assert str(weights) in shell.ok("artifacts", "list")
    assert shell.ok("artifacts", "verify").startswith("same ")
    found = shell.ok("assess", f"artifacts:{weights.parent}?digest", "--format", "jsonl", code=1)
    status = {line["check"]: line["status"] for line in map(json.loads, found.splitlines())}
    assert status["inv.artifact.registered"] == status["inv.artifact.digest"] == status["inv.register.signed"] == "pass"
    assert shell.ok("log", "list", "--kind", "policy-change").count("register of artifacts") == 2


def test_verify_tells_by_its_exit(shell: Shell, weights: Path) -> None:
    """What differs or is missing ends with 1, and what lies elsewhere with 3."""
    shell.ok("artifacts", "register", str(weights), "--class", "weights", "--as", "s3://bucket/m")
    assert "lies elsewhere" in shell.ok("artifacts", "verify", code=3)
    shell.ok("artifacts", "register", str(weights), "--class", "weights")
    weights.write_bytes(files.safetensors({"w": ("U8", [16], 16)}))
    assert "differs" in shell.ok("artifacts", "verify", code=1)


def test_an_unsigned_register_is_refused(shell: Shell, weights: Path) -> None:
    """After an edit, `list` says so, and `register` and `verify` refuse, until it is signed again."""
    shell.register.write_text(shell.register.read_text() + "# more\n")
    assert "nobody who is trusted" in shell.ok("artifacts", "list", code=2)
    assert "counts for nothing" in shell.ok("artifacts", "verify", code=2)
    assert "hint: look at what changed" in shell.ok("artifacts", "register", str(weights), "--class", "weights", code=2)
    shell.ok("artifacts", "define")
    assert "signed by" in shell.ok("artifacts", "list")


def test_mistakes_are_answered(shell: Shell, weights: Path, tmp_path: Path) -> None:
    """A class that does not exist, a folder without artifacts and a missing path end with 2 and a way on."""
    (tmp_path / "empty").mkdir()
    assert "toys" in shell.ok("artifacts", "register", str(weights), "--class", "toys", code=2)
    assert "no artifact" in shell.ok("artifacts", "register", str(tmp_path / "empty"), "--class", "weights", code=2)
    assert "no such file" in shell.ok("artifacts", "register", str(tmp_path / "none"), "--class", "weights", code=2)


def test_no_register_is_named(tmp_path: Path) -> None:
    """Without a register every command says how to name one."""
    for words in (("list",), ("verify",), ("define",)):
        done = CliRunner().invoke(group, ["artifacts", *words], env={"HOME": str(tmp_path), "XDG_CONFIG_HOME": None})
        assert done.exit_code == 2
        assert "--register" in done.output


def test_lists_as_json(shell: Shell, weights: Path) -> None:
    """What is listed and verified can be read by programs."""
    shell.ok("artifacts", "register", str(weights), "--class", "weights")
    listed = json.loads(shell.ok("artifacts", "list", "--format", "json"))
    assert (listed["version"], listed["artifact"][0]["class"], listed["trouble"]) == (2, "weights", "")
    assert json.loads(shell.ok("artifacts", "verify", "--format", "json"))["verdict"] == "same"
