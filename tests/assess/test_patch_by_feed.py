"""Versions of hosts by the feed that is kept: what it says counts before the list of this release, and never as better."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from in_process import run

import host_records as hosts
import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.app.feeds_join import FeedLook, join_feeds
from strongroom.assess.judge import judge
from strongroom.collect.feeds import csaf, products
from strongroom.model.advisory import Document, Feed
from strongroom.model.codes import Status
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

P, F, U = Status.PASS, Status.FAIL, Status.UNKNOWN
DRIVER, TOOLKIT = "gpu.host.driver-patched", "gpu.host.toolkit-patched"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def told(what: str, verdict: str) -> dict[str, Value]:
    """What the feed says."""
    return {f"patch.{what}": verdict, f"patch.{what}_why": "because", f"patch.{what}_fix": "9", f"patch.{what}_of": "8"}


@pytest.mark.parametrize(
    ("version", "verdict", "wanted"),
    [
        ("580.159.03", "affected", F), ("580.159.03", "fixed", P), ("535.129.03", "fixed", P), ("580.159.03", "conditional", U),
        ("580.159.03", "not-listed", U), ("570.211.01", "not-listed", F), ("600.1", "not-listed", U), ("535.129.03", "stale", F),
        ("580.159.03", "stale", P), ("580.159.03", "", U),
    ],
)  # fmt: skip
def test_the_feed_counts_before_the_list(version: str, verdict: str, wanted: Status) -> None:
    """Affected fails and fixed passes whatever the list says; not listed is never good; a stale feed leaves it to the list."""
    facts: dict[str, Value] = {"gpu.driver": version, **told("driver", verdict)}
    assert judge(catalogue().checks[DRIVER], synthetic.asset(Kind.HOST, facts), NOW).status is wanted
    other = {"535.129.03": "1.17.4", "570.211.01": "1.17.4", "580.159.03": "1.19.1", "600.1": "x"}[version]
    facts = {"version.container_toolkit": other, **told("toolkit", verdict)}
    assert judge(catalogue().checks[TOOLKIT], synthetic.asset(Kind.HOST, facts), NOW).status is wanted


def feed() -> Feed:
    """One bulletin."""
    rows = (
        csaf.claim(
            "CVE-2026-1001",
            products.named("Tesla", "Linux(R580)"),
            "All driver versions prior to 580.200.01",
            ["580.200.01"],
        ),
        csaf.claim(
            "CVE-2026-1002", products.named("NVIDIA Container Toolkit", "Linux"), "All versions prior to 1.20", ["1.20"]
        ),
    )
    return Feed((Document("7000", "b", "2026-05-30", f"sha256:{'a' * 64}", rows),))


def judged(facts: dict[str, Value], held: Feed | None = None) -> dict[str, Value]:
    """The facts of a host once the feed was asked."""
    host: Asset = synthetic.asset(Kind.HOST, facts)
    found = join_feeds(Estate((host,), (), (), NOW), FeedLook(feed() if held is None else held), NOW)
    return {n: f.value for n, f in found.assets[0].facts.items() if n.startswith("patch.")}


def test_versions_of_hosts_are_judged() -> None:
    """Driver and toolkit get the verdict, the reason, the fix, and the version that was judged."""
    found = judged({"gpu.driver": "580.159.03", "version.container_toolkit": "1.20.1"})
    assert (found["patch.driver"], found["patch.driver_fix"], found["patch.driver_of"]) == (
        "affected",
        "580.200.01",
        "580.159.03",
    )
    assert found["patch.toolkit"] == "fixed"
    assert "7000" in str(found["patch.driver_why"])


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"gpu.driver": ""},
        {"gpu.driver": synthetic.NOT_KNOWN},
        {"gpu.driver": "6.12.12", "gpu.model": "AMD Instinct MI300X"},
    ],
)
def test_what_has_no_version_of_nvidias_is_not_judged(facts: dict[str, Value]) -> None:
    """No driver, an unknown one, and another maker's are nothing to these advisories."""
    assert judged(facts) == {}
    assert judged({"gpu.driver": "580.1"}, Feed()) == {}


def test_a_command_judges_by_what_was_imported(tmp_path: Path) -> None:
    """A host is assessed by the feed beside the state, and a damaged feed ends the command."""
    (tmp_path / "host.txt").write_bytes(hosts.write(hosts.good()))
    (tmp_path / "c.toml").write_text(f'[state]\npath = "{tmp_path / "s.db"}"\n[feeds]\nfresh_days = 3650\n')
    leaves = [
        {"category": "product_version", "name": "Tesla", "product": {"name": n, "product_id": i}}
        for n, i in (("All driver versions prior to 580.999.01", "a"), ("580.999.01", "f"))
    ]
    made = {
        "document": {"category": "csaf_security_advisory", "csaf_version": "2.0", "title": "t", "tracking": {"id": "7001", "current_release_date": "2026-05-30"}},
        "product_tree": {"branches": [{"category": "architecture", "name": "Linux(R580)", "branches": leaves}]},
        "vulnerabilities": [{"cve": "CVE-2026-1001", "product_status": {"known_affected": ["a"], "fixed": ["f"]}}],
    }  # fmt: skip
    (tmp_path / "v.json").write_text(json.dumps(made))
    words = ("assess", "host:host.txt", "--config", "c.toml", "--format", "json", "--no-snapshot")
    before = run(*words, cwd=tmp_path)
    assert run("feeds", "import", "v.json", "--config", "c.toml", cwd=tmp_path).returncode == 0
    after = run(*words, cwd=tmp_path)

    def status(text: str) -> str:
        return next(str(f["status"]) for f in json.loads(text)["findings"] if f["check"] == DRIVER)

    assert status(before.stdout) in {"pass", "unknown"}
    assert status(after.stdout) == "fail"
    assert "7001" in after.stdout
    (kept,) = (tmp_path / "feeds").glob("documents-*.jsonl")
    kept.write_text("{")
    assert run(*words, cwd=tmp_path).returncode == 2
