"""PHY-01: Controlled physical access to AI racks."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="PHY-01",
    title="Controlled physical access to AI racks",
    verb=Verb.ISOLATE,
    domain="Physical",
    area="physical",
    phase=60,
    phase_basis="inferred",
    priority="attested",
    scope="onprem",
    guide="On-prem: physical security",
    what="Secure the facility and the racks, for AI compute is high-value infrastructure.",
    why=(
        "A single eight-GPU server is worth as much as a house and holds weights worth more, and physical presence "
        "defeats most software: a PCIe device for DMA, an interposer on the memory bus, a USB stick at the console, "
        "a drive pulled from its bay. Attacks on DDR buses have shown that memory encryption alone does not stop a "
        "person with access and modest equipment. The people in question are mostly legitimate visitors, so the "
        "record of who was there matters as much as the lock."
    ),
    fix=(
        "Obtain the access-control attestation of each site, colocation included, and note its date. Enable the "
        "intrusion sensors in the BMC, clear them, and send their events to where someone explains each one. Disable "
        "or lock USB and console ports on tier 0 hosts in the BIOS, then confirm it from the operating system."
    ),
    limits=(
        "Locks, guards and badge reviews are attested by a person; a machine reads only sensors and ports. Many "
        "chassis report an intrusion sensor that is not wired, and a sensor says nothing about the time when the "
        "machine had no power."
    ),
    clauses=(
        Clause(
            id="PHY-01.site-access",
            text="Each site has an access-control attestation from the last 12 months.",
            measured_by=("assert",),
        ),
        Clause(
            id="PHY-01.intrusion-sensors",
            text="Rack door and chassis intrusion sensors are enabled, without an unexplained event.",
            measured_by=("redfish",),
        ),
        Clause(
            id="PHY-01.ports-locked",
            text="USB and console ports are disabled or locked on tier 0 hosts.",
            measured_by=("host", "redfish"),
        ),
    ),
    evidence="Redfish Chassis PhysicalSecurity IntrusionSensor, access log import, signed checklist",
    automation="auto+attested",
    maps=Mappings(
        nist_800_53_r5=("PE-2", "PE-3", "PE-3(1)", "PE-6", "SC-41"),
        csa_aicm_domain=("DCS",),
        csa_ccm_4_1=("DCS-08", "DCS-10", "DCS-11"),
        rand_sl=("SL2-PH1", "SL2-PH2", "SL3-PH1", "SL4-PH2"),
        mitre_atlas=("AML.T0041",),
        mitre_attack=("T1200", "T1052"),
    ),
)
