"""CSV: one row a finding, for spreadsheets, which take a cell that begins like a formula for one."""

import csv
from collections.abc import Iterator, Mapping

from strongroom.assess import prose
from strongroom.assess.reports._people import by_fingerprint
from strongroom.assess.reports._shared import asset_of, by_id, elsewhere, in_pieces, one_line
from strongroom.model.control import Assessment, Finding
from strongroom.model.estate import Asset
from strongroom.model.people import RiskException
from strongroom.model.ports import Catalogue, Report

COLUMNS = (
    "control",
    "control_title",
    "verb",
    "phase",
    "check",
    "title",
    "status",
    "severity",
    "because",
    "kind",
    "address",
    "name",
    "native_type",
    "provider",
    "account",
    "region",
    "file",
    "line_start",
    "line_end",
    "evidence",
    "fix",
    "verify",
    "equivalents",
    "fingerprint",
    "asset_id",
    "exception",
    "exception_owner",
    "exception_approver",
    "exception_expires",
    "exception_reason",
    "exception_ticket",
)
# OWASP, CSV Injection; and the full-width forms, which spreadsheets of East Asian locales take for the same signs.
STARTERS = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cell(text: str) -> str:
    """Text that a spreadsheet shows and does not compute: an apostrophe goes before what begins like a formula."""
    line = one_line(text)
    if line[:1].isalnum():
        return line
    return f"'{line}" if line.lstrip(" \u00a0\u3000\ufffd\"'").startswith(STARTERS) else line


class _Rows(list[str]):
    """What the csv writer writes to: a row at a time, to be taken away."""

    def write(self, text: str) -> None:
        """Keep one row."""
        self.append(text)


_Said = Mapping[str, tuple[str, RiskException]]


def _exception(f: Finding, said: _Said) -> list[str]:
    """What the exception file, or a skip beside the asset, says of a finding: six cells."""
    if f.fingerprint not in said:
        return [""] * 6
    state, e = said[f.fingerprint]
    origin = " (unapproved)" if e.inline else ""
    expires = e.expires.isoformat() if e.expires else ""
    return [f"{state}{origin}", e.owner, e.approver, expires, e.reason, e.ticket]


def _row(f: Finding, asset: Asset, catalogue: Catalogue, said: _Said) -> list[str]:
    control = catalogue.controls.get(f.control)
    check = catalogue.checks.get(f.check)
    return [
        f.control,
        control.title if control else "",
        control.verb.value if control else "",
        str(control.phase) if control else "",
        f.check,
        prose.title(f.check, catalogue),
        f.status.value,
        f.severity.value,
        prose.because(f, catalogue),
        asset.kind.value,
        asset.address,
        asset.name,
        asset.native_type,
        asset.provider,
        asset.account,
        asset.region,
        f.where.file if f.where else "",
        str(f.where.line_start) if f.where and f.where.line_start else "",
        str(f.where.line_end) if f.where and f.where.line_end else "",
        "; ".join(f"{fact.name}: {prose.show(fact)}" for fact in f.facts),
        check.fix.text if check else "",
        check.fix.verify if check else "",
        " ".join(elsewhere(check, asset)) if check else "",
        f.fingerprint,
        f.asset,
        *_exception(f, said),
    ]


def _rows(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    rows = _Rows()
    writer = csv.writer(rows)
    writer.writerow(COLUMNS)
    assets = by_id(assessment)
    said = by_fingerprint(assessment)
    for f in assessment.findings:
        writer.writerow([cell(text) for text in _row(f, asset_of(assets, f.asset), catalogue, said)])
        yield from rows
        rows.clear()
    yield from rows


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """A heading and one row a finding (RFC 4180)."""
    return in_pieces(_rows(assessment, catalogue))


REPORT = Report("csv", "CSV: one row a finding, for spreadsheets", ".csv", render)
