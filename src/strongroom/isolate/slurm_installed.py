"""What a Slurm cluster's configuration lacks to hold the rule: who is asked on submission, at the start, and what a job sees."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

_FACTS = re.compile(r'^local facts = dofile\("[^"\\]{1,200}"\)$')


class Files(NamedTuple):
    """The files of a cluster by name, and how a value of one is read."""

    texts: Mapping[str, str]
    value: Callable[[str, str], str]

    def said(self, key: str, file: str = "slurm.conf") -> str:
        """What a file says of a key."""
        return self.value(self.texts.get(file, ""), key)

    def words(self, key: str) -> set[str]:
        """A list of it."""
        return {w.strip().lower() for w in self.said(key).split(",") if w.strip()}


def lacks(files: Files, wanted: Mapping[str, str]) -> Iterator[str]:
    """What is missing; `wanted` are the files that the rule is rendered to (slurm.conf(5), cgroup.conf(5))."""
    if "lua" not in files.words("JobSubmitPlugins"):
        yield "slurm.conf: JobSubmitPlugins without lua, so that nobody is asked when a job is sent or changed"
    elif "job_submit.lua" not in files.texts:
        yield "job_submit.lua is not there"
    elif _bare(files.texts["job_submit.lua"]) != _bare(wanted["job_submit.lua"]):
        yield "job_submit.lua is not as the rule is rendered"
    if "task/cgroup" not in files.words("TaskPlugin"):
        yield "slurm.conf: TaskPlugin without task/cgroup, so that no device is kept from a job"
    if files.said("ProctrackType").lower() != "proctrack/cgroup":
        yield "slurm.conf: ProctrackType is not proctrack/cgroup, so that a process may leave its job"
    if files.said("ConstrainDevices", "cgroup.conf").lower() not in {"yes", "true"}:
        yield "cgroup.conf: ConstrainDevices is not yes, so that a job sees every GPU of its node"
    if not files.said("Prolog"):
        yield "slurm.conf: no Prolog, so that nobody is asked when a job starts"
    elif "prolog" not in files.texts:
        yield f"the prolog {files.said('Prolog')[:120]} is not there"
    elif "isolate start" not in "\n".join(
        x for x in files.texts["prolog"].splitlines() if not x.lstrip().startswith("#")
    ):
        yield "the prolog does not ask: it has no `strongroom isolate start`"
    elif "alloc" not in files.words("PrologFlags"):
        yield "slurm.conf: PrologFlags without Alloc, so that the prolog waits for the first step"


def _bare(text: str) -> tuple[str, ...]:
    """A script without what does not count; where its facts are is the cluster's own."""
    lines = (_FACTS.sub("facts", line.strip()) for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("--"))
