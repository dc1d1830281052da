"""Users' rules: load them, ask them of an estate, run the examples that stand beside them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from strongroom.app.catalogue import catalogue
from strongroom.app.config import Config
from strongroom.app.rules_file import compile_error, files, read
from strongroom.assess.judge import judge
from strongroom.assess.prose import because
from strongroom.assess.rules import asked, check_of, merged, subject
from strongroom.collect.rules.fenced import evaluate, need_library
from strongroom.collect.terraform.assets import tables
from strongroom.model.codes import Status
from strongroom.model.errors import BadUsage, StrongroomError
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.facts import FACTS
from strongroom.model.kinds import Kind
from strongroom.model.ports import Catalogue, Check, Limits, Progress
from strongroom.model.rules import Answered, Rule, RulesFile, RuleTest
from strongroom.model.values import Where

SCHEME = "rules"
_NO_ANSWERS = Answered()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules that are ready to be asked: read, compiled, and with ids of their own."""

    files: tuple[RulesFile, ...] = ()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, in the order of the files."""
        return tuple(r for f in self.files for r in f.rules)

    def catalogue(self) -> Catalogue:
        """The catalogue with these rules in it, for reports; what they answer is not in it."""
        return merged(catalogue(), (check_of(r, _NO_ANSWERS) for r in self.rules)) if self.files else catalogue()


@dataclass(frozen=True, slots=True)
class Asking:
    """An estate that the rules were asked of, and the catalogue whose checks answer for them."""

    estate: Estate
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class Looked:
    """Rules files as they stand: what can be used, and what is wrong."""

    rules: RuleSet
    problems: tuple[StrongroomError, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """One example, and what the rule said of it."""

    rule: str
    test: RuleTest
    found: Status
    because: str

    @property
    def passed(self) -> bool:
        """Whether the rule said what the example expects."""
        return self.found is self.test.expect


def given(config: Config, named: Sequence[str]) -> tuple[str, ...]:
    """The rules that are meant: those of the command line, else those of the configuration."""
    return tuple(named) or config.assess.rules


def load(paths: Sequence[str], limits: Limits | None = None) -> RuleSet:
    """The rules of files and folders, compiled; none for no path.

    Raises:
        BadUsage: the rules extra is not installed.
        BadInput: the first thing that is wrong in them.
    """
    if not paths:
        return RuleSet()
    found = look(paths, limits)
    if found.problems:
        raise found.problems[0]
    return found.rules


def catalogue_for(ident: str, config: Config, named: Sequence[str] = ()) -> Catalogue:
    """The catalogue that has an id: the users' rules are only read for one that is not built in.

    Raises:
        BadUsage: the rules extra is not installed.
        BadInput: the first thing that is wrong in the rules.
    """
    known = catalogue()
    if ident in known.checks or ident.upper().partition(".")[0] in known.controls:
        return known
    return load(given(config, named), config.bounds()).catalogue()


def look(paths: Sequence[str], limits: Limits | None = None) -> Looked:
    """The rules with everything that is wrong in them. Raises BadUsage without the extra, BadInput for what is no rules file."""
    need_library()
    known, seen = catalogue(), dict[str, Where]()
    reads = [read(path, known, seen) for path in files(paths)]
    problems = [p for r in reads for p in r.problems]
    rules = [rule for r in reads for rule in r.file.rules]
    compiled = evaluate([asked(r) for r in rules], (), limits or Limits())
    for rule, answer in zip(rules, compiled, strict=True):
        if answer.refused is not None:
            x = answer.refused
            problems.append(compile_error(rule, x.part, x.line, x.column, x.detail))
        elif answer.stopped is not None:
            problems.append(BadUsage(f"{rule.where}", answer.stopped.detail, "an expression that can be compiled"))
    return Looked(RuleSet(tuple(r.file for r in reads)), tuple(problems))


def remarks(rules: Iterable[Rule]) -> Iterator[str]:
    """What is not wrong in rules and yet worth a word."""
    shown = facts_by_kind()
    for r in rules:
        if not r.tests:
            yield f"{r.where}: {r.id} has no tests"
        for name in r.reads:
            if not any(name in shown[k] for k in r.kinds):
                kinds = ", ".join(k.value for k in r.kinds)
                yield f"{r.where}: {r.id} reads {name}, which no built-in check or table has for {kinds}"


def ask(rules: RuleSet, estate: Estate, limits: Limits | None = None, progress: Progress | None = None) -> Asking:
    """Ask every rule of every asset of its kinds. A rule that takes more than its share is a gap, and its answers unknown."""
    if not rules.files:
        return Asking(estate, catalogue())
    listed = rules.rules
    ids, answers = _answers(listed, estate.assets, limits, progress)
    checks = [check_of(r, a, ids) for r, a in zip(listed, answers, strict=True)]
    gaps = tuple(_gaps(listed, answers))
    sources = tuple(SourceRead(_spec(f.path), SCHEME, "rules", 1, f.size, (), f.digest) for f in rules.files)
    whole = msgspec.structs.replace(estate, gaps=(*estate.gaps, *gaps), sources=(*estate.sources, *sources))
    return Asking(whole, merged(catalogue(), checks))


def _spec(path: str) -> str:
    return f"{SCHEME}:{path}"


def _answers(
    rules: Sequence[Rule], assets: Sequence[Asset], limits: Limits | None, progress: Progress | None = None
) -> tuple[list[str], tuple[Answered, ...]]:
    reads: dict[Kind, dict[str, None]] = defaultdict(dict)
    carried: dict[Kind, dict[str, None]] = defaultdict(dict)
    for r in rules:
        for kind in r.kinds:
            reads[kind].update(dict.fromkeys(r.reads))
            both = (*r.require.carried, *(r.when.carried if r.when else ()))
            carried[kind].update(dict.fromkeys(name for _, name in both))
    mine = [a for a in assets if a.kind in reads]
    subjects = [subject(a, reads[a.kind], carried[a.kind]) for a in mine]
    return [a.id for a in mine], evaluate([asked(r) for r in rules], subjects, limits or Limits(), progress)


def _gaps(rules: Sequence[Rule], answers: Sequence[Answered]) -> Iterator[Gap]:
    for r, a in zip(rules, answers, strict=True):
        if a.stopped is not None:
            # It hides no asset: what it would have said of each is unknown there.
            spec = _spec(r.where.file)
            yield Gap(f"rule {r.id}", spec, a.stopped.code, a.stopped.detail, r.where, hides=(Kind.SOURCE,))


def run_tests(rules: RuleSet, now: datetime, limits: Limits | None = None) -> tuple[Tried, ...]:
    """Every example of every rule, each judged by its own rule alone."""
    tests = [(r, t, _asset(r, n, t)) for r in rules.rules for n, t in enumerate(r.tests)]
    ids, answers = _answers(rules.rules, [a for _, _, a in tests], limits)
    checks = {r.id: check_of(r, a, ids) for r, a in zip(rules.rules, answers, strict=True)}
    known = merged(catalogue(), checks.values())
    return tuple(_tried(checks[r.id], t, a, known, now) for r, t, a in tests)


def _tried(check: Check, test: RuleTest, asset: Asset, known: Catalogue, now: datetime) -> Tried:
    if asset.kind not in check.kinds:
        return Tried(check.id, test, Status.NOT_APPLICABLE, f"it is for {', '.join(k.value for k in check.kinds)}")
    finding = judge(check, asset, now)
    return Tried(check.id, test, finding.status, because(finding, known))


def _asset(rule: Rule, number: int, test: RuleTest) -> Asset:
    about = dict(test.asset)
    return Asset(
        id=f"{rule.id}#{number}",
        kind=test.kind,
        native_type=about.get("native_type", ""),
        address=about.get("address", "example"),
        provider=about.get("provider", ""),
        account=about.get("account", ""),
        region=about.get("region", ""),
        name=about.get("name", ""),
        labels=test.labels,
        facts={name: Fact(name, value, test.where, _spec(rule.where.file)) for name, value in test.facts},
        where=test.where,
    )


def facts_by_kind() -> dict[Kind, dict[str, tuple[str, str]]]:
    """The facts that tables give or built-in checks need, for each kind: (type, meaning) by name."""
    found: dict[Kind, set[str]] = {k: set() for k in Kind}
    for native in tables().values():
        found[native.kind].update(row.fact for row in native.rows)
    for check in catalogue().checks.values():
        for kind in check.kinds:
            found[kind].update(check.needs)
    return {k: {name: FACTS[name] for name in sorted(names) if name in FACTS} for k, names in found.items()}
