"""Snapshots in a real PostgreSQL server."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from kept_runs import keep
from sqlalchemy import create_engine
from test_snapshots import NOW, finding

from strongroom.app.history import lines
from strongroom.app.sides import Circumstances, diff
from strongroom.kit.evidence_digests import pack
from strongroom.model.codes import Status
from strongroom.model.snapshot import Beside
from strongroom.store.snapshots import Store

pytestmark = pytest.mark.integration

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of our own on loopback, as an ordinary user: PostgreSQL refuses root."""
    pytest.importorskip("psycopg", reason="needs the postgres extra")
    if not _PROGRAMS:
        pytest.skip("no PostgreSQL server below /usr/lib/postgresql: install the package postgresql")
    if os.geteuid() == 0 and "postgres" not in {p.pw_name for p in pwd.getpwall()}:
        pytest.skip("running as root and no user postgres to run the server as")
    programs = _PROGRAMS[-1].parent
    home = tmp_path_factory.mktemp("pg")
    run_as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    if run_as:
        shutil.chown(home, "postgres", "postgres")
        for parent in home.parents:
            if "pytest-of" in str(parent):
                parent.chmod(parent.stat().st_mode | 0o111)
    data, port = home / "data", _free_port()

    def do(program: str, *words: str) -> None:
        subprocess.run([*run_as, str(programs / program), *words], check=True, capture_output=True, cwd="/")

    do("initdb", "-D", str(data), "-A", "trust", "-U", "strongroom")
    do(
        "pg_ctl",
        "-D",
        str(data),
        "-w",
        "-l",
        str(home / "log"),
        "-o",
        f"-p {port} -k {home} -c listen_addresses=127.0.0.1",
        "start",
    )
    try:
        yield f"postgresql+psycopg://strongroom@127.0.0.1:{port}/postgres"
    finally:
        do("pg_ctl", "-D", str(data), "-m", "immediate", "stop")


def test_runs_are_kept_and_compared(url: str) -> None:
    """What SQLite keeps, PostgreSQL keeps: counts, findings, and the comparison of two runs."""
    with Store(url) as store:
        first = store.add(NOW, ["tf:x"], 3, [finding(1, Status.FAIL), finding(2, Status.PASS)])
        second = store.add(NOW, ["tf:x"], 3, [finding(1, Status.PASS), finding(2, Status.UNKNOWN)])
        assert store.get(first.id) == first
        assert (second.passed, second.failed, second.unknown) == (1, 0, 1)
    found = diff(first.id, second.id, Circumstances(url, NOW))
    assert sorted(c.kind for c in found.changes) == ["fixed", "lost-sight"]


def test_ten_thousand_findings_in_one_transaction(url: str) -> None:
    """A large run is written in batches and counted whole."""
    with Store(url) as store:
        kept = store.add(NOW, ["tf:x"], 1, (finding(i, Status.PASS) for i in range(10_000)))
        assert kept.passed == 10_000
        assert sum(1 for _ in store.findings(kept)) == 10_000


def test_lines_and_evidence_are_the_same_as_in_sqlite(url: str, tmp_path: Path) -> None:
    """Every number of a line, and which facts drifted, is what SQLite says of the same runs."""
    runs = ["ffuppa", "ffpfpa", "fp-fff", "------"]
    for where in (url, str(tmp_path / "s.db")):
        for day, letters in enumerate(runs):
            keep(where, day, letters, ["tf:line"])
        with Store(where) as store:
            for digest in (b"123456", b"654321"):
                evidence = Beside(evidence=pack("1", {"a1": {"x": digest, "y": b"same!!"}}))
                store.add(NOW, ["tf:evidence"], 1, [finding(1, Status.PASS)], evidence)
    ours, theirs = (next(x for x in lines(w) if x.sources == ("tf:line",)) for w in (url, str(tmp_path / "s.db")))
    blank = [[msgspec.structs.replace(p, snapshot="") for p in x.points] for x in (ours, theirs)]
    assert blank[0] == blank[1]
    assert [(p.new, p.fixed, p.gone) for p in ours.points] == [(None, None, None), (1, 0, 0), (2, 1, 0), (0, 0, 4)]
    for where in (url, str(tmp_path / "s.db")):
        with Store(where) as store:
            one, two = [s for s in store.list() if s.sources == ("tf:evidence",)]
        (drift,) = diff(one.id, two.id, Circumstances(where, NOW)).drifted
        assert [f.name for f in drift.facts] == ["x"]


def test_writers_at_once(url: str) -> None:
    """Runs that are kept at the same moment are all kept whole, while a line is drawn; so is a database made by many."""
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as db:
        db.exec_driver_sql("CREATE DATABASE many")
    admin.dispose()
    many = url.rpartition("/")[0] + "/many"
    with ThreadPoolExecutor(9) as pool:
        kept = [pool.submit(keep, many, day, "fp" * 500, ["tf:many"]) for day in range(8)]
        assert len({f.result() for f in kept}) == 8
        again = [pool.submit(keep, many, 8 + day, "pf" * 500, ["tf:many"]) for day in range(8)]
        drawn = pool.submit(lines, many).result()
        assert len({f.result() for f in again}) == 8
    assert {(p.failing, p.passing) for p in drawn[0].points} == {(500, 500)}
    assert len(lines(many)[0].points) == 16
