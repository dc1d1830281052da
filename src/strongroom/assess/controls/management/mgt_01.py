"""MGT-01: Isolated BMC/IPMI management network."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="MGT-01",
    title="Isolated BMC/IPMI management network",
    verb=Verb.ISOLATE,
    domain="Management plane",
    area="management",
    phase=60,
    phase_basis="inferred",
    priority="crown-jewel",
    scope="onprem",
    guide="On-prem: segmentation and management-plane isolation",
    what="Put BMC and IPMI on a management network of their own.",
    why=(
        "IPMI hands a salted password hash to anyone who names a user (CVE-2013-4786), cipher suite zero accepts any "
        "password, and factory credentials are printed in manuals; so reaching the port is often equal to owning the "
        "server, console and virtual media included. The route is frequently accidental: a shared LOM that fails "
        "over onto the data network, or the host's own USB and KCS interface, by which root on one node becomes "
        "control of its BMC and of the management segment behind it."
    ),
    fix=(
        "Cable and configure the dedicated port, with failover to the shared one disabled, and route the segment "
        "only from the bastion. Turn IPMI over LAN off, leave Redfish over TLS, replace default accounts, and "
        "restrict the host interface. Then probe from a workload, from a user network and from outside: all must "
        "find nothing, and a closed port that answers is still a route."
    ),
    limits=(
        "The BMC's settings describe its own side; VLANs and routes live in switches and firewalls, so reachability "
        "needs the probe from each network. A probe sends few ports at one moment, and switching off IPMI is "
        "reported by some firmware without taking effect."
    ),
    clauses=(
        Clause(
            id="MGT-01.bmc-unreachable",
            text="No BMC is reachable from workload, user or internet networks, as a probe from each shows.",
            measured_by=("probe", "redfish"),
        ),
        Clause(
            id="MGT-01.dedicated-nic",
            text="Each BMC uses dedicated NIC mode (no shared LOM, no NCSI failover).",
            measured_by=("redfish",),
        ),
        Clause(
            id="MGT-01.ipmi-off",
            text=(
                "IPMI over LAN is off, Redfish is TLS only, there are no default credentials, and the host's KCS and "
                "USB-LAN paths to the BMC are restricted."
            ),
            measured_by=("redfish", "host"),
        ),
    ),
    evidence=(
        "Redfish ManagerNetworkProtocol/EthernetInterfaces, reachability probe, IPMI cipher-0/anon test, VLAN/route "
        "data"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-7(15)", "SC-37", "AC-17(3)", "SC-2", "CM-7", "SC-32(1)"),
        csa_aicm_domain=("I&S", "DCS"),
        csa_ccm_4_1=("I&S-06", "I&S-04", "IAM-10"),
        rand_sl=("SL3-WS2", "SL2-AP2"),
        mitre_atlas=("AML.T0041", "AML.T0112"),
        mitre_attack=("T1210", "T1021", "T1078.001", "T1133"),
    ),
)
