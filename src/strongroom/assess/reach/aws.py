"""AWS: who on the internet reaches an asset, and what of the internet it reaches, with the path that decided."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from strongroom.assess.network import aws_behind, aws_paths, bounds
from strongroom.assess.network.aws_interfaces import flag, interfaces, listening
from strongroom.assess.network.aws_world import World, native
from strongroom.assess.network.bounds import texts
from strongroom.assess.network.verdicts import Verdict
from strongroom.kit import traffic
from strongroom.kit.iam_reach import public
from strongroom.kit.kleene import Tri, all_of, any_of, negate
from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset
from strongroom.model.kinds import Kind
from strongroom.model.ports import Reach
from strongroom.model.reach import Reached, Scene, Witness
from strongroom.model.values import Statement, Unknown

Answer = tuple[Tri, list[Witness]]
_NO: Answer = (False, [])
_BALANCERS = ("aws_lb", "aws_alb", "aws_elb")
_NETWORKED = (
    *_BALANCERS,
    "aws_instance",
    "aws_spot_instance_request",
    "aws_network_interface",
    "aws_autoscaling_group",
    "aws_db_instance",
)


def reach(scene: Scene) -> Callable[[Asset], Reached]:
    """Whether the internet reaches an asset, and it the internet."""
    return partial(
        _reached,
        scene,
        World(tuple(a for a in scene.estate.assets if a.provider == "aws" or a.native_type.startswith("aws_"))),
    )


def _reached(scene: Scene, world: World, asset: Asset) -> Reached:
    kind = native(asset)
    by = _ANSWERS.get(kind)
    if by is None and kind not in _NETWORKED:
        doubt = Unknown(GapCode.UNSUPPORTED, f"reachability of {asset.native_type} is not worked out yet")
        return Reached(asset.address, doubt, doubt)
    (ingress, came), (egress, went) = (
        by(world, asset) if by is not None else (_ingress(world, asset), _egress(world, asset))
    )
    told = tuple(dict.fromkeys((*came, *went)))
    return Reached(asset.address, _seen(scene, ingress), _seen(scene, egress), told)


def _seen(scene: Scene, answer: Tri) -> Tri:
    """A "no" that a file which could not be read may change is none."""
    broken = next((g for g in scene.estate.gaps if g.code not in {GapCode.NOT_FETCHED, GapCode.UNSUPPORTED}), None)
    if answer is False and broken is not None:
        return Unknown(broken.code, f"{broken.scope}: {broken.detail}")
    return answer


def _ingress(world: World, asset: Asset) -> Answer:
    verdicts = [aws_paths.ingress(world, one) for one in interfaces(world, asset)]
    straight = any_of(v.answer() for v in verdicts)
    if native(asset) in _BALANCERS:
        heard = listening(world, asset)
        if isinstance(heard, Unknown) and straight is True:
            straight = heard
    told = next((v.told for v in verdicts if v.answer() is True), [])
    if straight is True:
        return straight, told
    behind, by = aws_behind.ingress(world, asset)
    answer = any_of((straight, behind))
    return answer, by if answer is not False else _denied(verdicts)


def _egress(world: World, asset: Asset) -> Answer:
    verdicts = [aws_paths.egress(world, one) for one in interfaces(world, asset)]
    answer = any_of(v.answer() for v in verdicts)
    told = _denied(verdicts) if answer is False else next((v.told for v in verdicts if v.answer() is True), [])
    return answer, [*told, *_leaks(world, asset)]


def _leaks(world: World, asset: Asset) -> Iterator[Witness]:
    """Endpoints of AWS's services whose policy names nothing: no route of the internet, and a way to anybody's bucket."""
    networks = {world.network(i.subnet) for i in interfaces(world, asset) if isinstance(i.subnet, Asset)} - {""}
    for endpoint in world.of["aws_vpc_endpoint"] if networks else ():
        held = {n.id for n in world.named(endpoint, "link.network") if isinstance(n, Asset)}
        value = endpoint.value("policy.statements")
        whole = isinstance(value, tuple) and any(isinstance(s, Statement) and _names_nothing(s) for s in value)
        if held & networks and whole:
            says = "lets anything through to its service, which is no route of the internet"
            yield Witness("egress", f"endpoint {endpoint.address}", says, where=endpoint.where)


def _names_nothing(s: Statement) -> bool:
    return (
        s.effect == "allow"
        and "*" in s.resources
        and not s.conditions
        and bool({"*", "s3:*", "s3:put*", "s3:putobject"} & set(s.actions))
    )


def _denied(verdicts: Sequence[Verdict]) -> list[Witness]:
    """Where each interface is stopped."""
    return [w for v in verdicts for w in v.told]


def _says(asset: Asset, direction: str, what: str) -> Witness:
    return Witness(direction, asset.address, what, where=asset.where)


def _direct(asset: Asset, answer: Tri, what: str) -> Answer:
    return answer, [_says(asset, "egress", what)] if answer is True else []


def _or(first: Answer, other: Answer) -> Answer:
    return any_of((first[0], other[0])), first[1] if first[0] is True else other[1]


def _notebook(world: World, asset: Asset) -> tuple[Answer, Answer]:
    """Its pages are opened by signed links of AWS's own; nothing of the internet reaches its network by that."""
    straight = _direct(
        asset, flag(asset.value("net.direct_internet")), "has direct internet access, past the owner's network"
    )
    return _NO, _or(straight, _egress(world, asset))


