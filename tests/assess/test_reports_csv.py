"""The format for spreadsheets."""

import csv
import io

import pytest
import reports_fixture as fixture

from strongroom.assess.reports.csv import REPORT, cell


def rows() -> list[dict[str, str]]:
    out = fixture.text(REPORT.render(fixture.assessment(), fixture.CATALOGUE))
    return list(csv.DictReader(io.StringIO(out, newline="")))


def test_one_row_a_finding() -> None:
    """Every finding is a row with all its columns, whatever its name holds."""
    assert len(rows()) == len(fixture.assessment().findings)
    assert all(None not in row and None not in row.values() for row in rows())


def test_row_joins_control_and_evidence() -> None:
    """A row stands alone: the control, the place, what was read and how to close it."""
    row = next(r for r in rows() if r["asset_id"] == "n1")
    assert (row["control"], row["verb"], row["phase"]) == ("NET-01", "ISOLATE", "30")
    assert (row["file"], row["line_start"]) == ("infra/notebooks.tf", "4")
    assert row["evidence"].startswith("net.direct_internet: true; net.rules: allow ingress tcp/22")
    assert row["equivalents"] == "checkov:CKV_AWS_122"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\uff1d", "|", "%", '"=', "\x00="])
def test_cell_that_begins_like_a_formula_is_text(start: str) -> None:
    """A spreadsheet shows what stands there and computes nothing."""
    assert cell(f"{start}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize("text", ["aws_s3_bucket.a", "10.0.0.0/8", "(none)", "", "ä=1"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    """Only what is dangerous is marked."""
    assert cell(text) == text


def test_no_cell_of_a_report_begins_like_a_formula() -> None:
    """The guard covers every column."""
    assert not [v for row in rows() for v in row.values() if v.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert any(v.startswith("'=HYPERLINK") for row in rows() for v in row.values())
