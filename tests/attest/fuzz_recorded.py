"""Evidence of real machines, where it lies beside the checkout."""

from pathlib import Path

_RECORDED = Path(__file__).parents[2] / "../shared/vectors/attest"


def recorded(*patterns: str) -> tuple[bytes, ...]:
    """Evidence of real machines, where it lies beside the checkout: more seeds, up to 64 KiB each."""
    found = sorted(p for pattern in patterns for p in _RECORDED.glob(pattern))
    return tuple(p.read_bytes()[: 1 << 16] for p in found)
