"""What the judge of releases denies, condition by condition, and that it says so the same way twice."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
import release_terms as t
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.attest import EvidenceKind, Tier
from strongroom.model.release import (
    CERTIFICATE,
    OUTPUT,
    RECIPIENTS,
    Approval,
    Demand,
    Issue,
    Owner,
    Revocation,
    Rule,
    Terms,
    Usage,
    What,
)
from strongroom.release.decide import CONDITIONS, decide, matches, rule_for

LATER = t.NOW + timedelta(days=1)


def revoked(what: What, value: str, *, since: timedelta = timedelta(0)) -> Terms:
    """The terms with something revoked."""
    return t.but(revocations=(Revocation(what, value, "it leaked", t.NOW + since, "ops"),))


def approved(*approvers: str, **fields: object) -> Terms:
    """The terms under a rule of two approvals, with those of some people."""
    base = t.rule(approvals=2, approvers=("ann+1", "bob+2", "cy+3"))
    held = tuple(
        msgspec.structs.replace(Approval(t.RESOURCE, t.KEY, a, "the run of Monday", LATER), **fields) for a in approvers
    )
    return msgspec.structs.replace(base, approvals=held)


def two_owners(*signed: str) -> Terms:
    """A resource of two labs; the policy counts for those who signed it."""
    rule = msgspec.structs.replace(t.RULE, owners={"lab": t.DEMAND, "partner": t.DEMAND})
    owners = tuple(Owner(name, (f"{name}+1",)) for name in signed)
    return t.but(policy=msgspec.structs.replace(t.POLICY, owners=owners, rules=(rule,)))


def glass(**fields: object) -> Terms:
    """A person takes it without an attestation."""
    rule = t.rule(break_glass=True, approvals=1, approvers=("ann+1",))
    held = (Approval(t.RESOURCE, t.KEY, "ann+1", "the site is down", LATER),)
    asked = msgspec.structs.replace(
        t.TERMS.ask, attestation="", operator="dana", break_glass="the verifier is down and customers wait"
    )
    made = msgspec.structs.replace(rule, workload=None, approvals=held, ask=asked)
    return msgspec.structs.replace(made, **fields)


REQUEST = "sha256:" + "44" * 32


def certified(**fields: object) -> Terms:
    """A certificate is asked for, by a rule that gives one."""
    asked = msgspec.structs.replace(t.TERMS.ask, **{"purpose": CERTIFICATE, "request": REQUEST, **fields})
    return msgspec.structs.replace(t.rule(issue=Issue("spiffe://lab.example/rank")), ask=asked)


DENIED: dict[str, tuple[str, Callable[[], Terms]]] = {
    "no policy": ("release.policy", lambda: t.but(policy=None)),
    "no rule": ("release.policy", lambda: t.ask(resource="models/weights/llm-1/x")),
    "another type": ("release.policy", lambda: t.ask(resource="models/tokens/llm-1")),
    "an owner who has not signed": ("release.owners", lambda: two_owners("lab")),
    "an owner written out": ("release.owners", lambda: t.but(owners=("partner+1",))),
    "a rule of nobody": ("release.owners", lambda: t.rule(owners={})),
    "no attestation": ("release.appraisal", lambda: t.but(workload=None)),
    "a warning": ("release.appraisal", lambda: t.workload(tier=Tier.WARNING)),
    "not complete": ("release.appraisal", lambda: t.workload(complete=False)),
    "an appraisal that ended": ("release.appraisal", lambda: t.workload(expires_at=t.NOW)),
    "an appraisal of the future": (
        "release.appraisal",
        lambda: t.workload(appraised_at=t.NOW + timedelta(seconds=6)),
    ),
    "another key": ("release.key", lambda: t.ask(requester="cd" * 32)),
    "no key": ("release.key", lambda: t.workload(key="")),
    "another kind": ("release.demands", lambda: t.workload(kind=EvidenceKind.TPM)),
    "another appraisal policy": ("release.demands", lambda: t.workload(policy="sha256:" + "99" * 32)),
    "an unknown workload": ("release.demands", lambda: t.workload(references=())),
    "another measurement": ("release.demands", lambda: t.demand(measured={"measurement": ("bb" * 48,)})),
    "a register that was not measured": ("release.demands", lambda: t.demand(measured={"rtmr9": ("aa" * 48,)})),
    "a demand of nothing": ("release.demands", lambda: t.rule(owners={"lab": Demand()})),
    "an old appraisal": ("release.demands", lambda: t.workload(appraised_at=t.NOW - timedelta(minutes=6))),
    "an expression that nobody asked": ("release.demands", lambda: t.demand(require=("claims.debug == false",))),
    "an expression that is false": (
        "release.demands",
        lambda: msgspec.structs.replace(t.demand(require=("x",)), answers={"x": False}),
    ),
    "an expression without an answer": (
        "release.demands",
        lambda: msgspec.structs.replace(t.demand(require=("x",)), answers={"x": "it ran too long"}),
    ),
    "a revoked measurement": ("release.revoked", lambda: revoked(What.MEASUREMENT, "AA" * 48)),
    "a revoked chip": ("release.revoked", lambda: revoked(What.CHIP, "snp:chip:00")),
    "a revoked key": ("release.revoked", lambda: revoked(What.KEY, t.KEY)),
    "a revoked image": ("release.revoked", lambda: revoked(What.IMAGE, "sha256:" + "33" * 32)),
    "a revoked policy": ("release.revoked", lambda: revoked(What.POLICY, t.APPRAISED_BY)),
    "a revoked release policy": ("release.revoked", lambda: revoked(What.POLICY, t.POLICY.digest)),
    "a revoked reference": ("release.revoked", lambda: revoked(What.REFERENCE, "worker 1.4")),
    "a revoked resource": ("release.revoked", lambda: revoked(What.RESOURCE, t.RESOURCE)),
    "used up": ("release.uses", lambda: t.but(usage=Usage(attestation=1))),
    "a lease that is over": (
        "release.uses",
        lambda: msgspec.structs.replace(
            t.rule(lease_minutes=1.0, owners={"lab": t.DEMAND}),
            workload=msgspec.structs.replace(t.WORKLOAD, appraised_at=t.NOW - timedelta(minutes=2)),
        ),
    ),
    "too often": ("release.rate", lambda: t.but(usage=Usage(hour=600))),
    "no approval": ("release.approvals", approved),
    "one approval of two": ("release.approvals", lambda: approved("ann+1")),
    "one person twice": ("release.approvals", lambda: approved("ann+1", "ann+1")),
    "a stranger's approval": ("release.approvals", lambda: approved("ann+1", "eve+9")),
    "approvals for another key": ("release.approvals", lambda: approved("ann+1", "bob+2", requester="cd" * 32)),
    "approvals that ended": ("release.approvals", lambda: approved("ann+1", "bob+2", until=t.NOW)),
    "a purpose that nobody knows": ("release.purpose", lambda: t.ask(purpose="escrow")),
    "a certificate of no request": ("release.purpose", lambda: certified(request="")),
    "a resource with a request": ("release.purpose", lambda: t.ask(request=REQUEST)),
    "a certificate by a rule without": ("release.certificate", lambda: t.ask(purpose=CERTIFICATE, request=REQUEST)),
    "the key of an authority": ("release.certificate", lambda: certified(purpose="", request="")),
    "outputs of a rule without recipients": ("release.recipients", lambda: t.ask(purpose=RECIPIENTS)),
    "an output of a rule without recipients": ("release.recipients", lambda: t.ask(purpose=OUTPUT, request=REQUEST)),
    "a recipient without a key": (
        "release.recipients",
        lambda: msgspec.structs.replace(t.rule(recipients=("lab",)), ask=t.ask(purpose=RECIPIENTS).ask),
    ),
    "break-glass that the rule does not have": (
        "release.break_glass",
        lambda: t.ask(operator="dana", break_glass="the verifier is down"),
    ),
    "break-glass of nobody": (
        "release.break_glass",
        lambda: glass(ask=msgspec.structs.replace(glass().ask, operator="")),
    ),
    "break-glass without a sentence": (
        "release.break_glass",
        lambda: glass(ask=msgspec.structs.replace(glass().ask, break_glass="now")),
    ),
    "break-glass alone": ("release.approvals", lambda: glass(approvals=())),
    "break-glass for what is revoked": (
        "release.revoked",
        lambda: glass(revocations=(Revocation(What.RESOURCE, t.RESOURCE, "gone", t.NOW, "ops"),)),
    ),
}


def test_sound_terms_allow() -> None:
    """An affirmed workload of a known build gets what its owner's terms give it, and every digest is in the decision."""
    d = decide(t.TERMS)
    assert d.outcome == "allow"
    assert d.reasons == ("every condition holds",)
    assert dict(d.inputs) == {
        "terms": t.TERMS.digest,
        "release-policy": t.POLICY.digest,
        "appraisal-record": t.WORKLOAD.record,
        "owner.lab": f"sha256:{hashlib.sha256(msgspec.json.encode(t.DEMAND, order='sorted')).hexdigest()}",
    }


