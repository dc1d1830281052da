"""`assess isolation:FILE`: rule, cluster, Slurm, measures and log of one configuration, and the verdicts on them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import clusters as a
import msgspec
import pytest
import yaml
from clusters import Json
from in_process import run
from test_slurm_installed import laid

from strongroom.app import isolation_drift, isolation_probe
from strongroom.app.admission_open import REVIEWED, SWITCH
from strongroom.app.assess import assess
from strongroom.app.config import load
from strongroom.app.isolation import load_rule, load_state, render
from strongroom.app.isolation_probe import Probed
from strongroom.app.log import Log
from strongroom.app.log_default import open_or_create, place_of
from strongroom.isolate import rule, uses
from strongroom.isolate.probes import CONTROL, Answered, Outcome, Told
from strongroom.model.codes import EntryKind, Status
from strongroom.model.control import Assessment
from strongroom.model.isolate import Mode, Rendering, Rollout
from strongroom.model.log import LogEntry

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GPU = {"nvidia.com/gpu": "1"}
REPORT = "sha256:" + "5" * 64
NODES = ("n-whole", "n-sliced", "n-mps", "n-mig", "n-slices", "n-cc", "n-devtools", "n-south")


SENSITIVE = {"red": "restricted", "red-two": "restricted", "secret": "confidential"}


def _labelled(found: Json, spaces: dict[str, dict[str, str]]) -> Json:
    """A namespace with the label that selectors see."""
    name = str(found["metadata"]["name"])  # type: ignore[index]
    if found["kind"] != "Namespace" or name not in spaces:
        return found
    return {**found, "metadata": {**found["metadata"], "labels": spaces[name]}}  # type: ignore[dict-item]


class Site:
    """A cluster in a folder, with a log."""

    def __init__(self, folder: Path) -> None:
        """It has no engine, nothing runs, and nothing was measured."""
        self.folder = folder
        self.told: Json = {"rule": str(folder / "rule.yaml"), "state": [str(folder / "state.json")]}
        self.ruled(Mode.DENY)
        self.there()

    def ruled(self, mode: Mode, *reviewed: str) -> None:
        """The rule, enforced like this."""
        rollout = {"default": mode.value, "reviewed": list(reviewed)}
        (self.folder / "rule.yaml").write_text(yaml.safe_dump({**yaml.safe_load(rule.DEFAULT), "rollout": rollout}))

    def there(self, *more: Json) -> None:
        """What the cluster has."""
        spaces = {n: {f"{a.PREFIX}/sensitivity": label} for n, label in SENSITIVE.items()}
        items = [*(_labelled(o, spaces) for o in a.CLUSTER), *more]
        (self.folder / "state.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": items}))

    def measured(self, *gpus: Json, at: datetime | None = NOW, nodes: tuple[str, ...] = NODES) -> Path:
        """What was measured on its nodes."""
        path = self.folder / "uses.json"
        when = {"at": at.isoformat()} if at else {}
        path.write_text(json.dumps({"schema": uses.SCHEMA, "gpus": gpus, "nodes": nodes, **when}))
        self.told["uses"] = [str(path)]
        return path

    @property
    def config(self) -> Path:
        """Its configuration, as it is now."""
        path = self.folder / "isolation.toml"
        lines = [f"{k} = {json.dumps(v)}" for k, v in self.told.items()]
        path.write_text("\n".join(["[log]", f'path = "{self.folder / "log"}"', "[isolation]", *lines, ""]))
        return path

    def log(self, *entries: LogEntry) -> None:
        """Put entries into its log."""
        with self.opened() as log:
            for entry in entries:
                log.record(entry)
            log.publish()

    def opened(self) -> "Log":
        """Its log."""
        self._held = open_or_create(place_of(load(str(self.config))), made=True, offline=True)
        return self._held  # type: ignore[return-value]

    def verdicts(self) -> dict[str, str]:
        """What each check of isolation says."""
        return {f.check: f.status.value for f in self.assessed().findings if f.check.startswith("gpu.isolation")}

    def assessed(self) -> Assessment:
        """Its assessment."""
        return assess([f"isolation:{self.config}"], NOW)

    def why(self, check: str) -> str:
        """The words of a finding."""
        return next(str(f.arguments) for f in self.assessed().findings if f.check == check)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site."""
    return Site(tmp_path)


