"""`strongroom diff`, as a user meets it."""

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest
from in_process import run
from kept_runs import keep

CODE = """
resource "aws_kms_key" "k" {
  enable_key_rotation = true
}
resource "aws_sagemaker_notebook_instance" "lab" {
  name                   = "lab"
  direct_internet_access = "Disabled"
  kms_key_id             = aws_kms_key.k.arn
  lifecycle_config_name  = "hunter2-setup"
}
"""
OPEN = CODE.replace('"Disabled"', '"Enabled"')
KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-4333-8444-555555555555"


def state(**notebook: object) -> str:
    """A state of what the code declares, and of a bucket that it does not."""

    def resource(kind: str, name: str, values: dict[str, object]) -> dict[str, object]:
        instance = {"schema_version": 0, "attributes": values, "sensitive_attributes": []}
        return {"mode": "managed", "type": kind, "name": name, "provider": "p", "instances": [instance]}

    lab = {"id": "lab", "name": "lab", "direct_internet_access": "Disabled", "kms_key_id": KEY, **notebook}
    resources = [
        resource("aws_kms_key", "k", {"arn": KEY, "id": KEY[-36:], "enable_key_rotation": True}),
        resource("aws_sagemaker_notebook_instance", "lab", lab),
        resource("aws_s3_bucket", "shadow", {"id": "shadow", "bucket": "shadow", "arn": "arn:aws:s3:::shadow"}),
    ]
    whole = {"version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": "l", "outputs": {}}
    return json.dumps({**whole, "resources": resources})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with code, and a state that drifted from it."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t/main.tf").write_text(CODE)
    (tmp_path / "s.tfstate").write_text(state(direct_internet_access="Enabled"))
    return tmp_path


def text_of(got: subprocess.CompletedProcess[str]) -> str:
    """Standard output, which must fit."""
    assert max(map(len, got.stdout.splitlines())) <= 80
    return got.stdout


def test_code_against_state_shows_drift(place: Path) -> None:
    """What differs is named with its values, what is only in the state too, and nothing is kept."""
    got = run("diff", "tf:t", "state:s.tfstate", cwd=place)
    assert got.returncode == 1, got.stderr
    text = text_of(got)
    assert "net.notebook.direct-internet" in text
    assert "net.direct_internet: false → true" in text
    assert "1 asset is on the second side only\n  aws_s3_bucket.shadow\n" in text
    assert "neither new nor fixed" in " ".join(text.split())
    assert not (place / ".local").exists()


def test_state_against_code_is_no_fix_of_what_code_lacks(place: Path) -> None:
    """The other way round, what only the state holds is gone, and nothing of it is called fixed."""
    got = run("diff", "s.tfstate", "t", "--format", "json", cwd=place)
    document = json.loads(got.stdout)
    kinds = {c["kind"] for c in document["changes"] if c["before"]["address"] == "aws_s3_bucket.shadow"}
    assert kinds == {"gone"}
    assert document["counts"]["drifted"] == len(document["drifted"]) == 1
    assert document["schema"] == "strongroom/1"
    assert (document["before"]["id"], document["same_kind"]) == ("", False)


def test_a_run_against_what_is_there_now(place: Path) -> None:
    """A kept run and the folder as it is now: nothing new is 0, a new failure 1; a run keeps no value."""
    run("assess", "t", cwd=place)
    same = run("diff", "latest", "t", cwd=place)
    assert same.returncode == 0, same.stdout + same.stderr
    (place / "t/main.tf").write_text(OPEN)
    got = run("diff", "latest", "t", cwd=place)
    assert got.returncode == 1
    assert "a kept run keeps that a value changed, and not the value" in text_of(got)
    run("assess", "t", cwd=place)
    assert run("diff", cwd=place).returncode == 1
    back = run("diff", "latest", "previous", cwd=place)
    assert back.returncode == 0
    assert "1 fixed" in back.stdout
    assert "it was: direct internet access is on" in back.stdout
    assert run("snapshots", "--format", "json", cwd=place).stdout.count('"id"') == 2


def test_exceptions_count_for_what_is_read(place: Path) -> None:
    """What an exception accepts is accepted on a side that is read, as it is in assess."""
    (place / "t/main.tf").write_text(OPEN)
    run("assess", "t", cwd=place)
    (place / "e.toml").write_text(
        '[[exception]]\ncheck = "net.notebook.direct-internet"\nasset = "*notebook*"\nowner = "Ada"\n'
        'approver = "Grace"\nreason = "a lab"\nexpires = 2027-01-31\n'
    )
    words = ("--exceptions", "e.toml", "--at", "2026-12-01")
    got = run("diff", "latest", "t", *words, "--format", "json", cwd=place)
    assert json.loads(got.stdout)["counts"]["accepted"] == 1, got.stderr
    late = run("diff", "latest", "t", *words[:3], "2027-03-01", "--format", "json", cwd=place)
    assert "accepted" not in json.loads(late.stdout)["counts"]


