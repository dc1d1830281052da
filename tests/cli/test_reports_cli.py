"""Reports as a user gets them: with the proof of the log, with the runs before, and without names for others."""

import hashlib
import json
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from strongroom.cli.main import group

MAIN = """resource "aws_sagemaker_notebook_instance" "acme_lab" {
  name                   = "acme-lab"
  direct_internet_access = "Enabled"
  root_access            = "Enabled"
  tags                   = { owner = "ada@acme.example" }
}
"""
NOW = "2026-11-22"
NAMES = ("acme", "ada@", "acme_lab")
FORMATS = ("csv", "cyclonedx", "html", "json", "jsonl", "junit", "md", "ocsf", "oscal", "oscal-poam", "sarif", "table")


class House:
    """A home of its own with a tree to assess."""

    def __init__(self, home: Path) -> None:
        self.home, self.state = home, home / "state/strongroom"
        self.write(MAIN)

    def write(self, text: str) -> None:
        (self.home / "acme").mkdir(exist_ok=True)
        (self.home / "acme/main.tf").write_text(text)

    def __call__(self, *words: str) -> Result:
        env = {"HOME": str(self.home), "XDG_CONFIG_HOME": None, "XDG_STATE_HOME": str(self.home / "state")}
        return CliRunner().invoke(group, words, env={**env, "COLUMNS": "80"})

    def assess(self, *words: str, at: str = NOW) -> str:
        done = self("assess", f"tf:{self.home}/acme", "--at", at, *words)
        assert done.exit_code == 1, done.output
        return done.stdout


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A home of its own."""
    return House(tmp_path)


def test_a_report_carries_what_proves_it(house: House, tmp_path: Path) -> None:
    """Entry and proof of the JSON report verify offline, and the digest is that of the report's own findings."""
    report = json.loads(house.assess("--format", "json"))
    log = report["log"]
    listed = "".join(f"{f['fingerprint']}{f['status']}\n" for f in report["findings"])
    assert log["findings"] == f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}"
    assert json.loads(log["data"])["digests"] == {"findings": log["findings"]}
    assert json.loads(log["data"])["subject"] == report["snapshot"]
    entry, proof = tmp_path / "entry.json", tmp_path / "entry.tlog-proof"
    entry.write_text(log["data"])
    proof.write_text(log["proof"])
    words = ("log", "verify", str(proof), "--entry", str(entry), "--key", log["keys"][0])
    assert house(*words).exit_code == 0
    entry.write_text(log["data"].replace('"failed":', '"failed":1'))
    assert house(*words).exit_code == 2


def test_the_page_says_how_to_verify_it(house: House) -> None:
    """The commands of the page are those that verify it."""
    page = house.assess("--format", "html")
    assert "strongroom log verify entry.tlog-proof --entry entry.json --key" in page
    assert 'download="entry.tlog-proof"' in page


@pytest.mark.parametrize("name", [n for n in FORMATS if n not in ("csv", "json", "jsonl")])
def test_a_run_that_is_not_kept_is_called_not_logged(house: House, name: str) -> None:
    """Nobody takes it for one that can be proven."""
    assert "not logged" in house.assess("--format", name, "--no-snapshot")
    assert not house.state.exists()


def test_the_page_draws_the_runs_before(house: House) -> None:
    """A check that failed a month ago and passes now is done; the same sources alone count."""
    house.assess(at="2026-10-01")
    house.write(MAIN.replace('direct_internet_access = "Enabled"', 'direct_internet_access = "Disabled"'))
    page = house.assess("--format", "html")
    assert "what happened, in 2 runs since 2026-10-01" in page
    assert re.search(r"first 30 days: \d+ open, [1-9]\d* done|by day 60: \d+ open, [1-9]\d* done", page)
    (house.home / "acme2").mkdir()
    (house.home / "acme2/main.tf").write_text(MAIN)
    other = house("assess", f"tf:{house.home}/acme2", "--at", NOW, "--format", "html").stdout
    assert "No earlier run of these sources is kept" in other


@pytest.mark.parametrize("name", FORMATS)
def test_redacted_report_holds_no_name(house: House, name: str) -> None:
    """In no format is an address, a path, a tag or the log; the check and its verdict are there."""
    bare = house.assess("--format", name, "--redact").replace("<wbr>", "")
    for word in (*NAMES, str(house.home), "main.tf", "root@"):
        assert word not in bare
    assert re.search(
        "net.notebook.direct-internet|notebook.* no direct internet access|no direct path", bare, re.IGNORECASE
    )
    plain = house.assess("--format", name, "--no-snapshot")
    assert "acme" in plain


def test_what_was_replaced_can_be_looked_up_in_the_house_alone(house: House) -> None:
    """The list beside the state says what each pseudonym stands for; only its owner may read it, and the key."""
    report = json.loads(house.assess("--format", "json", "--redact"))
    assert report["redacted"] is True
    listed = house.state / "redacted.json"
    given = json.loads(listed.read_text())
    address = next(f["asset"]["address"] for f in report["findings"] if f["check"] == "net.notebook.direct-internet")
    assert given[address.rpartition("-")[2]] == "aws_sagemaker_notebook_instance.acme_lab"
    assert [stat.S_IMODE((house.state / n).stat().st_mode) for n in ("redacted.json", "redact.key")] == [0o600, 0o600]


def test_pseudonyms_stay_from_report_to_report(house: House) -> None:
    """Two redacted reports can be compared; what the house keeps of the run has the real names."""
    first, second = (json.loads(house.assess("--format", "json", "--redact")) for _ in range(2))
    assert [f["fingerprint"] for f in first["findings"]] == [f["fingerprint"] for f in second["findings"]]
    assert "acme_lab" in house("diff", "--format", "json").stdout


def test_a_key_that_is_none_is_refused(house: House) -> None:
    """A damaged key gives no report at all: pseudonyms that can be guessed would be worse than none."""
    house.assess("--format", "json", "--redact")
    (house.state / "redact.key").write_bytes(b"short")
    done = house("assess", f"tf:{house.home}/acme", "--at", NOW, "--format", "json", "--redact")
    assert done.exit_code == 2
    assert done.stdout == ""