def entry(
    kind: EntryKind, subject: str, at: datetime = NOW, digests: dict[str, str] | None = None, **fields: object
) -> LogEntry:
    """An entry of the log."""
    return LogEntry(kind=kind, subject=subject, actor="ann", at=at, fields=fields, digests=digests or {})  # type: ignore[arg-type]


def engine(target: str) -> list[Json]:
    """What the rule is rendered to, denying."""
    denying = msgspec.structs.replace(a.RULE, rollout=Rollout(Mode.DENY))
    return [d for one in render(target, Rendering(denying)) for d in yaml.safe_load_all(one.text)]


ENFORCED = "gpu.isolation.kubernetes-enforced"


def test_a_dump_without_an_engine_leaves_open_whether_one_is_there(site: Site) -> None:
    """Nobody asked for webhooks and policies, so nobody knows; it is neither a pass nor a failure."""
    assert site.verdicts()[ENFORCED] == "unknown"


def test_policies_that_are_as_rendered_enforce_the_rule(site: Site) -> None:
    """The policies alone are enough, and one that only warns is not."""
    site.there(*engine("vap"))
    assert site.verdicts()[ENFORCED] == "pass"
    weaker = engine("vap")
    weaker[1]["spec"]["validationActions"] = ["Warn"]  # type: ignore[index]
    site.there(*weaker)
    assert site.verdicts()[ENFORCED] == "fail"


def test_a_webhook_enforces_the_rule_once_a_report_was_reviewed(site: Site) -> None:
    """Installed and denying by its words, it warns until the log has the review; switched off it enforces nothing."""
    site.there(*engine("webhook"))
    site.ruled(Mode.DENY, REPORT)
    assert site.verdicts()[ENFORCED] == "fail"
    assert "reviewed" in site.why(ENFORCED)
    site.log(entry(EntryKind.POLICY_CHANGE, REVIEWED, digests={"report": REPORT}))
    assert site.verdicts()[ENFORCED] == "pass"
    site.ruled(Mode.WARN, REPORT)
    assert site.verdicts()[ENFORCED] == "fail"
    site.ruled(Mode.DENY, REPORT)
    site.log(entry(EntryKind.POLICY_CHANGE, SWITCH, denials="off", reason="a release"))
    assert "a release" in site.why(ENFORCED)
    site.log(entry(EntryKind.POLICY_CHANGE, SWITCH, NOW + timedelta(seconds=1), denials="on", reason=""))
    assert site.verdicts()[ENFORCED] == "pass"


def test_slurm_is_judged_by_its_folder(site: Site) -> None:
    """The rendered files pass, and without ConstrainDevices they do not; a folder that is not there is unknown."""
    site.told["slurm"] = str(site.folder / "slurm")
    assert site.verdicts()["gpu.isolation.slurm-enforced"] == "unknown"
    (site.folder / "slurm").mkdir()
    laid(site.folder / "slurm")
    assert site.verdicts()["gpu.isolation.slurm-enforced"] == "pass"
    (site.folder / "slurm" / "cgroup.conf").write_text("ConstrainDevices=no\n")
    assert site.verdicts()["gpu.isolation.slurm-enforced"] == "fail"


def probed(site: Site, passed: bool | None, at: datetime) -> None:
    """A probe in the log."""
    answers = (Answered(CONTROL, Outcome.LET_IN, ""), Answered("x", Outcome.REJECTED, "by sensitive"))
    found = Probed("127.0.0.1:6443", "red", answers, Told(passed, "1 was rejected"))
    with site.opened() as log:
        isolation_probe.record(log, load_rule(str(site.told["rule"])), found, at)
        log.publish()


