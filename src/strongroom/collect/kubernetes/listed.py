"""What of a running cluster is listed: one table, from which the role that may read it is made as well."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from strongroom.collect.kubernetes.drafts import KINDS
from strongroom.model.kinds import Kind


class Type(NamedTuple):
    """A type of the API: its kind, group, name in paths, and the versions that are understood, the best one first."""

    kind: str
    group: str
    plural: str
    versions: tuple[str, ...] = ("v1",)

    @property
    def name(self) -> str:
        """What kubectl and RBAC call it: `networkpolicies.networking.k8s.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, version: str) -> str:
        """The path below which all of its objects are."""
        return f"/apis/{self.group}/{version}/{self.plural}" if self.group else f"/api/{version}/{self.plural}"

    @property
    def hides(self) -> tuple[Kind, ...]:
        """The kinds of asset that are missing, or less is known of, where it cannot be listed."""
        own = KINDS.get(self.kind, Kind.OTHER if self.kind in _BESIDE else Kind.WORKLOAD)
        also = (Kind.WORKLOAD,) if self.kind in _TELLS else ()
        return tuple(dict.fromkeys((own, *also)))


# Kinds that run no pods and are no asset of a kind of their own.
_BESIDE = frozenset({
    "ConfigMap", "RuntimeClass", "StorageClass", "DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice",
    "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute", "VirtualService", "Route", "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy", "GlobalNetworkPolicy", "AuthorizationPolicy",
    "NetworkAttachmentDefinition", "MultiNetworkPolicy", "UserDefinedNetwork", "ClusterUserDefinedNetwork",
})  # fmt: skip
# Kinds without which less is known of workloads: a check may then not even arise there.
_TELLS = frozenset({
    "Namespace", "Node", "ServiceAccount", "ConfigMap", "RuntimeClass", "DeviceClass", "ResourceClaim",
    "ResourceClaimTemplate", "Service", "Ingress", "NetworkPolicy", "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy",
    "Gateway", "VirtualService", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute",
})  # fmt: skip

_ADMISSION, _GATEWAY, _RBAC = "admissionregistration.k8s.io", "gateway.networking.k8s.io", "rbac.authorization.k8s.io"
_DRA, _DRA_VERSIONS = "resource.k8s.io", ("v1", "v1beta2", "v1beta1")
_ISTIO = ("v1", "v1beta1")
_EARLY = ("v1", "v1beta1", "v1alpha2", "v1alpha1")

TYPES = (
    Type("Namespace", "", "namespaces"),
    Type("Node", "", "nodes"),
    Type("ServiceAccount", "", "serviceaccounts"),
    Type("Pod", "", "pods"),
    Type("PodTemplate", "", "podtemplates"),
    Type("ReplicationController", "", "replicationcontrollers"),
    Type("Service", "", "services"),
    Type("ConfigMap", "", "configmaps"),
    Type("PersistentVolume", "", "persistentvolumes"),
    Type("PersistentVolumeClaim", "", "persistentvolumeclaims"),
    Type("ResourceQuota", "", "resourcequotas"),
    Type("LimitRange", "", "limitranges"),
    Type("Deployment", "apps", "deployments"),
    Type("DaemonSet", "apps", "daemonsets"),
    Type("StatefulSet", "apps", "statefulsets"),
    Type("ReplicaSet", "apps", "replicasets"),
    Type("Job", "batch", "jobs"),
    Type("CronJob", "batch", "cronjobs"),
    Type("NetworkPolicy", "networking.k8s.io", "networkpolicies"),
    Type("Ingress", "networking.k8s.io", "ingresses"),
    Type("Role", _RBAC, "roles"),
    Type("RoleBinding", _RBAC, "rolebindings"),
    Type("ClusterRole", _RBAC, "clusterroles"),
    Type("ClusterRoleBinding", _RBAC, "clusterrolebindings"),
    Type("StorageClass", "storage.k8s.io", "storageclasses"),
    Type("RuntimeClass", "node.k8s.io", "runtimeclasses"),
    Type("PodDisruptionBudget", "policy", "poddisruptionbudgets"),
    Type("ValidatingWebhookConfiguration", _ADMISSION, "validatingwebhookconfigurations"),
    Type("MutatingWebhookConfiguration", _ADMISSION, "mutatingwebhookconfigurations"),
    Type("ValidatingAdmissionPolicy", _ADMISSION, "validatingadmissionpolicies"),
    Type("ValidatingAdmissionPolicyBinding", _ADMISSION, "validatingadmissionpolicybindings"),
    Type("DeviceClass", _DRA, "deviceclasses", _DRA_VERSIONS),
    Type("ResourceClaim", _DRA, "resourceclaims", _DRA_VERSIONS),
    Type("ResourceClaimTemplate", _DRA, "resourceclaimtemplates", _DRA_VERSIONS),
    Type("ResourceSlice", _DRA, "resourceslices", _DRA_VERSIONS),
    # What a cluster may have beside these; where it does not, nothing is asked of it.
    Type("AdminNetworkPolicy", "policy.networking.k8s.io", "adminnetworkpolicies", _EARLY),
    Type("BaselineAdminNetworkPolicy", "policy.networking.k8s.io", "baselineadminnetworkpolicies", _EARLY),
    Type("ClusterNetworkPolicy", "policy.networking.k8s.io", "clusternetworkpolicies", _EARLY),
    Type("CiliumNetworkPolicy", "cilium.io", "ciliumnetworkpolicies", ("v2",)),
    Type("CiliumClusterwideNetworkPolicy", "cilium.io", "ciliumclusterwidenetworkpolicies", ("v2",)),
    Type("NetworkPolicy", "crd.projectcalico.org", "networkpolicies"),
    Type("GlobalNetworkPolicy", "crd.projectcalico.org", "globalnetworkpolicies"),
    Type("NetworkAttachmentDefinition", "k8s.cni.cncf.io", "network-attachment-definitions"),
    Type("MultiNetworkPolicy", "k8s.cni.cncf.io", "multi-networkpolicies", ("v1beta2", "v1beta1")),
    Type("UserDefinedNetwork", "k8s.ovn.org", "userdefinednetworks"),
    Type("ClusterUserDefinedNetwork", "k8s.ovn.org", "clusteruserdefinednetworks"),
    Type("Gateway", _GATEWAY, "gateways", _EARLY),
    Type("HTTPRoute", _GATEWAY, "httproutes", _EARLY),
    Type("GRPCRoute", _GATEWAY, "grpcroutes", _EARLY),
    Type("TCPRoute", _GATEWAY, "tcproutes", _EARLY),
    Type("TLSRoute", _GATEWAY, "tlsroutes", _EARLY),
    Type("UDPRoute", _GATEWAY, "udproutes", _EARLY),
    Type("Gateway", "networking.istio.io", "gateways", _ISTIO),
    Type("VirtualService", "networking.istio.io", "virtualservices", _ISTIO),
    Type("PeerAuthentication", "security.istio.io", "peerauthentications", _ISTIO),
    Type("AuthorizationPolicy", "security.istio.io", "authorizationpolicies", _ISTIO),
    Type("Route", "route.openshift.io", "routes"),
    Type("ClusterPolicy", "nvidia.com", "clusterpolicies"),
    Type("RayCluster", "ray.io", "rayclusters", ("v1", "v1alpha1")),
    Type("RayJob", "ray.io", "rayjobs", ("v1", "v1alpha1")),
    Type("RayService", "ray.io", "rayservices", ("v1", "v1alpha1")),
    Type("PyTorchJob", "kubeflow.org", "pytorchjobs"),
    Type("TFJob", "kubeflow.org", "tfjobs"),
    Type("MPIJob", "kubeflow.org", "mpijobs", ("v1", "v2beta1")),
    Type("Notebook", "kubeflow.org", "notebooks", ("v1", "v1beta1")),
    Type("InferenceService", "serving.kserve.io", "inferenceservices", ("v1beta1",)),
    Type("ServingRuntime", "serving.kserve.io", "servingruntimes", ("v1alpha1",)),
    Type("Service", "serving.knative.dev", "services"),
    Type("JobSet", "jobset.x-k8s.io", "jobsets", ("v1", "v1alpha2")),
    Type("LeaderWorkerSet", "leaderworkerset.x-k8s.io", "leaderworkersets"),
)
"""Secrets are not among them: whoever may list them may read them, and no check asks what is in one."""

ROLE = "strongroom-reader"


def rules(types: Sequence[Type] = TYPES) -> Iterator[dict[str, list[str]]]:
    """The rules that let somebody list these types and nothing else, one for each group (rbac.authorization.k8s.io/v1)."""
    for group in dict.fromkeys(t.group for t in types):
        yield {
            "apiGroups": [group],
            "resources": sorted(t.plural for t in types if t.group == group),
            "verbs": ["list"],
        }


def cluster_role(name: str = ROLE) -> dict[str, object]:
    """The role of least privilege by which a whole cluster can be assessed.

    Which groups a cluster has is asked of `/apis`, which the built-in role `system:discovery` opens to every user.
    """
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": list(rules()),
    }


def unlocking(one: Type) -> str:
    """The line of a ClusterRole by which a type can be listed."""
    return f'- {{apiGroups: ["{one.group}"], resources: ["{one.plural}"], verbs: ["list"]}}'
