"""Terms that allow; each test changes one thing."""

from datetime import UTC, datetime, timedelta

import msgspec

from strongroom.model.attest import EvidenceKind, Tier
from strongroom.model.release import Ask, Demand, Owner, ReleasePolicy, Rule, Terms, Usage, Workload

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = "ab" * 32
RESOURCE = "models/weights/llm-1"
APPRAISED_BY = "sha256:" + "11" * 32
DEMAND = Demand(kinds=(EvidenceKind.SNP,), policies=(APPRAISED_BY,), references=("worker 1.4",))
RULE = Rule(resource="models/weights/*", owners={"lab": DEMAND})
POLICY = ReleasePolicy("strongroom.release-policy/1", "weights", 3, (Owner("lab", ("lab+1",)),), (RULE,))
WORKLOAD = Workload(
    record="sha256:" + "22" * 32,
    kind=EvidenceKind.SNP,
    tier=Tier.AFFIRMING,
    complete=True,
    policy=APPRAISED_BY,
    subjects=("snp:chip:00",),
    measured={"measurement": "aa" * 48},
    references=("worker 1.4",),
    images=("sha256:" + "33" * 32,),
    key=KEY,
    claims={"debug": False},
    appraised_at=NOW - timedelta(minutes=1),
    expires_at=NOW + timedelta(hours=1),
)
TERMS = Terms(
    id="0190d3c1-1111-7000-8000-000000000000",
    ask=Ask(RESOURCE, KEY, "attestation-1", NOW),
    workload=WORKLOAD,
    policy=POLICY,
    revocations=(),
    approvals=(),
    usage=Usage(),
    now=NOW,
)


def but(**fields: object) -> Terms:
    """The terms with other fields."""
    return msgspec.structs.replace(TERMS, **fields)


def workload(**fields: object) -> Terms:
    """The terms for another workload."""
    return but(workload=msgspec.structs.replace(WORKLOAD, **fields))


def rule(**fields: object) -> Terms:
    """The terms under another rule."""
    made = msgspec.structs.replace(RULE, **fields)
    return but(policy=msgspec.structs.replace(POLICY, rules=(made,)))


def demand(**fields: object) -> Terms:
    """The terms under another demand."""
    return rule(owners={"lab": msgspec.structs.replace(DEMAND, **fields)})


def ask(**fields: object) -> Terms:
    """The terms of another request."""
    return but(ask=msgspec.structs.replace(TERMS.ask, **fields))
