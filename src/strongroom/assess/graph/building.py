"""From an estate, and what was worked out of it, to nodes and edges.

Nodes exist for parts of a machine, too, that hold everything on it: its driver, its firmware, its scheduler, its hypervisor
(the threat model of INV-06). A thing that is reached is not yet held: whoever gets to a machine needs an opening in what it
runs, so what is known to be open stands in the node.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from strongroom.kit.marks import sensitive
from strongroom.model.estate import Asset, Estate
from strongroom.model.graph import INTERNET, Edge, Graph, Node
from strongroom.model.kinds import Kind
from strongroom.model.reach import Reached
from strongroom.model.values import Unknown
from strongroom.model.who_can import Held, May

STORES = (
    *(Kind.BUCKET, Kind.DISK, Kind.FILE_SYSTEM, Kind.ARTIFACT, Kind.REGISTRY, Kind.MODEL, Kind.DATASET, Kind.KEY),
    *(Kind.SECRET, Kind.INDEX, Kind.SEARCH),
)
"""What can be a crown jewel by its mark."""
_ACTS_AS = frozenset({"role", "identity", "profile", "service-account"})
_RUNS = frozenset({
    Kind.NOTEBOOK, Kind.WORKSPACE, Kind.JOB, Kind.MODEL, Kind.ENDPOINT, Kind.AGENT, Kind.CLUSTER, Kind.NODE_POOL, Kind.WORKLOAD,
    Kind.INSTANCE, Kind.TEMPLATE, Kind.HOST, Kind.OTHER,
})  # fmt: skip
"""What runs as somebody. An instance profile stands between a machine and its role."""
_PARTS = (
    ("driver", "gpu.driver", "the accelerator driver"),
    ("firmware", "version.bios", "the firmware of the mainboard"),
    ("firmware", "version.bmc", "the firmware of the management controller"),
    ("firmware", "gpu.gsp", "the firmware of the accelerator"),
    ("firmware", "nic.firmware", "the firmware of the network card"),
)
_OVERDUE = ("patch.images_overdue", "image.packages_overdue", "patch.driver_overdue", "patch.toolkit_overdue",
            "patch.bios_overdue", "patch.bmc_overdue", "patch.nic_overdue")  # fmt: skip
_EVERYBODY = frozenset({"*", "allUsers", "allAuthenticatedUsers"})  # to have an account of Google is no hurdle
_VERBS = {"read": "can-read", "decrypt": "can-decrypt"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the estate: who reaches what, and who can do what to which jewel (its id, the deed, the verdicts)."""

    reached: Mapping[str, Reached]
    held: Sequence[tuple[str, str, Sequence[Held]]]


def is_jewel(asset: Asset) -> bool:
    """Whether an asset is marked as one that must not be lost."""
    said = asset.value("sensitive") if "sensitive" in asset.facts else sensitive(dict(asset.labels))
    return said is True and asset.kind in STORES


def graph(estate: Estate, jewels: frozenset[str], asked: Asked, notes: tuple[str, ...] = ()) -> Graph:
    """The graph of an estate; `jewels` are ids of assets."""
    nodes = [Node(INTERNET, INTERNET, "the internet")]
    nodes += [Node(a.id, a.kind.value, a.name or a.address, a.id in jewels, tuple(_weak(a))) for a in estate.assets]
    known = {n.id for n in nodes}
    edges = list(_refs(estate.assets, known))
    for part, edge in _parts(estate.assets):
        if part.id not in known:
            known.add(part.id)
            nodes.append(part)
        edges.append(edge)
    edges += _entrances(estate.assets, asked.reached)
    strangers, granted = _grants(estate.assets, asked.held)
    nodes += [n for n in strangers if n.id not in known]
    edges += granted
    unique = dict.fromkeys(edges)
    return Graph(tuple(nodes), tuple(unique), estate.gaps, notes)


def _weak(asset: Asset) -> Iterator[str]:
    """What is open in a thing for too long by the feeds, as its own checks say it."""
    for name in _OVERDUE:
        found = asset.value(name) if name in asset.facts else None
        if isinstance(found, str) and found:
            yield found
        elif isinstance(found, tuple):
            yield from (f for f in found if isinstance(f, str))


def _refs(assets: Iterable[Asset], known: set[str]) -> Iterator[Edge]:
    """What assets name of each other. Whoever holds a workload acts as the identity that it runs as."""
    by_name: dict[str, list[str]] = defaultdict(list)
    assets = tuple(assets)
    for a in assets:
        for name in {a.address, *a.aliases, *([f"role {a.name}"] if a.kind is Kind.IDENTITY else [])}:
            by_name[name].append(a.id)
    for a in assets:
        for ref in a.refs:
            found = [ref.id] if ref.id in known else by_name.get(ref.id, [])
            if not found and ref.rel == "role" and a.kind not in (Kind.INSTANCE, Kind.TEMPLATE):
                found = by_name.get(f"role {ref.id}", [])  # a role by its name; a machine names a profile
            for target in found[:1] if len(found) == 1 else ():
                if target != a.id:
                    acts = ref.rel in _ACTS_AS and (a.kind in _RUNS or "instanceprofile" in _squeezed(a.native_type))
                    yield Edge(a.id, target, "acts-as" if acts else ref.rel, moves=acts)


