"""Who can do what to an asset of AWS."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from strongroom.assess.identity.aws_above import organisation
from strongroom.assess.identity.aws_account import Account
from strongroom.assess.identity.aws_cite import cite, shown
from strongroom.assess.identity.aws_deeds import goal
from strongroom.assess.identity.aws_evaluate import EMPTY, Judge, Principal, Request, Thing
from strongroom.assess.identity.aws_goal import Goal, Option, attempt, fulfil
from strongroom.assess.identity.aws_names import Names
from strongroom.assess.identity.aws_policy import Caller, Document
from strongroom.assess.identity.aws_questions import Asking
from strongroom.assess.identity.aws_search import Aws, Link
from strongroom.assess.identity.aws_ways import TRAINING, Ways
from strongroom.assess.identity.aws_words import proper
from strongroom.assess.identity.levels import NO, PERHAPS, YES
from strongroom.assess.identity.search import Search, Trail
from strongroom.model.estate import Asset
from strongroom.model.who_can import Deed, Held, May, Step

MOST_STRANGERS = 256


def who_can(assets: Sequence[Asset], asset: Asset, deed: Deed, now: datetime) -> tuple[Held, ...] | None:
    """The verdict of every principal; None when the question does not arise for the asset's kind."""
    ways = ways_of(assets, now)
    found = goal(Asking(ways.account, asset, Trainer(ways)), deed)
    return None if found is None else answer(ways, found)


def arising(assets: Sequence[Asset], asset: Asset) -> tuple[Deed, ...]:
    """The deeds that can be asked about for an asset."""
    ways = ways_of(assets, datetime.min.replace(tzinfo=UTC))
    return tuple(d for d in Deed if goal(Asking(ways.account, asset, Trainer(ways)), d) is not None)


def ways_of(assets: Sequence[Asset], now: datetime) -> Ways:
    """The accounts of the files, and the ways between their principals."""
    mine = [a for a in assets if a.native_type.removeprefix("data.").startswith("aws_")]
    account = Account(mine, Names(mine))
    general = {"aws:currenttime": (now.isoformat(),), "aws:epochtime": (str(int(now.timestamp())),)}
    judge = Judge(dict.fromkeys(account.names.ours, organisation(account)), general)
    return Ways(account, judge)


def answer(ways: Ways, found: Goal) -> tuple[Held, ...]:
    """The verdicts of one goal."""
    world = Aws(ways, found, {p.address: p for p in strangers(ways.account, found)})
    sure = Search[Link](world, YES, {}).run()
    perhaps = Search[Link](world, PERHAPS, sure).run()
    out, steps_of = [], Steps(world)
    for name, principal in world.principals.items():
        if name in world.newcomers:
            continue
        if name in sure:
            out.append(Held(name, May.ALLOW, steps_of.of(sure[name])))
        elif name in perhaps:
            steps = steps_of.of(perhaps[name])
            depends = tuple(dict.fromkeys(d for s in steps for d in s.depends_on))
            out.append(Held(name, May.CONDITIONAL, steps, depends))
        elif name in world.exhausted:
            out.append(Held(name, May.CONDITIONAL, (), ("there are too many ways to follow them all",)))
        else:
            out.append(Held(name, May.DENY, denied_by=_against(world, principal)))
    return tuple(out)


class Steps:
    """Links as steps; a link that many ways share is told once."""

    def __init__(self, world: Aws) -> None:
        self.world = world
        self._told: dict[int, tuple[Link, Step]] = {}

    def of(self, trail: Trail[Link]) -> tuple[Step, ...]:
        """The steps of a way."""
        return tuple(self._step(link) for link in trail)

    def _step(self, link: Link) -> Step:
        if id(link) not in self._told:  # the link is kept beside its step, so that its id stays its own
            self._told[id(link)] = (link, _step(self.world, link))
        return self._told[id(link)][1]


