"""FW-01: UEFI Secure Boot enforced."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="FW-01",
    title="UEFI Secure Boot enforced",
    verb=Verb.ATTEST,
    domain="Firmware",
    area="firmware",
    phase=60,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="On-prem: firmware integrity and secure boot",
    what="Enforce UEFI Secure Boot.",
    why=(
        "A bootkit runs before the kernel and its defences, survives reinstallation, and can lie to everything above "
        "it, GPU drivers and agents included. Secure Boot stops unsigned ones; a stale revocation list lets in the "
        "signed ones that are known to be vulnerable, as BlackLotus showed with a genuine Microsoft loader. The "
        'variable that reports "enabled" is read by the operating system that a bootkit would control, which is why '
        "the answer has to come from measurements as well."
    ),
    fix=(
        "Leave setup mode, enrol keys you can name, and enable Secure Boot through the BMC or the cloud's shielded "
        "or trusted-launch option; replace unsigned drivers first, or the GPU module will not load. Update dbx and "
        "the 2023 certificates through the firmware updater, watching for old installation media that stop booting. "
        "Then compare with the PCR7 replay of the event log and inventory every custom key."
    ),
    limits=(
        "Secure Boot verifies signatures, not identity: any image under a trusted key boots, and initrd and kernel "
        "command line are outside it unless a unified image is used. What efivars and Redfish say is a claim; "
        "agreement with measured boot needs a quote."
    ),
    clauses=(
        Clause(
            id="FW-01.secure-boot-on",
            text="Every AI host has SecureBoot=1 and SetupMode=0.",
            measured_by=("host", "redfish"),
        ),
        Clause(
            id="FW-01.measured-boot-agrees",
            text="Measured boot (PCR7) confirms that Secure Boot is on.",
            measured_by=("attest",),
        ),
        Clause(
            id="FW-01.dbx-current",
            text="The dbx is current (its revocation date is at most 90 days behind), and custom keys are inventoried.",
            measured_by=("host",),
        ),
        Clause(
            id="FW-01.cloud-shielded",
            text="In the cloud, shielded or trusted launch is on.",
            measured_by=("tf", "plan", "state", "aws", "azure", "azure-graph", "gcp", "gcp-assets"),
        ),
    ),
    evidence="efivars, TCG event log vs PCR7 quote, Redfish SecureBoot, cloud shielded VM flags",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SI-7(9)", "SI-7(10)", "SI-7(5)", "CM-14", "SC-51"),
        csa_aicm_domain=("I&S", "CCC"),
        csa_ccm_4_1=("I&S-04", "CCC-04"),
        rand_sl=("SL1-HW1",),
        mitre_atlas=("AML.T0112",),
        mitre_attack=("T1542.001", "T1542.003", "T1601.001"),
        owasp_aisvs=("4.2.1",),
    ),
)
