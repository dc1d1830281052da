"""A log in a real PostgreSQL server: the contract, a server that is killed, a lock that is lost."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import create_engine, text
from storage_contract import (
    EMPTY,
    SETTINGS,
    DisclosuresContract,
    OpenDisclosures,
    OpenStorage,
    SequencersContract,
    StorageContract,
    commit,
    commit_until,
    read_all,
    record,
)

from strongroom.ledger.database import DatabaseDisclosures, DatabaseStorage
from strongroom.model.errors import LogUnavailable

pytestmark = pytest.mark.integration

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
_COUNTER = count()


class Server:
    """A server of our own on loopback, as an ordinary user: PostgreSQL refuses root."""

    def __init__(self, home: Path) -> None:
        self.home, self.programs = home, _PROGRAMS[-1].parent
        root = os.geteuid() == 0
        self.run_as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if root else []
        if root:
            shutil.chown(home, "postgres", "postgres")
            for parent in home.parents:
                if "pytest-of" in str(parent):
                    parent.chmod(parent.stat().st_mode | 0o111)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = int(s.getsockname()[1])
        words = [
            *self.run_as,
            str(self.programs / "initdb"),
            "-D",
            str(home / "data"),
            "-A",
            "trust",
            "-U",
            "strongroom",
        ]
        subprocess.run(words, check=True, capture_output=True, cwd="/")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://strongroom@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, again and again while what is left of a killed one is in the way."""
        words = [*self.run_as, str(self.programs / "postgres"), "-D", str(self.home / "data"), "-p", str(self.port)]
        words += ["-k", str(self.home), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60"]
        for _ in range(50):
            with (self.home / "log").open("ab") as log:
                self.process = subprocess.Popen(words, cwd="/", stdout=log, stderr=log)
            for _ in range(300):
                ready = [str(self.programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
                if subprocess.run(ready, check=False).returncode == 0:
                    return
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
            time.sleep(0.2)
        raise AssertionError((self.home / "log").read_text())

    def kill(self) -> None:
        """End every process of it at once, as a machine that loses its power does, but for the page cache."""
        assert self.process is not None
        family = [self.process.pid, *_children(self.process.pid)]
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as db:
                result = db.execute(text(statement))
                return [tuple(row) for row in result] if result.returns_rows else []
        finally:
            engine.dispose()


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text(encoding="ascii").split()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests here."""
    pytest.importorskip("psycopg", reason="needs the postgres extra")
    if not _PROGRAMS:
        pytest.skip("no PostgreSQL server below /usr/lib/postgresql: install the package postgresql")
    if os.geteuid() == 0 and "postgres" not in {p.pw_name for p in pwd.getpwall()}:
        pytest.skip("running as root and no user postgres to run the server as")
    running = Server(tmp_path_factory.mktemp("pg"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def url(server: Server) -> str:
    """A schema of the test's own."""
    schema = f"log_{next(_COUNTER)}"
    server.ask(f"CREATE SCHEMA {schema}")
    return f"{server.url}?options=-csearch_path%3D{schema}"


@pytest.fixture
def open_log(url: str) -> Iterator[OpenStorage]:
    """Opens the log that is in the schema; the first one has made it."""
    opened = [DatabaseStorage(url)]
    opened[0].create(SETTINGS, EMPTY)

    def another() -> DatabaseStorage:
        opened.append(DatabaseStorage(url))
        return opened[-1]

    yield another
    for storage in opened:
        storage.close()


class TestPostgresStorage(StorageContract):
    """The contract."""

    @pytest.fixture
    def place(self, url: str) -> OpenStorage:
        """A new schema."""
        return lambda: DatabaseStorage(url)


class Unlocked(DatabaseStorage):
    """A writer that has lost its lock without noticing, from the beginning."""

    def _lock(self, db: object, seconds: float) -> None:
        pass


class TestWritersWithoutALock(StorageContract):
    """The contract once more: the key and the end of the journal decide, and no lock."""

    locks = False
    rounds = 40

    @pytest.fixture
    def place(self, url: str) -> OpenStorage:
        """A new schema."""
        return lambda: Unlocked(url)


class TestSequencersOfPostgres(SequencersContract):
    """Sequencers over one schema."""

    @pytest.fixture
    def place(self, url: str) -> OpenStorage:
        """A new schema."""
        return lambda: DatabaseStorage(url)


class TestPostgresDisclosures(DisclosuresContract):
    """The contract."""

    @pytest.fixture
    def place(self, url: str) -> OpenDisclosures:
        """A new schema."""
        return lambda: DatabaseDisclosures(url)


def holders(server: Server) -> list[tuple[object, ...]]:
    return server.ask("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")


def test_a_connection_that_is_lost_takes_the_lock_with_it(server: Server, open_log: OpenStorage) -> None:
    """The next writer need not wait; the one that lost its connection commits nothing, says so, and can go on."""
    first, second = open_log(), open_log()
    assert read_all(first) == read_all(second) == []
    with first.exclusive(30):
        ((pid,),) = holders(server)
        server.ask(f"SELECT pg_terminate_backend({pid}, 10000)")
        assert commit(second, record(0, 2, "second"))
        with pytest.raises(LogUnavailable):
            first.commit(record(0, 1, "first"))
    assert holders(server) == []
    assert read_all(first) == [record(0, 2, "second")]
    assert commit(first, record(2, 1, "first"))


def test_a_lock_that_was_lost_unnoticed_forks_nothing(server: Server, open_log: OpenStorage) -> None:
    """Two writers that both believe to be alone: the journal lets one in."""
    first, second = open_log(), open_log()
    assert read_all(first) == read_all(second) == []
    with first.exclusive(30):
        server.ask("SELECT 1")
        first._held.execute(text("SELECT pg_advisory_unlock_all()"))  # type: ignore[attr-defined]
        with second.exclusive(30):
            second.commit(record(0, 3, "second"))
        assert list(first.records(0)) == [record(0, 3, "second")]
    assert not commit(open_log(), record(0))


def test_logs_in_two_schemas_do_not_wait_for_each_other(open_log: OpenStorage, server: Server) -> None:
    """The lock is of a log, and not of the database."""
    server.ask("CREATE SCHEMA beside")
    beside = DatabaseStorage(f"{server.url}?options=-csearch_path%3Dbeside")
    beside.create(SETTINGS, EMPTY)
    with open_log().exclusive(30), beside.exclusive(0.05), open_log().publishing() as a, beside.publishing() as b:
        assert a
        assert b
    beside.close()


def test_commits_wait_for_the_disk_whatever_the_role_says(server: Server, open_log: OpenStorage) -> None:
    """A role that does not wait for its commits would lose acknowledged entries: the session says otherwise."""
    server.ask("ALTER ROLE strongroom SET synchronous_commit = off")
    try:
        storage = open_log()
        with storage.exclusive(30):
            held = storage._held  # type: ignore[attr-defined]
            assert held.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
    finally:
        server.ask("ALTER ROLE strongroom RESET synchronous_commit")


def test_a_server_that_is_killed_loses_nothing_that_was_acknowledged(server: Server, open_log: OpenStorage) -> None:
    """After each kill the journal is whole, holds every acknowledged record once, and the same writers go on."""
    writers = [open_log(), open_log()]
    stop = Event()
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(commit_until, w, stop, f"writer {i}") for i, w in enumerate(writers)]
        try:
            for _ in range(4):
                time.sleep(0.7)
                server.kill()
                server.start()
            time.sleep(0.7)
        finally:
            stop.set()  # a server that does not come back is a failure, and no wait for ever
        acknowledged = [r for answer in answers for r in answer.result()]
    kept = read_all(open_log())
    assert [r.start for r in kept] == [0, *(r.end for r in kept[:-1])]
    assert all(kept.count(r) == 1 for r in acknowledged)
    assert len(acknowledged) > 8
    assert len(kept) - len(acknowledged) <= 2 * 4  # each writer may miss the answer to one record at each kill
