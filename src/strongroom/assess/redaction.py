"""A report for readers outside the house: what is the house's own becomes a pseudonym, what is the program's own stays.

Counts, verdicts, controls, checks, severities, kinds, dates and line numbers stay. A text stays only where this program
wrote it: an id, a kind or a reason of its own lists, the title of a built-in check, a word that means the same
everywhere (`0.0.0.0/0`). Everything else is replaced, whatever it looks like: a list of what to hide would be a list of
what was not thought of.

A pseudonym is a keyed hash (HMAC-SHA-256, RFC 2104), so that nobody without the key can try names against it; hashes of
names without a key, such as fingerprints, are replaced for the same reason. One text has one pseudonym under one key.
"""

import dataclasses
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from strongroom.assess.judge import SOURCE_CHECK, WITHHELD
from strongroom.assess.redaction_people import People
from strongroom.assess.redaction_values import NUMBER, Values
from strongroom.model.codes import FindingCode, GapCode
from strongroom.model.control import Assessment, ClauseResult, ControlResult, Finding, Fix, Task
from strongroom.model.estate import Asset, Fact, Gap, Ref, Skip, SourceRead
from strongroom.model.facts import FACTS
from strongroom.model.log import Logged
from strongroom.model.ports import Catalogue, Check
from strongroom.model.snapshot import Kept
from strongroom.model.values import Unknown

DIGITS = (
    12  # of a pseudonym, hexadecimal: 48 bits, so that two of 100,000 names share one with a chance of 2 in 100,000
)
OWN_RULE = "A rule of the house's own holds"
SEE_INSIDE = "See the report that stays in the house"
_SEE = "Make visible what could not be read"


@dataclass(frozen=True, slots=True)
class Ours:
    """The program's own words, beside those of its catalogue: native types, source schemes with titles, pages of defaults."""

    catalogue: Catalogue
    natives: frozenset[str] = frozenset()
    schemes: tuple[tuple[str, str], ...] = ()
    pages: frozenset[str] = frozenset()


@dataclass(slots=True)
class Names:
    """Pseudonyms under one key. `given` is what a pseudonym stands for: for the house alone."""

    key: bytes
    given: dict[str, str] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)

    def __call__(self, text: str, what: str) -> str:
        """The pseudonym of a text, after a word for what it is; of no text, none."""
        if not text:
            return ""
        token = self._known.get(text)
        if token is None:
            mac = hmac.digest(self.key, text.encode("utf-8", "surrogatepass"), "sha256")
            token = self._known[text] = mac.hex()[:DIGITS]
            self.given[token] = text
        return f"{what}-{token}"