def _step(world: Aws, link: Link) -> Step:
    who = world.principals[link.who]
    by, depends = list[str](), [link.note] if link.note else []
    for request in link.requests:
        found = cite(world.judge, who, request, link.hands)
        by += found.by
        if world.judge.may(who, request, link.hands) < YES:
            depends += found.depends_on or [f"{proper(request.action)} on {_on(request)}"]
    action = " + ".join(dict.fromkeys(proper(r.action) for r in link.requests)) or link.note
    on = dict.fromkeys(_on(r) for r in link.requests)
    return Step(link.who, action, ", ".join(on), tuple(dict.fromkeys(by)), link.gives, tuple(dict.fromkeys(depends)))


def _on(request: Request) -> str:
    return request.thing.address if request.resource == request.thing.arn else shown(request.resource)


def _against(world: Aws, who: Principal) -> tuple[str, ...]:
    """What stands against the deed itself: the denials, or that nothing allows it."""
    out: list[str] = []
    for option in world.goal.options[:1]:
        for need in option.needs:
            level, (request,) = fulfil(world.judge, who, (need,))
            if level == NO:
                found = cite(world.judge, who, request)
                out += found.against or [f"nothing allows {proper(request.action)} on {_on(request)}"]
    if not world.goal.options:
        out.append("no role of these files is one that a training job runs as")
    return tuple(dict.fromkeys(out))


def strangers(account: Account, found: Goal) -> Iterator[Principal]:
    """Principals that a trust or a policy around the goal lets in, and of whom the files say nothing else."""
    known = {p.caller.arn for p in account.principals.values()}
    seen: set[str] = set()
    for document in _letting_in(account, found):
        for entry in _entries(document):
            if entry in seen or entry in known or len(seen) >= MOST_STRANGERS:
                continue
            seen.add(entry)
            made = _stranger(entry, account)
            if made is not None:
                yield made


def _letting_in(account: Account, found: Goal) -> Iterator[Document]:
    for e in account.entities.values():
        if e.trust is not None:
            yield from e.trust.policies
    once: dict[int, Thing] = {id(n.thing): n.thing for o in found.options for n in o.needs}
    for thing in once.values():
        yield from thing.policies


def _entries(document: Document) -> Iterator[str]:
    for rule in document.rules:
        if not rule.deny:
            yield from ("*" for _ in rule.not_principals[:1])
            yield from (p.removeprefix("AWS:") for p in rule.principals if p == "*" or p.startswith("AWS:"))


def _stranger(entry: str, account: Account) -> Principal | None:
    if entry == "*":
        return Principal("*", Caller("", "", anyone=True))
    pieces = entry.split(":", 5)
    number = entry if entry.isdigit() else pieces[4] if len(pieces) == 6 else ""
    if not number or "${" in entry or "*" in entry or ":assumed-role/" in entry:
        return None
    if number in account.names.ours and (entry.isdigit() or entry.endswith(":root")):
        return None  # our own account: each of its principals is asked himself
    arn = entry if len(pieces) == 6 else f"arn:aws:iam::{number}:root"
    why = f"the policies of {entry} are not in these files"
    known = {
        "aws:principalarn": (arn,),
        "aws:principalaccount": (number,),
        "kms:calleraccount": (number,),
    }
    caller = Caller(arn, number, is_role=":role/" in arn)
    return Principal(entry, caller, (Document(f"{entry}#policies", entry, hole=why),), known=known)


@dataclass(frozen=True, slots=True)
class Trainer:
    """Training jobs, as every role that may be passed to one; those that read some data, where data is asked about."""

    ways: Ways

    def __call__(self, data: Goal | None) -> Iterator[Option]:
        """The requests that start each job."""
        ways = self.ways
        for e in ways.account.entities.values():
            if e.kind != "role" or ways.trusts(e, "sagemaker") == NO:
                continue
            reads = YES
            if data is not None:
                reads = attempt(ways.judge, ways.account.principals[e.address], data.options, EMPTY).level
            for service, actions in TRAINING if reads else ():
                option = ways.passing(e, service, actions)
                yield option._replace(sure=min(option.sure, reads))
