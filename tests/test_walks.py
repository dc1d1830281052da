"""The walks through reports on public code: what they quote is what the tool says of that code today."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from strongroom.cli.main import group

WALKS = Path(__file__).parents[1] / "docs/walks"
NAMES = ("ai-on-eks-base", "gke-aiml", "sagemaker-endpoint")
AT = "2026-11-23T00:00:00Z"
FIGURES = ("fail", "unknown", "pass", "not-applicable")
ROW = re.compile(r"\| `([a-z0-9.-]+)` \| (\w+) \| (\d+) \| `([^`]+)` \| .+ \|")
PLACE = re.compile(r"`([\w./-]+\.(?:tf|yaml)):(\d+)`")

Rows = dict[str, tuple[str, int, str]]


@lru_cache(maxsize=len(NAMES))
def report(folder: Path, home: Path) -> Mapping[str, object]:
    """The report on a folder, as JSON."""
    words = ["assess", f"tf:{folder}", "--format", "json", "--no-snapshot", "--at", AT]
    env = {"HOME": str(home), "XDG_CONFIG_HOME": None, "XDG_STATE_HOME": str(home)}
    done = CliRunner().invoke(group, words, env=env)
    assert done.exit_code in {0, 1}, done.output
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of a walk, which is that of the folder of code."""
    return str(request.param)


@pytest.fixture
def page(name: str) -> str:
    """The text of a walk."""
    return (WALKS / f"{name}.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(vectors: Path, name: str) -> Path:
    """The code that a walk is about."""
    return vectors / "posture/estates" / name


def by_check(found: Mapping[str, object], status: str, folder: Path) -> Rows:
    """Every check with findings of a status: its severity, how many, and the place of the first."""
    findings = found["findings"]
    assert isinstance(findings, list)
    rows: Rows = {}
    for f in findings:
        if f["status"] == status:
            severity, n, place = rows.get(f["check"], (f["severity"], 0, ""))
            where = f"{Path(f['where']['file']).relative_to(folder)}:{f['where']['line_start']}"
            rows[f["check"]] = (severity, n + 1, place or where)
    return rows


def quoted(page: str, head: str) -> Rows:
    """The rows of the table below a heading."""
    section = page.partition(f"\n## {head}")[2].partition("\n## ")[0]
    return {check: (severity, int(n), place) for check, severity, n, place in ROW.findall(section)}


def test_the_figures_are_those_of_today(page: str, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The line of figures at the top of a walk is what the report counts."""
    found = report(folder, tmp_path_factory.getbasetemp())
    findings, coverage = found["findings"], found["coverage"]
    assert isinstance(findings, list)
    assert isinstance(coverage, dict)
    counts = Counter(f["status"] for f in findings)
    line = [*(counts[s] for s in FIGURES), coverage["measured"]]
    assert "\n| " + " | ".join(map(str, line)) + " |\n" in page


@pytest.mark.parametrize(("status", "head"), [("fail", "What fails"), ("unknown", "What is unknown")])
def test_every_failure_and_every_doubt_is_walked_through(
    page: str, folder: Path, tmp_path_factory: pytest.TempPathFactory, status: str, head: str
) -> None:
    """The tables name every check that fails or cannot tell, with its severity, how often, and where first; no other."""
    assert quoted(page, head) == by_check(report(folder, tmp_path_factory.getbasetemp()), status, folder)


def test_the_places_are_in_the_code(page: str, folder: Path) -> None:
    """A file and line that a walk names exists."""
    places = PLACE.findall(page)
    assert places
    for file, line in places:
        assert 0 < int(line) <= len((folder / file).read_text(encoding="utf-8").splitlines()), (file, line)


def test_a_walk_speaks_of_no_machine_of_ours(page: str) -> None:
    """A walk names the public repository and a commit, and no path of the machine that it was written on."""
    assert "](https://github.com/" in page
    assert re.search(r"\bat [0-9a-f]{7}\b|\bat\n[0-9a-f]{7}\b", page)
    assert not re.search(r"(?<![\w.])/(?:home|root|tmp|work)/", page)
