"""INV-06: Threat model covers the hardware stack."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="INV-06",
    title="Threat model covers the hardware stack",
    verb=Verb.PLAN,
    domain="Inventory",
    area="inventory",
    phase=30,
    phase_basis="inferred",
    priority="foundation",
    scope="both",
    guide="How to think about AI infrastructure risk; Simple rule",
    what=(
        "The threat model covers GPUs, accelerator drivers, schedulers, hypervisors, firmware and artifact storage, "
        "does not assume any of them trustworthy, and follows data at rest, in transit and in use."
    ),
    why=(
        "Threat models for AI tend to start at the prompt and end at the API, and take everything below for granted. "
        "Yet container escapes through the GPU toolkit, a BMC with a default password, or a scheduler plugin that "
        "rewrites pods give the weights away without touching the model at all. An attack graph computed from the "
        "real estate shows which of these layers actually stand between the internet and the artifact; an assumption "
        "that is written down and dated can be revisited, one that is implied cannot."
    ),
    fix=(
        "Generate the graph from the collected estate and look for layers without a node: each is a source that is "
        "not being read yet. Replace edges drawn from belief by edges that cite a configuration or a probe, and put "
        "what remains into the assumption register with a date and an owner. Regenerate it when a cluster is added, "
        "not once a year."
    ),
    limits=(
        "A graph knows the techniques it was taught and the facts it was given; an absent path is no proof of "
        "safety. The layers' presence shows that they were considered, not that the analysis of each is deep."
    ),
    clauses=(
        Clause(
            id="INV-06.every-layer",
            text=(
                "The generated attack graph has at least 1 node of each layer (accelerator, driver, scheduler, "
                "hypervisor, firmware, artifact store) for every cluster."
            ),
            measured_by=("tf", "plan", "state", "host", "k8s"),
        ),
        Clause(
            id="INV-06.edges-cite-evidence",
            text="Every edge of the graph cites evidence or names an explicit assumption.",
            measured_by=("tf", "plan", "state", "host", "k8s"),
        ),
        Clause(
            id="INV-06.assumptions-dated",
            text="The assumptions of the graph are listed and dated.",
            measured_by=("assert",),
        ),
    ),
    evidence="attack-graph export; assumption register",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("RA-3", "PM-30", "SA-8", "PL-8"),
        csa_aicm_domain=("TVM", "GRC"),
        csa_ccm_4_1=("TVM-04", "GRC-02"),
        rand_sl=("SL1-RA1", "SL3-RA1"),
        mitre_atlas=("AML.T0112", "AML.T0105"),
        mitre_attack=("T1611", "T1068"),
    ),
)