@pytest.mark.parametrize(("condition", "make"), DENIED.values(), ids=DENIED)
def test_one_thing_amiss_denies(condition: str, make: Callable[[], Terms]) -> None:
    """One thing that is not as demanded denies, and the condition is named first among the reasons of its kind."""
    d = decide(make())
    assert d.outcome == "deny"
    assert any(r.startswith(f"{condition}: ") for r in d.reasons)


@pytest.mark.parametrize("condition", [c.id for c in CONDITIONS])
def test_every_condition_keeps_something_out_alone(condition: str) -> None:
    """Each condition is the only one to speak against some terms: none is decoration."""
    made = [decide(make()) for name, make in DENIED.values() if name == condition]
    assert any(all(r.startswith(f"{condition}: ") for r in d.reasons) for d in made)


def test_what_is_revoked_tomorrow_opens_today() -> None:
    """A revocation counts from its own time on."""
    assert decide(revoked(What.CHIP, "snp:chip:00", since=timedelta(days=1))).outcome == "allow"


def test_all_owners_and_all_approvals_open() -> None:
    """Two owners who signed, and two people who approved, open."""
    assert decide(two_owners("lab", "partner")).outcome == "allow"
    assert decide(approved("ann+1", "cy+3")).outcome == "allow"
    assert decide(t.but(owners=("lab+1",))).outcome == "allow"


