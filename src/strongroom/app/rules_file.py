"""The rules file: YAML, read strictly, with the line of whatever is wrong in it. See docs/how/write-a-rule.md.

It is only read where it is named, on the command line or in the configuration, and never found in the tree that is being
assessed: a tree must not bring its own rules, and so its own verdict.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec

from strongroom.app.rules_yaml import read as read_yaml
from strongroom.assess.rule_language import Fault, expression, known_fact, near, refused, sentence
from strongroom.assess.rules import plain
from strongroom.model.codes import Effort, GapCode, Severity, Status
from strongroom.model.control import Fix
from strongroom.model.errors import BadInput, Malformed, StrongroomError, TooLarge, Unreadable
from strongroom.model.facts import FACTS
from strongroom.model.kinds import Kind
from strongroom.model.ports import Catalogue
from strongroom.model.rules import SCHEMA, Rule, RulesFile, RuleTest
from strongroom.model.values import Key, NetRule, Statement, Unknown, Value, Where

MAX_BYTES = 1 << 20
MAX_FILES = 200
MAX_RULES = 1000
AREAS = ("net", "enc", "iam", "log", "gpu", "tee", "boot", "host", "art", "inv", "mon", "rec")
"""First words of built-in checks, now and later; a rule's id begins with another."""
_IDENT = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+")
_NEVER = (Kind.SOURCE, Kind.OTHER)
_HINT = "docs/how/write-a-rule.md shows one"

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Lines = Annotated[str, msgspec.Meta(max_length=8000)]
Expect = Literal["pass", "fail", "unknown", "not-applicable"]


class FixEntry(msgspec.Struct, forbid_unknown_fields=True):
    """How to mend what the rule finds; `snippets` are lines of configuration by native type."""

    text: Text
    snippets: dict[str, Lines] = {}
    command: Lines = ""
    verify: Lines = ""
    effort: Effort = Effort.SMALL


class AssetEntry(msgspec.Struct, forbid_unknown_fields=True):
    """The asset of a test. A fact `{unknown: REASON}` is one whose value is not known."""

    kind: Kind
    facts: dict[str, object] = {}
    address: Lines = ""
    name: Lines = ""
    native_type: Lines = ""
    provider: Lines = ""
    account: Lines = ""
    region: Lines = ""
    labels: dict[str, str] = {}


class TestEntry(msgspec.Struct, forbid_unknown_fields=True):
    """An example: what the rule must say of an asset."""

    __test__ = False  # a test of the user's, not of this program

    name: Text
    asset: AssetEntry
    expect: Expect


class RuleEntry(msgspec.Struct, forbid_unknown_fields=True):
    """One rule. `when` and `require` are CEL; `because` is the sentence for a failure, with `{asset}` and `{fact.name}`."""

    id: Text
    title: Text
    kind: Kind | Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1)]
    require: Annotated[str, msgspec.Meta(min_length=1, max_length=8000)]
    severity: Severity
    because: Text
    when: Lines = ""
    control: Lines = ""
    why: Lines = ""
    fix: FixEntry | None = None
    equivalents: tuple[str, ...] = ()
    tests: tuple[TestEntry, ...] = ()


class FileEntry(msgspec.Struct, forbid_unknown_fields=True):
    """A rules file."""

    schema: Literal["strongroom.rules/1"]
    rules: tuple[RuleEntry, ...]


class Read(NamedTuple):
    """What a file says, and everything that is wrong in it."""

    file: RulesFile
    problems: tuple[StrongroomError, ...]


def json_schema() -> dict[str, object]:
    """The form of a rules file as a JSON Schema (2020-12)."""
    schema = msgspec.json.schema(FileEntry, schema_hook=_anything)
    head: dict[str, object] = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA}
    return head | schema


def _anything(_kind: type) -> dict[str, object]:
    """The schema of a fact's value, whose form depends on the fact."""
    return {"description": "a value of the fact's type, or {unknown: REASON}"}


