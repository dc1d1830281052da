"""Drift: what GPUs are used by, beside what the cluster says."""

import json
from pathlib import Path

import clusters as a
import pytest
from clusters import Json, pod
from in_process import run

from strongroom.isolate import drift, slurm_facts, uses
from strongroom.model.errors import Malformed

GPU = {"nvidia.com/gpu": "1"}


def at(node: str, space: str, name: str, phase: str = "Running") -> Json:
    """A pod that runs."""
    return pod(space, name, GPU, nodeName=node, status={"phase": phase})


PODS = (
    at("n-whole", "red", "r"), at("n-whole", "open", "o"), at("n-mig", "red", "rm"), at("n-mig", "red-two", "tm"), at("n-cc", "secret", "s"),
    at("n-free", "red", "f"), at("n-free", "red", "gone", "Succeeded"), at("n-mig", "open", "om"), at("n-free", "gpu-operator", "dcgm"),
    a.node("n-free"),
)  # fmt: skip


def found(*gpus: Json) -> list[tuple[str, str]]:
    """Codes and GPUs of what is found."""
    measured = uses.read(json.dumps({"gpus": list(gpus)}).encode(), "uses")
    return [(d.code, d.gpu) for d in drift.drift(a.RULE, a.state(*PODS), measured)]


def gpu(node: str, *allocated: str, **more: object) -> Json:
    """A GPU that was measured."""
    return {"node": node, "uuid": "G", "allocated": list(allocated), "mig": False, **more}


def process(owner: str, **more: str) -> Json:
    """Processes of a GPU."""
    return {"processes": [{"pid": 7, "pod": owner, **more}]}


@pytest.mark.parametrize(
    ("measured", "codes"),
    [
        (gpu("n-free", "red/f", **process("red/f")), []),
        (gpu("n-free", "red/f", **process("", service="dcgm")), []),
        (gpu("n-free", **process("gpu-operator/dcgm")), []),
        (gpu("n-free", **process("red/f")), ["unrequested-device"]),
        (gpu("n-free", **process("")), ["unknown-process"]),
        (gpu("n-free", **process("red/gone")), ["unknown-process"]),
        (gpu("n-free", **process("red/never")), ["unknown-process"]),
        (gpu("n-mig", "red/rm", "red-two/tm", mig=True), []),
        (gpu("n-mig", "red/rm", "open/om", mig=True), ["mixed-gpu"]),
        (gpu("n-cc", "secret/s", cc="on"), []),
        (gpu("n-cc", "secret/s", cc="off"), ["cc-not-on", "fact-mismatch"]),
        (gpu("n-cc", "secret/s", cc="devtools"), ["cc-not-on", "fact-mismatch"]),
        (gpu("n-cc", "secret/s", cc="on", mig=True), ["wrong-rung"]),
        (gpu("n-mig", "red/rm", mig=False), ["fact-mismatch"]),
        (gpu("n-nowhere"), ["fact-mismatch"]),
        (gpu("n-whole", "red/r"), []),
        (gpu("n-whole", "red/r", "open/o"), ["mixed-gpu", "wrong-rung", "fact-mismatch", "island-mixed"]),
        (gpu("n-sliced", "open/x", "open/y"), []),
    ],
)
def test_what_is_not_as_it_must_be_is_found_by_its_code(measured: Json, codes: list[str]) -> None:
    """Each kind of drift is found where it is, and nowhere else."""
    assert [c for c, _ in found(measured)] == codes


def test_an_island_is_looked_at_across_gpus() -> None:
    """Two tenants in one island on two GPUs: the sensitive one's is named."""
    measured = found({**gpu("n-whole", "red/r"), "uuid": "A"}, {**gpu("n-whole", "open/o"), "uuid": "B"})
    assert measured == [("island-mixed", "A")]


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b'{"gpus": [{}]}', b'{"gpus": [], "schema": "other/1"}', b'{"gpus": [{"node": 5, "uuid": "x"}]}'],
)
def test_uses_that_cannot_be_read_are_no_uses(data: bytes) -> None:
    """What is no document of uses is an error, and never without drift."""
    with pytest.raises(Malformed):
        uses.read(data, "uses")


