"""Drift: what GPUs are used by, beside what the cluster says."""

import json
from pathlib import Path

import clusters as a
import pytest
from clusters import Json, pod
from in_process import run

from strongroom.isolate import drift
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
    uses = drift.read(json.dumps({"gpus": list(gpus)}).encode(), "uses")
    return [(d.code, d.gpu) for d in drift.drift(a.RULE, a.state(*PODS), uses)]


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
        drift.read(data, "uses")


def test_the_command_tells_by_its_exit(tmp_path: Path) -> None:
    """Nothing is 0, something is 1 and named, and what cannot be read is 2."""
    (tmp_path / "state.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [*a.CLUSTER, *PODS]}))
    for name, gpus in (("good", [gpu("n-free", "red/f")]), ("bad", [gpu("n-free", **process(""))])):
        (tmp_path / f"{name}.json").write_text(json.dumps({"schema": drift.SCHEMA, "gpus": gpus}))
    words = ("isolate", "drift", "--state", "state.json", "--uses")
    assert run(*words, "good.json", cwd=tmp_path).returncode == 0
    bad = run(*words, "bad.json", "--format", "jsonl", cwd=tmp_path)
    assert (bad.returncode, json.loads(bad.stdout)["code"]) == (1, "unknown-process")
    assert "unknown-process" in run(*words, "bad.json", cwd=tmp_path).stdout
    assert run(*words, "state.json", cwd=tmp_path).returncode == 2
