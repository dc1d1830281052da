"""MON-02: Alert on permission and policy changes."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="MON-02",
    title="Alert on permission and policy changes",
    verb=Verb.WATCH,
    domain="Monitoring",
    area="monitoring",
    phase=90,
    phase_basis="stated",
    priority="hygiene",
    scope="both",
    guide="Cloud intro; 90-day plan",
    what="Alert on changes of permissions and policies.",
    why=(
        "Between intrusion and theft there is nearly always a change: a policy attached to a role, a key policy "
        "widened, an admission webhook set to ignore failures, a reference measurement added for the attacker's "
        "image, the trail stopped. These are few, legitimate ones are announced, and each is visible in an audit "
        "stream, so the ratio of signal to noise is better than anywhere else. Minutes matter, since the steps that "
        "follow are scripted."
    ),
    fix=(
        "List the objects whose change matters, including the ones of your own machinery (reference values, release "
        "policies, admission rules, log configuration). Create event rules for them that reach a person or an "
        "on-call system, and carry who, what, before and after in the alert so that nobody has to look these up. "
        "Have a drill change one object of each kind and measure the delay against five minutes."
    ),
    limits=(
        "A rule in a template shows that a pattern is watched; the delay, the content and the delivery show only "
        "when a drill fires it. Providers deliver some audit events with a lag beyond five minutes, which no rule "
        "can repair."
    ),
    clauses=(
        Clause(
            id="MON-02.change-alert",
            text=(
                "An alert fires within 5 min of a change to roles, KMS or bucket policy, attestation reference "
                "values, admission policies, RBAC or log configuration."
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
                "drill",
            ),
        ),
        Clause(
            id="MON-02.alert-says-what",
            text="Each alert carries who, what, before and after.",
            measured_by=("drill",),
        ),
        Clause(
            id="MON-02.change-drill-passes",
            text="The drill of these change alerts passes.",
            measured_by=("drill",),
        ),
    ),
    evidence="CloudTrail/Azure/GCP audit + K8s audit stream, config drift diff",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("AU-6(1)", "CM-3(5)", "CM-6(2)", "AC-2(4)", "SI-4(20)"),
        csa_aicm_domain=("LOG", "CCC", "IAM"),
        csa_ccm_4_1=("LOG-05", "CCC-07", "IAM-07"),
        rand_sl=("SL2-CM2", "SL3-MO2"),
        mitre_atlas=("AML.T0107", "AML.T0012"),
        mitre_attack=("T1098", "T1484", "T1562.008", "T1578"),
        owasp_aisvs=("12.5.3",),
    ),
)
