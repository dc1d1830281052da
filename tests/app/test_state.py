"""What changed between two runs."""

from pathlib import Path

import pytest
from test_snapshots import NOW

from strongroom.app.state import diff
from strongroom.model.codes import Severity, Status
from strongroom.model.snapshot import StoredFinding
from strongroom.store.snapshots import Store


def finding(status: Status, asset: str = "a", key: str = "1") -> StoredFinding:
    """A stored finding about an asset."""
    return StoredFinding(key, "net.x", "NET-01", asset, asset, status, Severity.HIGH, "")


F, P, U, N = Status.FAIL, Status.PASS, Status.UNKNOWN, Status.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ([finding(P)], [finding(F)], ["new"]),
        ([], [finding(F)], ["new"]),
        ([finding(U)], [finding(F)], ["new"]),
        ([finding(F)], [finding(F)], ["open"]),
        ([finding(F)], [finding(P)], ["fixed"]),
        ([finding(F)], [finding(N)], ["fixed"]),
        ([finding(F)], [finding(U)], ["lost-sight"]),
        ([finding(P)], [finding(U)], ["lost-sight"]),
        ([finding(U)], [finding(P)], ["back-in-sight"]),
        ([finding(F)], [], ["gone"]),
        ([finding(F)], [finding(P, key="2")], ["fixed"]),
        ([finding(P)], [finding(P)], []),
        ([finding(U)], [finding(U)], []),
    ],
)
def test_every_transition_has_its_word(
    tmp_path: Path, before: list[StoredFinding], after: list[StoredFinding], kinds: list[str]
) -> None:
    """A failing asset that vanished is gone and not fixed; an answer that became unknown is lost from sight."""
    path = str(tmp_path / "s.db")
    with Store(path) as store:
        a = store.add(NOW, [], 1, before)
        b = store.add(NOW, [], 1, after)
    _, _, changes = diff(path, a.id, b.id)
    assert [c.kind for c in changes] == kinds
