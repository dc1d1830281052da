"""The judge of Slurm's jobs."""

import json

import clusters as a
import pytest
from clusters import Json
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.app.isolation_slurm import judge, load_facts
from strongroom.isolate import slurm, slurm_facts, slurm_job
from strongroom.isolate.slurm import Judged
from strongroom.model.errors import Malformed

BASE: Json = {"gpus_per_node": 8, "gpu_is": "whole", "oversubscribe": "NO", "constrain_devices": True}
TABLE: Json = {
    "accounts": {"north": "public", "south": {"label": "restricted"}, "west": "restricted", "east": "confidential", "odd": "top"},
    "qos": {"normal": None, "raise": "restricted", "low": {"label": "public"}, "wrong": "very"},
    "users": {"ann": {"account": "south", "qos": "normal"}, "bob": {"default_account": "north", "default_qos": "raise"}, "eve": {"account": "north", "accounts": ["north"]}},
    "partitions": {
        "gpu": {**BASE, "default": True}, "cpu": {"gpus_per_node": 0}, "forced": {**BASE, "oversubscribe": "FORCE:4"},
        "gang": {**BASE, "preempt": "SUSPEND,GANG"}, "slices": {**BASE, "gpu_is": "mig"},
        "equal": {**BASE, "gpu_is": "mig", "allow_accounts": ["south", "west"]}, "mixed": {**BASE, "gpu_is": "mig", "allow_accounts": "south,north"},
        "cc": {**BASE, "cc": True}, "island": {**BASE, "island": 8}, "own": {**BASE, "island": 8, "oversubscribe": "EXCLUSIVE"},
        "open": {**BASE, "constrain_devices": False}, "north": {**BASE, "tenant": "north"}, "ccisland": {**BASE, "cc": True, "island": 8},
    },
    "reservations": {"mine": {"accounts": ["south"]}, "theirs": "north", "nobody": {}},
}  # fmt: skip
FACTS = slurm_facts.read(TABLE)


def said(table: object) -> Judged:
    """The verdict on a job."""
    return slurm.judge(a.RULE, FACTS, table)


def south(**more: object) -> Json:
    """A job of a restricted account."""
    return {"account": "south", "user": "ann", **more}


