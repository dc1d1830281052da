"""Decide: whether a resource leaves, for an appraised workload, on every owner's terms, now.

The answer is a decision with every reason that speaks against it, not only the first. What is missing denies: no policy, no
rule, no appraisal, no answer of an expression. It is judged when the resource is asked for, so that what was revoked since
the attestation is revoked here.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

import msgspec

from strongroom.kit.release_policy import receivers
from strongroom.model.attest import Tier
from strongroom.model.errors import BadInput
from strongroom.model.release import (
    ALLOW,
    CERTIFICATE,
    DENY,
    OUTPUT,
    RECIPIENTS,
    VERB,
    Ask,
    Demand,
    Rule,
    Terms,
    What,
    Workload,
    version_name,
)
from strongroom.model.trust import Decision

BREAK_GLASS = "break-glass"
_SKEW = timedelta(seconds=5)  # between the clocks of two brokers


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold. `id` is frozen for ever; `judge` says what speaks against it, in words, or nothing."""

    id: str
    title: str
    judge: Callable[[Terms, Rule], Iterator[str]]


def rule_for(terms: Terms) -> Rule | None:
    """The rule of a resource: the one that names it, else the longest pattern, segment by segment."""
    if terms.policy is None:
        return None
    mine = [r for r in terms.policy.rules if matches(r.resource, terms.ask.resource)]
    return max(mine, key=lambda r: (r.resource == terms.ask.resource, len(r.resource)), default=None)


def matches(pattern: str, resource: str) -> bool:
    """Whether a pattern names the resource. A `*` never crosses a slash."""
    wanted, found = pattern.split("/"), resource.split("/")
    return len(wanted) == len(found) and all(fnmatchcase(f, w) for f, w in zip(found, wanted, strict=True))


def _owners(t: Terms, rule: Rule) -> Iterator[str]:
    known = {o.name for o in t.policy.owners} if t.policy else set()
    if not rule.owners:
        yield "the rule names no owner"
    for name in sorted(set(rule.owners) - known):
        yield f"the owner {name} has not signed the policy"
    asked = {key for o in (t.policy.owners if t.policy else ()) if o.name in rule.owners for key in o.keys}
    for key in t.owners:
        if key not in asked:
            yield f"an owner of the resource is not asked: {key[:60]}"


def _appraised(t: Terms, _: Rule) -> Iterator[str]:
    w = t.workload
    if w is None:
        yield "no attestation"
        return
    if w.tier is not Tier.AFFIRMING or not w.complete:
        yield f"the appraisal is {w.tier.value}{'' if w.complete else ', and not complete'}"
    if t.now >= w.expires_at:
        yield f"the appraisal ended {w.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    if w.appraised_at > t.now + _SKEW:
        yield "the appraisal is of the future"


def _bound(t: Terms, _: Rule) -> Iterator[str]:
    w = t.workload
    if w is not None and (not w.key or w.key != t.ask.requester):
        yield (
            "the evidence vouches for another key than the one that asks"
            if w.key
            else "the evidence vouches for no key"
        )


def _demanded(t: Terms, rule: Rule) -> Iterator[str]:
    if t.workload is None:
        return
    for name, demand in sorted(rule.owners.items()):
        for reason in _unmet(demand, t.workload, t):
            yield f"{name}: {reason}"


def _unmet(d: Demand, w: Workload, t: Terms) -> Iterator[str]:
    if d.kinds and w.kind not in d.kinds:
        yield f"evidence of kind {w.kind.value}"
    if not (d.policies or d.references or d.measured):
        yield "the demand says neither by which policy nor what may run"
    if d.policies and w.policy not in d.policies:
        yield f"appraised by the policy {w.policy[:23]}…"
    if d.references and not set(d.references) & set(w.references):
        yield f"runs {', '.join(w.references) or 'what no reference names'}"
    for register, accepted in sorted(d.measured.items()):
        if w.measured.get(register) not in {a.lower() for a in accepted}:
            yield f"{register} is {w.measured.get(register, 'not measured')}"
    if t.now - w.appraised_at > timedelta(minutes=d.max_age_minutes):
        yield f"appraised {w.appraised_at:%Y-%m-%dT%H:%M:%SZ}, over {d.max_age_minutes:g} minutes ago"
    for text in d.require:
        answer = t.answers.get(text, "nobody asked it")
        if answer is not True:
            yield f"{text}: {'false' if answer is False else answer}"


