"""A release policy on what was recorded: who would have been allowed, who denied with which condition, and what changes.

Each recorded appraisal asks for each resource, at the moment at which it was made. What the trial supposes is said: that the
approvals a rule needs were given, and where evidence was made for no key of a requester, that its key was the right one.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from strongroom.app import appraisal_record
from strongroom.app.appraisal import ask
from strongroom.model.errors import NotFound, Unreadable
from strongroom.model.release import (
    ALLOW,
    CERTIFICATE,
    Approval,
    Ask,
    ReleasePolicy,
    Revocation,
    Rule,
    Terms,
    Usage,
    Workload,
    Wrapped,
)
from strongroom.release import workload
from strongroom.release.decide import decide, rule_for

_SUPPOSED = "supposed for a trial"


@dataclass(frozen=True, slots=True)
class Case:
    """An appraisal that was recorded, and where. `bound` says whether it vouches for a key."""

    where: str
    workload: Workload
    bound: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one case and one resource. `conditions` are the ids of what spoke against it; `approvals` were supposed."""

    resource: str
    case: Case
    allowed: bool
    reasons: tuple[str, ...]
    approvals: int

    @property
    def conditions(self) -> tuple[str, ...]:
        """The ids of the conditions that deny."""
        return tuple(dict.fromkeys(r.split(":", 1)[0] for r in self.reasons)) if not self.allowed else ()


@dataclass(frozen=True, slots=True)
class Known:
    """What the broker's own state adds: the revocations, and what is bound into resources; every version, by number."""

    revocations: tuple[Revocation, ...] = ()
    kept: tuple[Wrapped, ...] = ()

    def newest(self, resource: str) -> Wrapped | None:
        """What would be released of a resource that was deposited."""
        return {w.resource: w for w in self.kept}.get(resource)


def cases(paths: Sequence[str]) -> Iterator[Case]:
    """The appraisals of records, and of folders of records.

    Raises:
        Unreadable, Malformed, TooLarge: a file that is named cannot be read, or is no record.
        NotFound: a folder holds none.
    """
    for path in map(Path, paths):
        if not path.is_dir():
            yield _recorded(path)
            continue
        found = False
        for case in _within(path):
            found = True
            yield case
        if not found:
            hint = "strongroom attest verify EVIDENCE --record FILE"
            raise NotFound(str(path), "no record of an appraisal", f"*{appraisal_record.SUFFIX}", hint)


def _within(folder: Path) -> Iterator[Case]:
    try:
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    except OSError as e:
        raise Unreadable(str(folder), (e.strerror or "an error").lower(), "a folder of records") from None
    for path in files:
        if path.name.endswith(appraisal_record.SUFFIX):
            yield _recorded(path)


def _recorded(path: Path) -> Case:
    record, data = appraisal_record.read(path)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return _case(str(path), workload.of(record.appraisal, digest, record.references))


def _case(where: str, found: Workload) -> Case:
    return Case(where, found, bool(found.key))


def of_workloads(held: Iterable[tuple[str, Workload]]) -> Iterator[Case]:
    """The appraisals that a broker remembers."""
    yield from (_case(where, w) for where, w in held)


def resources_of(policies: Iterable[ReleasePolicy], named: Sequence[str]) -> tuple[str, ...]:
    """The resources that are tried: those named, else one for each rule, which stands for all that its pattern names."""
    return tuple(named) or tuple(dict.fromkeys(r.resource for p in policies for r in p.rules))


def tried(policy: ReleasePolicy, held: Iterable[Case], resources: Sequence[str], known: Known) -> Iterator[Tried]:
    """What the policy would have answered to each appraisal, for each resource. Raises BadInput."""
    given = tuple(held)
    for resource in resources:
        terms = [_terms(policy, case, resource, known) for case in given]
        answers = _answers(terms)
        for case, t in zip(given, terms, strict=True):
            answered = msgspec.structs.replace(t, answers=answers.get(case.where, {}))
            decision = decide(answered)
            yield Tried(resource, case, decision.outcome == ALLOW, decision.reasons, len(t.approvals))


