"""How devices are handed out: claims and their classes, the default of the GPU operator, and what a node makes of it."""

from strongroom.assess.checks._kubernetes import none_of
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable

CLAIM, TEMPLATE = "resource.k8s.io/v1/ResourceClaim", "resource.k8s.io/v1/ResourceClaimTemplate"
CLASS, POLICY = "resource.k8s.io/v1/DeviceClass", "nvidia.com/v1/ClusterPolicy"
SENSITIVE = ("restricted", "confidential")
WHOLE = "requests:\n- name: gpu\n  exactly:\n    deviceClassName: gpu.nvidia.com"


@check(
    id="gpu.claim.no-admin-access",
    title="No claim sees devices that others hold",
    clause="GPU-07.only-approved-manage",
    kinds=(Kind.OTHER,),
    needs=("claim.admin",),
    severity=Severity.HIGH,
    fix=Fix(
        "Take adminAccess out; monitoring of devices runs in the namespaces that look after them.",
        ((CLAIM, f"spec:\n  devices:\n    {WHOLE.replace(chr(10), chr(10) + '    ')}"),),
        verify="kubectl get resourceclaims,resourceclaimtemplates -A -o yaml | grep adminAccess",
    ),
    broken="it asks for administrator's access: {found}",
)
def admin_access(v: View) -> Answer:
    """Such a request gets devices in use as if nobody held them, so its pod opens the card on which another one computes."""
    return none_of(v, "claim.admin")


@check(
    id="gpu.claim.no-sharing",
    title="No claim of sensitive work shares its device",
    clause="GPU-02.no-time-slicing",
    kinds=(Kind.OTHER,),
    needs=("claim.shares", "sensitivity"),
    severity=Severity.HIGH,
    fix=Fix(
        "Claim a whole device, or a MIG slice of the class mig.nvidia.com.",
        ((CLAIM, f"spec:\n  devices:\n    {WHOLE.replace(chr(10), chr(10) + '    ')}"),),
        verify="kubectl get resourceclaim NAME -o jsonpath='{.spec.devices.config}' is empty",
        effort=Effort.MEDIUM,
    ),
    broken="a claim of {level} work shares: {found}",
)
def claim_sharing(v: View) -> Answer:
    """The configuration travels inside the claim, where the request still reads like one for a whole card."""
    level = v.text("sensitivity")
    if level not in SENSITIVE:
        return not_applicable(f"the namespace is {level or 'not labelled'}")
    found = v.texts("claim.shares")
    return broken(level=level, found=", ".join(found)) if found else holds()


@check(
    id="gpu.device-class.no-sharing",
    title="No device class shares what is claimed of it",
    clause="GPU-02.no-time-slicing",
    kinds=(Kind.OTHER,),
    needs=("class.shares",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take the sharing out of the class's configuration; offer slices by the class mig.nvidia.com.",
        ((CLASS, "spec:\n  selectors:\n  - cel:\n      expression: device.driver == 'gpu.nvidia.com'"),),
        verify="kubectl get deviceclass NAME -o jsonpath='{.spec.config}' is empty",
        effort=Effort.MEDIUM,
    ),
    broken="every claim of it shares: {found}",
)
def class_sharing(v: View) -> Answer:
    """Whoever claims a device of the class shares it, and neither the pod nor the claim says so."""
    return none_of(v, "class.shares")


@check(
    id="gpu.operator.default-whole",
    title="Nodes that select no configuration hand out whole cards",
    clause="GPU-02.no-time-slicing",
    kinds=(Kind.POLICY,),
    needs=("operator.default_shares",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make a configuration without sharing the default, and select the other one by label where it is wanted.",
        ((POLICY, "spec:\n  devicePlugin:\n    config:\n      name: device-plugin-config\n      default: whole"),),
        verify="kubectl get clusterpolicy -o jsonpath='{.items[*].spec.devicePlugin.config}'",
        effort=Effort.MEDIUM,
    ),
    broken="the default shares cards: {found}",
)
def default_whole(v: View) -> Answer:
    """A new node follows the default before anybody has labelled it, and its first tenants share cards unasked."""
    return none_of(v, "operator.default_shares")


@check(
    id="gpu.node.config-equals-labels",
    title="The node is what its configuration says",
    clause="GPU-02.config-equals-runtime",
    kinds=(Kind.HOST,),
    needs=("gpu.config_mismatch",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Find out why the configuration was not applied (processes on the cards, a pending reset) or who wrote the "
        "labels, and let the operator's managers apply it anew.",
        command="kubectl rollout restart daemonset -n gpu-operator nvidia-mig-manager gpu-feature-discovery",
        verify="kubectl get node NAME -o jsonpath='{.metadata.labels}'",
        effort=Effort.MEDIUM,
    ),
    broken="{found}",
)
def config_equals_labels(v: View) -> Answer:
    """Schedulers and policies place work by the labels; where they are wrong, a whole card is a share of one."""
    return none_of(v, "gpu.config_mismatch")


CHECKS = (admin_access, claim_sharing, class_sharing, default_whole, config_equals_labels)
