"""The runs before, as the burn-down reads them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.model.codes import Severity, Status
from strongroom.model.snapshot import StoredFinding
from strongroom.store import burn_down
from strongroom.store.snapshots import Store

OF_X = ["tf:x"].__eq__
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def finding(check: str, status: Status, number: int = 0) -> StoredFinding:
    """A stored finding."""
    return StoredFinding(f"{number:032}", check, "NET-01", "a", "x.a", status, Severity.HIGH, "why")


def test_only_runs_of_the_same_sources_count(tmp_path: Path) -> None:
    """Other sources say nothing about this one; a check is named once however many assets fail it."""
    with Store(str(tmp_path / "s.db")) as store:
        both = [finding("net.a", Status.FAIL, 1), finding("net.a", Status.FAIL, 2), finding("net.b", Status.PASS, 3)]
        first = store.add(NOW, ["tf:x"], 1, both)
        store.add(NOW + timedelta(days=1), ["tf:y"], 1, both)
        later = store.add(NOW + timedelta(days=2), ["tf:x"], 1, [finding("net.b", Status.FAIL)])
        store.add(NOW + timedelta(days=9), ["tf:x"], 1, both)
        with store.transaction() as db:
            found = burn_down.kept(db, OF_X, NOW + timedelta(days=2))
    assert [(k.snapshot, k.at, k.failing) for k in found] == [
        (first.id, NOW, ("net.a",)),
        (later.id, NOW + timedelta(days=2), ("net.b",)),
    ]


def test_the_last_run_of_a_day_stands_for_it(tmp_path: Path) -> None:
    """A run every hour does not hide what was a month ago."""
    with Store(str(tmp_path / "s.db")) as store:
        for hour in range(30):
            store.add(NOW + timedelta(hours=hour), ["tf:x"], 1, [finding(f"net.h{hour}", Status.FAIL)])
        with store.transaction() as db:
            found = burn_down.kept(db, OF_X, NOW + timedelta(days=9))
    assert [k.failing for k in found] == [("net.h20",), ("net.h29",)]


def test_what_is_looked_at_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large history the latest runs are read, as many as the bounds allow."""
    monkeypatch.setattr(burn_down, "DAYS", 3)
    with Store(str(tmp_path / "s.db")) as store:
        for day in range(6):
            store.add(NOW + timedelta(days=day), ["tf:x"], 1, [finding("net.a", Status.FAIL)])
        with store.transaction() as db:
            assert len(burn_down.kept(db, OF_X, NOW + timedelta(days=9))) == 3
            monkeypatch.setattr(burn_down, "ROWS", 2)
            assert len(burn_down.kept(db, OF_X, NOW + timedelta(days=9))) == 2