def _revoked(t: Terms, _: Rule) -> Iterator[str]:
    for r in t.revocations:
        if r.since <= t.now and r.value.lower() in _named(t, r.what):
            yield f"the {r.what.value} {r.value[:64]} was revoked {r.since:%Y-%m-%d}: {r.reason}"


def _named(t: Terms, what: What) -> set[str]:
    """What this request rests on, of the sort that a revocation is of."""
    w = t.workload
    held: Mapping[What, tuple[str, ...]] = {
        What.RESOURCE: (t.ask.resource,),
        What.VERSION: (version_name(t.ask.resource, t.version),) if isinstance(t.version, int) else (),
        What.KEY: (t.ask.requester,),
        What.POLICY: (t.policy.digest if t.policy else "", w.policy if w else ""),
        What.MEASUREMENT: tuple(w.measured.values()) if w else (),
        What.CHIP: w.subjects if w else (),
        What.IMAGE: w.images if w else (),
        What.REFERENCE: w.references if w else (),
    }
    return {v.lower() for v in held[what] if v}


def _used(t: Terms, rule: Rule) -> Iterator[str]:
    if t.usage.attestation >= rule.uses:
        yield f"released {t.usage.attestation} times to this attestation, of {rule.uses}"
    w = t.workload
    if w is not None and t.now - w.appraised_at > timedelta(minutes=rule.lease_minutes):
        yield f"the lease of {rule.lease_minutes:g} minutes is over"


def _rate(t: Terms, rule: Rule) -> Iterator[str]:
    if t.usage.hour >= rule.per_hour:
        yield f"{t.usage.hour} releases in the last hour, of {rule.per_hour}"


def _approved(t: Terms, rule: Rule) -> Iterator[str]:
    if rule.approvals < 1:
        return
    valid = {
        a.approver
        for a in t.approvals
        if a.resource == t.ask.resource
        and a.requester == t.ask.requester
        and a.approver in rule.approvers
        and t.now < a.until
    }
    if len(valid) < rule.approvals:
        yield f"{len(valid)} approvals, of {rule.approvals}"


def _purpose(t: Terms, _: Rule) -> Iterator[str]:
    if t.ask.purpose not in _DIGESTS:
        yield f"it is asked for as {t.ask.purpose[:40]!r}"
    elif bool(t.ask.request) != bool(_DIGESTS[t.ask.purpose]):
        yield "it is not said what it is asked with" if _DIGESTS[t.ask.purpose] else "it is asked with something"


def _certificate(t: Terms, rule: Rule) -> Iterator[str]:
    if t.ask.purpose == "" and t.purpose == CERTIFICATE:  # whatever rule it comes under
        yield "it was deposited as the key of an authority, which never leaves"
    elif t.ask.purpose == "" and rule.issue is not None:
        yield "it is the key of an authority, which never leaves: a certificate may be asked for"
    if t.ask.purpose != CERTIFICATE:
        return
    if rule.issue is None:
        yield "the rule gives no certificate"
    elif t.purpose not in (CERTIFICATE, msgspec.UNSET):
        yield "it was deposited as a secret, and not as the key of an authority: deposit it again under this rule"


def _recipients(t: Terms, rule: Rule) -> Iterator[str]:
    if t.ask.purpose not in (RECIPIENTS, OUTPUT):
        return
    if not rule.recipients:
        yield "the rule names nobody who may get an output"
    try:
        receivers(t.policy.recipients if t.policy else (), rule)
    except BadInput as e:
        yield f"a recipient without a key: {e.found}"


