"""Appraisals a second on one core, endorsements warm, no network, each beside the limit of this machine in the same run.

Goals: SNP at least 0.8 times one P-384 verification; TDX at least 0.8 times dcap-qvl; Nitro at least 300 a second.
The evidence is recorded (the folder of vectors beside the checkout). The policy and the challenge are such that every
step is checked, so that nothing is saved by leaving a step out.
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from measure import save

from strongroom.app.evidence import recognise, verifier_of
from strongroom.attest.appraise import appraise
from strongroom.attest.policy import Policy, SnpPolicy, SnpTcb, TdxPolicy
from strongroom.attest.verifier import Inputs
from strongroom.kit import endorsement_text
from strongroom.kit.x509 import chains, signing
from strongroom.model.attest import Endorsements, Evidence, Reference, ReferenceValues

VECTORS = Path(__file__).parent.parent / "../shared/vectors/attest"
Row = dict[str, object]


def main() -> None:
    """Print the figures, and write benchmarks/results/attest.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of CPU for each side, three times; the best counts")
    options = parser.parse_args()
    if not VECTORS.is_dir():
        raise SystemExit(f"no folder {VECTORS}: this benchmark appraises recorded evidence")
    rows = [*snp(options.seconds), *tdx(options.seconds), *nitro(options.seconds)]
    for r in rows:
        goal = f"  goal {r['goal']}" if "goal" in r else ""
        ratio = f"  {r['ratio']:.2f} of {r['of']}" if "ratio" in r else ""
        print(f"{r['what']:<42} {r['per_second']:>10,.0f}/s{ratio}{goal}")
    print(f"written: {save('attest', rows)}")


def rate(work: Callable[[], object], seconds: float) -> float:
    """The best of three rates, by CPU time."""
    work()
    best = 0.0
    for _ in range(3):
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds:
            work()
            count += 1
        best = max(best, count / spent)
    return best


def single_verify(curve: ec.EllipticCurve, algorithm: hashes.HashAlgorithm, seconds: float) -> float:
    """One ECDSA verification with a key that is loaded: what no verifier of such a signature can be faster than."""
    key = ec.generate_private_key(curve)
    how, data = ec.ECDSA(algorithm), bytes(672)
    signature, public = key.sign(data, how), key.public_key()
    return rate(lambda: public.verify(signature, data, how), seconds)


def endorsements(*names: str) -> Endorsements:
    """What files of the vectors say."""
    found = Endorsements()
    for name in names:
        found += endorsement_text.read((VECTORS / name).read_bytes(), name)
    return found


def case(name: str, given: Endorsements, policy: Policy, now: datetime) -> tuple[Inputs, int]:
    """Evidence with its own challenge and measurements as the reference, so that these steps run; and steps checked."""
    verifier, octets = recognise((VECTORS / name).read_bytes(), name)
    bare = Inputs(Evidence(verifier.kind, verifier.read(octets)), given, ReferenceValues(), policy, now)
    claims = appraise(verifier, bare).claims
    measured = claims["measurements"]
    assert isinstance(measured, dict)
    challenge = bytes.fromhex(str(claims.get("report_data") or claims.get("nonce") or ""))
    reference = Reference(
        verifier.kind, "the same", {n: (str(measured[n]),) for n in verifier.registers if measured.get(n)}
    )
    evidence = Evidence(verifier.kind, bare.evidence.parts, challenge)
    inputs = Inputs(evidence, given, ReferenceValues((reference,)), policy, now)
    done = appraise(verifier, inputs)
    failed = [s.id for s in done.steps if s.verdict.value == "fail"]
    assert not failed, failed
    return inputs, sum(s.verdict.value == "pass" for s in done.steps)


def snp(seconds: float) -> list[Row]:
    """An SEV-SNP report of Milan, the chain warm."""
    policy = Policy(snp=SnpPolicy(smt=True, min_tcb={"Milan": SnpTcb(bootloader=3)}))
    given = endorsements("snp/milan_v3_oak.vcek.der", "snp/milan_ask_ark_asvk.pem")
    inputs, steps = case("snp/milan_v3_oak.report.bin", given, policy, datetime(2025, 6, 1, tzinfo=UTC))
    verifier = verifier_of(inputs.evidence.kind)
    limit = single_verify(ec.SECP384R1(), hashes.SHA384(), seconds)
    ours = rate(lambda: appraise(verifier, inputs), seconds)
    return [
        {"what": "one P-384 verification", "per_second": limit},
        {
            "what": f"SNP, {steps} steps passed",
            "per_second": ours,
            "ratio": ours / limit,
            "of": "one verification",
            "goal": ">= 0.8",
        },
    ]


