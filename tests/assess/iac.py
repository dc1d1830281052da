"""What the tests of Terraform checks share: the verdict of every check over a text of configuration."""

import tempfile
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import findings
from strongroom.collect.sources.tf import COLLECTOR
from strongroom.model.estate import Asset
from strongroom.model.ports import Request

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
UNKNOWN = 'variable "x" {}\n'
"""A variable without a value; what it sets is not known."""


@lru_cache(maxsize=64)
def assets(hcl: str) -> dict[str, Asset]:
    """The assets of a text of configuration, by address. Read once, however many tests ask."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.tf").write_text(hcl, encoding="utf-8")
        estate = COLLECTOR.collect(Request(f"tf:{folder}", folder, NOW))
    assert estate.gaps == ()
    return {a.address: a for a in estate.assets}


@lru_cache(maxsize=64)
def verdicts(hcl: str) -> dict[tuple[str, str], str]:
    """The status of every check on every resource, by check id and address."""
    found = assets(hcl)
    by_id = {a.id: a.address for a in found.values()}
    judged = findings(found.values(), catalogue().checks.values(), NOW)
    return {(f.check, by_id[f.asset]): f.status.value for f in judged}


def table(text: str) -> list[tuple[str, str, str]]:
    """Rows of `check address status`, as tests write them; `-` as status means that the check is not asked."""
    return [(row[0], row[1], row[2]) for line in text.strip().splitlines() if (row := line.split())]


def verdict(hcl: str, check: str, address: str) -> str:
    """One status, or `-` when the check is not asked of the resource. An address or check that is not there fails."""
    assert address in assets(hcl), address
    assert check in catalogue().checks, check
    return verdicts(hcl).get((check, address), "-")
