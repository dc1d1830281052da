"""GPU-06: GPU driver and firmware patched to vendor advisories."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GPU-06",
    title="GPU driver and firmware patched to vendor advisories",
    verb=Verb.ASSESS,
    domain="GPU",
    area="gpu",
    phase=30,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="GPU Control 3",
    what="Keep drivers and firmware current, track vendor advisories, and patch as if the machines faced the internet.",
    why=(
        "The GPU driver is a large kernel module that tenants talk to directly, and the container toolkit runs as "
        "root on the host: CVE-2024-0132 and CVE-2025-23266 each turned a container image into control of the node. "
        "These nodes are rarely scanned, since a driver update stops training. Vendor data is also messy (version "
        'ranges in prose, branches that silently leave support), so the question "are we affected" goes unanswered '
        "for weeks."
    ),
    fix=(
        "Join the version inventory with the CSAF bulletins of the GPU vendors and with KEV and EPSS, compare per "
        "branch and numerically, and regard an unlisted branch as end of life. Use managed drivers with automatic "
        "upgrade where the platform offers them, and roll the rest through drained nodes with a deadline: 15 days "
        "for KEV, 30 for critical. Reboot or reload afterwards, and verify the version that is loaded, not the one "
        "that is installed."
    ),
    limits=(
        "A verdict is as fresh as the feed, whose age is shown beside it; offline it is the age of the bundle. A "
        "template that pins or manages drivers shows the policy, and a managed driver with automatic upgrade counts "
        "as patched by policy, while the loaded version needs the host."
    ),
    clauses=(
        Clause(
            id="GPU-06.patched",
            text=(
                "Each version of INV-02 is compared with the vendor bulletins (NVIDIA, AMD and Intel PSIRT CSAF), "
                "KEV and EPSS, and under the policy no KEV entry is open for more than 15 days and no critical one "
                "for more than 30 days."
            ),
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "aws", "host", "dcgm", "feeds", "k8s"),
        ),
        Clause(
            id="GPU-06.feed-fresh",
            text="The feed is at most 24 hours old online, and offline the age of the bundle is shown.",
            measured_by=("feeds",),
        ),
    ),
    evidence="advisory feed (CSAF/OSV), version ranges per branch, KEV/EPSS",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SI-2", "SI-2(2)", "RA-5", "SI-5", "SA-22"),
        csa_aicm_domain=("TVM",),
        csa_ccm_4_1=("TVM-03", "TVM-05", "TVM-08", "TVM-09"),
        rand_sl=("SL1-SW1", "SL2-SW1", "SL3-SW1", "SL2-MA1"),
        mitre_atlas=("AML.T0010.001", "AML.T0107", "AML.T0105"),
        mitre_attack=("T1068", "T1611", "T1212"),
        owasp_aisvs=("4.2.1",),
    ),
)
