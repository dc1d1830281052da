"""Label selectors, and an index that finds those that select a pod without trying every one of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from strongroom.collect.kubernetes.trees import Tree, at, pairs, text_at, texts, trees_at

T = TypeVar("T")
# Cilium writes the source of a label before its key; `any` and `k8s` both mean the pod's own labels.
_SOURCES = ("any:", "k8s:", "any.", "k8s.")


@dataclass(frozen=True, slots=True)
class Selector:
    """Labels that must be there, and expressions (key, operator, values) that must hold. Empty selects everything."""

    labels: tuple[tuple[str, str], ...]
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether it selects a pod with these labels."""
        return all(labels.get(k) == v for k, v in self.labels) and all(self._holds(e, labels) for e in self.expressions)

    @staticmethod
    def _holds(expression: tuple[str, str, tuple[str, ...]], labels: Mapping[str, str]) -> bool:
        key, operator, values = expression
        if operator == "In":
            return labels.get(key) in values
        if operator == "NotIn":  # a pod without the label is selected too (Kubernetes, "Labels and Selectors")
            return labels.get(key) not in values
        return (key in labels) is (operator == "Exists")


def selector(value: Tree) -> Selector:
    """A selector as the API writes it: matchLabels and matchExpressions."""
    expressions = tuple(
        (_own(text_at(e, "key")), text_at(e, "operator"), texts(at(e, "values")))
        for e in trees_at(value, "matchExpressions")
    )
    return Selector(tuple((_own(k), v) for k, v in pairs(at(value, "matchLabels")).items()), expressions)


def _own(key: str) -> str:
    for source in _SOURCES:
        key = key.removeprefix(source)
    return key


@dataclass(slots=True)
class Index(Generic[T]):
    """Things that select pods, by namespace and by one label of their selector. Namespace `*` is every one."""

    by_label: dict[tuple[str, str, str], list[tuple[Selector, T]]] = field(default_factory=dict)
    others: dict[str, list[tuple[Selector, T]]] = field(default_factory=dict)

    def add(self, namespace: str, chosen: Selector, thing: T) -> None:
        """Remember a thing."""
        if chosen.labels:
            key, value = chosen.labels[0]
            self.by_label.setdefault((namespace, key, value), []).append((chosen, thing))
        else:
            self.others.setdefault(namespace, []).append((chosen, thing))

    def of(self, namespace: str, labels: Mapping[str, str]) -> Iterator[T]:
        """The things that select a pod with these labels in a namespace."""
        for place in (namespace, "*"):
            yield from (thing for chosen, thing in self.others.get(place, ()) if chosen.selects(labels))
            for key, value in labels.items():
                yield from (t for chosen, t in self.by_label.get((place, key, value), ()) if chosen.selects(labels))