@pytest.mark.parametrize(
    ("passed", "days", "status"), [(True, 1, "pass"), (True, 31, "fail"), (False, 1, "fail"), (None, 1, "fail")]
)
def test_a_probe_counts_for_a_month(site: Site, passed: bool | None, days: int, status: str) -> None:
    """A probe that passed not long ago is what shows a rejection."""
    assert site.verdicts()["gpu.isolation.probed"] == "fail"
    probed(site, passed, NOW - timedelta(days=days))
    assert site.verdicts()["gpu.isolation.probed"] == status


def test_a_probe_of_another_rule_is_none(site: Site) -> None:
    """The rule was changed since: what was rejected then says nothing of it."""
    probed(site, passed=True, at=NOW)
    text = (site.folder / "rule.yaml").read_text().replace("least: mig", "least: whole")
    (site.folder / "rule.yaml").write_text(text)
    assert site.verdicts()["gpu.isolation.probed"] == "fail"


def remembered(site: Site, days: list[float], *gpus: Json, nodes: tuple[str, ...] = NODES) -> None:
    """Measures of so many days ago in the log."""
    path, judged = site.measured(*gpus, nodes=nodes), load_rule(str(site.told["rule"]))
    found = isolation_drift.measure(judged, load_state([str(site.folder / "state.json")]).state, [str(path)])
    with site.opened() as log:
        for ago in days:
            isolation_drift.record(log, judged, found, NOW - timedelta(days=ago))
        log.publish()


EACH_DAY = [n * 0.9 for n in range(36)]
RED = a.pod("red", "r", GPU, nodeName="n-whole", status={"phase": "Running"})
OPEN = a.pod("open", "o", GPU, nodeName="n-whole", status={"phase": "Running"})
TOGETHER: Json = {"node": "n-whole", "uuid": "G", "mig": False, "allocated": ["red/r", "open/o"]}
ALONE: Json = {"node": "n-whole", "uuid": "G", "mig": False, "allocated": ["red/r"]}


@pytest.mark.parametrize(
    ("days", "nodes", "status"),
    [
        (EACH_DAY, NODES, "pass"),
        (EACH_DAY[:20], NODES, "unknown"),
        ([n for n in EACH_DAY if not 10 < n < 12], NODES, "unknown"),
        (EACH_DAY[3:], NODES, "unknown"),
        (EACH_DAY, NODES[:-1], "unknown"),
        ([], NODES, "unknown"),
    ],
    ids=["whole", "short", "a gap", "stopped", "a node unmeasured", "none"],
)
def test_an_audit_needs_thirty_days_without_a_gap(
    site: Site, days: list[float], nodes: tuple[str, ...], status: str
) -> None:
    """Only a whole month of measures of all nodes shows that nobody met."""
    site.there(RED)
    remembered(site, days, ALONE, nodes=nodes)
    assert site.verdicts()["gpu.isolation.nobody-met"] == status


def test_one_meeting_in_the_month_is_a_failure(site: Site) -> None:
    """Who was on one GPU with whom he must not meet is named, though it is over."""
    site.there(RED, OPEN)
    remembered(site, [12.0], TOGETHER)
    site.there(RED)
    remembered(site, EACH_DAY, ALONE)
    assert site.verdicts()["gpu.isolation.nobody-met"] == "fail"
    assert "mixed-gpu" in site.why("gpu.isolation.nobody-met")


NOWS = ("divided", "as-configured", "no-uninvited")


def now_of(site: Site) -> tuple[str, ...]:
    """What the checks of the present measure say."""
    found = site.verdicts()
    return tuple(found[f"gpu.isolation.{name}"] for name in NOWS)


def test_a_fresh_measure_of_all_nodes_is_judged(site: Site) -> None:
    """What it does not find is a pass, and what it finds is a failure of the check that asks for it."""
    site.there(RED, OPEN)
    site.measured(ALONE)
    assert now_of(site) == ("pass", "pass", "pass")
    site.measured(TOGETHER)
    assert now_of(site) == ("fail", "fail", "pass")
    site.measured({**ALONE, "processes": [{"pid": 7}]})
    assert now_of(site) == ("pass", "pass", "fail")


