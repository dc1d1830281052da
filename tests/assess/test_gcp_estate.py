"""A real platform for AI on GKE: what its configuration shows of accelerators."""

from collections import Counter
from pathlib import Path

from iac import NOW

from strongroom.collect.sources.tf import COLLECTOR
from strongroom.model.kinds import Kind
from strongroom.model.ports import Request


def test_every_accelerator_pool_of_a_real_platform_is_listed(vectors: Path) -> None:
    """Each GPU pool is in the inventory with its model and its cards per node; pools of other machines carry none."""
    folder = str(vectors / "posture/estates/gke-aiml")
    estate = COLLECTOR.collect(Request(f"tf:{folder}", folder, NOW))
    pools = [a for a in estate.assets if a.kind == Kind.NODE_POOL]
    listed = Counter(
        (a.value("gpu.model"), a.value("gpu.count")) for a in pools if isinstance(a.value("gpu.model"), str)
    )
    assert listed == {("NVIDIA A100", 2): 8, ("NVIDIA H100", 8): 8, ("NVIDIA L4", 2): 8}
    assert {a.value("gpu.sharing") for a in pools if isinstance(a.value("gpu.model"), str)} == {"none"}
    assert [a.address for a in pools if "cpu" in a.address and "gpu.model" in a.facts] == []
