"""What every format needs: text that cannot harm its reader, and joins by id."""

import re
from collections.abc import Iterable, Iterator, Mapping

from strongroom import __version__
from strongroom.model.codes import Severity, Status
from strongroom.model.control import Assessment
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.ports import Check
from strongroom.model.values import Where

PROGRAM = "strongroom"
VERSION = __version__

WORST_FIRST = tuple(sorted(Severity, key=lambda s: -s.rank))

# What a terminal obeys, what reorders the text around it, what is not seen at all, and what no encoding can carry.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_BREAKS = re.compile(r"[\t\n\r\x0b\x0c\u0085\u2028\u2029]+")
REPLACED = "\ufffd"

PIECE = 128 * 1024
"""Characters that a format gives away at a time: few writes, and never the whole report in memory."""


def in_pieces(texts: Iterable[str]) -> Iterator[str]:
    """The same text in pieces of about `PIECE` characters."""
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size >= PIECE:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


def one_line(text: str) -> str:
    """Foreign text as one line without control, invisible or reordering characters; each leaves a mark in its place.

    They are marked and not dropped, so that two names that differ only in what is not seen stay two names.
    """
    if text.isprintable():
        return text
    return _HARMFUL.sub(REPLACED, _BREAKS.sub(" ", text))


def lines_of(text: str) -> str:
    """The same for text of several lines: the line breaks stay."""
    return "\n".join(one_line(line) for line in text.splitlines())


def short(text: str, longest: int) -> str:
    """Text for a page, cut where it would flood it; the JSON report has all of it."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def by_id(assessment: Assessment) -> Mapping[str, Asset]:
    """The assets of an assessment, by id."""
    return {a.id: a for a in assessment.assets}


def asset_of(assets: Mapping[str, Asset], asset_id: str) -> Asset:
    """The asset that a finding speaks of; one that is not in the inventory is shown by its id alone."""
    found = assets.get(asset_id)
    return found or Asset(id=asset_id, kind=Kind.OTHER, native_type="", address=asset_id)


def elsewhere(check: Check, asset: Asset) -> list[str]:
    """The same question in other tools, as far as they ask it of such a thing: cfn-guard reads CloudFormation only."""
    of_template = asset.native_type.startswith("AWS::")
    return [e for e in check.equivalents if of_template or not e.startswith("guard:")]


def everything(assessment: Assessment) -> Mapping[str, Asset]:
    """The assets of an assessment and those that only a finding names, by id: nothing refers to what is not there."""
    assets = dict(by_id(assessment))
    return assets | {f.asset: asset_of(assets, f.asset) for f in assessment.findings if f.asset not in assets}


def place(where: Where | None) -> str:
    """Where something stands, for a reader: `file:line`, the path inside a document, and the call it comes from."""
    if where is None:
        return ""
    inside = f" {where.path}" if where.path else ""
    called = f" (called from {where.called_from})" if where.called_from else ""
    return f"{where}{inside}{called}"


def count(n: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 finding`, `1,204 findings`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def tally(statuses: Iterable[Status]) -> dict[Status, int]:
    """How often each status occurs; every status has its key, so that none is taken for another."""
    counts = dict.fromkeys(Status, 0)
    for status in statuses:
        counts[status] += 1
    return counts
