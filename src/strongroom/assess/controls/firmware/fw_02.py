"""FW-02: TPM-backed measured boot."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="FW-02",
    title="TPM-backed measured boot",
    verb=Verb.ATTEST,
    domain="Firmware",
    area="firmware",
    phase=60,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="On-prem: firmware integrity and secure boot",
    what="Use a TPM and measured boot where possible.",
    why=(
        "Secure Boot says that something signed was started; measured boot says exactly what, in a form that the "
        "host cannot forge afterwards. An attacker with root who alters the initrd or the kernel command line leaves "
        "Secure Boot satisfied, but under GRUB changes PCR 8 and 9. Without freshness, and without an attestation "
        "key proven to live in the same TPM as the endorsement key, the quote can come from yesterday or from "
        "another machine."
    ),
    fix=(
        "Ensure that each host has a TPM or vTPM and that firmware measures into SHA-256 banks. Enrol it by "
        "credential activation, so that AK and EK are known to share a chip, and quote under the verifier's nonce at "
        "each boot and daily. Learn reference states from the golden image and sign them; turn on IMA where the "
        "workload is stable enough to have a list. Refuse scheduling to nodes whose quote is stale or outside the "
        "set."
    ),
    limits=(
        "The presence of a TPM in a template or in sysfs proves nothing about the boot; only a verified quote does. "
        "Measurement covers what is measured: code loaded later without IMA, firmware of GPUs and NICs and runtime "
        "exploits are outside it, and a cloud vTPM is rooted in its provider."
    ),
    clauses=(
        Clause(
            id="FW-02.tpm-present",
            text="Every AI host has a TPM, or a vTPM, that can give the quote.",
            measured_by=("host", "tf", "plan", "state", "aws", "azure", "azure-graph", "gcp", "gcp-assets"),
        ),
        Clause(
            id="FW-02.quote-verifies",
            text="A fresh TPM quote (nonce, AK bound to EK) verifies.",
            measured_by=("attest",),
        ),
        Clause(
            id="FW-02.log-equals-pcrs",
            text="The replayed event log equals the PCRs.",
            measured_by=("attest",),
        ),
        Clause(
            id="FW-02.ima-log",
            text="Where IMA is enabled, its replayed log equals the PCRs too.",
            measured_by=("attest",),
        ),
        Clause(
            id="FW-02.in-reference-set",
            text="The measured state is in the approved reference set.",
            measured_by=("attest",),
        ),
        Clause(
            id="FW-02.quote-fresh",
            text="The quote is at most 24 hours old, or was made at each boot.",
            measured_by=("attest",),
        ),
    ),
    evidence="TPM2 quote, event log, IMA log, reference values",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SI-7(9)", "SI-7(1)", "SI-7(6)", "SI-7(7)", "IA-3(4)"),
        csa_aicm_domain=("I&S", "CCC"),
        csa_ccm_4_1=("I&S-04", "CCC-07"),
        rand_sl=("SL1-HW1", "SL3-MO5", "SL4-HW3"),
        mitre_atlas=("AML.T0112", "AML.T0107"),
        mitre_attack=("T1542.001", "T1542.003", "T1014"),
        owasp_aisvs=("4.1.3", "4.2.1"),
    ),
)
