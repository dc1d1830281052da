"""The leak test on emulated cards: each case by processes of its own, with drivers that clear and that do not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cards
import pytest

from strongroom.isolate.scrubbing import judge_leak, refusals
from strongroom.model.errors import GpuError
from strongroom.model.scrub import ATTACKS, CONTROLS, Case, LeakReport, Remains, Standing
from strongroom.scrub import matrix
from strongroom.scrub.children import Child
from strongroom.scrub.devices.cpu import CpuDevice
from strongroom.scrub.matrix import Asked
from strongroom.scrub.wire import LOOK, SCRUB, VICTIM, Work

TAGS = {case: f"{n:02x}c0ffee{n:02x}c0ffee"[:16] for n, case in enumerate(Case, 1)}


def leaks(path: Path, seconds: float) -> LeakReport:
    asked = Asked("cpu", cards.UUID, {"card": str(path)}, TAGS, seconds)
    return matrix.leak_test(asked, lambda s: refusals(cards.UUID, s), time.monotonic)


def hits(report: LeakReport) -> set[Case]:
    return {t.case for t in report.tried if sum(t.hits.values())}


@pytest.mark.parametrize(
    ("switches", "remains", "found"),
    [
        ({}, Remains.CLEAN, {*CONTROLS}),
        ({"clears_on_free": False}, Remains.LEAK, {*CONTROLS, *ATTACKS} - {Case.SHARED_OTHER}),
        ({"clears_shared": False}, Remains.LEAK, {*CONTROLS, Case.SHARED_OTHER}),
        ({"clears_within": True}, Remains.UNKNOWN, {Case.SHARED_SAME}),
    ],
)
def test_the_matrix_tells_what_a_driver_does(
    tmp_path: Path, switches: dict[str, bool], remains: Remains, found: set[Case]
) -> None:
    """A driver that clears is clean, one that does not leaks where it does not, and controls that find nothing tell nothing."""
    path = cards.card(tmp_path, granule=4096, **switches)
    report = leaks(path, 30)
    assert hits(report) == found
    assert judge_leak(report).remains is remains
    assert [t.failure for t in report.tried if t.failure] == []
    assert cards.device(path).look().occupants == ()


def test_a_card_that_is_in_use_is_not_tested(tmp_path: Path) -> None:
    """While a process has a context, nothing is planted and nothing is read."""
    path = cards.card(tmp_path)
    holder = CpuDevice(cards.UUID, path)
    holder.open(lambda _: 1.0)
    report = leaks(path, 30)
    holder.close()
    assert report.tried == ()
    assert report.failure is not None
    assert "processes remain" in report.failure.reason
    assert judge_leak(report).remains is Remains.UNKNOWN


def test_a_card_that_is_not_there_cannot_be_told(tmp_path: Path) -> None:
    """No card, no verdict, and the reason."""
    report = leaks(tmp_path / "none", 30)
    assert report.failure is not None
    assert judge_leak(report).remains is Remains.UNKNOWN


def work(path: Path, verb: str, **more: object) -> Work:
    made = {"verb": verb, "device": "cpu", "uuid": cards.UUID, "options": {"card": str(path)}, "seconds": 20.0}
    return Work(**{**made, **more})  # type: ignore[arg-type]


def test_a_process_that_is_killed_is_a_reason(tmp_path: Path) -> None:
    """A process that falls without a word: its end is told, and what it held is free."""
    path = cards.card(tmp_path)
    with Child(work(path, VICTIM, case=Case.KILLED, tag=TAGS[Case.KILLED], bytes=1024)) as child:
        assert child.ask().found is not None
        os.kill(child._process.pid, signal.SIGKILL)
        with pytest.raises(GpuError, match="an end with status -9"):
            child.ask()
    assert cards.device(path).look().occupants == ()


def test_a_process_that_does_not_answer_is_ended(tmp_path: Path) -> None:
    """A process that is told nothing stays; it is ended when its time is over, and nobody waits longer."""
    with Child(work(cards.card(tmp_path), SCRUB, seconds=1.0, key="00" * 16)) as child:
        assert child.ask().standing is not None
        with pytest.raises(GpuError, match="no answer within 1 s"):
            child.ask()
        assert child._process.poll() is not None


def test_a_process_does_not_go_on_untold(tmp_path: Path) -> None:
    """Without the word to go on it ends, and has written nothing."""
    path = cards.card(tmp_path)
    cards.plant(path, 600, b"kept")
    before = cards.octets(path)
    with Child(work(path, SCRUB, key="00" * 16)) as child:
        assert isinstance(child.ask().standing, Standing)
        assert child.finish() == 0
    assert cards.octets(path) == before


def test_a_process_inherits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is what the device asks for, whatever the caller's holds: MPS, dumps and profilers are not taken over."""
    path = cards.card(tmp_path)
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", "somewhere")
    with Child(work(path, SCRUB, key="00" * 16)) as child:
        child.ask()
        found = Path(f"/proc/{child._process.pid}/environ").read_bytes()
    assert {line.partition(b"=")[0] for line in found.split(b"\0") if line} <= {b"PATH", b"STRONGROOM_PATH"}


def test_an_unknown_device_is_told(tmp_path: Path) -> None:
    """A child that is asked for a device that there is not says so, and does not fall."""
    line = b'{"verb":"look","device":"tpu","uuid":"CPU-1"}\n'
    ended = subprocess.run(
        [sys.executable, "-m", "strongroom.scrub.child"], input=line, capture_output=True, cwd=tmp_path, check=False
    )
    assert ended.returncode == 0
    assert b"tpu" in ended.stdout
    assert LOOK in line.decode()
