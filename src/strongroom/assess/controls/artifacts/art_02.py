"""ART-02: TLS for every artifact and inference path."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="ART-02",
    title="TLS for every artifact and inference path",
    verb=Verb.SEAL,
    domain="Model artifacts",
    area="artifacts",
    phase=60,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="both",
    guide="Cloud intro; Cloud 02",
    what="Encrypt in transit: TLS on every artifact and inference path.",
    why=(
        "Prompts, completions and multi-gigabyte weight downloads cross load balancers, meshes and storage gateways, "
        "and a single plaintext hop lets anyone on that segment read them or swap a model file on its way. Old "
        'protocol versions invite downgrade. Inside the cluster the assumption is usually "the network is ours", but '
        "gradients between nodes are the model, and a compromised neighbour on a flat network can capture them."
    ),
    fix=(
        "Deny plaintext at the resource: a SecureTransport condition on buckets, TLS 1.2 as the floor on listeners, "
        "databases and caches, redirects removed where clients may send credentials before being redirected. Then "
        "probe each endpoint from outside. For traffic between nodes, switch on the managed option (inter-container "
        "encryption) or encrypt in the CNI with WireGuard or IPsec; if the fabric cannot carry it, isolate the "
        "segment and record the exception."
    ),
    limits=(
        "Configuration shows what ought to be refused; only the probe shows what is. Fabric isolation as an "
        "alternative depends on SEG-01, and RDMA traffic bypasses the kernel, so encryption in the CNI does not "
        "cover it."
    ),
    clauses=(
        Clause(
            id="ART-02.refuses-plaintext",
            text=(
                "Every endpoint and store refuses plaintext (a deny on aws:SecureTransport, minimum TLS 1.2, 1.3 "
                "preferred), and an active probe confirms it."
            ),
            measured_by=(
                "tf",
                "plan",
                "state",
                "cfn",
                "aws-config",
                "k8s",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
                "probe",
            ),
        ),
        Clause(
            id="ART-02.node-traffic-encrypted",
            text=(
                "Training traffic between nodes is encrypted (inter-container encryption, WireGuard or IPsec, NCCL "
                "over a protected fabric), or the fabric is an isolated segment with a recorded exception."
            ),
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "k8s", "aws"),
        ),
    ),
    evidence=(
        "bucket policies, LB listeners, active TLS probe, CNI encryption state, SageMaker "
        "EnableInterContainerTrafficEncryption"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-8", "SC-8(1)", "SC-23", "SC-17"),
        csa_aicm_domain=("CEK", "I&S"),
        csa_ccm_4_1=("CEK-03", "I&S-03", "DSP-10"),
        rand_sl=("SL2-TU1", "SL2-TL2"),
        mitre_atlas=("AML.T0025",),
        mitre_attack=("T1040", "T1557"),
    ),
)
