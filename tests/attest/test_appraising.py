"""Verify, record and replay, as a user meets them; with reports that nobody has signed."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from in_process import run

from strongroom.app.appraisal import ask, code_digest
from strongroom.app.evidence import nonce, recognise
from strongroom.model.attest import EvidenceKind
from strongroom.model.errors import Malformed

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def unsigned(version: int = 3) -> bytes:
    """An SEV-SNP report of zeros, with the fields by which it is recognised."""
    data = bytearray(0x4A0)
    data[0:4] = version.to_bytes(4, "little")
    data[0x08:0x10] = (1 << 17 | 1 << 16).to_bytes(8, "little")
    data[0x34:0x38] = (1).to_bytes(4, "little")
    data[0x48] = 7 << 2  # KEY_INFO: no key signed it
    data[0x188:0x18A] = bytes([25, 1])
    return bytes(data)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a report."""
    (tmp_path / "report.bin").write_bytes(unsigned())
    return tmp_path


def verify(place: Path, *words: str, evidence: str = "report.bin") -> dict[str, object]:
    """The verdict as JSON, without looking at the network."""
    done = run("attest", "verify", evidence, "--offline", "--format", "json", *words, cwd=place)
    assert done.returncode in (0, 1, 3), done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def steps(found: dict[str, object]) -> dict[str, str]:
    """The verdicts by step."""
    assert isinstance(found["steps"], list)
    return {s["id"]: s["verdict"] for s in found["steps"]}


def test_the_document_has_its_fields(place: Path) -> None:
    """Schema, kind, tier, completeness, the steps with found and wanted, and the claims are there."""
    found = verify(place)
    assert {"schema", "kind", "tier", "complete", "steps", "claims"} <= found.keys()
    assert (found["kind"], found["complete"]) == ("snp", False)
    assert isinstance(found["steps"], list)
    assert all({"id", "verdict", "found", "wanted"} <= s.keys() for s in found["steps"])
    assert {s["verdict"] for s in found["steps"]} <= {"pass", "fail", "not-checked"}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("hex", unsigned().hex().encode()),
        ("base64", __import__("base64").b64encode(unsigned()) + b"\n"),
        ("binary", unsigned()),
    ],
)
def test_every_armour_is_read(place: Path, name: str, data: bytes) -> None:
    """Binary, hexadecimal and base64 of one report give one verdict."""
    (place / name).write_bytes(data)
    assert verify(place, evidence=name)["steps"] == verify(place)["steps"]


def test_what_is_unreadable_is_not_judged(place: Path) -> None:
    """A file that is no evidence, none at all, a folder and a bad nonce exit with 2, a cause and a hint."""
    (place / "text").write_text("a shopping list: eggs, milk and bread\n")
    (place / "empty").write_bytes(b"")
    for words, cause in (
        (("text",), "no evidence of a known kind"),
        (("nowhere",), "no such file"),
        (("empty",), "an empty file"),
        ((".",), "no regular file"),
        (("report.bin", "--nonce", "xyz"), "--nonce"),
        (("report.bin", "--kind", "sev"), "--kind"),
        (("report.bin", "--at", "yesterday"), "--at"),
    ):
        done = run("attest", "verify", *words, "--offline", cwd=place)
        assert done.returncode == 2, words
        assert cause in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""


def test_a_truncated_report_fails_by_name(place: Path) -> None:
    """A report that lacks its end, or has too much of one, fails at its length, and nothing else is judged."""
    for data in (unsigned()[:600], unsigned()[:-1], unsigned() + b"\x01"):
        (place / "cut").write_bytes(data)
        found = steps(verify(place, evidence="cut"))
        assert found.pop("snp.len") == "fail"
        assert set(found.values()) == {"not-checked"}


def test_only_looking_does_not_count_what_is_missing(place: Path) -> None:
    """Exit 1 where a step fails, with --inspect too; the table names the first failure and the hints."""
    done = run("attest", "verify", "report.bin", "--offline", "--inspect", cwd=place)
    assert done.returncode == 1
    assert "snp.key_type" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_same_inputs_give_the_same_bytes(place: Path) -> None:
    """Two verdicts on the same inputs at the same time are the same, byte for byte."""
    words = ("attest", "verify", "report.bin", "--offline", "--at", "2026-01-01", "--format", "json")
    assert run(*words, cwd=place).stdout == run(*words, cwd=place).stdout


def test_a_record_is_replayed(place: Path) -> None:
    """A record gives its own verdict again; one in which a verdict was changed does not, and says where."""
    words = ("--offline", "--at", "2026-01-01", "--record", "r.appraisal.json", "--log", str(place / "log"))
    assert run("log", "init", "--log", "log", cwd=place).returncode == 0
    done = run("attest", "verify", "report.bin", *words, cwd=place)
    assert "logged as entry 0" in done.stderr
    again = run("attest", "replay", "r.appraisal.json", cwd=place)
    assert (again.returncode, "the same, byte for byte" in again.stdout) == (0, True)
    text = (place / "r.appraisal.json").read_text().replace('"contraindicated"', '"affirming"')
    (place / "forged.appraisal.json").write_text(text)
    forged = run("attest", "replay", "forged.appraisal.json", cwd=place)
    assert forged.returncode == 1
    assert "tier differs" in forged.stdout


