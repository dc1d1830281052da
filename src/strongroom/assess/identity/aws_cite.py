"""The statements that decide a request, in words: what lets it through, what it depends on, what stands against it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from strongroom.assess.identity.aws_evaluate import EMPTY, OURS, Hands, Judge, Principal, Request, limits_of
from strongroom.assess.identity.aws_policy import Document, Rule, Said
from strongroom.assess.identity.cells import OTHER
from strongroom.assess.identity.conditions import Context, doubts
from strongroom.assess.identity.globs import FRESH
from strongroom.assess.identity.levels import NO, PERHAPS, YES


@dataclass(slots=True)
class Cited:
    """Statements by name; `depends_on` is what is not decided, `against` what denies."""

    by: list[str] = field(default_factory=list)
    depends_on: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)


def cite(judge: Judge, who: Principal, request: Request, hands: Hands = EMPTY) -> Cited:
    """Everything that bears on one request."""
    out, context = Cited(), judge.context(who, request)
    parts = judge.parts(who, request, hands)
    said, thing = parts.said, request.thing
    ours = who.caller.account == thing.account
    enough = ours and max(said.free, min(said.named, parts.limits)) >= min(parts.identity, parts.limits)
    if not enough:
        own = (*who.policies, *hands.given.get(who.address, ()))
        _allowed(own, (request, context), parts.identity, hands, out)
    if enough or thing.required or not ours:
        _allowed_on(who, (request, context), hands, out, directly=bool(enough) and ours)
    for limit in limits_of(who, hands):
        if limit.says(request.action, request.resource, context)[0] == NO:
            out.against.append(f"{limit.name} does not allow it")
        elif parts.limits == PERHAPS:
            _allowed((limit,), (request, context), PERHAPS, hands, out)
    above = judge.organisations.get(who.caller.account)
    for level in above.scps if above and parts.organisation < YES else ():
        (out.against if parts.organisation == NO else out.depends_on).extend(
            d.hole or f"{d.name} does not allow it" for d in level
        )
    _denied(judge, who, (request, context), hands, out)
    return Cited(*(list(dict.fromkeys(part)) for part in (out.by, out.depends_on, out.against)))


Asked = tuple[Request, Context]


def _allowed(documents: Iterable[Document], asked: Asked, best: int, hands: Hands, out: Cited) -> None:
    """The first statement of an identity's policies that allows as surely as any."""
    request, context = asked
    for doc in documents:
        if hands.held(doc.id) == OURS:
            continue
        for rule, level in doc.found(request.action).of(request.resource):
            if best and not rule.deny and min(level, rule.covers(request.resource, context)) >= best:
                _take(rule, best, context, out)
                return
    if best == PERHAPS:
        out.depends_on += [f"{d.name}: {d.hole}" for d in documents if d.hole]


def _take(rule: Rule, level: int, context: Context, out: Cited) -> None:
    out.by.append(rule.cite)
    if level == PERHAPS:
        why = doubts(rule.conditions, context)
        out.depends_on += why or (f"{rule.cite} is only partly known",)


def _allowed_on(who: Principal, asked: Asked, hands: Hands, out: Cited, *, directly: bool) -> None:
    """The statements of the resource's policies that mean the caller, and its grants; directly, or by his account."""
    request, context = asked
    for doc in request.thing.policies:
        if hands.policies.get(doc.id) == OURS:
            continue
        best, found = NO, None
        for rule, level in doc.found(request.action).of(request.resource):
            meant = rule.means(who.caller)
            how = max(meant.named, meant.free, NO if directly else meant.account)
            sure = min(level, how, rule.covers(request.resource, context))
            if not rule.deny and sure > best:
                best, found = sure, rule
        if found is not None:
            _take(found, best, context, out)
        elif doc.hole:
            out.depends_on.append(f"{doc.name}: {doc.hole}")
    for grant in request.thing.grants:
        if request.action in grant.actions and grant.grantee == who.caller.arn:
            out.by.append(grant.name)
            if grant.sure == PERHAPS:
                out.depends_on.append(f"{grant.name} asks for an encryption context")


def _denied(judge: Judge, who: Principal, asked: Asked, hands: Hands, out: Cited) -> None:
    request, context = asked
    for doc, of_resource in _speaking(judge, who, request, hands):
        for rule, level in doc.found(request.action).of(request.resource):
            if not rule.deny:
                continue
            meant: Said = rule.means(who.caller) if of_resource else Said(denied=YES)
            sure = min(level, meant.denied, rule.covers(request.resource, context))
            if sure == YES:
                out.against.append(rule.cite)
            elif sure == PERHAPS:
                why = doubts(rule.conditions, context) or ("it is only partly known",)
                out.depends_on += [f"{rule.cite} denies: {w}" for w in why]
        if doc.hole and doc.hole_denies:
            out.depends_on.append(f"{doc.name}: {doc.hole}")


def _speaking(judge: Judge, who: Principal, request: Request, hands: Hands) -> Iterator[tuple[Document, bool]]:
    """Every policy that can deny, and whether it stands on the resource."""
    mine = (*who.policies, *hands.given.get(who.address, ()))
    yield from ((d, False) for d in mine if not hands.policies.get(d.id))
    yield from ((d, False) for d in limits_of(who, hands))
    above = judge.organisations.get(who.caller.account)
    yield from ((d, False) for level in (above.scps if above else ()) for d in level if d.rules)
    yield from ((d, True) for d in request.thing.policies if not hands.policies.get(d.id))
    over = judge.organisations.get(request.thing.account)
    yield from ((d, True) for d in (over.rcps if over else ()))


def shown(arn: str) -> str:
    """An ARN for people: what stands for anything is `*`, and for any one character `?`."""
    return arn.replace(FRESH, "*").replace(OTHER, "?")