GPU = {"tres_per_node": "gres/gpu:2"}
ALLOWED: dict[str, object] = {
    "whole GPUs": south(**GPU),
    "nothing": south(),
    "a count of nothing": south(tres_per_node="gres/shard:0,gpu:0"),
    "a node of slices for equals": south(partition="equal", gres="gpu:1"),
    "an exclusive job in an island": south(partition="island", exclusive=True, **GPU),
    "a flag without a value": south(partition="island", exclusive="", **GPU),
    "all GPUs of a node": south(partition="island", tres_per_node="gpu:8"),
    "all GPUs of two types": south(partition="island", tres_per_node="gpu:a:4,gpu:b:4"),
    "all GPUs of all nodes": south(partition="island", gpus="16", nodes="2"),
    "all GPUs by tasks": south(partition="island", tres_per_task="gpu:1", num_tasks=8, nodes=1),
    "a partition that is exclusive": south(partition="own", **GPU),
    "shards for the public": {"account": "north", "gres": "shard:2", "partition": "forced"},
    "several partitions that are good": south(partition="gpu,own", **GPU),
    "confidential where every node is": {"account": "east", "partition": "cc", **GPU},
    "confidential by a constraint": {"account": "east", "partition": "gpu", "constraint": "fast&cc", **GPU},
    "confidential by each way": {"account": "east", "partition": "gpu", "features": "(cc&a)|(b&cc)", **GPU},
    "no GPU and constrained devices": south(partition="gpu", environment="CUDA_VISIBLE_DEVICES=0", comment="sensitivity=public"),
    "no GPU and none there": south(partition="cpu"),
    "no label and no GPU": {"account": "none", "partition": "cpu"},
    "its own reservation": south(reservation="mine", **GPU),
    "a reservation of nobody": south(reservation="nobody", **GPU),
    "its own partition": {"account": "north", "partition": "north", **GPU},
    "a step within its job": {"job": south(tres_per_node="gpu:2"), "step": {"tres_per_node": "gpu:1"}},
    "a change of its name": {"job": {"account": "south", "gres": "shard:1"}, "change": {"name": "x", "TimeLimit": "1:00", "Comment": "", "priority": 5}},
    "a change to something good": {"job": south(gres="shard:1"), "change": {"TresPerNode": "gpu:1"}},
    "two components that are good": [south(**GPU), south()],
    "another resource": south(gres="nic:2,craynetwork:1"),
    "what Slurm writes for nothing": {**south(**GPU), "shared": 65534, "qos": "(null)"},
}  # fmt: skip
DENIED: dict[str, tuple[str, object]] = {
    "shards": ("8.3", south(tres_per_node="gres/shard:2")),
    "shards of the job": ("8.3", south(tres_per_job="shard:1")),
    "shards of each task": ("8.3", south(tres_per_task="gres:shard:1")),
    "shards of each socket": ("8.3", south(tres_per_socket="shard")),
    "shards beside GPUs": ("8.3", south(tres_per_node="gpu:1,shard:1")),
    "shards in capitals": ("8.3", south(TresPerNode="GRES/SHARD:2")),
    "shards by sbatch": ("8.3", south(gres="shard:1")),
    "shards in a list of everything": ("8.3", south(tres="cpu=2,mem=4G,gres/shard=2")),
    "MPS": ("8.3", south(tres_per_node="mps:50")),
    "a partition that is forced": ("8.3", south(partition="forced", **GPU)),
    "a partition that suspends": ("8.3", south(partition="gang", **GPU)),
    "the worse of two partitions": ("8.3", south(partition="gpu,forced", **GPU)),
    "slices for everybody": ("8.3", south(partition="slices", gres="gpu:1")),
    "slices beside others": ("8.3", south(partition="mixed", gres="gpu:1")),
    "slices by their type": ("8.3", south(partition="gpu", gres="gpu:1g.18gb:1")),
    "slices for the confidential": ("8.3", {"account": "east", "partition": "cc", "gres": "gpu:1g.18gb"}),
    "confidential nowhere": ("8.3", {"account": "east", "partition": "gpu", **GPU}),
    "confidential as a wish": ("8.3", {"account": "east", "partition": "gpu", "prefer": "cc", **GPU}),
    "confidential or not": ("8.3", {"account": "east", "partition": "gpu", "constraint": "cc|fast", **GPU}),
    "confidential on some nodes": ("8.3", {"account": "east", "partition": "gpu", "constraint": "[cc*1&fast*1]", **GPU}),
    "confidential by a name that begins alike": ("8.3", {"account": "east", "partition": "gpu", "constraint": "cc2", **GPU}),
    "confidential in brackets that do not close": ("8.3", {"account": "east", "partition": "gpu", "constraint": "(cc", **GPU}),
    "a raised label": ("8.3", {"account": "north", "qos": "raise", "gres": "shard:1"}),
    "a raised default": ("8.3", {"user": "bob", "gres": "shard:1"}),
    "a label that QOS cannot lower": ("8.3", south(qos="low", gres="shard:1")),
    "the default account": ("8.3", {"user": "ann", "gres": "shard:1"}),
    "no label": ("1.6", {"account": "none", **GPU}),
    "a label outside the four": ("1.6", {"account": "odd", **GPU}),
    "a QOS outside the four": ("1.6", {"account": "north", "qos": "wrong", **GPU}),
    "another's account": ("1.6", {"user": "eve", "account": "south", **GPU}),
    "nobody": ("1.6", {**GPU}),
    "a part of an island": ("8.4", south(partition="island", **GPU)),
    "a part of an island in two spellings": ("8.4", south(partition="island", gres="gpu:4", tres_per_node="gres/gpu:4")),
    "GPUs somewhere in islands": ("8.4", south(partition="island", gpus=8)),
    "exclusive before other users alone": ("8.4", south(partition="island", exclusive="user", **GPU)),
    "exclusive by category": ("8.4", south(partition="island", shared=3, **GPU)),
    "a part of a confidential island": ("8.4", {"account": "east", "partition": "ccisland", **GPU}),
    "asked to share": ("8.5", south(oversubscribe=True, **GPU)),
    "asked to share as a number": ("8.5", south(shared=1, **GPU)),
    "no GPU where every job sees all": ("8.6", south(partition="open")),
    "no GPU and no label where every job sees all": ("8.6", {"account": "none", "partition": "open"}),
    "another's partition": ("8.2", south(partition="north", **GPU)),
    "a partition that is not known": ("8.2", south(partition="gone", **GPU)),
    "another's reservation": ("8.9", south(reservation="theirs", **GPU)),
    "a reservation that is not known": ("8.9", south(reservation="gone", **GPU)),
    "one of two components": ("8.3", [south(**GPU), south(gres="shard:1")]),
    "a component with what stands around it": ("8.3", {"account": "south", "components": [{"gres": "gpu:1"}, {"gres": "shard:1"}]}),
    "a step of another rung": ("8.8", {"job": south(tres_per_node="gpu:2"), "step": {"gres": "shard:1"}}),
    "a change to shards": ("8.3", {"job": south(**GPU), "change": {"TresPerNode": "shard:1"}}),
    "a change of the account": ("8.3", {"job": {"account": "north", "gres": "shard:1"}, "change": {"account": "south"}}),
    "a change of the partition": ("8.3", {"job": south(**GPU), "change": {"partition": "forced"}}),
    "a label that rose while it waited": ("8.3", {"job": south(gres="shard:1"), "event": "start"}),
    "a comment that says otherwise": ("8.3", south(gres="shard:1", comment="sensitivity=public")),
    "a count that is none": ("7", south(gres="gpu:2x")),
    "less than nothing": ("7", south(gres="gpu:-1")),
    "a list of texts and numbers": ("7", south(gres=[{"gpu": 1}])),
    "two accounts": ("7", south(**GPU, Account="north")),
    "a text": ("7", "job"),
    "an account that is an object": ("7", {"account": {"name": "south"}, **GPU}),
}  # fmt: skip


