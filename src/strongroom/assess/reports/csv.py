"""CSV: one row a finding, for spreadsheets, which take a cell that begins like a formula for one."""

import csv
from collections.abc import Iterator

from strongroom.assess import prose
from strongroom.assess.reports._shared import asset_of, by_id, one_line
from strongroom.model.control import Assessment, Finding
from strongroom.model.estate import Asset
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
)
# OWASP, CSV Injection; and the full-width forms, which spreadsheets of East Asian locales take for the same signs.
STARTERS = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
ROWS_A_PIECE = 256


def cell(text: str) -> str:
    """Text that a spreadsheet shows and does not compute: an apostrophe goes before what begins like a formula."""
    line = one_line(text)
    return f"'{line}" if line.lstrip(" \u00a0\u3000\ufffd\"'").startswith(STARTERS) else line


class _Pieces(list[str]):
    """What the csv writer writes to."""

    def write(self, text: str) -> None:
        """Keep one row."""
        self.append(text)

    def take(self) -> str:
        """The rows kept so far, and forget them."""
        text = "".join(self)
        self.clear()
        return text


def _row(f: Finding, asset: Asset, catalogue: Catalogue) -> list[str]:
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
        " ".join(check.equivalents) if check else "",
        f.fingerprint,
        f.asset,
    ]


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """A heading and one row a finding (RFC 4180)."""
    pieces = _Pieces()
    writer = csv.writer(pieces)
    writer.writerow(COLUMNS)
    assets = by_id(assessment)
    for n, f in enumerate(assessment.findings, 1):
        writer.writerow([cell(text) for text in _row(f, asset_of(assets, f.asset), catalogue)])
        if n % ROWS_A_PIECE == 0:
            yield pieces.take()
    yield pieces.take()


REPORT = Report("csv", "CSV: one row a finding, for spreadsheets", ".csv", render)
