"""Rules of Kubescape's library that no check lists as its equivalent, each with the reason why.

Some are asked all the same, of another object; those name the check that asks.
"""

ASKED_OF_ANOTHER: dict[str, tuple[str, str]] = {
    "access-container-service-account-v1": (
        "iam.binding.nodes-and-admission",
        (
            "it lists every service account that has any right; the checks of bindings judge which rights lead further, "
            "and name the binding, which is the object to change"
        ),
    ),
    "rule-list-all-cluster-admins-v1": (
        "iam.binding.cluster-admin",
        "it names the user or group, which is no object of the cluster; the check names the binding that gives the right",
    ),
    "rule-can-bind-escalate": (
        "iam.binding.impersonate",
        "it names the user or group, which is no object of the cluster; the check names the binding that gives the right",
    ),
    "ensure-network-policy-is-enabled-eks": (
        "net.cluster.eks-network-policy",
        (
            "it fails every cluster whose network plugin is Amazon's; that plugin enforces policies when its add-on says so, "
            "which the check reads"
        ),
    ),
    "image-not-pinned-to-digest": (
        "tee.workload.image-digest",
        "it asks of every workload; the control asks it of work with accelerators",
    ),
}
"""Rule: the check that asks, and how the two differ."""

DECLINED: dict[str, str] = {
    "workload-mounted-configmap": (
        "mounting a ConfigMap is how Kubernetes configures programs: it is a fact of the inventory and no fault; "
        "credentials in a ConfigMap are judged by art.config-map.no-plain-secret"
    ),
    "workload-mounted-pvc": (
        "mounting a volume is how training keeps its checkpoints: it is a fact of the inventory and no fault; "
        "how the volume is encrypted is judged where it is defined"
    ),
    "workload-mounted-secrets": (
        "mounting a Secret as files is the fix for secrets in the environment, so the two rules contradict each other"
    ),
    "list-all-namespaces": "it fails every namespace so that a person looks at it; the inventory lists them",
    "list-all-mutating-webhooks": "it fails every webhook so that a person looks at it; the inventory lists them",
    "list-all-validating-webhooks": "it fails every webhook so that a person looks at it; the inventory lists them",
    "rule-manual": "it is a reminder for a person and measures nothing",
    "rule-deny-cronjobs": "running a job on a schedule is no fault, and training is run so",
    "naked-pods": "a pod without an owner is a matter of availability, on which no control rests",
    "configured-liveness-probe": "probes are a matter of availability, on which no control rests",
    "configured-readiness-probe": "probes are a matter of availability, on which no control rests",
    "k8s-common-labels-usage": "labels for tools are a convention; tenant and sensitivity are judged by inv.workload.tenant",
    "label-usage-for-resources": "labels for tools are a convention; tenant and sensitivity are judged by inv.workload.tenant",
    "psp-enabled-native": "Kubernetes 1.25 removed PodSecurityPolicy; Pod Security levels are judged instead",
    "psp-enabled-cloud": "Kubernetes 1.25 removed PodSecurityPolicy; Pod Security levels are judged instead",
}
"""Rule: the reason why nothing asks it."""
