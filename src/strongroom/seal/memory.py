"""Memory that plaintext may lie in: files in memory that nobody can change, locked pages, and what the system does not promise.

Nothing here pretends: what the system refused is told, and so is what could not be looked at.
"""

import contextlib
import ctypes
import fcntl
import mmap
import os
import resource
from collections.abc import Callable
from pathlib import Path

from strongroom.model.errors import Unreadable
from strongroom.seal import buffers
from strongroom.seal.sealing import Work
from strongroom.seal.windows import Readable

MOUNTS = "/proc/self/mountinfo"
IN_MEMORY = frozenset({"tmpfs", "ramfs", "hugetlbfs"})
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4  # prctl(2)
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_C = ctypes.CDLL(None, use_errno=True)
_MEMFD_HINT = "read the file through a mount, or tensor by tensor"


def lock(pages: mmap.mmap) -> bool:
    """Ask that pages stay out of swap (mlock(2)); whether the system agreed. RLIMIT_MEMLOCK is what it allows."""
    at = ctypes.c_char.from_buffer(pages)
    try:
        return bool(_C.mlock(ctypes.c_void_p(ctypes.addressof(at)), ctypes.c_size_t(len(pages))) == 0)
    finally:
        del at  # it holds the pages, which could not be let go of


def protect() -> tuple[str, ...]:
    """Let this process leave no core file, and let no other of its user look into it; what could not be done, in words.

    The limit of core files is handed on to whatever the process starts; the other is undone by exec (prctl(2)).
    """
    troubles = []
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as e:
        troubles.append(f"core files are not off: {e}")
    if _C.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        troubles.append(f"this process may be looked into: {os.strerror(ctypes.get_errno()).lower()}")
    return tuple(troubles)


def dumpable() -> bool:
    """Whether this process may leave a core file and be looked into by others of its user."""
    return bool(_C.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)


def sealed_file(name: str, fill: Callable[[int], object]) -> int:
    """A file in memory without a name that nobody can change any more, once `fill` has written it: its descriptor.

    It stands at its beginning, is closed by exec unless that is changed, and is the caller's to close. Raises Unreadable
    where the system has no such files; whatever `fill` raises.
    """
    try:
        made = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)  # memfd_create(2)
    except OSError as e:
        raise Unreadable("memfd", (e.strerror or "an error").lower(), "Linux 3.17 or later") from None
    with contextlib.ExitStack() as undone:
        undone.callback(os.close, made)
        fill(made)
        os.fchmod(made, 0o400)
        fcntl.fcntl(made, fcntl.F_ADD_SEALS, SEALS)
        os.lseek(made, 0, os.SEEK_SET)
        undone.pop_all()
    return made


def loaded(held: Readable, work: Work | None = None, name: str = "strongroom") -> int:
    """A file as a sealed file in memory: `/proc/self/fd/N` is a path that any program of this process can open and map.

    It is opened straight into the pages of that file. Those may be swapped out: see `protection.look`. Raises Malformed
    for what is not as it was sealed, and Unreadable: there is then no such file.
    """

    def fill(descriptor: int) -> None:
        try:
            os.posix_fallocate(descriptor, 0, max(held.size, 1))  # a full tmpfs is an error here, and SIGBUS later
            os.ftruncate(descriptor, held.size)
        except OSError as e:
            raise Unreadable(held.name, (e.strerror or "an error").lower(), "room in memory", _MEMFD_HINT) from None
        if not held.size:
            return
        pages = mmap.mmap(descriptor, held.size, mmap.MAP_SHARED)
        view = memoryview(pages)
        try:
            with contextlib.ExitStack() as undone:
                undone.callback(buffers.wipe, view)
                held.read_into(0, view, work)
                undone.pop_all()
        finally:
            view.release()
            with contextlib.suppress(BufferError):  # an error that is still being told has a part of it: zeros
                pages.close()  # nothing can be sealed while it can be written to

    return sealed_file(name, fill)


def kinds(device: int, mounts: str = MOUNTS) -> frozenset[str]:
    """The file systems that are mounted from a device number; none where that cannot be found out."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = Path(mounts).read_text("utf-8", "replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(  # proc(5): "36 35 98:0 / /mnt rw - ext4 /dev/root rw"
        after.split()[0]
        for before, dash, after in (line.partition(" - ") for line in lines)
        if dash and after.split() and before.split()[2:3] == [wanted]
    )


def in_memory(device: int, mounts: str = MOUNTS) -> bool:
    """Whether the file system of a device number lies in memory; what cannot be found out counts as a disk."""
    found = kinds(device, mounts)
    return bool(found) and found <= IN_MEMORY
