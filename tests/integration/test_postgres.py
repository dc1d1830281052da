"""Snapshots in a real PostgreSQL server."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_snapshots import NOW, finding

from strongroom.app.state import diff
from strongroom.model.codes import Status
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
    _, _, changes = diff(url, first.id, second.id)
    assert sorted(c.kind for c in changes) == ["fixed", "lost-sight"]


def test_ten_thousand_findings_in_one_transaction(url: str) -> None:
    """A large run is written in batches and counted whole."""
    with Store(url) as store:
        kept = store.add(NOW, ["tf:x"], 1, (finding(i, Status.PASS) for i in range(10_000)))
        assert kept.passed == 10_000
        assert sum(1 for _ in store.findings(kept)) == 10_000
