"""LOG-02: Tamper-evident log of every security decision."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="LOG-02",
    title="Tamper-evident log of every security decision",
    verb=Verb.LOG,
    domain="Audit",
    area="audit",
    phase=90,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="Cloud 03; closing rule",
    what="Log what must be provable later.",
    why=(
        "An ordinary log convinces only those who trust its operator, and after an incident the operator is the "
        "party in question. If a key release or an exception can be removed or inserted afterwards, no customer, "
        "auditor or court can rely on the rest. A Merkle log with witnesses makes rewriting detectable by outsiders, "
        "and a decision that is logged before it takes effect cannot have happened in silence."
    ),
    fix=(
        "Route every key release, denial, scrub, policy change, exception, promotion and drill through one append "
        "path that acknowledges only after the entry is durable. Publish a signed checkpoint each minute and have at "
        "least two witnesses cosign it who share neither administrators nor infrastructure with the log. Verify "
        "inclusion and consistency offline with a second implementation, and kill the process at random points in a "
        "test that counts acknowledged entries."
    ),
    limits=(
        "The log proves that an entry has not changed since it was made, not that it was true, and it cannot show an "
        "action that bypassed it. Independence of witnesses is an organisational fact that the signatures do not "
        "reveal."
    ),
    clauses=(
        Clause(
            id="LOG-02.all-decisions-logged",
            text=(
                "Every key release, denial, scrub, policy change, exception, model promotion and drill is an entry "
                "in a C2SP tlog-tiles log."
            ),
            measured_by=("ledger",),
        ),
        Clause(
            id="LOG-02.checkpoint-fresh",
            text="The signed checkpoint is at most 60 seconds old.",
            measured_by=("ledger",),
        ),
        Clause(
            id="LOG-02.witnesses",
            text="The checkpoint carries at least 2 independent witness cosignatures.",
            measured_by=("ledger",),
        ),
        Clause(
            id="LOG-02.proofs-verify",
            text="Inclusion and consistency proofs verify offline.",
            measured_by=("ledger",),
        ),
        Clause(
            id="LOG-02.survives-kill",
            text="A kill -9 at any point loses no acknowledged entry.",
            measured_by=("drill",),
        ),
    ),
    evidence="own log; third-party verifier (Go/Tessera) run in CI; witness cosignatures",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("AU-10", "AU-9(3)", "AU-9(2)", "AU-10(2)", "SI-7(1)"),
        csa_aicm_domain=("LOG", "MDS"),
        csa_ccm_4_1=("LOG-02", "LOG-04", "LOG-10", "LOG-12"),
        rand_sl=("SL2-MO1", "SL4-MO2"),
        mitre_atlas=("AML.T0107", "AML.T0031"),
        mitre_attack=("T1070", "T1565.001", "T1562"),
        owasp_aisvs=("12.4.2", "12.5.3"),
    ),
)
