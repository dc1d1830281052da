"""The commands of scrubbing, on emulated cards: what they print, how they end, and the proof of a scrub from the log."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from in_process import run

GPU = ("--device", "cpu", "--card", "card", "--gpu", "CPU-1")
NODE = (*GPU, "--node", "n1")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a card."""
    assert run("scrub", "emulate", "card", cwd=tmp_path).returncode == 0
    return tmp_path


def test_a_scrub_is_proven_from_the_log(home: Path) -> None:
    """Its entry names GPU, jobs, method, octets and the result of verifying; `log prove` and `log verify` hold it offline."""
    done = run("scrub", "run", *GPU, "--job", "41", "--job", "42", "--format", "json", cwd=home)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["scrubs"][0]
    index = str(told["entry"])
    state = home / ".local/state/strongroom"
    proved = run("log", "prove", index, "-o", "scrub.tlog-proof", "--entry", "entry.json", cwd=home)
    assert proved.returncode == 0, proved.stderr
    key = json.loads((state / "log/log.json").read_text())
    verify = ("log", "verify", "scrub.tlog-proof", "--entry", "entry.json", "--key", key["keys"][0])
    verified = run(*verify, cwd=home)
    assert verified.returncode == 0, verified.stderr
    entry = json.loads((home / "entry.json").read_text())
    assert entry["kind"] == "scrub"
    fields = entry["fields"]
    assert (fields["gpu"], fields["jobs"], fields["outcome"]) == ("CPU-1", ["41", "42"], "scrubbed")
    assert fields["emulated"] is True
    assert fields["reached"] == fields["verified"] == told["report"]["bytes_taken"]
    report = next((state / "scrubs").rglob(told["digest"].removeprefix("sha256:") + "*"))
    assert f"sha256:{hashlib.sha256(report.read_bytes()).hexdigest()}" == entry["digests"]["report"]
    (home / "entry.json").write_text((home / "entry.json").read_text().replace('"scrubbed"', '"not-scrubbed"'))
    assert run(*verify, cwd=home).returncode != 0


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        (("plan", *GPU), 0, "would do"),
        (("run", *GPU), 0, "scrubbed, on an emulated card"),
        (("leak-test", *GPU), 0, "clean, on an emulated card"),
        (("handover", *NODE), 0, "outcome     good"),
        (("handover", *NODE, "--cause", "xid:79"), 0, "uncordon"),
        (("ready", *NODE), 1, "no handover of it is known"),
        (("run", *GPU, "--reached", "99.9"), 1, "NOT-SCRUBBED"),
    ],
)
def test_each_command_prints_within_80_columns(home: Path, words: tuple[str, ...], code: int, shown: str) -> None:
    """Lines for a person, or JSON that says the same, with the exit code that a script asks."""
    got = run("scrub", *words, cwd=home)
    assert (got.returncode, shown in got.stdout) == (code, True), got.stdout + got.stderr
    assert max(map(len, got.stdout.splitlines())) <= 80
    again = run("scrub", *words, "--format", "json", cwd=home)
    assert json.loads(again.stdout)["schema"].startswith("strongroom.")


def test_a_driver_that_clears_nothing_leaks(tmp_path: Path) -> None:
    """A leak has its octets and its cases, and exit 1."""
    run("scrub", "emulate", "card", "--keeps", cwd=tmp_path)
    got = run("scrub", "leak-test", *GPU, cwd=tmp_path)
    assert got.returncode == 1
    assert "outcome     LEAK" in got.stdout
    assert "exit: " in got.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--device", "cpu", "--card", "card", "--gpu", "0"), "a UUID such as GPU-"),
        (("run", *GPU, "--gpu", "CPU-1"), "each GPU once"),
        (("run", *GPU, "--canary", "xyz"), "lower-case hexadecimal"),
        (("run", "--device", "tpu", "--gpu", "CPU-1"), "one of amd, cpu, cuda"),
        (("run", "--device", "cpu", "--gpu", "CPU-1"), "--card FOLDER"),
        (("emulate", "card"), "a folder that is not there yet"),
        (("emulate", "other", "--uuid", "GPU-1"), "CPU- and letters"),
        (("handover", *NODE, "--scheduler", "pbs"), "one of kubernetes, none, slurm"),
        (("handover", *NODE, "--cause", "fire"), "one of tenant-change"),
        (("handover", *GPU, "--node", "../n"), "the name of one node"),
        (("handover", *NODE, "--scheduler", "kubernetes"), "a pod in a cluster"),
        (("handover", *NODE, "--table", "t.json"), "not one way to name them"),
        (("handover", "--node", "n", "--table", "none.json", "--numbers", "0"), "none.json"),
    ],
)
def test_wrong_words_are_told(home: Path, words: tuple[str, ...], said: str) -> None:
    """Bad input is an error with what was wanted, exit 2, and nothing in the log."""
    got = run("scrub", *words, cwd=home)
    assert (got.returncode, said in got.stderr) == (2, True), got.stderr
    assert "Traceback" not in got.stderr
    assert '"kind":"scrub"' not in run("log", "export", cwd=home).stdout


