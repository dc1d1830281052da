"""MON-03: Alert on GPU cost and quota spikes."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="MON-03",
    title="Alert on GPU cost and quota spikes",
    verb=Verb.WATCH,
    domain="Monitoring",
    area="monitoring",
    phase=90,
    phase_basis="stated",
    priority="hygiene",
    scope="cloud",
    guide="Cloud intro; 90-day plan",
    what="Alert on spikes of GPU cost and quota.",
    why=(
        "Stolen credentials are turned into GPU instances within the hour, typically in regions the victim has never "
        "used and in the largest sizes the quota permits, and the bill is noticed at the end of the month. Cost data "
        "is late by design, so the early signals are the launch itself and the request for more quota."
    ),
    fix=(
        "Restrict the regions and the GPU quotas to what is used, which is the prevention that costs nothing. Alert "
        "on launches in other regions and on multiples of the baseline from the event stream, and keep the billing "
        "alert as the second line. Define a budget action that really does something (deny further launches, notify "
        "the on-call), and test that the message arrives at a person."
    ),
    limits=(
        "An alarm without a subscriber, or a budget that notifies an unread mailbox, does not count as an alert; "
        "that it is read cannot be seen. Baselines need weeks of usage data, and reserved or on-prem capacity does "
        "not appear in cost at all."
    ),
    clauses=(
        Clause(
            id="MON-03.spend-baseline",
            text="There is a baseline of GPU spend, quota and instance launches for each account and region.",
            measured_by=("watch",),
        ),
        Clause(
            id="MON-03.launch-alert",
            text="A launch in an unused region, or one above k times the baseline, raises an alert within 1 hour.",
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
            id="MON-03.budget-action",
            text="A budget action for GPU spend is defined.",
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
                "k8s",
            ),
        ),
    ),
    evidence="cost & usage, RunInstances events, quota APIs, unused-region watch",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SI-4(4)", "SC-6", "AU-6(1)", "SC-5(2)"),
        csa_aicm_domain=("LOG", "I&S"),
        csa_ccm_4_1=("LOG-14", "I&S-02"),
        rand_sl=("SL3-MO2",),
        mitre_atlas=("AML.T0034",),
        mitre_attack=("T1496.001", "T1535", "T1578"),
        owasp_aisvs=("12.2.5",),
    ),
)
