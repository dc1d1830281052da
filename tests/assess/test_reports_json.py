"""The formats for programs: the JSON document and the JSON lines."""

import json
from collections import Counter

import reports_fixture as fixture

from strongroom.assess.reports import json as document
from strongroom.assess.reports import jsonl


def lines() -> list[dict[str, object]]:
    out = fixture.text(jsonl.REPORT.render(fixture.assessment(), fixture.CATALOGUE))
    assert out.endswith("\n")
    return [json.loads(line) for line in out.splitlines()]


def whole() -> dict[str, list[dict[str, object]]]:
    return json.loads(fixture.text(document.REPORT.render(fixture.assessment(), fixture.CATALOGUE)))


def line_of(asset: str) -> dict[str, object]:
    return next(line for line in lines() if line["asset"]["id"] == asset)


def test_every_finding_is_one_line_passes_included() -> None:
    """A reader of the stream sees each answer once, whatever it is."""
    statuses = Counter(line["status"] for line in lines())
    assert statuses == {"fail": 7, "pass": 3, "unknown": 2, "accepted": 1, "not-applicable": 1}


def test_line_has_the_agreed_fields_in_order() -> None:
    """The fields of a line and their order are an interface."""
    line = line_of("n1")
    assert list(line) == [
        "schema",
        "control",
        "check",
        "status",
        "severity",
        "because",
        "equivalents",
        "asset",
        "where",
        "facts",
        "fingerprint",
        "title",
        "fix",
    ]
    assert list(line["asset"]) == ["id", "kind", "address", "native_type", "provider", "name"]


def test_failing_line_says_where_why_and_how_to_close_it() -> None:
    """A failure is complete: the place, the sentence, the evidence and the lines to write."""
    line = line_of("n1")
    assert line["because"] == "direct internet access is on for n1"
    assert line["where"] == {"file": "infra/notebooks.tf", "line_start": 4, "line_end": 4}
    assert line["equivalents"] == ["checkov:CKV_AWS_122"]
    assert line["facts"][0] == {
        "name": "net.direct_internet",
        "value": True,
        "where": {"file": "infra/variables.tf", "line_start": 7, "line_end": 9},
    }
    assert line["fix"]["snippet"].startswith('direct_internet_access = "Disabled"\n')
    assert line["fix"]["verify"] == "the plan shows the attribute as Disabled"


def test_pass_has_no_fix() -> None:
    """There is nothing to close where nothing fails."""
    assert "fix" not in line_of("n0")
    assert line_of("n0")["because"] == "notebooks have no direct internet access"


def test_unknown_fact_is_never_null() -> None:
    """What is not known says so, also deep inside a firewall rule."""
    assert line_of("doubtful")["facts"][0]["value"] == {
        "unknown": {"code": "undecided", "detail": "var.kms_key has no value"}
    }
    rule = line_of("n1")["facts"][1]
    assert rule["value"][0]["peers"][1] == {"unknown": {"code": "denied", "detail": "ec2:Describe"}}
    assert rule["shown"] == "allow ingress tcp/22 from 0.0.0.0/0, unknown"


def test_known_absence_is_null() -> None:
    """A thing that is not set is null and carries no mark."""
    assert line_of("nothing")["facts"] == [{"name": "enc.key", "value": None}]


def test_sensitive_fact_is_null_and_marked() -> None:
    """A reader can tell a withheld value from an absent one."""
    assert line_of("secret")["facts"] == [{"name": "enc.key", "value": None, "sensitive": True}]


def test_default_names_the_page_that_states_it() -> None:
    """A value that nobody wrote down cites its source."""
    assert line_of("accepted")["facts"][0]["default_of"] == "https://example.test/defaults"


def test_hostile_names_come_back_as_they_were() -> None:
    """Nothing is lost to a program: what a terminal would obey is spelled out and read back whole."""
    addresses = [line["asset"]["address"] for line in lines()][: len(fixture.HOSTILE)]
    assert addresses == [*fixture.HOSTILE[:-1], "caf\ufffd.tf"]


def test_every_line_parses_alone() -> None:
    """No name breaks a line in two, not even by a line separator."""
    large = fixture.large(2)
    odd = fixture.bucket("odd", "a\nb\u2028c\u0085d")
    large.assets = (*large.assets, odd)
    large.findings = (
        fixture.finding(fixture.cmk, odd, fixture.Status.FAIL, fixture.FindingCode.BROKEN, key="x\ny"),
        *large.findings,
    )
    out = fixture.text(jsonl.REPORT.render(large, fixture.CATALOGUE))
    first, *rest = [json.loads(line) for line in out.splitlines()]
    assert first["asset"]["address"] == "a\nb\u2028c\u0085d"
    assert len(rest) == 2


def test_document_holds_everything() -> None:
    """The document has the same findings and all that stands around them."""
    found = whole()
    assert found["schema"] == "strongroom/1"
    assert found["seen_at"] == "2026-03-04T05:06:07.000089Z"
    assert found["snapshot"] == "20260304-1"
    assert found["findings"] == lines()
    assert found["coverage"] == {
        "controls": 4,
        "measured": 3,
        "attested": 0,
        "would_add": [{"source": "redfish", "controls": 6}, {"source": "k8s", "controls": 1}],
    }
    assert {c["id"]: c["status"] for c in found["controls"]} == {
        "INV-01": "unknown",
        "NET-01": "fail",
        "ART-01": "pass",
        "TEE-01": "not-assessed",
    }
    assert [len(found[name]) for name in ("sources", "gaps", "assets", "tasks")] == [1, 1, 13, 2]


def test_document_joins_clauses_with_their_text() -> None:
    """A clause says what it wants, who can measure it and how it stands."""
    control = next(c for c in whole()["controls"] if c["id"] == "NET-01")
    assert control["measured"] == 1
    assert control["maps"] == {"nist_800_53_r5": ["SC-28"]}
    assert control["clauses"][0]["text"] == "The not-exposed clause holds."
    assert [c["status"] for c in control["clauses"]] == ["fail", "not-assessed"]


def test_document_has_assets_with_their_facts() -> None:
    """The inventory carries what was seen of each asset, sensitive values withheld."""
    assets = {a["id"]: a for a in whole()["assets"]}
    assert assets["n1"]["labels"] == {"team": "ml"}
    assert assets["secret"]["facts"] == [{"name": "enc.key", "value": None, "sensitive": True}]
    assert assets["nothing"]["where"] is None
