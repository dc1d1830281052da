"""The log's commands, as a user meets them."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from strongroom.cli.main import group
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import leaf_hash
from strongroom.ledger import keyfile


class Shell:
    """Runs the command in this process, with a home of its own, and knows its log."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "log"

    def __call__(self, *words: str, input_: str | None = None) -> Result:
        env = {"HOME": str(self.home), "XDG_CONFIG_HOME": None, "STRONGROOM_LOG__PATH": str(self.log), "COLUMNS": "80"}
        return CliRunner().invoke(group, ["log", *words], input=input_, env=env)

    def ok(self, *words: str, input_: str | None = None) -> str:
        done = self(*words, input_=input_)
        assert done.exit_code == 0, (done.exit_code, done.output, done.stderr)
        assert all(len(line) <= 80 or "+" in line or "/" in line for line in done.stdout.splitlines()), done.stdout
        return done.stdout

    def refused(self, *words: str, code: int = 2, input_: str | None = None) -> str:
        done = self(*words, input_=input_)
        assert done.exit_code == code, (done.exit_code, done.output)
        assert "Traceback" not in done.output
        assert "internal fault" not in done.stderr
        return done.stderr if code == 2 else done.stdout

    @property
    def key(self) -> str:
        return str(json.loads((self.log / "log.json").read_text())["keys"][0])


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    made.ok("init", "--origin", "log.example/a")
    return made


def entry_file(shell: Shell) -> Path:
    """The file in which the entries of a small log stand."""
    (found,) = (p for p in (shell.log / "public/tile/entries").rglob("*") if p.is_file())
    return found


def test_a_log_is_made_once(shell: Shell) -> None:
    """`init` prints the public key and keeps the private one beside the log, for its owner alone; twice is refused."""
    assert shell.key.startswith("log.example/a+")
    path = shell.home / "log.key"
    assert path.stat().st_mode & 0o077 == 0
    assert path.read_text().startswith("PRIVATE+KEY+log.example/a+")
    assert not [p for p in shell.log.rglob("*") if p.is_file() and b"PRIVATE" in p.read_bytes()]
    assert "there already" in shell.refused("init")


def test_an_entry_is_appended_read_proven_and_verified(shell: Shell) -> None:
    """The way of an entry from `append` to a proof that verifies with nothing but the public key."""
    out = shell.ok("append", "release", "--subject", "key/llama", "--field", "count=5", "--field", "note=two words")
    index, leaf = out.split()
    assert index == "0"
    shown = shell.ok("get", "0")
    assert leaf in shown
    assert re.search(r"^count +5$", shown, re.MULTILINE)
    assert re.search(r"^note +two words$", shown, re.MULTILINE)
    proof, entry = str(shell.home / "p.tlog-proof"), str(shell.home / "e")
    shell.ok("prove", "0", "-o", proof, "--entry", entry)
    assert leaf_hash(Path(entry).read_bytes()).hex() == leaf
    assert "log.example/a" in shell.ok("verify", proof, "--entry", entry, "--key", shell.key)
    Path(entry).write_bytes(Path(entry).read_bytes().replace(b"two", b"six"))
    assert "root" in shell.refused("verify", proof, "--entry", entry, "--key", shell.key)
    assert "no key" in shell.refused("verify", proof, "--entry", entry)
    other = SignerKey("log.example/a", Kind.ED25519, bytes(32)).verifier
    assert "known here" in shell.refused("verify", proof, "--entry", entry, "--key", str(other))


def test_the_receipt_of_an_append_verifies(shell: Shell) -> None:
    """`append --proof` writes a proof of the entry as it was acknowledged."""
    shell.ok("append", "drill", "--subject", "restore")
    shell.ok("append", "drill", "--subject", "failover", "--proof", str(shell.home / "p"))
    (shell.home / "e").write_bytes(shell("get", "1", "--format", "raw").stdout_bytes)
    assert "entry       1" in shell.ok(
        "verify", str(shell.home / "p"), "--entry", str(shell.home / "e"), "--key", shell.key
    )


