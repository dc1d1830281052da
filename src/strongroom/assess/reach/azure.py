"""Azure: who on the internet reaches an asset, and what of the internet it reaches, with the path that decided."""

from collections.abc import Callable, Sequence
from functools import partial

from strongroom.assess.network import azure_filters, azure_paths
from strongroom.assess.network.azure_world import NIC, SETS, World, flag
from strongroom.assess.network.bounds import Doubts, outside, texts
from strongroom.assess.network.verdicts import OUTSIDE, Verdict, shown, stopped, when
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.ports import Reach
from strongroom.model.reach import Reached, Scene, Witness
from strongroom.model.values import Unknown

_MACHINES = (
    NIC,
    *SETS,
    "azurerm_linux_virtual_machine",
    "azurerm_windows_virtual_machine",
    "azurerm_virtual_machine",
)
# Services with an endpoint of their own, which a switch closes and a firewall narrows.
_SERVICES = (
    "azurerm_storage_account", "azurerm_key_vault", "azurerm_key_vault_managed_hardware_security_module",
    "azurerm_container_registry", "azurerm_machine_learning_workspace", "azurerm_ai_foundry", "azurerm_cognitive_account",
    "azurerm_ai_services", "azurerm_search_service", "azurerm_kubernetes_cluster", "azurerm_databricks_workspace",
)  # fmt: skip


def reach(scene: Scene) -> Callable[[Asset], Reached]:
    """Whether the internet reaches an asset, and it the internet."""
    known = tuple(
        a
        for a in scene.estate.assets
        if a.provider == "azure" or a.native_type.startswith(("azurerm_", "data.azurerm_"))
    )
    return partial(_reached, scene, World(known))


def _reached(scene: Scene, world: World, asset: Asset) -> Reached:
    kind = asset.native_type
    if kind in _MACHINES:
        (ingress, came), (egress, went) = (_both(world, asset, d) for d in ("ingress", "egress"))
    elif kind in _SERVICES:
        ingress, came = _service(asset)
        egress, went = Unknown(GapCode.UNSUPPORTED, "what a service of Azure's calls is not worked out"), []
    elif kind in _ANSWERS:
        ingress, came = _ANSWERS[kind](world, asset)
        egress, went = (
            False if kind != _GROUP else Unknown(GapCode.UNSUPPORTED, f"what {kind} reaches is not worked out"),
            [],
        )
    else:
        doubt = Unknown(GapCode.UNSUPPORTED, f"reachability of {kind} is not worked out yet")
        return Reached(asset.address, doubt, doubt)
    told = tuple(dict.fromkeys((*came, *went)))
    return Reached(asset.address, _seen(scene, ingress), _seen(scene, egress), told)


def _seen(scene: Scene, answer: Tri) -> Tri:
    """A "no" that a file which could not be read may change is none."""
    broken = next((g for g in scene.estate.gaps if g.code not in {GapCode.NOT_FETCHED, GapCode.UNSUPPORTED}), None)
    if answer is False and broken is not None:
        return Unknown(broken.code, f"{broken.scope}: {broken.detail}")
    return answer


def _both(world: World, asset: Asset, direction: str) -> tuple[Tri, Sequence[Witness]]:
    verdicts = [azure_paths.verdict(world, card, direction) for card in world.cards(asset)]
    answer = any_of(v.answer() for v in verdicts)
    if answer is True:
        return answer, next(v.told for v in verdicts if v.answer() is True)
    return answer, [w for v in verdicts for w in v.told] if answer is False else []


def _service(asset: Asset) -> tuple[Tri, Sequence[Witness]]:
    """Its public endpoint, unless that is off. A firewall that denies by default lets listed addresses in, which are not read."""
    public = flag(asset.value("net.public"))
    if public is not True:
        return public, [] if public is not False else [
            Witness("ingress", asset.address, "has its public endpoint off", where=asset.where)
        ]
    blocks = texts(asset.value("net.public_cidrs"))
    if blocks:  # of the API of a cluster
        answer = any_of(outside(b) for b in blocks)
        return answer, [
            Witness("ingress", asset.address, "has a public endpoint", where=asset.where)
        ] if answer is True else []
    listed = asset.value("net.default_deny")
    if listed is True:
        return Unknown(GapCode.UNSUPPORTED, "which addresses its firewall lets in is not read"), []
    if isinstance(listed, Unknown):
        return listed, []
    return True, [Witness("ingress", asset.address, "has a public endpoint", where=asset.where)]


def _balancer(world: World, asset: Asset) -> tuple[Tri, Sequence[Witness]]:
    """A load balancer takes in what its rules pass on."""
    del world
    public = flag(asset.value("net.public"))
    flows = asset.value("lb.flows")
    some: Tri = (
        flows
        if isinstance(flows, Unknown)
        else any_of(f if isinstance(f, Unknown) else True for f in (flows if isinstance(flows, tuple) else ()))
    )
    answer = public if public is False else some if public is True or some is False else public
    return answer, [
        Witness("ingress", asset.address, "has a public frontend", where=asset.where)
    ] if answer is True else []


def _gateway(world: World, asset: Asset) -> tuple[Tri, Sequence[Witness]]:
    """An application gateway takes in what the security group of its subnet lets in."""
    public = flag(asset.value("net.public"))
    subnets = world.named(asset, "link.subnets")
    verdicts = []
    for subnet in subnets:
        doubts = Doubts()
        if isinstance(subnet, Unknown):
            doubts.add(subnet)
            verdicts.append(Verdict(when(subnet, OUTSIDE), doubts, []))
            continue
        place = azure_filters.Place(world, subnet)
        passed = azure_filters.groups(world.named(subnet, "link.groups"), place, "ingress", doubts)
        passed = when(public, passed & azure_filters.ways(world, subnet, doubts).internet & OUTSIDE)
        if isinstance(public, Unknown):
            doubts.add(public)
        told = list(
            stopped("ingress", subnet.where, [("its frontends", when(public, OUTSIDE)), ("its security group", passed)])
        )
        if passed.sure:
            told = [Witness("ingress", asset.address, "has a public frontend", shown(passed.sure), where=asset.where)]
        verdicts.append(Verdict(passed, doubts, told))
    if not verdicts:
        return (public if public is False else Unknown(GapCode.NOT_FETCHED, "its subnet is not read")), []
    return any_of(v.answer() for v in verdicts), [w for v in verdicts for w in v.told]


def _group(world: World, asset: Asset) -> tuple[Tri, Sequence[Witness]]:
    """Containers with a public address answer on it."""
    del world
    public = flag(asset.value("net.public"))
    return public, [
        Witness("ingress", asset.address, "has a public address", where=asset.where)
    ] if public is True else []


_GROUP = "azurerm_container_group"
_ANSWERS: dict[str, Callable[[World, Asset], tuple[Tri, Sequence[Witness]]]] = {
    "azurerm_lb": _balancer,
    "azurerm_application_gateway": _gateway,
    _GROUP: _group,
}


def _known(asset: Asset) -> bool:
    return asset.native_type in (*_MACHINES, *_SERVICES, *_ANSWERS)


REACH = Reach(
    "azure",
    (
        Kind.INSTANCE, Kind.INTERFACE, Kind.LOAD_BALANCER, Kind.TEMPLATE, Kind.BUCKET, Kind.WORKSPACE, Kind.CLUSTER, Kind.SEARCH,
        Kind.WORKLOAD, Kind.OTHER,
    ),
    reach,
    knows=_known,
    by_assets=True,
)  # fmt: skip
