"""What uses the GPUs of a node: processes by the driver, owners by control groups, allocations by kubelet and Slurm."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process import run

from strongroom.collect.gpu_uses import cards, checkpoint, jobs, owners, programs
from strongroom.collect.gpu_uses.owners import Owner
from strongroom.isolate import uses
from strongroom.model.errors import BadInput, NotFound, TooLarge, Unreadable

POD = "0b3d1e8a-1111-4222-8333-444455556666"
OTHER = "9c3d1e8a-1111-4222-8333-444455556666"
SLICE = POD.replace("-", "_")
WHOLE = "GPU-aaaaaaaa-0000-0000-0000-000000000000"
CUT = "GPU-bbbbbbbb-0000-0000-0000-000000000001"
MIGS = ("MIG-11111111-0000-0000-0000-000000000000", "MIG-22222222-0000-0000-0000-000000000000")


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        (f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SLICE}.slice/cri-containerd-7f.scope", Owner(pod=POD)),
        (f"0::/kubepods.slice/kubepods-pod{SLICE}.slice/crio-7f.scope", Owner(pod=POD)),
        (f"0::/kubepods/besteffort/pod{POD}/7f", Owner(pod=POD)),
        (f"12:devices:/kubepods/pod{POD}/7f\n1:name=systemd:/kubepods/pod{POD}/7f", Owner(pod=POD)),
        (f"0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod{SLICE}.slice/x", Owner(pod=POD)),
        ("0::/kubepods/pod0123456789abcdef0123456789abcdef/c", Owner(pod="0123456789abcdef0123456789abcdef")),
        ("0::/system.slice/slurmstepd.scope/job_123/step_0/user/task_0", Owner(job="123")),
        ("0::/system.slice/n1_slurmstepd.scope/job_123/step_batch", Owner(job="123")),
        ("9:devices:/slurm/uid_1000/job_77/step_0", Owner(job="77")),
        ("9:devices:/slurm_n1/uid_1000/job_77/step_0", Owner(job="77")),
        ("0::/system.slice/nvidia-persistenced.service", Owner(service="nvidia-persistenced")),
        ("0::/system.slice/system-dcgm.slice/nvidia-dcgm.service", Owner(service="nvidia-dcgm")),
        ("0::/user.slice/user-1000.slice/session-2.scope", Owner()),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/nvidia-dcgm.service", Owner()),
        ("0::/user.slice/job_5", Owner()),
        (f"0::/user.slice/user-1000.slice/user@1000.service/kubepods-pod{SLICE}.slice/x", Owner()),
        (f"0::/system.slice/slurmstepd.scope/job_9/step_0/kubepods/pod{POD}/x", Owner(job="9")),
        (f"0::/kubepods/pod{POD}/c/slurm/uid_0/job_9/step_0", Owner(pod=POD)),
        (f"0::/user.slice/pod{POD}x", Owner()),
        ("0::/", Owner()),
        ("", Owner()),
        ("no colons here", Owner()),
    ],
)  # fmt: skip
def test_a_process_belongs_to_whom_its_group_says(text: str, owner: Owner) -> None:
    """Pods, jobs and services are told apart by both drivers of groups; a user's own group is nobody's word."""
    assert owners.of_groups(text) == owner


@given(st.text(max_size=300))
def test_no_list_of_groups_is_a_fault(text: str) -> None:
    """Whatever stands in the file, it is an owner or none."""
    assert isinstance(owners.of_groups(text), Owner)


def laid(root: Path, entries: list[object], groups: dict[int, str], pods: tuple[str, ...] = ()) -> Path:
    """A node's file system."""
    place = root / checkpoint.PLACE
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"Data": {"PodDeviceEntries": entries, "RegisteredDevices": {}}, "Checksum": 1}))
    for pid, text in groups.items():
        (root / f"proc/{pid}").mkdir(parents=True)
        (root / f"proc/{pid}/cgroup").write_text(text)
    for name in pods:
        (root / "var/log/pods" / name).mkdir(parents=True)
    return root