class _Redaction:
    """One assessment being rewritten. Every method takes a record and gives the same one without the house's words."""

    def __init__(self, known: Catalogue, ours: Ours, names: Names) -> None:
        self.known = known
        self.ours = ours
        self.name = names
        self.schemes = dict(ours.schemes)
        self.values = Values(names)
        self.people = People(names, self.check, self.control, self.clause, self.values.where)
        self.specs: dict[str, str] = {}
        self.kinds: dict[str, str] = {}

    def check(self, ident: str) -> str:
        """The id of a built-in check; a rule of the house's own is one of many."""
        return ident if ident in self.ours.catalogue.checks or ident == SOURCE_CHECK else self.name(ident, "own.rule")

    def control(self, ident: str) -> str:
        """The id of a control."""
        return ident if ident in self.ours.catalogue.controls else self.name(ident, "control")

    def clause(self, ident: str) -> str:
        """The id of a clause."""
        control = self.ours.catalogue.controls.get(ident.partition(".")[0])
        listed = control is not None and any(c.id == ident for c in control.clauses)
        return ident if listed else self.name(ident, "clause")

    def spec(self, text: str) -> str:
        """A source as it was given: its scheme, and a pseudonym for the rest."""
        if not text:
            return ""
        scheme, found, rest = text.partition(":")
        return (
            f"{scheme}:{self.name(rest or text, 'source')}"
            if found and scheme in self.schemes
            else self.name(text, "source")
        )

    def native(self, text: str) -> str:
        """A type of a vendor's; of one that no table of ours knows the name is withheld."""
        return text if text in self.ours.natives or text in self.schemes else self.name(text, "type")

    def fact_name(self, text: str) -> str:
        """A name of the vocabulary of facts."""
        return text if text in FACTS else self.name(text, "fact")

    def fact(self, f: Fact) -> Fact:
        """A fact, without text of the house's. A sensitive one is withheld already and gets no pseudonym."""
        hidden = f.sensitive and not isinstance(f.value, Unknown)
        return Fact(
            name=self.fact_name(f.name),
            value=None if hidden else self.values.value(f.value),
            where=self.values.where(f.where),
            source=self.spec(f.source),
            default_of=f.default_of if f.default_of in self.ours.pages else "",
            sensitive=f.sensitive,
        )

    def asset_id(self, ident: str) -> str:
        """The id of an asset."""
        return self.name(ident, "asset")

    def asset(self, a: Asset) -> Asset:
        """An asset: its kind, its type and its facts are left."""
        word = a.kind.value.rpartition(".")[2]
        source = a.id.startswith("source:")
        facts = [self.fact(f) for f in a.facts.values()]
        return Asset(
            id=self.asset_id(a.id),
            kind=a.kind,
            native_type=self.native(a.native_type),
            address=self.spec(a.address) if source else self.name(a.address, word),
            provider=a.provider if a.provider in _PROVIDERS else self.name(a.provider, "provider"),
            account=self.name(a.account, "account"),
            region=self.name(a.region, "region"),
            name=self.name(a.name, word),
            aliases=tuple(self.name(x, "alias") for x in a.aliases),
            labels=tuple((self.name(k, "label"), self.name(v, "value")) for k, v in a.labels),
            facts={f.name: f for f in facts},
            refs=tuple(Ref(self.name(r.rel, "relation"), self.asset_id(r.id)) for r in a.refs),
            where=self.values.where(a.where),
            origin=self.spec(a.origin),
            skips=tuple(
                Skip(self.check(s.check), self.name(s.reason, "text"), self.values.where(s.where)) for s in a.skips
            ),
        )

    def arguments(self, f: Finding) -> tuple[tuple[str, str], ...]:
        """The pieces of a finding's prose: numbers and our own codes stay, and why it cannot be told is said by code."""
        missing = "; ".join(f"{self.fact_name(x.name)} ({c})" for x in f.facts for c in self.values.missing(x.value))
        out = []
        for name, text in f.arguments:
            if text == WITHHELD or NUMBER.fullmatch(text) or text in _CODES:
                out.append((name, text))
            elif f.code is FindingCode.FACT_UNKNOWN and missing:
                out.append((name, missing))
            else:
                out.append((name, self.values.text(text)))
        return tuple(out)

    def finding(self, f: Finding) -> Finding:
        """A finding. Its fingerprint is a hash of names without a key, so that it gets another."""
        return Finding(
            check=self.check(f.check),
            control=self.control(f.control),
            asset=self.asset_id(f.asset),
            status=f.status,
            code=f.code,
            severity=f.severity,
            arguments=self.arguments(f),
            facts=tuple(self.fact(x) for x in f.facts),
            fingerprint=self.fingerprint(f.fingerprint),
            where=self.values.where(f.where),
        )

    def fingerprint(self, text: str) -> str:
        """A name for a finding that joins the parts of one report."""
        return self.name(text, "finding")

    def gap(self, g: Gap) -> Gap:
        """A gap: why, and what it may hide."""
        return Gap(
            self.name(g.scope, "part"),
            self.spec(g.source),
            g.code,
            self.name(g.detail, "text"),
            self.values.where(g.where),
            g.hides,
        )

    def source(self, s: SourceRead) -> SourceRead:
        """A source: what it was, how many files and bytes. Its digest is of names and contents that somebody may have."""
        title = self.schemes.get(s.scheme) or self.name(s.title, "source")
        scheme = s.scheme if s.scheme in self.schemes else self.name(s.scheme, "scheme")
        return SourceRead(self.spec(s.spec), scheme, title, s.files, s.bytes, s.kinds)

    def result(self, r: ControlResult) -> ControlResult:
        """A control's state."""
        return ControlResult(
            self.control(r.control), r.status, tuple(map(self.clause_result, r.clauses)), self.reasons(r.reasons)
        )

    def clause_result(self, c: ClauseResult) -> ClauseResult:
        """A clause's state."""
        return msgspec.structs.replace(c, clause=self.clause(c.clause), reasons=self.reasons(c.reasons))

    def reasons(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Reasons name what was read."""
        return tuple(self.name(t, "text") for t in texts)

    def task(self, t: Task) -> Task:
        """A task; what its words quote of the house is left out."""
        check = self.ours.catalogue.checks.get(t.check)
        own = t.check != SOURCE_CHECK
        fix = check.fix if check else None
        return msgspec.structs.replace(
            t,
            id=self.name(t.id, "task"),
            control=self.control(t.control),
            check=self.check(t.check),
            title=check.title if check else OWN_RULE if own else _SEE,
            assets=tuple(map(self.asset_id, t.assets)),
            closes=tuple(map(self.fingerprint, t.closes)),
            fix=fix.text if fix else SEE_INSIDE,
            verify=(fix.verify if fix else "") or "run strongroom assess again: the findings are gone",
            depends_on=tuple(self.name(d, "task") for d in t.depends_on),
        )

    def logged(self, entry: Logged | None) -> Logged | None:
        """That a log holds it, and where: entry, proof and keys name the log, the host and the user, and stay inside."""
        return Logged(self.name(entry.origin, "log"), entry.entry, entry.at, "") if entry else None

    def kept(self, k: Kept) -> Kept:
        """An earlier run."""
        return Kept(self.name(k.snapshot, "run"), k.at, tuple(map(self.check, k.failing)))

    def assessment(self, a: Assessment) -> Assessment:
        """The whole."""
        people = self.people
        return Assessment(
            seen_at=a.seen_at,
            sources=tuple(map(self.source, a.sources)),
            assets=tuple(map(self.asset, a.assets)),
            gaps=tuple(map(self.gap, a.gaps)),
            findings=tuple(map(self.finding, a.findings)),
            controls=tuple(map(self.result, a.controls)),
            coverage=msgspec.structs.replace(
                a.coverage, would_add=tuple((s, n) for s, n in a.coverage.would_add if s in self.schemes)
            ),
            tasks=tuple(map(self.task, a.tasks)),
            snapshot=self.name(a.snapshot, "run"),
            accepted=tuple(map(people.accepted, a.accepted)),
            exception_notes=tuple(map(people.exception_note, a.exception_notes)),
            attested=tuple(map(people.assertion, a.attested)),
            assertion_notes=tuple(map(people.assertion_note, a.assertion_notes)),
            logged=self.logged(a.logged),
            history=tuple(map(self.kept, a.history)),
            redacted=True,
        )

    def catalogue(self) -> Catalogue:
        """The catalogue, with rules of the house's own under pseudonyms and without their words."""
        checks = {c.id: c for c in self.ours.catalogue.checks.values()}
        own = (self._rule(c) for c in self.known.checks.values() if c.id not in checks)
        return Catalogue(self.ours.catalogue.controls, checks | {c.id: c for c in own})

    def _rule(self, c: Check) -> Check:
        return dataclasses.replace(
            c,
            id=self.check(c.id),
            title=OWN_RULE,
            clause=self.clause(c.clause) if c.clause else "",
            broken="it does not hold",
            why="",
            equivalents=(),
            needs=tuple(map(self.fact_name, c.needs)),
            fix=Fix(SEE_INSIDE, effort=c.fix.effort),
        )


_PROVIDERS = frozenset({"aws", "azure", "gcp", "kubernetes", "nvidia", "amd", "host", "onprem", "linux"})
_CODES = frozenset(c.value for c in GapCode)


def redact(found: Assessment, known: Catalogue, ours: Ours, names: Names) -> tuple[Assessment, Catalogue]:
    """An assessment and its catalogue without a word of the house's; `names` then holds what each pseudonym is.

    Args:
        found: what was judged.
        known: the catalogue that it was judged by, rules of the house's own included.
        ours: the program's own words.
        names: pseudonyms under the house's key.
    """
    work = _Redaction(known, ours, names)
    return work.assessment(found), work.catalogue()