@pytest.mark.parametrize("name", ALLOWED)
def test_a_job_that_the_rule_allows_is_allowed(name: str) -> None:
    """Nothing speaks against a job that asks what its label may have."""
    assert said(ALLOWED[name]).verdict.reasons == ()


@pytest.mark.parametrize("name", DENIED)
def test_a_job_that_the_rule_denies_is_denied_by_its_clause(name: str) -> None:
    """A job that breaks the rule is denied, and the reason names the clause."""
    clause, job = DENIED[name]
    assert clause in a.clauses(said(job).verdict)


@pytest.mark.parametrize(
    "text", ["", "{", '{"account": "south", "account": "north"}', '{"a": NaN}', "\x00", "[" * 100_000]
)
def test_a_job_that_is_no_json_is_denied(text: str) -> None:
    """What cannot be read is denied, and says so."""
    assert a.clauses(judge(a.RULE, FACTS, text.encode()).verdict) == {"7"}


@pytest.mark.parametrize(
    "table",
    [
        [], {"accounts": []}, {"accounts": {"a": 5}}, {"partitions": {"p": {"gpus_per_node": "many"}}},
        {"partitions": {"p": {"cc": "perhaps"}}}, {"partitions": {"p": {"gpus_per_node": -1}}}, {"users": {"a": "b"}},
        {"partitions": {"p": {"constrain_devices": 1}}},
    ],
)  # fmt: skip
def test_facts_that_mean_nothing_are_refused(table: object, tmp_path: pytest.TempPathFactory) -> None:
    """Facts of another shape are no facts: nothing is judged by them."""
    with pytest.raises(Malformed):
        slurm_facts.read(table)
    path = tmp_path / "facts.json"  # type: ignore[operator]
    path.write_text(json.dumps(table))
    with pytest.raises(Malformed):
        load_facts(str(path))


_FEATURE = st.recursive(
    st.sampled_from(["cc", "fast", "big"]),
    lambda inner: st.tuples(inner, st.sampled_from("&|"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
    max_leaves=6,
)


@settings(max_examples=300)
@given(_FEATURE)
def test_a_constraint_requires_what_every_way_to_meet_it_has(text: str) -> None:
    """A feature is required exactly where the constraint is false without it, by all truth tables."""
    python = text.replace("&", " and ").replace("|", " or ")
    without = [
        eval(python, {}, {"cc": False, "fast": fast, "big": big}) for fast in (True, False) for big in (True, False)
    ]
    assert slurm_job.requires(text, "cc") is not any(without)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(["account", "gres", "partition", "exclusive", "nodes", "qos", "shared", "constraint", "reservation", "job", "change", "step"]), st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=6), lambda c: st.lists(c, max_size=2) | st.dictionaries(st.text(max_size=4), c, max_size=2), max_leaves=4)))  # fmt: skip
def test_any_job_gets_a_verdict(table: object) -> None:
    """Whatever a job is, there is a verdict and no fault."""
    assert said(table).verdict.allowed in {True, False}
