"""Shortest ways in graphs of millions of edges: numbers in arrays, walked backwards from where they end.

One walk from a jewel finds, for every node at once, the next hop towards it. Memory: 9 octets for each edge and 13 for each node.
"""

from array import array
from collections.abc import Iterable, Sequence

NOWHERE = -1


def numbers(found: Iterable[int]) -> "array[int]":
    """Numbers of nodes as they are kept: four octets each."""
    return array("i", found)


class Compact:
    """A graph of nodes 0 … n-1, in which each node knows the edges that lead *to* it."""

    def __init__(self, nodes: int, src: Sequence[int], dst: Sequence[int], sure: Sequence[int] | bytes) -> None:
        """Edge k leads from src[k] to dst[k]; sure[k] is 1 or 0. Edges of one node keep their order."""
        count = array("q", bytes(8 * (nodes + 1)))
        for d in dst:
            count[d + 1] += 1
        for n in range(nodes):
            count[n + 1] += count[n]
        place = count[:-1]
        into = array("i", bytes(4 * len(dst)))
        edge = array("i", bytes(4 * len(dst)))
        for k, d in enumerate(dst):
            at = place[d]
            into[at], edge[at] = src[k], k
            place[d] = at + 1
        self.nodes, self._first, self._from, self._edge = nodes, count, into, edge
        self._sure = bytes(sure)

    def towards(self, jewel: int, *, sure_only: bool) -> tuple["array[int]", "array[int]"]:
        """For each node the edge that is next on a shortest way to the jewel, and the way's length; NOWHERE where none leads."""
        after = array("i", [NOWHERE]) * self.nodes
        steps = array("i", [NOWHERE]) * self.nodes
        steps[jewel] = 0
        waiting, first, come_from, edge, sure = [jewel], self._first, self._from, self._edge, self._sure
        depth = 0
        while waiting:
            depth += 1
            coming: list[int] = []
            for node in waiting:
                for at in range(first[node], first[node + 1]):
                    other = come_from[at]
                    if steps[other] == NOWHERE and (not sure_only or sure[edge[at]]):
                        steps[other], after[other] = depth, edge[at]
                        coming.append(other)
            waiting = coming
        return after, steps


def ways(
    graph: Compact, dst: Sequence[int], starts: Iterable[int], jewel: int
) -> dict[int, tuple[tuple[int, ...], bool]]:
    """The edges of a shortest way from each start to the jewel, and whether all are sure; a sure way goes before a shorter one."""
    out: dict[int, tuple[tuple[int, ...], bool]] = {}
    left = [s for s in starts if s != jewel]
    for sure_only in (True, False):
        if not left:
            break
        after, steps = graph.towards(jewel, sure_only=sure_only)
        for start in left:
            if steps[start] != NOWHERE:
                out[start] = (_hops(after, dst, start, jewel), sure_only)
        left = [s for s in left if s not in out]
    return out


def _hops(after: "array[int]", dst: Sequence[int], start: int, jewel: int) -> tuple[int, ...]:
    hops = []
    here = start
    while here != jewel:
        hops.append(after[here])
        here = dst[after[here]]
    return tuple(hops)
