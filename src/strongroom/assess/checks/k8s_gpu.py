"""Accelerators in a cluster: who reaches a card that he did not ask for, and with whom he shares the one that he has."""

from strongroom.assess.checks._kubernetes import clear_of, none_of, pod_lines
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable

PODS = (Kind.WORKLOAD,)
NODES = (Kind.HOST,)
SENSITIVE = ("restricted", "confidential")
TAINT = "isolation.example.org/tenant"
CONFIG_MAP, POLICY = "v1/ConfigMap", "nvidia.com/v1/ClusterPolicy"
ENVVAR = (
    "spec:\n  toolkit:\n    env:\n"
    '    - name: ACCEPT_NVIDIA_VISIBLE_DEVICES_ENVVAR_WHEN_UNPRIVILEGED\n      value: "false"\n'
    '    - name: ACCEPT_NVIDIA_VISIBLE_DEVICES_AS_VOLUME_MOUNTS\n      value: "true"'
)
WHOLE = "version: v1\nflags:\n  migStrategy: single"


@check(
    id="gpu.workload.no-unrequested-device",
    title="Pods get at no accelerator that was not given to them",
    clause="GPU-07.only-approved-manage",
    kinds=PODS,
    needs=("gpu.unrequested",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Ask for the accelerator by its resource name, and take away privileges, device paths and NVIDIA_VISIBLE_DEVICES.",
        pod_lines("resources:\n  limits:\n    nvidia.com/gpu: 1"),
        verify="kubectl exec POD -- nvidia-smi -L lists what was asked for and no more",
        effort=Effort.MEDIUM,
    ),
    broken="it reaches accelerators past the scheduler: {found}",
)
def unrequested(v: View) -> Answer:
    """The scheduler separates tenants only on the road through it; a device path, a variable or a privilege is another
    road, and on it every card of the node can be read.
    """
    return none_of(v, "gpu.unrequested")


@check(
    id="gpu.workload.whole-card",
    title="Sensitive work asks for no share of a card",
    clause="GPU-02.no-time-slicing",
    kinds=PODS,
    needs=("gpu.shared_request", "sensitivity"),
    severity=Severity.HIGH,
    fix=Fix(
        "Ask for a whole card or a MIG slice.",
        pod_lines("resources:\n  limits:\n    nvidia.com/mig-1g.10gb: 1"),
        verify="kubectl get pod NAME -o jsonpath='{.spec.containers[*].resources}'",
        effort=Effort.MEDIUM,
    ),
    broken="{level} work shares a card in time: {found}",
)
def whole_card(v: View) -> Answer:
    """Nothing in hardware separates those who take turns on a card: memory, caches and faults are common."""
    level = v.text("sensitivity")
    if level not in SENSITIVE:
        return not_applicable(f"the namespace is {level or 'not labelled'}")
    found = v.texts("gpu.shared_request")
    return broken(level=level, found=", ".join(found)) if found else holds()


@check(
    id="gpu.workload.one-tenants-nodes",
    title="Pods with accelerators do not tolerate every tenant's reservation",
    clause="GPU-01.enforced-by-scheduler",
    kinds=PODS,
    needs=("gpu.tolerates_all", "gpu.requested"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Tolerate the taint of your own tenant by its value.",
        pod_lines(f"tolerations:\n- key: {TAINT}\n  operator: Equal\n  value: TENANT\n  effect: NoSchedule"),
        verify="kubectl get pod NAME -o jsonpath='{.spec.tolerations}'",
    ),
    broken="it tolerates every taint and lands on nodes that are reserved for others",
)
def tolerations(v: View) -> bool:
    """A toleration without a value or key opens all reserved nodes, so that the reservation is no rule any more."""
    return not v.flag("gpu.tolerates_all")


@check(
    id="inv.workload.tenant",
    title="Work with accelerators has a tenant and a sensitivity",
    clause="INV-05.none-untiered",
    kinds=PODS,
    needs=("gpu.requested", "tenant", "sensitivity"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Have an administrator annotate the namespace.",
        (
            (
                "v1/Namespace",
                f"metadata:\n  annotations:\n    {TAINT}: TENANT\n    isolation.example.org/sensitivity: restricted",
            ),
        ),
        verify="kubectl get namespace NAME -o jsonpath='{.metadata.annotations}'",
    ),
    broken="its namespace says no {missing}",
)
def tenant(v: View) -> Answer:
    """A rule about who may share a card needs to know whose work it is, from a place that tenants cannot write."""
    missing = [word for word in ("tenant", "sensitivity") if not v.text(word)]
    return broken(missing=" and no ".join(missing)) if missing else holds()


