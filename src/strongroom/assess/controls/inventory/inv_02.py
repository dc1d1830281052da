"""INV-02: Driver, firmware and BIOS/BMC version inventory."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="INV-02",
    title="Driver, firmware and BIOS/BMC version inventory",
    verb=Verb.ASSESS,
    domain="Inventory",
    area="inventory",
    phase=30,
    phase_basis="stated",
    priority="foundation",
    scope="both",
    guide="30-day plan; On-prem: physical security and asset control",
    what="Know the driver, the firmware (GPU VBIOS, NIC, BIOS, BMC) and the runtime version on every AI node.",
    why=(
        "An advisory names versions; whoever cannot name theirs cannot tell whether the last container-toolkit "
        "escape or BMC authentication bypass applies, and will learn it from the attacker. GPU servers carry a dozen "
        "independently updated firmware images, and the ones below the operating system survive a reimage. A version "
        "nobody recorded is treated as a failure because that is how it will be treated during an incident."
    ),
    fix=(
        "Collect in-band what the kernel and NVML report (module version, CUDA, GSP, VBIOS, microcode) and "
        "out-of-band what Redfish reports (BIOS, BMC, NIC firmware), on a schedule shorter than the seven days "
        "allowed. Fix the gaps in the collectors first: most unknowns are a missing tool or a permission on the "
        "host. Then compare loaded with installed versions, because a driver upgrade that waits for a reboot "
        "protects nobody."
    ),
    limits=(
        "In-band versions are the host's own word, and a compromised host can lie; only TCB versions inside a signed "
        "attestation report are proof. Some BMC vendors hide the version of the upstream code they ship, so a "
        "complete record can still be too coarse to match an advisory."
    ),
    clauses=(
        Clause(
            id="INV-02.versions-recorded",
            text=(
                "For every inventoried host the versions of kernel driver, CUDA or ROCm, container toolkit, GPU "
                "VBIOS and GSP firmware, NIC firmware, BIOS, BMC, and microcode, SEV firmware or TDX module SVN were "
                "recorded at most 7 days ago, and a version that is unknown counts as a failure."
            ),
            measured_by=("host", "dcgm", "redfish", "attest"),
        ),
    ),
    evidence=(
        "NVML, /proc/driver/nvidia, rocm-smi, ethtool -i/mlxfwmanager, fwupd JSON, Redfish "
        "UpdateService/FirmwareInventory, /sys/devices/system/cpu, attestation report TCB versions"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("CM-8", "CM-8(2)", "SI-2(2)", "CM-2"),
        csa_aicm_domain=("UEM", "TVM", "CCC"),
        csa_ccm_4_1=("UEM-04", "UEM-07", "CCC-06"),
        rand_sl=("SL2-HW2", "SL3-SU1"),
        mitre_atlas=("AML.T0010.000", "AML.T0010.001"),
        mitre_attack=("T1542.002", "T1068"),
        owasp_aisvs=("4.2.1",),
    ),
)