def test_entries_come_from_json_lines(shell: Shell) -> None:
    """All lines of a file are appended, or none; a bad one is named with its number."""
    good = '{"kind":"scrub","subject":"gpu-0","fields":{"passes":2,"ids":["a","b"]},"seal":["ids"]}\n'
    assert len(shell.ok("append", "--from", "-", input_=good + "\n" + good.replace("gpu-0", "gpu-1")).split()) == 4
    bad = shell.refused("append", "--from", "-", input_=good + '{"kind":"dance"}\n')
    assert bad.startswith("error: -:2")
    for text in (
        '{"kind":"scrub","kind":"drill"}',
        "{",
        '{"kind":"scrub","at":"2026-01-01T00:00:00"}',
        '{"kind":"scrub","x":1}',
    ):
        shell.refused("append", "--from", "-", input_=text)
    assert len(shell.ok("list").splitlines()) == 2


def test_what_was_sealed_is_opened_and_redacted(shell: Shell) -> None:
    """A sealed field is read with --open, erased by `redact`, and every proof holds before and after."""
    shell.ok("append", "denial", "--subject", "alice", "--field", "ip=192.0.2.7", "--seal", "ip", "--seal", "subject")
    everything = b"".join(p.read_bytes() for p in (shell.log / "public").rglob("*") if p.is_file())
    assert b"alice" not in everything
    assert "192.0.2.7" not in shell.ok("get", "0")
    assert "192.0.2.7 (opened)" in shell.ok("get", "0", "--open")
    shell.ok("prove", "0", "-o", str(shell.home / "p"), "--entry", str(shell.home / "e"))
    assert "1 erased; logged as entry 1" in shell.ok("redact", "0", "ip", "--reason", "on request")
    assert "192.0.2.7" not in shell.ok("get", "0", "--open")
    assert "alice (opened)" in shell.ok("get", "0", "--open")
    shell.ok("verify", str(shell.home / "p"), "--entry", str(shell.home / "e"), "--key", shell.key)
    held = b"".join(p.read_bytes() for p in shell.log.rglob("*") if p.is_file())
    disclosed = [line.split() for p in (shell.log / "sealed").glob("*.sealed") for line in p.read_text().splitlines()]
    assert sorted(text.strip("-") == "" for _, text in disclosed) == [False, True]
    assert b"192.0.2.7" not in held
    assert "nothing was there any more" in shell.ok("redact", "0", "ip", "--reason", "again")
    assert "1 can be read" in shell.ok("audit")
    assert "no sealed field note" in shell.refused("redact", "0", "note", "--reason", "x")


def test_an_erasure_that_was_only_said_is_found(shell: Shell) -> None:
    """An entry says that a field was redacted, and its disclosure is still there: the audit fails and names the command."""
    shell.ok("append", "denial", "--field", "ip=192.0.2.7", "--seal", "ip")
    (sealed,) = (shell.log / "sealed").glob("*.sealed")
    before = sealed.read_bytes()
    shell.ok("redact", "0", "ip", "--reason", "on request")
    sealed.write_bytes(before)
    assert "strongroom log redact 0 ip" in " ".join(shell.refused("audit", code=1).split())


def test_an_audit_says_what_it_proves(shell: Shell) -> None:
    """An intact log without witnesses is called intact, and what its operator could still do is said."""
    shell.ok("append", "drill", "--subject", "restore")
    out = " ".join(shell.ok("audit").split())
    assert "1 read: 1 drill" in out
    assert "intact" in out
    assert "No independent witness vouches for it: its operator could rewrite it" in out
    found = json.loads(shell.ok("audit", "--format", "json"))
    assert (found["intact"], found["vouched"], found["audit"]["entries"]) == (True, 0, 1)


def test_a_changed_entry_is_found(shell: Shell) -> None:
    """One byte of one entry is changed in place: the audit names the file and exits 1, and `get` refuses it."""
    shell.ok("append", "denial", "--subject", "job-1")
    shell.ok("append", "denial", "--subject", "job-2")
    path = next(p for p in (shell.log / "public/tile/entries").rglob("2") if p.is_file())
    path.write_bytes(path.read_bytes().replace(b"job-2", b"job-9"))
    out = " ".join(shell.refused("audit", code=1).split())
    assert "tile/entries/000.p/2" in out
    assert "NOT INTACT" in out
    shell.refused("get", "1")
    shell.refused("prove", "1")


@pytest.mark.parametrize("damage", ["gone", "cut", "resigned", "garbage"])
def test_a_damaged_checkpoint_is_found(shell: Shell, damage: str) -> None:
    """Without a checkpoint that the log's key has signed, nothing is called intact."""
    shell.ok("append", "drill")
    path = shell.log / "public/checkpoint"
    text = path.read_bytes()
    if damage == "gone":
        (shell.log / "published.checkpoint").unlink()
        path.unlink()
    else:
        path.write_bytes({"cut": text[:-20], "resigned": text.replace(b"\n1\n", b"\n0\n"), "garbage": b"\xff"}[damage])
    assert "checkpoint" in shell.refused("audit", code=1)


