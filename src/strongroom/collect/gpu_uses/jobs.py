"""The jobs of Slurm on a node, and the GPUs that each got, by `scontrol show job -d` (scontrol(1))."""

import re
from typing import NamedTuple

_FIELD = re.compile(r"(?:^|\s)([A-Za-z/_:]+)=(\S*)")
_LIST = re.compile(r"([A-Za-z0-9_.-]*)\[([0-9,-]{1,4000})\]|([A-Za-z0-9_.-]+)")
_GRES = re.compile(r"gpu(?::[A-Za-z0-9_.-]+)?(?::\d+)?\(IDX:([0-9,N/A-]{0,400})\)")
_RUNS = frozenset({"RUNNING", "SUSPENDED", "COMPLETING", "STOPPED", "CONFIGURING"})
_MOST = 4096  # indices


class Job(NamedTuple):
    """A job that has something, whose it is, and its GPUs by node, as numbers of device files."""

    id: str
    account: str
    qos: str
    user: str
    gpus: dict[str, tuple[int, ...]]


def read(text: str) -> tuple[Job, ...]:
    """The jobs that hold something now."""
    return tuple(job for part in re.split(r"\n\s*\n", text) if (job := _job(part)) is not None)


def _job(part: str) -> Job | None:
    fields: dict[str, str] = {}
    gpus: dict[str, tuple[int, ...]] = {}
    for line in part.splitlines():
        found = dict(_FIELD.findall(line))
        # A name or a comment is the user's, on a line of its own: what is told first, by Slurm, counts.
        fields |= {k: v for k, v in found.items() if k not in fields}
        if "CPU_IDs" in found and "Nodes" in found and line.strip().startswith("Nodes="):
            indices = tuple(n for m in _GRES.finditer(found.get("GRES", "")) for n in numbers(m[1]))
            for node in nodes(found["Nodes"]):
                gpus[node] = (*gpus.get(node, ()), *indices)
    id_, state = fields.get("JobId", ""), fields.get("JobState", "").split("+")[0]
    if not id_.isdigit() or state not in _RUNS:
        return None
    user = fields.get("UserId", "").partition("(")[0]
    return Job(id_, _said(fields.get("Account")), _said(fields.get("QOS")), user, gpus)


def _said(text: str | None) -> str:
    return "" if text in (None, "(null)", "N/A") else str(text)


def numbers(text: str) -> tuple[int, ...]:
    """The numbers of a list such as `0-3,7`; nothing for what is none."""
    found: list[int] = []
    for part in text.split(","):
        low, _, high = part.partition("-")
        if low.isdigit() and (high.isdigit() or not high):
            found += range(int(low), min(int(high or low), int(low) + _MOST) + 1)
    return tuple(found[:_MOST])


def nodes(text: str) -> tuple[str, ...]:
    """The names of a list of hosts such as `n[1-3,07],login`."""
    found: list[str] = []
    for match in _LIST.finditer(text):
        if match[3]:
            found.append(match[3])
            continue
        for part in match[2].split(","):
            width = len(part.partition("-")[0])
            found += [f"{match[1]}{n:0{width}d}" for n in numbers(part)]
    return tuple(found[:_MOST])