@pytest.mark.parametrize(
    ("text", "numbers", "said"),
    [
        ('{"0":{"uuid":"CPU-1"}}', "1", "not in table.json"),
        ('{"0":{"uuid":"CPU-1"}}', "x", "numbers such as"),
        ('{"0":{"uuid":"CPU-1"}}', "0-9999", "numbers such as"),
        ('{"0":{"uuid":"CPU-1"},"1":{"uuid":"CPU-1"}}', "0", "one GPU under two numbers"),
        ('{"0":{"uuid":"CPU-1"},"0":{"uuid":"CPU-2"}}', "0", "table.json"),
        ('{"0":"CPU-1"}', "0", "a table such as"),
        ("[", "0", "table.json"),
    ],
)
def test_a_table_that_does_not_name_every_gpu_is_refused(home: Path, text: str, numbers: str, said: str) -> None:
    """A number without a row is no GPU that may be passed over; a table with one GPU twice is none."""
    (home / "table.json").write_text(text)
    words = ("--device", "cpu", "--card", "card", "--node", "n", "--table", "table.json", "--numbers", numbers)
    got = run("scrub", "handover", *words, cwd=home)
    assert (got.returncode, said in got.stderr) == (2, True), got.stderr


def test_gpus_are_named_by_the_schedulers_numbers(home: Path) -> None:
    """One number, a list, a range, or all that the table has."""
    (home / "table.json").write_text('{"0":{"uuid":"CPU-1"}}')
    for numbers in ("0", "0,0", "0-0", "all"):
        words = ("--device", "cpu", "--card", "card", "--node", "n", "--table", "table.json", "--numbers", numbers)
        assert run("scrub", "handover", *words, cwd=home).returncode == 0
    assert run("scrub", "ready", *words, cwd=home).returncode == 0


def test_who_interrupts_a_scrub_waits_for_nobody(tmp_path: Path) -> None:
    """Ctrl-C ends the process that has the GPU; the scrub is logged as one that failed, and the GPU is free."""
    big = ("--device", "cpu", "--card", "big", "--gpu", "CPU-1")
    assert run("scrub", "emulate", "big", "--mib", "512", cwd=tmp_path).returncode == 0
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    argv = [sys.executable, "-P", "-m", "strongroom", "scrub", "run", *big]
    started = subprocess.Popen(argv, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    card = tmp_path / "big/card.json"
    while not json.loads(card.read_text()).get("owners"):  # it has no context yet
        assert started.poll() is None
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    _, said = started.communicate()
    assert (started.returncode, "interrupted" in said) == (130, True), said
    entry = json.loads(run("log", "export", cwd=tmp_path).stdout.splitlines()[0])["entry"]
    assert entry["fields"]["outcome"] == "not-scrubbed"
    assert "status -9" in entry["fields"]["reasons"][0]
    assert "processes remain" not in run("scrub", "plan", *big, cwd=tmp_path).stdout


def test_who_interrupts_a_leak_test_leaves_an_entry(tmp_path: Path) -> None:
    """Ctrl-C ends the process that has the GPU; the test is logged as one that cannot tell, and the GPU is free."""
    big = ("--device", "cpu", "--card", "big", "--gpu", "CPU-1")
    assert run("scrub", "emulate", "big", "--mib", "512", cwd=tmp_path).returncode == 0
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    argv = [sys.executable, "-P", "-m", "strongroom", "scrub", "leak-test", *big]
    started = subprocess.Popen(argv, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    card = tmp_path / "big/card.json"
    while not json.loads(card.read_text()).get("owners"):  # it has no context yet
        assert started.poll() is None
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    _, said = started.communicate()
    assert (started.returncode, "interrupted" in said) == (130, True), said
    (line,) = run("log", "export", cwd=tmp_path).stdout.splitlines()
    fields = json.loads(line)["entry"]["fields"]
    assert (fields["what"], fields["gpu"], fields["outcome"]) == ("leak-test", "CPU-1", "cannot-tell")
    assert "interrupted: somebody ended it after" in fields["reasons"][0]
    assert "processes remain" not in run("scrub", "plan", *big, cwd=tmp_path).stdout


def test_a_place_that_cannot_be_written_is_told(home: Path) -> None:
    """Without a place for the log, nothing is touched, and exit 2 says why."""
    (home / ".local").write_text("a file where a folder must be")
    before = (home / "card/memory").read_bytes()
    for words in (("run", *GPU), ("handover", *NODE), ("ready", *NODE), ("leak-test", *GPU)):
        got = run("scrub", *words, cwd=home)
        assert got.returncode == 2, got.stdout + got.stderr
        assert "Traceback" not in got.stderr
    assert (home / "card/memory").read_bytes() == before
