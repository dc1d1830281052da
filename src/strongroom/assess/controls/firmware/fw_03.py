"""FW-03: BIOS and BMC patch cadence."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="FW-03",
    title="BIOS and BMC patch cadence",
    verb=Verb.ASSESS,
    domain="Firmware",
    area="firmware",
    phase=60,
    phase_basis="inferred",
    priority="hygiene",
    scope="onprem",
    guide="On-prem: firmware integrity and secure boot",
    what="Keep a patch cadence for BIOS and BMC: a compromised BMC bypasses every control of the operating system.",
    why=(
        "The BMC has its own processor, network port and access to host memory and power, and it runs old Linux with "
        "web code on it. CVE-2024-54085 in AMI MegaRAC let an unauthenticated caller take it over, and was the first "
        "BMC flaw in CISA's list of exploited vulnerabilities; from there an implant survives disk and operating "
        "system replacement. GPU servers add NIC, switch and HGX management firmware with the same properties, "
        "updated when someone finds the maintenance window."
    ),
    fix=(
        "Compare the Redfish firmware inventory with the vendors' CSAF and KEV, set how many releases behind is "
        "tolerable and how long a known-exploited flaw may stay open. Update over the authenticated, "
        "signature-checking path only, in waves with drained nodes, and check that the running version is the new "
        "one since some BMCs keep booting the old bank. Compare digests where the vendor publishes them."
    ),
    limits=(
        "OEMs rebrand and backport, so a version often cannot be mapped to an advisory; that is unknown and not "
        "safe. That an updater verifies signatures is what the vendor claims, and such checks have been bypassed "
        "(CVE-2025-6198)."
    ),
    clauses=(
        Clause(
            id="FW-03.firmware-current",
            text=(
                "The installed BIOS, BMC and NIC firmware is within N releases, and no known-exploited CVE (such as "
                "MegaRAC) is older than the SLA."
            ),
            measured_by=("host", "redfish", "feeds"),
        ),
        Clause(
            id="FW-03.signed-update-path",
            text="Firmware is updated over a signed update path.",
            measured_by=("redfish",),
        ),
        Clause(
            id="FW-03.digest-equals-manifest",
            text="The firmware digest equals the vendor's manifest where one is published.",
            measured_by=("redfish",),
        ),
    ),
    evidence="Redfish FirmwareInventory, fwupd/LVFS metadata, vendor CSAF, KEV",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SI-2", "SI-2(2)", "CM-14", "RA-5", "SC-51", "SA-22"),
        csa_aicm_domain=("TVM", "DCS"),
        csa_ccm_4_1=("TVM-03", "TVM-08", "UEM-07"),
        rand_sl=("SL2-SW1", "SL3-SW1", "SL3-MO5"),
        mitre_atlas=("AML.T0010.000",),
        mitre_attack=("T1542.001", "T1495", "T1190"),
        owasp_aisvs=("4.2.1",),
    ),
)
