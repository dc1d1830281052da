"""Files in memory that nobody can change, and what is told of swap, core files and locked pages."""

import fcntl
import mmap
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import sealed_rig as r

from strongroom.model.errors import Malformed, Unreadable
from strongroom.seal import memory, protection, sealing
from strongroom.seal.windows import Window

HELD = r.chance(20 * r.INSIDE + 11)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed file, which nobody changes."""
    return r.sealed_at(tmp_path_factory.mktemp("memory") / "s", {"empty": b"", "m.bin": HELD})


def open_now() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("threads", [None, 2])
def test_a_file_in_memory_is_what_was_sealed(artifact: Path, threads: int | None) -> None:
    """It can be opened by its path and mapped; no write, no other length, no mapping to write to, no seal less."""
    work = sealing.work(r.SEGMENT, threads) if threads else None
    with r.opened(artifact) as found:
        made = memory.loaded(found.payload(found.entry("m.bin")), work)
    if work:
        work.close()
    try:
        path = Path(f"/proc/self/fd/{made}")
        assert path.read_bytes() == HELD
        with path.open("rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as pages:
            assert pages[:] == HELD
        assert fcntl.fcntl(made, fcntl.F_GET_SEALS) == memory.SEALS
        for change in (lambda: os.pwrite(made, b"x", 0), lambda: os.ftruncate(made, 5), lambda: mmap.mmap(made, 0)):
            with pytest.raises(PermissionError):
                change()
    finally:
        os.close(made)


def test_an_empty_file_in_memory(artifact: Path) -> None:
    """It is there, and empty."""
    with r.opened(artifact) as found:
        made = memory.loaded(found.payload(found.entry("empty")))
    assert os.fstat(made).st_size == 0
    os.close(made)


def test_damage_leaves_no_file_in_memory(tmp_path: Path) -> None:
    """A changed segment is told, and the descriptor is closed."""
    at = r.sealed_at(tmp_path / "s", {"m.bin": HELD})
    path = at / "payload/000000.floe"
    octets = bytearray(path.read_bytes())
    octets[74 + 2 * r.SEGMENT + 99] ^= 1
    path.write_bytes(octets)
    with r.opened(at) as found:
        held = found.payload(found.entry("m.bin"))
        before = open_now()
        with pytest.raises(Malformed, match="segment 2"):
            memory.loaded(held)
        assert open_now() == before


def test_no_memory_is_told(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no room, nothing is left."""

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with r.opened(artifact) as found:
        held = found.payload(found.entry("m.bin"))
        before = open_now()
        with pytest.raises(Unreadable, match="no space left"):
            memory.loaded(held)
        assert open_now() == before


