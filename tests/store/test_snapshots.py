"""Snapshots in a database."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.model.codes import Severity, Status
from strongroom.model.errors import NotFound, StateError
from strongroom.model.snapshot import StoredFinding
from strongroom.store import history
from strongroom.store.snapshots import Store

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def finding(number: int, status: Status) -> StoredFinding:
    """A stored finding."""
    return StoredFinding(f"{number:032}", "net.x", "NET-01", f"a{number}", f"x.a{number}", status, Severity.HIGH, "why")


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Counts, sources and every finding survive."""
    found = [finding(1, Status.FAIL), finding(2, Status.PASS), finding(3, Status.UNKNOWN)]
    with Store(str(tmp_path / "s.db")) as store:
        kept = store.add(NOW, ["tf:x", "host:"], 7, found)
    with Store(str(tmp_path / "s.db")) as store:
        again = store.get("latest")
        assert again == kept
        assert (again.passed, again.failed, again.unknown, again.assets) == (1, 1, 1, 7)
        assert again.taken_at == NOW
        assert again.sources == ("tf:x", "host:")
        assert sorted(f.fingerprint for f in store.findings(again)) == [f.fingerprint for f in found]


def test_a_run_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """When the findings fail half-way, the snapshot does not exist."""

    def half() -> Iterator[StoredFinding]:
        yield from (finding(i, Status.PASS) for i in range(6000))
        raise KeyboardInterrupt

    with Store(str(tmp_path / "s.db")) as store:
        with pytest.raises(KeyboardInterrupt):
            store.add(NOW, ["tf:x"], 1, half())
        assert store.list() == ()


def test_snapshots_are_found_by_name(tmp_path: Path) -> None:
    """By id, by a unique beginning, as latest and previous; anything else is NotFound with a hint."""
    with Store(str(tmp_path / "s.db")) as store:
        with pytest.raises(NotFound, match="no snapshot yet"):
            store.get("latest")
        first = store.add(NOW, [], 0, [])
        second = store.add(NOW + timedelta(days=1), [], 0, [])
        assert store.get("latest") == second
        assert store.get("previous") == first
        assert store.get(first.id[:8]) == first
        with pytest.raises(NotFound, match="2 that begin so"):
            store.get("2026")
        with pytest.raises(NotFound, match="no such snapshot"):
            store.get("1999")


def test_the_state_is_private(tmp_path: Path) -> None:
    """The folder is made 0700 and the file 0600, whatever the umask says."""
    before = os.umask(0)
    try:
        with Store(str(tmp_path / "new" / "s.db")):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / "s.db").stat().st_mode) == 0o600


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    """A schema from the future is not written to."""
    path = tmp_path / "s.db"
    with Store(str(path)):
        pass
    with sqlite3.connect(path) as db:
        db.execute("UPDATE strongroom_schema SET version = 99")
    db.close()
    with pytest.raises(StateError, match="schema 99"):
        Store(str(path))


@pytest.mark.parametrize(
    "content", [b"this is no database, and long enough to be looked at", b"SQLite format 3\0" + b"x" * 200]
)
def test_a_damaged_database_is_an_error(tmp_path: Path, content: bytes) -> None:
    """A file that is no database raises StateError that names it, and is left as it is."""
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(StateError, match=re.escape(str(path))):
        Store(str(path))
    assert path.read_bytes() == content


def test_an_unknown_url_is_an_error() -> None:
    """A database that this installation has no driver for is an error that says so."""
    with pytest.raises(StateError):
        Store("nosuch://host/db")


def test_an_older_database_gets_the_index_that_lines_are_drawn_from(tmp_path: Path) -> None:
    """A file without the index has it after it was opened once, and the question uses it alone."""
    path = tmp_path / "s.db"
    with Store(str(path)) as store:
        kept = store.add(NOW, ["tf:x"], 1, [finding(1, Status.FAIL), finding(2, Status.PASS)])
    with sqlite3.connect(path) as db:
        db.execute("DROP INDEX finding_standing")
    db.close()
    with Store(str(path)) as store, store.reading() as reading:
        found = list(history.standing(reading, kept.id))
        compiled = str(
            history.STANDS.params(snapshot=kept.id).compile(
                compile_kwargs={"literal_binds": True}, dialect=reading.dialect
            )
        )
        plan = reading.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    assert [(s.status, s.control, s.fingerprints) for s in found] == [("fail", "NET-01", [f"{1:032}"])]
    assert "COVERING INDEX finding_standing" in str(plan)


def test_a_word_of_a_newer_version_is_an_error(tmp_path: Path) -> None:
    """A status that this version does not know is a fault of the state, never another status."""
    path = tmp_path / "s.db"
    with Store(str(path)) as store:
        kept = store.add(NOW, ["tf:x"], 1, [finding(1, Status.FAIL)])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE finding SET status = 'perhaps'")
    db.close()
    with Store(str(path)) as store, pytest.raises(StateError, match="a value that cannot be read: 'perhaps'"):
        list(store.findings(kept))


def test_many_first_opens_at_once(tmp_path: Path) -> None:
    """Processes that meet at a database that none of them has made yet all keep their run."""
    code = (
        "import sys, datetime as d; from strongroom.store.snapshots import Store\n"
        "sys.stdin.read(1)\n"
        "with Store(sys.argv[1]) as s: s.add(d.datetime(2026, 1, 1, tzinfo=d.UTC), ['tf:x'], 0, [])"
    )
    path = str(tmp_path / "s.db")
    words = [sys.executable, "-c", code, path]
    children = [subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    for c in children:
        assert c.stdin is not None
        c.stdin.write(b"x")
        c.stdin.flush()
    said = [c.communicate()[1] for c in children]
    assert [c.returncode for c in children] == [0] * 6, said
    with Store(path) as store:
        assert len(store.list()) == 6


def test_a_password_is_not_in_a_message() -> None:
    """The URL of a database holds a password; no message does."""
    with pytest.raises(StateError) as raised:
        Store("postgresql+psycopg://ada:hunter2@127.0.0.1:1/x")
    assert "hunter2" not in f"{raised.value} {raised.value.hint}"
    assert "ada:***@127.0.0.1" in str(raised.value)
