"""An organisation of Google Cloud as Cloud Asset Inventory exports it, made up: as it should be, and with everything open."""

import copy
from collections.abc import Mapping, Sequence

Record = dict[str, object]
P = "projects/ai-prod"
ZONE, REGION = f"{P}/zones/europe-west4-a", f"{P}/locations/europe-west4"
RING = f"{REGION}/keyRings/r"
KEY = f"{RING}/cryptoKeys/k"
ACCOUNT = "train@ai-prod.iam.gserviceaccount.com"
COMPUTE = "https://www.googleapis.com/compute/v1/"


def record(kind: str, path: str, data: Mapping[str, object] | None, bindings: Sequence[object] | None = None) -> Record:
    """One line of an export: a resource, or with bindings its policy."""
    service = kind.partition("/")[0]
    made: Record = {"name": f"//{service}/{path}", "assetType": kind, "ancestors": ["projects/123", "organizations/9"]}
    if data is not None:
        made["resource"] = {
            "version": "v1",
            "discoveryName": kind.partition("/")[2],
            "location": "europe-west4",
            "data": dict(data),
        }
    if bindings is not None:
        made["iamPolicy"] = {"bindings": list(bindings)}
    return made


_SHIELD = {"enableSecureBoot": True, "enableVtpm": True, "enableIntegrityMonitoring": True}
_CARD = {"network": f"{COMPUTE}{P}/global/networks/n", "subnetwork": f"{COMPUTE}{P}/regions/europe-west4/subnetworks/s"}
_DISK = {"boot": True, "diskEncryptionKey": {"kmsKeyName": KEY}, "source": f"{COMPUTE}{ZONE}/disks/d"}
_NODES = {
    "machineType": "a3-highgpu-8g", "serviceAccount": ACCOUNT, "bootDiskKmsKey": KEY, "shieldedInstanceConfig": _SHIELD,
    "workloadMetadataConfig": {"mode": "GKE_METADATA"},
    "accelerators": [{"acceleratorType": "nvidia-h100-80gb", "acceleratorCount": "8",
                      "gpuDriverInstallationConfig": {"gpuDriverVersion": "LATEST"}}],
    "taints": [{"key": "gpu", "value": "yes", "effect": "NO_SCHEDULE"}],
}  # fmt: skip


def _closed() -> list[Record]:
    return [
        record("cloudresourcemanager.googleapis.com/Project", "projects/123", {"projectId": "ai-prod", "projectNumber": "123"},
               [{"role": "roles/viewer", "members": ["user:a@example.com"]}]),
        record("storage.googleapis.com/Bucket", "weights", {
            "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced"},
            "encryption": {"defaultKmsKeyName": KEY}, "versioning": {"enabled": True}, "retentionPolicy": {"isLocked": True},
            "labels": {"artifact": "weights"}, "acl": [], "defaultObjectAcl": [],
        }, [{"role": "roles/storage.objectViewer", "members": [f"serviceAccount:{ACCOUNT}"]}]),
        record("cloudkms.googleapis.com/KeyRing", RING, {}),
        record("cloudkms.googleapis.com/CryptoKey", KEY, {
            "purpose": "ENCRYPT_DECRYPT", "rotationPeriod": "2592000s", "destroyScheduledDuration": "2592000s",
            "versionTemplate": {"protectionLevel": "HSM"},
        }, [{"role": "roles/cloudkms.cryptoKeyDecrypter", "members": [f"serviceAccount:{ACCOUNT}"]}]),
        record("iam.googleapis.com/ServiceAccount", f"{P}/serviceAccounts/{ACCOUNT}", {"email": ACCOUNT, "displayName": "train"}),
        record("compute.googleapis.com/Instance", f"{ZONE}/instances/i", {
            "name": "i", "machineType": f"{COMPUTE}{ZONE}/machineTypes/a3-highgpu-1g", "networkInterfaces": [_CARD],
            "shieldedInstanceConfig": _SHIELD, "serviceAccounts": [{"email": ACCOUNT}], "disks": [_DISK],
            "confidentialInstanceConfig": {"enableConfidentialCompute": True, "confidentialInstanceType": "TDX"},
        }),
        record("compute.googleapis.com/Disk", f"{ZONE}/disks/d", {"diskEncryptionKey": {"kmsKeyName": KEY}}),
        record("compute.googleapis.com/Network", f"{P}/global/networks/n", {}),
        record("compute.googleapis.com/Route", f"{P}/global/routes/inside", {
            "network": f"{COMPUTE}{P}/global/networks/n", "destRange": "10.0.0.0/8", "nextHopGateway": "x"}),
        record("compute.googleapis.com/Subnetwork", f"{P}/regions/europe-west4/subnetworks/s", {
            "network": f"{COMPUTE}{P}/global/networks/n", "privateIpGoogleAccess": True, "logConfig": {"enable": True}, "purpose": "PRIVATE"}),
        record("compute.googleapis.com/Firewall", f"{P}/global/firewalls/f", {
            "network": f"{COMPUTE}{P}/global/networks/n", "direction": "INGRESS", "priority": 1000, "sourceRanges": ["10.0.0.0/8"],
            "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}),
        record("container.googleapis.com/Cluster", f"{P}/locations/europe-west4/clusters/c", {
            "binaryAuthorization": {"evaluationMode": "PROJECT_SINGLETON_POLICY_ENFORCE"}, "confidentialNodes": {"enabled": True},
            "databaseEncryption": {"state": "ENCRYPTED", "keyName": KEY}, "shieldedNodes": {"enabled": True},
            "networkConfig": {"datapathProvider": "ADVANCED_DATAPATH", "inTransitEncryptionConfig": "IN_TRANSIT_ENCRYPTION_INTER_NODE_TRANSPARENT"},
            "loggingConfig": {"componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER"]}},
            "masterAuthorizedNetworksConfig": {"enabled": True, "cidrBlocks": [{"cidrBlock": "10.0.0.0/8"}]},
            "privateClusterConfig": {"enablePrivateNodes": True, "enablePrivateEndpoint": True},
            "workloadIdentityConfig": {"workloadPool": "ai-prod.svc.id.goog"}, "masterAuth": {},
        }),
        record("container.googleapis.com/NodePool", f"{P}/locations/europe-west4/clusters/c/nodePools/gpu", {
            "config": _NODES, "management": {"autoUpgrade": True}, "networkConfig": {"enablePrivateNodes": True}}),
        record("aiplatform.googleapis.com/Endpoint", "projects/123/locations/europe-west4/endpoints/e", {
            "encryptionSpec": {"kmsKeyName": KEY}, "privateServiceConnectConfig": {"enablePrivateServiceConnect": True},
            "predictRequestResponseLoggingConfig": {"enabled": True}, "displayName": "serving"}),
        record("notebooks.googleapis.com/Instance", f"{P}/locations/europe-west4-a/instances/w", {"gceSetup": {
            "disablePublicIp": True, "machineType": "g2-standard-4", "metadata": {"notebook-disable-root": "true"},
            "bootDisk": {"diskEncryption": "CMEK", "kmsKey": KEY}, "dataDisks": [], "shieldedInstanceConfig": _SHIELD,
            "serviceAccounts": [{"email": ACCOUNT}], "networkInterfaces": [_CARD]}}),
        record("artifactregistry.googleapis.com/Repository", f"{REGION}/repositories/img", {
            "kmsKeyName": KEY, "dockerConfig": {"immutableTags": True}}),
        record("logging.googleapis.com/LogBucket", f"{P}/locations/global/buckets/_Default", {
            "retentionDays": 400, "locked": True, "cmekSettings": {"kmsKeyName": KEY}}),
    ]  # fmt: skip


