"""The command line, as a user meets it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BUCKET = 'resource "aws_s3_bucket" "weights" {\n  bucket = "w"\n}\n'
NOTEBOOK = 'resource "aws_sagemaker_notebook_instance" "n" {\n  name = "n"\n}\n'


def run(*words: str, cwd: Path, input_: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, with a home of its own."""
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "COLUMNS": "80", "NO_COLOR": "1", **environment}  # noqa: TID251 - a child needs a PATH
    return subprocess.run(
        [sys.executable, "-m", "strongroom", *words],
        cwd=cwd,
        env=env,
        input=input_,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def tree(tmp_path: Path, **files: str) -> Path:
    """A folder `t` with .tf files."""
    folder = tmp_path / "t"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.tf").write_text(text)
    return folder


def test_bare_path_gives_a_table_that_fits(tmp_path: Path) -> None:
    """`assess PATH` prints a summary of at most 80 columns, keeps a snapshot, and exits 1 when something fails."""
    tree(tmp_path, main=NOTEBOOK)
    got = run("assess", "t", cwd=tmp_path)
    assert got.returncode == 1, got.stderr
    assert "net.notebook.direct-internet" in got.stdout
    assert max(len(line) for line in got.stdout.splitlines()) <= 80
    assert (tmp_path / ".local/state/strongroom/strongroom.db").exists()


@pytest.mark.parametrize(
    ("text", "fail_on", "code"),
    [
        (NOTEBOOK, "high", 1),
        (NOTEBOOK, "never", 0),
        ('resource "null_resource" "x" {}\n', "high", 0),
        ('resource "null_resource" "x" {}\nmodule "m" {\n  source = "a/b/c"\n}\n', "high", 3),
        ('module "m" {\n  source = "a/b/c"\n}\n', "never", 3),
    ],
    ids=["fails", "nobody minds", "nothing", "unknown", "unknown and nobody minds"],
)
def test_exit_codes(tmp_path: Path, text: str, fail_on: str, code: int) -> None:
    """1 for a failure at or above --fail-on, 3 where only something is unknown, 0 else."""
    tree(tmp_path, main=text)
    got = run("assess", "t", "--fail-on", fail_on, "--no-snapshot", cwd=tmp_path)
    assert got.returncode == code, got.stdout + got.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["assess"], "found no source"),
        (["assess", "nowhere"], "found nothing there"),
        (["assess", "nosuch:x"], "found the scheme 'nosuch'"),
        (["assess", "t", "--format", "pdf"], "found 'pdf'"),
        (["assess", "t", "--at", "yesterday"], "wanted a time such as"),
        (["assess", "t", "--config", "none.toml"], "wanted a configuration file"),
        (["assess", "t", "-o", "no/such/folder/x", "--format", "jsonl"], "wanted a file that can be written"),
        (["assess", "t", "--state", "/proc/nope/x.db"], "wanted a database that can be written"),
        (["explain", "XX-99"], "wanted the id of a control or a check"),
        (["diff"], "found no snapshot yet"),
        (["assess", "t/empty.tf"], "no source recognises"),
        (["nosuchcommand"], "No such command"),
    ],
)
def test_bad_usage_is_one_message_and_exit_2(tmp_path: Path, words: list[str], says: str) -> None:
    """Whatever is wrong with the words: what was found, what was wanted, exit 2, no traceback."""
    tree(tmp_path, main=BUCKET, empty="")
    got = run(*words, cwd=tmp_path)
    assert got.returncode == 2, got.stdout
    assert says in got.stderr
    assert "Traceback" not in got.stderr


def test_broken_configuration_is_never_clean(tmp_path: Path) -> None:
    """Configuration that does not parse is named with file and line, and the exit code is 3."""
    tree(tmp_path, main='resource "aws_s3_bucket" "w" {\n  bucket = \n}\n')
    got = run("assess", "t", "--no-snapshot", cwd=tmp_path)
    assert got.returncode == 3
    assert "main.tf:" in got.stdout


def test_output_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """A report that cannot be finished leaves the old file as it was."""
    tree(tmp_path, main=BUCKET)
    out = tmp_path / "report.jsonl"
    assert run("assess", "t", "--format", "jsonl", "-o", "report.jsonl", cwd=tmp_path).returncode in (0, 1)
    first = out.read_text()
    assert first.count("\n") >= 1
    assert all(json.loads(line)["schema"] == "strongroom/1" for line in first.splitlines())
    assert run("assess", "t/none", "--format", "jsonl", "-o", "report.jsonl", cwd=tmp_path).returncode == 2
    assert out.read_text() == first
    assert list(tmp_path.glob(".report*")) == []


def test_ctrl_c_ends_quietly_and_stores_nothing(tmp_path: Path) -> None:
    """An interrupt in the middle gives one line, exit 130, no snapshot, and no child that lives on."""
    bomb = 'resource "aws_s3_bucket" "b" {\n  count = 9999 * 30\n  bucket = join("", range(count.index))\n}\n'
    folder = tree(tmp_path, main=bomb)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}  # noqa: TID251 - a child needs a PATH
    child = subprocess.Popen(
        [sys.executable, "-m", "strongroom", "assess", str(folder)], env=env, stderr=subprocess.PIPE, text=True
    )
    time.sleep(2.5)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130
    assert said.splitlines() == ["error: interrupted; what was not answered may not be stored"]
    assert not (tmp_path / ".local").exists()
    assert str(folder) not in _processes()


