"""JSON lines: one finding a line, passes included, for programs that read a stream."""

from collections.abc import Iterator

from strongroom.assess.reports._lines import finding_lines
from strongroom.assess.reports._shared import in_pieces
from strongroom.model.control import Assessment
from strongroom.model.ports import Catalogue, Report


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """The findings, some hundred lines at a time."""
    return in_pieces(finding_lines(assessment, catalogue))


REPORT = Report("jsonl", "JSON lines: one finding a line, for programs", ".jsonl", render)
