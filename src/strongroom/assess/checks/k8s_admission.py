"""What stands between a request for a pod and the node: admission that answers, and quotas."""

from strongroom.assess.checks._kubernetes import none_of
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check

HOOK = "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration"
POLICY = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"
BINDING = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding"
ENFORCED = "GPU-01.enforced-by-scheduler"


@check(
    id="gpu.admission.fails-closed",
    title="Admission of work is refused when its judge cannot answer",
    clause=ENFORCED,
    kinds=(Kind.POLICY,),
    needs=("admission.fails_open", "admission.covers"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Set failurePolicy to Fail, run the judge in several replicas, and leave the namespaces that it needs itself "
        "out of its scope.",
        ((HOOK, "failurePolicy: Fail"), (POLICY, "spec:\n  failurePolicy: Fail")),
        verify="kubectl get validatingwebhookconfigurations -o jsonpath='{.items[*].webhooks[*].failurePolicy}'",
        effort=Effort.MEDIUM,
    ),
    broken="it lets everything in when it cannot answer: {found}",
)
def fails_closed(v: View) -> Answer:
    """Whoever can make the judge slow, or take its pod away, then places what it would have refused."""
    return none_of(v, "admission.fails_open")


@check(
    id="gpu.admission.no-opt-out",
    title="No object gets past admission by its own labels",
    clause=ENFORCED,
    kinds=(Kind.POLICY,),
    needs=("admission.evaded_by", "admission.covers"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Take the objectSelector out; make exemptions by namespace, whose labels tenants cannot write.",
        ((HOOK, "objectSelector: {}"), (POLICY, "spec:\n  matchConstraints:\n    objectSelector: {}")),
        verify="kubectl get validatingwebhookconfigurations -o jsonpath='{.items[*].webhooks[*].objectSelector}'",
    ),
    broken="labels of the object itself decide whether it is looked at: {found}",
)
def no_opt_out(v: View) -> Answer:
    """Tenants write the labels of their pods: a judge that asks them whether it may look is asked by nobody."""
    return none_of(v, "admission.evaded_by")


@check(
    id="gpu.admission.refuses",
    title="The admission policy is bound and refuses",
    clause=ENFORCED,
    kinds=(Kind.POLICY,),
    needs=("admission.refuses",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Bind the policy with the action Deny, after a time with Warn and Audit.",
        ((BINDING, "spec:\n  policyName: NAME\n  validationActions: [Deny, Audit]"),),
        verify="kubectl get validatingadmissionpolicybindings -o jsonpath='{.items[*].spec.validationActions}'",
    ),
    broken="no binding of it denies anything",
)
def refuses(v: View) -> bool:
    """A policy without a binding is text, and one that warns is read by whoever does not need it."""
    return v.flag("admission.refuses")


@check(
    id="mon.namespace.gpu-quota",
    title="The accelerators of the tenant's namespace are bounded",
    clause="MON-03.budget-action",
    kinds=(Kind.NAMESPACE,),
    needs=("ns.gpu_quota", "tenant"),
    severity=Severity.LOW,
    fix=Fix(
        "Bound what the namespace may ask for.",
        (("v1/ResourceQuota", 'spec:\n  hard:\n    requests.nvidia.com/gpu: "8"'),),
        verify="kubectl describe quota -n NAME",
    ),
    broken="no quota bounds what it may ask for",
)
def gpu_quota(v: View) -> bool:
    """Stolen credentials of one tenant start as many accelerators as the cluster, or its autoscaler, gives."""
    return bool(v.texts("ns.gpu_quota"))


CHECKS = (fails_closed, no_opt_out, refuses, gpu_quota)
