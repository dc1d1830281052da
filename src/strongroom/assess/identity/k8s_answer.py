"""Who can do what to an object of Kubernetes."""

from collections.abc import Callable, Iterator, Sequence

from strongroom.assess.identity.k8s_rbac import Ask, Cluster, namespace_of, read
from strongroom.assess.identity.k8s_world import CREATING, Link, Options, World, plural_of
from strongroom.assess.identity.levels import PERHAPS, YES
from strongroom.assess.identity.search import Search, Trail
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.who_can import Deed, Held, May, Step

_SHELL = (
    ("create", "pods/exec"),
    ("get", "pods/exec"),
    ("patch", "pods/ephemeralcontainers"),
    ("update", "pods/ephemeralcontainers"),
)
_READ = ("get", "list", "watch")
_WRITE = ("update", "patch")


def who_can(assets: Sequence[Asset], asset: Asset, deed: Deed) -> tuple[Held, ...] | None:
    """The verdict of every account, user and group; None when the question does not arise for the object's kind."""
    mine = [a for a in assets if a.provider == "kubernetes" and _source(a) == _source(asset)]
    options = tuple(dict.fromkeys(_options(mine, asset, deed)))
    if not options:
        return None
    return answer(read(mine), mine, options)


def arising(assets: Sequence[Asset], asset: Asset) -> tuple[Deed, ...]:
    """The deeds that can be asked about for an object."""
    return tuple(d for d in Deed if any(True for _ in _options(assets, asset, d)))


def _source(a: Asset) -> str:
    """Which cluster an object is of, where several are read together: `k8s:LABEL:…`."""
    front = a.id.split("/", 1)[0].split(":")
    return front[1] if len(front) > 2 else ""


def answer(cluster: Cluster, assets: Sequence[Asset], options: Options) -> tuple[Held, ...]:
    """The verdicts of one deed."""
    world = World(cluster, assets, options)
    sure = Search[Link](world, YES, {}).run()
    perhaps = Search[Link](world, PERHAPS, sure).run()
    out = []
    for name in world.asked:
        if name in sure:
            out.append(Held(_address(name), May.ALLOW, _steps(world, sure[name])))
        elif name in perhaps:
            steps = _steps(world, perhaps[name])
            out.append(
                Held(
                    _address(name), May.CONDITIONAL, steps, tuple(dict.fromkeys(d for s in steps for d in s.depends_on))
                )
            )
        else:
            wanted = " or ".join(dict.fromkeys(_said(o[0]) for o in options[:3]))
            out.append(Held(_address(name), May.DENY, denied_by=(f"no binding lets it {wanted}",)))
    return tuple(out)


def _address(name: str) -> str:
    """A principal as it is called elsewhere: a service account by its address."""
    kind, _, bare = name.partition(" ")
    namespace, slash, account = bare.partition("/")
    return f"{namespace}/ServiceAccount/{account}" if kind == "ServiceAccount" and slash else name


def _steps(world: World, trail: Trail[Link]) -> tuple[Step, ...]:
    return tuple(_step(world, link) for link in trail)


def _step(world: World, link: Link) -> Step:
    by, depends = list[str](), list[str]()
    for ask in link.asks:
        level, binding = world.cluster.may(link.who, ask)
        (by if level == YES else depends).append(binding)
    action = " + ".join(f"{a.verb} {a.resource}" for a in link.asks)
    on = ", ".join(dict.fromkeys(_on(a) for a in link.asks))
    unique = tuple(dict.fromkeys(by))
    return Step(_address(link.who), action, on, unique, _address(link.gives), tuple(dict.fromkeys(depends)))


def _said(ask: Ask) -> str:
    return f"{ask.verb} {ask.resource}"


def _on(ask: Ask) -> str:
    where = f"namespace {ask.namespace}" if ask.namespace else "the cluster"
    return f"{ask.name} in {where}" if ask.name else where


# The deeds


def _options(assets: Sequence[Asset], a: Asset, deed: Deed) -> Iterator[tuple[Ask, ...]]:
    if deed is Deed.ADMIN:
        scope = a.name if a.kind is Kind.NAMESPACE else ""
        yield (Ask("any verb", "any group", "any resource", "any name", scope),)
    elif deed in _MAKING:
        yield from _MAKING[deed](assets, a)


def _read(assets: Sequence[Asset], a: Asset) -> Iterator[tuple[Ask, ...]]:
    """Its content by the API, through a pod that sees it, or through a pod of one's own."""
    kind, space = a.native_type.rpartition("/")[2], namespace_of(a)
    if kind in ("Secret", "ConfigMap"):
        group, plural = plural_of(a)
        yield from ((Ask(v, group, plural, a.name, space),) for v in _READ)
    if kind in ("Secret", "ConfigMap", "PersistentVolumeClaim"):
        yield from ((Ask("create", group, r, "", space),) for group, r in CREATING)
        fact = "pod.secrets" if kind == "Secret" else "pod.claims"
        for w in assets:
            seen = w.value(fact)
            if w.kind is Kind.WORKLOAD and namespace_of(w) == space and isinstance(seen, tuple) and a.name in seen:
                yield from _shell(w)
    elif a.kind is Kind.WORKLOAD and space:
        yield from _shell(a)
    elif a.kind is Kind.NAMESPACE:
        yield from ((Ask(v, "", "secrets", "", a.name),) for v in _READ)
        yield from ((Ask(v, "", r, "", a.name),) for v, r in _SHELL)


