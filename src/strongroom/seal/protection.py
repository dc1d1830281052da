"""What keeps plaintext in memory from being found elsewhere: swap, core files, locked pages. Each is looked at and told."""

import errno
import resource
from dataclasses import dataclass
from pathlib import Path

from strongroom.seal import memory

_DEEP = 8  # devices below devices
_ENCRYPTED = "CRYPT-"  # dm/uuid of dm-crypt: include/uapi/linux/dm-ioctl.h and cryptsetup's dm_prepare_uuid


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that was looked at: whether it holds, or None where it could not be seen; and what was found."""

    name: str
    holds: bool | None
    found: str


@dataclass(frozen=True, slots=True)
class State:
    """All that was looked at. It is sound only if every point holds."""

    points: tuple[Point, ...]

    @property
    def sound(self) -> bool:
        """Whether all of it holds."""
        return all(p.holds for p in self.points)

    def point(self, name: str) -> Point:
        """One of them. Raises KeyError."""
        return {p.name: p for p in self.points}[name]

    @property
    def troubles(self) -> tuple[str, ...]:
        """What does not hold, and what could not be looked at, in words."""
        return tuple(p.found for p in self.points if not p.holds)


def look(wanted: int = 0, proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> State:
    """What holds now, for so many octets of plaintext."""
    return State((swap(proc, sys), core(proc), looked_into(), locked(wanted)))


def swap(proc: Path, sys: Path) -> Point:
    """That memory cannot be written to a disk in clear: no swap, or swap that is encrypted or lies in memory itself."""
    try:
        lines = (proc / "swaps").read_text("utf-8", "replace").splitlines()[1:]
    except FileNotFoundError:
        return Point("swap", None, "whether there is swap could not be seen: no /proc/swaps")
    except OSError as e:
        return Point("swap", None, f"whether there is swap could not be seen: {_why(e)}")
    rows = [line.split() for line in lines if line.strip()]
    said = [_kept(words[0], words[1] if len(words) > 1 else "", sys) for words in rows]
    if not said:
        return Point("swap", holds=True, found="no swap")
    holds = False if any(h is False for h, _ in said) else None if any(h is None for h, _ in said) else True
    return Point("swap", holds, "; ".join(text for h, text in said if holds or not h))


def _kept(path: str, kind: str, sys: Path) -> tuple[bool | None, str]:
    """Whether one swap keeps what is in it from a disk in clear."""
    shown = path.replace("\\040", " ")
    if kind != "partition":
        return None, f"swap in {shown}, a file: whether its disk is encrypted was not looked at"
    device = sys / "class/block" / Path(path).name
    if not device.exists():
        return None, f"swap on {shown}: whether it is encrypted could not be seen: no {device}"
    if Path(path).name.startswith("zram"):
        return _compressed(shown, device)
    found = _encrypted(device, _DEEP)
    return found, f"swap on {shown}, {'encrypted' if found else 'which is not encrypted'}"


def _compressed(shown: str, device: Path) -> tuple[bool | None, str]:
    """A zram device lies in memory, unless it has a disk for what does not compress (Documentation/admin-guide/blockdev/zram)."""
    try:
        backing = (device / "backing_dev").read_text().strip()
    except FileNotFoundError:
        backing = "none"  # a kernel that was built without write-back
    except OSError as e:
        return None, f"swap on {shown}: whether it writes to a disk could not be seen: {_why(e)}"
    if backing == "none":
        return True, f"swap on {shown}, which lies in memory"
    return False, f"swap on {shown}, which writes to {backing}"


def _encrypted(device: Path, deep: int) -> bool:
    """Whether a block device is dm-crypt, or lies on nothing but such: a logical volume on an encrypted disk."""
    try:
        if (device / "dm/uuid").read_text().startswith(_ENCRYPTED):
            return True
    except OSError:
        return False  # no device of the mapper
    try:
        below = sorted((device / "slaves").iterdir())
    except OSError:
        return False
    return deep > 0 and bool(below) and all(_encrypted(b, deep - 1) for b in below)


def core(proc: Path) -> Point:
    """That no core file of this process is written: none at all, or a limit of 0 where the kernel heeds it."""
    if not memory.dumpable():
        return Point("core-files", holds=True, found="no core files: this process is not dumpable")
    limit = resource.getrlimit(resource.RLIMIT_CORE)[0]
    try:
        pattern = (proc / "sys/kernel/core_pattern").read_text().strip()
    except OSError as e:
        return Point("core-files", None, f"where core files go could not be seen: {_why(e)}")
    if pattern.startswith("|"):  # core(5): a limit of 0 does not keep a program from getting it
        return Point("core-files", holds=False, found="core files are handed to a program, whatever their limit is")
    if limit:
        return Point("core-files", holds=False, found="core files are on: their limit is not 0")
    return Point("core-files", holds=True, found="no core files: their limit is 0")


def looked_into() -> Point:
    """That no other process of this user may read this one's memory."""
    if memory.dumpable():
        return Point("dumpable", holds=False, found="other processes of this user may read this one's memory")
    return Point("dumpable", holds=True, found="only root may read this process's memory")


def locked(wanted: int) -> Point:
    """That so many octets may be locked into memory."""
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit == resource.RLIM_INFINITY or _unbounded():
        return Point("locked", holds=True, found="any memory may be locked")
    if wanted <= limit:
        return Point("locked", holds=True, found=f"{limit} octets of memory may be locked")
    return Point("locked", holds=False, found=f"only {limit} octets of memory may be locked, of {wanted} (ulimit -l)")


def _unbounded() -> bool:
    """Whether the limit does not bind this process: CAP_IPC_LOCK (mlock(2))."""
    try:
        words = Path("/proc/self/status").read_text().split()
    except OSError:
        return False
    held = int(words[words.index("CapEff:") + 1], 16) if "CapEff:" in words else 0
    return bool(held >> 14 & 1)  # CAP_IPC_LOCK = 14, capability.h


def _why(error: OSError) -> str:
    return (errno.errorcode.get(error.errno or 0, "") + " " + (error.strerror or "an error").lower()).strip()
