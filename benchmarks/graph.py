"""The shortest ways in a graph of a million nodes and ten million edges, from the internet and from every principal.

Goal: at most 60 s and 2 GB. Each node leads to ten others, most of them near it; a tenth of the hops is not sure; a thousand
principals ask about three jewels. The graph is made by numbers: building one from an estate is another benchmark's matter.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from array import array

from measure import save

SHAPES = {"10,000": 10_000, "100,000": 100_000, "1,000,000": 1_000_000}
EDGES, PRINCIPALS, JEWELS = 10, 1_000, 3
GOAL_S, GOAL_MIB = 60.0, 2048


def made(nodes: int) -> tuple["array[int]", "array[int]", bytes]:
    """Edges as three columns; the same for the same size."""
    pick = random.Random(nodes)
    src = array("i", (n for n in range(nodes) for _ in range(EDGES)))
    reach = max(10, nodes // 100)
    dst = array("i", ((n + pick.randrange(1, reach)) % nodes for n in src))
    return src, dst, bytes(pick.random() < 0.9 for _ in range(len(src)))


def one(nodes: int) -> None:
    """Answer one size in this process, and print what it took."""
    from strongroom.kit.compact_graph import Compact, ways  # noqa: PLC0415 - what is imported counts

    src, dst, sure = made(nodes)
    wall, cpu = time.perf_counter(), time.process_time()
    graph = Compact(nodes, src, dst, sure)
    starts = [0, *range(1, nodes, max(1, nodes // PRINCIPALS))]
    jewels = [nodes // 2 + k for k in range(JEWELS)]
    told = [ways(graph, dst, starts, jewel) for jewel in jewels]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({
        "wall_s": round(time.perf_counter() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2), "peak_mib": round(peak),
        "ways": sum(map(len, told)), "longest": max(len(h) for t in told for h, _ in t.values()),
    }))  # fmt: skip


def main() -> None:
    """Print one line a size, and write benchmarks/results/graph.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one)
        return
    rows: list[dict[str, object]] = []
    for shape in given.shapes:
        size = SHAPES[shape]
        ran = subprocess.run(
            [sys.executable, __file__, "--one", str(size)], check=True, capture_output=True, env=dict(os.environ)
        )
        spent = json.loads(ran.stdout)
        rows.append({"nodes": size, "edges": size * EDGES, "strongroom": spent})
        goal = f", goal {GOAL_S:.0f} s and {GOAL_MIB} MiB" if size == 1_000_000 else ""
        print(
            f"{shape:>9} nodes {spent['wall_s']:>6.2f} s {spent['peak_mib']:>5} MiB, {spent['ways']} ways, longest {spent['longest']}{goal}",
            flush=True,
        )
    print(f"written: {save('graph', rows)}")


if __name__ == "__main__":
    main()