def files(paths: Sequence[str]) -> tuple[Path, ...]:
    """The rules files that are meant: as named, and of a folder every `.yaml` and `.yml` in it. Raises Unreadable, TooLarge."""
    found: list[Path] = []
    for given in dict.fromkeys(paths):
        path = Path(given)
        inside = sorted(p for p in path.rglob("*.y*ml") if p.suffix in (".yaml", ".yml")) if path.is_dir() else [path]
        if not inside:
            raise Unreadable(given, "a folder without rules", "files that end in .yaml or .yml", _HINT)
        found += (p for p in inside if p not in found)
    if len(found) > MAX_FILES:
        raise TooLarge("rules", f"{len(found)} files", f"at most {MAX_FILES}")
    return tuple(found)


def read(path: Path, known: Catalogue, seen: dict[str, Where]) -> Read:
    """One file with all that is wrong in it. `seen` are the ids of rules that were read before, and is added to.

    Raises:
        Unreadable, TooLarge, Malformed: it is no rules file at all, so that nothing more can be said of it.
    """
    data = _bytes(path)
    try:
        document = read_yaml(data.decode("utf-8"), str(path))
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise Malformed(f"{path}:{line}", f"byte 0x{data[e.start]:02x}", "UTF-8 text") from None
    try:
        entries = msgspec.convert(document.value, FileEntry, strict=True).rules
    except msgspec.ValidationError as e:
        raise _misformed(e, str(path), document.lines) from None
    if len(entries) > MAX_RULES:
        raise TooLarge(str(path), f"{len(entries)} rules", f"at most {MAX_RULES}")
    rules, problems = [], []
    for n, entry in enumerate(entries):
        try:
            rules.append(_Reader(str(path), document.lines, f"$.rules[{n}]").rule(entry, known, seen))
        except BadInput as e:
            problems.append(e)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return Read(RulesFile(str(path), tuple(rules), digest, len(data)), tuple(problems))


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise Unreadable(str(path), "no regular file" if path.exists() else "no such file", "a rules file", _HINT)
        if path.stat().st_size > MAX_BYTES:
            raise TooLarge(str(path), f"{path.stat().st_size} bytes", f"at most {MAX_BYTES}")
        return path.read_bytes()
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a rules file", _HINT) from None


def _misformed(error: msgspec.ValidationError, path: str, lines: Mapping[str, int]) -> Malformed:
    said, _, at = str(error).partition(" - at `")
    at = at.rstrip("`").removeprefix("key in ").replace("[...]", "")
    while at and at not in lines:
        at = at[: max(at.rfind("."), at.rfind("["), 0)]
    value = re.search(r"Invalid enum value '([^']*)'", said)
    hint = near(value[1], [*Kind, *Severity, *Effort]) if value is not None else ""
    return Malformed(
        f"{path}:{lines.get(at, 1)}",
        said[:1].lower() + said[1:160],
        "the form of a rules file",
        hint or "strongroom rules schema",
    )


