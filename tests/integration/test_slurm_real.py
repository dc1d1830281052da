"""The rule on Slurm's real daemons: as jobs are sent, changed and started, and where a node must not go on."""

import json
import pwd
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import clusters as a
import pytest
import slurm_lab
from slurm_lab import Lab

from strongroom.app.scrub import emulate
from strongroom.isolate import slurm_facts
from strongroom.isolate.targets import scrub as between
from strongroom.isolate.targets import slurm as target
from strongroom.scrub.devices.cpu import CpuDevice

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


def idle(held: Lab) -> None:
    """Wait until the node has nothing to do, no prolog and no epilog either."""
    until = time.monotonic() + slurm_lab.UP
    while held.node() != "IDLE":
        assert time.monotonic() < until, held.node()
        time.sleep(0.2)


def uids() -> dict[str, str]:
    """The names of the users of these tests, by number."""
    return {str(pwd.getpwnam(n).pw_uid): n for n in ("nobody", "daemon", "root")}


def files(folder: Path) -> dict[str, str]:
    """The rendered rule, with facts of this cluster; prologs and an epilog that hand over emulated cards, one for each GPU."""
    here = f"#!/bin/sh\nexport SLURM_CONF={folder}/slurm.conf STRONGROOM_FACTS={folder}/facts.json\nexec 2>>{folder}/prolog.log\n"
    prolog = target.prolog(str(folder)).replace("exec strongroom", f"exec {sys.executable} -P -m strongroom")
    return {
        "job_submit.lua": target.script(a.RULE, str(folder / target.FACTS)),
        target.FACTS: target.facts_table(slurm_facts.read(TABLE), uids()),
        "facts.json": json.dumps(TABLE),
        "prolog.sh": prolog.replace("#!/bin/sh\n", here),
        "prolog-ready.sh": scrub_script(between.prolog(), folder),
        "epilog.sh": scrub_script(between.epilog(), folder),
        "gpus.json": json.dumps({str(n): {"uuid": f"CPU-{n}"} for n in range(2)}),
    }


def scrub_script(text: str, folder: Path) -> str:
    """A rendered script, as it is but for where things are, and for the cards that stand for GPUs."""
    here = f"""#!/bin/sh
export SLURM_CONF={folder}/slurm.conf STRONGROOM_GPUS={folder}/gpus.json STRONGROOM_LOCK={folder}/lock XDG_STATE_HOME={folder}/scrubs
echo "$0 $SLURM_JOB_ID ${{SLURM_JOB_GPUS:-}}" >>{folder}/scrub.log; exec 2>>{folder}/scrub.log
"""
    program = f"exec {sys.executable} -P -m strongroom"
    assert text.count("exec strongroom") == text.count(" --table") == 1
    cards = f" --device cpu --card {folder}/cards --table"
    return text.replace("exec strongroom", program).replace(" --table", cards).replace("#!/bin/sh\n", here)


@pytest.fixture(scope="module")
def held() -> Iterator[Lab]:
    """A cluster with the rendered rule."""
    with slurm_lab.lab(files, "JobSubmitPlugins=lua\nProlog=FOLDER/prolog*.sh\nEpilog=FOLDER/epilog.sh") as made:
        for n in range(2):
            emulate(made.folder / f"cards/CPU-{n}", f"CPU-{n}", 8, keeps=True)
        booted = strongroom(made, "handover", "--cause", "boot", "--numbers", "all")
        assert booted.returncode == 0, booted.stdout + booted.stderr
        yield made