def _model(world: World, asset: Asset) -> tuple[Answer, Answer]:
    """A model without a network of the owner's runs in one of AWS's, with the internet, unless it is isolated."""
    isolated = flag(asset.value("net.isolated"))
    if isolated is True:
        return _NO, _NO
    outside = _direct(
        asset, negate(flag(asset.value("net.in_vpc"))), "runs in a network of AWS's, which has the internet"
    )
    out, told = _or(outside, _egress(world, asset))
    return _NO, (all_of((out, negate(isolated))), told)


def _function(world: World, asset: Asset) -> tuple[Answer, Answer]:
    outside = _direct(
        asset, negate(flag(asset.value("net.in_vpc"))), "runs in a network of AWS's, which has the internet"
    )
    return _function_url(world, asset), _or(outside, _egress(world, asset))


def _function_url(world: World, asset: Asset) -> Answer:
    for url in world.of["aws_lambda_function_url"]:
        if any(isinstance(f, Asset) and f.id == asset.id for f in world.named(url, "link.function")):
            return True, [_says(url, "ingress", "gives the function an address of the internet")]
    return _NO


def _cluster(world: World, asset: Asset) -> tuple[Answer, Answer]:
    """The API of a cluster: a public endpoint, as far as its blocks are of the internet."""
    answer = flag(asset.value("api.public"))
    if answer is not False:
        answer = all_of((answer, _some_outside(texts(asset.value("api.public_cidrs")))))
    told = [_says(asset, "ingress", "has a public endpoint")] if answer is True else []
    return (answer, told), _egress(world, asset)


def _some_outside(blocks: Iterable[str | Unknown]) -> Tri:
    answers: list[Tri] = []
    for one in blocks:
        if isinstance(one, Unknown):
            answers.append(one)
            continue
        try:
            family, block = traffic.block(one)
        except ValueError:
            answers.append(Unknown(GapCode.MALFORMED, f"{one[:60]!r} is no block of addresses"))
            continue
        part = traffic.traffic((block,) if family == 4 else (), (block,) if family == 6 else (), bounds.ALL)
        answers.append(bool(part & bounds.INTERNET))
    return any_of(answers)


def _search(world: World, asset: Asset) -> tuple[Answer, Answer]:
    """A domain outside of a network has a public endpoint; one inside has an address of the network."""
    del world
    answer = negate(flag(asset.value("net.in_vpc")))
    return (answer, [_says(asset, "ingress", "has a public endpoint")] if answer is True else []), _NO


def _bucket(world: World, asset: Asset) -> tuple[Answer, Answer]:
    """Public by an ACL or by its policy, and neither masked by the bucket's access block or the account's."""
    accounts = world.of["aws_s3_account_public_access_block"]

    def masked(fact: str) -> Tri:
        return any_of((flag(asset.value(fact)), *(flag(a.value(fact)) for a in accounts)))

    acl = all_of((flag(asset.value("acl.public")), negate(masked("access.ignore_acls"))))
    policy = all_of((any_of(_public(asset)), negate(masked("access.restrict"))))
    answer = any_of((acl, policy))
    by = "its ACL" if acl is True else "its policy"
    return (answer, [_says(asset, "ingress", f"is public by {by}")] if answer is True else []), _NO


def _public(asset: Asset) -> Iterator[Tri]:
    value = asset.value("policy.statements")
    if isinstance(value, Unknown):
        yield value
    for one in value if isinstance(value, tuple) else ():
        if isinstance(one, Statement):
            yield public(one)
        elif isinstance(one, Unknown):
            yield one


_ANSWERS: dict[str, Callable[[World, Asset], tuple[Answer, Answer]]] = {
    "aws_sagemaker_notebook_instance": _notebook, "aws_sagemaker_domain": _notebook, "aws_sagemaker_model": _model,
    "aws_lambda_function": _function, "aws_eks_cluster": _cluster, "aws_opensearch_domain": _search,
    "aws_elasticsearch_domain": _search, "aws_s3_bucket": _bucket,
}  # fmt: skip


def _known(asset: Asset) -> bool:
    kind = native(asset)
    return kind in _ANSWERS or kind in _NETWORKED


REACH = Reach(
    "aws",
    (
        Kind.INSTANCE, Kind.INTERFACE, Kind.LOAD_BALANCER, Kind.NOTEBOOK, Kind.WORKSPACE, Kind.MODEL, Kind.CLUSTER, Kind.SEARCH,
        Kind.BUCKET, Kind.TEMPLATE, Kind.OTHER,
    ),
    reach,
    knows=_known,
    by_assets=True,
)  # fmt: skip
