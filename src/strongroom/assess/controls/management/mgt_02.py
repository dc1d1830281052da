"""MGT-02: Administrative access only through MFA jump host or VPN."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="MGT-02",
    title="Administrative access only through MFA jump host or VPN",
    verb=Verb.ISOLATE,
    domain="Management plane",
    area="management",
    phase=60,
    phase_basis="inferred",
    priority="hygiene",
    scope="onprem",
    guide="On-prem: segmentation and management-plane isolation",
    what="Restrict administrative access to jump hosts or a VPN with MFA.",
    why=(
        "When every workstation may open SSH to every node, one infected laptop is inside the cluster, and its "
        "sessions look like all others. A single entrance makes strong authentication and recording affordable and "
        "turns every session from elsewhere into an alarm. Agent and port forwarding undo it: a forwarded agent "
        "lends the administrator's keys to whoever is root on the node, and a forwarded port is a tunnel around the "
        "recording."
    ),
    fix=(
        "Stand up at least two bastions, require MFA and record sessions there, and limit SSH, the Kubernetes API, "
        "BMC and switch management to their addresses by firewall. Disable agent and TCP forwarding in sshd by "
        "default, with named exceptions that expire. Feed flow and authentication logs into a rule that reports "
        "sessions of any other origin, and work through the exceptions until a period of 30 days is clean."
    ),
    limits=(
        "The origin of sessions is proven by logs over the 30 days, never by configuration. MFA performed by an "
        "identity provider or a VPN in front of the bastion is invisible on the host and has to be attested or "
        "collected there; serial consoles and cloud-agent sessions are entrances that sshd does not know."
    ),
    clauses=(
        Clause(
            id="MGT-02.only-from-bastion",
            text=(
                "All SSH, Kubernetes API, BMC and switch admin sessions originate from the bastion set, with no "
                "exception in the flow and authentication logs of 30 days."
            ),
            measured_by=("watch",),
        ),
        Clause(
            id="MGT-02.ssh-hardened",
            text="The bastion allows no agent or port forwarding by default.",
            measured_by=("host",),
        ),
        Clause(
            id="MGT-02.bastion-mfa",
            text="The bastion enforces MFA and session recording.",
            measured_by=("host", "assert"),
        ),
    ),
    evidence="sshd_config, firewall rules, auth logs, bastion session records",
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("AC-17", "AC-17(1)", "AC-17(3)", "IA-2(1)", "SC-7(15)", "AU-14"),
        csa_aicm_domain=("IAM", "I&S"),
        csa_ccm_4_1=("IAM-10", "IAM-14", "I&S-03"),
        rand_sl=("SL2-AC1", "SL3-TL2"),
        mitre_atlas=("AML.T0012",),
        mitre_attack=("T1021.004", "T1133", "T1078"),
        owasp_aisvs=("5.1.1",),
    ),
)
