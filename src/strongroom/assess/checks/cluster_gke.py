"""Google Kubernetes Engine: who reaches the control plane, what it admits, encrypts and logs."""

from strongroom.assess.checks._gcp import SERVICE, any_text, customer_key, items
from strongroom.kit.kleene import any_of
from strongroom.kit.nets import is_world
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

CLUSTER = "google_container_cluster"
CLUSTERS = (Kind.CLUSTER,)
DESCRIBE = "gcloud container clusters describe NAME --location LOCATION --format='value({0})'"
NETWORKS = 'master_authorized_networks_config {\n  cidr_blocks {\n    cidr_block   = "10.0.0.0/8"\n    display_name = "internal"\n  }\n}'


@check(
    id="net.gke.api-world",
    title="No authorised network of the control plane is the whole internet",
    clause="NET-01.not-exposed",
    kinds=CLUSTERS,
    needs=(SERVICE, "net.public_cidrs"),
    severity=Severity.HIGH,
    fix=Fix(
        "List the networks of your administrators and of your build machines, and nothing wider.",
        ((CLUSTER, NETWORKS),),
        "gcloud container clusters update NAME --enable-master-authorized-networks --master-authorized-networks CIDR",
        DESCRIBE.format("masterAuthorizedNetworksConfig.cidrBlocks"),
    ),
    broken="the control plane answers {cidr}",
    equivalents=("checkov:CKV_GCP_18", "trivy:GCP-0053"),
)
def api_world(v: View) -> Answer:
    """The API of a cluster schedules code on every GPU and reads every secret. A list of networks that holds the whole
    internet is none, and one leaked credential then works from anywhere.
    """
    listed = items(v, "net.public_cidrs")
    wide = next((c for c in listed if isinstance(c, str) and is_world(c)), None)
    if wide is not None:
        return broken(cidr=wide)
    doubts = [c for c in listed if isinstance(c, Unknown)]
    return unknown(*doubts) if doubts else holds()


@check(
    id="net.gke.authorized-networks",
    title="Only listed networks reach the control plane",
    clause="NET-01.not-exposed",
    kinds=CLUSTERS,
    needs=(SERVICE, "net.listed_only"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch authorised networks on; without any block nobody outside the nodes' own network is let in. They do not "
        "bind the DNS endpoint: let it take no external traffic, or fence it with VPC Service Controls.",
        ((CLUSTER, NETWORKS),),
        "gcloud container clusters update NAME --enable-master-authorized-networks",
        DESCRIBE.format("masterAuthorizedNetworksConfig.enabled"),
    ),
    broken="every address may call the control plane: no list of networks restricts all of its endpoints",
    equivalents=("checkov:CKV_GCP_20", "trivy:GCP-0061"),
)
def authorized_networks(v: View) -> bool:
    """Without a list the control plane answers the whole internet, so that a stolen token or a flaw in the API server
    needs no foothold inside.
    """
    return v.flag("net.listed_only")


@check(
    id="net.gke.private-api",
    title="The control plane has no endpoint on the internet",
    clause="NET-02.private-cluster-api",
    kinds=CLUSTERS,
    needs=(SERVICE, "net.public"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Use the private endpoint, and reach it from inside the network or by a bastion.",
        ((CLUSTER, "private_cluster_config {\n  enable_private_nodes    = true\n  enable_private_endpoint = true\n}"),),
        verify=DESCRIBE.format("privateClusterConfig.enablePrivateEndpoint"),
        effort=Effort.LARGE,
    ),
    broken="the control plane has an endpoint on the internet",
)
def private_api(v: View) -> bool:
    """An endpoint that the internet can open a connection to is one zero-day or one leaked credential from being used;
    a private one has to be reached first.
    """
    return not v.flag("net.public")


@check(
    id="net.gke.private-nodes",
    title="Nodes have no public addresses",
    clause="NET-01.not-exposed",
    kinds=CLUSTERS,
    needs=(SERVICE, "net.private_nodes"),
    severity=Severity.HIGH,
    fix=Fix(
        "Make the cluster with private nodes, and give it a way out through Cloud NAT where it needs one.",
        ((CLUSTER, "private_cluster_config {\n  enable_private_nodes = true\n}"),),
        verify=DESCRIBE.format("privateClusterConfig.enablePrivateNodes"),
        effort=Effort.LARGE,
    ),
    broken="nodes are given public addresses",
    equivalents=("checkov:CKV_GCP_64", "checkov:CKV_GCP_25", "trivy:GCP-0059"),
)
def private_nodes(v: View) -> bool:
    """A node with a public address shows kubelet, node ports and SSH to the internet, and sends out whatever runs on it
    without passing anything that could stop it.
    """
    return v.flag("net.private_nodes")


@check(
    id="net.gke.network-policy",
    title="The cluster enforces network policies",
    clause="SEG-01.default-deny-between",
    kinds=CLUSTERS,
    needs=(SERVICE, "net.policy"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make the cluster with Dataplane V2, or switch the network policy add-on and its enforcement on.",
        ((CLUSTER, 'datapath_provider = "ADVANCED_DATAPATH"'),),
        verify="a pod that a deny-all policy selects can no longer be reached from another namespace",
        effort=Effort.LARGE,
    ),
    broken="network policies are not enforced",
    equivalents=("checkov:CKV_GCP_12", "trivy:GCP-0056"),
)
def network_policy(v: View) -> bool:
    """Where nothing enforces them, policies are accepted and ignored: every pod reaches every other tenant's model
    server, and the files say that it cannot.
    """
    return v.flag("net.policy")