def test_a_rewritten_log_is_exposed_by_an_earlier_checkpoint(shell: Shell) -> None:
    """The operator rewrites everything and signs it again: it looks intact, until an earlier checkpoint is held against it."""
    shell.ok("append", "denial", "--subject", "job-1")
    shell.ok("append", "denial", "--subject", "job-2")
    earlier = shell.home / "earlier"
    earlier.write_bytes((shell.log / "public/checkpoint").read_bytes())
    forged = str(shell.home / "forged")
    for words in (["init"], ["append", "release", "--subject", "job-1"], ["append", "denial"], ["append", "drill"]):
        shell.ok(*words, "--log", forged, "--key", str(shell.home / "log.key"))
    shell.ok("audit", "--log", forged)
    out = " ".join(shell.refused("audit", "--log", forged, "--checkpoint", str(earlier), code=1).split())
    assert "SPLIT VIEW" in out
    assert "an earlier state, of 2" not in out
    shell.ok("audit", "--checkpoint", str(earlier))


def test_a_shortened_log_is_exposed_by_a_later_checkpoint(shell: Shell, tmp_path: Path) -> None:
    """A copy of the log from before is no longer the log: its own signature on a larger size says so."""
    shell.ok("append", "drill")
    shell.ok("export", "--format", "tree", "-o", str(tmp_path / "old"))
    shell.ok("append", "drill")
    later = str(shell.log / "public/checkpoint")
    old = ("audit", "--log", str(tmp_path / "old"), "--key", shell.key)
    shell.ok(*old)
    assert "has signed 2 entries, and shows 1" in " ".join(shell.refused(*old, "--checkpoint", later, code=1).split())


def test_an_exported_tree_is_audited_elsewhere(shell: Shell, tmp_path: Path) -> None:
    """The copy verifies with the public key, and not without; nothing sealed can be opened there."""
    shell.ok("append", "denial", "--field", "ip=192.0.2.7", "--seal", "ip")
    copy = str(tmp_path / "copy")
    shell.ok("export", "--format", "tree", "-o", copy)
    assert "sealed fields were not opened" in " ".join(shell.ok("audit", "--log", copy, "--key", shell.key).split())
    assert "no key" in shell.refused("audit", "--log", copy)
    shell.refused("export", "--format", "tree", "-o", copy)
    shell.ok("get", "0", "--log", copy)
    shell.ok("prove", "0", "--log", copy)


def test_entries_are_exported(shell: Shell) -> None:
    """JSON lines and CSV hold every entry, or those of a kind; a cell that a spreadsheet would run is quoted."""
    shell.ok("append", "drill", "--subject", "=cmd()")
    shell.ok("append", "scrub", "--subject", "gpu-0")
    lines = [json.loads(line) for line in shell("export").stdout.splitlines()]
    assert [(line["index"], line["entry"]["kind"]) for line in lines] == [(0, "drill"), (1, "scrub")]
    assert [json.loads(line)["index"] for line in shell("export", "--kind", "scrub").stdout.splitlines()] == [1]
    assert [json.loads(line)["index"] for line in shell("export", "--from", "1").stdout.splitlines()] == [1]
    assert "'=cmd()" in shell("export", "--format", "csv").stdout


def test_keys_are_made_for_both_roles(shell: Shell, tmp_path: Path) -> None:
    """`keygen` writes a file that only its owner reads, and prints the public half; a file is never replaced."""
    for words, kind in (
        ((), Kind.COSIGNATURE_ML_DSA_44),
        (("--algorithm", "ed25519"), Kind.COSIGNATURE_ED25519),
        (("--type", "log"), Kind.ED25519),
    ):
        path = tmp_path / f"k{kind}"
        out = shell("keygen", "w.example", "-o", str(path), *words).stdout
        key = keyfile.read(path)
        assert (key.verifier.kind, f"{key.verifier}\n") == (kind, out)
    assert "there already" in shell.refused("keygen", "w.example", "-o", str(path))
    assert "plus sign" in shell.refused("keygen", "a+b", "-o", str(tmp_path / "n"))


def test_a_key_that_others_can_read_is_refused(shell: Shell) -> None:
    """A key file with open permissions is no secret; the message says how to close it."""
    (shell.home / "log.key").chmod(0o644)
    assert "chmod 600" in shell.refused("append", "drill")


