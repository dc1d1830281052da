"""What pods may do to the node that they run on: the roads from a container to every other one beside it."""

from strongroom.assess.checks._kubernetes import clear_of, none_of, pod_lines
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds

KINDS = (Kind.WORKLOAD,)
ESCAPE = "IAM-02.no-escalation"
SEE = (
    "kubectl get pods -A -o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} {.spec.%s}{\"\\n\"}{end}'"
)
# Pod Security Standards, "Baseline", list what is safe to add; these are what takes over a node or its network.
DANGEROUS = frozenset(
    (
        "ALL",
        "BPF",
        "DAC_READ_SEARCH",
        "MAC_ADMIN",
        "MAC_OVERRIDE",
        "NET_ADMIN",
        "NET_RAW",
        "PERFMON",
        "SETPCAP",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_MODULE",
        "SYS_PTRACE",
        "SYS_RAWIO",
    )
)


@check(
    id="iam.workload.privileged",
    title="No container is privileged",
    clause=ESCAPE,
    kinds=KINDS,
    needs=("pod.privileged",),
    severity=Severity.HIGH,
    fix=Fix(
        "Take `privileged` and SYS_ADMIN away; ask for the one device or capability that is needed.",
        pod_lines("securityContext:\n  privileged: false\n  capabilities:\n    drop: [ALL]"),
        verify=SEE % "containers[*].securityContext.privileged",
        effort=Effort.MEDIUM,
    ),
    broken="as good as root on the node: {found}",
    equivalents=("kubescape:rule-privileged-container", "checkov:CKV_K8S_16", "trivy:KSV-0017"),
)
def privileged(v: View) -> Answer:
    """A privileged container sees every device of its node, other tenants' accelerators included, and can load modules."""
    return none_of(v, "pod.privileged")


@check(
    id="iam.workload.host-pid",
    title="Pods do not see the processes of their node",
    clause=ESCAPE,
    kinds=KINDS,
    needs=("pod.host_namespaces",),
    severity=Severity.HIGH,
    fix=Fix("Remove hostPID.", pod_lines("hostPID: false"), verify=SEE % "hostPID"),
    broken="it shares the process table of its node",
    equivalents=(
        "kubescape:host-pid-privileges",
        "kubescape:host-pid-ipc-privileges",
        "checkov:CKV_K8S_17",
        "trivy:KSV-0010",
    ),
)
def host_pid(v: View) -> bool:
    """Who sees the node's processes reads their environment, where tokens stand, and the memory of what runs as him."""
    return "pid" not in v.texts("pod.host_namespaces")


@check(
    id="iam.workload.host-ipc",
    title="Pods do not share memory with their node",
    clause=ESCAPE,
    kinds=KINDS,
    needs=("pod.host_namespaces",),
    severity=Severity.HIGH,
    fix=Fix(
        "Remove hostIPC. NCCL inside one pod needs an emptyDir with `medium: Memory` at /dev/shm, not the node's memory.",
        pod_lines("hostIPC: false"),
        verify=SEE % "hostIPC",
    ),
    broken="it shares the shared memory of its node",
    equivalents=(
        "kubescape:host-ipc-privileges",
        "kubescape:host-pid-ipc-privileges",
        "checkov:CKV_K8S_18",
        "trivy:KSV-0008",
    ),
)
def host_ipc(v: View) -> bool:
    """Training frameworks and MPS pass tensors through shared memory: with the node's, every such pod reads the other's."""
    return "ipc" not in v.texts("pod.host_namespaces")


@check(
    id="net.workload.host-network",
    title="Pods have a network of their own",
    clause="SEG-01.default-deny-between",
    kinds=KINDS,
    needs=("pod.host_namespaces",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Remove hostNetwork. For InfiniBand or RoCE attach the devices through a device plugin and a secondary network.",
        pod_lines("hostNetwork: false"),
        verify=SEE % "hostNetwork",
        effort=Effort.MEDIUM,
    ),
    broken="it uses the network of its node: no network policy holds for it",
    equivalents=("kubescape:host-network-access", "checkov:CKV_K8S_19", "trivy:KSV-0009"),
)
def host_network(v: View) -> bool:
    """A pod on its node's network passes by every network policy and reaches the node's metadata service and kubelet."""
    return "network" not in v.texts("pod.host_namespaces")


