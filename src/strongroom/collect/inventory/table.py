"""A CSV file as rows with known columns: encodings, delimiters and titles as spreadsheets write them, within bounds.

A cell that a spreadsheet would compute is a formula somebody may have planted (CSV injection); it is refused and what
it says goes nowhere.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from strongroom.collect.inventory import words
from strongroom.kit.lookalike import trouble
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, TooLarge

HINT = "save the sheet as 'CSV UTF-8', with a header row; see strongroom assess --help"
DELIMITERS = (",", ";", "\t", "|")
MAX_COLUMNS = 500
MAX_ROWS = 1_000_000
MAX_CELL = 2_000
MAX_FIELD = 131_072  # bytes of one cell that the parser takes before it gives up
_TITLES = 10  # rows of title that may stand above the header
_FORMULA = ("=", "@", "+", "-", "\t", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?[\d\s().,/-]+")
_NOTHING = {
    "",
    "-",
    "--",
    "\u2013",
    "\u2014",
    "?",
    "n/a",
    "na",
    "none",
    "null",
    "unknown",
    "tbd",
    "tba",
    "not set",
    "nil",
}
_SEPARATOR = re.compile(r'"?sep=(.)"?\r?\n')


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a line that cannot be used: a cell of a column, or, when `lost`, the whole row."""

    line: int
    code: GapCode
    detail: str
    lost: bool = False
    column: str = ""


@dataclass(slots=True)
class Row:
    """One row: what its known columns say, its other columns by their headers, and what is wrong with it."""

    line: int
    cells: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Header:
    """The header row: per cell the column that it means, or the label that it becomes, or neither."""

    line: int
    delimiter: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    twice: tuple[str, ...] = ()

    @property
    def known(self) -> int:
        """How many columns are understood."""
        return sum(bool(c) for c in self.columns)


def decode(data: bytes, subject: str) -> tuple[str, Problem | None]:
    """The text: UTF-8, UTF-16 with a mark, else Windows-1252 with the doubt that comes with it. Raises Malformed."""
    if data.startswith(b"PK\x03\x04"):
        raise Malformed(subject, "a workbook (xlsx, ods)", "CSV", HINT)
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            try:
                return data.decode(name), None
            except UnicodeDecodeError:
                raise Malformed(subject, f"bytes that are not {name} as its mark says", "one encoding", HINT) from None
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError as e:
        line, byte = data.count(b"\n", 0, e.start) + 1, f"byte 0x{data[e.start]:02x}"
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise Malformed(f"{subject}:{line}", byte, "UTF-8 text", HINT) from None
    detail = f"{byte} is not UTF-8; the file was read as Windows-1252, which is a guess"
    return text, Problem(line, GapCode.NOT_UTF8, detail)


def header(text: str, subject: str) -> Header:
    """The header and the delimiter by which it has the most known columns. Raises Malformed when there is none."""
    told = _SEPARATOR.match(text)
    best: Header | None = None
    for delimiter in (told[1],) if told and told[1] in DELIMITERS else DELIMITERS:
        found = _header(text, delimiter)
        if found is not None and (best is None or found.known > best.known):
            best = found
    if best is None:
        wanted = "a row with at least two of: name, kind, owner, location, serial, uuid, id, ip, tenant, sensitivity"
        raise Malformed(subject, "no header row that is understood", wanted, HINT)
    if len(best.columns) > MAX_COLUMNS:
        raise TooLarge(subject, f"{len(best.columns)} columns", f"at most {MAX_COLUMNS}", HINT)
    return best


def _header(text: str, delimiter: str) -> Header | None:
    reader = csv.reader(_lines(text), delimiter=delimiter)
    try:
        for _ in range(_TITLES):
            cells = next(reader)
            columns = [words.column_of(c) for c in cells]
            if len({c for c in columns if c}) >= 2 and {"name", "serial", "uuid", "id"}.intersection(columns):
                return _named(cells, columns, reader.line_num, delimiter)
    except (StopIteration, csv.Error):
        return None
    return None


def _named(cells: Sequence[str], columns: Sequence[str], line: int, delimiter: str) -> Header:
    """Of two headers that mean one column the first one counts; the other becomes a label."""
    taken: set[str] = set()
    names: set[str] = set()
    out: list[tuple[str, str]] = []
    twice: list[str] = []
    for cell, column in zip(cells, columns, strict=True):
        name = " ".join(cell.split())[:60]
        usable = bool(name) and not trouble(name) and not name.startswith(_FORMULA)
        if usable and name.lower() in names:
            twice.append(name)
            usable = False
        names.add(name.lower())
        fresh = bool(column) and column not in taken and usable
        taken.add(column)
        out.append((column, "") if fresh else ("", name if usable else ""))
    return Header(line, delimiter, tuple(c for c, _ in out), tuple(n for _, n in out), tuple(twice))


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end].replace("\r\n", "\n").replace("\r", "\n")
        start = end


def rows(text: str, top: Header) -> Iterator[Row | Problem]:
    """Every row below the header, and a problem for each that is not one."""
    for name in top.twice:
        yield Problem(top.line, GapCode.DUPLICATE_KEY, f"the column {name!r} stands twice; the first one counts")
    reader = csv.reader(_lines(text), delimiter=top.delimiter, strict=True)
    last, count = 0, 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as e:
            detail = f"{str(e)[:80]}: nothing from here on was read"
            yield Problem(last + 1, GapCode.MALFORMED, detail, lost=True)
            return
        line, last = last + 1, reader.line_num
        if last <= top.line or not any(c.strip() for c in cells):
            continue
        count += 1
        if count > MAX_ROWS:
            yield Problem(line, GapCode.TOO_LARGE, f"over {MAX_ROWS} rows; the rest was not read", lost=True)
            return
        yield _row(cells, line, top)


def _row(cells: Sequence[str], line: int, top: Header) -> Row | Problem:
    if len(cells) != len(top.columns) and any(c.strip() for c in cells[len(top.columns) :]):
        return Problem(line, GapCode.MALFORMED, f"{len(cells)} cells under {len(top.columns)} headers", lost=True)
    if len(cells) < len(top.columns):
        return Problem(line, GapCode.MALFORMED, f"{len(cells)} cells under {len(top.columns)} headers", lost=True)
    row = Row(line)
    for column, label, cell in zip(top.columns, top.labels, cells, strict=False):
        if not column and not label:
            continue
        text = " ".join(cell.split())
        wrong = _wrong(cell, text)
        if wrong:
            row.problems.append(cell_problem(line, column or label, wrong))
        elif text.lower() not in _NOTHING:
            (row.cells if column else row.labels)[column or label] = text
    return row


def cell_problem(line: int, column: str, why: str) -> Problem:
    """A cell that cannot be used."""
    return Problem(line, GapCode.MALFORMED, f"column {column}: {why}", column=column)


def _wrong(cell: str, text: str) -> str:
    """What is wrong with a cell, without a word of what it says."""
    if len(text) > MAX_CELL:
        return f"over {MAX_CELL} characters"
    if text.startswith(_FORMULA) and text.lower() not in _NOTHING and not _NUMBER.fullmatch(text):
        return "a formula, which is not read"
    if cell.startswith("\t") and text:
        return "a formula, which is not read"
    return trouble(text)