def test_another_key_cannot_write(shell: Shell, tmp_path: Path) -> None:
    """A key of the same name that the log was not made with is refused."""
    keyfile.write(tmp_path / "other.key", SignerKey("log.example/a", Kind.ED25519, bytes(32)))
    assert "made with" in shell.refused("append", "drill", "--key", str(tmp_path / "other.key"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("append",), "KIND"),
        (("append", "dance"), "decision"),
        (("append", "drill", "--field", "x"), "NAME=VALUE"),
        (("append", "drill", "--field", "X=1"), "lower-case"),
        (("append", "drill", "--field", "x=1.5e400"), ""),
        (("append", "drill", "--digest", "x=/nonexistent"), "no such file"),
        (("append", "drill", "--digest", "x=sha256:00"), "64"),
        (("append", "drill", "--seal", "x"), "sealed field"),
        (("append", "drill", "--at", "yesterday"), "--at"),
        (("append", "drill", "--field", "x=" + "y" * 70_000), "65535"),
        (("append", "--from", "/nonexistent"), "no such file"),
        (("get", "99"), "log of 1 published"),
        (("prove", "99"), "log of 1 published"),
        (("redact", "99", "x", "--reason", "r"), "log of 1 published"),
        (("redact", "0", "x", "--reason", "r"), "no sealed field"),
        (("audit", "--key", "nonsense"), "verifier key"),
        (("audit", "--checkpoint", "/nonexistent"), "no such file"),
        (("audit", "--policy", "/nonexistent"), "policy"),
        (("export", "--format", "tree"), "FOLDER"),
        (("verify", "/nonexistent", "--entry", "/nonexistent", "--key", "x"), "verifier key"),
        (("init", "--log", "/proc/none/log"), ""),
        (("init", "--require-quorum", "--log", "other"), "quorum"),
        (("get", "0", "--log", "nowhere"), "init"),
        (("append", "drill", "--log", "nowhere"), "init"),
        (("audit", "--log", "nowhere"), "init"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else None,
)
def test_bad_words_are_answered(shell: Shell, words: tuple[str, ...], said: str) -> None:
    """A wrong word, file or index is refused with exit 2, in one line that says what was wanted."""
    if words[:4] == ("append", "drill", "--field", "x=1.5e400"):
        shell.ok(*words)  # what is no JSON of an entry is text
        return
    shell.ok("append", "drill")
    before = shell.ok("list")
    err = shell.refused(*words)
    assert said in err
    assert shell.ok("list") == before


def test_the_clock_may_go_back(shell: Shell) -> None:
    """Entries keep the order in which they came; the audit remarks on dates that go back, and calls nothing broken."""
    shell.ok("append", "drill", "--at", "2026-11-22T12:00:00Z")
    shell.ok("append", "drill", "--at", "2026-11-22T09:00:00Z")
    assert "entry 1 is dated 3:00:00 before the one before it" in shell.ok("audit")


def test_a_log_with_a_second_key_signs_with_both(tmp_path: Path) -> None:
    """A log made with --ml-dsa publishes two signatures, and either key verifies it."""
    shell = Shell(tmp_path)
    shell.ok("init", "--origin", "log.example/b", "--ml-dsa")
    shell.ok("append", "drill")
    keys = json.loads((shell.log / "log.json").read_text())["keys"]
    assert len(keys) == 2
    for key in keys:
        assert "intact" in shell.ok("audit", "--key", key)


def test_an_interrupted_append_leaves_a_log_that_goes_on(shell: Shell, tmp_path: Path) -> None:
    """Ctrl-C in the middle of a long append ends it with a message; the log is intact and takes the next entry."""
    line = '{"kind":"drill","subject":"%s"}\n' % ("x" * 200)
    (tmp_path / "many").write_text(line * 60_000)
    words = [
        sys.executable,
        "-m",
        "strongroom",
        "log",
        "append",
        "--from",
        str(tmp_path / "many"),
        "--log",
        str(shell.log),
    ]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}  # noqa: TID251 - a child needs a PATH
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        journal = shell.log / "journal"
        empty = sum(p.stat().st_size for p in journal.iterdir())
        while child.poll() is None and sum(p.stat().st_size for p in journal.iterdir()) == empty:
            pass
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in err
    shell.ok("append", "drill", "--subject", "after")
    assert "intact" in shell.ok("audit")
