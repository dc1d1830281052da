"""Runs for tests of history: one letter for each finding."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from strongroom.model.codes import Severity, Status
from strongroom.model.snapshot import StoredFinding
from strongroom.store.snapshots import Store

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = {"f": Status.FAIL, "p": Status.PASS, "u": Status.UNKNOWN, "a": Status.ACCEPTED, "n": Status.NOT_APPLICABLE}


def keep(where: object, day: int, letters: str, sources: Sequence[str] = ("tf:x",), control: str = "NET-01") -> str:
    """Keep a run of one finding a letter: fail, pass, unknown, accepted, not applicable, or `-` for none."""
    findings = [
        StoredFinding(f"{n:032}", "net.x", control, f"a{n}", f"x{n}", NAMES[c], Severity.HIGH, "")
        for n, c in enumerate(letters)
        if c != "-"
    ]
    with Store(str(where)) as store:
        return store.add(START + timedelta(days=day), sources, len(letters), findings).id
