"""Assertions, as a user meets them: made, verified whenever they are used, expired, taken back."""

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from strongroom.cli.main import group

NOW = "2026-11-22"
CLAUSE = "GOV-01.gaps-explicit"


class Office:
    """A home of its own with a key that is trusted, evidence, and a tree to assess."""

    def __init__(self, home: Path) -> None:
        self.home, self.key, self.config = home, home / "alice.key", home / "c.toml"
        self.state, self.evidence = home / "state/strongroom", home / "drill.txt"
        self.evidence.write_text("what came of the drill\n")
        (home / "tf").mkdir()
        (home / "tf/main.tf").write_text('resource "aws_s3_bucket" "b" {}\n')
        vkey = self.ok("log", "keygen", "gov.example/alice", "--type", "log", "-o", str(self.key)).strip()
        self.config.write_text(f'[assert]\nkeys = ["{vkey}"]\n')

    def __call__(self, *words: str) -> Result:
        state = str(self.home / "state")
        env = {"HOME": str(self.home), "XDG_CONFIG_HOME": None, "XDG_STATE_HOME": state, "COLUMNS": "80"}
        return CliRunner().invoke(group, words, env=env)

    def ok(self, *words: str, code: int = 0) -> str:
        done = self(*words)
        assert done.exit_code == code, (done.exit_code, done.output)
        return done.stdout

    def make(self, *words: str, what: str = CLAUSE, code: int = 0) -> Result:
        said = {
            "--statement": "gaps are shown",
            "--evidence": str(self.evidence),
            "--owner": "Ada",
            "--approver": "Grace",
            "--expires": "2027-06-30",
            "--key": str(self.key),
            "--config": str(self.config),
            "--at": NOW,
        }
        done = self("assert", what, *(x for pair in said.items() for x in pair), *words)
        assert done.exit_code == code, (done.exit_code, done.output)
        return done

    def assess(self, at: str = NOW, *words: str) -> dict[str, list[dict[str, object]]]:
        named = ("--config", str(self.config), "--at", at, "--format", "json", *words)
        done = self("assess", f"tf:{self.home}/tf", *named)
        assert done.exit_code in (0, 1, 3), done.stderr
        document: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
        return document

    def clause(self, at: str = NOW) -> str:
        found = self.assess(at)["controls"]
        clauses = {c["id"]: c["status"] for x in found for c in x["clauses"]}  # type: ignore[attr-defined]
        return str(clauses[CLAUSE])

    def told(self, at: str = NOW) -> tuple[str, str]:
        """The state of the only assertion, and why."""
        (found,) = self.assess(at)["assertions"]
        return str(found["state"]), str(found["because"])

    def sql(self, statement: str, *values: object) -> None:
        with sqlite3.connect(self.state / "strongroom.db") as db:
            assert db.execute(statement, values).rowcount


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_a_clause_is_attested_until_its_day(office: Office) -> None:
    """Shown with owner, approver, day and log index in every format; the day after it is not assessed, and that is said."""
    assert office.clause() == "not-assessed"
    office.make()
    assert office.clause() == "attested"
    (found,) = office.assess()["assertions"]
    assert (found["state"], found["owner"], found["approver"], found["entry"]) == ("attested", "Ada", "Grace", 1)
    assert str(found["expires_at"]).startswith("2027-06-30T23:59:59")
    for form in ("table", "md", "html"):
        out = office.ok(
            "assess", f"tf:{office.home}/tf", "--config", str(office.config), "--at", NOW, "--format", form, code=0
        )
        assert all(word in out.replace("<wbr>", "") for word in (CLAUSE, "Ada", "Grace", "2027-06-30")), form
    assert office.clause("2027-06-30T23:00:00Z") == "attested"
    assert office.clause("2027-07-01") == "not-assessed"
    assert office.told("2027-07-01")[0] == "expired"


def test_evidence_and_note_are_kept(office: Office) -> None:
    """The evidence lies by its digest, for its owner alone; the log has an entry that names both digests."""
    office.make()
    (blob,) = (p for p in (office.state / "evidence").rglob("*") if p.is_file())
    assert blob.read_bytes() == office.evidence.read_bytes()
    assert blob.stat().st_mode & 0o777 == 0o600
    entry = office.ok("log", "get", "0")
    assert blob.name in entry.replace("\n            ", "")
    assert "assertion" in office.ok("log", "list")


def test_a_control_is_asserted_clause_by_clause(office: Office) -> None:
    """Only for what people can speak for; the rest of the control stays what it is."""
    out = office.make(what="gov-01").stdout
    assert "GOV-01.oscal-valid" in out
    assert "GOV-01.gaps-explicit" in out
    assert "GOV-01.mapped" not in out


