"""Assets from drafts: names, owners and facts, each fact's record shared by all that say the same."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from strongroom.collect.kubernetes.drafts import Draft, Shapes, draft
from strongroom.collect.kubernetes.link import World, copies_owner, link
from strongroom.collect.kubernetes.people import GROUP, Person, people
from strongroom.collect.kubernetes.reading import Found
from strongroom.collect.kubernetes.templates import group
from strongroom.model.estate import Asset, Fact, Gap, Ref
from strongroom.model.kinds import Kind
from strongroom.model.values import Value

# Facts whose values could quote what somebody wrote into a manifest by mistake.
SENSITIVE = ("secrets.found",)
KEY = "volume.key"


class Facts:
    """Records of facts. A cluster says the same a hundred thousand times; it is kept once."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.known: dict[tuple[str, type, Value, str], Fact] = {}

    def of(self, name: str, value: Value, default_of: str = "") -> Fact:
        """The record of a fact."""
        key = (name, type(value), value, default_of)
        fact = self.known.get(key)
        if fact is None:
            fact = Fact(name, value, None, self.source, default_of, sensitive=name in SENSITIVE and bool(value))
            self.known[key] = fact
        return fact


def assets(
    found: Iterable[Found], gaps: list[Gap], source: str, label: str, lost: Mapping[str, Gap] = MappingProxyType({})
) -> Iterator[Asset]:
    """Every object as an asset. `gaps` and `lost` are read when all objects were seen, as reading them fills both.

    `lost` has the gaps that take away whole kinds; the other gaps may hide anything.
    """
    world, shapes = World(), Shapes()
    drafts: list[Draft] = []
    for one in found:
        made = draft(one, shapes)
        world.take(made, one)
        drafts.append(made)
    world.finish(gaps, lost)
    silent = {id(d) for d in drafts if d.owner is not None and copies_owner(d, world)}
    link([d for d in drafts if id(d) not in silent], world)
    records, taken = Facts(source), set[str]()
    for made in drafts:
        name = identity(made, label)
        if name in taken:  # variants of one object in several folders are several things
            name = f"{name}@{made.where.file}:{made.where.line_start}"
        taken.add(name)
        if id(made) in silent:  # its maker says it all, and asks for the same skips
            made.facts, made.skips = {}, ()
        yield _asset(made, name, records, label)
    for bound in people(drafts):
        yield _person(bound, records, label)


def identity(made: Draft, label: str) -> str:
    """The id of an object: the same in every run and, for one cluster, in every source."""
    return _id(made.namespace, group(made.version), made.kind, made.name, label)


def _id(namespace: str, its_group: str, kind: str, name: str, label: str) -> str:
    front = f"k8s:{label}:" if label else "k8s:"
    return f"{front}{namespace or '-'}/{its_group or 'core'}/{kind}/{name or 'unnamed'}"


def address(made: Draft) -> str:
    """What people call it: `namespace/Kind/name`, as `kubectl get` would find it. A record of what the API does not
    serve, which no kubectl finds, says `external:Kind` last.
    """
    if made.record:
        return f"{made.name or 'unnamed'}/external:{made.kind}"
    own = f"{made.kind}/{made.name or 'unnamed'}"
    return f"{made.namespace}/{own}" if made.namespace else own


def _person(one: Person, records: Facts, label: str) -> Asset:
    return Asset(
        id=_id("", GROUP, one.kind, one.name, label),
        kind=Kind.IDENTITY,
        native_type=f"{GROUP}/v1/{one.kind}",
        address=f"{one.name}/external:{one.kind}",  # no kubectl finds it, as with other records
        provider="kubernetes",
        name=one.name,
        facts={n: records.of(n, v) for n, v in one.facts.items()},
        where=one.where,
        origin=records.source,
    )


def _asset(made: Draft, name: str, records: Facts, label: str) -> Asset:
    refs = []
    if made.owner is not None:
        refs.append(Ref("owner", _id(made.namespace, *made.owner, label)))
    if made.namespace:
        refs.append(Ref("namespace", _id("", "", "Namespace", made.namespace, label)))
    return Asset(
        id=name,
        kind=made.what,
        native_type=sys.intern(f"{made.version}/{made.kind}"),
        address=address(made),
        provider="kubernetes",
        name=made.name,
        labels=tuple(sorted(made.labels.items())),
        aliases=made.aliases,
        facts={n: records.of(n, v, made.default_of if n == KEY else "") for n, v in made.facts.items()},
        refs=tuple(refs),
        where=made.where,
        origin=records.source,
        skips=made.skips,
    )
