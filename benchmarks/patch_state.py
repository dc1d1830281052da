"""Verdicts on the versions of 10,000 hosts, by a feed of the size of three years of one vendor's bulletins.

Goal: at most 5 seconds. Each host has a driver and a container toolkit, of many versions; the same question is not asked twice.
"""

import argparse
import sys
import time
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import save

from strongroom.assess.patch.judging import Judge
from strongroom.collect.feeds import csaf, products
from strongroom.model.advisory import Document, Feed, Installed

HOSTS, BULLETINS, GOAL = 10_000, 68, 5.0
BRANCHES = (535, 550, 570, 580, 595)


def feed() -> Feed:
    """As many rows as the bulletins of three years have."""
    made = []
    for n in range(BULLETINS):
        rows = [
            csaf.claim(
                f"CVE-2026-{1000 + n * 10 + v}",
                products.named(family, f"Linux(R{b})"),
                f"All driver versions prior to {b}.{100 + n}.01",
                [f"{b}.{100 + n}.01"],
            )
            for v in range(2)
            for family in ("Tesla", "GeForce")
            for b in BRANCHES
        ]
        rows += [
            csaf.claim(
                f"CVE-2026-{9000 + n}",
                products.named("NVIDIA Container Toolkit", "Linux"),
                f"All versions prior to 1.{n}.0",
                [f"1.{n}.0"],
            )
        ]
        made.append(Document(str(n), "b", f"20{23 + n // 24}-{1 + n % 12:02d}-01", f"sha256:{n:064x}", tuple(rows)))
    return Feed(tuple(made))


def main() -> None:
    """Run it, print it, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=HOSTS)
    hosts = parser.parse_args().hosts
    held = feed()
    rows = sum(len(d.claims) for d in held.documents)
    asked = [
        i
        for n in range(hosts)
        for i in (
            Installed("nvidia-driver", f"{BRANCHES[n % 5]}.{100 + n % 90}.{n % 7:02d}", family="tesla"),
            Installed("nvidia-container-toolkit", f"1.{n % 70}.{n % 11}"),
        )
    ]
    begun = time.process_time()
    judge = Judge(held, date(2026, 1, 1))
    found = [judge(i) for i in asked]
    seconds = time.process_time() - begun
    print(
        f"  {hosts} hosts, {len(found)} verdicts, {len(set(asked))} of them different, {rows} rows: {seconds:.2f} s CPU, goal {GOAL:g} s"
    )
    save(
        "patch_state",
        [
            {
                "what": f"{hosts} hosts by {rows} rows",
                "seconds": round(seconds, 3),
                "different": len(set(asked)),
                "goal_s": GOAL,
            }
        ],
    )


if __name__ == "__main__":
    main()
