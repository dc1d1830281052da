"""What must be true, and what was found."""

from datetime import datetime

import msgspec

from strongroom.model.codes import Effort, FindingCode, Severity, Status, Verb
from strongroom.model.estate import Asset, Fact, Gap, SourceRead
from strongroom.model.log import Logged
from strongroom.model.people import Accepted, Assertion, AssertionNote, ExceptionNote
from strongroom.model.snapshot import Kept
from strongroom.model.values import Where


class Clause(msgspec.Struct, frozen=True):
    """One sentence of a control's pass rule. `id` is `CONTROL.slug`.

    `measured_by` names what can prove it: source schemes (`tf`, `host`, `redfish` …) or `probe`, `drill`, `assert`.
    """

    id: str
    text: str
    measured_by: tuple[str, ...]


class Mappings(msgspec.Struct, frozen=True):
    """Ids of other catalogues that a control answers to; ids only, never their text."""

    nist_800_53_r5: tuple[str, ...] = ()
    csa_aicm_domain: tuple[str, ...] = ()
    csa_ccm_4_1: tuple[str, ...] = ()
    rand_sl: tuple[str, ...] = ()
    mitre_atlas: tuple[str, ...] = ()
    mitre_attack: tuple[str, ...] = ()
    owasp_aisvs: tuple[str, ...] = ()


class Fix(msgspec.Struct, frozen=True):
    """How to close a finding: a sentence, the exact lines per native type, a command, and how to see that it worked."""

    text: str
    snippets: tuple[tuple[str, str], ...] = ()  # (native type, lines of configuration)
    command: str = ""
    verify: str = ""
    effort: Effort = Effort.SMALL


class Finding(msgspec.Struct, frozen=True):
    """The answer of one check for one asset. Doors join the prose; see `assess.prose`.

    `arguments` are the pieces of that prose, in order. `facts` are the facts that the check read: its evidence.
    `fingerprint` is H(check id, asset id): the same finding in every run.
    """

    check: str
    control: str
    asset: str
    status: Status
    code: FindingCode
    severity: Severity
    arguments: tuple[tuple[str, str], ...]
    facts: tuple[Fact, ...]
    fingerprint: str
    where: Where | None = None


class ClauseResult(msgspec.Struct, frozen=True):
    """The state of one clause over all the assets that it applies to; counts are of findings."""

    clause: str
    status: Status
    passed: int = 0
    failed: int = 0
    unknown: int = 0
    accepted: int = 0
    reasons: tuple[str, ...] = ()


class ControlResult(msgspec.Struct, frozen=True):
    """The state of one control: the worst of its clauses. `measured` of `clauses` had anything to say."""

    control: str
    status: Status
    clauses: tuple[ClauseResult, ...]
    reasons: tuple[str, ...] = ()

    @property
    def measured(self) -> int:
        """How many clauses at least one given source could measure."""
        return sum(c.status not in (Status.NOT_ASSESSED, Status.ATTESTED) for c in self.clauses)


class Coverage(msgspec.Struct, frozen=True):
    """How much of the catalogue the given sources could measure, and which source would add what."""

    controls: int
    measured: int
    would_add: tuple[tuple[str, int], ...]  # (source scheme, controls that it would begin to measure)
    attested: int = 0  # controls of which nothing was measured and a person vouches for a clause


class Task(msgspec.Struct, frozen=True):
    """One thing to do: a fix for one check on some assets, in the phase of its control."""

    id: str
    control: str
    check: str
    title: str
    phase: int
    verb: Verb
    severity: Severity
    effort: Effort
    assets: tuple[str, ...]
    closes: tuple[str, ...]  # fingerprints
    fix: str
    verify: str
    depends_on: tuple[str, ...] = ()


class Assessment(msgspec.Struct):
    """The whole answer to `assess`: what reports, plans and snapshots are made of."""

    seen_at: datetime
    sources: tuple[SourceRead, ...]
    assets: tuple[Asset, ...]
    gaps: tuple[Gap, ...]
    findings: tuple[Finding, ...]
    controls: tuple[ControlResult, ...]
    coverage: Coverage
    tasks: tuple[Task, ...] = ()
    snapshot: str = ""
    accepted: tuple[Accepted, ...] = ()
    exception_notes: tuple[ExceptionNote, ...] = ()
    attested: tuple[Assertion, ...] = ()  # the assertions that stand for a clause now
    assertion_notes: tuple[AssertionNote, ...] = ()
    logged: Logged | None = None  # None: no log holds this run
    history: tuple[Kept, ...] = ()  # earlier runs of the same sources, oldest first
    redacted: bool = False  # names of the house's are replaced by pseudonyms
