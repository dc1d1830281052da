"""Write reports of many findings: CPU time and size of each format, and what it costs to take the names out.

Goal: the HTML of 10,000 findings in at most 3 s and 5 MB, however different they are. `alike` is a generated plan, in
which much can be said together; in `unlike` every check of the catalogue fails on assets with long names, each for a
reason of its own, so that nothing can.
"""

import argparse
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from time import process_time

import msgspec
from generate import plan
from measure import save

from strongroom.app.assess import assess
from strongroom.app.catalogue import catalogue, reports
from strongroom.app.redacting import ours
from strongroom.assess.redaction import Names, redact
from strongroom.kit.fingerprint import fingerprint
from strongroom.model.codes import FindingCode, Status
from strongroom.model.control import Assessment, Finding
from strongroom.model.estate import Asset, Fact
from strongroom.model.kinds import Kind
from strongroom.model.ports import Limits
from strongroom.model.values import Where
from strongroom.plan.ninety_days import plan as tasks_of

AT = datetime(2026, 3, 1, tzinfo=UTC)
FINDINGS = 10_000
A_RESOURCE = 4.8  # findings of a resource of the generated plan, about
LONG = "module.a_rather_long_name_of_a_module.aws_s3_bucket.and_a_long_name_of_a_bucket"


def main() -> None:
    """Print one line a format, and write benchmarks/results/reports.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=FINDINGS)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    print(f"{'estate':>7} {'findings':>9} {'':>11} {'CPU':>8} {'size':>10}")
    for name, make in (("alike", alike), ("unlike", unlike)):
        found = make(options.findings)
        rows.extend(of(name, found))
    print(f"written: {save('reports', rows)}")


def alike(findings: int) -> Assessment:
    """The first findings of a generated plan."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "plan.json"
        plan(round(findings / A_RESOURCE) + 50, file)
        found = assess([f"plan:{file}"], AT, Limits(wall_seconds=300))
    return first(found, found.findings[:findings])


def first(found: Assessment, findings: tuple[Finding, ...]) -> Assessment:
    """The same with these findings, and the tasks that they make."""
    found.findings = findings
    found.tasks = tasks_of(found.findings, catalogue())
    return found


def unlike(findings: int) -> Assessment:
    """As many failures of all checks in turn, each on an asset of its own with evidence of its own."""
    base = alike(10)
    checks = list(islice(cycle(catalogue().checks.values()), findings))
    assets = tuple(asset(n) for n in range(findings))
    base.assets = assets
    return first(
        base,
        tuple(
            Finding(
                check=c.id,
                control=c.control,
                asset=a.id,
                status=Status.FAIL,
                code=FindingCode.BROKEN,
                severity=c.severity,
                arguments=tuple((name, f"{LONG} {n}") for name in ("key", "name", "what", "who", "which")),
                facts=tuple(a.facts.values()),
                fingerprint=fingerprint(c.id, a.id),
                where=a.where,
            )
            for n, (c, a) in enumerate(zip(checks, assets, strict=True))
        ),
    )


def asset(n: int) -> Asset:
    """A bucket with a long name and two facts."""
    where = Where(f"modules/team-{n % 97}/main.tf", n + 1, n + 20)
    facts = {name: Fact(name, f"{LONG}.{name}.{n}", where) for name in ("tls.min", "cc.tech")}
    return Asset(
        id=f"b{n}",
        kind=Kind.BUCKET,
        native_type="aws_s3_bucket",
        address=f"{LONG}[{n}]",
        provider="aws",
        facts=facts,
        where=where,
        origin="tf:x",
    )


def of(name: str, found: Assessment) -> list[dict[str, object]]:
    """Every format of one assessment, and the redaction of it."""
    known = catalogue()
    rows: list[dict[str, object]] = []
    for word, report in sorted(reports().items()):
        seconds, size = measured(lambda r=report: sum(len(p.encode()) for p in r.render(found, known)))  # type: ignore[misc]
        rows.append({"estate": name, "findings": len(found.findings), "what": word, "cpu_s": seconds, "bytes": size})
    seconds, _ = measured(lambda: len(redact(msgspec.structs.replace(found), known, ours(), Names(b"k" * 32))))
    rows.append({"estate": name, "findings": len(found.findings), "what": "redaction", "cpu_s": seconds})
    for row in rows:
        shown = f"{row['bytes']:>10,}" if "bytes" in row else ""
        print(f"{name:>7} {len(found.findings):>9,} {row['what']:>11} {row['cpu_s']:>6.2f} s {shown}", flush=True)
    return rows


def measured(work: Callable[[], int]) -> tuple[float, int]:
    """The cheapest of three runs in CPU seconds, and what the work answers."""
    costs = []
    for _ in range(3):
        began = process_time()
        answer = work()
        costs.append(process_time() - began)
    return round(min(costs), 3), answer


if __name__ == "__main__":
    main()
