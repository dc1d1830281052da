"""An AWS account put together from what was read: principals with all that bears on them, and resources with theirs."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from strongroom.assess.identity.aws_entities import (
    ATTACHING,
    BETWEEN,
    GRANTABLE,
    INLINE,
    KINDS,
    MEMBERSHIPS,
    MOST_BOUNDARIES,
    NATIVE,
    RUNNING,
    Entity,
    grant_to_come,
)
from strongroom.assess.identity.aws_evaluate import ANYBODY, Grant, Principal, Thing
from strongroom.assess.identity.aws_managed import PREFIX, managed
from strongroom.assess.identity.aws_names import OWN, Names, label
from strongroom.assess.identity.aws_policy import Caller, Document, compiled
from strongroom.assess.identity.conditions import Known
from strongroom.assess.identity.levels import PERHAPS, YES
from strongroom.model.estate import Asset
from strongroom.model.values import Statement, Unknown, Value


class Account:
    """One source's AWS account."""

    def __init__(self, assets: Sequence[Asset], names: Names) -> None:
        self.names = names
        self.assets = assets
        self._policy_arns: dict[str, str] = {}  # of managed policies of the owner's, by the document's id
        self._bound: dict[str, Document] = {}  # documents that are on somebody
        self._running: dict[str, list[Asset]] | None = None
        self._documents: dict[str, Document] = {}  # managed policies of the owner's, by the asset's id
        self.entities: dict[str, Entity] = {}
        self._by_name: dict[tuple[str, str], list[Entity]] = defaultdict(list)
        self._grants: dict[str, list[Asset]] = defaultdict(list)
        self._aliases: dict[str, list[str]] = defaultdict(list)
        self._things: dict[str, Thing] = {}
        self.loose: dict[str, list[Document]] = defaultdict(list)  # attached to somebody whom the files do not name
        self._read()
        self.principals = {e.address: self._principal(e) for e in self.entities.values() if e.kind != "group"}

    # Reading

    def _read(self) -> None:
        for a in self.assets:
            kind = KINDS.get(a.native_type)
            if kind is not None:
                self._add(Entity(kind, self.names.shown(a), self._entity_arn(a, kind), a))
            elif a.native_type == "aws_iam_policy":
                document = self.document(a.id, self.names.shown(a), a.value("policy.statements"))
                self._policy_arns[document.id] = self.names.arn(a)
                self._documents[a.id] = document
        for a in self.assets:
            self._bind(a)
        for e in self.entities.values():
            if e.asset is not None:
                self._own(e, e.asset)

    def _entity_arn(self, a: Asset, kind: str) -> str:
        if kind == "permission-set":  # the role that it becomes in an account
            return f"arn:aws:iam::{self.names.account_of(a.id)}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_{a.name}"
        return self.names.arn(a)

    def _add(self, e: Entity) -> Entity:
        self.entities[e.address] = e
        self._by_name[e.kind, e.name].append(e)
        self._by_name[e.kind, e.arn].append(e)
        return e

    def document(self, id: str, name: str, value: Value, *, of_resource: bool = False) -> Document:  # noqa: A002 - its id
        """The document of a fact that holds statements; what is not known of it is its hole."""
        said: Iterable[Statement | Unknown] = ()
        if isinstance(value, Unknown):
            said = (value,)
        elif isinstance(value, tuple):
            said = [s for s in value if isinstance(s, Statement | Unknown)]
        within = label(id)
        who = (lambda text: self.names.principals(text, within)) if of_resource else None
        return compiled(id, name, said, lambda text: self.names.resources(text, within), who)

    def _bind(self, a: Asset) -> None:
        """What an asset puts on entities: an inline policy, an attached one, a membership, a grant of a key."""
        native = a.native_type
        if native in INLINE:
            document = self.document(a.id, self.names.shown(a), a.value("policy.statements"))
            for e in self._targets(a, INLINE[native], document):
                e.inline.append(document)
        elif ATTACHING.fullmatch(native):
            self._attach(a)
        elif native in MEMBERSHIPS:
            groups = list(self._referred(a, "group"))
            for e in self._referred(a, "user"):
                e.groups += [g for g in groups if g.kind == "group"]
        elif native == "aws_kms_grant":
            for key in self.addresses(a, "key", "aws_kms_"):
                self._grants[key].append(a)
        elif native == "aws_kms_alias":
            for key in self.addresses(a, "key", "aws_kms_"):
                self._aliases[key].append(a.name)

    def _attach(self, a: Asset) -> None:
        value = a.value("policy.attached")
        listed = value if isinstance(value, tuple) else (value,)
        documents = [self.policy(p, a.id) for p in listed if isinstance(p, str | Unknown)]
        kinds = KINDS.values() if "aws_iam_policy_attachment" in a.native_type else ()
        named = next(
            (k for k in ("role", "user", "group", "permission-set") if f"_{k.replace('-', '_')}" in a.native_type), ""
        )
        if "ssoadmin" in a.native_type:
            named = "permission-set"
        for document in documents:
            for kind in kinds or (named,):
                for e in self._targets(a, kind, None if kinds else document):
                    e.attached.append(document)

    def policy(self, text: str | Unknown, where: str) -> Document:
        """The document of an attached policy: one of the files, one that AWS keeps, or one that is not known.

        `where` is the id of the asset that names it.
        """
        if isinstance(text, Unknown):
            return Document(f"{where}#{text.detail}", where, hole=text.detail)
        for address in (text, text.rpartition(".")[0]):
            found = [self._documents[x.id] for x in self.names.at(address, label(where)) if x.id in self._documents]
            if len(found) == 1:
                return found[0]
        if text.startswith(PREFIX):
            return managed(text)
        return Document(f"policy:{text}", text, hole=f"the policy {text} is not in these files")

    def _own(self, e: Entity, a: Asset) -> None:
        """What stands in the role or user itself."""
        if "policy.statements" in a.facts:
            e.inline.append(self.document(f"{a.id}#inline_policy", a.address, a.value("policy.statements")))
        attached = a.value("policy.attached")
        if isinstance(attached, tuple):
            e.attached += [self.policy(p, a.id) for p in attached if isinstance(p, str | Unknown)]
        e.boundary = self._boundary(a)
        if e.kind == "role":
            said = a.value("trust.statements")
            document = self.document(f"{a.id}#trust", f"trust of {e.address}", said, of_resource=True)
            account = self.names.account_of(a.id)
            e.trust = Thing(e.address, e.arn, account, (document,), required=True, known=self._tags(a, "iam"))

    def _boundary(self, a: Asset) -> Document | None:
        said = a.value("policy.boundary")
        named = [r.id for r in a.refs if r.rel == "boundary"]
        if named:
            return self.policy(named[0].removeprefix("terraform:").removeprefix("cloudformation:"), a.id)
        if isinstance(said, Unknown):
            return Document(f"{a.id}#boundary", f"boundary of {a.address}", hole=said.detail)
        if said is True:
            return Document(f"{a.id}#boundary", f"boundary of {a.address}", hole="the boundary is not in these files")
        return None

    # Looking up

    def referred(self, a: Asset, rel: str, natives: str = "aws_") -> Iterator[Asset | str]:
        """What a reference names, of some types, or its text where the files do not hold it.

        Of a counted block it is the instance of the same index.
        """
        for r in a.refs:
            if r.rel == rel:
                plain = r.id.removeprefix("terraform:").removeprefix("cloudformation:")
                found = [x for x in self.names.at(plain) if x.native_type.startswith(natives)]
                same = [x for x in found if _index(x.address) and _index(x.address) == _index(a.address)]
                yield from same or found
                if not found:
                    yield plain

    def addresses(self, a: Asset, rel: str, natives: str = "aws_") -> Iterator[str]:
        """The same as addresses."""
        return (x if isinstance(x, str) else self.names.shown(x) for x in self.referred(a, rel, natives))

    def key(self, name: str, of: Asset) -> Asset | None:
        """The KMS key of an address, an ARN, an id or an alias, as an asset names it."""
        for text in (name, name.rpartition(".")[0]):
            for a in self.names.at(text, label(of.id)):
                if a.native_type.startswith("aws_kms_"):
                    return self._behind(a)
        named = (a for a in self.assets if a.native_type == "aws_kms_alias" and name and a.name == name)
        found = next(named, None)
        return self._behind(found) if found is not None else None

    def _behind(self, a: Asset) -> Asset | None:
        if a.native_type != "aws_kms_alias":
            return a
        keys = (k for k in self.referred(a, "key", "aws_kms_") if not isinstance(k, str))
        return next((k for k in keys if k.native_type != "aws_kms_alias"), None)

    def _referred(self, a: Asset, rel: str, kind: str = "") -> Iterator[Entity]:
        """The entities that a reference names, by address or by name."""
        kind = kind or rel
        for address in self.addresses(a, rel, NATIVE[kind]):
            e = self.entities.get(address)
            yield from [e] if e is not None and e.kind == kind else self._by_name.get((kind, address), ())

    def _targets(self, a: Asset, kind: str, document: Document | None) -> Iterator[Entity]:
        """The entities that a policy is put on; one that is not in the files becomes one, with what is known of it."""
        refs = [r for r in a.refs if r.rel == kind]
        if not refs and document is not None:
            self.loose[kind].append(document)
        for address in self.addresses(a, kind, NATIVE[kind]):
            e = self.entities.get(address)
            found = [e] if e is not None and e.kind == kind else self._by_name.get((kind, address), [])
            yield from found or [self._outside(kind, address)]

    def _outside(self, kind: str, name: str) -> Entity:
        """Somebody whom the files only name: his other policies are not in them."""
        address = name if name.startswith(("arn:", "data.", "module.")) else f"{kind}/{name}"
        bare = name.rpartition("/")[2]
        e = self.entities.get(address)
        if e is None:
            path = "role" if kind == "permission-set" else kind
            e = self._add(Entity(kind, address, f"arn:aws:iam::{self.names.account}:{path}/{bare}"))
            why = f"the other policies of {address} are not in these files"
            e.attached.append(Document(f"{address}#others", address, hole=why))
            if kind == "role":
                trust = Document(
                    f"{address}#trust", f"trust of {address}", hole=f"the trust of {address} is not in these files"
                )
                e.trust = Thing(address, e.arn, self.names.account, (trust,), required=True)
        return e

    def arn_of(self, document: Document) -> str:
        """The ARN of a managed policy of the owner's; empty for any other document."""
        return self._policy_arns.get(document.id, "")

    def running_as(self, e: Entity) -> Sequence[Asset]:
        """What the files run as a role: by its own reference, or by the profile or domain that it is in."""
        if self._running is None:
            self._running = defaultdict(list)
            profiles = {a.address: a for a in self.assets if a.native_type in BETWEEN}
            for a in self.assets:
                if a.native_type in RUNNING:
                    for role in self._roles_of(a, profiles, 0):
                        self._running[role.address].append(a)
        return self._running.get(e.address, ())

    def _roles_of(self, a: Asset, between: Mapping[str, Asset], depth: int) -> Iterator[Entity]:
        found = list(self._referred(a, "role"))
        yield from found
        if not found and depth < 2:
            for rel in ("role", "domain"):
                for address in self.addresses(a, rel):
                    named = between.get(address) or next((b for b in between.values() if b.name == address), None)
                    if named is not None:
                        yield from self._roles_of(named, between, depth + 1)

    def demanded_boundaries(self) -> Iterator[Document]:
        """The boundaries that some policy demands of new roles and users."""
        values: dict[str, None] = {}
        for document in self._bound.values():
            for rule in document.rules:
                for c in rule.conditions:
                    if c.key == "iam:permissionsboundary" and not rule.deny:
                        values |= dict.fromkeys(t for v in c.values for t in self.names.resources(v))
        for text in list(values)[:MOST_BOUNDARIES]:
            yield self.policy(text, text)

    # Making

    def _principal(self, e: Entity) -> Principal:
        """An entity as somebody who makes requests."""
        policies = [*e.inline, *e.attached]
        for g in e.groups:
            policies += [*g.inline, *g.attached]
        policies += self._loose(e)
        once = {d.id: d for d in policies}
        self._bound |= once
        is_role = e.kind != "user"
        caller = Caller(e.arn, self.account_of(e), is_role=is_role)
        return Principal(e.address, caller, tuple(once.values()), e.boundary, known=self._known_of(e))

    def _loose(self, e: Entity) -> Iterator[Document]:
        """Policies of which the files do not say whom they are on: each may be on him."""
        for d in (*self.loose.get(e.kind, ()), *(self.loose.get("group", ()) if e.groups else ())):
            rules = tuple(replace(r, sure=PERHAPS, cite=f"{r.cite}, if it is on {e.address}") for r in d.rules)
            yield Document(f"{d.id}#{e.address}", d.name, rules, d.hole)

    def account_of(self, e: Entity) -> str:
        """The account that an entity is in."""
        return self.names.account_of(e.asset.id) if e.asset is not None else self.names.account

    def _known_of(self, e: Entity) -> Known:
        account = None if self.account_of(e) == OWN else (self.account_of(e),)
        known: dict[str, tuple[str, ...] | None] = {
            "aws:principalarn": (e.arn,),
            "aws:principalaccount": account,
            "kms:calleraccount": account,
            "aws:principaltype": ("User",) if e.kind == "user" else ("AssumedRole",),
            "aws:username": (e.name,) if e.kind == "user" else (),
        }
        if e.asset is not None:
            known["aws:principaltag/"] = ()
            known |= {f"aws:principaltag/{k.lower()}": (v,) for k, v in e.asset.labels}
        return known

    def _tags(self, a: Asset, service: str) -> Known:
        number = self.names.account_of(a.id)
        account = None if number == OWN else (number,)
        known: dict[str, tuple[str, ...] | None] = {"aws:resourceaccount": account}
        for front in ("aws", service):
            known |= {f"{front}:resourcetag/{k.lower()}": (v,) for k, v in a.labels}
        pieces = self.names.arn(a).split(":", 5)
        if len(pieces) == 6 and pieces[3] and self.names.region:
            known["aws:requestedregion"] = (pieces[3],)
        return known

    def thing(self, a: Asset) -> Thing:
        """An asset as what requests are about."""
        if a.id not in self._things:
            self._things[a.id] = self._thing(a)
        return self._things[a.id]

    def _thing(self, a: Asset) -> Thing:
        name = self.names.shown(a)
        arn = self.names.arn(a) or f"arn:aws:unknown:::{{{name}}}"
        service = arn.split(":", 5)[2]
        fact = "policy.statements" if service in ("kms", "s3") else "resource.statements"
        document = self.document(f"{a.id}#policy", f"policy of {name}", a.value(fact), of_resource=True)
        known = dict(self._tags(a, service))
        if service == "s3":  # the tags of a bucket are none of its objects'
            known = {"aws:resourceaccount": known["aws:resourceaccount"]}
        if service == "kms":
            known["kms:resourcealiases"] = tuple(self._aliases.get(name, ()))
        return Thing(
            name,
            arn,
            self.names.account_of(a.id),
            (document,),
            required=service == "kms",
            closed_to_strangers=a.value("access.restrict") is True,
            grants=self._grants_on(name) if service == "kms" else (),
            known=known,
        )

    def _grants_on(self, name: str) -> tuple[Grant, ...]:
        return (*(self._grant(g) for g in self._grants.get(name, ())), grant_to_come(name))

    def _grant(self, a: Asset) -> Grant:
        operations, to = a.value("grant.operations"), a.value("grant.to")
        listed = operations if isinstance(operations, tuple) else ()
        names = {o.lower() for o in listed if isinstance(o, str)}
        unsure = len(names) < len(listed) or isinstance(operations, Unknown)
        who = next((e.arn for k in ("role", "user") for e in self._referred(a, "grantee", k)), "")
        named = bool(who) or isinstance(to, str)
        sure = PERHAPS if unsure or not named or a.value("grant.constrained") is not False else YES
        actions = frozenset(f"kms:{n}" for n in (GRANTABLE if unsure else names))
        return Grant(
            a.id, self.names.shown(a), who or (to if isinstance(to, str) and "${" not in to else ANYBODY), actions, sure
        )


def _index(address: str) -> str:
    found = re.search(r"\[[^\]]*\]$", address)
    return found[0] if found else ""
