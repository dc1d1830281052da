"""GPU-07: Restricted driver install and low-level GPU management."""

from strongroom.model.codes import Verb
from strongroom.model.control import Clause, Mappings
from strongroom.model.ports import Control

CONTROL = Control(
    id="GPU-07",
    title="Restricted driver install and low-level GPU management",
    verb=Verb.ISOLATE,
    domain="GPU",
    area="gpu",
    phase=60,
    phase_basis="inferred",
    priority="hygiene",
    scope="both",
    guide="GPU Control 3",
    what="Restrict who can install drivers or reach low-level GPU management.",
    why=(
        "Whoever loads a kernel module, or runs a privileged pod on a GPU node, owns every tenant on it; the "
        "devices, the MIG layout and confidential-computing mode are a few ioctls away. Several lesser rights amount "
        "to the same: hostPath to /dev, the kubelet socket, sudo for nvidia-smi, a DCGM host engine listening on all "
        "addresses. Unsigned modules also make a rootkit in the GPU stack persistent and nearly invisible."
    ),
    fix=(
        "Enumerate who effectively has these rights and compare with the few identities that should (the driver "
        "operator, the node team's break-glass). Enforce the restricted Pod Security level outside exempt "
        "namespaces, bind DCGM to localhost or put authentication before it, and trim sudoers. Turn on module "
        "signature enforcement or kernel lockdown, and set NVreg_RestrictProfilingToAdminUsers=1; plan a reboot for "
        "both."
    ),
    limits=(
        "Effective permissions are computed from RBAC, admission and host configuration as collected; an exemption "
        "inside a third-party webhook is not visible. Signature enforcement accepts any key the platform trusts, so "
        "review the enrolled keys (FW-01)."
    ),
    clauses=(
        Clause(
            id="GPU-07.only-approved-manage",
            text=(
                "Only approved identities may load kernel modules, run privileged or hostPath pods on GPU nodes, "
                "reach /dev/nvidiactl capabilities, change MIG, clock, ECC or CC mode, or query DCGM remotely."
            ),
            measured_by=("k8s", "host", "isolation"),
        ),
        Clause(
            id="GPU-07.module-signing",
            text="Kernel module signing is enforced.",
            measured_by=("host",),
        ),
        Clause(
            id="GPU-07.profiling-admin-only",
            text="GPU profiling is for administrators only.",
            measured_by=("host",),
        ),
    ),
    evidence=(
        "RBAC/PSA effective permissions, modules.sig_enforce/lockdown, device cgroup & node perms, DCGM bind "
        "address/auth, sudoers"
    ),
    automation="auto",
    maps=Mappings(
        nist_800_53_r5=("CM-11", "CM-5", "CM-5(5)", "AC-6(1)", "AC-6(5)", "CM-7(5)"),
        csa_aicm_domain=("CCC", "IAM", "I&S"),
        csa_ccm_4_1=("CCC-04", "IAM-09", "IAM-10", "UEM-02"),
        rand_sl=("SL3-PI2", "SL4-SU1"),
        mitre_atlas=("AML.T0105", "AML.T0112"),
        mitre_attack=("T1547.006", "T1611", "T1068", "T1014"),
        owasp_aisvs=("4.1.1",),
    ),
)
