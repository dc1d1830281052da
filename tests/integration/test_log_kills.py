"""A log whose writers are killed: two processes with threads append, publish and erase, and end by `kill -9`, often."""

import itertools
import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from log_claims import KEY, Told, check, told_by

from strongroom.ledger.files import FileStorage
from strongroom.ledger.sequencer import empty_checkpoint

pytestmark = pytest.mark.integration

DRIVER = Path(__file__).with_name("log_driver.py")
KILLS = 50
THREADS = 3
LONGEST = 0.2  # seconds of load
REMEMBERED = 40  # disclosures of earlier rounds that are looked for again


def load(folder: Path, number: int, process: int) -> tuple["subprocess.Popen[bytes]", Path, Path]:
    """A process that writes until it is killed, and where its words go."""
    said, errors = (folder.parent / f"{number}-{process}.{kind}" for kind in ("said", "errors"))
    words = [sys.executable, str(DRIVER), "load", str(folder), str(number * 2 + process), str(THREADS)]
    with said.open("wb") as out, errors.open("wb") as err:
        return subprocess.Popen(words, stdout=out, stderr=err, env={"PYTHONPATH": ":".join(sys.path)}), said, errors


def killed(folder: Path, number: int, chance: random.Random) -> list[dict[str, object]]:
    """What two processes have said by the time that they were killed, one after the other."""
    running = [load(folder, number, process) for process in range(2)]
    while any(said.stat().st_size == 0 for _, said, _ in running):
        assert all(process.poll() is None for process, _, _ in running), [e.read_text() for _, _, e in running]
        time.sleep(0.001)
    for process, _, _ in chance.sample(running, 2):
        time.sleep(chance.uniform(0, LONGEST) / 2)
        process.kill()
    found: list[dict[str, object]] = []
    for process, said, errors in running:
        assert process.wait() == -9, errors.read_text()
        assert errors.read_bytes() == b""
        # A line is one write, so it is there or not; only a kill within that write cuts the last one.
        *whole, _rest = said.read_bytes().split(b"\n")
        found += [json.loads(line) for line in whole]
    return found


def test_writers_are_killed_at_random(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After each of 50 kills under load every acknowledgement of all rounds so far holds, and the log goes on."""
    folder, told, chance = tmp_path / "log", Told(), random.Random(1)
    FileStorage(folder).create(b"{}", empty_checkpoint(KEY))
    said: Counter[str] = Counter()
    repaired: list[str] = []
    for number in range(KILLS):
        lines = killed(folder, number, chance)
        said += Counter(str(line["said"]) for line in lines)
        told_by(lines, told)
        repaired += check(folder, told)
        kept = list(itertools.islice(reversed(told.kept.items()), REMEMBERED))
        told.kept = dict(chance.sample(kept, len(kept) // 2))
        told.erasing &= told.kept.keys()
    assert said["appended"] > KILLS
    assert said["published"] > KILLS
    with capsys.disabled():
        sys.stdout.write(
            f"\n{KILLS} kills of two processes: {dict(said)}; repairs: {Counter(map(sort_of, repaired))}\n"
        )


def sort_of(repair: str) -> str:
    """What kind of repair it was."""
    for words in ("never acknowledged", "begun", "removed", "made again"):
        if words in repair:
            return words
    return repair
