"""EKS clusters: who reaches the API, who may enter, what is logged, and whether the version still gets fixes."""

from datetime import date

from strongroom.assess.checks._keys import customer_key
from strongroom.kit.kleene import any_of
from strongroom.kit.nets import is_world
from strongroom.model.codes import Effort, GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

KINDS = (Kind.CLUSTER,)
NATIVE = "aws_eks_cluster"
SEE = "aws eks describe-cluster --name <name> --query cluster."
LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
# EKS User Guide, "Kubernetes versions", release calendar: the last day of extended support.
SUPPORTED_UNTIL = {
    (1, 27): date(2025, 7, 24),
    (1, 28): date(2025, 11, 26),
    (1, 29): date(2026, 3, 23),
    (1, 30): date(2026, 7, 23),
    (1, 31): date(2026, 11, 26),
    (1, 32): date(2027, 3, 23),
    (1, 33): date(2027, 7, 29),
    (1, 34): date(2027, 12, 2),
    (1, 35): date(2028, 3, 27),
}


@check(
    id="net.cluster.eks-api-private",
    title="The cluster's API has no public address",
    clause="NET-02.private-cluster-api",
    kinds=KINDS,
    needs=("api.public",),
    severity=Severity.HIGH,
    fix=Fix(
        "Open the private endpoint, move whoever uses the API into the network or behind a VPN, then close the public one.",
        ((NATIVE, "vpc_config {\n  endpoint_private_access = true\n  endpoint_public_access  = false\n}"),),
        verify=SEE + "resourcesVpcConfig.endpointPublicAccess",
        effort=Effort.MEDIUM,
    ),
    broken="its API answers on a public address",
    equivalents=(
        "checkov:CKV_AWS_39",
        "trivy:AWS-0040",
        "guard:EKS_ENDPOINT_NO_PUBLIC_ACCESS",
        "kubescape:ensure-endpointprivateaccess-is-enabled-and-endpointpublicaccess-is-disabled-eks",
    ),
)
def api_private(v: View) -> bool:
    """A public API server is one stolen token or one flaw away from every pod, secret and GPU of the cluster."""
    return not v.flag("api.public")


@check(
    id="net.cluster.eks-api-cidrs",
    title="The cluster's public API is not open to every address",
    clause="NET-01.not-exposed",
    kinds=KINDS,
    needs=("api.public", "api.public_cidrs"),
    severity=Severity.HIGH,
    fix=Fix(
        "List the addresses that use the API.",
        ((NATIVE, 'vpc_config {\n  public_access_cidrs = ["203.0.113.0/24"]\n}'),),
        verify=SEE + "resourcesVpcConfig.publicAccessCidrs",
    ),
    broken="its API answers every address ({peers})",
    equivalents=(
        "checkov:CKV_AWS_38",
        "trivy:AWS-0041",
        "prowler:eks_cluster_not_publicly_accessible",
        "kubescape:ensure-endpointpublicaccess-is-disabled-on-private-nodes-eks",
    ),
)
def api_cidrs(v: View) -> Answer:
    """An API that answers the whole internet is found within hours and tried for as long as it stands."""
    if v.raw("api.public") is False:
        return holds()
    raw = v.raw("api.public_cidrs")
    peers = raw if isinstance(raw, tuple) else (raw,)
    world = any_of(p if isinstance(p, Unknown) else is_world(str(p)) for p in peers)
    if isinstance(world, Unknown):
        return unknown(world)
    if not world:
        return holds()
    return broken(peers=", ".join(str(p) for p in peers if isinstance(p, str))) if v.flag("api.public") else holds()


@check(
    id="net.cluster.eks-api-inside",
    title="Nodes reach the cluster's API inside the network",
    clause="NET-02.private-cluster-api",
    kinds=KINDS,
    needs=("api.private",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Open the private endpoint.",
        ((NATIVE, "vpc_config {\n  endpoint_private_access = true\n}"),),
        verify=SEE + "resourcesVpcConfig.endpointPrivateAccess",
    ),
    broken="its API has no private endpoint: nodes leave the network to reach it",
    equivalents=("prowler:eks_cluster_private_nodes_enabled", "kubescape:ensure-endpointprivateaccess-is-enabled"),
)
def api_inside(v: View) -> bool:
    """Without a private endpoint the nodes need a way to the internet only to stay members of their cluster."""
    return v.flag("api.private")


@check(
    id="enc.cluster.eks-secrets-cmk",
    title="The cluster's secrets are encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=KINDS,
    needs=("enc.secrets_key", "eks.access_mode"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key for secrets, then write every secret anew so that it is encrypted with it.",
        (
            (
                NATIVE,
                'encryption_config {\n  resources = ["secrets"]\n  provider {\n    key_arn = aws_kms_key.eks.arn\n  }\n}',
            ),
        ),
        "kubectl get secrets -A -o json | kubectl replace -f -",
        SEE + "encryptionConfig",
        Effort.MEDIUM,
    ),
    broken="its secrets are encrypted with {found}",
    equivalents=(
        "checkov:CKV_AWS_58",
        "trivy:AWS-0039",
        "guard:EKS_CLUSTER_ENCRYPTION_RULE",
        "prowler:eks_cluster_kms_cmk_encryption_in_secrets_enabled",
    ),
)
def secrets_key(v: View) -> Answer:
    """Tokens for registries, hubs and buckets lie in the cluster's database; a key of the owner's logs and limits who
    reads them outside Kubernetes.
    """
    return customer_key(v, "enc.secrets_key")


