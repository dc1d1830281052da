"""The connectivity of recorded clusters, as another tool lists it (np-guard netpol-analyzer), line by line."""

from pathlib import Path

import pytest

from kubernetes_objects import NOW
from strongroom.app import reaching
from strongroom.model.estate import Gap


def expected(folder: Path) -> set[str]:
    """The lines of the whole connectivity; where only the exposure is recorded, it begins with them."""
    listed = folder / "expected_connlist.txt"
    text = listed.read_text(encoding="utf-8") if listed.exists() else ""
    if not listed.exists():
        text = (folder / "expected_exposure.txt").read_text(encoding="utf-8").partition("Exposure Analysis Result:")[0]
    return {line for line in text.splitlines() if line}


def test_every_recorded_cluster_is_answered_exactly(vectors: Path) -> None:
    """Not one line is missing, and not one is too many, for any of the recorded clusters."""
    folders = sorted(p for p in (vectors / "posture/netpol").iterdir() if (p / "in").is_dir())
    assert len(folders) >= 78
    wrong: dict[str, tuple[list[str], list[str]]] = {}
    gaps: dict[str, tuple[Gap, ...]] = {}
    for folder in folders:
        drawn = reaching.draw(reaching.Asked(f"k8s:{folder / 'in'}"), NOW)
        found, wanted = {line for line in drawn.lines("") if line}, expected(folder)
        if found != wanted:
            wrong[folder.name] = (sorted(wanted - found)[:3], sorted(found - wanted)[:3])
        if drawn.gaps:
            gaps[folder.name] = drawn.gaps
    assert wrong == {}
    assert gaps == {}


@pytest.mark.parametrize("name", ["multiple_topology_resources_2", "anp_test_multiple_anps", "nad_test_14"])
def test_every_connection_has_its_witness(vectors: Path, name: str) -> None:
    """As connections a cluster is told with the same ends as in lines, and each says what decided."""
    folder = vectors / "posture/netpol" / name / "in"
    drawn = reaching.draw(reaching.Asked(f"k8s:{folder}"), NOW)
    connections = list(drawn.connections(""))
    ends = {(c.src, c.dst) for c in connections}
    assert ends == {tuple(line.split(" : ")[0].split(" => ")) for line in drawn.lines("") if " => " in line}
    assert [c for c in connections if not c.witness] == []
