"""What people say, in the state database."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.model.codes import Severity, Status
from strongroom.model.errors import StateError
from strongroom.model.estate import Skip
from strongroom.model.people import RiskException
from strongroom.model.snapshot import Beside, StoredFinding, StoredSkip
from strongroom.model.values import Where
from strongroom.store import evidence, people
from strongroom.store.schema import METADATA
from strongroom.store.snapshots import Store

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
E = RiskException("d" * 64, False, check="a.b", asset="x", owner="Ada", reason="why", where=Where("f.toml", 3, 9))
FINDING = StoredFinding("f" * 32, "a.b", "NET-01", "i", "x", Status.ACCEPTED, Severity.HIGH, "why")
BESIDE = Beside(
    accepted=(("f" * 32, Status.FAIL, E.digest),),
    exceptions=(E,),
    aliases=(("i", "arn:x"),),
    skips=(StoredSkip("i", "x", Skip("a.b", "why", Where("m.tf", 4, 4))), StoredSkip("i", "x", Skip("c", "", None))),
)


def test_what_stands_beside_findings_comes_back(tmp_path: Path) -> None:
    """Accepted findings, the words of exceptions, aliases and skips survive, per run."""
    with Store(str(tmp_path / "s.db")) as store:
        one = store.add(NOW, ["tf:x"], 1, [FINDING], BESIDE)
        two = store.add(NOW, ["tf:x"], 1, [FINDING])
        three = store.add(NOW, ["tf:x"], 1, [FINDING], BESIDE)
    with Store(str(tmp_path / "s.db")) as store:
        assert store.beside(one) == store.beside(three) == BESIDE
        assert store.beside(two) == Beside()


def test_a_run_with_what_stands_beside_it_is_whole_or_nothing(tmp_path: Path) -> None:
    """When what stands beside cannot be kept, the run is not kept either."""
    broken = Beside(accepted=(("f" * 32, Status.FAIL, None),))  # type: ignore[arg-type]
    with Store(str(tmp_path / "s.db")) as store:
        with pytest.raises(StateError):
            store.add(NOW, ["tf:x"], 1, [FINDING], broken)
        assert store.list() == ()


def test_a_database_of_an_older_version_opens(tmp_path: Path) -> None:
    """A file that has none of the new tables gets them, and keeps its runs; nothing stands beside those."""
    path = tmp_path / "s.db"
    with Store(str(path)) as store:
        kept = store.add(NOW, ["tf:x"], 1, [FINDING])
    old = {"snapshot", "finding", "logged", "strongroom_schema"}
    with sqlite3.connect(path) as db:
        for table in set(METADATA.tables) - old:
            db.execute(f"DROP TABLE {table}")
    with Store(str(path)) as store:
        assert store.list() == (kept,)
        assert store.beside(kept) == Beside()
        with store.transaction() as db2:
            assert people.assertions(db2) == ()


def test_an_exception_is_to_be_logged_once(tmp_path: Path) -> None:
    """What is cited is not asked for again, however many there are."""
    many = [RiskException(f"{n:064}", False, check="a.b", asset=f"x{n}") for n in range(1203)]
    with Store(str(tmp_path / "s.db")) as store:
        with store.transaction() as db:
            assert len(people.not_logged(db, [*many, *many])) == 1203
            people.cite_exceptions(db, "log.example/a", [(e, n) for n, e in enumerate(many[:1100])])
        with store.transaction() as db:
            assert people.not_logged(db, many) == many[1100:]


def test_assertions_and_revocations_are_kept(tmp_path: Path) -> None:
    """In the order of the log; one that was taken back says when and why."""
    with Store(str(tmp_path / "s.db")) as store, store.transaction() as db:
        people.keep_assertion(db, "b" * 64, "note b", "log.example/a", 7)
        people.keep_assertion(db, "a" * 64, "note a", "log.example/a", 3)
        people.revoke(db, "a" * 64, NOW, "wrong", "log.example/a", 9)
        found = people.assertions(db)
    assert [(k.id[0], k.entry, k.revoked) for k in found] == [
        ("a", 3, ("2026-01-02T03:04:05.000000Z", "wrong")),
        ("b", 7, None),
    ]


def test_evidence_is_retained_for_the_longest_wish(tmp_path: Path) -> None:
    """A second assertion on the same evidence never shortens its retention."""
    with Store(str(tmp_path / "s.db")) as store, store.transaction() as db:
        for days in (10, 400, 20):
            people.keep_evidence(db, "e" * 64, 5, NOW + timedelta(days=days))
        (until,) = db.exec_driver_sql("SELECT retain_until FROM evidence").one()
    assert until.startswith(f"{NOW + timedelta(days=400):%Y-%m-%d}")


def test_evidence_is_its_owners_and_is_verified(tmp_path: Path) -> None:
    """A copy by content, mode 0600; other bytes and no bytes are found."""
    source, folder = tmp_path / "e.txt", tmp_path / "evidence"
    source.write_text("seen")
    digest, size = evidence.keep(folder, source)
    assert evidence.keep(folder, source) == (digest, size) == (digest, 4)
    kept = evidence.place(folder, digest)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [p for p in folder.rglob("*") if p.is_file()] == [kept]
    evidence.verify(folder, digest)
    kept.write_text("unseen")
    with pytest.raises(Exception, match="other bytes"):
        evidence.verify(folder, digest)
    kept.unlink()
    with pytest.raises(Exception, match="no such file"):
        evidence.verify(folder, digest)


@pytest.mark.parametrize("what", ["nothing", "folder", "empty", "device"])
def test_what_is_no_evidence_is_refused(tmp_path: Path, what: str) -> None:
    """A missing or empty file, a folder and a device are no evidence, and leave nothing behind."""
    path = {"device": Path("/dev/zero")}.get(what, tmp_path / what)
    if what == "folder":
        path.mkdir()
    if what == "empty":
        path.touch()
    with pytest.raises(Exception, match=r"found (no such file|no regular file|is a directory|an empty file)"):
        evidence.keep(tmp_path / "evidence", path)
    assert [p for p in (tmp_path / "evidence").rglob("*") if p.is_file()] == []
