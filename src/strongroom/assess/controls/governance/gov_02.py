"""GOV-02: Zero trust inside the cluster: service identity, mTLS, per-call authorisation."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GOV-02",
    title="Zero trust inside the cluster: service identity, mTLS, per-call authorisation",
    verb=Verb.ISOLATE,
    domain="Governance",
    area="governance",
    phase=90,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="Emerging standards",
    what="Service identity, mTLS and explicit authorisation on every call within the cluster.",
    why=(
        "Inside most clusters anything that resolves a name may call it, so one compromised sidecar queries the "
        "vector database, the feature store and the model registry as if it were the application. Permissive mTLS "
        "gives a false sense of safety: it encrypts where both sides can and accepts plaintext where they cannot. "
        "Static tokens in images and secrets never expire and work from anywhere, which makes them the credential "
        "that is stolen and reused."
    ),
    fix=(
        "Give workloads SPIFFE or mesh identities with certificates that live 24 hours or less, run mTLS in "
        "permissive mode just long enough to see who still speaks plaintext, then set STRICT. Add default-deny "
        "authorisation with explicit allows per caller, namespace by namespace. Remove legacy service-account "
        "secrets and static tokens, and probe with no identity and with a wrong one: both must be refused."
    ),
    limits=(
        "Mesh policy covers traffic through the mesh; host-network pods, excluded ports and RDMA pass beside it. The "
        "identity is as trustworthy as the attestation of the node that issues it, and refusals are shown by a "
        "probe, not by the policy object."
    ),
    clauses=(
        Clause(
            id="GOV-02.strict-mtls",
            text=(
                "100% of service-to-service calls in AI namespaces use a workload identity (SPIFFE or mesh) with "
                "STRICT mTLS."
            ),
            measured_by=("k8s",),
        ),
        Clause(
            id="GOV-02.default-deny-authz",
            text="Authorisation of service-to-service calls denies by default.",
            measured_by=("k8s",),
        ),
        Clause(
            id="GOV-02.other-identity-refused",
            text="A probe with no identity, or with another identity, is refused.",
            measured_by=("probe",),
        ),
        Clause(
            id="GOV-02.short-svid",
            text="The TTL of an SVID is at most 24 hours.",
            measured_by=("k8s",),
        ),
        Clause(
            id="GOV-02.no-static-tokens",
            text="Static tokens are absent from AI namespaces.",
            measured_by=("k8s", "tf", "plan", "state", "cfn", "aws-config", "aws"),
        ),
    ),
    evidence="Istio/Linkerd/Cilium policy, SPIRE entries, mTLS probe, legacy SA token scan",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("IA-9", "SC-8(1)", "AC-3", "SC-23", "AC-4", "IA-3(1)"),
        csa_aicm_domain=("IAM", "I&S"),
        csa_ccm_4_1=("IAM-16", "I&S-03", "CEK-03"),
        rand_sl=("SL1-AP8", "SL2-AP5", "SL3-AP2", "SL4-AP2"),
        mitre_atlas=("AML.T0012", "AML.T0091"),
        mitre_attack=("T1557", "T1550", "T1210", "T1528"),
        owasp_aisvs=("5.1.2", "5.2.1"),
    ),
)
