"""`strongroom trend`, as a user meets it."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import run
from kept_runs import keep

from strongroom.cli.trend_views import BLOCKS, PLAIN, spark


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A state with a line of three runs, and a run of another source."""
    path = tmp_path / "s.db"
    for day, letters in enumerate(["fffu", "fffp", "ffpp"]):
        keep(path, day, letters, ["tf:infra"])
    keep(path, 1, "f", ["tf:other"])
    return tmp_path


def test_a_line_as_a_picture_and_a_table(place: Path) -> None:
    """Marks, counts, what moved and the age, in 80 columns of ASCII when it is piped; other lines are named."""
    got = run("trend", "--state", "s.db", cwd=place)
    assert got.returncode == 0, got.stderr
    assert max(map(len, got.stdout.splitlines())) <= 80
    assert got.stdout.isascii()
    rows = [line.split() for line in got.stdout.splitlines()]
    assert ["failing", "##+", "3", "to", "2"] in rows
    assert ["2026-01-03", "00:00", "2", "0", "2", "0", ".", "-1", ".", "2", "d"] in rows
    assert "tf:other" in got.stdout.partition("runs of other sources, which cannot be compared")[2]


def test_the_windows(place: Path) -> None:
    """The options `--last` and `--since` cut the line, `--of` draws that of another run, and a line with nothing left says so."""
    last = json.loads(run("trend", "--state", "s.db", "--last", "1", "--format", "json", cwd=place).stdout)
    assert [len(x["points"]) for x in last["lines"]] == [1, 1]
    assert last["lines"][0]["points"][0]["fixed"] == 1
    since = run("trend", "--state", "s.db", "--since", "2026-01-02", cwd=place)
    assert since.stdout.startswith("2 runs  2026-01-02 to 2026-01-03")
    none = run("trend", "--state", "s.db", "--since", "2027-01-01", cwd=place)
    assert none.stdout == "no run in that time: strongroom snapshots lists what is kept\n"
    other = last["lines"][1]["points"][0]["snapshot"]
    got = run("trend", "--state", "s.db", "--of", other, cwd=place)
    assert got.stdout.splitlines()[1] == "  tf:other"
    control = run("trend", "--state", "s.db", "--control", "NET-02", cwd=place)
    assert "NET-02 only" in control.stdout


def test_csv_has_a_row_a_run(place: Path) -> None:
    """Every line's runs, each row with its line; a source cannot become a formula."""
    keep(place / "s.db", 9, "f", ["=cmd|x"])
    got = run("trend", "--state", "s.db", "--format", "csv", cwd=place)
    rows = list(csv.DictReader(io.StringIO(got.stdout)))
    assert [r["line"] for r in rows] == ["1", "2", "2", "2", "3"]
    assert rows[0]["sources"] == "'=cmd|x"
    assert (rows[3]["failing"], rows[3]["fixed"], rows[3]["age_days"], rows[1]["new"]) == ("2", "1", "2.0", "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--control", "XX-1"], "found 'XX-1'"),
        (["--area", "moon"], "wanted one of inventory"),
        (["--control", "NET-01", "--area", "network"], "wanted one of the two"),
        (["--since", "soon"], "--since: found 'soon'"),
        (["--of", "1999"], "no such run"),
        (["--last", "0"], "--last"),
    ],
)
def test_bad_input(place: Path, words: list[str], says: str) -> None:
    """Exit 2, and what was wanted."""
    got = run("trend", "--state", "s.db", *words, cwd=place)
    assert (got.returncode, got.stdout) == (2, "")
    assert says in got.stderr


@pytest.mark.parametrize(("locale", "mark"), [("C.UTF-8", "█"), ("POSIX", "#")])
def test_a_terminal_gets_the_marks_that_it_can_show(place: Path, locale: str, mark: str) -> None:
    """Blocks on a terminal of UTF-8, ASCII on any other."""
    ours, theirs = pty.openpty()
    settings = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    env = {"PATH": os.environ["PATH"], "HOME": str(place), **settings}  # noqa: TID251 - a child needs a PATH
    child = subprocess.Popen(
        [sys.executable, "-m", "strongroom", "trend", "--state", "s.db"], cwd=place, env=env, stdout=theirs
    )
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        text += piece
        if not piece:
            break
    os.close(ours)
    assert child.wait(60) == 0
    assert mark * 2 in text.decode()


def test_marks_are_to_scale() -> None:
    """Nothing is the lowest mark, something never is, and more runs than fit show the last of each part."""
    assert spark([0, 1, 50, 100], BLOCKS, 100) == "▁▂▅█"
    assert spark([0, 0], PLAIN, 0) == "__"
    assert spark([1, 1], PLAIN, 100) == ".."
    many = spark([0] * 999 + [7], PLAIN, 7)
    assert len(many) == 42
    assert many[-1] == "#"
    assert set(many[:-1]) == {"_"}
