"""Kept runs as lines."""

from datetime import timedelta
from pathlib import Path

import pytest
from kept_runs import START, keep

from strongroom.app.history import burn_down, chosen_controls, line_of, lines, window
from strongroom.model.errors import BadUsage, NotFound
from strongroom.model.snapshot import Point


def line(path: Path, *runs: str) -> tuple[Point, ...]:
    """The points of runs that are a day apart."""
    for day, letters in enumerate(runs):
        keep(path, day, letters)
    return burn_down(str(path))


def test_points_count_what_stands(tmp_path: Path) -> None:
    """What fails, is unknown, passes and is accepted, and what fails by the phase of its control."""
    (p,) = line(tmp_path / "s.db", "ffuppaan")
    assert (p.failing, p.unknown, p.passing, p.accepted) == (2, 1, 2, 2)
    assert (p.open_30, p.open_60, p.open_90) == (2, 0, 0)  # NET-01 is of the first 30 days
    assert (p.new, p.fixed, p.gone, p.at) == (None, None, None, START)


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ("f", "f", (0, 0, 0)),
        ("p", "f", (1, 0, 0)),
        ("-", "f", (1, 0, 0)),
        ("f", "p", (0, 1, 0)),
        ("f", "n", (0, 1, 0)),
        ("f", "-", (0, 0, 1)),
        ("f", "u", (0, 0, 0)),
        ("f", "a", (0, 0, 0)),
        ("u", "f", (1, 0, 0)),
        ("a", "f", (1, 0, 0)),
        ("u", "-", (0, 0, 0)),
    ],
)
def test_what_moved_has_its_column(tmp_path: Path, before: str, after: str, moved: tuple[int, int, int]) -> None:
    """New, fixed, or no longer seen; what became unknown or accepted is none of them."""
    _, p = line(tmp_path / "s.db", before, after)
    assert (p.new, p.fixed, p.gone) == moved


@pytest.mark.parametrize(
    ("runs", "age"),
    [
        (["f", "f", "f"], 2.0),
        (["f", "u", "f"], 2.0),  # not looked at is not mended
        (["f", "p", "f"], 0.0),
        (["f", "a", "f"], 0.0),
        (["f", "-", "f"], 0.0),
        (["f", "u", "p", "f"], 0.0),
        (["u", "u", "f"], 0.0),
        (["fp", "fp", "ff"], 1.0),
        (["ff", "ff", "fp"], 2.0),
        (["f", "p"], None),
    ],
)
def test_age_is_counted_from_where_it_began_to_fail(tmp_path: Path, runs: list[str], age: float | None) -> None:
    """The mean over what fails; another answer begins it anew, an unknown one does not."""
    assert line(tmp_path / "s.db", *runs)[-1].age_days == age


def test_lines_are_of_the_same_sources(tmp_path: Path) -> None:
    """Runs of other sources are another line, whatever the order of the sources; rules are no source."""
    path = tmp_path / "s.db"
    keep(path, 0, "f", ["tf:x", "k8s:y"])
    other = keep(path, 1, "ff", ["tf:z"])
    keep(path, 2, "p", ["k8s:y", "tf:x", "rules:own.yaml"])
    first, second = lines(str(path))
    assert (first.sources, len(first.points), first.points[-1].fixed) == (("k8s:y", "tf:x"), 2, 1)
    assert (second.sources, len(second.points)) == (("tf:z",), 1)
    assert line_of([first, second], other[:9]) is second
    with pytest.raises(NotFound, match="no such run"):
        line_of([first, second], "1999")
    with pytest.raises(NotFound, match="several lines"):
        line_of([first, second], "2026")


def test_only_some_controls(tmp_path: Path) -> None:
    """With a control or an area, nothing of others counts, passes included."""
    path = tmp_path / "s.db"
    keep(path, 0, "fpp", control="NET-02")
    (only,) = lines(str(path), chosen_controls("net-02", None))
    (area,) = lines(str(path), chosen_controls(None, "Network"))
    (none,) = lines(str(path), chosen_controls("ART-01", None))
    assert [(x.points[0].failing, x.points[0].passing) for x in (only, area, none)] == [(1, 2), (1, 2), (0, 0)]
    for words in (("XX-1", None), (None, "moon")):
        with pytest.raises(NotFound):
            chosen_controls(*words)
    with pytest.raises(BadUsage):
        chosen_controls("NET-02", "network")


def test_a_window_keeps_what_the_past_said(tmp_path: Path) -> None:
    """The last points know what came before them."""
    path = tmp_path / "s.db"
    line(path, "f", "f", "ff")
    (whole,) = lines(str(path))
    assert window(whole, 1, None).points == whole.points[-1:]
    assert whole.points[-1].age_days == 1.0
    assert window(whole, None, START + timedelta(days=1)).points == whole.points[1:]
    assert window(whole, None, START + timedelta(days=9)).points == ()


def test_looking_makes_no_database(tmp_path: Path) -> None:
    """Without a state there is nothing to draw, and none is made."""
    with pytest.raises(NotFound, match="no such file"):
        lines(str(tmp_path / "s.db"))
    assert list(tmp_path.iterdir()) == []