@check(
    id="log.cluster.eks-control-plane",
    title="The cluster's control plane logs everything that it can",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("log.types", "eks.access_mode"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch all five kinds of log on.",
        (
            (
                NATIVE,
                'enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]',
            ),
        ),
        verify=SEE + "logging",
    ),
    broken="it does not log {missing}",
    equivalents=(
        "checkov:CKV_AWS_37",
        "trivy:AWS-0038",
        "prowler:eks_control_plane_logging_all_types_enabled",
        "kubescape:k8s-audit-logs-enabled-cloud",
    ),
)
def logs(v: View) -> Answer:
    """Without the audit log nobody can say who read a secret, opened a shell in a pod, or changed who may."""
    raw = v.raw("log.types")
    if isinstance(raw, Unknown):
        return unknown(raw)
    found = raw if isinstance(raw, tuple) else ()
    missing = [t for t in LOGS if t not in found]
    doubts = [f for f in found if isinstance(f, Unknown)]
    if missing and doubts:
        return unknown(*doubts)
    return broken(missing=", ".join(missing)) if missing else holds()


@check(
    id="inv.cluster.eks-version",
    title="The cluster runs a version that still gets fixes",
    clause="GPU-06.patched",
    kinds=KINDS,
    needs=("version", "eks.access_mode"),
    severity=Severity.HIGH,
    fix=Fix(
        "Upgrade one minor version at a time, the control plane first, then the node groups and add-ons.",
        ((NATIVE, 'version = "1.35"'),),
        "aws eks update-cluster-version --name <name> --kubernetes-version <next>",
        SEE + "version",
        Effort.LARGE,
    ),
    broken="version {version} gets no fixes since {since}",
    equivalents=("checkov:CKV_AWS_339", "prowler:eks_cluster_uses_a_supported_version"),
)
def version(v: View) -> Answer:
    """A control plane past its support keeps its known flaws, and EKS upgrades it on a day of its own choosing.

    A cluster that names no version is made with the latest and is upgraded by EKS when that one ends.
    """
    said = v.text("version")
    if not said:
        return holds()
    numbers = tuple(int(p) for p in said.split(".")[:2] if p.isdigit())
    if len(numbers) != 2:
        return unknown(Unknown(GapCode.MALFORMED, f"version {said[:20]} is no Kubernetes version"))
    newest = max(SUPPORTED_UNTIL)
    if numbers < min(SUPPORTED_UNTIL):
        return broken(version=said, since="long")
    ends = SUPPORTED_UNTIL.get((numbers[0], numbers[1]), SUPPORTED_UNTIL[newest])
    if v.now.date() <= ends:
        return holds()
    if numbers > newest:
        return unknown(Unknown(GapCode.UNSUPPORTED, f"version {said} is newer than the list of support dates"))
    return broken(version=said, since=ends.isoformat())


@check(
    id="iam.cluster.eks-access-entries",
    title="Who may enter the cluster is decided by access entries alone",
    clause="IAM-02.no-escalation",
    kinds=KINDS,
    needs=("eks.access_mode",),
    severity=Severity.LOW,
    fix=Fix(
        "Move every line of the aws-auth ConfigMap to an access entry, then switch the mode. There is no way back.",
        ((NATIVE, 'access_config {\n  authentication_mode = "API"\n}'),),
        verify=SEE + "accessConfig.authenticationMode",
        effort=Effort.MEDIUM,
    ),
    broken="the aws-auth ConfigMap decides too ({mode})",
)
def access_entries(v: View) -> Answer:
    """Whoever may edit one ConfigMap in the cluster makes any AWS identity its administrator, unseen by CloudTrail."""
    mode = v.text("eks.access_mode")
    return holds() if mode == "API" else broken(mode=mode)


@check(
    id="iam.cluster.eks-creator",
    title="Whoever made the cluster does not stay its administrator",
    clause="IAM-02.equals-approved-role",
    kinds=KINDS,
    needs=("eks.creator_admin",),
    severity=Severity.LOW,
    fix=Fix(
        "Give administrators access entries of their own, and take the creator's away.",
        ((NATIVE, "access_config {\n  bootstrap_cluster_creator_admin_permissions = false\n}"),),
        verify="aws eks list-access-entries --cluster-name <name>",
        effort=Effort.MEDIUM,
    ),
    broken="its creator is its administrator for good",
)
def creator(v: View) -> bool:
    """The pipeline that made a cluster keeps the right to everything in it, on no list that anybody reviews."""
    return not v.flag("eks.creator_admin")


@check(
    id="net.cluster.eks-network-policy",
    title="The cluster enforces network policies",
    clause="SEG-01.default-deny-between",
    kinds=KINDS,
    needs=("net.policy", "eks.access_mode"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch network policies on in the VPC CNI add-on, then deny by default in every namespace.",
        (("aws_eks_addon", 'configuration_values = jsonencode({ enableNetworkPolicy = "true" })'),),
        verify="aws eks describe-addon --cluster-name <name> --addon-name vpc-cni --query addon.configurationValues",
        effort=Effort.MEDIUM,
    ),
    broken="the VPC CNI does not enforce network policies: written ones have no effect",
    equivalents=("prowler:eks_cluster_vpc_cni_network_policy_enforced",),
)
def network_policy(v: View) -> bool:
    """A NetworkPolicy that nothing enforces looks like isolation between tenants and is none."""
    return v.flag("net.policy")


CHECKS = (
    api_private,
    api_cidrs,
    api_inside,
    secrets_key,
    logs,
    version,
    access_entries,
    creator,
    network_policy,
)
