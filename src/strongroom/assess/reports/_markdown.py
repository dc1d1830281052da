"""Foreign text inside GitHub Flavored Markdown (GFM 0.29), where almost every sign can begin something."""

import re

from strongroom.assess.reports._shared import lines_of, one_line

_SIGNS = re.compile(r"([\\`*_\[\]|~$])")
_OPENERS = re.compile(r"^(\d*)([-+#=:.)])")  # what makes a list, a heading or a rule of the line that it begins
_RUNS = re.compile(r"`+")
_SPANS = re.compile(r"`([^`]+)`")
# GitHub links these in plain text and alerts the people named. A comment behind them parts them and is not seen; before
# them it would begin an HTML block where the text begins a line.
_LINKS = re.compile(r"@|#(?=\d)|(?<=:)//|(?i:www)(?=\.)|(?i:\bGH)(?=-\d)")
PART = "<!-- -->"


def _plain(text: str) -> str:
    line = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LINKS.sub(lambda m: m[0] + PART, _SIGNS.sub(r"\\\1", line))


def words(text: str, *, cell: bool = False) -> str:
    """Foreign text as words: no link, mention, emphasis, HTML or table cell can come from it, only `code`."""
    pieces = _SPANS.split(one_line(text))
    out = "".join(code(piece, cell=cell) if n % 2 else _plain(piece) for n, piece in enumerate(pieces))
    return _OPENERS.sub(r"\1\\\2", out)


def code(text: str, *, cell: bool = False) -> str:
    """Foreign text as a code span that no backtick in it can end; in a table cell, no bar can end the cell."""
    line = one_line(text) or " "
    ticks = "`" * (max((len(run) for run in _RUNS.findall(line)), default=0) + 1)
    pad = " " if line[0] in "` " or line[-1] in "` " else ""
    span = f"{ticks}{pad}{line}{pad}{ticks}"
    return span.replace("|", "\\|") if cell else span


def fence(text: str, language: str = "") -> str:
    """A block of code that nothing in it can end. A native type with an underscore is Terraform's."""
    body = lines_of(text)
    ticks = "`" * max(3, max((len(run) for run in _RUNS.findall(body)), default=0) + 1)
    return f"{ticks}{'hcl' if '_' in language else language if language == 'sh' else ''}\n{body}\n{ticks}"
