"""The rule's own file: what it may say, and that what means nothing is refused."""

import csv
import gzip
import json
from pathlib import Path

import clusters as a
import pytest
import yaml
from clusters import pod
from in_process import run

from strongroom.app.isolation import load_rule
from strongroom.isolate import rule
from strongroom.model.errors import Malformed
from strongroom.model.isolate import Rule

BASE = yaml.safe_load(rule.DEFAULT)
GPU = {"nvidia.com/gpu": "1"}


def other(**what: object) -> Rule:
    """The default rule with something else in it."""
    return rule.read({**BASE, **what}, "a rule")


@pytest.mark.parametrize(
    "what",
    [
        {"rule": "gpu-isolation/2"},
        {"labels": ["public", "internal"]},
        {"rungs": ["whole", "cc-whole", "mig", "mps", "shared"]},
        {"require": {**BASE["require"], "confidential": {"least": "shared"}}},
        {"require": {**BASE["require"], "restricted": {"least": "some"}}},
        {"meet": {**BASE["meet"], "mig": "who-knows"}},
        {"meet": {**BASE["meet"], "shared_claim": {"public": "sometimes"}}},
        {"unknown": "allow"},
        {"malformed": "allow"},
        {"unrequested_devices": "allow"},
        {"admins": {"people": ["eve"]}},
        {"sources": {**BASE["sources"], "kubernetes": {"tenant": "pod-label", "label": ["namespace-annotation"]}}},
        {"sources": {**BASE["sources"], "kubernetes": {"tenant": "namespace-annotation", "label": ["pod-label"]}}},
        {"sources": {**BASE["sources"], "missing": "allow"}},
        {"more": 1},
        {"rollout": {"default": "enforce"}},
    ],
)
def test_a_rule_that_means_nothing_is_refused(what: dict[str, object]) -> None:
    """Every word of a rule is one that the judge knows; what would quietly loosen it is refused."""
    with pytest.raises(Malformed):
        other(**what)


def test_other_rules_are_other_verdicts() -> None:
    """Labels, rungs, exemptions and admins are the rule's, and not the judge's."""
    held = a.state()
    shared = a.asked(pod("red", limits={"nvidia.com/gpumem": "1"}))
    loose = other(require={**BASE["require"], "restricted": {"least": "shared"}})
    assert not a.verdict(held, shared).allowed
    assert a.verdict(held, shared, loose).allowed
    strict = other(require={**BASE["require"], "internal": {"least": "mig"}})
    assert not a.verdict(held, a.asked(pod("inner", limits={"nvidia.com/gpumem": "1"})), strict).allowed
    bare = a.asked(pod("bare", limits=GPU))
    assert a.verdict(held, bare, other(sources={**BASE["sources"], "missing": "public"})).allowed
    assert not a.verdict(held, a.asked(pod("kube-system", hostPID=True)), other(exempt_namespaces=[])).allowed
    mine = a.asked(a.namespace("new", "t", "public"), actor=("eve", ()))
    assert a.verdict(held, mine, other(admins={"users": ["eve"]})).allowed
    odd = a.asked(pod("open", limits={"nvidia.com/odd": "1"}))
    assert not a.verdict(held, odd, other(unknown="deny-all")).allowed
    seen = a.asked(pod("open", hostPID=True))
    assert a.verdict(held, seen, other(unrequested_devices="deny-sensitive")).allowed
    low = a.asked(pod("open", limits=GPU, serviceAccountName="raised", nodeSelector={"pool": "sliced"}))
    same = {"tenant": "namespace-annotation", "label": ["namespace-annotation"]}
    assert a.verdict(held, low, other(sources={**BASE["sources"], "kubernetes": same})).allowed


def test_a_rule_is_read_from_either_form(tmp_path: Path) -> None:
    """TOML and YAML say the same; a key that stands twice is refused in both."""
    text = tmp_path / "rule.yaml"
    text.write_text(rule.DEFAULT)
    toml = tmp_path / "rule.toml"
    toml.write_text(
        'rule = "gpu-isolation/1"\nlabels = ["low", "high"]\nrungs = ["cc-whole", "whole", "mig", "mps", "shared"]\n'
        'unrequested_devices = "deny-all-labels"\nexempt_namespaces = []\nadmins = {groups = ["root"]}\n'
        '[require]\nlow = {least = "shared"}\nhigh = {least = "whole"}\n[meet]\n'
        '[sources.kubernetes]\ntenant = "namespace-annotation"\nlabel = "namespace-annotation"\n'
        '[sources.slurm]\ntenant = "account"\nlabel = "account"\n'
    )  # fmt: skip
    assert load_rule(str(text)) == load_rule(None) == a.RULE
    assert load_rule(str(toml)).labels == ("low", "high")
    text.write_text(rule.DEFAULT + "malformed: deny\n")
    with pytest.raises(Malformed, match="twice"):
        load_rule(str(text))
    text.write_text("[")
    with pytest.raises(Malformed):
        load_rule(str(text))


