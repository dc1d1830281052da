"""A log on a disk that is full, for real: at the limit of a file's size, and on a small disk where one can be mounted."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from log_claims import Told, check, told_by

FULL_DISK = """
import json, os, resource, signal, sys
from pathlib import Path
from log_steps import Steps, create

def say(said, **what):
    os.write(1, json.dumps({"said": said, **what}).encode() + b"\\n")

folder, limit = Path(sys.argv[1]), int(sys.argv[2])
create(say, folder)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
run = Steps(say, folder)
for number in range(int(sys.argv[3])):
    run.step(number)
say("full")
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
else:
    Path(sys.argv[4]).unlink()
run.step(100)
"""


def fill(folder: Path, limit: int, count: int, ballast: Path | None = None) -> list[dict[str, object]]:
    """What a process says that writes until nothing more fits, and once more when there is room again."""
    words = [str(folder), str(limit), str(count), *([str(ballast)] if ballast else [])]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *words],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]


def hold_full(folder: Path, said: list[dict[str, object]], words: str) -> None:
    """Something failed with these words, something else went well before or after, and the log is whole."""
    told = Told()
    told_by(said, told)
    words_of = {str(line["message"]) for line in said if line["said"] == "failed"}
    assert any(words in message for message in words_of)
    assert all(line["error"] == "LogUnavailable" for line in said if line["said"] == "failed")
    full = [line["said"] for line in said].index("full")
    assert "failed" not in [line["said"] for line in said[full:]]
    assert {"kept", "appended"} <= {str(line["said"]) for line in said[full:]}
    check(folder, told)


@pytest.mark.parametrize("limit", [700, 3000, 10_000, 40_000])
def test_a_file_may_not_grow_any_more(tmp_path: Path, limit: int) -> None:
    """At the limit of a file's size appends fail with the reason, and the log goes on once there is room."""
    said = fill(tmp_path / "log", limit, 60 if limit == 40_000 else 12)
    hold_full(tmp_path / "log", said, "file too large")


def test_a_full_disk(tmp_path: Path) -> None:
    """On a disk of half a mebibyte appends fail when it is full, and the log goes on once there is room."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("a small disk can only be mounted by root")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=512k", "tmpfs", place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.decode().strip()}")
    try:
        (place / "ballast").write_bytes(bytes(200_000))
        hold_full(place / "log", fill(place / "log", 0, 60, place / "ballast"), "no space left on device")
    finally:
        subprocess.run(["umount", place], check=True)
