"""The exceptions file: TOML, read strictly, with the line of whatever is wrong in it.

    [[exception]]
    check = "net.notebook.direct-internet"       # or control = "NET-02"
    asset = "aws_sagemaker_notebook_instance.lab" # as the report prints it; an alias; or a glob with * and ?
    owner = "Ada Lovelace"
    approver = "Grace Hopper"
    reason = "no data is reachable from the lab until the private endpoints are there"
    expires = 2027-01-31                          # the last day, in UTC
    ticket = "SEC-123"                            # where there is one

A `fingerprint` names one finding, alone or beside check and asset. The file is only read where it is named: on the
command line or in the configuration, never found in the tree that is being assessed.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from strongroom.assess.exceptions import identified, is_glob, is_wide
from strongroom.kit.lookalike import trouble
from strongroom.model.errors import BadInput, Malformed, StrongroomError, TooLarge, Unreadable
from strongroom.model.people import RiskException
from strongroom.model.values import Where

MAX_BYTES = 4 << 20
MAX_ENTRIES = 20_000
MAX_TEXT = 1000
MAX_STARS = 16
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*exception[ \t]*\]\][ \t]*(?:#.*)?$")
_KEY = re.compile(r"^[ \t]*([A-Za-z_-]+)[ \t]*=")
_IDENT = re.compile(r"[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*")
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
_TEXTS = ("check", "control", "asset", "fingerprint", "owner", "approver", "reason", "ticket")
_WANTED = "check or control with asset, or fingerprint; owner, approver, reason, expires; ticket, all"


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    check: str = ""
    control: str = ""
    asset: str = ""
    fingerprint: str = ""
    owner: str = ""
    approver: str = ""
    reason: str = ""
    expires: date | None = None
    ticket: str = ""
    all: bool = False


class Lines(NamedTuple):
    """Where an entry begins, and where each of its keys stands."""

    start: int
    keys: Mapping[str, int]


class ExceptionsFile(NamedTuple):
    """What a file says: its exceptions, and everything that is wrong with its form."""

    path: str
    exceptions: tuple[RiskException, ...]
    problems: tuple[StrongroomError, ...]


def load(path: str) -> tuple[RiskException, ...]:
    """The exceptions of a file. Raises Unreadable, TooLarge, or Malformed for the first thing that is wrong in it."""
    found = read(path)
    if found.problems:
        raise found.problems[0]
    return found.exceptions


def read(path: str) -> ExceptionsFile:
    """The exceptions of a file with all that is wrong in it. Raises Unreadable or TooLarge."""
    return parse(_bytes(path), path)


def _bytes(path: str) -> bytes:
    file = Path(path)
    hint = "strongroom exceptions add makes one"
    try:
        if not file.is_file():
            raise Unreadable(path, "no regular file" if file.exists() else "no such file", "an exceptions file", hint)
        if file.stat().st_size > MAX_BYTES:
            raise TooLarge(path, f"{file.stat().st_size} bytes", f"at most {MAX_BYTES}")
        return file.read_bytes()
    except OSError as e:
        raise Unreadable(path, (e.strerror or "an error").lower(), "an exceptions file", hint) from None


def parse(data: bytes, path: str) -> ExceptionsFile:
    """The exceptions of a file's bytes."""
    try:
        text = data.decode("utf-8")
        tables, lines = _tables(text, path)
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        return ExceptionsFile(path, (), (Malformed(f"{path}:{line}", f"byte 0x{data[e.start]:02x}", "UTF-8 text"),))
    except BadInput as e:
        return ExceptionsFile(path, (), (e,))
    found: list[RiskException] = []
    problems: list[StrongroomError] = []
    seen: dict[tuple[str, ...], int] = {}
    for table, at in zip(tables, lines, strict=True):
        try:
            made = _exception(table, at, path)
            _once(made, at, path, seen)
            found.append(made)
        except BadInput as problem:
            problems.append(problem)
    return ExceptionsFile(path, tuple(found), tuple(problems))


def _tables(text: str, path: str) -> tuple[list[Mapping[str, object]], list[Lines]]:
    """The entries as tables and the lines of each. Raises Malformed, TooLarge."""
    lines = text.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines, 1):
        if '"""' in line or "'''" in line:
            # Lines are found by looking at lines, and a text over several of them could look like an entry.
            raise Malformed(f"{path}:{number}", "a text over several lines", "texts on one line")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        at = re.search(r"at line (\d+)", str(e))
        found = re.sub(r"\s*\(at .*\)$", "", str(e)).lower()
        raise Malformed(f"{path}:{at[1]}" if at else path, found[:160], "TOML") from None
    except RecursionError:
        raise TooLarge(path, "values nested too deeply", "a list of [[exception]] entries") from None
    tables = document.pop("exception", [])
    if document or not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        odd = ", ".join(sorted(document))[:80] or "exception in another form"
        raise Malformed(path, odd, "[[exception]] entries and nothing else")
    if len(tables) > MAX_ENTRIES:
        raise TooLarge(path, f"{len(tables)} entries", f"at most {MAX_ENTRIES}")
    starts = [n for n, line in enumerate(lines, 1) if _HEADER.match(line)]
    if len(starts) != len(tables):
        raise Malformed(path, f"{len(tables)} entries under {len(starts)} headers", "[[exception]] before every entry")
    return tables, [_lines_of(lines, a, b) for a, b in pairwise([*starts, len(lines) + 1])]


