"""How somebody takes the policies of principals into his hands: his own, and those of others.

Source: IAM User Guide, "Actions that modify permissions"; "Permissions boundaries for IAM entities" for what takes one off.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from strongroom.assess.identity.aws_entities import Entity
from strongroom.assess.identity.aws_evaluate import OURS, REMOVED, Hands, Principal, Request, Thing
from strongroom.assess.identity.aws_managed import PREFIX, managed
from strongroom.assess.identity.aws_policy import Document
from strongroom.assess.identity.aws_ways import ADMINISTRATOR, Move, Ways
from strongroom.assess.identity.conditions import Known
from strongroom.assess.identity.levels import PERHAPS


class Taken(NamedTuple):
    """A policy that comes into somebody's hands: by its id, or one that is given to a principal."""

    policy: str
    held: int
    move: Move
    given: tuple[str, tuple[Document, ...]] | None = None


@dataclass(slots=True)
class Rewrites:
    """How the policies on principals are changed."""

    ways: Ways

    def on(self, who: Principal, e: Entity, wanted: int, hands: Hands) -> Iterator[Taken]:
        """What one principal can change about the policies of another, or his own."""
        if e.kind not in ("role", "user"):
            return
        kind, boundary = e.kind, f"{e.address}#boundary"
        if f"{e.address}#inline" not in hands.policies:
            yield from self._first(
                who, e, wanted, hands, ((f"put{kind}policy", None), (f"attach{kind}policy", ADMINISTRATOR))
            )
        yield from self._given(who, e, wanted, hands)
        if e.boundary is not None and boundary not in hands.policies:
            for action in (f"delete{kind}permissionsboundary", f"put{kind}permissionsboundary"):
                request = Request(f"iam:{action}", e.arn, self.ways.plain(e))
                yield from self._taken(who, boundary, OURS, (request,), f"the boundary of {e.address}", (wanted, hands))
        for doc in e.attached:
            yield from self._rewritten(who, doc, wanted, hands)
        if e.boundary is not None:
            yield from self._rewritten(who, e.boundary, wanted, hands)
        for g in e.groups:
            yield from self._group(who, e, g, wanted, hands)
        yield from self._removed(who, e, wanted, hands)

    def trusts(self, who: Principal, wanted: int, hands: Hands) -> Iterator[Taken]:
        """The trusts of roles that one may write anew."""
        for e in self.ways.account.entities.values():
            if e.trust is not None and e.trust.policies[0].id not in hands.policies:
                request = Request("iam:updateassumerolepolicy", e.arn, self.ways.plain(e))
                trust = e.trust.policies[0]
                yield from self._taken(who, trust.id, OURS, (request,), trust.name, (wanted, hands))

    def _first(
        self, who: Principal, e: Entity, wanted: int, hands: Hands, ways: Iterable[tuple[str, str | None]]
    ) -> Iterator[Taken]:
        """A policy with every right, put on a principal."""
        for action, policy in ways:
            context: Known = {"iam:policyarn": (policy,)} if policy else {}
            request = Request(f"iam:{action}", e.arn, self.ways.plain(e), context)
            level = self.ways.judge.may(who, request, hands)
            if level >= wanted:
                move = Move(level, (request,), f"the rights of {e.address}")
                yield Taken(f"{e.address}#inline", OURS, move)
                if policy is None:
                    yield from (Taken(d.id, OURS, move) for d in e.inline if d.id not in hands.policies)
                return

    def _given(self, who: Principal, e: Entity, wanted: int, hands: Hands) -> Iterator[Taken]:
        """Attaching a policy that is one of a few: the only ones that a condition lets him attach."""
        held = {d.id for d in hands.given.get(e.address, ())} | {d.id for d in e.attached}
        for arn in self._attachable(who, f"iam:attach{e.kind}policy"):
            doc = managed(arn) if arn.startswith(PREFIX) else self.ways.account.policy(arn, e.address)
            if doc.id in held:
                continue
            request = Request(f"iam:attach{e.kind}policy", e.arn, self.ways.plain(e), {"iam:policyarn": (arn,)})
            level = self.ways.judge.may(who, request, hands)
            if level >= wanted:
                yield Taken(
                    f"{e.address}+{doc.id}",
                    OURS,
                    Move(level, (request,), f"{doc.name} on {e.address}"),
                    (e.address, (doc,)),
                )
        if e.kind == "user":
            for g in self.ways.account.entities.values():
                if g.kind == "group" and g not in e.groups and f"{e.address}+{g.address}" not in hands.policies:
                    request = Request("iam:addusertogroup", g.arn, self.ways.plain(g))
                    level = self.ways.judge.may(who, request, hands)
                    if level >= wanted:
                        docs = (e.address, (*g.inline, *g.attached))
                        yield Taken(
                            f"{e.address}+{g.address}",
                            OURS,
                            Move(level, (request,), f"the rights of {g.address}"),
                            docs,
                        )

    def _attachable(self, who: Principal, action: str) -> Iterator[str]:
        for doc in who.policies:
            for rule, _ in doc.found(action).every():
                for c in rule.conditions:
                    if c.key == "iam:policyarn" and not rule.deny:
                        yield from (t for v in c.values for t in self.ways.account.names.resources(v) if "*" not in t)

    def _rewritten(self, who: Principal, doc: Document, wanted: int, hands: Hands) -> Iterator[Taken]:
        """A managed policy of the owner's with another content."""
        arn = self.ways.account.arn_of(doc)
        if not arn or doc.id in hands.policies:
            return
        thing = Thing(doc.name, arn, self.ways.account.names.account)
        found = self._taken(
            who, doc.id, OURS, (Request("iam:createpolicyversion", arn, thing),), doc.name, (wanted, hands)
        )
        one = next(found, None)
        if one is not None:
            yield one
        elif wanted == PERHAPS:  # what an older version says is not in the files
            request = Request("iam:setdefaultpolicyversion", arn, thing)
            if self.ways.judge.may(who, request, hands) >= wanted:
                yield Taken(doc.id, OURS, Move(PERHAPS, (request,), f"an older version of {doc.name}"))

    def _group(self, who: Principal, e: Entity, g: Entity, wanted: int, hands: Hands) -> Iterator[Taken]:
        if f"{e.address}#inline" not in hands.policies:
            for taken in self._first(
                who, g, wanted, hands, (("putgrouppolicy", None), ("attachgrouppolicy", ADMINISTRATOR))
            ):
                yield Taken(f"{e.address}#inline", OURS, taken.move) if taken.policy.endswith("#inline") else taken
        for doc in g.attached:
            yield from self._rewritten(who, doc, wanted, hands)

    def _removed(self, who: Principal, e: Entity, wanted: int, hands: Hands) -> Iterator[Taken]:
        """Denials taken off with the policies that they stand in."""
        for docs, action in ((e.inline, f"iam:delete{e.kind}policy"), (e.attached, f"iam:detach{e.kind}policy")):
            for doc in docs:
                key = f"{e.address}|{doc.id}"
                if hands.held(doc.id, e.address) or not (
                    any(r.deny for r in doc.rules) or (doc.hole and doc.hole_denies)
                ):
                    continue
                arn = self.ways.account.arn_of(doc)
                context: Known = {"iam:policyarn": (arn,)} if arn else {}
                request = Request(action, e.arn, self.ways.plain(e), context)
                yield from self._taken(who, key, REMOVED, (request,), f"{doc.name} off {e.address}", (wanted, hands))

    def _taken(
        self, who: Principal, policy: str, held: int, requests: tuple[Request, ...], what: str, asked: tuple[int, Hands]
    ) -> Iterator[Taken]:
        wanted, hands = asked
        level = min(self.ways.judge.may(who, r, hands) for r in requests)
        if level >= wanted:
            yield Taken(policy, held, Move(level, requests, what))
