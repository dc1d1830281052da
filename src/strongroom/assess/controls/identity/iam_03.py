"""IAM-03: Authenticated, authorised inference endpoints on central identity."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="IAM-03",
    title="Authenticated, authorised inference endpoints on central identity",
    verb=Verb.ISOLATE,
    domain="Identity",
    area="identity",
    phase=60,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="Cloud intro; Cloud 03",
    what="Require authentication on every endpoint, and integrate it with the central identity.",
    why=(
        "An inference endpoint without authentication is a free GPU and an oracle for extracting the model; a "
        "tracking server without it lists every run, often with credentials in the parameters, and lets anyone "
        "register a replacement model. Local users and static tokens survive the departure of their owners, since no "
        "directory knows them. Rate limits bound both the bill and the number of queries an extraction or an "
        "inversion attack can make."
    ),
    fix=(
        "List inference, notebook, tracking and metrics endpoints, including those behind internal load balancers, "
        "and send each an unauthenticated request. Put a gateway or the mesh in front of those that answer, validate "
        "issuer and audience against the central identity provider, and switch off local authentication and keys in "
        "the service itself. Set rate limits per identity and not per address."
    ),
    limits=(
        "A setting that requires tokens does not show that every path does: health, metrics and debug routes are "
        "often exempt, and only the anonymous probe notices. Rate limits are judged present or absent; whether they "
        "are low enough against extraction depends on the model."
    ),
    clauses=(
        Clause(
            id="IAM-03.no-anonymous",
            text=(
                "Every inference, notebook, tracking and metrics endpoint rejects anonymous requests, as an active "
                "probe shows."
            ),
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "aws", "k8s", "probe"),
        ),
        Clause(
            id="IAM-03.central-identity",
            text=(
                "Every inference, notebook, tracking and metrics endpoint validates tokens from the central IdP "
                "(issuer and audience)."
            ),
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "aws", "k8s", "azure", "azure-graph"),
        ),
        Clause(
            id="IAM-03.rate-limits",
            text="Rate limits are set on every inference, notebook, tracking and metrics endpoint.",
            measured_by=("tf", "plan", "state", "k8s"),
        ),
    ),
    evidence="endpoint inventory + unauthenticated probe, gateway/mesh authn policy, IdP app registry",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("AC-3", "IA-8", "IA-9", "AC-14", "IA-13"),
        csa_aicm_domain=("IAM", "AIS"),
        csa_ccm_4_1=("IAM-14", "IAM-16", "AIS-08"),
        rand_sl=("SL1-TL1", "SL1-AP5"),
        mitre_atlas=("AML.T0040", "AML.T0049", "AML.T0024"),
        mitre_attack=("T1190", "T1078", "T1550.001"),
        owasp_aisvs=("5.2.1",),
    ),
)
