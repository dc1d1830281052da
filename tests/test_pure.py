"""Judges touch nothing: while one judges, plans or writes a report, no file, socket or process is opened."""

import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

import synthetic
from strongroom.app.assess import assess as assess_sources
from strongroom.app.catalogue import catalogue, derivations, reports
from strongroom.assess.judge import assess, judge
from strongroom.model.codes import Severity
from strongroom.model.control import Assessment, Fix
from strongroom.model.errors import StrongroomError
from strongroom.model.kinds import Kind
from strongroom.model.ports import Check, View
from strongroom.plan.ninety_days import plan

# Audit events of CPython ("Audit events table"): everything that reaches out of the process.
REACHING = (
    *("open", "os.", "socket.", "ssl.", "http.", "urllib.", "ftplib.", "smtplib.", "poplib.", "imaplib.", "telnetlib."),
    *("subprocess.", "pty.", "shutil.", "tempfile.", "glob.", "pathlib.", "sqlite3.", "ctypes.", "mmap.", "fcntl."),
    *("signal.", "syslog.", "webbrowser.", "resource.", "time.sleep", "builtins.input", "sys.setprofile"),
)

_watched: dict[int, list[str]] = {}


def _importing() -> bool:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    seen = _watched.get(threading.get_ident())
    if seen is not None and event.startswith(REACHING) and not _importing():
        seen.append(f"{event} {arguments!r}"[:200])


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    """A hook cannot be taken out again; it looks only at the thread that `watching` names."""
    sys.addaudithook(_hook)


@contextlib.contextmanager
def watching() -> Iterator[list[str]]:
    """Collect what this thread reaches for; the first import of a module may read that module."""
    seen = _watched[threading.get_ident()] = []
    try:
        yield seen
    finally:
        del _watched[threading.get_ident()]


def _open(_: View) -> bool:
    with Path(__file__).open(encoding="utf-8"):
        return True


def _connect(_: View) -> bool:
    with socket.socket() as s:
        s.connect_ex(("127.0.0.1", 9))
    return True


def _run(_: View) -> bool:
    return subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0


def _list(_: View) -> bool:
    return bool(list(Path().iterdir()))


def _make(_: View) -> bool:
    with tempfile.TemporaryDirectory():
        return True


def planted(function: Callable[[View], bool]) -> Check:
    return Check(
        id="inv.planted.opens",
        title="It opens nothing",
        clause="INV-01.sources-agree",
        kinds=(Kind.OTHER,),
        needs=(),
        severity=Severity.INFO,
        fix=Fix("Do not."),
        broken="it did",
        why="",
        equivalents=(),
        judge=function,
    )


@pytest.mark.parametrize("function", [_open, _connect, _run, _list, _make], ids=lambda f: f.__name__.strip("_"))
def test_a_judge_that_reaches_out_is_caught(function: Callable[[View], bool]) -> None:
    """A check that opens a file, a socket, a process or a folder is seen by the hook."""
    with watching() as seen:
        judge(planted(function), synthetic.asset(Kind.OTHER, {}), synthetic.NOW)
    assert seen


def test_an_honest_judge_is_not_caught() -> None:
    """A check that only reads facts leaves no trace."""
    with watching() as seen:
        found = judge(planted(lambda v: v.raw("enc.at_rest") is True), synthetic.asset(Kind.OTHER, {}), synthetic.NOW)
    assert seen == []
    assert found.check == "inv.planted.opens"


@pytest.mark.parametrize("ident", catalogue().checks)
def test_a_check_touches_nothing(ident: str) -> None:
    """Every check judges known, unknown and strange assets of each of its kinds without reaching out."""
    check = catalogue().checks[ident]
    makers = (synthetic.known, synthetic.unknown, synthetic.strange)
    assets = [a for kind in check.kinds for make in makers for a in make(check, kind)]
    with watching() as seen:
        found = [judge(check, a, synthetic.NOW) for a in assets]
    assert seen == []
    assert len(found) == len(assets)


def test_assessing_and_planning_touch_nothing() -> None:
    """A whole estate is derived, assessed and planned without reaching out."""
    whole, known = synthetic.estate(), catalogue()
    steps = derivations()
    with watching() as seen:
        for step in steps:
            list(step.derive(whole))
        assessment = assess(whole, known, synthetic.NOW)
        tasks = plan(assessment.findings, known)
    assert seen == []
    assert assessment.findings
    assert tasks


@pytest.fixture(scope="module")
def judged() -> Assessment:
    """An assessment of everything, with its plan."""
    assessment = assess(synthetic.estate(), catalogue(), synthetic.NOW)
    assessment.tasks = plan(assessment.findings, catalogue())
    return assessment


@pytest.mark.parametrize("name", reports())
def test_a_report_touches_nothing(judged: Assessment, name: str) -> None:
    """Every format is written from a whole assessment without reaching out."""
    report, known = reports()[name], catalogue()
    with watching() as seen:
        text = "".join(report.render(judged, known))
    assert seen == []
    assert text


def test_assessing_a_source_opens_no_socket(tmp_path: Path) -> None:
    """Reading Terraform configuration opens files and starts the fenced child; this process creates no socket."""
    (tmp_path / "main.tf").write_text('resource "aws_s3_bucket" "b" {\n  bucket = "b"\n}\n', encoding="utf-8")
    with watching() as seen, contextlib.suppress(StrongroomError):
        assess_sources([f"tf:{tmp_path}"], synthetic.NOW)
    assert any(e.startswith("subprocess.Popen") for e in seen)
    assert [e for e in seen if e.startswith("socket.")] == []