def closed() -> list[Record]:
    """The organisation as it should be."""
    return copy.deepcopy(_closed())


_OPEN: dict[str, object] = {
    "uniformBucketLevelAccess": {"enabled": False}, "publicAccessPrevention": "inherited", "encryption": None, "versioning": None,
    "isLocked": False, "acl": [{"entity": "allUsers", "role": "READER"}], "rotationPeriod": None, "destroyScheduledDuration": "86400s",
    "protectionLevel": "SOFTWARE", "enableSecureBoot": False, "enableVtpm": False, "enableIntegrityMonitoring": False,
    "diskEncryptionKey": None, "confidentialInstanceConfig": None, "destRange": "0.0.0.0/0", "nextHopGateway": "default-internet-gateway",
    "privateIpGoogleAccess": False, "logConfig": None, "sourceRanges": ["0.0.0.0/0"], "binaryAuthorization": None,
    "confidentialNodes": None, "databaseEncryption": None, "shieldedNodes": None, "datapathProvider": "LEGACY_DATAPATH",
    "inTransitEncryptionConfig": None, "loggingConfig": {"componentConfig": {}}, "masterAuthorizedNetworksConfig": {},
    "privateClusterConfig": {}, "workloadIdentityConfig": None, "masterAuth": {"clientCertificate": "x"}, "bootDiskKmsKey": None,
    "workloadMetadataConfig": {"mode": "GCE_METADATA"}, "taints": [], "autoUpgrade": False, "enablePrivateNodes": False,
    "encryptionSpec": None, "privateServiceConnectConfig": None, "predictRequestResponseLoggingConfig": None, "disablePublicIp": False,
    "metadata": {}, "bootDisk": {}, "kmsKeyName": None, "immutableTags": False, "retentionDays": 1, "locked": False, "cmekSettings": None,
    "serviceAccount": "default", "serviceAccounts": [{"email": "123-compute@developer.gserviceaccount.com"}],
}  # fmt: skip


def opened() -> list[Record]:
    """The same resources with every switch the wrong way, and everybody let in."""

    def turned(value: object) -> object:
        if isinstance(value, dict):
            return {k: copy.deepcopy(_OPEN[k]) if k in _OPEN else turned(v) for k, v in value.items()}
        return [turned(v) for v in value] if isinstance(value, list) else value

    made = [turned(r) for r in closed()]
    found = [r for r in made if isinstance(r, dict)]
    for one in found:
        if "iamPolicy" in one:
            one["iamPolicy"] = {"bindings": [{"role": "roles/editor", "members": ["allUsers"]}]}
        for card in _cards(one):
            card["accessConfigs"] = [{"natIP": "8.8.8.8"}]
    return found


def _cards(one: Record) -> list[Record]:
    resource = one.get("resource")
    data = resource.get("data") if isinstance(resource, dict) else None
    listed = data.get("networkInterfaces") if isinstance(data, dict) else None
    return listed if isinstance(listed, list) else []
