"""Google Cloud: who on the internet reaches an asset, and what of the internet it reaches, with the path that decided."""

from collections.abc import Callable, Sequence
from functools import partial

from strongroom.assess.network import gcp_paths
from strongroom.assess.network.bounds import outside, texts
from strongroom.assess.network.gcp_world import World
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.ports import Reach
from strongroom.model.reach import Reached, Scene, Witness
from strongroom.model.values import Unknown

_MACHINES = (
    "google_compute_instance", "google_compute_instance_template", "google_compute_region_instance_template",
    "google_compute_instance_from_template",
)  # fmt: skip


def reach(scene: Scene) -> Callable[[Asset], Reached]:
    """Whether the internet reaches an asset, and it the internet."""
    known = tuple(
        a for a in scene.estate.assets if a.provider == "gcp" or a.native_type.startswith(("google_", "data.google_"))
    )
    return partial(_reached, scene, World(known))


def _reached(scene: Scene, world: World, asset: Asset) -> Reached:
    if asset.native_type in _MACHINES:
        (ingress, came), (egress, went) = (_both(world, asset, d) for d in ("ingress", "egress"))
    elif asset.native_type in _ANSWERS:
        ingress, came = _ANSWERS[asset.native_type](asset)
        egress, went = Unknown(GapCode.UNSUPPORTED, "what a service of Google's calls is not worked out"), []
    else:
        doubt = Unknown(GapCode.UNSUPPORTED, f"reachability of {asset.native_type} is not worked out yet")
        return Reached(asset.address, doubt, doubt)
    return Reached(asset.address, _seen(scene, ingress), _seen(scene, egress), tuple(dict.fromkeys((*came, *went))))


def _seen(scene: Scene, answer: Tri) -> Tri:
    """A "no" that a file which could not be read may change is none."""
    broken = next((g for g in scene.estate.gaps if g.code not in {GapCode.NOT_FETCHED, GapCode.UNSUPPORTED}), None)
    if answer is False and broken is not None:
        return Unknown(broken.code, f"{broken.scope}: {broken.detail}")
    return answer


def _both(world: World, asset: Asset, direction: str) -> tuple[Tri, Sequence[Witness]]:
    verdicts = [gcp_paths.verdict(world, asset, card, direction) for card in world.cards(asset)]
    answer = any_of(v.answer() for v in verdicts)
    if answer is True:
        return answer, next(v.told for v in verdicts if v.answer() is True)
    return answer, [w for v in verdicts for w in v.told] if answer is False else []


def _cluster(asset: Asset) -> tuple[Tri, Sequence[Witness]]:
    """The API of a cluster: a public endpoint, as far as the networks that may use it are of the internet."""
    public, listed = asset.value("net.public"), asset.value("net.listed_only")
    if public is False:
        return False, [Witness("ingress", asset.address, "has no public endpoint", where=asset.where)]
    doubt = next((x for x in (public, listed) if isinstance(x, Unknown)), None)
    answer: Tri = doubt or True
    if doubt is None and listed is True:
        answer = any_of(outside(t) for t in texts(asset.value("net.public_cidrs")))
    return answer, [
        Witness("ingress", asset.address, "has a public endpoint", where=asset.where)
    ] if answer is True else []


def _bucket(asset: Asset) -> tuple[Tri, Sequence[Witness]]:
    """Public by a grant to everybody, unless prevention is enforced; by lists of access only where those still count."""
    if asset.value("public.prevented") is True:
        return False, [Witness("ingress", asset.address, "prevents public access", where=asset.where)]
    granted = asset.value("public.granted")
    if isinstance(granted, Unknown):
        return granted, []
    held = granted if isinstance(granted, tuple) else ()
    answer = any_of(g if isinstance(g, Unknown) else True for g in held)
    return answer, [
        Witness("ingress", asset.address, "is granted to everybody", where=asset.where)
    ] if answer is True else []


_ANSWERS: dict[str, Callable[[Asset], tuple[Tri, Sequence[Witness]]]] = {
    "google_container_cluster": _cluster,
    "google_storage_bucket": _bucket,
}


def _known(asset: Asset) -> bool:
    return asset.native_type in (*_MACHINES, *_ANSWERS)


REACH = Reach("gcp", (Kind.INSTANCE, Kind.TEMPLATE, Kind.CLUSTER, Kind.BUCKET), reach, knows=_known, by_assets=True)
