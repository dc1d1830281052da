"""EKS node groups: accelerators that no other pod can take, nodes that nobody reaches, drivers that get fixes."""

from datetime import date

from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

KINDS = (Kind.NODE_POOL,)
NATIVE = "aws_eks_node_group"
SEE = "aws eks describe-nodegroup --cluster-name <cluster> --nodegroup-name <name> --query nodegroup."
ENFORCING = (":NoSchedule", ":NoExecute")
# EKS User Guide, "EKS AL2 end-of-support FAQ": no AMI of this line is published after this day.
AL2_ENDED = date(2025, 11, 26)


@check(
    id="gpu.node-pool.eks-tainted",
    title="Only pods that tolerate it land on the accelerator pool",
    clause="GPU-01.enforced-by-scheduler",
    kinds=KINDS,
    needs=("gpu.taints", "image.line"),
    severity=Severity.HIGH,
    fix=Fix(
        "Taint the pool, and let only the workloads that own it tolerate the taint.",
        ((NATIVE, 'taint {\n  key    = "nvidia.com/gpu"\n  value  = "present"\n  effect = "NO_SCHEDULE"\n}'),),
        verify=SEE + "taints",
        effort=Effort.MEDIUM,
    ),
    broken="it has no enforcing taint: any pod may be scheduled beside the accelerators ({found})",
)
def tainted(v: View) -> Answer:
    """EKS adds no taint by itself. Without one a tenant's pod lands on the accelerator node of another, shares its
    kernel and driver, and waits for memory that was not cleared. A preference is not a rule.
    """
    raw = v.raw("gpu.taints")
    if isinstance(raw, Unknown):
        return unknown(raw)
    found = raw if isinstance(raw, tuple) else ()
    if any(isinstance(t, str) and t.endswith(ENFORCING) for t in found):
        return holds()
    doubts = [t for t in found if isinstance(t, Unknown)]
    if doubts:
        return unknown(*doubts)
    return broken(found=", ".join(t for t in found if isinstance(t, str)) or "no taint")


@check(
    id="gpu.node-pool.eks-driver",
    title="The accelerator pool boots images whose driver gets fixes",
    clause="GPU-06.patched",
    kinds=KINDS,
    needs=("gpu.taints", "image.line"),
    severity=Severity.HIGH,
    fix=Fix(
        "Use the accelerated AMI of Amazon Linux 2023 or Bottlerocket, and roll the pool whenever a release comes out.",
        ((NATIVE, 'ami_type = "AL2023_x86_64_NVIDIA"'),),
        "aws eks update-nodegroup-version --cluster-name <cluster> --nodegroup-name <name>",
        SEE + "releaseVersion",
        Effort.MEDIUM,
    ),
    broken="its image line {line} has had no release since {since}",
)
def driver(v: View) -> Answer:
    """The driver comes with the image, and a managed node group stays at its release until somebody updates it: the
    configuration can show a dead line, and only the node can show the version that is loaded.
    """
    line = v.text("image.line")
    if line.startswith("AL2_") and v.now.date() > AL2_ENDED:
        return broken(line=line, since=AL2_ENDED.isoformat())
    why = "the owner's image brings the driver" if line == "CUSTOM" else "a node group is not updated by itself"
    return unknown(Unknown(GapCode.ABSENT, f"{why}: the loaded version is seen on the node"))


@check(
    id="net.node-pool.eks-ssh",
    title="Nobody reaches the nodes' SSH from everywhere",
    clause="NET-01.not-exposed",
    kinds=KINDS,
    needs=("ssh.open",),
    severity=Severity.HIGH,
    fix=Fix(
        "Drop remote access and use Session Manager, or name the security group that may connect.",
        (
            (
                NATIVE,
                (
                    "remote_access {\n"
                    "  ec2_ssh_key               = aws_key_pair.nodes.key_name\n"
                    "  source_security_group_ids = [aws_security_group.bastion.id]\n"
                    "}"
                ),
            ),
        ),
        verify=SEE + "remoteAccess",
    ),
    broken="remote access names no source: port 22 is open to every address",
    equivalents=("checkov:CKV_AWS_100",),
)
def ssh(v: View) -> bool:
    """A key without a source makes EKS open port 22 of every node to the whole internet."""
    return not v.flag("ssh.open")


@check(
    id="net.node-pool.eks-private",
    title="The nodes have no public addresses",
    clause="NET-01.not-exposed",
    kinds=KINDS,
    needs=("net.private_nodes", "image.line"),
    severity=Severity.HIGH,
    fix=Fix(
        "Move the pool to private subnets.",
        ((NATIVE, "subnet_ids = aws_subnet.private[*].id"),),
        verify="kubectl get nodes -o wide",
        effort=Effort.MEDIUM,
    ),
    broken="its nodes get public addresses",
)
def private(v: View) -> bool:
    """A node with a public address puts the kubelet and everything on the host's network one rule away from the
    internet.
    """
    return v.flag("net.private_nodes")


@check(
    id="tee.node-pool.eks-confidential",
    title="Sensitive work runs on nodes that can prove what they run",
    clause="TEE-04.sensitive-runs-confidential",
    kinds=KINDS,
    needs=("sensitive", "cc.tech", "image.line"),
    severity=Severity.HIGH,
    fix=Fix(
        "Place the work on nodes with Nitro Enclaves or SEV-SNP by a launch template, or record why that is not feasible "
        "and until when.",
        (("aws_launch_template", "enclave_options {\n  enabled = true\n}"),),
        verify="aws ec2 describe-instances --query 'Reservations[].Instances[].EnclaveOptions'",
        effort=Effort.LARGE,
    ),
    broken="its nodes have neither enclaves nor encrypted memory",
)
def confidential(v: View) -> Answer:
    """On an ordinary node the operator of the host, or whoever becomes it, reads weights and keys from memory."""
    tech = v.text("cc.tech")
    if tech:
        return holds(tech=tech)
    return broken() if v.flag("sensitive") else holds()


CHECKS = (tainted, driver, ssh, private, confidential)
