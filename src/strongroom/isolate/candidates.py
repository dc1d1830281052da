"""Where a pod may land: the nodes that its selectors, tolerations and resources leave (Kubernetes, "Assigning Pods to Nodes")."""

from collections.abc import Mapping
from typing import NamedTuple

from strongroom.isolate.asking import Asked
from strongroom.isolate.objects import Expression, PodSpec, Taint, Term, Terms, Toleration
from strongroom.isolate.state import NodeView, State

_HARD = frozenset({"NoSchedule", "NoExecute"})


class Candidates(NamedTuple):
    """The nodes, and whether that is decided: by name, so that no scheduler looks at anything else.

    `unknown` says that the node is named and nobody knows it, or that no node is known at all.
    """

    nodes: tuple[NodeView, ...]
    decided: bool
    unknown: bool


def candidates(state: State, spec: PodSpec, asked: Asked) -> Candidates:
    """The candidates of a pod. Raises nothing: what cannot be read matches nothing."""
    if spec.node_name:
        node = state.node(spec.node_name)
        return Candidates((node,) if node is not None else (), decided=True, unknown=node is None)
    if not state.all("Node"):
        return Candidates((), decided=False, unknown=True)
    key = ("candidates", _signature(spec), asked.listed)
    known = state.memory.get(key)
    if isinstance(known, Candidates):
        return known
    found = tuple(node for node in state.nodes() if _fits(node, spec, asked))
    made = Candidates(found, decided=False, unknown=False)
    state.memory[key] = made
    return made


def _signature(spec: PodSpec) -> str:
    """What of a pod decides where it may land, as text: equal for pods that may land on the same nodes."""
    return f"{spec.node_selector}{spec.affinity}{spec.tolerations}"


def _fits(node: NodeView, spec: PodSpec, asked: Asked) -> bool:
    if any(node.labels.get(k) != v for k, v in (spec.node_selector or {}).items()):
        return False
    affinity = spec.affinity.node_affinity if spec.affinity else None
    if affinity is not None and affinity.required is not None and not selects(affinity.required, node):
        return False
    if not all(tolerated(t, spec.tolerations or ()) for t in node.taints if t.effect in _HARD):
        return False
    return asked.listed <= node.offers


def selects(terms: Terms, node: NodeView) -> bool:
    """Whether a node selector selects a node: one of its terms does."""
    return any(_term(term, node) for term in terms.node_selector_terms or ())


def _term(term: Term, node: NodeView) -> bool:
    if not term.match_expressions and not term.match_fields:
        return False  # an empty term selects nothing
    return all(_holds(e, node.labels) for e in term.match_expressions or ()) and all(
        _holds(e, {"metadata.name": node.name}) for e in term.match_fields or ()
    )


def _holds(expression: Expression, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression.key), expression.values or []
    match expression.operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return _compared(expression.operator, value, values)
    return False


def _compared(operator: str, value: str | None, values: list[str]) -> bool:
    try:
        have, than = int(value or ""), int(values[0] if len(values) == 1 else "")
    except ValueError:
        return False
    return have > than if operator == "Gt" else have < than


def tolerated(taint: Taint, tolerations: "tuple[Toleration, ...] | list[Toleration]") -> bool:
    """Whether one of some tolerations is for a taint."""
    return any(_tolerates(t, taint) for t in tolerations)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if not toleration.key:
        return toleration.operator == "Exists"
    if toleration.key != taint.key:
        return False
    return toleration.operator == "Exists" or (
        toleration.operator in {None, "", "Equal"} and (toleration.value or "") == (taint.value or "")
    )