def _processes() -> str:
    lines = []
    for p in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(p.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(x for x in lines if "terraform.child" in x)


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    """Output into a pipe that closes early ends without a word."""
    got = subprocess.run(
        f"{sys.executable} -m strongroom controls | head -1",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert got.stderr == ""


def test_runs_can_be_compared(tmp_path: Path) -> None:
    """Two runs and `diff`: what was mended is fixed, and the exit code is 0 as nothing new fails."""
    folder = tree(tmp_path, main=NOTEBOOK)
    run("assess", "t", cwd=tmp_path)
    (folder / "main.tf").write_text(NOTEBOOK.replace("}", '  direct_internet_access = "Disabled"\n}'))
    run("assess", "t", cwd=tmp_path)
    got = run("diff", cwd=tmp_path)
    assert got.returncode == 0, got.stdout
    assert "1 fixed" in got.stdout or " fixed" in got.stdout
    assert "net.notebook.direct-internet" in got.stdout
    kept = run("snapshots", cwd=tmp_path).stdout.splitlines()
    assert [line.split(" of ")[0].strip() for line in kept[2::3]] == ["entry 0", "entry 1"]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two runs over the same files at the same time print the same report, byte for byte."""
    tree(tmp_path, main=NOTEBOOK + BUCKET)
    words = ("assess", "t", "--format", "jsonl", "--at", "2026-01-02T03:04:05Z", "--no-snapshot")
    one, two = (run(*words, cwd=tmp_path, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert one.stdout == two.stdout
    assert one.stdout


def test_plan_and_explain_and_controls(tmp_path: Path) -> None:
    """The other commands answer, fit 80 columns, and name each other."""
    tree(tmp_path, main=NOTEBOOK)
    for words in (
        ["plan", "t"],
        ["explain", "NET-02"],
        ["explain", "net.notebook.direct-internet"],
        ["controls"],
        ["doctor"],
    ):
        got = run(*words, cwd=tmp_path)
        assert got.returncode == 0, got.stderr
        assert got.stdout
    assert "by day 60" in run("plan", "t", cwd=tmp_path).stdout
    assert len(json.loads(run("controls", "--format", "json", cwd=tmp_path).stdout)["controls"]) == 61


def test_configuration_names_the_sources(tmp_path: Path) -> None:
    """Sources and the failing severity may come from a configuration file that is named."""
    tree(tmp_path, main=NOTEBOOK)
    (tmp_path / "c.toml").write_text('[assess]\nsources = ["tf:t"]\nfail_on = "never"\n')
    assert run("assess", "--config", "c.toml", "--no-snapshot", cwd=tmp_path).returncode == 0


def test_every_command_has_help(tmp_path: Path) -> None:
    """Every command documents itself and its options."""
    listed = [
        x.split()[0] for x in run("--help", cwd=tmp_path).stdout.partition("Commands:")[2].splitlines() if x.strip()
    ]
    assert "assess" in listed
    for command in listed:
        got = run(command, "--help", cwd=tmp_path)
        assert got.returncode == 0
        assert len(got.stdout.splitlines()) > 5


def test_the_collector_is_printed_and_its_output_is_read(tmp_path: Path) -> None:
    """What `collector` prints runs under a plain shell, and what that writes is a source."""
    script = run("collector", cwd=tmp_path)
    assert script.returncode == 0
    record = subprocess.run(["sh", "-s"], input=script.stdout, capture_output=True, text=True, check=True, timeout=60)
    (tmp_path / "here.txt").write_text(record.stdout)
    got = run("assess", "here.txt", "--no-snapshot", "--fail-on", "never", "--format", "jsonl", cwd=tmp_path)
    assert got.returncode in (0, 3), got.stderr
    assert '"kind":"compute.host"' in got.stdout


def test_what_was_found_is_printed_even_if_it_cannot_be_kept(tmp_path: Path) -> None:
    """A state database that cannot be written costs the snapshot and the exit code, not the report."""
    tree(tmp_path, main=NOTEBOOK)
    got = run("assess", "t", "--state", "/proc/nope/x.db", cwd=tmp_path)
    assert got.returncode == 2
    assert "net.notebook.direct-internet" in got.stdout
    assert got.stderr.startswith("error: state database")


def test_a_comparison_of_different_sources_says_so(tmp_path: Path) -> None:
    """Two runs that read different things are compared with a note: what only one of them read is not news."""
    tree(tmp_path, main=NOTEBOOK)
    run("assess", "t", cwd=tmp_path)
    run("assess", "host:", cwd=tmp_path)
    assert "the first side reads tf, the second host" in run("diff", cwd=tmp_path).stdout
    run("assess", "host:", cwd=tmp_path)
    assert "the first side reads" not in run("diff", cwd=tmp_path).stdout