def test_the_commands_judge_files_and_tell_by_their_exit(tmp_path: Path) -> None:
    """Files of reviews, dumps and jobs get the judge's answer; what cannot be read is a reason, and never a pass."""
    items = [a.namespace("red", "south", "restricted"), a.node("n", {"nvidia.com/gpu.sharing-strategy": "mps"})]
    runs = pod("red", "runs", GPU, nodeName="n", status={"phase": "Running"})
    (tmp_path / "state.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [*items, runs]}))
    nodes = {
        "kind": "NodeList",
        "apiVersion": "v1",
        "items": [{k: v for k, v in items[1].items() if k not in {"kind", "apiVersion"}}],
    }
    (tmp_path / "nodes.json").write_text(json.dumps(nodes))
    (tmp_path / "space.json").write_text(json.dumps(items[0]))
    (tmp_path / "review.json").write_bytes(a.asked(pod("red", "p", GPU, nodeName="n")))
    (tmp_path / "broken.json").write_text("{")
    made = run("isolate", "admit", "--state", "state.json", "--request", "review.json", cwd=tmp_path)
    assert made.returncode == 1
    assert json.loads(made.stdout)["response"]["allowed"] is False
    apart = run(
        "isolate", "admit", "--state", "nodes.json", "--state", "space.json", "--request", "review.json", cwd=tmp_path
    )
    assert json.loads(apart.stdout) == json.loads(made.stdout)
    observed = run(
        "isolate", "admit", "--state", "state.json", "--request", "review.json", "--mode", "observe", cwd=tmp_path
    )
    assert json.loads(observed.stdout)["response"]["allowed"] is True
    denied = run("isolate", "admit", "--state", "state.json", "--request", "broken.json", cwd=tmp_path)
    assert (denied.returncode, json.loads(denied.stdout)["response"]["allowed"]) == (1, False)
    assert run("isolate", "admit", "--state", "broken.json", "--request", "review.json", cwd=tmp_path).returncode == 2
    assert run("isolate", "admit", "--state", "gone.json", "--request", "review.json", cwd=tmp_path).returncode == 2
    lines = run("isolate", "simulate", "--state", "state.json", "--format", "jsonl", cwd=tmp_path)
    assert lines.returncode == 1
    assert [json.loads(x)["name"] for x in lines.stdout.splitlines()] == ["runs"]
    assert "DENY" in run("isolate", "simulate", "--state", "state.json", cwd=tmp_path).stdout
    assert run("isolate", "simulate", "--state", "space.json", cwd=tmp_path).returncode == 0
    (tmp_path / "facts.json").write_text(
        '{"accounts": {"south": "restricted"}, "partitions": {"g": {"gpus_per_node": 8}}}'
    )
    (tmp_path / "job.json").write_text('{"account": "south", "gres": "shard:1"}')
    job = run("isolate", "slurm", "--facts", "facts.json", "--job", "job.json", cwd=tmp_path)
    assert (job.returncode, json.loads(job.stdout)["verdict"]) == (1, "deny")
    assert run("isolate", "slurm", "--facts", "broken.json", "--job", "job.json", cwd=tmp_path).returncode == 2
    assert run("isolate", "slurm", "--facts", "facts.json", "--job", "broken.json", cwd=tmp_path).returncode == 1
    assert run("isolate", "start", "--facts", "facts.json", "--record", "x", cwd=tmp_path).returncode == 1


def test_pods_of_a_production_trace_are_not_denied_wrongly(vectors: Path) -> None:
    """Every pod of the trace, in a public namespace, is allowed; fractions of it in a restricted one are denied."""
    path = vectors / "gpu/alibaba2023/openb_pod_list_default.csv.gz"
    with gzip.open(path, "rt") as f:
        rows = list(csv.DictReader(f))
    held = a.state()
    wrong = []
    for row in rows:
        share = int(row["gpu_milli"]) if int(row["num_gpu"]) else 0
        limits = (
            {"nvidia.com/gpu": row["num_gpu"]}
            if share in {0, 1000}
            else {"nvidia.com/gpu": "1", "nvidia.com/gpumem-percentage": str(share // 10)}
        )
        phase = {"phase": row["pod_phase"]}
        if a.verdict(held, a.asked(pod("open", row["name"], dict(limits), status=phase))).reasons:
            wrong.append(row["name"])
        strict = a.verdict(held, a.asked(pod("red", row["name"], dict(limits), status=phase))).allowed
        if strict is not (share in {0, 1000}):
            wrong.append(f"restricted {row['name']}")
    assert (len(rows), wrong) == (8152, [])