def entry(pod: str, devices: object, resource: str = "nvidia.com/gpu") -> dict[str, object]:
    """What the device manager writes of a container."""
    return {"PodUID": pod, "ContainerName": "c", "ResourceName": resource, "DeviceIDs": devices, "AllocResp": "eA=="}


def test_the_kubelets_devices_are_read_in_both_forms(tmp_path: Path) -> None:
    """By NUMA node and as a plain list; many names of one card, which a sharing plugin gives out, are that card."""
    entries = [entry(POD, {"-1": [WHOLE], "0": [f"{CUT}::3"]}), entry(OTHER, [f"{CUT}::7"]), entry(OTHER, None)]
    assert checkpoint.read(laid(tmp_path, entries, {})) == {WHOLE: [POD], CUT: [POD, OTHER]}


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"Data": 5}', b'{"Data": {"PodDeviceEntries": [{"DeviceIDs": 5}]}}', b"\xff"]
)
def test_what_is_no_checkpoint_is_an_error(tmp_path: Path, data: bytes) -> None:
    """A checkpoint that cannot be read is never one of nothing."""
    (laid(tmp_path, [], {}) / checkpoint.PLACE).write_bytes(data)
    with pytest.raises(BadInput):
        checkpoint.read(tmp_path)


def test_a_node_without_a_kubelet_has_no_checkpoint(tmp_path: Path) -> None:
    """No file is no kubelet, which is not the same as a kubelet that gave nothing out."""
    assert checkpoint.read(tmp_path) is None


JOBS = """JobId=41 JobName=CPU_IDs=1 GRES=gpu:8(IDX:0-7)
   UserId=ann(1000) GroupId=ann(1000) MCS_label=N/A
   Priority=1 Nice=0 Account=lab QOS=normal
   JobState=RUNNING Reason=None Dependency=(null)
   NodeList=n[1-2]
     Nodes=n1 CPU_IDs=0-3 Mem=0 GRES=gpu:h100:2(IDX:0,2)
     Nodes=n2 CPU_IDs=0-3 Mem=0 GRES=gpu(IDX:1)
   Comment=Account=other JobState=PENDING

JobId=42 JobName=x
   UserId=eve(1001) GroupId=eve(1001)
   Priority=1 Nice=0 Account=(null) QOS=N/A
   JobState=PENDING Reason=Resources Dependency=(null)

JobId=43 JobName=y
   UserId=bob(1002) GroupId=bob(1002)
   Account=west QOS=high
   JobState=COMPLETING Reason=None
     Nodes=n[1,03-04] CPU_IDs=0 Mem=0 GRES=

No jobs here
"""


def test_jobs_and_their_gpus_are_read_from_what_slurm_says() -> None:
    """Of each node its own indices; what a user wrote into a name or a comment changes nothing; who waits has nothing."""
    one, two = jobs.read(JOBS)
    assert one == ("41", "lab", "normal", "ann", {"n1": (0, 2), "n2": (1,)})
    assert (two.id, two.account, two.gpus) == ("43", "west", {"n1": (), "n03": (), "n04": ()})


@given(st.text(max_size=200))
def test_no_list_of_jobs_is_a_fault(text: str) -> None:
    """Whatever Slurm prints, it is jobs or none."""
    assert isinstance(jobs.read(text), tuple)
    assert isinstance(jobs.nodes(text), tuple)
    assert isinstance(jobs.numbers(text), tuple)