@check(
    id="tee.workload.confidential",
    title="Confidential work runs in confidential machines",
    clause="TEE-04.sensitive-runs-confidential",
    kinds=PODS,
    needs=("sensitivity", "cc.runtime"),
    severity=Severity.HIGH,
    fix=Fix(
        "Use a runtime class of confidential containers, or select nodes whose GPUs are proven to be in CC mode.",
        pod_lines(
            "runtimeClassName: kata-qemu-snp\nnodeSelector:\n"
            '  nvidia.com/cc.mode.state: "on"\n  nvidia.com/cc.ready.state: "true"'
        ),
        verify="kubectl get pod NAME -o jsonpath='{.spec.runtimeClassName} {.spec.nodeSelector}'",
        effort=Effort.LARGE,
    ),
    broken="its namespace is confidential, and nothing places it into a confidential machine",
)
def confidential(v: View) -> Answer:
    """The label promises that the operator of the node cannot read the memory; an ordinary runtime does not keep that."""
    level = v.text("sensitivity")
    if level != "confidential":
        return not_applicable(f"the namespace is {level or 'not labelled'}")
    return holds() if v.flag("cc.runtime") else broken()


@check(
    id="tee.workload.image-digest",
    title="Images of work with accelerators are named by digest",
    clause="TEE-05.image-minimal-pinned",
    kinds=PODS,
    needs=("pod.images_unpinned", "gpu.requested"),
    severity=Severity.LOW,
    fix=Fix(
        "Name the digest behind the tag.",
        pod_lines("image: registry.example.com/serve@sha256:DIGEST"),
        verify="kubectl get pod NAME -o jsonpath='{.spec.containers[*].image}'",
    ),
    broken="a tag can be moved: {found}",
)
def image_digest(v: View) -> Answer:
    """Whoever may push to the registry changes what runs beside the weights, without a change that anybody reviews."""
    return none_of(v, "pod.images_unpinned")


@check(
    id="gpu.workload.no-core-dumps",
    title="Work with accelerators writes no core dump of a GPU",
    clause="GPU-05.dumps-off-or-encrypted",
    kinds=PODS,
    needs=("dump.cuda", "gpu.requested"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take the variables out of the pod; set them for one run in a namespace of its own when a fault is looked for.",
        pod_lines("env: []  # no CUDA_ENABLE_COREDUMP_ON_EXCEPTION, no CUDA_COREDUMP_FILE"),
        verify="kubectl get pod NAME -o jsonpath='{.spec.containers[*].env[*].name}' shows no COREDUMP",
    ),
    broken="a fault writes the GPU's memory to a file: {found}",
)
def core_dumps(v: View) -> Answer:
    """A core dump of a GPU holds weights and prompts, and lands in a volume or on the node's disk. Variables of the
    image itself are not in a manifest.
    """
    value = v.raw("dump.cuda")
    found = tuple(x for x in value if isinstance(x, str)) if isinstance(value, tuple) else ()
    return clear_of(found) if found else none_of(v, "dump.cuda")


@check(
    id="gpu.node.no-time-slicing",
    title="The node does not share its cards in time",
    clause="GPU-02.no-time-slicing",
    kinds=NODES,
    needs=("gpu.sharing", "gpu.count", "gpu.taints"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Select a device plugin configuration without sharing; share in hardware with MIG.",
        ((CONFIG_MAP, WHOLE),),
        "kubectl label node NAME nvidia.com/device-plugin.config=whole --overwrite",
        "kubectl get node NAME -o jsonpath='{.metadata.labels}'",
        Effort.MEDIUM,
    ),
    broken="its cards are shared by {sharing}, and {taint}",
)
def node_sharing(v: View) -> Answer:
    """Where a plugin makes many of one card, tenants take turns on it; without a reservation any tenant's pod joins in."""
    sharing = v.text("gpu.sharing")
    if sharing in ("none", "mig"):
        return holds()
    reserved = any(t.startswith(f"{TAINT}=") for t in v.texts("gpu.taints"))
    return broken(
        sharing=sharing,
        taint="one tenant's taint reserves the node" if reserved else "no tenant's taint reserves the node",
    )


@check(
    id="gpu.node.taint",
    title="The node keeps pods without need for a card away",
    clause="GPU-01.enforced-by-scheduler",
    kinds=NODES,
    needs=("gpu.taints", "gpu.count"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Taint the node; PreferNoSchedule is a wish, not a rule.",
        command="kubectl taint node NAME nvidia.com/gpu=present:NoSchedule",
        verify="kubectl get node NAME -o jsonpath='{.spec.taints}'",
    ),
    broken="any pod may run on it: no NoSchedule or NoExecute taint",
)
def node_taint(v: View) -> bool:
    """Every pod on the node shares the kernel and the driver with whoever holds its cards."""
    return bool(v.texts("gpu.taints"))