class _Reader:
    """One rule of a file; whatever is wrong in it is told with its line."""

    def __init__(self, path: str, lines: Mapping[str, int], at: str) -> None:
        self._path, self._lines, self._at = path, lines, at

    def where(self, within: str = "") -> Where:
        line = self._lines.get(f"{self._at}{within}", self._lines.get(self._at, 1))
        return Where(self._path, line, line)

    def no(self, within: str, found: str, wanted: str, hint: str = "") -> Malformed:
        return Malformed(str(self.where(within)), found, wanted, hint)

    def rule(self, entry: RuleEntry, known: Catalogue, seen: dict[str, Where]) -> Rule:
        """The rule of an entry. Raises Malformed."""
        self._ident(entry.id, known, seen)
        kinds = entry.kind if isinstance(entry.kind, tuple) else (entry.kind,)
        if odd := next((k for k in kinds if k in _NEVER), None):
            raise self.no(".kind", f"the kind {odd.value}", "a kind that has facts (strongroom rules facts)")
        clauses = {c.id for control in known.controls.values() for c in control.clauses}
        if entry.control and entry.control not in clauses:
            hint = near(entry.control, clauses) or "strongroom controls"
            raise self.no(
                ".control", f"no clause {entry.control!r}", "the id of a clause, as NET-02.in-private-network", hint
            )
        because, shown = self._because(entry.because)
        return Rule(
            id=entry.id,
            title=entry.title.rstrip("."),
            kinds=kinds,
            require=expression(entry.require, self.where(".require")),
            when=expression(entry.when, self.where(".when")) if entry.when.strip() else None,
            severity=entry.severity,
            clause=entry.control,
            because=because,
            shown=shown,
            why=" ".join(entry.why.split()),
            fix=_fix(entry.fix, entry.title),
            equivalents=entry.equivalents,
            tests=tuple(self._tests(entry.tests)),
            where=self.where(),
        )

    def _ident(self, ident: str, known: Catalogue, seen: dict[str, Where]) -> None:
        if not _IDENT.fullmatch(ident) or len(ident) > 120:
            raise self.no(".id", f"the id {ident[:80]!r}", "lower case with dots and dashes, as acme.net.notebook")
        if ident in known.checks or ident.partition(".")[0] in AREAS:
            raise self.no(
                ".id", f"the id {ident!r}, which is the built-in checks' own", "an id that begins with your own name"
            )
        if ident in seen:
            raise self.no(".id", f"the id {ident!r} again, after {seen[ident]}", "every id once")
        seen[ident] = self.where()

    def _because(self, text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        try:
            return sentence(" ".join(text.split()).rstrip("."))
        except Fault as e:
            raise self.no(".because", e.found, e.wanted, e.hint) from None

    def _tests(self, entries: Sequence[TestEntry]) -> Iterator[RuleTest]:
        for n, entry in enumerate(entries):
            at = f".tests[{n}]"
            about = (
                (f, getattr(entry.asset, f))
                for f in ("address", "name", "native_type", "provider", "account", "region")
            )
            yield RuleTest(
                name=entry.name,
                kind=entry.asset.kind,
                facts=tuple(
                    (name, self._fact(name, v, f"{at}.asset.facts.{name}")) for name, v in entry.asset.facts.items()
                ),
                expect=Status(entry.expect),
                where=self.where(at),
                asset=tuple((f, v) for f, v in about if v),
                labels=tuple(sorted(entry.asset.labels.items())),
            )

    def _fact(self, name: str, given: object, at: str) -> Value:
        """The value of a fact in a test. Raises Malformed where the fact cannot have it."""
        try:
            known_fact(name)
        except Fault as e:
            raise self.no(at, e.found, e.wanted, e.hint) from None
        value = _value(name, given)
        said = plain(name, value) if value is not None or given is None else Unknown(GapCode.MALFORMED, "")
        if isinstance(said, Unknown) and not isinstance(value, Unknown):
            raise self.no(
                at, f"another value of {name}", f"{FACTS[name][0]} ({FACTS[name][1]}), or {{unknown: REASON}}"
            )
        return value


_RECORDS: dict[str, type[Key | NetRule | Statement]] = {"key": Key, "rules": NetRule, "statements": Statement}


def _value(name: str, given: object) -> Value:
    if isinstance(given, dict) and set(given) == {"unknown"}:
        return Unknown(GapCode.UNDECIDED, str(given["unknown"]))
    record = _RECORDS.get(FACTS[name][0])
    if record is None:
        return _plain_value(given)
    try:
        if record is Key:
            return msgspec.convert(given, Key) if given is not None else None
        items = given if isinstance(given, list) else [given]
        return tuple(msgspec.convert(i, record) for i in items) if given is not None else None
    except msgspec.ValidationError:
        return None


def _plain_value(given: object) -> Value:
    if given is None or isinstance(given, bool | int | float | str):
        return given
    if isinstance(given, list):
        return tuple(i if i is None or isinstance(i, bool | int | float | str) else str(i) for i in given)
    return None


def _fix(entry: FixEntry | None, title: str) -> Fix:
    if entry is None:
        return Fix(f"Make it so: {title.rstrip('.')}", verify="strongroom assess again: the rule holds")
    return Fix(entry.text, tuple(entry.snippets.items()), entry.command, entry.verify, entry.effort)


def compile_error(rule: Rule, part: str, line: int, column: int, detail: str) -> Malformed:
    """The error of an expression that the evaluator refuses; line and column are in its own text."""
    e = rule.when if part == "when" and rule.when is not None else rule.require
    line = min(line, e.text.count("\n") + 1)
    return refused(e.where, line, column, detail, f"a CEL expression in `{part}`")