def _terms(policy: ReleasePolicy, case: Case, resource: str, known: Known) -> Terms:
    w = case.workload if case.bound else msgspec.structs.replace(case.workload, key=_SUPPOSED)
    kept = known.newest(resource)
    terms = Terms(
        id="trial",
        ask=Ask(resource, w.key, case.where, w.appraised_at),
        workload=w,
        policy=policy,
        revocations=known.revocations,
        approvals=(),
        usage=Usage(),
        now=w.appraised_at,
        owners=kept.owners if kept else (),
        version=kept.version if kept else msgspec.UNSET,
        purpose=kept.purpose if kept else msgspec.UNSET,
    )
    rule = rule_for(terms)
    if rule is not None and rule.issue is not None:  # the key itself never leaves: what it gives is a certificate
        asked = msgspec.structs.replace(terms.ask, purpose=CERTIFICATE, request=_SUPPOSED)
        terms = msgspec.structs.replace(terms, ask=asked)
    return msgspec.structs.replace(terms, approvals=_approved(rule, terms)) if rule else terms


def _approved(rule: Rule, t: Terms) -> tuple[Approval, ...]:
    until = t.workload.expires_at if t.workload else t.now
    by = rule.approvers[: rule.approvals]
    return tuple(Approval(t.ask.resource, t.ask.requester, a, _SUPPOSED, until) for a in by)


def _answers(terms: Sequence[Terms]) -> dict[str, dict[str, bool | str]]:
    """What the expressions of the rule say of each appraisal, evaluated behind the fence."""
    rule = rule_for(terms[0]) if terms else None
    texts = tuple(dict.fromkeys(t for d in rule.owners.values() for t in d.require)) if rule else ()
    if not texts:
        return {}
    return {
        t.ask.attestation: dict(zip(texts, ask(texts, msgspec.to_builtins(t.workload.claims)), strict=True))
        for t in terms
        if t.workload is not None
    }


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes between two policies: who gains a resource, who loses it, and how many stay as they are."""

    gains: tuple[Tried, ...]
    loses: tuple[Tried, ...]
    same: int
    cases: int
    rules: tuple[str, ...]  # what changed in the file itself, in words


def difference(
    old: ReleasePolicy | None, new: ReleasePolicy, held: Iterable[Case], resources: Sequence[str], known: Known
) -> Difference:
    """What the new policy changes for what was recorded. Without an old one, nothing was allowed. Raises BadInput."""
    given = tuple(held)
    after = list(tried(new, given, resources, known))
    before = {(t.resource, t.case.where): t.allowed for t in tried(old, given, resources, known)} if old else {}
    gains = tuple(t for t in after if t.allowed and not before.get((t.resource, t.case.where), False))
    loses = tuple(t for t in after if not t.allowed and before.get((t.resource, t.case.where), False))
    return Difference(gains, loses, len(after) - len(gains) - len(loses), len(given), tuple(_changed(old, new)))


def _changed(old: ReleasePolicy | None, new: ReleasePolicy) -> Iterator[str]:
    before = {r.resource: r for r in old.rules} if old else {}
    after = {r.resource: r for r in new.rules}
    yield from (f"new rule for {name}" for name in after if name not in before)
    yield from (f"no rule for {name} any more" for name in before if name not in after)
    for name, rule in after.items():
        was = before.get(name)
        if was is not None and was != rule:
            fields = [f for f in rule.__struct_fields__ if getattr(rule, f) != getattr(was, f)]
            yield f"the rule for {name} differs in {', '.join(fields)}"
    signed = {o.name: o for o in old.owners} if old else {}
    for owner in new.owners:
        if owner != signed.get(owner.name):
            yield f"the owner {owner.name} {'has other keys or another threshold' if owner.name in signed else 'is new'}"
    keys = {r.name: r.key for r in old.recipients} if old else {}
    for receiver in new.recipients:
        if receiver.key != keys.get(receiver.name):
            yield f"the recipient {receiver.name} {'has another key' if receiver.name in keys else 'is new'}"
    yield from (f"no recipient {name} any more" for name in keys if name not in {r.name for r in new.recipients})
    yield from (
        f"the owner {name} is gone, or has not signed" for name in signed if name not in {o.name for o in new.owners}
    )


def described(case: Case) -> str:
    """Who it is, for a person."""
    w = case.workload
    return f"{w.subjects[0] if w.subjects else w.kind.value} running {', '.join(w.references) or 'what no reference names'}"
