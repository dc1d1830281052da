"""INV-04: Model artifact definition and classification policy."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="INV-04",
    title="Model artifact definition and classification policy",
    verb=Verb.PLAN,
    domain="Inventory",
    area="inventory",
    phase=30,
    phase_basis="stated",
    priority="foundation",
    scope="both",
    guide="30-day plan",
    what="Define what counts as a model artifact for the organisation: weights, checkpoints, embeddings, logs.",
    why=(
        "Without a definition every team draws the line where it is cheapest, and fine-tuning checkpoints, LoRA "
        "adapters, optimizer state or prompt logs end up unprotected although each lets someone rebuild or embarrass "
        "the product. Access rules, sealing and release policies are all written in terms of a class; the class must "
        "mean the same thing to the person who approves and to the machine that enforces. Signing it keeps an "
        "intruder, or a hurried colleague, from lowering the bar by editing one line."
    ),
    fix=(
        "Write the policy as a versioned file beside the infrastructure code: each class, its sensitivity, the "
        "controls it demands. Sign it with a key that the authors of workloads do not hold, and join it to the "
        "artifact register so that entries without a class fail in review. Put the yearly review in the calendar of "
        "a named owner."
    ),
    limits=(
        "The machine can verify the signature and the join, but not that the classes make sense; policy and review "
        "are attested by a person and expire. A register that is incomplete (INV-03) makes the coverage figure look "
        "better than it is."
    ),
    clauses=(
        Clause(
            id="INV-04.signed-policy",
            text=(
                "A signed, versioned policy names each artifact class, its sensitivity and the controls that it "
                "requires."
            ),
            measured_by=("artifacts", "assert"),
        ),
        Clause(
            id="INV-04.every-entry-classed",
            text="100% of the entries of INV-03 carry a class from that policy.",
            measured_by=("artifacts",),
        ),
        Clause(
            id="INV-04.reviewed",
            text="The classification policy was reviewed within the last 12 months.",
            measured_by=("artifacts", "assert"),
        ),
    ),
    evidence="policy file in repo (TOML/YAML) with signature; register join",
    automation="auto+attested",
    maps=Mappings(
        nist_800_53_r5=("RA-2", "AC-16", "MP-3", "PL-2"),
        csa_aicm_domain=("DSP", "GRC"),
        csa_ccm_4_1=("DSP-04", "DCS-06"),
        rand_sl=("SL3-WS1",),
        mitre_atlas=("AML.T0035", "AML.T0037"),
        mitre_attack=("T1213", "T1530"),
        owasp_aisvs=("5.2.7",),
    ),
)