def _squeezed(native: str) -> str:
    return native.replace("_", "").lower()


def _parts(assets: Iterable[Asset]) -> Iterator[tuple[Node, Edge]]:
    """What each machine stands on, with the version that is known of it."""
    for a in assets:
        for kind, fact, what in _PARTS:
            if fact in a.facts:
                version = a.value(fact)
                said = version if isinstance(version, str) and version else "version not known"
                ident = f"{a.id}#{fact}"
                yield Node(ident, kind, f"{what} ({said})"), Edge(ident, a.id, "controls", moves=True, why=what)
        for name in _texts(a, "host.schedulers"):
            ident = f"scheduler:{name}"
            yield (
                Node(ident, "scheduler", name),
                Edge(ident, a.id, "controls", moves=True, why="it decides what runs there"),
            )
        if a.kind in (Kind.HOST, Kind.INSTANCE) and a.value("host.virtual") is not False:
            virtual = a.kind is Kind.INSTANCE or a.value("host.virtual") is True
            confidential = a.value("cc.tech") if "cc.tech" in a.facts else None
            sealed = isinstance(confidential, str) and confidential != ""
            why = (
                "it holds the machine's memory"
                if not sealed
                else f"{confidential} keeps the memory from it, and nothing else"
            )
            ident = f"hypervisor:{a.provider or 'onprem'}"
            yield (
                Node(ident, "hypervisor", f"the hypervisor of {a.provider or 'this site'}"),
                Edge(ident, a.id, "controls", moves=True, sure=virtual and not sealed, why=why),
            )


def _texts(a: Asset, fact: str) -> Iterator[str]:
    found = a.value(fact) if fact in a.facts else ()
    yield from (f for f in found if isinstance(f, str)) if isinstance(found, tuple) else ()


def _entrances(assets: Iterable[Asset], reached: Mapping[str, Reached]) -> Iterator[Edge]:
    """What the internet gets to: by paths that were worked out; else by what an asset says of its own endpoint."""
    for a in assets:
        found = reached.get(a.address)
        if found is not None:
            hops = [f"{w.by} {w.says} {w.traffic}".strip() for w in found.witness if w.direction == "ingress"]
            if found.ingress is not False:
                doubt = found.ingress.detail if isinstance(found.ingress, Unknown) else ""
                yield Edge(
                    INTERNET, a.id, "reaches", moves=True, sure=not doubt, why=doubt or "; ".join(dict.fromkeys(hops))
                )
            continue
        said = a.value("net.public") if "net.public" in a.facts else False
        granted = a.value("public.granted") if "public.granted" in a.facts else ()
        if isinstance(granted, tuple) and any(isinstance(g, str) for g in granted):
            yield Edge(INTERNET, a.id, "can-read", moves=True, why=", ".join(g for g in granted if isinstance(g, str)))
        if said is True or isinstance(said, Unknown):
            doubt = said.detail if isinstance(said, Unknown) else ""
            # Whoever reaches a store's endpoint has still to be let in: the store itself, and who may read it, say that.
            opens = a.kind not in STORES
            yield Edge(INTERNET, a.id, "reaches", opens, sure=not doubt, why=doubt or "it has a public endpoint")


def _grants(assets: Iterable[Asset], held: Iterable[tuple[str, str, Sequence[Held]]]) -> tuple[list[Node], list[Edge]]:
    """Who can do something to a jewel, with the requests on the way. Who is no asset is a principal of his own."""
    by_address: dict[str, list[str]] = defaultdict(list)
    for a in assets:
        by_address[a.address].append(a.id)
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    for jewel, deed, verdicts in held:
        for one in verdicts:
            if one.verdict is May.DENY:
                continue
            mine = by_address.get(one.principal, [])
            ident = mine[0] if len(mine) == 1 else f"principal:{one.principal}"
            if one.principal in _EVERYBODY:
                ident = INTERNET
            if ident.startswith("principal:"):
                nodes.setdefault(ident, Node(ident, "principal", one.principal))
            steps = "; ".join(f"{s.action} on {s.on}" + (f" ({', '.join(s.by)})" if s.by else "") for s in one.path)
            depends = f"; depends on {', '.join(one.depends_on)}" if one.depends_on else ""
            sure = one.verdict is May.ALLOW
            edges.append(
                Edge(ident, jewel, _VERBS.get(deed, f"can-{deed}"), moves=True, sure=sure, why=steps + depends)
            )
    return list(nodes.values()), edges
