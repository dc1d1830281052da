"""Slurm's real daemons on this machine: one node with two GPUs that are device files and nothing else."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kube_server import free_port

PROGRAMS = ("slurmctld", "slurmd", "munged", "scontrol", "sbatch", "squeue", "scancel", "sinfo")
UP = 90.0


def found(name: str) -> str | None:
    """A program, also where only root looks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")


class Lab:
    """A cluster that is up. Commands run as root, or as a user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}  # noqa: TID251 - as it is

    def run(self, *argv: str, user: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of Slurm."""
        command = [found(argv[0]) or argv[0], *argv[1:]]
        if user:
            command = ["setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups", *command]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.env, cwd=self.folder / "work", check=False
        )

    def submit(self, *options: str, user: str = "nobody") -> subprocess.CompletedProcess[str]:
        """Submit a job that ends at once."""
        return self.run("sbatch", "--parsable", "-o", "/dev/null", "--wrap", "true", *options, user=user)

    def state(self, job: str) -> str:
        """What has become of a job."""
        shown = self.run("scontrol", "show", "job", "-o", job).stdout
        return shown.partition("JobState=")[2].partition(" ")[0]

    def eventually(self, job: str, *states: str) -> str:
        """The state of a job, once it is one of these."""
        until = time.monotonic() + UP
        while (now := self.state(job)) not in states and time.monotonic() < until:
            time.sleep(0.2)
        return now

    def node(self) -> str:
        """The state of the node."""
        shown = self.run("scontrol", "show", "node", "-o").stdout
        return shown.partition("State=")[2].partition(" ")[0]

    def resume(self) -> None:
        """Have the node take jobs again."""
        self.run("scontrol", "update", f"NodeName={socket.gethostname()}", "State=RESUME")


def _conf(folder: Path, more: str) -> str:
    name = socket.gethostname()
    return f"""\
ClusterName=lab
SlurmctldHost={name}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
SlurmctldPort={free_port()}
SlurmdPort={free_port()}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
GresTypes=gpu,shard
PrologFlags=Alloc
MpiDefault=none
{more}
NodeName={name} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory=1000 Gres=gpu:h200:2,shard:8 State=UNKNOWN
PartitionName=gpu Nodes={name} Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def lab(files: Callable[[Path], dict[str, str]], more: str) -> Iterator[Lab]:
    """A cluster with files beside its configuration, and more lines in that (`FOLDER` is where); skips without Slurm."""
    missing = [p for p in PROGRAMS if found(p) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(
            f"no {', '.join(missing) or 'root'}: apt-get install slurmctld slurmd slurm-client munge, and be root"
        )
    # A place of its own: every session of pytest closes the folder of all of them to other users.
    with tempfile.TemporaryDirectory(prefix="slurm-lab-") as made:
        yield from _running(Path(made), files(Path(made)), more.replace("FOLDER", made))


def _running(folder: Path, files: dict[str, str], more: str) -> Iterator[Lab]:
    folder.chmod(0o755)
    for name in ("state", "spool", "work"):
        (folder / name).mkdir()
    (folder / "work").chmod(0o777)
    for n in range(2):
        os.mknod(folder / f"nvidia{n}", 0o020666, os.makedev(195, n))
    (folder / "slurm.conf").write_text(_conf(folder, more))
    gres = "".join(f"Name=gpu Type=h200 File={folder}/nvidia{n}\n" for n in range(2))
    (folder / "gres.conf").write_text(f"AutoDetect=off\n{gres}Name=shard Count=8\n")
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    env = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}  # noqa: TID251 - as it is
    munge = [
        "munged", "--force", "--foreground", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.sock",
        f"--pid-file={folder}/munge.pid", f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed",
    ]  # fmt: skip
    running: list[subprocess.Popen[bytes]] = []
    try:
        for argv in (munge, ["slurmctld", "-D", "-i"], ["slurmd", "-D"]):
            command = [found(argv[0]) or argv[0], *argv[1:]]
            running.append(subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            time.sleep(0.5)
        made = Lab(folder)
        until = time.monotonic() + UP
        while not made.node().startswith("IDLE"):
            assert time.monotonic() < until, (folder / "slurmctld.log").read_text()[-2000:]
            time.sleep(0.3)
        yield made
    finally:
        for one in reversed(running):
            one.terminate()
        for one in running:
            try:
                one.wait(20)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()  # what is killed and not waited for is told as a fault of the next test
