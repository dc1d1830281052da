"""A whole node: an SEV-SNP guest with eight GPUs, appraised as one and bound to one challenge and one key.

Goal: at most 60 ms of CPU. The nodes are minted under roots of the tests, each GPU with a chain, two manifests and the
answers about its certificates; no node is appraised twice. Manifests are warm, as they are in a fleet.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

from measure import save

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "attest")]

import composite_minting as minting  # noqa: E402 - the tests' own minting is what makes nodes

from strongroom.attest.compose import compose  # noqa: E402 - as above

GPUS = 8


def main() -> None:
    """Print the figures, and write benchmarks/results/attest_node.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=24, help="nodes to appraise [24]")
    options = parser.parse_args()
    rows = [
        row("8 GPUs and a guest, GPUs never seen before", fresh(options.nodes)),
        row("8 GPUs and a guest, GPUs seen before, a new challenge", again(options.nodes)),
    ]
    for r in rows:
        print(f"{r['what']:<58} {r['ms']:>7.1f} ms, slowest {r['slowest_ms']:.1f}  goal <= {r['goal_ms']} ms")
    print(f"written: {save('attest_node', rows)}")


def node(n: int, trees: tuple[int, ...]) -> minting.Node:
    """A node that answers a nonce of its own."""
    return minting.Node(
        runtime=minting.runtime(n.to_bytes(32, "big")), challenge=n.to_bytes(32, "big"), count=GPUS, trees=trees
    )


def fresh(count: int) -> list[float]:
    """Nodes whose GPUs were never seen; one before them warms the manifests."""
    return measured([node(n, tuple(range(1 + GPUS * n, 1 + GPUS * (n + 1)))) for n in range(count + 1)])


def again(count: int) -> list[float]:
    """One node's GPUs that answer challenge after challenge."""
    return measured([node(1000 + n, tuple(range(1, 1 + GPUS))) for n in range(count + 1)])


def measured(nodes: list[minting.Node]) -> list[float]:
    """Milliseconds of CPU of each verdict but the first, which warms what a fleet shares."""
    taken = []
    for made in nodes:
        inputs, verifiers = made.inputs(), made.verifiers()
        began = time.process_time()
        verdict = compose(made.verifier(), verifiers, inputs)
        taken.append(1000 * (time.process_time() - began))
        if not verdict.opens:
            raise SystemExit(f"a sound node was refused: {verdict.first_failure}")
    return taken[1:]


def row(what: str, taken: list[float]) -> dict[str, object]:
    """A row: the median, and the slowest."""
    return {"what": what, "ms": statistics.median(taken), "slowest_ms": max(taken), "goal_ms": 60}


if __name__ == "__main__":
    main()
