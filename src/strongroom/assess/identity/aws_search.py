"""The search's questions, answered for an AWS account: deeds, ways, and what several principals can do at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from strongroom.assess.identity.aws_evaluate import EMPTY, Hands, Judge, Principal, Request
from strongroom.assess.identity.aws_goal import Control, Goal, attempt, fulfil
from strongroom.assess.identity.aws_policy import Document
from strongroom.assess.identity.aws_rewrites import Rewrites, Taken
from strongroom.assess.identity.aws_ways import Move, Ways
from strongroom.assess.identity.levels import YES
from strongroom.assess.identity.search import Trail

MOST_ASKED = 400_000  # requests that the ways of several principals at once may cost
ROUNDS = 64

# Every way begins with one of these.
# What is done to a role or user by its name, and makes one of whoever does it.
AIMED = ("sts:assumerole", "iam:updateassumerolepolicy", "iam:passrole", "iam:createaccesskey", "iam:createloginprofile",
         "iam:updateloginprofile")  # fmt: skip
MOVING = (
    *AIMED,
    *("iam:createrole", "iam:createuser", "sagemaker:createpresignednotebookinstanceurl"),
    *("sagemaker:createpresigneddomainurl", "lambda:updatefunctioncode", "ssm:startsession", "ssm:sendcommand"),
)
REWRITING = (
    *(f"iam:{a}{k}policy" for a in ("put", "attach", "delete", "detach") for k in ("role", "user")),
    *("iam:putgrouppolicy", "iam:attachgrouppolicy", "iam:addusertogroup", "iam:createpolicyversion"),
    *("iam:setdefaultpolicyversion", "iam:deleterolepermissionsboundary", "iam:deleteuserpermissionsboundary"),
    *("iam:putrolepermissionsboundary", "iam:putuserpermissionsboundary", "iam:updateassumerolepolicy"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """Requests that one principal gets through at once, under the policies as they then are, and what they give."""

    who: str
    requests: tuple[Request, ...]
    gives: str = ""
    hands: Hands = EMPTY
    note: str = ""
    after: int = 0  # how many policies the asker had come to hold by then


@dataclass(slots=True)
class Closure:
    """Everything that one principal comes to hold."""

    who: str
    wanted: int
    held: dict[str, Link | None] = field(default_factory=dict)
    taken: dict[str, tuple[Taken, Link]] = field(default_factory=dict)
    hands: Hands = EMPTY
    _policies: dict[str, int] = field(default_factory=dict)
    _given: dict[str, tuple[Document, ...]] = field(default_factory=dict)

    def take(self, taken: Taken, link: Link) -> None:
        """Add a policy that came into his hands; one that he could only take away may become wholly his."""
        self.taken[f"{taken.policy}={taken.held}"] = (taken, link)
        self._policies[taken.policy] = max(taken.held, self._policies.get(taken.policy, 0))
        if taken.given is not None:
            address, documents = taken.given
            self._given[address] = (*self._given.get(address, ()), *documents)
        self.hands = Hands(self._policies, self._given)

    def has(self, taken: Taken) -> bool:
        """Whether he holds it already."""
        return self.hands.policies.get(taken.policy, 0) >= taken.held

    def of(self, keys: Iterable[str]) -> Hands:
        """The hands with some of the policies only."""
        policies: dict[str, int] = {}
        given: dict[str, tuple[Document, ...]] = defaultdict(tuple)
        for key in keys:
            t = self.taken[key][0]
            policies[t.policy] = max(t.held, policies.get(t.policy, 0))
            if t.given is not None:
                given[t.given[0]] += t.given[1]
        return Hands(policies, given) if policies else EMPTY

    def link(self, who: str, requests: tuple[Request, ...], gives: str = "", note: str = "") -> Link:
        """Requests of somebody whom he holds, under what he holds now."""
        return Link(who, requests, gives, EMPTY, note, len(self.taken))


class Aws:
    """One account, one goal."""

    def __init__(self, ways: Ways, goal: Goal, strangers: Mapping[str, Principal]) -> None:
        self.ways = ways
        self.goal = goal
        self.judge: Judge = ways.judge
        self.rewrites = Rewrites(ways)
        self.strangers = strangers
        self.newcomers = {n: c.principal for n, c in ways.newcomers.items()}
        self.principals: dict[str, Principal] = {**ways.account.principals, **strangers, **self.newcomers}
        self.exhausted: set[str] = set()
        self._mobile = {n for n, p in self.principals.items() if _speaks(p, MOVING)}
        self._rewriting = {n for n, p in self.principals.items() if _speaks(p, REWRITING)}
        self._wide, self._exact = self._aims()
        self._by_arn: dict[str, list[str]] = defaultdict(list)
        for n, p in self.principals.items():
            self._by_arn[p.caller.arn].append(n)

    def everybody(self) -> Sequence[str]:
        """Principals of the files, strangers that they let in, and those that could be made."""
        return list(self.principals)

    def deed(self, who: str, wanted: int) -> Trail[Link] | None:
        """Himself, or with the policies that he can change alone."""
        principal = self.principals[who]
        done = attempt(self.judge, principal, self.goal.options, EMPTY, wanted)
        if done.level >= wanted:
            return (Link(who, done.requests, "", EMPTY, done.note),)
        if who in self._rewriting or self._controls(who, wanted, EMPTY):
            return self._close(who, wanted, {}, spread=False)
        return None

    def _controls(self, who: str, wanted: int, hands: Hands) -> list[tuple[Control, Request, int]]:
        """The policies around the goal that somebody can take."""
        out = []
        for c in self.goal.controls:
            if hands.policies.get(c.policy, 0) < c.held:
                level, requests = fulfil(self.judge, self.principals[who], (c.need,), hands)
                if level >= wanted:
                    out.append((c, requests[0], level))
        return out

    def _aims(self) -> tuple[set[str], dict[str, set[str]]]:
        """Of those with a right that moves them: who may have it on anything, and who on which names alone.

        An account of thousands of roles names most of them one by one: to ask each about each takes its square.
        """
        wide: set[str] = set()
        exact: dict[str, set[str]] = defaultdict(set)
        for name in self._mobile:
            for doc in self.principals[name].policies:
                for action in AIMED:
                    found = doc.found(action)
                    if doc.hole or any(not rule.deny for rule, _ in found.others):
                        wide.add(name)
                    for resource, rules in found.by_name.items():
                        if any(not rule.deny for rule, _ in rules):
                            exact[resource].add(name)
        return wide, exact

    def before(self, whom: str, _wanted: int) -> Iterable[str]:
        """Those with a right that moves them to somebody, and those whom the trust names."""
        e = self.ways.account.entities.get(whom)
        named: set[str] = set()
        # What runs as a role is entered by rights on itself, and one that could be made by rights on what is not there yet.
        moved = self._mobile
        if (
            e is not None
            and whom not in self.newcomers
            and not self.ways.entered(e)
            and "${" not in e.arn
            and "*" not in e.arn
        ):
            moved = self._wide | self._exact.get(e.arn, set())
        for doc in e.trust.policies if e is not None and e.trust is not None else ():
            if doc.hole:
                return [n for n in self.principals if n != whom]
            for rule in doc.rules:
                if rule.deny:
                    continue
                if rule.not_principals or any(p == "*" or "${" in p or "*" in p for p in rule.principals):
                    return [n for n in self.principals if n != whom]
                for p in rule.principals:
                    named.update(self._by_arn.get(p.removeprefix("AWS:"), ()))
                    if ":assumed-role/" in p:  # a session of somebody, who has another name
                        moved = self._mobile
        return sorted((moved | named | set(self.strangers)) - {whom})

    def become(self, who: str, whom: str, wanted: int) -> Link | None:
        """The way from one to another, under the policies as they are."""
        return self._become(who, whom, wanted, EMPTY)

    def _become(self, who: str, whom: str, wanted: int, hands: Hands) -> Link | None:
        move: Move = self.ways.become(self.principals[who], whom, wanted, hands)
        return Link(who, move.requests, whom, hands) if move.level >= wanted else None

    def together(
        self, left: Sequence[str], known: Mapping[str, Trail[Link]], wanted: int
    ) -> Iterator[tuple[str, Trail[Link]]]:
        """Those who come to hold somebody that can change a policy, and what he and the others can do with it."""
        powerful = [n for n in left if n in self._rewriting or self._controls(n, wanted, EMPTY)]
        powerful = [n for n in powerful if n not in self.newcomers or self._made_by(n, left, wanted)]
        if not powerful or not self._possible(wanted):
            return
        start = self.judge.asked
        for name in self._leading_to(powerful, set(left), wanted):
            if name in known:
                continue
            if self.judge.asked - start > MOST_ASKED:
                self.exhausted.add(name)
                continue
            trail = self._close(name, wanted, known, spread=True, stop=start + MOST_ASKED)
            if trail is not None:
                yield name, trail

    def _made_by(self, newcomer: str, left: Sequence[str], wanted: int) -> bool:
        """Whether anybody who is left can make a newcomer."""
        those = set(self.before(newcomer, wanted)) & set(left) - set(self.newcomers)
        return any(self.become(n, newcomer, wanted) is not None for n in those)

    def _possible(self, wanted: int) -> bool:
        """Whether anybody could do it if every policy that can change were changed in his favour."""
        everything = {c.policy: 2 for c in self.goal.controls}
        for e in self.ways.account.entities.values():
            everything |= {f"{e.address}#inline": 2, f"{e.address}#boundary": 2}
            everything |= {f"{e.address}|{d.id}": 1 for d in (*e.inline, *e.attached)}
        hands = Hands(everything)
        return any(
            attempt(self.judge, p, self.goal.options, hands, wanted).level >= wanted for p in self.principals.values()
        )

    def _leading_to(self, some: Sequence[str], among: set[str], wanted: int) -> list[str]:
        """Everybody who can become one of some, these first."""
        found = dict.fromkeys(some)
        waiting = list(some)
        while waiting:
            whom = waiting.pop(0)
            for who in self.before(whom, wanted):
                if who in among and who not in found and self.become(who, whom, wanted) is not None:
                    found[who] = None
                    waiting.append(who)
        return list(found)

    def _close(
        self, who: str, wanted: int, known: Mapping[str, Trail[Link]], *, spread: bool, stop: int | None = None
    ) -> Trail[Link] | None:
        """The way to the goal by everything that one comes to hold; None when there is none."""
        c = Closure(who, wanted, {who: None})
        for _ in range(ROUNDS):
            changed = self._take(c)
            for name in c.held:
                done = attempt(self.judge, self.principals[name], self.goal.options, c.hands, wanted)
                if done.level >= wanted:
                    return self._trail(c, c.link(name, done.requests, "", done.note))
            if spread:
                for name in c.held:
                    if name in known:
                        return (*self._trail(c, None, name), *known[name])
                changed = self._take_trusts(c) or changed
                changed = self._spread(c, stop) or changed
            if not changed:
                return None
            if stop is not None and self.judge.asked > stop:
                self.exhausted.add(who)
                return None
        return None

    def _take(self, c: Closure) -> bool:
        changed = False
        entities = self.ways.account.entities
        for name in list(c.held):
            for control, request, _ in self._controls(name, c.wanted, c.hands):
                found = Taken(control.policy, control.held, Move(YES, (request,), control.what))
                if not c.has(found):  # it may have come another way in this very round
                    c.take(found, c.link(name, (request,), control.what))
                    changed = True
            if name not in self._rewriting and not self._gained(name, c.hands):
                continue
            for other in list(c.held):
                e = entities.get(other)
                for taken in self.rewrites.on(self.principals[name], e, c.wanted, c.hands) if e is not None else ():
                    if not c.has(taken):
                        c.take(taken, c.link(name, taken.move.requests, taken.move.what))
                        changed = True
        return changed

    def _gained(self, name: str, hands: Hands) -> bool:
        """Whether some policy in hand is one of his: he may have come by rights that he lacked."""
        who = self.principals[name]
        own = (who.own, who.bound, *(d.id for d in who.policies), who.boundary.id if who.boundary is not None else "")
        return name in hands.given or any(k in hands.policies or f"{name}|{k}" in hands.policies for k in own)

    def _take_trusts(self, c: Closure) -> bool:
        """The trusts of roles, for somebody else whom he holds to take them."""
        changed = False
        for name in list(c.held) if len(c.held) > 1 else ():
            for taken in self.rewrites.trusts(self.principals[name], c.wanted, c.hands):
                if not c.has(taken):
                    c.take(taken, c.link(name, taken.move.requests, taken.move.what))
                    changed = True
        return changed

    def _spread(self, c: Closure, stop: int | None) -> bool:
        changed = False
        for name in list(c.held):
            for other in self.principals:
                if other in c.held or other in self.strangers:
                    continue
                if stop is not None and self.judge.asked > stop:
                    return False
                link = self._become(name, other, c.wanted, c.hands)
                if link is not None:
                    c.held[other] = c.link(name, link.requests, other)
                    changed = True
        return changed

    def _trail(self, c: Closure, last: Link | None, name: str = "") -> Trail[Link]:
        """The links that the last one needs, each after what it needs itself."""
        out: dict[tuple[object, ...], Link] = {}

        def add(link: Link) -> None:
            same = (link.who, *((r.action, r.resource) for r in link.requests))
            if same in out:
                return
            before = c.held[link.who]
            if before is not None:
                add(before)
            keys = self._needed(c, link)
            for key in keys:
                add(c.taken[key][1])
            out[same] = Link(link.who, link.requests, link.gives, c.of(keys), link.note)

        if last is not None:
            add(last)
        elif (before := c.held[name]) is not None:
            add(before)
        return tuple(out.values())

    def _needed(self, c: Closure, link: Link) -> list[str]:
        """The policies in hand without which the requests would not get through."""
        keys = list(islice(c.taken, link.after))
        for key in tuple(keys):
            fewer = [k for k in keys if k != key]
            hands = c.of(fewer)
            who = self.principals[link.who]
            if all(self.judge.may(who, r, hands) >= c.wanted for r in link.requests):
                keys = fewer
        return keys


def _speaks(who: Principal, actions: Iterable[str]) -> bool:
    return any(doc.speaks_of(a) for a in actions for doc in who.policies)
