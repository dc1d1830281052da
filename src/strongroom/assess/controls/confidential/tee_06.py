"""TEE-06: TCB patch cadence."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="TEE-06",
    title="TCB patch cadence",
    verb=Verb.RESPOND,
    domain="Confidential computing",
    area="confidential",
    phase=90,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="TEE 03",
    what='"Cannot touch it because it is sensitive" is no answer: the trusted computing base has a patch cadence.',
    why=(
        "Enclaves are where updates go to die: a new image means a new measurement, a new approval, a possible "
        "outage, so the old one stays. Meanwhile the vendors publish TCB recoveries because someone extracted keys "
        "or broke isolation on the old level, and evidence from such a level no longer distinguishes a genuine guest "
        "from a forged one. A practised rebuild makes the update a routine; a verifier that denies out-of-date "
        "levels makes it unavoidable."
    ),
    fix=(
        "Automate the chain: build image, compute measurement, publish signed reference value, roll, retire the old "
        "value. Set a maximum age in days for image, guest kernel and SEV firmware, TDX module or SGX TCB, and run "
        "the chain on a calendar even when nothing urgent is pending. Let the verifier deny OutOfDate, with a grace "
        "period that expires by itself and is visible in the log."
    ),
    limits=(
        "Host microcode and the TDX module belong to the cloud provider on rented machines; there the control can "
        'only refuse to run, not patch. Vendor collateral lags behind disclosure, so UpToDate means "nothing '
        'published", not "nothing known".'
    ),
    clauses=(
        Clause(
            id="TEE-06.tcb-current",
            text=(
                "The newest applied TCB update (image, guest kernel, SEV firmware, TDX module or SGX TCB level) is "
                "no older than the days that the policy allows."
            ),
            measured_by=("host", "attest", "sbom"),
        ),
        Clause(
            id="TEE-06.outdated-is-denied",
            text="An out-of-date TCB status from vendor collateral yields a denial or an expiring grace.",
            measured_by=("attest",),
        ),
        Clause(
            id="TEE-06.rebuild-cadence",
            text="The pipeline that rebuilds images and re-references their measurements ran within the cadence.",
            measured_by=("ledger",),
        ),
    ),
    evidence="TCB status (UpToDate/OutOfDate/SWHardeningNeeded), image build dates, reference-value publication log",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SI-2", "SI-2(2)", "SI-2(5)", "MA-3(6)", "CM-3"),
        csa_aicm_domain=("TVM", "CCC"),
        csa_ccm_4_1=("TVM-03", "CCC-03"),
        rand_sl=("SL2-SW1", "SL3-SW1"),
        mitre_atlas=("AML.T0107",),
        mitre_attack=("T1068", "T1212"),
        owasp_aisvs=("4.2.1",),
    ),
)