SMI = """<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
 <attached_gpus>2</attached_gpus>
 <gpu id="00000000:1A:00.0"><uuid>{whole}</uuid><minor_number>0</minor_number>
  <mig_mode><current_mig>Disabled</current_mig></mig_mode><mig_devices>None</mig_devices>
  <processes>{processes}</processes></gpu>
 <gpu id="00000000:1B:00.0"><uuid>{cut}</uuid><minor_number>1</minor_number>
  <mig_mode><current_mig>Enabled</current_mig></mig_mode>
  <mig_devices>
   <mig_device><index>0</index><gpu_instance_id>7</gpu_instance_id><compute_instance_id>0</compute_instance_id></mig_device>
   <mig_device><index>1</index><gpu_instance_id>8</gpu_instance_id><compute_instance_id>0</compute_instance_id></mig_device>
  </mig_devices>
  <processes><process_info><gpu_instance_id>7</gpu_instance_id><pid>12</pid><type>C</type></process_info></processes></gpu>
</nvidia_smi_log>
"""
LISTED = f"""GPU 0: NVIDIA H100 80GB HBM3 (UUID: {WHOLE})
GPU 1: NVIDIA H100 80GB HBM3 (UUID: {CUT})
  MIG 1g.10gb     Device  0: (UUID: {MIGS[0]})
  MIG 1g.10gb     Device  1: (UUID: {MIGS[1]})
"""


def smi(*pids: int) -> str:
    """What the driver prints, with processes on the whole GPU."""
    said = "".join(f"<process_info><pid>{p}</pid><type>C</type></process_info>" for p in pids)
    return SMI.format(whole=WHOLE, cut=CUT, processes=said)


def test_the_drivers_word_has_cards_slices_and_processes() -> None:
    """A GPU in slices names each by its number and UUID, and a process is on the card that lists it."""
    whole, cut = cards.read(smi(11, 11, 13).encode(), "smi", LISTED)
    assert whole == (WHOLE, 0, False, (), (11, 13), "")
    assert (cut.mig, cut.minor, cut.pids) == (True, 1, (12,))
    assert [(s.number, s.instance, s.uuid) for s in cut.slices] == [(0, "7", MIGS[0]), (1, "8", MIGS[1])]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<processes></processes>", "<processes>Insufficient Permissions</processes>"),
        ("<processes></processes>", ""),
        (f"<uuid>{WHOLE}</uuid>", "<uuid>Unknown Error</uuid>"),
        (f"<uuid>{WHOLE}</uuid>", ""),
    ],
)
def test_what_the_driver_does_not_tell_is_said(old: str, new: str) -> None:
    """A list that could not be made, and a GPU that is lost, are trouble and not idleness."""
    text = smi().replace(old, new)
    assert text != smi()
    assert cards.read(text.encode(), "smi")[0].trouble


def site(folder: Path, *pids: int) -> list[str]:
    """The words for a node of these tests."""
    for name, text in (
        ("smi.xml", smi(*pids)),
        ("list.txt", LISTED),
        ("cc.txt", "CC State : OFF\n"),
        ("jobs.txt", JOBS),
    ):
        (folder / name).write_text(text)
    return [
        "isolate", "uses", "--node", "n1", "--root", "root", "--smi", "smi.xml", "--list", "list.txt", "--conf-compute", "cc.txt",
    ]  # fmt: skip


