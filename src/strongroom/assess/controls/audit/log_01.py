"""LOG-01: Audit logging on, complete and protected."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="LOG-01",
    title="Audit logging on, complete and protected",
    verb=Verb.LOG,
    domain="Audit",
    area="audit",
    phase=30,
    phase_basis="stated",
    priority="foundation",
    scope="both",
    guide="30-day plan; Cloud intro; Cloud 03",
    what=(
        "Turn on logging (CloudTrail and Config, Azure Monitor, GCP audit, Kubernetes audit, BMC, scheduler) for "
        "every action that affects the model's integrity or the exposure of data."
    ),
    why=(
        "Control-plane logs are on by default and tell who created the bucket; who read the weights is a data event, "
        "which is off by default nearly everywhere. After a theft that gap is the whole investigation. Intruders "
        "know it, and an early move is to stop the trail, shorten the retention or delete the bucket that holds it, "
        "which works whenever the log lives in the account they already own."
    ),
    fix=(
        "Switch on data events for artifact stores and for the KMS, the Kubernetes audit policy, and forwarding from "
        "BMC and scheduler. Send everything to a separate account under Object Lock or another WORM setting, with at "
        "least 365 days of retention and integrity validation on. Then guard against silence: an alert when a source "
        "that usually speaks does not, and time synchronisation within a second so that the pieces can be put in "
        "order."
    ),
    limits=(
        "Configuration shows that a source is switched on, not that records arrive; the gap detector needs the event "
        "stream. Logs tell what the provider chose to record, and some managed services log no content reads at all."
    ),
    clauses=(
        Clause(
            id="LOG-01.sources-on",
            text="All required sources are on, including data-plane events for artifact stores and KMS.",
            measured_by=(
                "tf",
                "plan",
                "state",
                "cfn",
                "aws-config",
                "host",
                "k8s",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
            ),
        ),
        Clause(
            id="LOG-01.retention-year",
            text="Logs are retained for at least 365 days.",
            measured_by=(
                "tf",
                "plan",
                "state",
                "cfn",
                "aws-config",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
                "gcp-assets",
            ),
        ),
        Clause(
            id="LOG-01.immutable-apart",
            text="Logs are immutable (Object Lock or WORM) and in a separate account.",
            measured_by=(
                "tf",
                "plan",
                "state",
                "cfn",
                "aws-config",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
                "gcp-assets",
            ),
        ),
        Clause(
            id="LOG-01.protected",
            text=(
                "The log store and its trail are protected from alteration and from readers outside, with integrity "
                "validation on."
            ),
            measured_by=(
                "tf",
                "plan",
                "state",
                "cfn",
                "aws-config",
                "aws",
                "azure",
                "azure-graph",
                "gcp",
                "gcp-assets",
                "aws-iam",
            ),
        ),
        Clause(
            id="LOG-01.no-silence",
            text="The gap detector finds no silence longer than expected.",
            measured_by=("watch",),
        ),
        Clause(
            id="LOG-01.clocks-agree",
            text="Clocks agree within 1 second.",
            measured_by=("host",),
        ),
    ),
    evidence=(
        "CloudTrail data events+validation, Azure diag settings, GCP DATA_READ, K8s audit policy, Redfish/syslog "
        "forwarders, chrony"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("AU-2", "AU-3", "AU-12", "AU-9(2)", "AU-9(4)", "AU-11", "AU-8"),
        csa_aicm_domain=("LOG",),
        csa_ccm_4_1=("LOG-02", "LOG-06", "LOG-07", "LOG-09", "LOG-10", "LOG-13"),
        rand_sl=("SL1-AC2", "SL2-MO1", "SL4-MO2"),
        mitre_atlas=("AML.T0107",),
        mitre_attack=("T1562.008", "T1070"),
        owasp_aisvs=("12.1.1", "12.4.2"),
    ),
)
