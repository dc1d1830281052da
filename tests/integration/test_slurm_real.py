"""The rule on Slurm's real daemons: as jobs are sent, changed and started, and where a node must not go on."""

import json
import pwd
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import clusters as a
import pytest
import slurm_lab
from slurm_lab import Lab

from strongroom.isolate import slurm_facts
from strongroom.isolate.targets import slurm as target

pytestmark = pytest.mark.integration

TABLE = {
    "accounts": {"south": "restricted", "north": "public"},
    "qos": {},
    "users": {"nobody": {"account": "south", "accounts": ["south"]}, "daemon": {"account": "north", "accounts": ["north"]}},
    "partitions": {"gpu": {"gpus_per_node": 2, "gpu_is": "whole", "constrain_devices": True, "default": True}},
    "reservations": {},
}  # fmt: skip
# What a site would write first: it looks when a job is sent, and believes what its user says.
NAIVE = """
function slurm_job_submit(d, p, uid)
  if string.find(d.comment or "", "restricted") and string.find(d.tres_per_node or "", "shard") then return slurm.ERROR end
  return slurm.SUCCESS
end
function slurm_job_modify(d, r, p, uid) return slurm.SUCCESS end
return slurm.SUCCESS
"""


def drained(held: Lab) -> bool:
    """Whether the node takes nothing any more, once it had the time to say so."""
    until = time.monotonic() + slurm_lab.UP
    while "DRAIN" not in held.node() and time.monotonic() < until:
        time.sleep(0.2)
    return "DRAIN" in held.node()


def uids() -> dict[str, str]:
    """The names of the users of these tests, by number."""
    return {str(pwd.getpwnam(n).pw_uid): n for n in ("nobody", "daemon", "root")}


def files(folder: Path) -> dict[str, str]:
    """The rendered rule, with facts of this cluster, and an epilog that a test can make fail."""
    here = f"#!/bin/sh\nexport SLURM_CONF={folder}/slurm.conf STRONGROOM_FACTS={folder}/facts.json\nexec 2>>{folder}/prolog.log\n"
    prolog = target.prolog(str(folder)).replace("exec strongroom", f"exec {sys.executable} -P -m strongroom")
    return {
        "job_submit.lua": target.script(a.RULE, str(folder / target.FACTS)),
        target.FACTS: target.facts_table(slurm_facts.read(TABLE), uids()),
        "facts.json": json.dumps(TABLE),
        "prolog.sh": prolog.replace("#!/bin/sh\n", here),
        "epilog.sh": f"#!/bin/sh\n[ ! -e {folder}/not-scrubbed ]\n",
    }


@pytest.fixture(scope="module")
def held() -> Iterator[Lab]:
    """A cluster with the rendered rule."""
    with slurm_lab.lab(files, "JobSubmitPlugins=lua\nProlog=FOLDER/prolog.sh\nEpilog=FOLDER/epilog.sh") as made:
        yield made


def test_the_label_stripping_attack_works_on_a_rule_that_only_looks_at_submission() -> None:
    """A held job loses its label by a change of its comment, and gets what it may not have: what ours must stop."""
    with slurm_lab.lab(lambda _: {"job_submit.lua": NAIVE}, "JobSubmitPlugins=lua") as naive:
        assert naive.submit("--gres=shard:1", "--comment=sensitivity=restricted").returncode != 0
        sent = naive.submit("--hold", "--gres=gpu:1", "--comment=sensitivity=restricted")
        assert sent.returncode == 0, sent.stderr
        job = sent.stdout.strip()
        assert naive.run("scontrol", "update", f"JobId={job}", "Comment=harmless", user="nobody").returncode == 0
        assert (
            naive.run("scontrol", "update", f"JobId={job}", "TresPerNode=gres/shard:2", user="nobody").returncode == 0
        )
        assert naive.run("scontrol", "release", job, user="nobody").returncode == 0
        assert naive.eventually(job, "COMPLETED") == "COMPLETED"


@pytest.mark.parametrize(
    ("options", "good"),
    [
        (["--gres=gpu:1"], True),
        (["--gpus=2"], True),
        ([], True),
        (["--gres=shard:1"], False),
        (["--gres=shard:1", "--comment=sensitivity=public"], False),
        (["--gres=gpu:1", "--oversubscribe"], False),
        (["--gres=gpu:1", "--account=north"], False),
        (["--gres=shard:1", "--account=north"], False),
        (["--gres=shard:0"], True),
    ],
)
def test_a_restricted_user_gets_whole_gpus_and_nothing_less(held: Lab, options: list[str], good: bool) -> None:
    """What a job asks is judged by its user's account, whatever the job says of itself."""
    sent = held.submit(*options)
    assert (sent.returncode == 0) is good, sent.stderr
    if good:
        assert held.eventually(sent.stdout.strip(), "COMPLETED") == "COMPLETED"
    else:
        assert "gpu isolation" in sent.stderr


def test_shards_are_for_who_may_share(held: Lab) -> None:
    """A public user's shards are packed as Slurm does."""
    sent = held.submit("--gres=shard:2", user="daemon")
    assert sent.returncode == 0, sent.stderr
    assert held.eventually(sent.stdout.strip(), "COMPLETED") == "COMPLETED"


def test_a_change_is_judged_by_the_job_that_results(held: Lab) -> None:
    """The attack is stopped: the comment may change, the resources and the account may not, and the job still runs."""
    sent = held.submit("--hold", "--gres=gpu:1", "--comment=sensitivity=restricted")
    job = sent.stdout.strip()
    assert held.run("scontrol", "update", f"JobId={job}", "Comment=harmless", user="nobody").returncode == 0
    for change in ("TresPerNode=gres/shard:2", "Account=north", "OverSubscribe=yes"):
        assert held.run("scontrol", "update", f"JobId={job}", change, user="nobody").returncode != 0, change
    assert held.run("scontrol", "update", f"JobId={job}", "TimeLimit=10", user="nobody").returncode == 0
    assert held.run("scontrol", "release", job, user="nobody").returncode == 0
    assert held.eventually(job, "COMPLETED") == "COMPLETED"


def test_a_label_that_rose_while_a_job_waited_stops_it_at_its_start(held: Lab) -> None:
    """The prolog asks again: the job does not run, and the node takes nothing until somebody has looked."""
    sent = held.submit("--hold", "--gres=shard:1", user="daemon")
    job = sent.stdout.strip()
    facts = held.folder / "facts.json"
    before = facts.read_text()
    facts.write_text(json.dumps({**TABLE, "accounts": {"south": "restricted", "north": "restricted"}}))
    try:
        assert held.run("scontrol", "release", job, user="daemon").returncode == 0
        assert held.eventually(job, "PENDING", "COMPLETED", "FAILED") == "PENDING"
        assert drained(held), (held.folder / "prolog.log").read_text()
    finally:
        facts.write_text(before)
        held.run("scancel", job)
        held.resume()


def test_a_node_that_is_not_scrubbed_takes_no_next_tenant(held: Lab) -> None:
    """An epilog that fails drains the node; the next tenant's job waits until it is resumed."""
    mark = held.folder / "not-scrubbed"
    mark.touch()
    try:
        first = held.submit("--gres=gpu:1").stdout.strip()
        assert held.eventually(first, "COMPLETED") == "COMPLETED"
        assert drained(held)
        second = held.submit("--gres=gpu:1", user="daemon").stdout.strip()
        assert held.state(second) == "PENDING"
    finally:
        mark.unlink()
    held.resume()
    assert held.eventually(second, "COMPLETED") == "COMPLETED"
