"""What the scanner found, as lines for programs and a table for people."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strongroom import __version__
from strongroom.app.seal_scan import Scanned
from strongroom.cli.lines import clean
from strongroom.kit.formats.verdicts import Verdict

FORMATS = ("table", "jsonl", "json", "sarif")
_STYLE = {
    Verdict.SAFE: "green",
    Verdict.REVIEW: "yellow",
    Verdict.UNREADABLE: "bold yellow",
    Verdict.MALICIOUS: "bold white on red",
}
_LEVEL = {Verdict.MALICIOUS: "error", Verdict.UNREADABLE: "error", Verdict.REVIEW: "warning", Verdict.SAFE: "none"}
_MOST_SHOWN = 3
_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class Row(msgspec.Struct, frozen=True):
    """One file, as scripts read it."""

    path: str
    verdict: Verdict
    reasons: tuple[str, ...]


class _Whole(msgspec.Struct, frozen=True):
    schema: str
    verdict: Verdict
    files: tuple[Row, ...]


def rows(scanned: Sequence[Scanned]) -> tuple[Row, ...]:
    """The rows, with how many reasons were left out where there were too many."""
    return tuple(Row(s.path, s.verdict, (*s.reasons, *_more(s))) for s in scanned)


def _more(s: Scanned) -> tuple[str, ...]:
    return (f"and {s.findings.dropped} more",) if s.findings.dropped else ()


def worst(scanned: Sequence[Scanned]) -> Verdict:
    """The verdict on all of them."""
    order = list(Verdict)
    return max((s.verdict for s in scanned), key=order.index, default=Verdict.SAFE)


def lines(scanned: Sequence[Scanned], form: str) -> Iterator[str]:
    """The output for programs: `jsonl`, `json` or `sarif`."""
    if form == "jsonl":
        for row in rows(scanned):
            yield msgspec.json.encode(row).decode() + "\n"
        return
    whole: object = _Whole("strongroom.scan/1", worst(scanned), rows(scanned)) if form == "json" else _sarif(scanned)
    yield msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _sarif(scanned: Sequence[Scanned]) -> dict[str, object]:
    """SARIF 2.1.0: a rule for each kind of reason, a result for each reason."""
    rules = sorted({r.rule for s in scanned for r in s.findings})
    results = [
        {
            "ruleId": r.rule,
            "ruleIndex": rules.index(r.rule),
            "level": _LEVEL[r.verdict],
            "message": {"text": r.text},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(s.path)}}}],
            "properties": {"verdict": r.verdict},
        }
        for s in scanned
        for r in s.findings
    ]
    driver = {
        "name": "Strongroom",
        "version": __version__,
        "rules": [{"id": r, "shortDescription": {"text": r.replace(".", ": ").replace("-", " ")}} for r in rules],
    }
    return {"$schema": _SARIF, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _uri(path: str) -> str:
    kept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
    return "".join(chr(b) if chr(b) in kept else f"%{b:02X}" for b in path.encode("utf-8", "backslashreplace"))


def table(out: Console, scanned: Sequence[Scanned]) -> None:
    """The table for people: what is not safe with its reasons, and how many files are."""
    grid = Table("verdict", "file", "why", box=None, pad_edge=False, header_style="dim")
    grid.columns[1].overflow = "fold"
    for s in scanned:
        if s.verdict is Verdict.SAFE and len(scanned) > 20:
            continue
        reasons = s.reasons[:_MOST_SHOWN]
        left = len(s.reasons) - len(reasons) + s.findings.dropped
        why = [*(clean(r) for r in reasons), *([f"and {left} more: --format jsonl"] if left else [])]
        grid.add_row(Text(s.verdict.value, style=_STYLE[s.verdict]), Text(clean(s.path)), Text("\n".join(why)))
    if grid.row_count:
        out.print(grid)
    counts = Counter(s.verdict for s in scanned)
    words = ", ".join(f"{counts[v]} {v.value}" for v in reversed(Verdict) if counts[v])
    out.print(f"{len(scanned)} {'file' if len(scanned) == 1 else 'files'}: {words or 'none'}")
