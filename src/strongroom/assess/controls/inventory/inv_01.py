"""INV-01: AI compute and cluster inventory."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="INV-01",
    title="AI compute and cluster inventory",
    verb=Verb.ASSESS,
    domain="Inventory",
    area="inventory",
    phase=30,
    phase_basis="stated",
    priority="foundation",
    scope="both",
    guide="30-day plan; On-prem: physical security and asset control",
    what=(
        "Keep an inventory of AI compute: which hosts exist, which GPU models and network cards they hold, which "
        "orchestrator runs them, and which cluster each one belongs to."
    ),
    why=(
        "A GPU node that nobody lists is a node that nobody patches, scrubs or watches, and it is the first thing an "
        "intruder with cloud credentials will try to create: a few accelerators in a region nobody looks at. Every "
        'other control counts against this list, so a host missing here silently turns "100% of hosts" into a false '
        "statement. Disagreement between sources is itself a signal: a machine that Slurm schedules but Redfish has "
        "never heard of is either misconfigured or not yours."
    ),
    fix=(
        "Choose the hardware UUID or chassis serial as the key, never the hostname, which is reused on every "
        "reimage. Feed the record from at least two independent sources (the orchestrator and the hardware or the "
        "cloud API), reconcile them daily, and treat each host on one side only as a ticket with an owner. Label "
        "owners where the machine is defined, in Terraform or in the node pool, so that they survive a rebuild."
    ),
    limits=(
        "Agreement cannot be judged from a single source: give at least two that ought to see the same machines. "
        "Hardware that is racked but powered off, and accounts that were never handed to a collector, stay invisible "
        "whatever the clauses say."
    ),
    clauses=(
        Clause(
            id="INV-01.host-record",
            text=(
                "Every host with an accelerator has exactly one record with a stable hardware id (UUID or serial), "
                "GPU model, GPU UUIDs and count, NIC, orchestrator (Kubernetes, Slurm, SageMaker, Vertex or Azure "
                "ML), cluster, owner, and a last sighting no older than 24 hours."
            ),
            measured_by=("host", "csv", "k8s", "slurm", "aws", "azure", "azure-graph", "gcp", "gcp-assets"),
        ),
        Clause(
            id="INV-01.sources-agree",
            text="No host is seen by one source and missing in another.",
            measured_by=(
                "tf",
                "plan",
                "state",
                "host",
                "csv",
                "k8s",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
                "gcp-assets",
            ),
        ),
    ),
    evidence=(
        "cloud APIs (EC2/GCE/VMSS/SageMaker/Vertex/AzureML), K8s nodes+GFD labels, Slurm `scontrol show node`/gres, "
        "NVML/nvidia-smi -q, DMI, Redfish Systems/Processors; reconcile sources"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("CM-8", "CM-8(2)", "CM-8(3)", "PM-5"),
        csa_aicm_domain=("DCS", "UEM"),
        csa_ccm_4_1=("DCS-07", "UEM-04"),
        rand_sl=("SL2-HW2",),
        mitre_atlas=("AML.T0112",),
        mitre_attack=("T1580", "T1535"),
        owasp_aisvs=("4.2.1",),
    ),
)
