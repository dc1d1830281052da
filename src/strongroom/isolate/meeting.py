"""Who would be beside whom: on a GPU in slices, in an NVLink island, on a node of one tenant, at one claim (section 3)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from strongroom.isolate import asking
from strongroom.isolate.asking import Asked
from strongroom.isolate.device_objects import Claim
from strongroom.isolate.devices import tolerates_prefix
from strongroom.isolate.objects import Pod, PodSpec
from strongroom.isolate.state import Key, NodeView, State, claims_of, running
from strongroom.isolate.subjects import Who, who
from strongroom.model.errors import Malformed
from strongroom.model.isolate import SCRUB, Reason, Rule, Rung

_WHOLE = frozenset({Rung.WHOLE, Rung.CC_WHOLE})


class Holder(NamedTuple):
    """A pod that holds something of a GPU on a node: whose it is, by which rungs, and which GPUs where that is known."""

    key: Key
    who: Who
    rungs: frozenset[Rung]
    gpus: frozenset[str]
    sliced: bool = False

    @property
    def mig(self) -> bool:
        """Whether it holds a MIG slice, or a part of one."""
        return self.sliced or Rung.MIG in self.rungs

    @property
    def whole(self) -> bool:
        """Whether it holds a whole GPU."""
        return bool(self.rungs & _WHOLE)


def account(spec: PodSpec) -> str:
    """The service account that a pod runs as."""
    return spec.service_account_name or spec.service_account or "default"


def holder(state: State, rule: Rule, key: Key, pod: Pod, node: NodeView) -> Holder | None:
    """What a pod holds on a node; None where it holds nothing of a GPU."""
    spec = pod.spec
    if spec is None:
        return None
    try:
        asked = asking.held(state, key, pod, spec)
    except Malformed:  # it runs all the same: nobody knows what it holds
        return Holder(key, Who(f"namespace/{key[0]}", None), frozenset({Rung.UNKNOWN}), frozenset())
    if not asked.asks:
        return None
    return made(state, rule, key, pod, node, asked)


def made(state: State, rule: Rule, key: Key, pod: Pod, node: NodeView, asked: Asked) -> Holder:
    """What a pod that asks for something would hold on a node."""
    rungs = frozenset(asking.rung_on(rule, node, ask) for ask in asked.asks)
    spec = pod.spec or PodSpec()
    sliced = any(asking.sliced(node, ask) for ask in asked.asks)
    return Holder(key, who(state, rule, key[0], account(spec)), rungs, gpus_of(state, key[0], claims_of(pod)), sliced)


def gpus_of(state: State, namespace: str, claims: Iterable[str]) -> frozenset[str]:
    """The GPUs that claims were given, by their UUIDs; of a slice, the GPU that it is a slice of."""
    found = set()
    for name in claims:
        claim = state.get("ResourceClaim", namespace, name)
        if isinstance(claim, Claim):
            found |= {gpu for gpu, _ in given(state, claim)}
    return frozenset(found)


def given(state: State, claim: Claim) -> Iterator[tuple[str, str]]:
    """The GPU and the type of each device that a claim was given; both empty where the slices do not say."""
    devices = claim.status.allocation.devices if claim.status and claim.status.allocation else None
    for one in (devices.results if devices else None) or ():
        attributes = state.device(one.driver or "", one.pool or "", one.device or "")
        yield attributes.get("parentUUID") or attributes.get("uuid", ""), attributes.get("type", "")


def holders(state: State, rule: Rule, node: NodeView) -> tuple[Holder, ...]:
    """All that hold something of a GPU on a node."""
    known = state.memory.get(("holders", node.name))
    if isinstance(known, tuple):
        return known
    found = (holder(state, rule, key, pod, node) for key, pod in state.present(node.name).items())
    made_ = tuple(h for h in found if h is not None)
    state.memory[("holders", node.name)] = made_
    return made_


def met(state: State, rule: Rule, new: Holder, node: NodeView) -> Iterator[Reason]:
    """What speaks against a pod on a node for whom it would be beside."""
    yield from _tenant_taint(rule, new, node)
    others = [h for h in holders(state, rule, node) if h.key != new.key]
    if new.mig:
        yield from _slices(rule, new, others)
    if node.island:
        yield from _island(state, rule, new, node)


def _tenant_taint(rule: Rule, new: Holder, node: NodeView) -> Iterator[Reason]:
    for taint in node.taints:
        if taint.key == rule.meet.tenant_taint and (taint.value or "") != new.who.tenant:
            found = f"a GPU of node {node.name}, which is {taint.value or 'nobody'}'s"
            yield Reason("3.3", "tenant-node", found, f"a node of {new.who.tenant} or of no tenant")


def unscrubbed(state: State, rule: Rule, key: Key, node: NodeView) -> Iterator[Reason]:
    """GPUs whose memory still holds what the last tenant left: the taint stands until a scrub is verified, and tolerating it
    does not clean them. Who is there already is who left it, and is let end.
    """
    if key in state.present(node.name):
        return
    for taint in node.taints:
        if taint.key == f"{rule.prefix}/{SCRUB}":
            found = f"a GPU of node {node.name}, whose scrub is {taint.value or 'not done'}"
            yield Reason("3.6", "unscrubbed-node", found, "GPUs that were scrubbed, and shown to be")
            return


def _slices(rule: Rule, new: Holder, others: list[Holder]) -> Iterator[Reason]:
    if rule.meet.mig == "anybody":
        return
    for other in others:
        if not other.mig or (new.gpus and other.gpus and "" not in new.gpus | other.gpus and not new.gpus & other.gpus):
            continue
        if new.who.sensitive(rule) or other.who.sensitive(rule):
            same_tenant = new.who.tenant == other.who.tenant
            equal = new.who.label is not None and new.who.label == other.who.label
            if not (same_tenant if "tenant" in rule.meet.mig else equal):
                found = f"{new.who.label or 'no label'} beside {_shown(other)} on one GPU"
                yield Reason("3.1", "mig-neighbour", found, "slices of one GPU for one label")
                return


def _island(state: State, rule: Rule, new: Holder, node: NodeView) -> Iterator[Reason]:
    if rule.meet.nvlink_island == "anybody":
        return
    for view in state.nodes():
        if view.island != node.island:
            continue
        for other in holders(state, rule, view):
            if other.key == new.key or other.who.tenant == new.who.tenant:
                continue
            guarded = any(h.whole and h.who.sensitive(rule) for h in (new, other))
            if guarded or rule.meet.nvlink_island == "one-tenant":
                found = f"{new.who.tenant} beside {_shown(other)} in NVLink island {node.island}"
                yield Reason("3.2", "nvlink-island", found, "an island for one tenant")
                return


def _shown(other: Holder) -> str:
    return f"{'/'.join(other.key)} of {other.who.tenant} ({other.who.label or 'no label'})"


def tolerations(rule: Rule, spec: PodSpec, own: Who) -> Iterator[Reason]:
    """What a pod that asks for a GPU may not tolerate: the taints of other tenants, or of all."""
    for toleration in spec.tolerations or ():
        key = toleration.key or ""
        if key in {"", rule.meet.tenant_taint} and tolerates_prefix(rule, toleration, own.tenant):
            found = f"a toleration of {toleration.value or 'every tenant'}'s nodes"
            yield Reason("3.3", "tenant-toleration", found, f"one of {own.tenant}, or none")


def shared_claims(
    state: State, rule: Rule, key: Key, spec: PodSpec, own: Who, *, sure: bool = True
) -> Iterator[Reason]:
    """Claims that other pods use too."""
    for named in spec.resource_claims or ():
        name = named.resource_claim_name
        for other in sorted(state.users(key[0], name) if name else ()):
            pod = state.get("Pod", *other)
            if other == key or not isinstance(pod, Pod) or not running(pod) or not sure:
                continue
            theirs = who(state, rule, other[0], account(pod.spec or PodSpec()))
            terms = {rule.meet.shared_claim.get(w.label or "", "never") for w in (own, theirs)}
            equal = (own.tenant, own.label) == (theirs.tenant, theirs.label)
            if "never" in terms or ("same-tenant-and-label" in terms and not equal):
                wanted = "a claim for one pod" if "never" in terms else "a claim for one tenant and label"
                yield Reason("2.1", "shared-claim", f"claim {name}, which {'/'.join(other)} uses", wanted)
                break