def test_markdown_is_a_comment(place: Path) -> None:
    """The worst stands first and open, the rest is folded, and names cannot become markup."""
    (place / "t/main.tf").write_text(CODE + 'resource "aws_s3_bucket" "b" {\n  for_each = toset(["a|b<i>@x"])\n}\n')
    got = run("diff", "tf:t", "state:s.tfstate", "--format", "md", "-o", "c.md", cwd=place)
    assert (got.returncode, got.stdout) == (1, "")
    text = (place / "c.md").read_text()
    assert text.startswith("## What changed\n\n**")
    assert text.index("### 1 asset that drifted") < text.index("<details>")
    assert "`net.direct_internet` | false → true |" in text
    assert "a\\|b<i>@x" in text
    assert len(text) < 65_536


def test_markdown_of_very_much_fits_a_comment(place: Path) -> None:
    """A thousand new failures are cut at what a comment holds, and the rest is counted."""
    (place / "t/main.tf").write_text("".join(f'resource "aws_s3_bucket" "b{n}" {{}}\n' for n in range(700)))
    (place / "e").mkdir()
    (place / "e/main.tf").write_text('resource "null_resource" "x" {}\n')
    got = run("diff", "e", "t", "--format", "md", cwd=place)
    assert got.returncode == 1
    assert len(got.stdout) < 65_536
    assert "for which a comment has no room" in got.stdout
    assert text_of(run("diff", "e", "t", cwd=place))


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (["latest", "tf:nowhere"], "found no such folder", ""),
        (["latest", "nowhere"], "no such path", "strongroom snapshots"),
        (["1999", "latest"], "no such snapshot", "strongroom snapshots"),
        (["latest", "latest"], "on both sides", "strongroom snapshots"),
        (["previous", "latest"], "found only one snapshot", "strongroom assess"),
        (["latest", "nosuch:x"], "found the scheme 'nosuch'", "strongroom assess --help"),
        (["latest", "t", "--at", "soon"], "wanted a time such as", ""),
        (["latest", "t", "--exceptions", "none.toml"], "none.toml", ""),
        (["latest", "half.tfstate"], "half.tfstate", "terraform state pull"),
    ],
)
def test_bad_input(place: Path, words: list[str], says: str, hint: str) -> None:
    """Exit 2, one message that names what is off, and the next step."""
    run("assess", "t", cwd=place)
    (place / "half.tfstate").write_text(state()[:200])
    got = run("diff", *words, cwd=place)
    assert (got.returncode, got.stdout) == (2, ""), got.stdout + got.stderr
    assert says in got.stderr
    assert hint in got.stderr
    assert "Traceback" not in got.stderr


def test_without_any_run(place: Path) -> None:
    """Nothing was kept: the message says how to keep one, and no database is made."""
    for words in (["diff"], ["trend"]):
        got = run(*words, cwd=place)
        assert got.returncode == 2
        assert "strongroom assess SOURCE keeps" in got.stderr
    assert not (place / ".local").exists()


@pytest.mark.parametrize("damage", ["pages", "word", "future", "text"])
@pytest.mark.parametrize("command", ["diff", "trend", "snapshots"])
def test_a_state_that_cannot_be_read(place: Path, damage: str, command: str) -> None:
    """Torn pages, a word of nobody's, a newer schema, no database at all: exit 2 with a hint, never a verdict."""
    path = place / "s.db"
    keep(path, 0, "f" * 400)
    keep(path, 1, "p" * 400)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if damage == "word":
            db.execute("UPDATE finding SET status = 'perhaps'")
            db.execute("UPDATE snapshot SET sources = 'none'")
        if damage == "future":
            db.execute("UPDATE strongroom_schema SET version = 99")
    db.close()
    if damage == "pages":
        data = bytearray(path.read_bytes())
        for at in range(8192, len(data), 4096):
            data[at : at + 4096] = b"\xff" * min(4096, len(data) - at)
        path.write_bytes(data)
    if damage == "text":
        path.write_text("this is no database, and is long enough to be looked at " * 20)
    got = run(command, "--state", "s.db", cwd=place)
    assert got.returncode == 2, got.stdout + got.stderr
    assert "hint: " in got.stderr
    assert "state database s.db" in got.stderr


def test_no_secret_in_what_drifted(place: Path) -> None:
    """A value that the state marks as sensitive is on neither side of a comparison, in any format."""
    document = json.loads(state(direct_internet_access="hunter3", kms_key_id="hunter4"))
    instance = document["resources"][1]["instances"][0]
    instance["sensitive_attributes"] = [[{"type": "get_attr", "value": n}] for n in ("kms_key_id",)]
    (place / "s.tfstate").write_text(json.dumps(document))
    for form in ("table", "json", "md"):
        got = run("diff", "t", "s.tfstate", "--format", form, cwd=place)
        assert got.returncode in (0, 1), got.stderr
        assert "hunter4" not in got.stdout + got.stderr
