"""IR-04: Tested AI-stack incident response playbooks."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="IR-04",
    title="Tested AI-stack incident response playbooks",
    verb=Verb.RESPOND,
    domain="Recovery",
    area="recovery",
    phase=90,
    phase_basis="stated",
    priority="attested",
    scope="both",
    guide="On-prem intro; 90-day plan",
    what="Have incident response playbooks for the AI stack, and operationalise them.",
    why=(
        "General playbooks stop where the AI stack begins: nobody has decided who may halt a training run that costs "
        "thousands an hour, what evidence a GPU holds and for how long, or whom to call at the cloud provider about "
        "a leaked model. Weight theft is irreversible, so the useful decisions fall in the first minutes. Exercises "
        "find the wrong telephone number and the missing permission while it is still cheap."
    ),
    fix=(
        "Write at least six playbooks (weight theft, GPU abuse, poisoned artifact, BMC compromise, attestation "
        "failure, tenant escape), each with a trigger, the first three actions, the authority to take them and the "
        "evidence to preserve before anything is wiped. Exercise each one yearly, table-top at first and then on "
        "real systems, and track the findings to closure. Verify the contacts by using them."
    ),
    limits=(
        "The existence of playbooks and records can be checked by a machine; their quality cannot, and most of this "
        "is attested and expires. An exercise tests the people who took part."
    ),
    clauses=(
        Clause(
            id="IR-04.playbooks-exercised",
            text=(
                "Playbooks exist for at least 6 scenarios (weight theft, GPU abuse, poisoned artifact, BMC "
                "compromise, attestation failure, tenant escape), each exercised within the last 12 months with "
                "findings tracked to closure."
            ),
            measured_by=("drill", "assert"),
        ),
        Clause(
            id="IR-04.contacts-valid",
            text="The contacts named in the playbooks are valid.",
            measured_by=("assert",),
        ),
        Clause(
            id="IR-04.evidence-steps",
            text="The playbooks have steps that preserve evidence.",
            measured_by=("assert",),
        ),
    ),
    evidence="playbook repo, exercise records, issue tracker links",
    automation="auto+attested",
    maps=Mappings(
        nist_800_53_r5=("IR-3", "IR-4", "IR-8", "IR-6", "IR-5"),
        csa_aicm_domain=("SEF",),
        csa_ccm_4_1=("SEF-03", "SEF-04", "SEF-05", "SEF-06"),
        rand_sl=("SL2-IR1", "SL2-IR2", "SL1-TL4"),
        mitre_atlas=("AML.T0048.004", "AML.T0034"),
        mitre_attack=("T1486", "T1496.001"),
    ),
)