def _shell(w: Asset) -> Iterator[tuple[Ask, ...]]:
    space, kind = namespace_of(w), w.native_type.rpartition("/")[2]
    pod = w.name if kind == "Pod" else ""
    yield from ((Ask(v, "", r, pod, space),) for v, r in _SHELL)
    group, plural = plural_of(w)
    yield from ((Ask(v, group, plural, w.name, space),) for v in _WRITE)
    yield from ((Ask(v, "", "nodes/proxy"),) for v in ("get", "create"))


def _write(_assets: Sequence[Asset], a: Asset) -> Iterator[tuple[Ask, ...]]:
    """Another content under the same name; of a namespace, something new in it."""
    group, plural = plural_of(a)
    space = namespace_of(a)
    if a.kind is Kind.NAMESPACE:
        yield from ((Ask("create", g, r, "", a.name),) for g, r in CREATING)
        return
    yield from ((Ask(v, group, plural, a.name, space),) for v in _WRITE)
    yield (Ask("delete", group, plural, a.name, space), Ask("create", group, plural, "", space))
    if a.kind is Kind.WORKLOAD and a.native_type.rpartition("/")[2] != "Pod":
        yield from ((Ask(v, "", "pods", "", space),) for v in _WRITE)


def _deploy(assets: Sequence[Asset], a: Asset) -> Iterator[tuple[Ask, ...]]:
    if a.kind in (Kind.WORKLOAD, Kind.NAMESPACE) or _custom(a):
        yield from _write(assets, a)


def _custom(a: Asset) -> bool:
    """Whether an object is of a kind that somebody added, as the objects of model servers are."""
    group = a.native_type.rpartition("/")[0].rpartition("/")[0]
    return "." in group and not group.endswith("k8s.io")


def _train(_assets: Sequence[Asset], a: Asset) -> Iterator[tuple[Ask, ...]]:
    space = a.name if a.kind is Kind.NAMESPACE else namespace_of(a)
    if space:
        yield from ((Ask("create", g, r, "", space),) for g, r in CREATING)


def _infer(_assets: Sequence[Asset], a: Asset) -> Iterator[tuple[Ask, ...]]:
    """By the API server's own proxies; what the network lets through is another question."""
    space, kind = namespace_of(a), a.native_type.rpartition("/")[2]
    if kind == "Service":
        yield from ((Ask(v, "", "services/proxy", a.name, space),) for v in ("get", "create"))
    elif a.kind is Kind.WORKLOAD and space:
        pod = a.name if kind == "Pod" else ""
        yield from ((Ask(v, "", r, pod, space),) for r in ("pods/proxy", "pods/portforward") for v in ("get", "create"))


def _stop(_assets: Sequence[Asset], a: Asset) -> Iterator[tuple[Ask, ...]]:
    """Of what collects logs: deleting it, changing it, scaling it away."""
    group, plural = plural_of(a)
    space = namespace_of(a)
    if a.kind is Kind.WORKLOAD and space:
        yield from ((Ask(v, group, plural, a.name, space),) for v in ("delete", "deletecollection", *_WRITE))
        yield from ((Ask(v, group, f"{plural}/scale", a.name, space),) for v in _WRITE)
    if space or a.kind is Kind.NAMESPACE:
        yield (Ask("delete", "", "namespaces", space or a.name),)


def _gpu(assets: Sequence[Asset], a: Asset) -> Iterator[tuple[Ask, ...]]:
    """A node, or what installs drivers and hands out devices on it."""
    kind = a.native_type.rpartition("/")[2]
    if kind == "Node":
        yield from ((Ask(v, "", r, a.name),) for r in ("nodes", "nodes/proxy") for v in (*_WRITE, "create"))
        yield (Ask("get", "", "nodes/proxy", a.name),)
    elif kind == "ClusterPolicy" or a.kind is Kind.WORKLOAD:
        yield from _write(assets, a)
        if a.kind is Kind.WORKLOAD:
            yield from _shell(a)


_MAKING: dict[Deed, Callable[[Sequence[Asset], Asset], Iterator[tuple[Ask, ...]]]] = {
    Deed.READ: _read,
    Deed.EXPORT: _read,
    Deed.UPDATE: _write,
    Deed.DEPLOY: _deploy,
    Deed.TRAIN: _train,
    Deed.INFER: _infer,
    Deed.STOP_LOGS: _stop,
    Deed.MANAGE_GPU: _gpu,
    Deed.DECRYPT: lambda assets, a: _read(assets, a) if a.native_type.endswith("/Secret") else iter(()),
    Deed.RELEASE: lambda assets, a: _read(assets, a) if a.native_type.endswith("/Secret") else iter(()),
}
