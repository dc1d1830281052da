"""SEG-01: East-west traffic limited between AI nodes."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="SEG-01",
    title="East-west traffic limited between AI nodes",
    verb=Verb.ISOLATE,
    domain="Network",
    area="network",
    phase=60,
    phase_basis="stated",
    priority="hygiene",
    scope="both",
    guide="On-prem: segmentation",
    what="Limit east-west traffic to what the training and inference stack needs.",
    why=(
        "GPU clusters are built flat, because collective communication is fast when nothing stands in between. Flat "
        "also means that one compromised notebook reaches every kubelet, storage target and NCCL socket, none of "
        "which ask who is calling. InfiniBand makes it easier to overlook: its traffic never passes the host "
        "firewall, so without partitions two tenants on one fabric are neighbours whatever the IP rules say."
    ),
    fix=(
        "Declare the flows of the stack (collectives, storage, DNS, metrics) with ports and reasons, and generate "
        "the network policies and switch ACLs from this declaration. Put default deny between tenants and roles, "
        "starting in namespaces with few dependencies, and check that the CNI enforces policy at all. Give each "
        "tenant a partition key or VRF on the fabric. Then compare observed flows with the declaration for 7 days "
        "and settle each difference."
    ),
    limits=(
        "A network policy is inert under a CNI that does not enforce it. IP-level probes cannot see InfiniBand or "
        "RoCE isolation, so partitions have to be read from the subnet manager or the switch, and a week of "
        "observation contains only what ran in that week."
    ),
    clauses=(
        Clause(
            id="SEG-01.default-deny-between",
            text="Traffic between tenants and between node roles is denied by default.",
            measured_by=("tf", "plan", "state", "cfn", "aws-config", "aws", "k8s"),
        ),
        Clause(
            id="SEG-01.flows-equal-stack",
            text="The allowed flows equal the declared stack (NCCL ports, storage, DNS, metrics).",
            measured_by=("tf", "plan", "state", "k8s"),
        ),
        Clause(
            id="SEG-01.fabric-partitions",
            text="Each tenant has its own InfiniBand partition (pkey) or VLAN or VRF.",
            measured_by=("host", "redfish"),
        ),
        Clause(
            id="SEG-01.observed-subset",
            text="The flows observed over 7 days are a subset of the allowed ones.",
            measured_by=("watch",),
        ),
    ),
    evidence="NetworkPolicy/Cilium, switch ACL import, IB pkey table, flow logs/eBPF, probe",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("SC-7", "SC-7(21)", "AC-4", "AC-4(21)", "SC-32"),
        csa_aicm_domain=("I&S",),
        csa_ccm_4_1=("I&S-03", "I&S-06"),
        rand_sl=("SL3-WS2", "SL4-WS4"),
        mitre_atlas=("AML.T0112",),
        mitre_attack=("T1021", "T1210", "T1046", "T1570"),
        owasp_aisvs=("4.2.5", "5.3.1"),
    ),
)