def _lines_of(lines: list[str], start: int, end: int) -> Lines:
    keys = {m[1]: n for n in range(start + 1, end) if (m := _KEY.match(lines[n - 1])) is not None}
    return Lines(start, keys)


def _exception(table: Mapping[str, object], at: Lines, path: str) -> RiskException:
    """One entry. Raises Malformed with the line of what is wrong."""
    try:
        e = msgspec.convert(table, _Entry, strict=True)
    except msgspec.ValidationError as error:
        key = re.search(r"`\$\.([\w-]+)|field `([\w-]+)`", str(error))
        line = at.keys.get((key[1] or key[2]) if key else "", at.start)
        raise Malformed(f"{path}:{line}", re.sub(r" - at `\$.*$", "", str(error)).lower()[:160], _WANTED) from None
    for problem_at, found, wanted in _problems(e):
        raise Malformed(f"{path}:{at.keys.get(problem_at, at.start)}", found, wanted)
    made = RiskException(
        "",
        False,
        check=e.check,
        control=e.control,
        asset=e.asset,
        fingerprint=e.fingerprint,
        everything=e.all,
        owner=e.owner.strip(),
        approver=e.approver.strip(),
        reason=e.reason.strip(),
        expires=e.expires,
        ticket=e.ticket.strip(),
        where=Where(path, at.start, max(at.start, *at.keys.values()) if at.keys else at.start),
    )
    return identified(made)


def _problems(e: _Entry) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the form of an entry: the key, what was found, what was wanted."""
    for name in _TEXTS:
        text = getattr(e, name)
        if len(text) > MAX_TEXT:
            yield name, f"{name} of {len(text)} characters", f"at most {MAX_TEXT}"
        if why := trouble(text):
            yield name, f"{name} with {why}", "a text that is what it looks like"
    for name, ident in (("check", e.check), ("control", e.control)):
        if ident and not _IDENT.fullmatch(ident):
            yield name, f"{name} {ident[:80]!r}", "the id of one, as the report prints it"
    if e.fingerprint and not _FINGERPRINT.fullmatch(e.fingerprint):
        yield (
            "fingerprint",
            f"fingerprint {e.fingerprint[:80]!r}",
            "32 lower-case hex digits, as the report prints them",
        )
    if e.check and e.control:
        yield "control", "check and control", "one of the two"
    if not e.fingerprint and not ((e.check or e.control) and e.asset):
        what = "no asset" if e.check or e.control else "no check and no control"
        yield "asset", what, "check or control with asset, or fingerprint"
    yield from _asset_problems(e)


def _asset_problems(e: _Entry) -> Iterator[tuple[str, str, str]]:
    if e.asset.count("*") > MAX_STARS:
        yield "asset", f"{e.asset.count('*')} stars", f"at most {MAX_STARS}"
    if is_wide(e.asset) and not e.all:
        yield "asset", f"asset {e.asset!r}, which names nearly everything", "a narrower one, or all = true beside it"
    if e.all and not (is_glob(e.asset) and is_wide(e.asset)):
        yield "all", "all = true beside an asset that is not everything", 'asset = "*", or no all'


def _once(e: RiskException, at: Lines, path: str, seen: dict[tuple[str, ...], int]) -> None:
    """Refuse a second entry for the same thing: which one counts is a guess. Raises Malformed."""
    key = (e.check, e.control, e.asset, e.fingerprint)
    first = seen.setdefault(key, at.start)
    if first != at.start:
        raise Malformed(f"{path}:{at.start}", f"an entry for the same as line {first}", "one entry for each")


def written(e: RiskException) -> str:
    """The entry as the file has it."""
    said = {name: getattr(e, name) for name in _TEXTS if getattr(e, name)}
    lines = [f"{name} = {_quoted(text)}" for name, text in said.items()]
    if e.everything:
        lines.append("all = true")
    if e.expires is not None:
        lines.append(f"expires = {e.expires.isoformat()}")
    return "[[exception]]\n" + "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # A TOML basic string (v1.0.0, "String"); control characters are refused before, and so are three quotes in a row.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + (escaped.replace("'", "\\u0027") if "'''" in escaped else escaped) + '"'