def test_a_window_opens_each_segment_once(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small reads of one segment are one opening; what is kept is zeros when it is closed."""
    with r.opened(artifact) as found:
        held = found.payload(found.entry("m.bin"))
        opened: list[int] = []
        real = held.read_into
        monkeypatch.setattr(held, "read_into", lambda at, out, work=None: (opened.append(at), real(at, out, work)))
        window = Window(held, kept=2)
        for at in range(0, 3 * r.INSIDE, 1000):
            assert window.at(at, 1000) == HELD[at : at + 1000]
        assert opened == [0, r.INSIDE, 2 * r.INSIDE, 3 * r.INSIDE]
        kept = list(window._held.values())
        window.close()
        assert all(bytes(k) == bytes(len(k)) for k in kept)
        with pytest.raises(ValueError, match="closed"):
            window.at(0, 1)


# What the system promises


def tree(root: Path, swaps: str | None, pattern: str = "core") -> tuple[Path, Path]:
    """A /proc and a /sys."""
    (root / "proc/sys/kernel").mkdir(parents=True)
    (root / "sys/class/block").mkdir(parents=True)
    (root / "proc/sys/kernel/core_pattern").write_text(pattern + "\n")
    if swaps is not None:
        (root / "proc/swaps").write_text("Filename\tType\tSize\tUsed\tPriority\n" + swaps)
    return root / "proc", root / "sys"


def device(root: Path, name: str, uuid: str = "", below: tuple[str, ...] = (), backing: str | None = None) -> None:
    """A block device."""
    at = root / "sys/class/block" / name
    (at / "slaves").mkdir(parents=True)
    if uuid:
        (at / "dm").mkdir()
        (at / "dm/uuid").write_text(uuid)
    for b in below:
        (at / "slaves" / b).symlink_to(root / "sys/class/block" / b)
    if backing is not None:
        (at / "backing_dev").write_text(backing + "\n")


SWAPS = {
    "none": ("", True, "no swap"),
    "a disk": ("/dev/sda2 partition 1 0 -2\n", False, "/dev/sda2, which is not encrypted"),
    "an encrypted one": ("/dev/dm-1 partition 1 0 -2\n", True, "/dev/dm-1, encrypted"),
    "a volume on an encrypted disk": ("/dev/dm-2 partition 1 0 -2\n", True, "encrypted"),
    "a volume on two, one in clear": ("/dev/dm-3 partition 1 0 -2\n", False, "not encrypted"),
    "two, one in clear": ("/dev/dm-1 partition 1 0 -2\n/dev/sda2 partition 1 0 -3\n", False, "/dev/sda2"),
    "in memory": ("/dev/zram0 partition 1 0 -2\n", True, "lies in memory"),
    "in memory and on a disk": ("/dev/zram1 partition 1 0 -2\n", False, "/dev/sda2"),
    "a file": ("/swap\\040file file 1 0 -2\n", None, "/swap file, a file"),
    "a device that is not shown": ("/dev/vdb partition 1 0 -2\n", None, "could not be seen"),
    "no table": (None, None, "no /proc/swaps"),
}


@pytest.mark.parametrize("name", SWAPS)
def test_swap_is_told_as_it_is(tmp_path: Path, name: str) -> None:
    """Only swap that is encrypted to the last disk, or in memory, holds; what cannot be seen does not."""
    text, holds, said = SWAPS[name]
    proc, below = tree(tmp_path, text)
    device(tmp_path, "sda2")
    device(tmp_path, "dm-1", "CRYPT-PLAIN-swap", ("sda2",))
    device(tmp_path, "dm-2", "LVM-x", ("dm-1",))
    device(tmp_path, "dm-3", "LVM-y", ("dm-1", "sda2"))
    device(tmp_path, "zram0", backing="none")
    device(tmp_path, "zram1", backing="/dev/sda2")
    found = protection.swap(proc, below)
    assert found.holds is holds
    assert said in found.found
    state = protection.look(0, proc, below)
    assert (found.found in state.troubles) is (not holds)
    assert state.point("swap") == found


def test_a_core_pattern_with_a_program_heeds_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of 0 holds for files, and not for a program that gets the core."""
    monkeypatch.setattr(memory, "dumpable", lambda: True)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (0, 0))
    assert protection.core(tree(tmp_path / "a", "")[0]).holds is True
    assert protection.core(tree(tmp_path / "b", "", "|/usr/bin/collect %p")[0]).holds is False
    assert protection.core(tmp_path / "none").holds is None
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1, 1))
    assert protection.core(tree(tmp_path / "c", "")[0]).holds is False


def test_memory_that_may_not_be_locked_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the limit does not hold, unless the process is above limits."""
    monkeypatch.setattr(protection, "_unbounded", lambda: False)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4096, 4096))
    assert protection.locked(4096).holds is True
    found = protection.locked(4097)
    assert found.holds is False
    assert "4096 octets" in found.found


def test_a_protected_process_says_so() -> None:
    """Once it is protected, a process is not dumpable, and both points hold."""
    script = (
        "from strongroom.seal import memory, protection; assert not protection.looked_into().holds;"
        "assert memory.protect() == (); s = protection.look();"
        "assert s.point('dumpable').holds and s.point('core-files').holds"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