def test_a_node_of_kubernetes_is_measured(tmp_path: Path) -> None:
    """Who has what, whose each process is, and of which time it is; nothing is unseen."""
    entries = [entry(POD, {"-1": [WHOLE]}), entry(OTHER, {"-1": [MIGS[0]]}, "nvidia.com/mig-1g.10gb")]
    groups = {
        11: f"0::/kubepods/pod{POD}/c", 12: f"0::/kubepods/pod{OTHER}/c", 13: "0::/system.slice/nvidia-persistenced.service",
        14: "0::/system.slice/miner.service", 15: "0::/user.slice/x",
    }  # fmt: skip
    laid(tmp_path / "root", entries, groups, (f"red_train-0_{POD}", f"open_serve_{OTHER}"))
    words = site(tmp_path, 11, 13, 14, 15, 99)
    made = run(*words, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    found = uses.read(made.stdout.encode(), "uses")
    assert found.at is not None
    assert (found.nodes, found.blind) == (("n1",), ())
    whole, cut = found.gpus
    assert (whole.allocated, whole.cc, whole.scheduler, whole.jobs) == (("red/train-0",), "off", "", ())
    assert [(p.pid, p.pod, p.service) for p in whole.processes] == [
        (11, "red/train-0", ""), (13, "", "nvidia-persistenced"), (14, "", ""), (15, "", ""),
    ]  # fmt: skip
    assert (cut.allocated, [i.allocated for i in cut.instances]) == (("open/serve",), [("open/serve",), ()])
    named = run(*words, "--service", "miner", cwd=tmp_path)
    assert '"service": "miner"' in named.stdout


def test_a_node_of_slurm_is_measured(tmp_path: Path) -> None:
    """The jobs that have its GPUs, by the number of the device file, and the job of each process."""
    laid(tmp_path / "root", [], {11: "0::/system.slice/slurmstepd.scope/job_41/step_0"})
    (tmp_path / "root" / checkpoint.PLACE).unlink()
    made = run(*site(tmp_path, 11), "--jobs", "jobs.txt", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    found = uses.read(made.stdout.encode(), "uses")
    whole, cut = found.gpus
    assert (whole.scheduler, whole.jobs, cut.jobs) == ("slurm", ("41",), ())
    assert [(p.pid, p.job) for p in whole.processes] == [(11, "41")]
    assert found.jobs["41"] == uses.Job("lab", "normal", "ann")
    assert set(found.jobs) == {"41", "43"}


def test_slices_without_names_may_be_anybodys(tmp_path: Path) -> None:
    """Without nvidia-smi -L nobody knows which slice a pod has: each GPU in slices may be its own, and that is said."""
    entries = [entry(OTHER, {"-1": [MIGS[0]]})]
    laid(tmp_path / "root", entries, {}, (f"open_serve_{OTHER}",))
    words = [w for w in site(tmp_path) if w not in ("--list", "list.txt")]
    made = run(*words, cwd=tmp_path)
    assert made.returncode == 3
    found = uses.read(made.stdout.encode(), "uses")
    assert found.gpus[1].allocated == ("open/serve",)
    assert any("MIG devices" in line for line in found.blind)


def test_what_cannot_be_seen_is_said(tmp_path: Path) -> None:
    """A checkpoint that is damaged and a process whose group cannot be read are named, and the exit is 3."""
    root = laid(tmp_path / "root", [], {11: ""})
    (root / checkpoint.PLACE).write_text("{")
    (root / "proc/11/cgroup").unlink()
    made = run(*site(tmp_path, 11), cwd=tmp_path)
    assert made.returncode == 3
    assert made.stderr.count("not seen") == 2


@pytest.mark.parametrize(
    "text", ["", "<x/>", "<!DOCTYPE nvidia_smi_log [<!ENTITY a 'b'>]><nvidia_smi_log>&a;</nvidia_smi_log>"]
)
def test_without_the_drivers_word_nothing_is_written(tmp_path: Path, text: str) -> None:
    """A driver's word that is none ends the command."""
    words = site(tmp_path)
    (tmp_path / "smi.xml").write_text(text)
    made = run(*words, cwd=tmp_path)
    assert made.returncode == 2
    assert not made.stdout
    assert "Traceback" not in made.stderr


def test_programs_end_in_words(tmp_path: Path) -> None:
    """One that is not there, hangs, fails or prints without end is an error with its name."""

    def program(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    assert programs.output([program("good", "echo yes")]) == b"yes\n"
    with pytest.raises(NotFound):
        programs.output(["no-such-program-here"])
    with pytest.raises(Unreadable, match="no answer within"):
        programs.output([program("slow", "exec sleep 60")], seconds=0.2)
    with pytest.raises(Unreadable, match="GPU is lost"):
        programs.output([program("bad", "echo 'GPU is lost' >&2; exit 15")])
    with pytest.raises(TooLarge):
        programs.output([program("long", "head -c 70000000 /dev/zero")], path=os.defpath)
