"""A broker that is killed at each of its steps: what left is in the log, and what was in the middle is over."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import broker_rig as b
import pytest
from kill_driver import Lasting
from sqlalchemy import text

from strongroom.app import log_entries
from strongroom.app.broker_release import resource
from strongroom.app.broker_words import Refused
from strongroom.app.log_audit import Ask, audit_log
from strongroom.model.codes import EntryKind

DRIVER = Path(__file__).with_name("kill_driver.py")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each point at which a broker was killed, in their order; the last one came through."""
    folder = tmp_path_factory.mktemp("killed")
    subprocess.run([sys.executable, str(DRIVER), str(folder)], check=True, timeout=300)
    return folder


def runs(killed: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder, with the points that its broker came to."""
    for folder in sorted(killed.iterdir()):
        yield folder, (folder / "points").read_text().split("\n")[:-1]


def kinds(rig: b.Rig) -> Counter[EntryKind]:
    """How many entries of each kind the log has, once it was audited."""
    rig.log.publish()
    audit = audit_log(Ask(rig.place, tuple(rig.log.settings.verifiers())), NOW)
    assert audit.broken == []
    return Counter(got.entry.kind for got in log_entries.entries(rig.place) if got.entry is not None)


def uses(rig: b.Rig) -> int:
    """How many uses were taken."""
    with rig.store._engine.connect() as db:
        return int(db.execute(text("SELECT count(*) FROM broker_use")).scalar_one())


def had(rig: b.Rig, cookie: str) -> int:
    """How many secrets a session gives now."""
    with suppress(Refused):
        assert b.opened(resource(rig.broker, b.WEIGHTS, cookie)) == b.SECRET
        return 1
    return 0


def test_every_step_is_killed(killed: Path) -> None:
    """The points are those that the order of the broker's acts rests on, and the last run came through them all."""
    *_, (last, points) = runs(killed)
    order = ["after attested", "after held", "after settle", "after commit", "before unwrap", "after answer"]
    assert sorted(order, key=points.index) == order
    assert (last / "answer").exists()
    assert [len(p) for _, p in runs(killed)] == [*range(1, len(points) + 1), len(points)]


def test_nothing_leaves_unlogged_whenever_it_is_killed(killed: Path) -> None:
    """After each kill: no key was asked for without a release in the log, no secret is out twice for a use, the log is whole.

    A use that was taken and not given is gone, for that attestation alone: a new one has its own.
    """
    for folder, points in runs(killed):
        rig = Lasting(folder)
        found = kinds(rig)
        taken = uses(rig)
        assert ("before unwrap" in points) <= (found[EntryKind.RELEASE] == 1), points[-1]
        assert found[EntryKind.RELEASE] <= taken <= 1, points[-1]
        left = int((folder / "answer").exists())
        left += had(rig, (folder / "cookie").read_text()) if (folder / "cookie").exists() else 0
        assert left <= uses(rig) == max(taken, left), points[-1]
        cookie, _ = b.attested(rig)
        assert had(rig, cookie) == 1, points[-1]
        after = kinds(rig)
        assert left + 1 <= after[EntryKind.RELEASE] <= uses(rig) <= taken + 2, points[-1]
        for path in (p for p in folder.rglob("*") if p.is_file()):
            assert b.SECRET not in path.read_bytes()
        rig.log.close()
        rig.store.close()
