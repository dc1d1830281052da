"""Wrapping and unwrapping by each key back end that can run here: a second, one after the other, behind a gate and a log.

The receipt of each unwrapping is made beforehand and verified each time, as in the broker.
"""

import sys
import tempfile
import time
from pathlib import Path

import pytest
from measure import save

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests/keys")]

import bao_case  # noqa: E402 - the tests' own servers and tokens
import file_case  # noqa: E402 - the same
import pkcs11_case  # noqa: E402 - the same
from key_harness import NOW, OWNERS, RESOURCE, Case, Scene, scene  # noqa: E402 - the same

from strongroom.model.release import Secret  # noqa: E402 - the same

CASES = (file_case.CASE, *pkcs11_case.CASES, bao_case.REAL)
SECONDS = 2.0


def rate(work: object, seconds: float = SECONDS) -> tuple[float, float]:
    """Times a second, and CPU milliseconds of this process for each."""
    assert callable(work)
    work()
    count, begun, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begun < seconds:
        work()
        count += 1
    return count / (time.perf_counter() - begun), (time.process_time() - cpu) / count * 1000


def measure(made: Scene) -> dict[str, float]:
    """Both ways, for a secret of 32 octets."""
    receipt = made.receipt()
    wraps, wrap_cpu = rate(lambda: made.keys.wrap(Secret(bytes(32)), RESOURCE, 1, OWNERS))
    unwraps, unwrap_cpu = rate(lambda: made.keys.unwrap(receipt, made.wrapped, NOW))
    gate, _ = rate(lambda: made.gate.opened(receipt, RESOURCE, NOW))
    return {
        "wraps_per_s": round(wraps),
        "unwraps_per_s": round(unwraps),
        "wrap_cpu_ms": round(wrap_cpu, 3),
        "unwrap_cpu_ms": round(unwrap_cpu, 3),
        "gate_per_s": round(gate),
    }


def run(case: Case) -> dict[str, float] | str:
    """The figures of a back end, or why it cannot run here."""
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            pytest.MonkeyPatch.context() as patch,
            scene(case, Path(folder), patch) as made,
        ):
            return measure(made)
    except pytest.skip.Exception as e:
        return str(e)


if __name__ == "__main__":
    rows: list[dict[str, object]] = []
    for case in CASES:
        found = run(case)
        rows.append({"back_end": case.name, **(found if isinstance(found, dict) else {"not_run": found})})
        print(rows[-1])
    print(f"written: {save('keys', rows)}")
