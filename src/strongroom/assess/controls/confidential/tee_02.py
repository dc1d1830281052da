"""TEE-02: Full evidence appraisal (measurements, SVN, policy, freshness)."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="TEE-02",
    title="Full evidence appraisal (measurements, SVN, policy, freshness)",
    verb=Verb.ATTEST,
    domain="Confidential computing",
    area="confidential",
    phase=90,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="TEE 01",
    what=(
        "Running in a confidential VM is not a checkbox: measurements, security version numbers and policy are "
        "verified, on genuine hardware."
    ),
    why=(
        "A report with a valid signature proves only that some AMD, Intel or NVIDIA part signed it. It may come from "
        "a revoked chip, from firmware with a public key-extraction exploit, from a guest started with debugging "
        "allowed, or be last month's report replayed. Verifiers in the field have shipped with revocation off by "
        "default, warnings where refusals belong, and comparisons that can never be true; each skipped field is a "
        "path for an attacker who owns the host. Hence the demand for a failing vector per field: a check that has "
        "never refused anything is unproven."
    ),
    fix=(
        "Appraise with an explicit step for each field and let every step that could not run make the verdict "
        "incomplete instead of green. Publish reference measurements from the build pipeline as signed statements, "
        "set minimum TCB versions from the vendor's advisories, and issue nonces in the verifier itself. For each "
        "step keep one forged or altered piece of evidence, and run all of them in continuous integration."
    ),
    limits=(
        "Appraisal establishes what was launched, not what the software does afterwards: a vulnerability in a "
        "measured image attests perfectly. The vectors show that our steps can fail, not that the list of steps is "
        "complete."
    ),
    clauses=(
        Clause(
            id="TEE-02.full-appraisal",
            text=(
                "The verifier checks the vendor root and CRL chain, the report signature, nonce and freshness, the "
                "launch measurement against signed reference values, TCB and SVN against the policy's minimum, that "
                "debug is off, and the guest policy bits."
            ),
            measured_by=("attest",),
        ),
        Clause(
            id="TEE-02.failing-vectors",
            text="Each field that the verifier checks has a test vector that fails on it.",
            measured_by=("drill",),
        ),
    ),
    evidence="verifier decision records (EAR/AR4SI), reference-value store (CoRIM), TCB info collateral age",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SI-7(6)", "SI-7(9)", "SI-7(10)", "SR-4(3)", "SR-11", "IA-3(4)"),
        csa_aicm_domain=("I&S", "CCC", "STA"),
        csa_ccm_4_1=("I&S-04", "CCC-07"),
        rand_sl=("SL4-TU1", "SL3-MO5"),
        mitre_atlas=("AML.T0010.000", "AML.T0018.002"),
        mitre_attack=("T1542", "T1195.003", "T1601"),
        owasp_aisvs=("4.1.3", "4.2.2"),
    ),
)
