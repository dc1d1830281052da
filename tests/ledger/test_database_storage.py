"""A log in a database, exercised with SQLite, which every machine has; PostgreSQL is tested with a real server."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from storage_contract import (
    EMPTY,
    SETTINGS,
    DisclosuresContract,
    OpenDisclosures,
    OpenStorage,
    SequencersContract,
    StorageContract,
    commit,
    head,
    read_all,
    record,
)

from strongroom.ledger.database import DatabaseDisclosures, DatabaseStorage
from strongroom.ledger.storage import BehindError
from strongroom.model.errors import BadInput, LogDamaged, LogUnavailable, NotFound


class TestDatabaseStorage(StorageContract):
    """The contract, in SQLite."""

    locks = one_publishes = False

    @pytest.fixture
    def place(self, tmp_path: Path) -> OpenStorage:
        """A new file."""
        return lambda: DatabaseStorage(f"sqlite:///{tmp_path}/log.db")


class TestSequencersOfADatabase(SequencersContract):
    """Sequencers over SQLite."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> OpenStorage:
        """A new file."""
        return lambda: DatabaseStorage(f"sqlite:///{tmp_path}/log.db")


class TestDatabaseDisclosures(DisclosuresContract):
    """The contract, in SQLite."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> OpenDisclosures:
        """A new file."""
        return lambda: DatabaseDisclosures(f"sqlite:///{tmp_path}/log.db")


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str], DatabaseStorage]:
    """A log of three records, changed behind its back by a statement."""

    def change(statement: str) -> DatabaseStorage:
        storage = DatabaseStorage(f"sqlite:///{tmp_path}/log.db")
        storage.create(SETTINGS, EMPTY)
        read_all(storage)
        for start in (0, 2, 4):
            assert commit(storage, record(start, 2))
        with sqlite3.connect(tmp_path / "log.db") as db:
            assert db.execute(statement).rowcount > 0
        db.close()
        return storage

    return change


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE strongroom_log_journal SET record = CAST(record || 'x' AS BLOB) WHERE start = 2",
        "UPDATE strongroom_log_journal AS j SET record = (SELECT record FROM strongroom_log_journal) WHERE j.start = 2",
        "UPDATE strongroom_log_journal SET finish = 3 WHERE start = 2",
        "DELETE FROM strongroom_log_journal WHERE start = 2",
        "DELETE FROM strongroom_log_journal WHERE start = 0",
    ],
)
def test_a_changed_journal_is_damage(changed: Callable[[str], DatabaseStorage], statement: str) -> None:
    """A row that was changed, swapped or deleted is found by whoever reads and by whoever publishes."""
    storage = changed(statement)
    for read in (lambda: read_all(storage), lambda: list(storage.committed(0, 6))):
        with pytest.raises(LogDamaged):
            read()
    storage.close()


def test_a_journal_that_lost_its_end_is_damage(changed: Callable[[str], DatabaseStorage]) -> None:
    """A writer that knows more than the journal holds does not go on as if nothing had been there."""
    storage = changed("DELETE FROM strongroom_log_journal WHERE start = 4")
    assert not commit(storage, record(6))
    with pytest.raises(LogDamaged, match="size 4"):
        read_all(storage, 6)
    assert not commit(storage, record(6))
    storage.close()


def test_what_is_damaged_is_not_compacted(changed: Callable[[str], DatabaseStorage]) -> None:
    """Compacting would put a good digest on bad bytes; they stay as they are."""
    storage = changed("UPDATE strongroom_log_journal SET record = CAST(record || 'x' AS BLOB) WHERE start = 4")
    with pytest.raises(LogDamaged):
        storage.forget(6)
    storage.close()


def test_rows_stay_when_they_are_forgotten(tmp_path: Path) -> None:
    """A compacted row keeps its place and its checkpoint, and has lost its entries."""
    storage = DatabaseStorage(f"sqlite:///{tmp_path}/log.db")
    storage.create(SETTINGS, EMPTY)
    read_all(storage)
    for start in range(40):
        assert commit(storage, record(start, 1, "secret"))
    storage.forget(39)
    with pytest.raises(BehindError):
        read_all(storage)
    storage.close()
    db = sqlite3.connect(tmp_path / "log.db")
    rows = dict(db.execute("SELECT start, record FROM strongroom_log_journal"))
    db.close()
    assert len(rows) == 40
    assert all(head(start + 1, "secret") in data for start, data in rows.items())
    assert [start for start, data in rows.items() if b"secret entry" in data] == [39]


@pytest.mark.parametrize(
    ("url", "error", "shown"),
    [
        (
            "postgresql://me:hunter2@127.0.0.1:1/db?password=hunter2",
            LogUnavailable,
            "postgresql+psycopg://me@127.0.0.1",
        ),
        ("postgresql://me:hunter2@127.0.0.1:hunter2/db", BadInput, ""),
        ("hunter2", BadInput, ""),
        ("nosuch://me:hunter2@host/db", BadInput, "nosuch://me@host/db"),
        ("sqlite:////nowhere/at/all/log.db", LogUnavailable, "sqlite:////nowhere/at/all/log.db"),
    ],
)
def test_no_message_holds_a_password(url: str, error: type[Exception], shown: str) -> None:
    """Whatever is wrong with a URL, the message names the place and no secret."""
    pytest.importorskip("psycopg", reason="needs the postgres extra")
    with pytest.raises(error) as caught:
        DatabaseStorage(url).settings()
    assert "hunter2" not in f"{caught.value!r}{caught.value}{caught.value.__cause__}"
    assert shown in str(caught.value)


def test_a_database_without_a_log_has_none(tmp_path: Path) -> None:
    """Looking makes no tables, and every question says that there is no log."""
    storage = DatabaseStorage(f"sqlite:///{tmp_path}/log.db")
    for ask in (storage.settings, lambda: storage.read("checkpoint"), lambda: read_all(storage)):
        with pytest.raises(NotFound):
            ask()
    storage.close()
    db = sqlite3.connect(tmp_path / "log.db")
    assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    db.close()
