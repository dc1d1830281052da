"""Whether AWS lets one request through.

Source: IAM User Guide, "Policy evaluation logic": a denial anywhere decides; then what the organisation lets through (RCP
of the resource's account, SCP of the caller's); then the resource's policy, and within one account the identity's, cut by
boundary and session. "Cross-account policy evaluation logic": two accounts must both agree. AWS KMS Developer Guide, "Key
policies", and IAM User Guide, "Roles terms and concepts": a key and a role always need a word of their own policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.assess.identity.aws_policy import Caller, Document, Said
from strongroom.assess.identity.conditions import Context, Known
from strongroom.assess.identity.levels import NO, YES, negate

ANYBODY = "*"
REMOVED, OURS = 1, 2
"""What has become of a policy: somebody can take it away, or write into it whatever he likes."""


@dataclass(frozen=True, slots=True)
class Hands:
    """The policies that the asker has in his hands, by their ids, and those that he gave to principals, by address."""

    policies: Mapping[str, int] = field(default_factory=dict)
    given: Mapping[str, tuple[Document, ...]] = field(default_factory=dict)

    def held(self, policy: str, principal: str = "") -> int:
        """What has become of a policy, for everybody or on one principal."""
        if not self.policies:
            return 0
        return self.policies.get(policy, 0) or self.policies.get(f"{principal}|{policy}", 0)


EMPTY = Hands()


@dataclass(slots=True, eq=False)
class Principal:
    """Somebody who makes requests, with every policy that bears on him. Boundary and sessions must each allow."""

    address: str
    caller: Caller
    policies: tuple[Document, ...] = ()
    boundary: Document | None = None
    sessions: tuple[Document, ...] = ()
    known: Known = field(default_factory=dict)

    @property
    def own(self) -> str:
        """The id of what is not there yet: an inline policy that somebody may put on him."""
        return f"{self.address}#inline"

    @property
    def bound(self) -> str:
        """The id of his boundary as an attribute, which can be changed without changing the policy."""
        return f"{self.address}#boundary"


@dataclass(frozen=True, slots=True)
class Grant:
    """A KMS grant: who may do which operations, as actions; `sure` is perhaps where a constraint ties it to a context.

    One without a grantee is not made yet: it counts for who has it in his hands.
    """

    id: str
    name: str
    grantee: str
    actions: frozenset[str]
    sure: int = YES


@dataclass(slots=True, eq=False)
class Thing:
    """A resource: its policies, and whether they must have a word in every request (`required`)."""

    address: str
    arn: str
    account: str
    policies: tuple[Document, ...] = ()
    required: bool = False
    closed_to_strangers: bool = False  # S3's RestrictPublicBuckets
    grants: tuple[Grant, ...] = ()
    known: Known = field(default_factory=dict)
    taken: frozenset[str] = frozenset()  # of what is to be made: the ARNs that there are already


@dataclass(frozen=True, slots=True)
class Organisation:
    """What stands above an account: every level of `scps` must allow; `rcps` are for its resources."""

    scps: tuple[tuple[Document, ...], ...] = ()
    rcps: tuple[Document, ...] = ()


class Parts(NamedTuple):
    """The answer of each kind of policy to one request."""

    identity: int
    limits: int
    organisation: int
    said: Said
    denied: int


NOTHING: Known = {}


class Request(NamedTuple):
    """One request. `context` is what is known of it beyond caller and resource."""

    action: str
    resource: str  # an ARN
    thing: Thing
    context: Known = NOTHING


@dataclass(slots=True)
class Judge:
    """Evaluates requests among the accounts whose organisations it knows."""

    organisations: Mapping[str, Organisation] = field(default_factory=dict)
    general: Known = field(default_factory=dict)
    asked: int = 0

    def context(self, who: Principal, request: Request) -> Context:
        """All that is known of a request."""
        return Context(request.context, request.thing.known, who.known, self.general)

    def may(self, who: Principal, request: Request, hands: Hands = EMPTY) -> int:
        """Whether the request is let through."""
        return verdict(who, request.thing, self.parts(who, request, hands))

    def parts(self, who: Principal, request: Request, hands: Hands = EMPTY) -> Parts:
        """What each kind of policy says."""
        self.asked += 1
        context = self.context(who, request)
        allow, denied = _identity(who, request, context, hands)
        limits = YES
        for limit in limits_of(who, hands):
            a, d = limit.says(request.action, request.resource, context)
            limits, denied = min(limits, a), max(denied, d)
        above = self.organisations.get(who.caller.account)
        organisation = YES
        for level in above.scps if above and not who.caller.anyone else ():
            answers = [doc.says(request.action, request.resource, context) for doc in level]
            organisation = min(organisation, max((a for a, _ in answers), default=NO))
            denied = max(denied, max((d for _, d in answers), default=NO))
        said = self.resource(who, request, context, hands)
        return Parts(allow, limits, organisation, said, max(denied, said.denied))

    def resource(self, who: Principal, request: Request, context: Context, hands: Hands) -> Said:
        """What the resource's side says: its policies, its grants, and its organisation."""
        thing, total = request.thing, Said()
        for doc in thing.policies:
            held = hands.policies.get(doc.id, 0)
            if held == OURS:
                total = _add(total, Said(YES, YES, YES))
                continue
            said = doc.says_of(who.caller, request.action, request.resource, context)
            total = _add(total, _without_denial(said) if held == REMOVED else said)
        for grant in thing.grants:
            his = grant.grantee in (who.caller.arn, ANYBODY) or grant.id in hands.policies
            if his and request.action in grant.actions:
                total = _add(total, Said(named=grant.sure) if who.caller.is_role else Said(free=grant.sure))
        above = self.organisations.get(thing.account)
        for doc in above.rcps if above else ():
            total = _add(total, Said(denied=doc.says_of(who.caller, request.action, request.resource, context).denied))
        return total