@check(
    id="iam.workload.host-path-writable",
    title="No container writes to the node's own file system",
    clause=ESCAPE,
    kinds=KINDS,
    needs=("pod.host_paths_writable",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Use a volume; where a host path must be, mount it read-only.",
        pod_lines("volumeMounts:\n- name: host\n  mountPath: /host\n  readOnly: true"),
        verify=SEE % "volumes[*].hostPath.path",
        effort=Effort.MEDIUM,
    ),
    broken="the node's file system is writable: {found}",
    equivalents=("kubescape:alert-rw-hostpath",),
)
def host_path(v: View) -> Answer:
    """Whoever writes to the node writes what its next boot or its kubelet runs, and leaves weights where no scrub looks."""
    return none_of(v, "pod.host_paths_writable")


@check(
    id="iam.workload.runtime-socket",
    title="No pod reaches the container runtime's socket",
    clause=ESCAPE,
    kinds=KINDS,
    needs=("pod.sockets",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Remove the mount; read container state from the kubelet or the API.", verify=SEE % "volumes[*].hostPath.path"
    ),
    broken="whoever is in it starts any container on the node: {found}",
    equivalents=("kubescape:containers-mounting-docker-socket", "checkov:CKV_K8S_27", "trivy:KSV-0006"),
)
def runtime_socket(v: View) -> Answer:
    """The runtime's socket starts privileged containers without asking the API, so no admission rule sees them."""
    return none_of(v, "pod.sockets")


@check(
    id="net.workload.host-port",
    title="Pods take no port of their node",
    clause="NET-01.not-exposed",
    kinds=KINDS,
    needs=("pod.host_ports",),
    severity=Severity.LOW,
    fix=Fix("Put a Service in front instead of a host port.", verify=SEE % "containers[*].ports[*].hostPort"),
    broken="it listens on the node's address: {found}",
    equivalents=("kubescape:container-hostPort", "checkov:CKV_K8S_26", "trivy:KSV-0024"),
)
def host_port(v: View) -> Answer:
    """A host port answers wherever the node answers, whatever services and ingresses say."""
    return none_of(v, "pod.host_ports")


@check(
    id="iam.workload.capabilities",
    title="No container adds a capability that takes over the node",
    clause=ESCAPE,
    kinds=KINDS,
    needs=("pod.capabilities",),
    severity=Severity.HIGH,
    fix=Fix(
        "Drop all capabilities and add the harmless one that is needed, such as NET_BIND_SERVICE or IPC_LOCK for RDMA.",
        pod_lines("securityContext:\n  capabilities:\n    drop: [ALL]"),
        verify=SEE % "containers[*].securityContext.capabilities",
    ),
    broken="dangerous capabilities are added: {found}",
    equivalents=("kubescape:insecure-capabilities",),
)
def capabilities(v: View) -> Answer:
    """Each of these capabilities has been turned into root on the node, or into reading the traffic beside it."""
    return clear_of(tuple(c for c in v.texts("pod.capabilities") if c.rpartition(" ")[2] in DANGEROUS))


@check(
    id="iam.workload.root",
    title="No container runs as root",
    clause=ESCAPE,
    kinds=KINDS,
    needs=("pod.may_be_root",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Say a user and a group other than 0, and that root is refused.",
        pod_lines("securityContext:\n  runAsNonRoot: true\n  runAsUser: 10001\n  runAsGroup: 10001"),
        verify=SEE % "securityContext",
    ),
    broken="root is not excluded: {found}",
    equivalents=("kubescape:non-root-containers", "checkov:CKV_K8S_23", "trivy:KSV-0012"),
)
def root(v: View) -> Answer:
    """Root in the container is root outside it after one flaw in the runtime or the driver; group root owns its files."""
    return none_of(v, "pod.may_be_root")


