"""The first key of a back end, made by a command."""

from pathlib import Path

import broker_rig as rig
import pytest
from in_process import run


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """A configuration with a folder of keys that is still to be made."""
    secret = tmp_path / "passphrase"
    secret.touch(0o600)
    secret.write_text("correct horse battery staple\n")
    config = tmp_path / "strongroom.toml"
    config.write_text(
        f'[state]\npath = "{tmp_path}/state.db"\n[broker]\nstate = "{tmp_path}/broker.db"\n'
        f'[broker.keys.file]\nfolder = "{tmp_path}/keys"\npassphrase-file = "{secret}"\n'
    )
    return config


def prepared(config: Path, name: str) -> tuple[int, str]:
    """The exit status and what was said."""
    done = run("release", "prepare", name, "--config", str(config), "--offline", cwd=config.parent)
    return done.returncode, "".join((done.stdout + done.stderr).split())


def test_the_first_key_is_made_once(configured: Path) -> None:
    """Preparing again leaves what is there; both are in the log."""
    made = "preparedfile:1keyin{}logentry{}nextstrongroomreleaseputNAME--generate32".format
    folder = configured.parent / "keys"
    assert prepared(configured, "file") == (0, made(folder, 0))
    held = {p: p.read_bytes() for p in (configured.parent / "keys").iterdir()}
    assert prepared(configured, "file") == (0, made(folder, 1))
    assert held == {p: p.read_bytes() for p in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openbao", "not in the configuration, which has file, aws_kms"),
        ("abacus", "none of that name"),
        ("aws_kms", "a back end whose key is made by its provider"),
    ],
)
def test_what_cannot_be_prepared_is_named(configured: Path, name: str, said: str) -> None:
    """A back end that is not configured, one that there is not, and one whose provider makes its key."""
    with configured.open("a") as f:
        f.write('[broker.keys.aws_kms]\nkey = "x"\n')
    code, output = prepared(configured, name)
    assert code == 2
    assert said.replace(" ", "") in output


def test_what_was_prepared_takes_a_deposit(configured: Path) -> None:
    """From there on a secret can be deposited."""
    prepared(configured, "file")
    words = ["release", "put", rig.WEIGHTS, "--generate", "32", "--owner", rig.OWNER, "--config", str(configured)]
    done = run(*words, "--offline", cwd=configured.parent)
    assert done.returncode == 0, done.stderr
    assert "version 1" in done.stdout