CONDITIONS: tuple[Condition, ...] = (
    Condition("release.owners", "every owner has signed the terms", _owners),
    Condition("release.appraisal", "the workload's appraisal is affirming, complete and current", _appraised),
    Condition("release.key", "the evidence vouches for the key that the answer is encrypted to", _bound),
    Condition("release.demands", "what every owner demands of the workload holds", _demanded),
    Condition("release.revoked", "nothing that it rests on was revoked", _revoked),
    Condition("release.uses", "the attestation has uses left, and its lease is not over", _used),
    Condition("release.rate", "the resource is not asked for more often than it may be", _rate),
    Condition("release.approvals", "enough people have approved", _approved),
    Condition("release.purpose", "what is asked for is one of the things that a rule can give", _purpose),
    Condition(
        "release.certificate", "the key of an authority never leaves, and only it gives certificates", _certificate
    ),
    Condition("release.recipients", "outputs go to recipients that the rule names, and who have a key", _recipients),
)
# What is asked for, and the name of the digest of what it is asked with, if it is asked with anything.
_DIGESTS: Mapping[str, str] = {"": "", CERTIFICATE: "certificate-request", RECIPIENTS: "", OUTPUT: "output"}
# What bounds how often the resource itself leaves: an output is not it, and goes only where the owners have said.
_OF_THE_RESOURCE = ("release.uses", "release.rate", "release.approvals")
# What a person's break-glass stands in for: nobody attested. Revocation, rate and the owners' word still hold.
_STILL = ("release.owners", "release.revoked", "release.rate", "release.purpose", "release.certificate")


def decide(terms: Terms) -> Decision:
    """Whether the resource leaves. The same terms give the same decision, byte for byte."""
    rule = rule_for(terms)
    against = tuple(_against(terms, rule))
    broken = bool(terms.ask.break_glass)
    why = against or ((f"{BREAK_GLASS}: {terms.ask.break_glass}",) if broken else ("every condition holds",))
    return Decision(
        id=terms.id,
        verb=_verb(terms.ask),
        subject=terms.ask.resource,
        outcome=DENY if against else ALLOW,
        reasons=why,
        inputs=tuple(_inputs(terms, rule)),
        actor=_actor(terms.ask),
        decided_at=terms.now,
    )


def _verb(ask: Ask) -> str:
    """A gate opens for releases alone: what says who gets outputs, or that one goes, is none. A certificate needs the key."""
    return ask.purpose if ask.purpose in (RECIPIENTS, OUTPUT) else VERB


def _actor(ask: Ask) -> str:
    return f"operator:{ask.operator}" if ask.break_glass else f"key:{ask.requester}"


def _inputs(t: Terms, rule: Rule | None) -> Iterator[tuple[str, str]]:
    yield "terms", t.digest
    if t.policy is not None:
        yield "release-policy", t.policy.digest
    if t.workload is not None:
        yield "appraisal-record", t.workload.record
    if _DIGESTS.get(t.ask.purpose):
        yield _DIGESTS[t.ask.purpose], t.ask.request
    for name, demand in sorted(rule.owners.items()) if rule else ():
        yield f"owner.{name}", f"sha256:{hashlib.sha256(msgspec.json.encode(demand, order='sorted')).hexdigest()}"


def _against(t: Terms, rule: Rule | None) -> Iterator[str]:
    if t.policy is None:
        yield "release.policy: there is no policy that its owners have signed"
        return
    if rule is None:
        yield "release.policy: no rule names the resource"
        return
    if t.ask.break_glass:
        yield from _break_glass(t, rule)
        return
    output = t.ask.purpose in (RECIPIENTS, OUTPUT)
    for c in CONDITIONS:
        if output and c.id in _OF_THE_RESOURCE:
            continue
        for reason in c.judge(t, rule):
            yield f"{c.id}: {reason}"


def _break_glass(t: Terms, rule: Rule) -> Iterator[str]:
    """A person takes it without an attestation: where the rule has it, with a name and a reason, and always loudly."""
    if not rule.break_glass:
        yield "release.break_glass: the rule does not have it"
    if not t.ask.operator or len(t.ask.break_glass.split()) < 2:
        yield "release.break_glass: it needs an operator's name, and a sentence"
    if t.ask.requester == "":
        yield "release.key: no key to encrypt to"
    for c in CONDITIONS:
        if c.id in _STILL or c.id == "release.approvals":
            for reason in c.judge(t, rule):
                yield f"{c.id}: {reason}"