@check(
    id="iam.workload.read-only-root",
    title="Containers cannot change their own programs",
    clause=ESCAPE,
    kinds=KINDS,
    needs=("pod.mutable_root",),
    severity=Severity.LOW,
    fix=Fix(
        "Make the root file system read-only and give scratch space as an emptyDir.",
        pod_lines("securityContext:\n  readOnlyRootFilesystem: true"),
        verify=SEE % "containers[*].securityContext.readOnlyRootFilesystem",
        effort=Effort.MEDIUM,
    ),
    broken="the root file system can be written in {found}",
    equivalents=("kubescape:immutable-container-filesystem", "checkov:CKV_K8S_22", "trivy:KSV-0014"),
)
def read_only_root(v: View) -> Answer:
    """What cannot be written cannot be replaced: an intruder's tools do not stay, and the image stays what was signed."""
    return none_of(v, "pod.mutable_root")


@check(
    id="iam.workload.seccomp",
    title="Every container has a seccomp profile",
    clause=ESCAPE,
    kinds=KINDS,
    needs=("pod.no_seccomp",),
    severity=Severity.LOW,
    fix=Fix(
        "Use the runtime's profile.",
        pod_lines("securityContext:\n  seccompProfile:\n    type: RuntimeDefault"),
        verify=SEE % "securityContext.seccompProfile",
    ),
    broken="every system call is open to {found}",
    equivalents=("kubescape:set-seccomp-profile", "kubescape:linux-hardening", "checkov:CKV_K8S_31", "trivy:KSV-0104"),
)
def seccomp(v: View) -> Answer:
    """The runtime's profile closes the system calls that most escapes from containers have needed."""
    return none_of(v, "pod.no_seccomp")


@check(
    id="iam.workload.no-new-privileges",
    title="No process of a container gains privileges",
    clause=ESCAPE,
    kinds=KINDS,
    needs=("pod.escalation",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Say that privileges cannot be gained.",
        pod_lines("securityContext:\n  allowPrivilegeEscalation: false"),
        verify=SEE % "containers[*].securityContext.allowPrivilegeEscalation",
    ),
    broken="setuid programs work in {found}",
    equivalents=("kubescape:rule-allow-privilege-escalation", "checkov:CKV_K8S_20", "trivy:KSV-0001"),
)
def no_new_privileges(v: View) -> Answer:
    """Without it a setuid program in the image turns the user that the pod was given back into root."""
    return none_of(v, "pod.escalation")


@check(
    id="iam.namespace.pod-security",
    title="The namespace enforces a Pod Security level",
    clause=ESCAPE,
    kinds=(Kind.NAMESPACE,),
    needs=("ns.enforces",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Enforce `baseline` or `restricted`, first with `warn` to see what would be refused.",
        (("v1/Namespace", "metadata:\n  labels:\n    pod-security.kubernetes.io/enforce: restricted"),),
        "kubectl label --dry-run=server --overwrite ns NAME pod-security.kubernetes.io/enforce=restricted",
        "kubectl get ns NAME --show-labels",
        Effort.MEDIUM,
    ),
    broken="it admits any pod ({level})",
    equivalents=("kubescape:pod-security-admission-applied-1",),
)
def pod_security(v: View) -> Answer:
    """Without a level that is enforced, whoever may create pods in the namespace may create privileged ones."""
    level = v.text("ns.enforces")
    return holds() if level in ("baseline", "restricted") else broken(level=level or "no level is enforced")


CHECKS = (
    privileged,
    host_pid,
    host_ipc,
    host_network,
    host_path,
    runtime_socket,
    host_port,
    capabilities,
    root,
    read_only_root,
    seccomp,
    no_new_privileges,
    pod_security,
)