def limits_of(who: Principal, hands: Hands) -> tuple[Document, ...]:
    """The policies that cut what his own allow, but for those that the asker has in his hands."""
    b = who.boundary
    loose = b is None or hands.policies.get(b.id) == OURS or bool(hands.policies.get(who.bound))
    return who.sessions if loose or b is None else (b, *who.sessions)


def _identity(who: Principal, request: Request, context: Context, hands: Hands) -> tuple[int, int]:
    allow = YES if hands.policies.get(who.own) == OURS else NO
    denied = NO
    for doc in (*who.policies, *hands.given.get(who.address, ())):
        held = hands.held(doc.id, who.address)
        if held == OURS:
            allow = YES
            continue
        a, d = doc.says(request.action, request.resource, context)
        if held == REMOVED:
            a, d = min(a, negate(d)), NO
        allow, denied = max(allow, a), max(denied, d)
    return allow, denied


def _add(one: Said, other: Said) -> Said:
    return Said(*map(max, one, other))


def _without_denial(said: Said) -> Said:
    left = negate(said.denied)
    return Said(min(said.named, left), min(said.free, left), min(said.account, left))


def verdict(who: Principal, thing: Thing, parts: Parts) -> int:
    """What the answers of the policies come to."""
    return min(granted(who, thing, parts), parts.organisation, negate(parts.denied))


def granted(who: Principal, thing: Thing, parts: Parts) -> int:
    """Whether somebody grants it, before denials and the organisation."""
    said = parts.said
    if who.caller.account == thing.account and not who.caller.anyone:
        own = min(parts.identity, parts.limits, said.account if thing.required else YES)
        return max(own, said.free, min(said.named, parts.limits))
    if thing.closed_to_strangers and said.free and not max(said.named, said.account):
        return NO
    if who.caller.anyone:  # whoever has an account of his own gives himself the right on his side
        return said.free
    return min(parts.identity, parts.limits, max(said.named, said.free, said.account))