@pytest.mark.parametrize("at", [NOW - timedelta(hours=25), NOW + timedelta(hours=1), None])
def test_an_old_measure_says_nothing_of_now(site: Site, at: datetime | None) -> None:
    """A measure of yesterday, of tomorrow or of no time is unknown, and never a pass."""
    site.there(RED)
    site.measured(ALONE, at=at)
    assert now_of(site) == ("unknown", "unknown", "unknown")


def test_a_node_that_was_not_measured_leaves_it_open(site: Site) -> None:
    """GPUs of which nobody knows anything are not fine."""
    site.there(RED)
    site.measured(ALONE, nodes=NODES[:3])
    assert now_of(site) == ("unknown", "unknown", "unknown")


def test_what_runs_is_judged_by_the_rule(site: Site) -> None:
    """A sensitive pod on a shared GPU, and one that reaches devices, are failures of their checks."""
    assert site.verdicts()["gpu.isolation.rungs"] == "pass"
    shared = a.pod("red", "s", GPU, nodeName="n-sliced", status={"phase": "Running"})
    reaching = a.pod("open", "h", nodeName="n-whole", hostPID=True, status={"phase": "Running"})
    site.there(shared, reaching)
    found = site.verdicts()
    assert (found["gpu.isolation.rungs"], found["gpu.isolation.nothing-reaches"]) == ("fail", "fail")


@pytest.mark.parametrize(
    ("change", "unknowns"),
    [
        ({"state": ["gone.json"]}, {"kubernetes-enforced", "rungs", "nothing-reaches"}),
        ({"rule": "gone.yaml"}, {"kubernetes-enforced", "rungs", "nothing-reaches", "probed", "nobody-met"}),
        ({"uses": ["gone.json"]}, {"divided", "as-configured", "no-uninvited"}),
        ({"kubeconfig": "gone.yaml"}, {"kubernetes-enforced", "rungs", "nothing-reaches"}),
    ],
)
def test_what_cannot_be_read_is_unknown(site: Site, change: Json, unknowns: set[str]) -> None:
    """A file that is not there leaves open what it would have told, and passes nothing."""
    site.told |= change
    found = site.verdicts()
    assert {f"gpu.isolation.{name}" for name in unknowns} <= {c for c, s in found.items() if s == "unknown"}
    assert not any(s == "pass" for c, s in found.items() if c.removeprefix("gpu.isolation.") in unknowns)


def test_a_damaged_log_is_unknown(site: Site) -> None:
    """A log that cannot be read shows neither a probe nor a month."""
    probed(site, passed=True, at=NOW)
    for path in (site.folder / "log").rglob("*"):
        if path.is_file():
            path.write_bytes(b"\0" * 64)
    found = site.verdicts()
    assert found["gpu.isolation.probed"] == "unknown"
    assert found["gpu.isolation.nobody-met"] == "unknown"


@pytest.mark.parametrize("text", ["", "[isolation", "isolation = 5", "[isolation]\nstates = 5\n", "\xff"])
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    """A file without the section, or that is no TOML, ends the command with a hint; unknown keys are never a pass."""
    (tmp_path / "x.toml").write_text(text, encoding="latin-1")
    found = run("assess", "isolation:x.toml", cwd=tmp_path)
    assert found.returncode in {2, 3}
    assert "Traceback" not in found.stderr
    assert found.returncode == 2 or "states" in found.stdout


def test_the_month_is_told_by_the_commands(site: Site) -> None:
    """What `isolate drift --record` puts into the log is what the assessment counts."""
    site.there(RED)
    site.measured(ALONE)
    site.log()
    words = (
        "isolate",
        "drift",
        "--state",
        "state.json",
        "--uses",
        "uses.json",
        "--rule",
        "rule.yaml",
        "--record",
        "--log",
        "log",
        "--offline",
    )
    made = run(*words, cwd=site.folder)
    assert made.returncode == 0, made.stderr
    assert "log entry" in made.stdout
    assert [f.status for f in site.assessed().findings if f.check == "gpu.isolation.nobody-met"] == [Status.UNKNOWN]
    assert run("assess", "isolation:isolation.toml", cwd=site.folder).returncode in {1, 3}