def test_break_glass_is_loud() -> None:
    """What a person takes with a second person's word is allowed under his name, with the reason in the decision."""
    d = decide(glass())
    assert d.outcome == "allow"
    assert d.actor == "operator:dana"
    assert d.reasons == ("break-glass: the verifier is down and customers wait",)


def test_every_reason_is_told() -> None:
    """All that speaks against it is in the decision, not the first thing alone."""
    d = decide(t.workload(complete=False, key="", references=()))
    assert {r.partition(":")[0] for r in d.reasons} == {"release.appraisal", "release.key", "release.demands"}


def test_the_nearest_rule_counts() -> None:
    """A rule that names the resource comes before patterns, and a longer pattern before a shorter one."""
    rules = tuple(Rule(r, {"lab": t.DEMAND}) for r in ("*/*/*", "models/weights/*", "models/weights/llm-1"))
    held = t.but(policy=msgspec.structs.replace(t.POLICY, rules=rules))
    found = rule_for(held)
    assert found is not None
    assert found.resource == t.RESOURCE
    fallen = rule_for(msgspec.structs.replace(held, ask=msgspec.structs.replace(held.ask, resource="models/weights/x")))
    assert fallen is not None
    assert fallen.resource == "models/weights/*"


@pytest.mark.parametrize(
    ("pattern", "resource", "yes"),
    [("a/*/c", "a/b/c", True), ("*", "a/b/c", False), ("a/*", "a/b/c", False), ("a/b/c*", "a/b/cd", True)],
)
def test_a_star_stays_in_its_segment(pattern: str, resource: str, yes: bool) -> None:
    """A pattern has as many segments as the resource, and a star never crosses a slash."""
    assert matches(pattern, resource) is yes


@given(st.sampled_from(sorted(DENIED)))
def test_the_same_terms_give_the_same_bytes(name: str) -> None:
    """A decision is made again from its recorded terms, byte for byte, after they were written and read."""
    made = DENIED[name][1]()
    again = msgspec.json.decode(msgspec.json.encode(made), type=Terms)
    assert msgspec.json.encode(decide(again)) == msgspec.json.encode(decide(made))
    assert again.digest == made.digest
