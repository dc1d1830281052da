"""END-01: Endpoint protection tuned for HPC and GPU servers."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="END-01",
    title="Endpoint protection tuned for HPC and GPU servers",
    verb=Verb.WATCH,
    domain="Endpoint",
    area="endpoint",
    phase=60,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="On-prem intro",
    what="Run endpoint protection that is tuned for HPC and GPU servers.",
    why=(
        "Standard agents are removed from GPU nodes because they cost steps per second, or are muzzled with an "
        "exclusion over the whole scratch filesystem, which is then precisely where the attacker unpacks. Generic "
        "rules also know nothing of the local abuse: module loads in the NVIDIA stack, nvidia-smi from a web server, "
        "a miner that calls itself python. An agent that is installed, unhealthy and never tested looks the same on "
        "the dashboard as one that works."
    ),
    fix=(
        "Measure the agent's effect on step time on one node and agree on a budget, so that the discussion is about "
        "a number. Load rules for the GPU driver, device files and scheduler, replace wildcard exclusions by narrow "
        "ones with a reason and a date, and roll out through the node image rather than by hand. Detonate a harmless "
        "test on a schedule and follow it to the alert."
    ),
    limits=(
        "An agent inside the node can be blinded by whoever owns the kernel, and a confidential guest hides its "
        "inside from an agent on the host. Health and rules are read from the host, detection takes the drill, and "
        "the review of exclusions is a person's judgement."
    ),
    clauses=(
        Clause(
            id="END-01.agent-healthy",
            text=(
                "An EDR, auditd, Falco or Tetragon agent is healthy on 100% of AI nodes, its signatures are fresh, "
                "and its overhead is within budget (e.g. 2% of step time)."
            ),
            measured_by=("host", "k8s"),
        ),
        Clause(
            id="END-01.rules-loaded",
            text=(
                "GPU, driver and scheduler rules are loaded, and exclusions are reviewed (no wildcard over model or "
                "scratch paths)."
            ),
            measured_by=("host",),
        ),
        Clause(
            id="END-01.detonation-detected",
            text="A test detonation is detected.",
            measured_by=("drill",),
        ),
    ),
    evidence="agent health API, rules list, exclusion list, EICAR/atomic test record, overhead measurement",
    automation="auto+attested",
    maps=Mappings(
        nist_800_53_r5=("SI-3", "SI-4", "SI-4(23)", "CM-7(5)", "SC-44"),
        csa_aicm_domain=("TVM", "UEM"),
        csa_ccm_4_1=("UEM-09", "TVM-02", "UEM-05"),
        rand_sl=("SL1-TL3", "SL2-TL4", "SL4-HW3"),
        mitre_atlas=("AML.T0072", "AML.T0018.002"),
        mitre_attack=("T1496.001", "T1059", "T1014", "T1547.006"),
    ),
)
