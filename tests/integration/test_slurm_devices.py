"""Devices of Slurm's jobs on a real kernel: kept from who did not get them, and told by the node as they are."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import slurm_lab
from slurm_lab import Lab

from strongroom.app.isolation import load_rule, render
from strongroom.app.isolation_uses import Asked, measure
from strongroom.app.log import now
from strongroom.isolate.uses import Job, Process
from strongroom.model.isolate import Rendering

pytestmark = pytest.mark.integration

_MORE = "ProctrackType=proctrack/cgroup\nTaskPlugin=task/cgroup\n"
_GROUPS = Path("/sys/fs/cgroup")
_TRY = """#!/bin/sh
for n in 0 1; do dd if=FOLDER/nvidia$n of=/dev/null count=1 2>&1 | head -n 1 | sed 's/.*: //'; done
"""
_LONG = "#!/bin/sh\necho $$ >FOLDER/work/pid\nexec sleep 300\n"
HELD, DENIED = (
    "No such device or address",
    "Operation not permitted",
)  # no driver answers; the kernel does not let it be asked
SMI = """<?xml version="1.0" ?>
<nvidia_smi_log>
 <gpu id="00000000:1A:00.0"><uuid>GPU-a</uuid><minor_number>0</minor_number>
  <mig_mode><current_mig>Disabled</current_mig></mig_mode><processes>{}</processes></gpu>
 <gpu id="00000000:1B:00.0"><uuid>GPU-b</uuid><minor_number>1</minor_number>
  <mig_mode><current_mig>Disabled</current_mig></mig_mode><processes></processes></gpu>
</nvidia_smi_log>
"""


def _files(folder: Path) -> dict[str, str]:
    """What the rule renders for devices; where control groups are, is the host's."""
    rendered = {d.name: d.text for d in render("slurm", Rendering(load_rule(None)))}
    here = f"CgroupPlugin=cgroup/v1\nCgroupMountpoint={_GROUPS}\n"
    return {
        "cgroup.conf": f"{here}{rendered['cgroup.conf']}",
        "try.sh": _TRY.replace("FOLDER", str(folder)),
        "long.sh": _LONG.replace("FOLDER", str(folder)),
    }


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A cluster that keeps devices apart; skips where the kernel has no controller of devices of version 1."""
    if not (_GROUPS / "devices").is_dir() or not os.access(_GROUPS / "devices", os.W_OK):
        pytest.skip("no controller of devices of cgroups version 1 here: Slurm 22.05 needs systemd for version 2")
    with slurm_lab.lab(_files, _MORE) as made:
        yield made


@pytest.mark.parametrize(
    ("asked", "seen"),
    [([], [DENIED, DENIED]), (["--gres=gpu:1"], [HELD, DENIED]), (["--gres=gpu:2"], [HELD, HELD])],
)
def test_a_job_gets_at_the_devices_that_it_was_given(lab: Lab, asked: list[str], seen: list[str]) -> None:
    """The kernel refuses every other device, whatever the job's environment says."""
    out = lab.folder / "work" / f"out{len(asked)}{asked[-1:] == ['--gres=gpu:2']}"
    made = lab.run("sbatch", "--parsable", "-o", str(out), *asked, str(lab.folder / "try.sh"), user="nobody")
    assert made.returncode == 0, made.stderr
    assert lab.eventually(made.stdout.strip(), "COMPLETED", "FAILED") == "COMPLETED"
    assert out.read_text().splitlines() == seen


def test_a_process_of_a_job_is_told_as_its_job(lab: Lab, tmp_path: Path) -> None:
    """What the kernel and Slurm say of a running job: its process is its own, and its GPU is the one that it got."""
    pid = lab.folder / "work" / "pid"
    made = lab.run(
        "sbatch", "--parsable", "-o", "/dev/null", "--gres=gpu:1", str(lab.folder / "long.sh"), user="nobody"
    )
    assert made.returncode == 0, made.stderr
    job = made.stdout.strip()
    try:
        until = time.monotonic() + 60
        while not (pid.exists() and pid.read_text().strip()) and time.monotonic() < until:
            time.sleep(0.2)
        number = int(pid.read_text())
        info = f"<process_info><pid>{number}</pid></process_info><process_info><pid>{os.getpid()}</pid></process_info>"
        (tmp_path / "smi.xml").write_text(SMI.format(info))
        (tmp_path / "jobs.txt").write_text(lab.run("scontrol", "-d", "show", "job").stdout)
        asked = Asked(socket.gethostname(), smi=str(tmp_path / "smi.xml"), jobs=str(tmp_path / "jobs.txt"))
        found = measure(asked, now())
        first, second = found.gpus
        assert (first.jobs, second.jobs, first.scheduler) == ((job,), (), "slurm")
        assert first.processes == (Process(number, job=job), Process(os.getpid()))
        assert found.jobs[job] == Job(user="nobody")
    finally:
        lab.run("scancel", job)
