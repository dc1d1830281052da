"""Sets of whole numbers as intervals: ports, addresses. A set is sorted, and no two of its intervals overlap or touch.

Written so, two sets are equal exactly where their values are, and every operation is one walk over both.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

Interval = tuple[int, int]
"""First and last number, both within."""
Intervals = tuple[Interval, ...]

EMPTY: Intervals = ()


def of(pairs: Iterable[Interval]) -> Intervals:
    """The set of intervals in any order, which may overlap; one that ends before it begins is empty."""
    out: list[Interval] = []
    for low, high in sorted(p for p in pairs if p[0] <= p[1]):
        if out and low <= out[-1][1] + 1:
            if high > out[-1][1]:
                out[-1] = (out[-1][0], high)
        else:
            out.append((low, high))
    return tuple(out)


def union(a: Intervals, b: Intervals) -> Intervals:
    """What is in one or the other."""
    if not a or a == b:
        return b
    return of((*a, *b)) if b else a


def intersect(a: Intervals, b: Intervals) -> Intervals:
    """What is in both."""
    if a == b:
        return a
    out, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        low, high = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if low <= high:
            out.append((low, high))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(out)


def subtract(a: Intervals, b: Intervals) -> Intervals:
    """What is in the first and not in the second."""
    out, j = [], 0
    for low, high in a:
        while j < len(b) and b[j][1] < low:
            j += 1
        at, k = low, j
        while k < len(b) and b[k][0] <= high:
            if at < b[k][0]:
                out.append((at, b[k][0] - 1))
            at = b[k][1] + 1
            k += 1
        if at <= high:
            out.append((at, high))
    return tuple(out)


def contains(a: Intervals, value: int) -> bool:
    """Whether a number is in the set."""
    at = bisect_right(a, (value, value)) - 1
    if at >= 0 and a[at][1] >= value:
        return True
    return at + 1 < len(a) and a[at + 1][0] == value


def cuts(a: Intervals) -> Iterator[int]:
    """Where membership changes: the first number of each interval and the first after it."""
    for low, high in a:
        yield low
        yield high + 1


def atoms(universe: Interval, sets: Iterable[Intervals]) -> tuple[Interval, ...]:
    """The universe cut wherever one of the sets begins or ends: within one piece, every set holds all or nothing."""
    first, last = universe
    at = sorted({c for s in sets for c in cuts(s) if first < c <= last} | {first})
    return tuple(zip(at, [*(c - 1 for c in at[1:]), last], strict=True))


def text(a: Intervals) -> str:
    """The set as people write it: `80,443,8000-8010`."""
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in a)
