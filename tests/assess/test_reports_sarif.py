"""The format for code hosts and editors."""

import json
import re
from collections import Counter

import jsonschema
import pytest
import reports_fixture as fixture
from sarif_shape import LOG

from strongroom.assess.reports.sarif import REPORT, message, render, uri


def log(*, passes: bool = False) -> dict[str, list[dict[str, object]]]:
    return json.loads(fixture.text(render(fixture.assessment(), fixture.CATALOGUE, passes=passes)))


def run(*, passes: bool = False) -> dict[str, object]:
    return log(passes=passes)["runs"][0]


def result_of(asset: str) -> dict[str, object]:
    return next(r for r in run(passes=True)["results"] if r["properties"]["asset"] == asset)


@pytest.mark.parametrize("passes", [False, True])
def test_log_has_the_shape_of_sarif(passes: bool) -> None:
    """Every object has the properties of SARIF 2.1.0, all that it needs and none beside."""
    jsonschema.Draft202012Validator(LOG).validate(log(passes=passes))


def test_shape_refuses_what_code_hosts_refuse() -> None:
    """The shape is not a formality: a result without a place, and a taxon wrapped in a target, are refused."""
    check = jsonschema.Draft202012Validator(LOG)
    homeless, wrapped, levelled = log(), log(), log()
    homeless["runs"][0]["results"][0]["locations"] = []
    wrapped["runs"][0]["results"][0]["taxa"] = [{"target": wrapped["runs"][0]["results"][0]["taxa"][0]}]
    next(r for r in levelled["runs"][0]["results"] if r["kind"] == "open")["level"] = "error"
    assert not any(check.is_valid(broken) for broken in (homeless, wrapped, levelled))


def test_failures_and_unknowns_are_results_and_passes_are_not() -> None:
    """A code host alarms for every result, so that a pass is one only on request."""
    assert REPORT.render is render
    kinds = Counter((r["kind"], r["properties"]["status"]) for r in run()["results"])
    assert kinds == {("fail", "fail"): 7, ("open", "unknown"): 1, ("fail", "accepted"): 1}
    assert Counter(r["kind"] for r in run(passes=True)["results"])["pass"] == 3


def test_indices_point_at_what_the_ids_name() -> None:
    """Rules, taxa and notifications are cited by id and index, and both agree."""
    one = run(passes=True)
    rules, taxa = one["tool"]["driver"]["rules"], one["taxonomies"][0]["taxa"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in one["results"])
    assert all(taxa[t["index"]]["id"] == t["id"] for r in one["results"] for t in r["taxa"])
    assert all(taxa[x["target"]["index"]]["id"] == x["target"]["id"] for r in rules for x in r.get("relationships", ()))
    gaps = one["tool"]["driver"]["notifications"]
    noted = one["invocations"][0]["toolExecutionNotifications"]
    assert all(gaps[n["descriptor"]["index"]]["id"] == n["descriptor"]["id"] for n in noted)


def test_worst_comes_first() -> None:
    """A code host that cuts a long list cuts the mildest."""
    levels = [r["properties"]["severity"] for r in run()["results"] if r["properties"]["status"] == "fail"]
    assert levels == ["critical"] * 6 + ["high"]


def test_result_has_its_region_and_the_place_of_its_evidence() -> None:
    """The finding stands at the resource; a fact that comes from elsewhere points there."""
    result = result_of("n1")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "infra/notebooks.tf", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 4, "endLine": 4},
    }
    assert result["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 7, "endLine": 9}
    assert result["message"]["text"].endswith("n1: direct internet access is on for n1.")


def test_asset_without_a_place_stands_at_its_source() -> None:
    """No result is without a file, and a source's own finding names what was read and not its scheme."""
    whole = fixture.assessment()
    lost = fixture.bucket("lost", "aws_s3_bucket.lost", where=None)
    whole.assets = (*whole.assets, lost)
    whole.findings = (
        fixture.finding(fixture.cmk, lost, fixture.Status.FAIL, fixture.FindingCode.BROKEN, key="x"),
        *(f for f in whole.findings if f.control == "INV-01"),
    )
    results = json.loads(fixture.text(render(whole, fixture.CATALOGUE, passes=True)))["runs"][0]["results"]
    places = [r["locations"][0]["physicalLocation"] for r in results]
    assert places == [{"artifactLocation": {"uri": "infra", "uriBaseId": "SRCROOT"}}] * 2


def test_gap_is_a_notification_and_no_result() -> None:
    """What could not be looked at is said once, of the run."""
    (noted,) = run()["invocations"][0]["toolExecutionNotifications"]
    assert noted["descriptor"]["id"] == "not-fetched"
    assert noted["properties"]["hides"] == ["store.bucket"]
    assert not [r for r in run()["results"] if r["ruleId"] == "inv.source.read-whole"]


def test_accepted_failure_carries_its_suppression() -> None:
    """An accepted risk stays in sight, and is not counted again."""
    assert result_of("accepted")["suppressions"] == [{"kind": "external", "status": "accepted"}]
    assert "suppressions" not in result_of("h0")


@pytest.mark.parametrize("name", fixture.HOSTILE)
def test_message_can_hold_no_placeholder_and_no_link(name: str) -> None:
    """A name is shown as it is: SARIF would fill `{0}` and link `[x](1)`."""
    text = message(name)["text"]
    assert not re.search(r"(?<!\{)\{\d+\}(?!\})", text)
    assert "](" not in text
    assert text.replace("{{", "{").count("{") == name.count("{")


def test_uri_is_a_reference_and_not_a_command() -> None:
    """A file name cannot become another scheme, a query or a fragment."""
    assert uri("javascript:alert(1)") == "javascript%3Aalert%281%29"
    assert uri("a b/c#d?e%.tf") == "a%20b/c%23d%3Fe%25.tf"
    assert uri("/etc/x.tf") == "file:///etc/x.tf"


def test_help_has_the_fix_and_the_control() -> None:
    """The page beside an alert says why, how to close it, how to see that, and which control it belongs to."""
    rule = next(r for r in run()["tool"]["driver"]["rules"] if r["id"] == "net.notebook.direct-internet")
    for part in ("shortest way out", "```hcl", "subnet_id", "shows the attribute", "NET-01", "checkov:CKV_AWS_122"):
        assert part in rule["help"]["markdown"]
    assert rule["properties"]["security-severity"] == "8.0"
