"""Where a file lies: on which file system, and whether that is a place for weights."""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SHARED = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "cephfs", "glusterfs", "fuse.glusterfs",
    "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.mount-s3", "fuse.juicefs", "fuse.blobfuse2", "wekafs", "9p",
    "virtiofs", "afs", "orangefs", "ocfs2", "gfs2", "vastnfs", "fuse.goofys", "fuse.sshfs", "daos", "fuse.dfuse",
})  # fmt: skip
"""File systems that other machines see as well."""

_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm", "/usr/tmp", "/run/user")  # noqa: S108 - the places that are looked for
_HOMES = ("/home", "/root", "/Users", "/export/home")
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mounts:
    """Mount points with their file systems, longest first; empty where they cannot be asked."""

    points: tuple[tuple[str, str], ...]

    @classmethod
    def here(cls, table: Path = Path("/proc/self/mountinfo")) -> "Mounts":
        """Those of this process (proc(5), /proc/pid/mountinfo)."""
        try:
            text = table.read_text("utf-8", "surrogateescape")
        except OSError:
            return cls(())
        points = []
        for line in text.splitlines():
            left, dash, right = line.partition(" - ")
            words = left.split(" ")
            if dash and len(words) > 4:
                points.append((_ESCAPE.sub(lambda m: chr(int(m[1], 8)), words[4]), right.split(" ")[0]))
        # Of two mounts on one point, the later hides the earlier.
        return cls(tuple(sorted(dict(points).items(), key=lambda p: -len(p[0]))))

    def of(self, path: str) -> str | None:
        """The type of the file system of an absolute path; None where it is not known."""
        for point, kind in self.points:
            if path == point or path.startswith(point.rstrip("/") + "/"):
                return kind
        return None


def speaks_against(path: str, system: str | None, homes: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What speaks against a place for weights: `temporary`, `home`, `shared`."""
    found = []
    if _below(path, (*_TEMPORARY, *_named_temporary())):
        found.append("temporary")
    if _below(path, (*_HOMES, *homes)):
        found.append("home")
    if system in SHARED:
        found.append("shared")
    return tuple(found)


def _named_temporary() -> tuple[str, ...]:
    """The folder that this process would use for temporary files, where it is told of one."""
    named = os.getenv("TMPDIR")
    return (os.path.realpath(named),) if named else ()


def _below(path: str, folders: tuple[str, ...]) -> bool:
    here = PurePosixPath(path)
    return any(here.is_relative_to(folder) and str(here) != folder for folder in folders)