def test_a_record_that_is_none(place: Path) -> None:
    """A record with a key twice, of another schema or cut off is refused with exit 2."""
    for text in ('{"schema": "a", "schema": "b"}', '{"schema": "other/1"}', '{"schema": "str'):
        (place / "bad").write_text(text)
        done = run("attest", "replay", "bad", cwd=place)
        assert (done.returncode, "bad" in done.stderr) == (2, True)


def test_records_answer_controls(place: Path) -> None:
    """A recorded failure fails TEE-02; a forged record is found out by judging it again; a broken one is a gap."""
    assert run("log", "init", "--log", "log", cwd=place).returncode == 0
    words = ("--offline", "--at", "2026-01-01", "--log", str(place / "log"))
    run("attest", "verify", "report.bin", *words, "--record", "a.appraisal.json", cwd=place)
    (place / "b.appraisal.json").write_text("{")
    text = (place / "a.appraisal.json").read_text()
    folder = place / "forged"
    folder.mkdir()
    (folder / "a.appraisal.json").write_text(text.replace('"contraindicated"', '"affirming"'))
    for target, wanted in ((".", "pass"), ("forged", "fail")):
        done = run("assess", f"attest:{target}", "--no-snapshot", "--format", "jsonl", "--at", "2026-01-01", cwd=place)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        found = {x["check"]: x["status"] for x in lines if x["check"].startswith("tee.appraisal")}
        assert found["tee.appraisal.whole"] == "fail"
        assert found["tee.appraisal.reproduced"] == wanted
    done = run("assess", "attest:.", "--no-snapshot", "--format", "jsonl", cwd=place)
    assert any("b.appraisal.json" in json.loads(x)["because"] for x in done.stdout.splitlines())


def test_the_policy_may_say_more_in_cel(place: Path) -> None:
    """An expression over the claims passes, fails, or is not checked, as a step of its own."""
    (place / "p.toml").write_text(
        'schema = "strongroom.attest-policy/1"\n'
        'require = ["claims.debug == false", "claims.hardware.product == \\"Genoa\\"", "claims.nothing == 1", "1 +"]\n'
    )
    found = steps(verify(place, "--policy", "p.toml"))
    assert [found[f"policy.require.{n}"] for n in (1, 2, 3, 4)] == ["pass", "fail", "not-checked", "not-checked"]


def test_the_evaluator_answers_three_ways() -> None:
    """True, false, or the reason why there is no answer."""
    answers = ask(["claims.a == 1", "claims.a == 2", "claims.b == 1", "claims.a"], {"a": 1})
    assert answers[:2] == (True, False)
    assert all(isinstance(a, str) for a in answers[2:])


def test_inspecting_shows_every_octet(place: Path) -> None:
    """The fields have names, places and sizes; the table fits in 80 columns and says that nothing is verified."""
    done = run("attest", "inspect", "report.bin", "--format", "json", cwd=place)
    fields = json.loads(done.stdout)["fields"]
    assert fields[0] == {"name": "version", "offset": 0, "size": 4, "value": "3", "meaning": ""}
    table = run("attest", "inspect", "report.bin", cwd=place).stdout
    assert "nothing below is verified" in table
    assert max(map(len, table.splitlines())) <= 80


def test_steps_are_listed() -> None:
    """Every step of a verifier is listed with its source."""
    here = Path(__file__).parent
    done = run("attest", "steps", "snp", cwd=here)
    assert "snp.signature" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    listed = json.loads(run("attest", "steps", "--format", "json", cwd=here).stdout)
    assert {s["kind"] for s in listed} >= {"snp"}
    assert all(s["spec"] and s["title"] for s in listed)


def test_an_ear_has_status_and_vector(place: Path) -> None:
    """The claims-set names its profile, times, status and what was not checked."""
    done = run("attest", "verify", "report.bin", "--offline", "--at", "2026-01-01", "--format", "ear", cwd=place)
    ear = json.loads(done.stdout)
    assert ear["iat"] == int(NOW.timestamp())
    submod = ear["submods"]["cpu0"]
    assert submod["ear.status"] == "contraindicated"
    assert "snp.measurement" in submod["ear.veraison.policy-claims"]["not-checked"]
    assert all(isinstance(v, int) for v in submod["ear.trustworthiness-vector"].values())


def test_a_kind_that_is_named_is_believed() -> None:
    """With --kind, octets that are not recognised are read as that kind, so that its first step can say why."""
    verifier, octets = recognise(b"\x01" * 50, "x", EvidenceKind.SNP)
    assert (verifier.kind, octets) == (EvidenceKind.SNP, b"\x01" * 50)
    with pytest.raises(Malformed):
        recognise(b"\x01" * 50, "x")


def test_the_nonce_is_hexadecimal() -> None:
    """A nonce is octets in hexadecimal, with or without a prefix, and bounded."""
    assert nonce(None) is None
    assert nonce("0xabcd") == b"\xab\xcd"
    for bad in ("", "abc", "zz", "ab" * 1025):
        with pytest.raises(Malformed):
            nonce(bad)


def test_the_code_has_a_digest() -> None:
    """What judges is named by a digest that does not change within a build."""
    assert code_digest() == code_digest()
    assert code_digest().startswith("sha256:")


def test_a_step_is_explained() -> None:
    """`explain` tells what a step demands, by which document, and whether a policy may leave it unchecked."""
    done = run("explain", "snp.root_pin", cwd=Path(__file__).parent)
    assert done.returncode == 0
    assert "waivable  no" in done.stdout
    assert "snp.chain" in done.stdout
    assert "yes" in run("explain", "snp.crl", cwd=Path(__file__).parent).stdout
