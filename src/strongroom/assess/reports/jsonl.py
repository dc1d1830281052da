"""JSON lines: one finding a line, passes included, for programs that read a stream."""

from collections.abc import Iterator
from itertools import islice

from strongroom.assess.reports._lines import finding_lines
from strongroom.model.control import Assessment
from strongroom.model.ports import Catalogue, Report

LINES_A_PIECE = 256  # about 200 KiB: few writes, little memory


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """The findings, some hundred lines at a time."""
    lines = finding_lines(assessment, catalogue)
    while piece := "".join(islice(lines, LINES_A_PIECE)):
        yield piece


REPORT = Report("jsonl", "JSON lines: one finding a line, for programs", ".jsonl", render)