@check(
    id="art.gke.signed-images",
    title="Only attested images are admitted",
    clause="ART-04.verified-on-load",
    kinds=CLUSTERS,
    needs=(SERVICE, "admission.signed_images"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Enforce the project's Binary Authorization policy, after a time in dry run.",
        ((CLUSTER, 'binary_authorization {\n  evaluation_mode = "PROJECT_SINGLETON_POLICY_ENFORCE"\n}'),),
        "gcloud container clusters update NAME --binauthz-evaluation-mode=PROJECT_SINGLETON_POLICY_ENFORCE",
        "kubectl run of an image without an attestation is refused",
        Effort.LARGE,
    ),
    broken="any image is admitted",
    equivalents=("checkov:CKV_GCP_66",),
)
def signed_images(v: View) -> bool:
    """An image that was changed on its way, or was never built by you, runs next to the weights unless admission asks
    for a signature.
    """
    return v.flag("admission.signed_images")


@check(
    id="iam.gke.no-shared-login",
    title="Nobody logs in with a client certificate, a password or legacy rights",
    clause="IAM-01.no-shared-accounts",
    kinds=CLUSTERS,
    needs=(SERVICE, "auth.local"),
    severity=Severity.HIGH,
    fix=Fix(
        "Take client certificates, basic authentication and legacy ABAC out.",
        (
            (
                CLUSTER,
                "enable_legacy_abac = false\nmaster_auth {\n  client_certificate_config {\n    issue_client_certificate = false\n  }\n}",
            ),
        ),
        verify=DESCRIBE.format("masterAuth.clientCertificate,legacyAbac.enabled"),
    ),
    broken="a client certificate, a password or legacy ABAC opens the cluster",
    equivalents=("checkov:CKV_GCP_7", "checkov:CKV_GCP_13", "trivy:GCP-0062", "trivy:GCP-0064"),
)
def no_shared_login(v: View) -> bool:
    """Such a login belongs to nobody, cannot be revoked for one person, and stands in the state file in plain text."""
    return not v.flag("auth.local")


@check(
    id="enc.gke.node-traffic",
    title="Traffic between nodes is encrypted",
    clause="ART-02.node-traffic-encrypted",
    kinds=CLUSTERS,
    needs=(SERVICE, "enc.in_transit"),
    severity=Severity.LOW,
    fix=Fix(
        "Encrypt between nodes (needs Dataplane V2), or record why the network is a segment of its own.",
        ((CLUSTER, 'in_transit_encryption_config = "IN_TRANSIT_ENCRYPTION_INTER_NODE_TRANSPARENT"'),),
        verify=DESCRIBE.format("networkConfig.inTransitEncryptionConfig"),
    ),
    broken="pods on different nodes talk in the clear above the network",
)
def node_traffic(v: View) -> bool:
    """Training moves gradients and activations between nodes in plain frames; whoever gets into the network between
    them reads the model as it grows.
    """
    return v.flag("enc.in_transit")


@check(
    id="log.gke.workloads",
    title="The cluster logs its own components and its workloads",
    clause="LOG-01.sources-on",
    kinds=CLUSTERS,
    needs=(SERVICE, "log.types"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Send the logs of system components, workloads and the API server to Cloud Logging.",
        ((CLUSTER, 'logging_config {\n  enable_components = ["SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER"]\n}'),),
        verify=DESCRIBE.format("loggingConfig.componentConfig.enableComponents"),
    ),
    broken="not logged: {missing}",
    equivalents=("checkov:CKV_GCP_1", "trivy:GCP-0060"),
)
def workloads(v: View) -> Answer:
    """When a pod is gone, its log is all that is left of what ran on the GPU."""
    wanted = ("SYSTEM_COMPONENTS", "WORKLOADS")
    there = {w: any_text(v, "log.types", w.__eq__) for w in wanted}
    missing = [w for w in wanted if there[w] is False]
    if missing:
        return broken(missing=", ".join(missing))
    doubt = any_of(a for a in there.values() if isinstance(a, Unknown))
    return unknown(doubt) if isinstance(doubt, Unknown) else holds()


secrets_key = customer_key(
    "enc.gke.secrets-cmk",
    "Secrets of the cluster are encrypted with a customer-managed key",
    CLUSTERS,
    "enc.secrets_key",
    Fix(
        "Name a key of your own for application-layer secrets encryption.",
        ((CLUSTER, 'database_encryption {\n  state    = "ENCRYPTED"\n  key_name = google_kms_crypto_key.gke.id\n}'),),
        "gcloud container clusters update NAME --database-encryption-key KEY",
        DESCRIBE.format("databaseEncryption.state"),
        Effort.MEDIUM,
    ),
    "Secrets in a cluster's database open registries, buckets and model hubs; under a key of your own they can be cut "
    "off, and each use of the key is logged.",
    (),
)

CHECKS = (
    api_world,
    authorized_networks,
    private_api,
    private_nodes,
    network_policy,
    signed_images,
    no_shared_login,
    node_traffic,
    workloads,
    secrets_key,
)
