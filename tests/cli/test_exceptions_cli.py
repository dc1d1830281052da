"""Exceptions, as a user meets them: what is accepted, what is said of it, and what is logged."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from strongroom.cli.main import group

MAIN = """resource "aws_sagemaker_notebook_instance" "lab" {
  name                   = "lab"
  direct_internet_access = "Enabled"
}
"""
LAB = "aws_sagemaker_notebook_instance.lab"
CHECK = "net.notebook.direct-internet"
NOW, LATER = "2026-11-22", "2027-03-01"


class House:
    """A home of its own with a tree to assess and an exceptions file."""

    def __init__(self, home: Path) -> None:
        self.home, self.file = home, home / "exceptions.toml"
        self.write(MAIN)

    def write(self, text: str) -> None:
        (self.home / "tf").mkdir(exist_ok=True)
        (self.home / "tf/main.tf").write_text(text)

    def __call__(self, *words: str) -> Result:
        state = str(self.home / "state")
        env = {"HOME": str(self.home), "XDG_CONFIG_HOME": None, "XDG_STATE_HOME": state, "COLUMNS": "80"}
        return CliRunner().invoke(group, words, env=env)

    def ok(self, *words: str, code: int = 0) -> str:
        done = self(*words)
        assert done.exit_code == code, (done.exit_code, done.output)
        return done.stdout

    def assess(self, *words: str, at: str = NOW, code: int = 1) -> str:
        return self.ok("assess", f"tf:{self.home}/tf", "--at", at, *words, code=code)

    def add(self, *words: str, code: int = 0, what: str = CHECK, asset: str = LAB) -> Result:
        said = ["--owner", "Ada", "--approver", "Grace", "--reason", "no data there", "--expires", "2027-01-31"]
        done = self(
            "exceptions", "add", what, "--exceptions", str(self.file), "--asset", asset, *said, "--at", NOW, *words
        )
        assert done.exit_code == code, (done.exit_code, done.output)
        return done

    def finding(self, *words: str, at: str = NOW) -> dict[str, dict[str, str]]:
        lines = map(json.loads, self.assess("--format", "jsonl", *words, at=at).splitlines())
        (found,) = (line for line in lines if line["check"] == CHECK)
        return dict(found)

    def logged(self, kind: str = "exception") -> list[str]:
        return self.ok("log", "list", "--kind", kind).splitlines()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_an_exception_accepts_until_its_day(house: House) -> None:
    """Added, applied, shown with who and until when; the day after it fails again and the report says why."""
    assert house.finding()["status"] == "fail"
    house.add()
    named = ("--exceptions", str(house.file))
    found = house.finding(*named)
    assert found["status"] == "accepted"
    assert found["exception"]["approver"] == "Grace"
    assert found["exception"]["expires"] == "2027-01-31"
    assert house.finding(*named, at="2027-01-31T23:59:59Z")["status"] == "accepted"
    over = house.finding(*named, at="2027-02-01")
    assert (over["status"], over["exception"]["state"]) == ("fail", "expired")
    assert "ended on 2027-01-31" in " ".join(house.assess(*named, at="2027-02-01").split())


def test_accepted_findings_do_not_fail_a_build(house: House) -> None:
    """With everything accepted the command answers 0, and nothing of it is called a pass."""
    house.write(MAIN + "# the only thing here\n")
    house.file.write_text(
        '[[exception]]\ncontrol = "NET-02"\nasset = "aws_*"\nowner = "A"\napprover = "B"\nreason = "r"\n'
        "expires = 2027-01-31\n"
    )
    named = ("--exceptions", str(house.file), "--fail-on", "high")
    out = house.assess(*named, "--format", "json", code=0)
    document = json.loads(out)
    controls = {c["id"]: c for c in document["controls"]}
    clauses = {c["status"] for c in controls["NET-02"]["clauses"]}
    assert "accepted" in clauses
    assert "fail" not in clauses
    assert controls["NET-02"]["status"] != "pass"
    assert [e["state"] for e in document["exceptions"]] == ["accepted"]


def test_every_format_lists_what_is_accepted(house: House) -> None:
    """Owner, approver and day are in each of them."""
    house.add()
    named = ("--exceptions", str(house.file))
    for form in ("table", "md", "html", "json", "jsonl", "csv", "sarif"):
        out = house.assess(*named, "--format", form)
        assert all(word in out for word in ("Ada", "Grace", "2027-01-31", "no data there")), form
    sarif = json.loads(house.assess(*named, "--format", "sarif"))
    (suppressed,) = (r for r in sarif["runs"][0]["results"] if "suppressions" in r)
    assert suppressed["suppressions"][0]["justification"] == "no data there"
    rows = list(csv.DictReader(io.StringIO(house.assess(*named, "--format", "csv"))))
    assert [r["exception_owner"] for r in rows if r["status"] == "accepted"] == ["Ada"]


def test_an_inline_skip_is_accepted_and_called_unapproved(house: House) -> None:
    """It stands in every format as what nobody approved; with another policy it stays open and is a remark."""
    house.write(MAIN.replace("{\n", f"{{\n  # strongroom:skip={CHECK}:a sandbox\n", 1))
    found = house.finding()
    assert found["status"] == "accepted"
    assert (found["exception"]["origin"], found["exception"]["approved"]) == ("inline", False)
    for form, word in (
        ("table", "approved by nobody"),
        ("md", "unapproved"),
        ("html", "unapproved"),
        ("csv", "unapproved"),
    ):
        assert word in house.assess("--format", form), form
    sarif = json.loads(house.assess("--format", "sarif"))
    (suppressed,) = (r for r in sarif["runs"][0]["results"] if "suppressions" in r)
    assert suppressed["suppressions"][0]["kind"] == "inSource"
    config = house.home / "c.toml"
    for policy, state in (("note", "noted"), ("refuse", "refused")):
        config.write_text(f'[assess]\ninline = "{policy}"\n')
        noted = house.finding("--config", str(config))
        assert (noted["status"], noted["exception"]["state"]) == ("fail", state)


def test_an_exception_is_logged_once_and_again_when_it_changes(house: House) -> None:
    """Not on each run; a new day, owner or reason is a new entry; what is only assessed is not logged."""
    house.add("--no-log")
    named = ("--exceptions", str(house.file))
    house.assess(*named, "--no-snapshot")
    assert not (house.home / "state/strongroom/log").exists()
    house.assess(*named)
    house.assess(*named)
    assert len(house.logged()) == 1
    house.file.write_text(house.file.read_text().replace("2027-01-31", "2027-02-28"))
    house.assess(*named)
    assert len(house.logged()) == 2
    entry = house.ok("log", "get", "0")
    assert re.search(r"^owner +Ada$", entry, re.MULTILINE)
    assert re.search(r"^exception +sha256:", entry, re.MULTILINE)


def test_a_name_can_be_sealed(house: House) -> None:
    """The log holds a commitment; the digest of the words, which would betray a guess, is sealed with it."""
    house.add("--seal", "owner")
    folder = house.home / "state/strongroom/log/public"
    public = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    assert b"Grace" in public
    assert b"Ada" not in public
    assert re.search(r"^exception +sealed", house.ok("log", "get", "0"), re.MULTILINE)
    assert "owner, approver" in house.add("--seal", "expires", code=2, asset="aws_x.y").stderr


def test_a_kept_run_is_judged_again_without_its_sources(house: House) -> None:
    """The tree is gone; the run is accepted, kept, logged, compared, and open again when the day is over."""
    house.assess()
    (house.home / "tf/main.tf").unlink()
    house.add("--no-log")
    named = ("--exceptions", str(house.file))
    assert "1 newly accepted, 0 open again" in house.ok(
        "exceptions", "apply", *named, "--at", "2026-11-22T01:00Z", code=1
    )
    assert "nothing was kept" in house.ok("exceptions", "apply", *named, "--at", "2026-11-22T02:00Z", code=1)
    assert "1 accepted by an exception, not mended" in house.ok("diff")
    assert "0 newly accepted, 1 open again" in house.ok("exceptions", "apply", *named, "--at", LATER, code=1)
    assert "reopened" not in house.ok("diff", code=1)
    assert "accepted before, and open again" in house.ok("diff", code=1)
    assert [len(house.logged()), len(house.logged("snapshot"))] == [1, 3]
    document = json.loads(house.ok("exceptions", "apply", *named, "--at", LATER, "--format", "json", code=1))
    assert [n["state"] for n in document["notes"]] == ["expired"]


def test_a_look_keeps_nothing(house: House) -> None:
    """With --no-snapshot the outcome is printed and the state is as it was."""
    house.assess()
    house.add("--no-log")
    house.ok("exceptions", "apply", "--exceptions", str(house.file), "--at", NOW, "--no-snapshot", code=1)
    assert len(house.ok("snapshots").splitlines()) == 3
    assert house.logged() == []


def test_check_names_what_to_look_at(house: House) -> None:
    """Sound is 0; expired, unused, incomplete and malformed are 1, each with its line."""
    house.add("--no-log")
    named = ("--exceptions", str(house.file))
    assert "use was not looked for" in house.ok("exceptions", "check", *named, "--at", NOW)
    house.assess()
    assert "none to look at" in house.ok("exceptions", "check", *named, "--at", NOW)
    assert "expired" in house.ok("exceptions", "check", *named, "--at", LATER, code=1)
    house.add("--no-log", asset="aws_x.gone")
    house.file.write_text(house.file.read_text() + '\n[[exception]]\nfingerprint = "' + "0" * 32 + '"\n')
    out = house.ok("exceptions", "check", *named, "--at", NOW, code=1)
    assert "unused" in out
    assert "incomplete" in out
    assert "3 exceptions, 2 to look at" in out
    house.file.write_text(house.file.read_text() + '\n[[exception]]\nowner = "x"\n')
    assert "malformed" in house.ok("exceptions", "check", *named, "--at", NOW, code=1)
    assert "3 findings" not in house.ok("exceptions", "list", *named, "--at", NOW)
    listed = json.loads(house.ok("exceptions", "list", *named, "--at", NOW, "--format", "json"))
    assert [e["state"] for e in listed["entries"]] == ["holds", "unused", "incomplete"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--expires", "2026-01-01"), "a day that is not over"),
        (("--owner", ""), "no owner"),
        (("--approver", " "), "no approver"),
        (("--asset", "*"), "nearly everything"),
        (("--asset", "x.\u0430bc"), "Cyrillic"),
        (("--fingerprint", "zz"), "32 lower-case hex"),
    ],
)
def test_add_refuses_what_would_not_hold(house: House, words: tuple[str, ...], said: str) -> None:
    """Nothing is written and nothing is logged of it."""
    assert said in house.add(*words, code=2).stderr
    assert not house.file.exists()
    assert not (house.home / "state").exists()


def test_add_keeps_what_is_there(house: House) -> None:
    """Comments and other entries stay; the same thing twice, an unknown check and a broken file are refused."""
    house.file.write_text("# kept by the platform team\n")
    house.add("--ticket", 'SEC-"1"')
    before = house.file.read_text()
    assert before.startswith("# kept by the platform team\n")
    assert "same as line 3" in house.add(code=2).stderr
    assert "id of a check" in house.add(what="net.no.such", code=2).stderr
    house.add(what="NET-02", asset="*", code=2)
    house.add("--all", what="NET-02", asset="*")
    assert house.file.read_text().startswith(before.rstrip())
    house.file.write_text("[[exception]\n")
    assert "exceptions.toml:1" in house.add(code=2).stderr


def test_a_tree_does_not_accept_its_own_findings(house: House) -> None:
    """An exceptions file that lies in the assessed tree is not read unless somebody names it."""
    house.add("--no-log")
    house.file.rename(house.home / "tf/exceptions.toml")
    assert house.finding()["status"] == "fail"


def test_a_malformed_file_stops_the_run(house: House) -> None:
    """Exit 2 with the line: no answer is better than one under half of the exceptions."""
    house.file.write_text('[[exception]]\nowner = "x"\n')
    done = house("assess", f"tf:{house.home}/tf", "--exceptions", str(house.file))
    assert done.exit_code == 2
    assert "exceptions.toml:1" in done.stderr
