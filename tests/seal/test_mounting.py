"""A sealed artifact as a folder: what can be read, what cannot be done, and how it ends."""

import errno
import mmap
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sealing_case as s
from sealing_case import Case, contents

from strongroom.kit import sealed
from strongroom.model.errors import Unreadable
from strongroom.seal import mounting

WEIGHTS = "weights/a.safetensors"


def _why_not() -> str:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "no /dev/fuse that this user may open"
    if not shutil.which("fusermount3"):
        return "no fusermount3"
    try:
        mounting._fuse()
    except Exception as e:  # noqa: BLE001 - whatever is missing is the reason
        return str(e)
    return ""


pytestmark = pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "there is FUSE")


@dataclass
class Mounted:
    """A mounted artifact, and the process that shows it."""

    case: Case
    at: Path
    process: "subprocess.Popen[str]"

    def end(self) -> tuple[int, str]:
        """Tell it to end; its exit code, and what it said."""
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=30)[1]
        return self.process.returncode, said


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mounted]:
    """A model that `seal mount` shows."""
    case = Case(tmp_path)
    (case.model / "empty" / "folder").mkdir(parents=True)
    case.create()
    at = tmp_path / "mount"
    at.mkdir()
    words = ("seal", "mount", str(case.target), str(at), "--identity", case.id_of())
    run = [sys.executable, "-m", "strongroom", *words]
    process = subprocess.Popen(run, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:  # ends where the process does
        if "mounted at" in line:
            break
    try:
        yield Mounted(case, at, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        subprocess.run(["fusermount3", "-uzq", str(at)], check=False)


def test_everything_is_there_and_can_only_be_read(mounted: Mounted) -> None:
    """Files and folders as they were sealed; nothing can be written, made or removed."""
    assert contents(mounted.at) == contents(mounted.case.model)
    assert (mounted.at / "empty/folder").is_dir()
    for change in (
        lambda: (mounted.at / "new").write_bytes(b"x"),
        lambda: (mounted.at / "config.json").write_bytes(b"x"),
        (mounted.at / "config.json").unlink,
        (mounted.at / "folder").mkdir,
    ):
        with pytest.raises(OSError, match="Read-only") as told:
            change()
        assert told.value.errno == errno.EROFS
    with pytest.raises(FileNotFoundError):
        (mounted.at / "nothing").read_bytes()


def test_a_file_can_be_mapped_and_read_by_many(mounted: Mounted) -> None:
    """What loads models maps them, and reads from several threads."""
    wanted = s.FILES[WEIGHTS]
    with (mounted.at / WEIGHTS).open("rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        assert pages[1_000_000:1_000_100] == wanted[1_000_000:1_000_100]
    found: list[bool] = []

    def read(start: int) -> None:
        with (mounted.at / WEIGHTS).open("rb") as f:
            f.seek(start)
            found.append(f.read(300_000) == wanted[start : start + 300_000])

    threads = [threading.Thread(target=read, args=(n * 200_001,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [True] * 8


def test_it_ends_without_a_trace(mounted: Mounted) -> None:
    """Ctrl-C unmounts it, and is no error."""
    code, _ = mounted.end()
    assert code == 0
    assert list(mounted.at.iterdir()) == []


def test_damage_is_an_error_of_reading(mounted: Mounted) -> None:
    """A segment that was changed gives EIO, and a line that says why; what is sound can still be read."""
    number = sorted(s.FILES).index(WEIGHTS)
    payload = mounted.case.target / sealed.payload_file(number)
    octets = bytearray(payload.read_bytes())
    octets[500] ^= 1  # in the first segment
    payload.write_bytes(octets)
    with pytest.raises(OSError, match="Input/output") as told:
        (mounted.at / WEIGHTS).read_bytes()
    assert told.value.errno == errno.EIO
    assert (mounted.at / "config.json").read_bytes() == s.FILES["config.json"]
    _, said = mounted.end()
    assert "segment 0" in said


def test_a_place_with_something_in_it_is_refused(mounted: Mounted) -> None:
    """What lies there would be hidden."""
    with pytest.raises(Unreadable, match="empty"):
        mounting._empty(mounted.case.folder)
    with pytest.raises(Unreadable):
        mounting._empty(mounted.case.folder / "nothing")
