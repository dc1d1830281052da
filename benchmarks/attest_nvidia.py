"""GPU appraisals a second on one core: report, chain and both manifests, beside nv-local-gpu-verifier in the same run.

Goal: at least 100 a second. The peer is the interpreter of an environment that has nv-local-gpu-verifier 2.7.3, named by
$NV_LOCAL_GPU_VERIFIER; without it the row is left out, with the reason. A fleet shares its manifests, so ours are warm, but
for the row that says otherwise; the peer keeps nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from measure import save

from attest import VECTORS, endorsements, rate, rate_of_each
from strongroom.app.evidence import recognise
from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy
from strongroom.attest.tee import _nvidia_report, _nvidia_rim
from strongroom.attest.verifier import Inputs
from strongroom.kit import ocsp, xmldsig
from strongroom.kit.x509 import chains, signing
from strongroom.model.attest import Evidence, ReferenceValues

Row = dict[str, object]
CHALLENGE = bytes.fromhex("931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb")
REPORT, CHAIN = "nvidia/hopper_550.90.07.report.hex", "nvidia/hopper_550.90.07.chain.pem"
RIMS = ("nvidia/NV_GPU_DRIVER_GH100_550.90.07.rim.xml", "nvidia/NV_GPU_VBIOS_1010_0200_882_96009F0001.rim.xml")
# The peer is measured without its requests for certificate status, so these are left out here too.
LEFT = dict.fromkeys(("nvidia.ocsp", "nvidia.rim_ocsp", "nvidia.dev_tools"), "the peer is measured without")
PEER = "NV_LOCAL_GPU_VERIFIER"


def main() -> None:
    """Print the figures, and write benchmarks/results/attest_nvidia.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of CPU for each side, three times; the best counts")
    options = parser.parse_args()
    if not VECTORS.is_dir():
        raise SystemExit(f"no folder {VECTORS}: this benchmark appraises recorded evidence")
    rows = [*gpus(options.seconds), *peer(options.seconds)]
    ours, theirs = rows[1]["per_second"], rows[-1].get("per_second")
    if isinstance(ours, float) and isinstance(theirs, float):
        rows[1]["ratio"] = ours / theirs
    for r in rows:
        ratio = f"  {r['ratio']:.1f} of nv-local-gpu-verifier" if "ratio" in r else ""
        print(f"{r['what']:<58} {r.get('per_second', 0):>8,.0f}/s{ratio}  {r.get('goal', r.get('reason', ''))}")
    print(f"written: {save('attest_nvidia', rows)}")


def gpus(seconds: float) -> list[Row]:
    """A recorded Hopper GPU with nothing known of it before, and minted ones that were never seen, manifests warm."""
    verifier, octets = recognise((VECTORS / REPORT).read_bytes(), REPORT)
    evidence = Evidence(verifier.kind, verifier.read(octets), CHALLENGE)
    at = datetime(2025, 8, 21, 12, tzinfo=UTC)
    inputs = Inputs(evidence, endorsements(CHAIN, *RIMS), ReferenceValues(), Policy(unchecked=LEFT), at)
    done = appraise(verifier, inputs)
    if not done.opens:
        raise SystemExit(f"refused: {done.first_failure}")
    steps = sum(s.verdict.value == "pass" for s in done.steps)
    cold = (signing._verified, chains._chain, xmldsig.read, xmldsig.verified)  # noqa: SLF001 - what a first one lacks
    cold += (_nvidia_rim.parse, _nvidia_report.parse, ocsp.parse)

    def first() -> None:
        for kept in cold:
            getattr(kept, "cache_clear", lambda: None)()
        appraise(verifier, inputs)

    minted = rate_of_each(never_seen(400))
    return [
        {"what": f"GPU, {steps} steps, nothing ever seen, manifests too", "per_second": rate(first, seconds)},
        {"what": "GPU never seen before, manifests warm", "per_second": minted, "goal": ">= 100/s"},
        {"what": "GPU, the same report again", "per_second": rate(lambda: appraise(verifier, inputs), seconds)},
    ]


def never_seen(count: int) -> list[Callable[[], object]]:
    """Appraisals of GPUs that differ in leaf and chip, each with every answer about its chain, under roots of the tests."""
    with _tests():
        import nvidia_minting as mint  # noqa: PLC0415 - the tests mint their evidence there

        def one(number: int) -> Callable[[], object]:
            case = mint.Minted(gpus=(mint.Gpu(tree=mint.device(1000 + number)),))
            inputs, verifier = case.inputs(), case.verifier()
            return lambda: appraise(verifier, inputs)

        return [one(number) for number in range(count)]


@contextmanager
def _tests() -> Iterator[None]:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests/attest"))
    try:
        yield
    finally:
        sys.path.pop(0)


def peer(seconds: float) -> list[Row]:
    """nv-local-gpu-verifier on the recorded GPU."""
    what, python = "nv-local-gpu-verifier 2.7.3, the recorded GPU", os.environ.get(PEER)
    if not python:
        return [{"what": what, "reason": f"not run: ${PEER} names no interpreter that has it"}]
    files = [str((VECTORS / name).resolve()) for name in (REPORT, CHAIN, *RIMS)]
    script = str(Path(__file__).resolve().with_name("_nvidia_peer.py"))
    with tempfile.TemporaryDirectory() as scratch:  # it writes a log to where it runs
        argv = [python, script, str(seconds), *files]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=scratch)
    if done.returncode:
        return [
            {"what": what, "reason": f"not run: {done.stderr.strip().splitlines()[-1][:200] if done.stderr else ''}"}
        ]
    return [{"what": what, **json.loads(done.stdout.splitlines()[-1])}]


if __name__ == "__main__":
    main()
