"""The judge of claims for devices: as they are written, and as they are given out (resource.k8s.io)."""

from collections.abc import Iterator

from strongroom.isolate import asking, devices, meeting
from strongroom.isolate.asking import Asked
from strongroom.isolate.candidates import Candidates, selects
from strongroom.isolate.device_objects import Claim, ClaimTemplate
from strongroom.isolate.meeting import Holder
from strongroom.isolate.objects import Pod
from strongroom.isolate.pods import below, rungs
from strongroom.isolate.state import Key, NodeView, State
from strongroom.isolate.subjects import Who, who
from strongroom.model.isolate import Reason, Rule, Rung

_TYPES = {"gpu": Rung.WHOLE, "vfio": Rung.WHOLE, "mig": Rung.MIG}


def written(state: State, rule: Rule, namespace: str, found: Claim | ClaimTemplate) -> Iterator[Reason]:
    """What speaks against a claim or a template of claims, whoever will use it. Raises Malformed."""
    road = "claim" if isinstance(found, Claim) else "claim-template"
    asked = devices.wanted(state, devices.devices_of(found), road)
    own = who(state, rule, namespace)
    yield from devices.rights(rule, asked, own.tenant)
    if not asked.asks:
        return
    if own.label is None:
        yield Reason("1.6", "no-label", own.why, "a namespace with one of the labels")
        return
    nowhere = Candidates((), decided=False, unknown=False)
    yield from rungs(rule, own, nowhere, Asked(asked.asks, frozenset(), asked.admin, asked.tolerations))


def given(state: State, rule: Rule, key: Key, found: Claim) -> Iterator[Reason]:
    """What speaks against what a claim was given: its rung, and who would be beside whom. Raises Malformed."""
    trial = state.trial("ResourceClaim", found)
    nodes = _nodes(trial, found)
    used = list(_users(trial, rule, key, found))
    parts = list(meeting.given(trial, found))
    if not parts:
        return
    for reader, own in used:
        for node in nodes:
            yield from _one(trial, rule, key, found, node, reader, own)
    yield from _among(rule, key, used)
    yield from _twice(trial, rule, key, found, used)


def _one(state: State, rule: Rule, key: Key, found: Claim, node: NodeView, reader: Key, own: Who) -> Iterator[Reason]:
    asked = devices.wanted(state, devices.devices_of(found), "claim")
    types = [_TYPES.get(word) for _, word in meeting.given(state, found)]
    ways = tuple(devices.Ask("claim-status", f"a device of claim {key[1]}", t) for t in types if t is not None)
    all_ = Asked((*asked.asks, *ways), frozenset(), asked.admin, ())
    if not all_.asks:
        return
    if own.label is None:
        yield Reason("1.6", "no-label", own.why, "a namespace with one of the labels")
        return
    reason = below(rule, own, node, all_)
    if reason is not None:
        yield reason
    gpus = frozenset(gpu for gpu, _ in meeting.given(state, found))
    held = frozenset(asking.rung_on(rule, node, ask) for ask in ways or asked.asks)
    yield from meeting.unscrubbed(state, rule, reader, node)
    yield from meeting.met(state, rule, Holder(reader, own, held, gpus), node)


def _nodes(state: State, found: Claim) -> tuple[NodeView, ...]:
    """Where the devices are: what the allocation selects, or the nodes that their pools are called after."""
    allocation = found.status.allocation if found.status else None
    if allocation is None:
        return ()
    results = (allocation.devices.results if allocation.devices else None) or ()
    pools = [state.node(r.pool or "") for r in results]
    by_pool = {v.name: v for v in pools if v is not None}
    if by_pool:
        return tuple(by_pool.values())
    selector = allocation.node_selector
    return tuple(v for v in state.nodes() if selector is not None and selects(selector, v))


def users(found: Claim, key: Key, state: State) -> set[Key]:
    """The pods that a claim is reserved for, or that name it where it is reserved for none."""
    reserved = [c.name for c in (found.status.reserved_for if found.status else None) or () if c.resource == "pods"]
    owners = [o.name for o in found.metadata.owner_references or () if o.kind == "Pod"]
    return {(key[0], n) for n in (*reserved, *owners) if n} or state.users(*key)


def _users(state: State, rule: Rule, key: Key, found: Claim) -> Iterator[tuple[Key, Who]]:
    """The pods that a claim is for: whom it is reserved for, or who names it; the namespace alone where nobody does."""
    names = users(found, key, state)
    for reader in sorted(names):
        pod = state.get("Pod", *reader)
        account = meeting.account(pod.spec) if isinstance(pod, Pod) and pod.spec else ""
        yield reader, who(state, rule, reader[0], account)
    if not names:
        yield (key[0], ""), who(state, rule, key[0])


def _among(rule: Rule, key: Key, used: list[tuple[Key, Who]]) -> Iterator[Reason]:
    """Whether those who share a claim may."""
    if len(used) < 2:
        return
    terms = {rule.meet.shared_claim.get(own.label or "", "never") for _, own in used}
    same = len({(own.tenant, own.label) for _, own in used}) == 1
    if "never" in terms or ("same-tenant-and-label" in terms and not same):
        yield Reason("2.1", "shared-claim", f"claim {key[1]} for {len(used)} pods", "a claim for one pod")


def _twice(state: State, rule: Rule, key: Key, found: Claim, used: list[tuple[Key, Who]]) -> Iterator[Reason]:
    """Whether a device is another claim's too: whoever is sensitive has it alone."""
    mine = set(_devices(found))
    for other_key, other in state.all("ResourceClaim").items():
        if other_key == key or not isinstance(other, Claim) or not mine & set(_devices(other)):
            continue
        theirs = [own for _, own in _users(state, rule, other_key, other)]
        if any(own.sensitive(rule) for own in (*theirs, *(o for _, o in used))):
            yield Reason(
                "2.1", "shared-device", f"a device that claim {'/'.join(other_key)} has", "a device of its own"
            )
            return


def _devices(found: Claim) -> Iterator[tuple[str, str, str]]:
    allocation = found.status.allocation if found.status else None
    for one in (allocation.devices.results if allocation and allocation.devices else None) or ():
        yield one.driver or "", one.pool or "", one.device or ""