def test_the_command_tells_by_its_exit(tmp_path: Path) -> None:
    """Nothing is 0, something is 1 and named, what cannot be read is 2, and what nobody measured is 3."""
    (tmp_path / "state.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [*a.CLUSTER, *PODS]}))
    for name, gpus in (("good", [gpu("n-free", "red/f")]), ("bad", [gpu("n-free", **process(""))])):
        nodes = sorted(n.name for n in a.state(*PODS).nodes())
        (tmp_path / f"{name}.json").write_text(json.dumps({"schema": uses.SCHEMA, "gpus": gpus, "nodes": nodes}))
    (tmp_path / "part.json").write_text(json.dumps({"schema": uses.SCHEMA, "gpus": [gpu("n-free", "red/f")]}))
    words = ("isolate", "drift", "--state", "state.json", "--uses")
    assert run(*words, "good.json", cwd=tmp_path).returncode == 0
    part = run(*words, "part.json", cwd=tmp_path)
    assert (part.returncode, "n-whole" in part.stdout) == (3, True)
    assert run(*words, "part.json", "--uses", "good.json", cwd=tmp_path).returncode == 0
    bad = run(*words, "bad.json", "--format", "jsonl", cwd=tmp_path)
    assert (bad.returncode, json.loads(bad.stdout)["code"]) == (1, "unknown-process")
    assert "unknown-process" in run(*words, "bad.json", cwd=tmp_path).stdout
    assert run(*words, "state.json", cwd=tmp_path).returncode == 2


JOBS = {"1": {"account": "south"}, "2": {"account": "north"}, "3": {"account": "south"}, "4": {"account": "stranger"}}
FACTS = slurm_facts.read({"accounts": {"south": "restricted", "north": "public"}})


@pytest.mark.parametrize(
    ("measured", "codes"),
    [
        (gpu("s1", jobs=["1"], scheduler="slurm", processes=[{"pid": 1, "job": "1"}]), []),
        (gpu("s1", jobs=["1"], scheduler="slurm", processes=[{"pid": 1, "job": "3"}]), ["unrequested-device"]),
        (gpu("s1", jobs=["1"], scheduler="slurm", processes=[{"pid": 1, "job": "9"}]), ["unknown-process"]),
        (gpu("s1", jobs=["1"], scheduler="slurm", processes=[{"pid": 1}]), ["unknown-process"]),
        (gpu("s1", jobs=["1", "2"], scheduler="slurm"), ["mixed-gpu", "wrong-rung"]),
        (gpu("s1", jobs=["1", "4"], scheduler="slurm"), ["mixed-gpu", "wrong-rung"]),
        (gpu("s1", jobs=["1", "3"], scheduler="slurm"), ["wrong-rung", "wrong-rung"]),
        (gpu("s1", jobs=["2", "4"], scheduler="slurm"), []),
        (gpu("s1", jobs=["1", "2"], scheduler="slurm", mig=True), ["mixed-gpu"]),
        (gpu("s1", jobs=["1", "3"], scheduler="slurm", mig=True), []),
        (gpu("s1", scheduler="slurm"), []),
    ],
)
def test_jobs_of_slurm_are_judged_like_pods(measured: Json, codes: list[str]) -> None:
    """The account of a job is its tenant, and the label of the account its label."""
    read = uses.read(json.dumps({"gpus": [measured], "jobs": JOBS}).encode(), "uses")
    assert [d.code for d in drift.drift(a.RULE, a.state(), read, FACTS)] == codes


@pytest.mark.parametrize(
    ("gpus", "codes", "apart"),
    [
        ([{"uuid": "M1", "allocated": ["red/rm"]}, {"uuid": "M2", "allocated": ["red-two/tm"]}], [], 0),
        ([{"uuid": "M1", "allocated": ["red/rm", "red-two/tm"]}], ["mixed-gpu", "wrong-rung", "wrong-rung"], 1),
    ],
)
def test_two_in_one_mig_instance_are_not_divided(gpus: list[Json], codes: list[str], apart: int) -> None:
    """Equal labels may have slices of one GPU, and never one slice together."""
    made = gpu("n-mig", "red/rm", "red-two/tm", mig=True, instances=gpus)
    read = uses.read(json.dumps({"gpus": [made]}).encode(), "uses")
    assert [d.code for d in drift.drift(a.RULE, a.state(*PODS), read)] == codes
    assert len(list(drift.apart(a.RULE, a.state(*PODS), read))) == apart


def test_several_documents_are_as_old_as_the_oldest() -> None:
    """A document without a time takes it from all, and what one could not see none could."""
    parts = [uses.read(json.dumps({"gpus": [], **more}).encode(), "u") for more in (
        {"at": "2026-01-02T00:00:00Z"}, {"at": "2026-01-01T00:00:00Z", "nodes": ["a"], "blind": ["x"]}, {},
    )]  # fmt: skip
    both = uses.joined(parts[:2])
    assert both.at is not None
    assert (both.at.day, both.nodes, both.blind) == (1, ("a",), ("x",))
    assert uses.joined(parts).at is None


def test_a_pod_is_known_by_its_uid_too() -> None:
    """A node that knows no name but the uid tells of the same pod."""
    named = at("n-free", "red", "f")
    named["metadata"]["uid"] = "0b3d1e8a"  # type: ignore[index]
    made = gpu("n-free", "0b3d1e8a", **process("0b3d1e8a"))
    read = uses.read(json.dumps({"gpus": [made]}).encode(), "uses")
    assert list(drift.drift(a.RULE, a.state(named, a.node("n-free")), read)) == []
    assert [d.code for d in drift.drift(a.RULE, a.state(a.node("n-free")), read)] == ["unknown-process"]


def test_a_claim_gives_a_gpu_that_no_plugin_knows() -> None:
    """A process of a pod whose claim was given the GPU was asked for; two such pods share it."""
    device = {"name": "gpu-0", "attributes": {"type": {"string": "gpu"}, "uuid": {"string": "G"}}}
    pool = {"driver": "gpu.nvidia.com", "nodeName": "n-free", "pool": {"name": "n-free"}, "devices": [device]}
    offered: Json = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": a.meta("s"), "spec": pool}
    result = {"request": "gpu", "driver": "gpu.nvidia.com", "pool": "n-free", "device": "gpu-0"}

    def granted(*pods: str) -> Json:
        reserved = [{"resource": "pods", "name": name} for name in pods]
        status: Json = {"allocation": {"devices": {"results": [result]}}, "reservedFor": reserved}
        return a.claim("red", "c", a.request(), status=status)

    read = uses.read(json.dumps({"gpus": [gpu("n-free", **process("red/f"))]}).encode(), "uses")
    there = (at("n-free", "red", "f"), at("n-free", "red", "g"), a.node("n-free"), offered)
    assert [d.code for d in drift.drift(a.RULE, a.state(*there), read)] == ["unrequested-device"]
    assert list(drift.drift(a.RULE, a.state(*there, granted("f")), read)) == []
    found = [d.code for d in drift.drift(a.RULE, a.state(*there, granted("f", "g")), read)]
    assert found == ["wrong-rung", "wrong-rung"]
