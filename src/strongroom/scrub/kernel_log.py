"""The kernel's log: errors that drivers of GPUs wrote into it, and which boot it is of.

Each record of /dev/kmsg begins with its priority, its number in this boot, its time, and a semicolon (dev-kmsg, Linux ABI).
NVIDIA's driver writes `NVRM: Xid (PCI:0000:3b:00): 79, …`, amdgpu `amdgpu 0000:83:00.0: amdgpu: GPU reset begin!`.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from strongroom.model.errors import GpuError
from strongroom.model.handover import Mark, Xid

KMSG = Path("/dev/kmsg")
BOOT = Path("/proc/sys/kernel/random/boot_id")
_XID = re.compile(r"NVRM: Xid \(PCI:([0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2})[^)]*\): (\d{1,4})")
_AMD = re.compile(r"amdgpu ([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2})\.\d: amdgpu: GPU (?:reset begin|recovery)")
_RECORD = 8192  # octets: the kernel gives one record a read, and none is longer
_MOST = 1 << 20  # records
_AMD_RESET = 0  # amdgpu numbers nothing; a reset by the driver is its word for a hang


def boot(path: Path = BOOT) -> str:
    """Which boot this is. Raises GpuError."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise GpuError(str(path), "cannot be read", "the boot's own id") from None


class Read(NamedTuple):
    """The errors that were found, a mark after all that was read, and which records nobody can read any more."""

    xids: tuple[Xid, ...]
    mark: Mark
    lost: str = ""


def since(mark: Mark, boot_id: str, path: Path = KMSG) -> Read:
    """The errors after a mark; those of all this boot where the mark is of another. Raises GpuError: it cannot be read."""
    after = mark.sequence if mark.boot == boot_id else -1
    found, last, lost = [], after, ""
    for text in _records(path):
        head, _, line = text.partition(";")
        fields = head.split(",")
        if len(fields) < 2 or not fields[1].isdigit():
            continue
        number = int(fields[1])
        if not lost and after >= 0 and number > last + 1 and last == after:
            lost = f"records {after + 1} to {number - 1} of the kernel's log are overwritten"
        if number > after and (error := _error(line.split("\n", 1)[0], number)) is not None:
            found.append(error)
        last = max(last, number)
    return Read(tuple(found), Mark(boot_id, last), lost)


def _error(line: str, number: int) -> Xid | None:
    if m := _XID.search(line):
        return Xid(m[1].lower()[-10:], int(m[2]), line[:200], number)
    if m := _AMD.search(line):
        return Xid(m[1], _AMD_RESET, line[:200], number)
    return None


def _records(path: Path) -> list[str]:
    """Every record that is there now. A file that is none of the kernel's has a record on each line."""
    found: list[str] = []
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as e:
        raise GpuError(str(path), (e.strerror or "an error").lower(), "the kernel's log, as root") from None
    try:
        if not path.is_char_device():
            with os.fdopen(os.dup(descriptor), encoding="utf-8", errors="replace") as file:
                return file.read(_MOST * 64).splitlines()
        while len(found) < _MOST:
            try:
                data = os.read(descriptor, _RECORD)
            except BlockingIOError:
                break  # no more for now
            except BrokenPipeError:
                continue  # a record was overwritten before it was read: the next read goes on after it
            if not data:
                break
            found.append(data.decode("utf-8", "replace"))
    except OSError as e:
        raise GpuError(str(path), (e.strerror or "an error").lower(), "the kernel's log, as root") from None
    finally:
        os.close(descriptor)
    return found
