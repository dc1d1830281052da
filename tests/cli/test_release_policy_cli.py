"""Release policies and administration from the command line, as a user meets them."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from strongroom.app.key_backends import backend
from strongroom.cli.main import group
from strongroom.model.release import KeySettings

PASSPHRASE = "a passphrase of many words"


class Shell:
    """A broker's configuration in a folder, with one owner who is its signer too."""

    def __init__(self, home: Path) -> None:
        self.home = home
        vkey = self.ok("log", "keygen", "lab-a", "--type", "log", "-o", str(home / "lab.key")).strip()
        example = self.ok("release", "policy", "example")
        (home / "w.toml").write_text(example.replace("lab-a+REPLACE+REPLACE", vkey))
        (home / "pass").write_text(PASSPHRASE)
        (home / "pass").chmod(0o600)
        options = {"folder": str(home / "keys"), "passphrase-file": str(home / "pass")}
        prepare = backend("file").prepare
        assert prepare is not None
        prepare(KeySettings(options))
        (home / "c.toml").write_text(
            f'[broker]\nstate = "{home}/broker.db"\npolicy = "{home}/force/w.toml"\nsigners = ["{vkey}"]\n'
            f'[broker.keys.file]\nfolder = "{home}/keys"\npassphrase-file = "{home}/pass"\n'
        )

    def __call__(self, *words: str, input_: str | None = None) -> Result:
        env = {
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.home / "st"),
            "STRONGROOM_CONFIG": str(self.home / "c.toml") if (self.home / "c.toml").exists() else None,
            "COLUMNS": "80",
        }
        return CliRunner().invoke(group, list(words), input=input_, env=env)

    def ok(self, *words: str, input_: str | None = None, code: int = 0) -> str:
        done = self(*words, input_=input_)
        assert done.exit_code == code, (done.exit_code, done.output, done.stderr)
        return done.stdout if code != 2 else done.stderr

    def policy(self, name: str = "w.toml") -> str:
        """A policy file by its name."""
        return str(self.home / name)

    def sign(self, name: str = "w.toml") -> None:
        """Sign a policy by the one key."""
        self.ok("release", "policy", "sign", self.policy(name), "--key", str(self.home / "lab.key"))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A new one."""
    return Shell(tmp_path)


def test_a_policy_is_written_signed_and_applied(shell: Shell) -> None:
    """Unsigned it is refused, unconfirmed it is not applied, and an older one never comes back."""
    assert "NOT SIGNED" in shell.ok("release", "policy", "check", shell.policy(), code=1)
    assert "0 signatures" in shell.ok("release", "policy", "apply", shell.policy(), "--yes", code=2)
    shell.sign()
    assert "lab-a demands:" in shell.ok("release", "policy", "check", shell.policy())
    assert "--yes" in shell.ok("release", "policy", "apply", shell.policy(), code=2)
    assert not (shell.home / "force").exists()
    assert "new rule for models/weights/*" in shell.ok("release", "policy", "apply", shell.policy(), "--yes")
    second = (
        Path(shell.policy()).read_text().replace("version = 1 ", "version = 2 ").replace("worker 1.4", "worker 1.5")
    )
    (shell.home / "w2.toml").write_text(second)
    shell.sign("w2.toml")
    assert "differs in owners" in shell.ok("release", "policy", "apply", shell.policy("w2.toml"), "--yes")
    assert "where 2 was in force" in shell.ok("release", "policy", "apply", shell.policy(), "--yes", code=2)
    assert (shell.home / "force" / "w.toml").read_text() == second
    assert len(list((shell.home / "force").iterdir())) == 2


def test_a_note_beside_another_version_is_told(shell: Shell) -> None:
    """A file that was changed after it was signed is not whole."""
    shell.sign()
    path = Path(shell.policy())
    path.write_text(path.read_text().replace("uses = 1 ", "uses = 9 "))
    assert "signs another version" in shell.ok("release", "policy", "check", shell.policy(), code=1)


def test_secrets_are_kept_rotated_and_proven_to_open(shell: Shell) -> None:
    """Put, list, rotate, back up, drill: each says what it did, and none says the secret."""
    shell.sign()
    shell.ok("release", "policy", "apply", shell.policy(), "--yes")
    said = shell.ok("release", "put", "models/weights/llm-1", input_="a key that nobody sees")
    assert "version 1" in said
    shell.ok("release", "put", "models/weights/llm-2", "--generate", "32")
    said += shell.ok("release", "rotate", "file")
    said += shell.ok("release", "list")
    assert "kek-2" in said
    said += shell.ok("release", "backup", str(shell.home / "b.tar"))
    said += shell.ok("release", "restore", str(shell.home / "b.tar"), "--verify")
    assert "2 of 2 resources" in said
    said += shell.ok("release", "revoke", "resource", "models/weights/llm-1", "--reason", "it leaked")
    assert "revoked: it leaked" in shell.ok("release", "list")
    assert "nobody sees" not in said
    assert b"nobody sees" not in (shell.home / "b.tar").read_bytes()


def test_a_lint_of_a_file_says_whose_it_is(shell: Shell) -> None:
    """A key policy is recognised by what it holds; a file of nobody is refused."""
    (shell.home / "k.json").write_text(
        '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}]}'
    )
    assert "aws-kms.anybody" in shell.ok("release", "policy", "lint", str(shell.home / "k.json"), code=1)
    assert "no provider" in shell.ok("release", "policy", "lint", shell.policy(), code=2)
