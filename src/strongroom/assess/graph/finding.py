"""The shortest ways from the internet, and from every principal, to each crown jewel."""

from collections.abc import Iterator

from strongroom.kit.compact_graph import Compact, numbers, ways
from strongroom.model.graph import INTERNET, Graph, Way
from strongroom.model.kinds import Kind

_STARTS = (INTERNET, "principal", Kind.IDENTITY.value)


def found(graph: Graph) -> Iterator[Way]:
    """Each way once, jewel by jewel; those from the internet first, then sure ones, then short ones."""
    number = {n.id: k for k, n in enumerate(graph.nodes)}
    moving = [e for e in graph.edges if e.moves]
    src = numbers(number[e.src] for e in moving)
    dst = numbers(number[e.dst] for e in moving)
    compact = Compact(len(graph.nodes), src, dst, bytes(e.sure for e in moving))
    starts = [number[n.id] for n in graph.nodes if n.kind in _STARTS]
    for jewel in (n for n in graph.nodes if n.jewel):
        told = ways(compact, dst, starts, number[jewel.id])
        made = []
        for start, (hops, sure) in told.items():
            edges = tuple(moving[k] for k in hops)
            passed = (graph.nodes[number[e.dst]] for e in edges)
            weak = tuple(dict.fromkeys(w for n in passed for w in n.weak))
            made.append(Way(graph.nodes[start].id, jewel.id, edges, sure, weak))
        yield from sorted(made, key=lambda w: (w.start != INTERNET, not w.sure, len(w.hops), w.start))