def strongroom(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    """The program on the node, as root."""
    argv = [sys.executable, "-P", "-m", "strongroom", "scrub", *words, "--node", socket.gethostname()]
    cards = ["--device", "cpu", "--card", str(lab.folder / "cards"), "--table", str(lab.folder / "gpus.json")]
    env = {**lab.env, "XDG_STATE_HOME": str(lab.folder / "scrubs")}
    return subprocess.run([*argv, *cards], capture_output=True, text=True, env=env, check=False)


def entries(lab: Lab) -> list[dict[str, object]]:
    """The fields of every entry of the node's log."""
    argv = [sys.executable, "-P", "-m", "strongroom", "log", "export"]
    env = {**lab.env, "XDG_STATE_HOME": str(lab.folder / "scrubs")}
    told = subprocess.run(argv, capture_output=True, text=True, env=env, check=True).stdout
    return [json.loads(line)["entry"]["fields"] for line in told.splitlines()]


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


def test_the_gpu_of_a_job_is_scrubbed_before_the_next(held: Lab) -> None:
    """The epilog reads what a tenant left, clears it, and logs which job; the next tenant's prolog relies on that entry."""
    idle(held)
    for card in held.folder.glob("cards/*/memory"):  # whichever of them Slurm gives
        data = bytearray(card.read_bytes())
        data[1 << 20 : (1 << 20) + 16] = b"a tenant's words"
        card.write_bytes(data)
    before = len(entries(held))
    first = held.submit("--gres=gpu:1").stdout.strip()
    assert held.eventually(first, "COMPLETED") == "COMPLETED"
    second = held.submit("--gres=gpu:1", user="daemon").stdout.strip()
    assert held.eventually(second, "COMPLETED") == "COMPLETED", (held.folder / "scrub.log").read_text()
    told = entries(held)[before:]
    scrubs = [e for e in told if e["what"] == "scrub" and e["jobs"] == [first]]
    assert [(e["outcome"], e["remains"], e["left"]) for e in scrubs] == [("scrubbed", "leak", 16)]
    assert not any((held.folder / f"cards/{scrubs[0]['gpu']}/memory").read_bytes())
    ends = [before + n for n, e in enumerate(told) if e["what"] == "handover-end" and e["jobs"] == [first]]
    starts = [e for e in told if e["what"] == "start" and e["jobs"] == [second]]
    assert [(e["ok"], e["relies-on"]) for e in starts] == [(True, [str(ends[0])])]


def test_jobs_that_shared_a_gpu_are_scrubbed_after(held: Lab) -> None:
    """Jobs with shards of a GPU end one by one: each drains the node, and it takes jobs again when the GPU was handed over."""
    idle(held)
    before = len(entries(held))
    for card in held.folder.glob("cards/*/memory"):
        data = bytearray(card.read_bytes())
        data[1 << 20 : (1 << 20) + 16] = b"a sharer's words"
        card.write_bytes(data)
    both = [held.submit("--gres=shard:2", user="daemon").stdout.strip() for _ in range(2)]
    for job in both:
        assert held.eventually(job, "COMPLETED") == "COMPLETED"
    until = time.monotonic() + slurm_lab.UP
    while held.node() != "IDLE" and time.monotonic() < until:
        time.sleep(0.2)
    told = entries(held)[before:]
    assert held.node() == "IDLE", (held.folder / "scrub.log").read_text()
    ends = [e for e in told if e["what"] == "handover-end"]
    assert [(e["ended"], e["causes"][0].startswith("shared: job ")) for e in ends] == [("good", True)] * len(ends)  # type: ignore[index]
    assert {job for e in ends for job in e["jobs"]} == set(both)  # type: ignore[attr-defined]
    stages = [e["stage"] for e in told if e.get("stage")]
    assert stages == ["cordon", "scrub", "health", "uncordon"] * len(ends)
    scrubbed = {e["gpu"] for e in told if e["what"] == "scrub"}
    assert scrubbed
    assert not any(any((held.folder / f"cards/{gpu}/memory").read_bytes()) for gpu in scrubbed)
    whole = held.submit("--gres=gpu:1").stdout.strip()
    assert held.eventually(whole, "COMPLETED") == "COMPLETED", (held.folder / "scrub.log").read_text()


def test_a_sharer_that_is_still_there_holds_the_node(held: Lab) -> None:
    """While another of them uses the GPU it is not scrubbed: the node stays drained, and the reason is ours."""
    idle(held)
    guest = CpuDevice("CPU-0", held.folder / "cards/CPU-0")
    guest.open(lambda _: 1.0)
    try:
        job = held.submit("--gres=shard:1", user="daemon").stdout.strip()
        assert held.eventually(job, "COMPLETED") == "COMPLETED"
        assert drained(held), (held.folder / "scrub.log").read_text()
        shown = held.run("scontrol", "show", "node", "-o").stdout
        assert "Reason=strongroom scrub " in shown
        idle_not = held.submit("--gres=gpu:1").stdout.strip()
        assert held.state(idle_not) == "PENDING"
    finally:
        guest.close()
    again = strongroom(held, "handover", "--numbers", "0,1", "--scheduler", "slurm")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "DRAIN" not in held.node()
    held.run("scancel", idle_not)


def test_a_node_whose_scrub_fails_takes_no_next_tenant(held: Lab) -> None:
    """An epilog that cannot scrub drains the node; the next tenant's job waits until a handover went well and it is resumed."""
    idle(held)
    card = held.folder / "cards/CPU-0/card.json"
    whole = card.read_text()
    broken = json.loads(whole)
    broken["spec"]["reserved"] = 40  # of 128 granules: far from all of its memory can be reached
    before = len(entries(held))
    first = held.submit("--gres=gpu:1", "--hold").stdout.strip()
    card.write_text(json.dumps(broken))
    assert held.run("scontrol", "release", first).returncode == 0
    assert held.eventually(first, "COMPLETED") == "COMPLETED"
    assert drained(held), (held.folder / "scrub.log").read_text()
    second = held.submit("--gres=gpu:1", user="daemon").stdout.strip()
    assert held.state(second) == "PENDING"
    told = entries(held)[before:]
    assert "more than 98.0 % are wanted" in str([e["reasons"] for e in told if e["what"] == "scrub"])
    assert strongroom(held, "ready", "--numbers", "0").returncode == 1
    held.resume()  # too early: the prolog asks again, and the job is held
    assert drained(held), (held.folder / "scrub.log").read_text()
    assert held.eventually(second, "PENDING", "COMPLETED") == "PENDING"
    card.write_text(whole)
    again = strongroom(held, "handover", "--numbers", "0")
    assert again.returncode == 0, again.stdout
    held.run("scancel", second)  # Slurm itself waits two minutes before it starts a job again
    held.resume()
    third = held.submit("--gres=gpu:1", user="daemon").stdout.strip()
    assert held.eventually(third, "COMPLETED") == "COMPLETED", (held.folder / "scrub.log").read_text()


def test_a_failed_gpu_is_drained_reset_and_given_back(held: Lab) -> None:
    """Cordon and uncordon are a drain and a resume of the real node; a drain of an admin is left as it is."""
    idle(held)
    found = strongroom(held, "handover", "--numbers", "1", "--cause", "xid:79", "--scheduler", "slurm")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "DRAIN" not in held.node()
    told = [e for e in entries(held) if e.get("stage") and e["causes"] == ["xid: 79"]]
    assert [(e["stage"], e["ok"]) for e in told] == [
        (s, True) for s in ("cordon", "reset", "scrub", "health", "uncordon")
    ]
    assert told[0]["detail"].startswith("ours: strongroom scrub ")  # type: ignore[attr-defined]
    name = f"NodeName={socket.gethostname()}"
    held.run("scontrol", "update", name, "State=DRAIN", "Reason=bad fan")
    try:
        found = strongroom(held, "handover", "--numbers", "1", "--cause", "ecc", "--scheduler", "slurm")
        assert found.returncode == 0, found.stdout
        assert "another holds it: bad fan" in found.stdout
        assert drained(held)
    finally:
        held.resume()
