"""What the rule is rendered to: sound documents, of the rule and nothing else."""

import subprocess
from pathlib import Path

import clusters as a
import msgspec
import pytest
import yaml
from in_process import run

from strongroom.app.isolation import put, render, targets
from strongroom.isolate.targets import slurm
from strongroom.model.errors import NotFound
from strongroom.model.isolate import Mode, Rendering, Rollout

NAMES = sorted(targets())


@pytest.mark.parametrize("name", NAMES)
def test_a_target_is_rendered_whole_and_the_same_each_time(name: str, tmp_path: Path) -> None:
    """Documents with names of their own, YAML where they say so, scripts that a shell can read; no chance in them."""
    made = render(name, Rendering(a.RULE))
    assert made == render(name, Rendering(a.RULE))
    assert len({d.name for d in made}) == len(made) > 0
    put(made, tmp_path)
    for document in made:
        assert (tmp_path / document.name).read_text() == document.text
        if document.name.endswith(".yaml"):
            objects = list(yaml.safe_load_all(document.text))
            assert all({"apiVersion", "kind", "metadata"} <= set(o) for o in objects)
            assert len({(o["kind"], o["metadata"]["name"]) for o in objects}) == len(objects)
        if document.name.endswith(".sh"):
            subprocess.run(["sh", "-n", str(tmp_path / document.name)], check=True)


def test_every_target_says_what_it_cannot_hold() -> None:
    """The list of targets is what a person decides by."""
    assert {"vap", "webhook", "kyverno", "gatekeeper", "kueue", "dra", "nodes", "slurm"} <= set(NAMES)
    assert all(t.kept and t.title for t in targets().values())
    with pytest.raises(NotFound):
        render("nothing", Rendering(a.RULE))


@pytest.mark.parametrize(
    ("mode", "vap", "gatekeeper"), [(Mode.OBSERVE, ["Audit"], "dryrun"), (Mode.WARN, ["Warn", "Audit"], "warn"), (Mode.DENY, ["Deny", "Audit"], "deny")]
)  # fmt: skip
def test_a_target_enforces_as_far_as_the_rule_says(mode: Mode, vap: list[str], gatekeeper: str) -> None:
    """Observed rules are audited, and only a denying one denies."""
    rule = msgspec.structs.replace(a.RULE, rollout=Rollout(mode))
    text = render("vap", Rendering(rule))[0].text
    found = {tuple(o["spec"]["validationActions"]) for o in yaml.safe_load_all(text) if o["kind"].endswith("Binding")}
    assert found == {tuple(vap)}
    constraints = render("gatekeeper", Rendering(rule))[1].text
    assert {o["spec"]["enforcementAction"] for o in yaml.safe_load_all(constraints)} == {gatekeeper}


def test_the_rule_is_in_what_is_rendered() -> None:
    """Other labels, exempt namespaces and admins make other documents."""
    other = msgspec.structs.replace(a.RULE, exempt_namespaces=("platform",), admins={"groups": ("gpu-office",)})
    text = render("vap", Rendering(other))[0].text
    assert "gpu-office" in text
    assert "platform" in text
    assert "system:masters" not in text
    assert "isolation-admins" not in text


def test_the_webhook_waits_for_sensitive_tenants_alone() -> None:
    """Sensitive namespaces fail closed, others go on, nobody's heartbeat asks, and an address and its authority are put in."""
    made = yaml.safe_load(render("webhook", Rendering(a.RULE, "https://127.0.0.1:8443/v1/admit", "PEM"))[0].text)
    hooks = {h["name"].partition(".")[0]: h for h in made["webhooks"]}
    assert {n: h["failurePolicy"] for n, h in hooks.items()} == {
        "sensitive": "Fail", "others": "Ignore", "exempt": "Ignore", "sources": "Fail", "plugin-config": "Fail", "nodes": "Fail",
    }  # fmt: skip
    assert all(h["clientConfig"]["url"] == "https://127.0.0.1:8443/v1/admit" for h in hooks.values())
    assert all(h["sideEffects"] == "NoneOnDryRun" and h["timeoutSeconds"] <= 5 for h in hooks.values())
    rules = hooks["sensitive"]["rules"]
    names = {r for rule in rules for r in rule["resources"]}
    assert {"pods", "pods/binding", "pods/ephemeralcontainers", "pods/resize", "resourceclaims/status"} <= names


def test_the_prolog_reads_no_word_that_a_user_writes() -> None:
    """Names and comments of jobs are not among the columns, and without a record nothing starts."""
    text = slurm.prolog("/somewhere")
    assert "scontrol show job" not in text
    assert not {"name", "comment", "command", "workdir"} & {
        w.lower() for w in text.split('-O "')[1].split('"')[0].replace(":", ",").split(",")
    }
    assert "exit 1" in text


def test_the_command_lists_and_writes(tmp_path: Path) -> None:
    """Without a target they are listed; with one, files are written or printed."""
    listed = run("isolate", "render", cwd=tmp_path)
    assert listed.returncode == 0
    assert all(n in listed.stdout for n in NAMES)
    assert run("isolate", "render", "slurm", "-o", "s", cwd=tmp_path).returncode == 0
    wanted = {"job_submit.lua", "strongroom_facts.lua", "strongroom_prolog.sh", "cgroup.conf", "slurm.conf.part"}
    assert {p.name for p in (tmp_path / "s").iterdir()} == wanted
    assert run("isolate", "render", "nothing", cwd=tmp_path).returncode == 2