@pytest.mark.parametrize(
    ("words", "what", "said"),
    [
        (("--approver", "ADA"), CLAUSE, "who is the owner"),
        (("--approver", "\u0410d\u0430"), CLAUSE, "Cyrillic"),
        (("--approver", "\u0410\u0501\u0430"), CLAUSE, "who is the owner"),
        (("--expires", "2026-11-21"), CLAUSE, "a day that is not over"),
        (("--expires", "2027-12-23"), CLAUSE, "13 months"),
        (("--statement", "  "), CLAUSE, "wanted a text"),
        (("--owner", "A\u200bda"), CLAUSE, "U+200B"),
        (("--evidence", "/no/such/file"), CLAUSE, "no such file"),
        (("--key", "/no/such/key"), CLAUSE, "keygen"),
        (("--seal", "expires"), CLAUSE, "owner, approver"),
        ((), "GOV-99", "id of a control"),
        ((), "GOV-01.none", "id of a control"),
        ((), "GOV-01.mapped", "machines measure"),
    ],
)
def test_what_nobody_may_assert_is_refused(office: Office, words: tuple[str, ...], what: str, said: str) -> None:
    """One person twice, no end or one too far, nothing to rest on, or what machines measure: nothing is made."""
    done = office.make(*words, what=what, code=2)
    assert said in done.output
    assert not (office.state / "strongroom.db").exists()


def test_a_key_for_cosignatures_signs_no_assertion(office: Office) -> None:
    """The key of a witness is for checkpoints; the message names the command that makes another."""
    path = str(office.home / "w.key")
    office.ok("log", "keygen", "w.example/w", "-o", path)
    assert "--type log" in office.make("--key", path, code=2).stderr


def test_an_assertion_that_is_not_verified_counts_for_nothing(office: Office) -> None:
    """No key, another key, other words, another log entry, no log, changed evidence: not assessed, and told why."""
    office.make()
    good = office.config.read_text()
    office.config.write_text("")
    assert (office.clause(), office.told()[0]) == ("not-assessed", "unverified")
    other = office.ok("log", "keygen", "gov.example/alice", "--type", "log", "-o", str(office.home / "o.key")).strip()
    office.config.write_text(f'[assert]\nkeys = ["{other}"]\n')
    assert "known here" in office.told()[1]
    office.config.write_text(good)
    assert office.clause() == "attested"
    blob = next(p for p in (office.state / "evidence").rglob("*") if p.is_file())
    blob.write_text("something else\n")
    assert "other bytes" in office.told()[1]
    blob.write_bytes(office.evidence.read_bytes())
    office.sql("UPDATE assertion SET entry = 1")
    assert "another entry" in office.told()[1]
    office.sql("UPDATE assertion SET entry = 0, note = replace(note, 'Grace', 'Mallory')")
    assert "verify" in office.told()[1]
    assert office.clause() == "not-assessed"
    office.sql("UPDATE assertion SET note = replace(note, 'Mallory', 'Grace')")
    assert office.clause() == "attested"
    (office.state / "log").rename(office.state / "elsewhere")
    done = office("assess", f"tf:{office.home}/tf", "--config", str(office.config), "--no-snapshot", "--format", "json")
    assert json.loads(done.stdout)["assertions"][0]["state"] == "unverified"


def test_an_assertion_is_taken_back_for_good(office: Office) -> None:
    """Logged with the reason; from then on the clause is not assessed, and before that it was attested."""
    ident = office.make().stdout.split()[0]
    named = ("--config", str(office.config))
    assert ident in office.ok("assertions", "list", *named, "--at", NOW)
    assert "none that stands" in office("assertions", "revoke", "ffff", "--reason", "x", *named).stderr
    office.ok("assertions", "revoke", ident, "--reason", "the drill was of another site", "--at", "2026-12-24", *named)
    assert "none that stands" in office("assertions", "revoke", ident, "--reason", "x", *named).stderr
    assert office.clause("2026-12-23") == "attested"
    assert office.told("2026-12-25") == ("revoked", "it was taken back (the drill was of another site)")
    assert "revoked" in office.ok("log", "get", "1")
    assert (
        json.loads(office.ok("assertions", "list", *named, "--format", "json", "--at", "2027-01-01"))["assertions"][0][
            "state"
        ]
        == "revoked"
    )


def test_an_assertion_on_one_asset_leaves_the_clause_open(office: Office) -> None:
    """It is shown with its asset, and the clause, which speaks of all, stays not assessed."""
    office.make("--asset", "aws_s3_bucket.b")
    assert (office.clause(), office.told()[0]) == ("not-assessed", "partial")


def test_a_key_that_nobody_named_is_told_at_once(office: Office) -> None:
    """Who asserts learns that it will not count, before an assessment says so."""
    office.config.write_text("")
    assert "counts for nothing until" in office.make().stderr
    office.config.write_text('[assert]\nkeys = ["nonsense"]\n')
    done = office("assess", f"tf:{office.home}/tf", "--config", str(office.config))
    assert done.exit_code == 2
    assert "verifier key" in done.stderr


def test_a_name_can_be_sealed(office: Office) -> None:
    """The log holds a commitment to the owner, and the assertion verifies all the same."""
    office.make("--seal", "owner")
    public = b"".join(p.read_bytes() for p in (office.state / "log/public").rglob("*") if p.is_file())
    assert b"Grace" in public
    assert b"Ada" not in public
    assert office.clause() == "attested"


def test_nothing_is_made_by_looking(office: Office) -> None:
    """Listing where nothing is makes no database."""
    assert "no assertion yet" in office.ok("assertions", "list")
    assert not office.state.exists()
