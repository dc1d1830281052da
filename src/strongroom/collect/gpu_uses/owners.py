"""Whose a process is, by its control group; and the pods of a node, by the names of the folders that the kubelet keeps.

A control group is set by who starts a container or a job, and root alone leaves it. Sources: cgroups(7); Kubernetes, the
kubelet's `cgroupDriver` of both kinds; Slurm, cgroup.conf(5), for its plugins of version 1 and 2.
"""

import re
from pathlib import Path
from typing import NamedTuple

_UID = r"[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32}"
_POD = re.compile(rf"/(?:[a-z0-9-]*kubepods[^/]*-)?pod({_UID})(?:\.slice)?(?=/|$)")
_JOB = re.compile(r"/(?:slurm[^/]*|slurmstepd\.scope|[^/]*_slurmstepd\.scope|uid_\d{1,10})/job_(\d{1,10})(?=/|$)")
_SERVICE = re.compile(r"^/system\.slice/(?:[^/]*\.slice/)*([A-Za-z0-9@:_.\\-]{1,200})\.service(?=/|$)")
_FOLDER = re.compile(rf"([a-z0-9-]{{1,63}})_([a-z0-9.-]{{1,253}})_({_UID})")
_MOST = 1 << 16  # octets of a list of groups
# What the drivers and their managers themselves run; another service of that kind is named by who measures.
SERVICES = frozenset({
    "nvidia-persistenced", "nvidia-fabricmanager", "nvidia-dcgm", "dcgm", "dcgm-exporter", "nvidia-imex", "nvidia-powerd",
})  # fmt: skip


class Owner(NamedTuple):
    """The uid of a pod, the number of a job, or the name of a service; all empty for nobody who is known."""

    pod: str = ""
    job: str = ""
    service: str = ""


def of_groups(text: str) -> Owner:
    """The owner by /proc/PID/cgroup.

    The outermost group counts: who is inside of a pod or a job may call groups of his own what he likes, and so may a user's
    own manager, below user.slice.
    """
    paths = [line.split(":", 2)[2] for line in text.splitlines() if line.count(":") >= 2]
    for path in paths:
        found = [(m, field) for pattern, field in ((_POD, "pod"), (_JOB, "job")) if (m := pattern.search(path))]
        if found and not path.startswith("/user.slice"):
            outer, field = min(found, key=lambda one: one[0].start())
            return Owner(**{field: uid(outer[1])})
    for path in paths:
        service = _SERVICE.match(path)
        if service:
            return Owner(service=service[1])
    return Owner()


def uid(text: str) -> str:
    """A pod's uid in one form: systemd writes underscores for hyphens."""
    return text.replace("_", "-")


def owner(root: Path, pid: int) -> Owner | None:
    """The owner of a process; None where that has ended, or may not be read."""
    try:
        with (root / "proc" / str(pid) / "cgroup").open("rb") as f:
            return of_groups(f.read(_MOST).decode("utf-8", "replace"))
    except OSError:
        return None


def pods(root: Path) -> dict[str, str]:
    """`namespace/name` by uid, as the kubelet names the folders of logs. Empty where there is no kubelet, or no right."""
    try:
        names = [p.name for p in (root / "var/log/pods").iterdir()]
    except OSError:
        return {}
    found = (_FOLDER.fullmatch(name) for name in names)
    return {uid(m[3]): f"{m[1]}/{m[2]}" for m in found if m}