def tdx(seconds: float) -> list[Row]:
    """A TDX quote with its collateral, beside dcap-qvl where it is installed."""
    policy = Policy(tdx=TdxPolicy(smt=True))
    name, now = "dcap/tdx_v4_uptodate", datetime(2025, 7, 1, tzinfo=UTC)
    inputs, steps = case(f"{name}.quote", endorsements(f"{name}.collateral.json"), policy, now)
    verifier = verifier_of(inputs.evidence.kind)
    ours = rate(lambda: appraise(verifier, inputs), seconds)
    row: Row = {"what": f"TDX, {steps} steps passed", "per_second": ours}
    try:
        import dcap_qvl  # noqa: PLC0415 - a peer, and only here
    except ImportError:
        return [row]
    quote = (VECTORS / f"{name}.quote").read_bytes()
    collateral = dcap_qvl.QuoteCollateralV3.from_json((VECTORS / f"{name}.collateral.json").read_text())
    moment = int(now.timestamp())
    peer = rate(lambda: dcap_qvl.verify(quote, collateral, moment), seconds)
    return [
        {"what": "dcap-qvl, the same quote", "per_second": peer},
        {**row, "ratio": ours / peer, "of": "dcap-qvl", "goal": ">= 0.8"},
    ]


def nitro(seconds: float) -> list[Row]:
    """Nitro documents: recorded ones again and again, and minted ones of which each has a leaf that was never seen.

    The certificates of region, zone and instance are shared by a fleet, and so warm; the leaf and the document are not.
    """
    name, now = "nitro/nitro_2022-10-13.cose", datetime(2022, 10, 13, 9, tzinfo=UTC)
    inputs, steps = case(name, Endorsements(), Policy(), now)
    verifier = verifier_of(inputs.evidence.kind)
    limit = single_verify(ec.SECP384R1(), hashes.SHA384(), seconds)

    def cold() -> None:
        signing._verified.cache_clear()  # noqa: SLF001 - what the first document of a region would not find there
        chains._chain.cache_clear()  # noqa: SLF001 - same
        appraise(verifier, inputs)

    fresh = rate_of_each(new_leaves(600))
    return [
        {
            "what": "Nitro, leaf never seen",
            "per_second": fresh,
            "goal": ">= 300/s",
            "ratio": fresh / limit,
            "of": "limit",
        },
        {"what": f"Nitro, {steps} steps, no certificate ever seen", "per_second": rate(cold, seconds)},
        {"what": "Nitro, the same document again", "per_second": rate(lambda: appraise(verifier, inputs), seconds)},
    ]


def new_leaves(count: int) -> list[Callable[[], object]]:
    """Appraisals of documents that differ in their leaf's key, under a root of the tests."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests/attest"))
    import minted_x509  # noqa: PLC0415 - the tests mint their evidence there
    import nitro_minting  # noqa: PLC0415 - same

    found: list[Callable[[], object]] = []
    for number in range(count):
        vendor = nitro_minting.Vendor()
        leaf = vendor.leaf(key=minted_x509.ec_key(10_000 + number))
        minted = nitro_minting.Minted(vendor, signer=leaf.key).saying(certificate=vendor.certificate(leaf))
        verifier, inputs = minted.verifier(), minted.inputs()
        if not number:
            assert appraise(verifier, inputs).opens  # and the certificates that a fleet shares are warm
        found.append(lambda v=verifier, i=inputs: appraise(v, i))  # type: ignore[misc] # defaults bind the two
    return found


def rate_of_each(works: list[Callable[[], object]]) -> float:
    """The rate over works that are each done once."""
    start = time.process_time()
    for work in works:
        work()
    return len(works) / (time.process_time() - start)


if __name__ == "__main__":
    main()