@check(
    id="gpu.node.one-tenant",
    title="No two tenants hold cards of one node without MIG",
    clause="GPU-01.no-co-residency",
    kinds=NODES,
    needs=("gpu.tenants", "gpu.sharing", "gpu.sensitive_tenants"),
    severity=Severity.HIGH,
    fix=Fix(
        "Reserve nodes for tenants by a taint and a selector that admission sets.",
        command=f"kubectl taint node NAME {TAINT}=TENANT:NoSchedule",
        verify="kubectl get pods -A --field-selector spec.nodeName=NAME",
        effort=Effort.MEDIUM,
    ),
    broken="{found} hold its cards, which are shared by {sharing}",
)
def one_tenant(v: View) -> Answer:
    """Two tenants on one time-shared card read each other's timing and, after a fault of the driver, each other's memory."""
    found = v.texts("gpu.tenants")
    if not found:
        return not_applicable("the source shows no pod with an accelerator on it")
    sharing = v.text("gpu.sharing")
    if len(found) == 1 or sharing == "mig":
        return holds()
    if sharing == "none" and not v.flag("gpu.sensitive_tenants"):
        return holds()
    return broken(found=", ".join(found), sharing="whole" if sharing == "none" else sharing)


@check(
    id="gpu.device-plugin.no-sharing",
    title="No configuration of the device plugin shares cards in time",
    clause="GPU-02.no-time-slicing",
    kinds=(Kind.OTHER,),
    needs=("gpu.shared_by_config",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take the section `sharing` out, and label nodes for MIG where cards must be divided.",
        ((CONFIG_MAP, WHOLE),),
        verify="kubectl get configmap NAME -n gpu-operator -o yaml",
        effort=Effort.MEDIUM,
    ),
    broken="nodes that select it share cards: {found}",
)
def plugin_config(v: View) -> Answer:
    """One label on a node selects the configuration, and what was a whole card yesterday is a share today."""
    return none_of(v, "gpu.shared_by_config")


@check(
    id="gpu.operator.no-envvar",
    title="A variable alone gives no container an accelerator",
    clause="GPU-07.only-approved-manage",
    kinds=(Kind.POLICY,),
    needs=("toolkit.envvar_unprivileged", "operator.mig_strategy"),
    severity=Severity.HIGH,
    fix=Fix(
        "Refuse the variable for containers without privileges, or give devices out by CDI.",
        (
            (
                POLICY,
                ENVVAR,
            ),
        ),
        verify="a pod with NVIDIA_VISIBLE_DEVICES=all and no request finds no /dev/nvidia0",
        effort=Effort.MEDIUM,
    ),
    broken="a pod that sets NVIDIA_VISIBLE_DEVICES gets every card of its node, without asking the scheduler",
)
def operator_envvar(v: View) -> bool:
    """Many images set the variable themselves: a pod that asks for nothing then sees the cards of everybody."""
    return not v.flag("toolkit.envvar_unprivileged")


@check(
    id="tee.operator.cc-mode",
    title="The GPU operator sets no developer mode of confidential computing",
    clause="TEE-04.sensitive-runs-confidential",
    kinds=(Kind.POLICY,),
    needs=("operator.cc_mode",),
    severity=Severity.HIGH,
    fix=Fix(
        "Set the mode `on`, and attest the GPUs before work is placed.",
        ((POLICY, "spec:\n  ccManager:\n    enabled: true\n    defaultMode: 'on'"),),
        verify="kubectl get nodes -L nvidia.com/cc.mode.state",
    ),
    broken="the mode is {mode}: memory of the GPU can be read from outside, while it looks protected",
)
def operator_cc(v: View) -> Answer:
    """Developer mode leaves the debugging paths of a confidential GPU open, and off protects nothing."""
    mode = v.text("operator.cc_mode")
    if not mode:
        return not_applicable("the operator does not manage confidential computing")
    return holds() if mode == "on" else broken(mode=mode)


@check(
    id="net.operator.metrics-inside",
    title="GPU metrics are served inside the cluster only",
    clause="NET-01.not-exposed",
    kinds=(Kind.POLICY,),
    needs=("operator.metrics_service",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make the service ClusterIP.",
        ((POLICY, "spec:\n  dcgmExporter:\n    service:\n      type: ClusterIP"),),
        verify="kubectl get service -n gpu-operator nvidia-dcgm-exporter",
    ),
    broken="the service in front of the GPU metrics is a {found}",
)
def operator_metrics(v: View) -> Answer:
    """The exporter asks nobody who he is; its counters tell who trains what, and when."""
    found = v.text("operator.metrics_service")
    return holds() if found in ("ClusterIP", "") else broken(found=found)


CHECKS = (
    unrequested,
    whole_card,
    tolerations,
    tenant,
    confidential,
    image_digest,
    core_dumps,
    node_sharing,
    node_taint,
    one_tenant,
    plugin_config,
    operator_envvar,
    operator_cc,
    operator_metrics,
)
