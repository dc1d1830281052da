"""TEE-03: Fail closed when verification cannot be performed."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="TEE-03",
    title="Fail closed when verification cannot be performed",
    verb=Verb.ATTEST,
    domain="Confidential computing",
    area="confidential",
    phase=90,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="TEE 01",
    what="If verification cannot be performed, nothing is released.",
    why=(
        "The cheapest attack on an attestation gate is to keep it from working: block the collateral service, let a "
        "CRL expire, shift the clock, fill the log's disk. If the gate opens to keep training running, the attacker "
        "needs no forgery at all. Emergency access is the same hole with a friendlier name unless it takes two "
        "people and ends by itself."
    ),
    fix=(
        "Make denial the default return of the release path and give every outside dependency a timeout that ends in "
        "it; cache collateral with its own expiry so that a short outage does not become a reason to relax the rule. "
        "Then break the dependencies on purpose, one by one, on a schedule: verifier, collateral, clock, log, "
        "malformed and stale evidence. Build break-glass as a normal decision with two approvers, an expiry and a "
        "log entry."
    ),
    limits=(
        "Only a drill or a live probe can show this; configuration tells the intention. A drill proves the faults it "
        "injected, and those only for the software version that was running then."
    ),
    clauses=(
        Clause(
            id="TEE-03.fails-closed",
            text=(
                "With the verifier, collateral service, clock or log unreachable, or with evidence stale or "
                "malformed, 100% of release requests are denied within the timeout and logged."
            ),
            measured_by=("drill", "probe", "attest", "broker"),
        ),
        Clause(
            id="TEE-03.break-glass-bounded",
            text="There is no break-glass release without two approvers and an expiry.",
            measured_by=("ledger", "broker"),
        ),
    ),
    evidence="fault-injection drill run on schedule (kill verifier, expire CRL, skew clock); decision log",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-24", "SI-17", "CP-12", "AC-3(2)"),
        csa_aicm_domain=("CEK", "IAM"),
        csa_ccm_4_1=("CEK-19", "IAM-16"),
        rand_sl=("SL3-AC1", "SL5-MA1"),
        mitre_atlas=("AML.T0107",),
        mitre_attack=("T1562", "T1211"),
        owasp_aisvs=("4.1.3",),
    ),
)
