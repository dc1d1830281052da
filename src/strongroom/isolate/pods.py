"""The judge of one pod: as it is made, changed, bound, or made by a template."""

from collections.abc import Iterator
from itertools import islice

from strongroom.isolate import asking, candidates, meeting, reaching
from strongroom.isolate.asking import Asked
from strongroom.isolate.candidates import Candidates
from strongroom.isolate.devices import Wanted, rights
from strongroom.isolate.objects import Pod, PodSpec
from strongroom.isolate.state import Key, NodeView, State
from strongroom.isolate.subjects import Who, who
from strongroom.model.errors import Malformed
from strongroom.model.isolate import Reason, Rule, Rung

MOST = 16  # reasons that are told
_UNKNOWN = "unknown-"


def judge(state: State, rule: Rule, key: Key, pod: Pod, volumes: tuple[str, ...] = ()) -> tuple[Reason, ...]:
    """Everything that speaks against a pod. Raises Malformed: a quantity that is none, or no containers to judge."""
    spec = pod.spec
    if spec is None:
        raise Malformed("a pod", "no spec", "what it runs")
    return tuple(islice(_judged(state, rule, key, pod, spec, volumes), MOST))


def _judged(state: State, rule: Rule, key: Key, pod: Pod, spec: PodSpec, volumes: tuple[str, ...]) -> Iterator[Reason]:
    annotations = pod.metadata.annotations or {}
    asked = asking.of(state, key, spec, annotations)
    own = who(state, rule, key[0], meeting.account(spec))
    where = candidates.candidates(state, spec, asked)
    if asked.asks:
        if own.label is None:
            yield Reason("1.6", "no-label", own.why, "a namespace with one of the labels")
        else:
            yield from rungs(rule, own, where, asked)
        yield from meeting.shared_claims(state, rule, key, spec, own)
        yield from meeting.tolerations(rule, spec, own)
    if where.unknown or any(node.has_gpu for node in where.nodes):
        found = reaching.reached(
            state, key[0], spec, annotations, asks=bool(asked.asks), decided=where.decided, volumes=volumes
        )
        yield from (r for r in found if counts(rule, own, r))
    yield from rights(rule, Wanted(asked.asks, asked.admin, asked.tolerations), own.tenant)
    if where.decided and asked.asks:
        for node in where.nodes:
            yield from meeting.unscrubbed(state, rule, key, node)
            yield from meeting.met(state, rule, meeting.made(state, rule, key, pod, node, asked), node)


def counts(rule: Rule, own: Who, reason: Reason) -> bool:
    """Whether a reason is one for this pod: what is only not known counts against the sensitive."""
    by_all = rule.unknown == "deny-all" or own.sensitive(rule)
    if reason.road.startswith(_UNKNOWN):
        return by_all
    return rule.unrequested_devices == "deny-all-labels" or own.sensitive(rule)


def rungs(rule: Rule, own: Who, where: Candidates, asked: Asked) -> Iterator[Reason]:
    """Whether any candidate would give what the label demands."""
    nodes: tuple[NodeView | None, ...] = where.nodes or (None,)
    if where.unknown and where.decided:
        if rule.unknown == "deny-all" or own.sensitive(rule):
            yield Reason("2.2", "unknown-node", "a GPU of a node that is not known", "a node that is known")
        return
    first: Reason | None = None
    for node in nodes:
        reason = below(rule, own, node, asked)
        if reason is None:
            return
        first = first or reason
    if first is not None:
        yield first


def below(rule: Rule, own: Who, node: NodeView | None, asked: Asked) -> Reason | None:
    """What a label demands and a node does not give; None where it does."""
    least = rule.require[own.label or ""].least
    rung, ask = asking.rung(rule, node, asked.asks)
    if ask is None:
        return None
    place = f" on node {node.name}" if node is not None else ""
    if rung is Rung.UNKNOWN:
        known = [asking.rung_on(rule, node, a) for a in asked.asks]
        rest = max((r for r in known if r is not Rung.UNKNOWN), key=lambda r: r.depth, default=Rung.CC_WHOLE)
        if rule.unknown == "deny-all" or own.sensitive(rule):
            return Reason("2.1", ask.road, f"{ask.name}{place}: nobody knows what it is", f"{least} for {own.label}")
        rung = rest
    if rung.depth <= least.depth:
        return None
    return Reason("2.2", ask.road, f"{ask.name}{place} is {rung}", f"{least} or better for {own.label}")
