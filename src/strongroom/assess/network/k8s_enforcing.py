"""Whether the network of a cluster enforces policies: by what the user says, by the cluster's facts, by what runs on its nodes.

The API server takes policies whether or not anything enforces them (Kubernetes, "Network Policies", prerequisites), so
where nothing tells, it is unknown.
"""

from collections.abc import Iterator

from strongroom.assess.network.k8s_cluster import Cluster
from strongroom.kit.kleene import Tri
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.reach import Scene
from strongroom.model.values import Unknown

FACT = "net.policy"
# DaemonSets that enforce policies, in the namespaces that their makers install them into.
_ENFORCERS = (
    *("calico-node", "canal", "cilium", "antrea-agent", "kube-router", "weave-net", "ovnkube-node", "azure-npm"),
    *("kube-network-policies", "romana-agent"),
)
_PLACES = (
    *("kube-system", "calico-system", "cilium", "antrea-system", "openshift-ovn-kubernetes", "ovn-kubernetes"),
    "kube-flannel",
)
_ONLY_FORWARD = ("kube-flannel-ds", "kube-flannel")  # Flannel's README: it does not control policies
_VPC_CNI, _VPC_FLAG = "aws-node", "--enable-network-policy"  # its agent has the flag in either case (aws-vpc-cni)
_NOT_TOLD = (
    "nothing in the source tells whether the network enforces policies; say --policies enforced or ignored, or give the "
    "cluster's own source with --also"
)


def enforced(cluster: Cluster, scene: Scene) -> Tri:
    """Whether policies count."""
    if scene.enforced is not None:
        return scene.enforced
    said = [a.value(FACT) for a in scene.estate.assets if a.kind is Kind.CLUSTER and FACT in a.facts]
    if len(said) > 1:
        return Unknown(GapCode.CONFLICT, f"the sources show {len(said)} clusters; say --policies enforced or ignored")
    if said and isinstance(said[0], bool | Unknown):
        return said[0]
    return _by_agents(cluster)


def _by_agents(cluster: Cluster) -> Tri:
    if cluster.user_networks or cluster.cluster_networks:  # only OVN-Kubernetes has them, and it enforces
        return True
    flags = list(_vpc_flags(cluster))
    if flags:
        return all(flags)
    agents = {
        p.workload.name for p in cluster.pods if p.workload.kind == "DaemonSet" and p.workload.namespace in _PLACES
    }
    if agents.intersection(_ENFORCERS):
        return True
    if agents.intersection(_ONLY_FORWARD):
        return False
    return Unknown(GapCode.ABSENT, _NOT_TOLD)


def _vpc_flags(cluster: Cluster) -> Iterator[bool]:
    for placed in cluster.node_agents:
        if (placed.namespace, placed.name) != ("kube-system", _VPC_CNI):
            continue
        template = placed.value.spec.template if placed.value.spec is not None else None
        spec = template.spec if template is not None else None
        for container in (spec.containers if spec is not None else None) or ():
            for argument in container.args or ():
                name, _, value = argument.partition("=")
                if name == _VPC_FLAG:
                    yield value.lower() == "true"
