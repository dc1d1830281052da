"""The catalogue of controls, as other tools take it."""

import json
from pathlib import Path

from test_cli import run

AT = "2026-03-04T05:06:07Z"


def test_catalog_is_the_same_for_the_same_moment(tmp_path: Path) -> None:
    """`controls --format oscal --at` writes one document, the same bytes each time."""
    first, second = (run("controls", "--format", "oscal", "--at", AT, cwd=tmp_path) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    made = json.loads(first.stdout)["catalog"]
    assert made["metadata"]["last-modified"] == "2026-03-04T05:06:07.000000Z"


def test_catalog_of_one_phase_has_its_controls_only(tmp_path: Path) -> None:
    """The filters of the list are those of the catalog."""
    made = json.loads(run("controls", "--format", "oscal", "--phase", "30", "--at", AT, cwd=tmp_path).stdout)["catalog"]
    phases = {p["value"] for g in made["groups"] for c in g["controls"] for p in c["props"] if p["name"] == "phase"}
    assert phases == {"30"}


def test_time_that_is_none_is_refused(tmp_path: Path) -> None:
    """A moment that cannot be read is bad usage, with what was wanted."""
    got = run("controls", "--format", "oscal", "--at", "soon", cwd=tmp_path)
    assert got.returncode == 2
    assert "--at" in got.stderr
