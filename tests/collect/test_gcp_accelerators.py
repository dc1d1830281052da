"""The accelerators behind Google Cloud's machine and accelerator types."""

import pytest

from strongroom.collect.tables._gcp_accelerators import Accelerators, by_machine, spoken
from strongroom.collect.tables.gcp_ai import chips
from strongroom.model.values import Unknown


@pytest.mark.parametrize(
    ("machine", "model", "count"),
    [
        ("a2-highgpu-1g", "NVIDIA A100", 1),
        ("a2-megagpu-16g", "NVIDIA A100", 16),
        ("a3-highgpu-8g", "NVIDIA H100", 8),
        ("a3-megagpu-8g", "NVIDIA H100", 8),
        ("a3-ultragpu-8g", "NVIDIA H200", 8),
        ("a4-highgpu-8g", "NVIDIA B200", 8),
        ("a4x-highgpu-4g", "NVIDIA GB200", 4),
        ("g2-standard-4", "NVIDIA L4", 1),
        ("g2-standard-96", "NVIDIA L4", 8),
        ("g4-standard-384", "NVIDIA RTX PRO 6000", 8),
        ("ct5lp-hightpu-4t", "Google TPU v5e", 4),
        ("ct6e-standard-8t", "Google TPU v6e", 8),
        ("zones/us-central1-a/machineTypes/a3-highgpu-1g", "NVIDIA H100", 1),
    ],
)
def test_machines_carry_accelerators_by_name(machine: str, model: str, count: int) -> None:
    """An accelerator-optimised machine type says which cards it has and how many."""
    assert by_machine(machine) == Accelerators(model, count)


@pytest.mark.parametrize("machine", ["n1-standard-4", "e2-medium", "c3-standard-8", "n2d-highmem-2", ""])
def test_other_machines_carry_none(machine: str) -> None:
    """A machine of another family has no accelerator of its own."""
    assert by_machine(machine) is None


def test_an_accelerator_machine_that_is_not_listed_is_not_known() -> None:
    """A new size of an accelerator family is an accelerator machine, though nobody knows which."""
    found = by_machine("a9-futuregpu-8g")
    assert found is not None
    assert isinstance(found.model, Unknown)
    assert isinstance(found.count, Unknown)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nvidia-h100-80gb", "NVIDIA H100"),
        ("nvidia-h100-mega-80gb", "NVIDIA H100"),
        ("nvidia-tesla-a100", "NVIDIA A100"),
        ("nvidia-a100-80gb", "NVIDIA A100"),
        ("NVIDIA_TESLA_T4", "NVIDIA T4"),
        ("NVIDIA_H200_141GB", "NVIDIA H200"),
        ("nvidia-l4", "NVIDIA L4"),
        ("nvidia-rtx-pro-6000", "NVIDIA RTX PRO 6000"),
        ("projects/p/zones/z/acceleratorTypes/nvidia-b200", "NVIDIA B200"),
        ("v5litepod-16", "Google TPU v5e"),
        ("v5p-8", "Google TPU v5p"),
        ("V4", "Google TPU v4"),
        ("something-else", "something-else"),
    ],
)
def test_accelerators_have_one_name(kind: str, said: str) -> None:
    """However an API spells it, a card is called as its maker calls it."""
    assert spoken(kind) == said


@pytest.mark.parametrize(
    ("kind", "count"), [("v2-8", 4), ("v4-32", 16), ("v5p-8", 4), ("v5litepod-16", 16), ("v6e-4", 4)]
)
def test_slices_are_counted_in_chips(kind: str, count: float) -> None:
    """Older TPU types count cores, two to a chip; newer ones count chips."""
    assert chips(kind) == count
