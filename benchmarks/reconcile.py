"""Put two sources together that name the same things.

Goal: 100,000 assets in at most 2 s CPU, linear, also when one name stands on every asset.
"""

import argparse
import time
from datetime import UTC, datetime

from measure import save

from strongroom.app.sources import join
from strongroom.model.estate import Asset, Estate, Fact, SourceRead
from strongroom.model.kinds import Kind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = (1_000, 10_000, 100_000)
SHARED = "dmi:7c4c4544-0044-4810-8057-b4c04f4e4d32"


def source(scheme: str, size: int, every: tuple[str, ...]) -> Estate:
    """A source of buckets with ten facts each; `every` are names that all of them carry."""
    spec = f"{scheme}:x"
    made = []
    for n in range(size):
        facts = {f"f{k}": Fact(f"f{k}", k % 2 == 0, None, spec) for k in range(10)}
        aliases = (f"arn:aws:s3:::bucket-{n}", f"bucket-{n}", *every)
        made.append(
            Asset(
                id=f"{scheme}:{n}",
                kind=Kind.BUCKET,
                native_type="t",
                address=f"b{n}",
                aliases=aliases,
                facts=facts,
                origin=spec,
            )
        )
    return Estate(tuple(made), (), (SourceRead(spec, scheme, spec, 1, 1, ()),), NOW)


def main() -> None:
    """Print one line a size and shape, and write benchmarks/results/reconcile.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    rows: list[dict[str, object]] = []
    for size in parser.parse_args().sizes:
        for shape, every in (("pairs", ()), ("one name on all", (SHARED,))):
            estates = [source(scheme, size // 2, every) for scheme in ("plan", "csv")]
            seconds = []
            for _ in range(3):
                start = time.process_time()
                found = join(estates, NOW)
                seconds.append(time.process_time() - start)
            row = {"assets": size, "shape": shape, "left": len(found.assets), "cpu_s": round(min(seconds), 3)}
            rows.append(row)
            print(f"{size:>9,}  {shape:<16} {min(seconds):>7.2f} s  {len(found.assets):>9,} left", flush=True)
    print(f"written: {save('reconcile', rows)}")


if __name__ == "__main__":
    main()
