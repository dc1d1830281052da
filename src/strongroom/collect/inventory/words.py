"""What the headers and the words of a spreadsheet mean. Both are compared without case, accents of spelling and marks."""

import re
from collections.abc import Mapping

from strongroom.model.kinds import Kind

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "hostname", "host", "host name", "asset", "asset name", "device", "device name", "server",
             "server name", "node", "node name", "machine", "fqdn", "dns name", "bucket", "resource"),
    "kind": ("kind", "type", "asset type", "device type", "resource type", "asset kind", "ci type"),
    "id": ("id", "asset id", "resource id", "arn", "provider id", "instance id", "cloud id", "self link", "uri"),
    "serial": ("serial", "serial number", "serial no", "s n", "sn", "service tag", "chassis serial", "serialnumber"),
    "uuid": ("uuid", "system uuid", "smbios uuid", "product uuid", "hardware uuid", "gpu uuid", "guid"),
    "mac": ("mac", "mac address", "hardware address", "nic mac"),
    "owner": ("owner", "asset owner", "business owner", "technical owner", "system owner", "service owner",
              "responsible", "contact", "owned by", "team", "custodian"),
    "location": ("location", "site", "data center", "datacenter", "data centre", "datacentre", "dc", "room", "building",
                 "facility", "region"),
    "rack": ("rack", "rack position", "cabinet", "rack unit", "u position"),
    "cluster": ("cluster", "cluster name", "k8s cluster", "slurm cluster", "partition"),
    "orchestrator": ("orchestrator", "scheduler", "workload manager"),
    "tenant": ("tenant", "customer", "project", "cost center", "cost centre", "business unit"),
    "sensitivity": ("sensitivity", "classification", "data classification", "data class", "confidentiality"),
    "status": ("status", "state", "lifecycle", "lifecycle status", "asset status"),
    "ip": ("ip", "ip address", "ips", "ip addresses", "ipv4", "ipv6", "address", "primary ip"),
    "bmc": ("bmc", "bmc ip", "bmc address", "ipmi", "ipmi ip", "idrac", "idrac ip", "ilo", "ilo ip", "oob", "oob ip",
            "management ip", "mgmt ip"),
    "vendor": ("vendor", "manufacturer", "make", "brand", "maker"),
    "model": ("model", "product", "product name", "model name", "hardware model"),
    "gpu_model": ("gpu model", "gpu", "gpu type", "accelerator", "accelerator type"),
    "gpu_count": ("gpu count", "gpus", "number of gpus", "no of gpus", "accelerators"),
    "verified": ("verified", "last verified", "last seen", "last inventory", "last audit", "audited", "checked"),
    "labels": ("labels", "tags"),
}  # fmt: skip
"""Column -> the headers that mean it. A header that is not here becomes a label of its own name."""

KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("host", "server", "gpu server", "gpu node", "compute node", "node", "bare metal", "machine",
                     "physical server", "physical", "workstation", "dgx", "hgx", "login node", "head node",
                     "storage server", "hypervisor"), Kind.HOST),
    **dict.fromkeys(("vm", "virtual machine", "virtual server", "instance", "ec2", "ec2 instance", "cloud instance",
                     "cloud vm", "gce instance", "azure vm"), Kind.INSTANCE),
    **dict.fromkeys(("gpu", "accelerator", "gpu card", "graphics card"), Kind.GPU),
    **dict.fromkeys(("nic", "network card", "hca", "infiniband card", "smart nic", "dpu"), Kind.NIC),
    **dict.fromkeys(("bmc", "ipmi", "idrac", "ilo", "switch", "nvswitch", "router", "pdu", "ups", "kvm", "firewall",
                     "appliance", "rack", "phone", "printer", "laptop", "other"), Kind.OTHER),
    **dict.fromkeys(("disk", "volume", "ssd", "hdd", "drive", "nvme"), Kind.DISK),
    **dict.fromkeys(("bucket", "s3 bucket", "object store", "gcs bucket", "storage account"), Kind.BUCKET),
    **dict.fromkeys(("file system", "filesystem", "share", "file share", "nas", "nfs", "nfs share", "lustre"),
                    Kind.FILE_SYSTEM),
    **dict.fromkeys(("registry", "container registry", "image registry", "model registry"), Kind.REGISTRY),
    **dict.fromkeys(("vector store", "vector database", "vector db", "search", "opensearch"), Kind.SEARCH),
    **dict.fromkeys(("database", "db"), Kind.OTHER),
    **dict.fromkeys(("notebook", "jupyter", "workbench"), Kind.NOTEBOOK),
    **dict.fromkeys(("workspace", "ml workspace", "studio"), Kind.WORKSPACE),
    **dict.fromkeys(("training job", "job"), Kind.JOB),
    **dict.fromkeys(("model", "weights"), Kind.MODEL),
    **dict.fromkeys(("endpoint", "inference endpoint", "inference service"), Kind.ENDPOINT),
    **dict.fromkeys(("agent", "ai agent"), Kind.AGENT),
    **dict.fromkeys(("dataset", "data set", "training data"), Kind.DATASET),
    **dict.fromkeys(("cluster", "kubernetes cluster", "k8s cluster", "slurm cluster", "eks", "gke", "aks"), Kind.CLUSTER),
    **dict.fromkeys(("node pool", "node group"), Kind.NODE_POOL),
    **dict.fromkeys(("namespace",), Kind.NAMESPACE),
    **dict.fromkeys(("key", "kms key", "encryption key"), Kind.KEY),
    **dict.fromkeys(("key vault", "vault", "hsm"), Kind.KEY_VAULT),
    **dict.fromkeys(("secret",), Kind.SECRET),
    **dict.fromkeys(("account", "aws account", "subscription", "gcp project"), Kind.ACCOUNT),
    **dict.fromkeys(("vpc", "network", "vnet"), Kind.NETWORK),
    **dict.fromkeys(("subnet",), Kind.SUBNET),
    **dict.fromkeys(("load balancer", "lb"), Kind.LOAD_BALANCER),
}  # fmt: skip
"""Plain words for kinds of thing. A kind's own word (`compute.host`) means itself."""

SHOWN = (
    Kind.HOST,
    Kind.INSTANCE,
    Kind.GPU,
    Kind.NIC,
    Kind.DISK,
    Kind.BUCKET,
    Kind.FILE_SYSTEM,
    Kind.REGISTRY,
    Kind.SEARCH,
    Kind.NOTEBOOK,
    Kind.CLUSTER,
    Kind.NODE_POOL,
)
"""The kinds of which an unreadable row may hide one that a check asks for."""

_MEANT = {header: column for column, headers in COLUMNS.items() for header in headers}
_OWN = {kind.value: kind for kind in Kind if kind is not Kind.SOURCE}


def plain(text: str) -> str:
    """A header or word as it is compared: lower case, every mark a space."""
    return " ".join(re.sub(r"[\W_]+", " ", text.lower()).split())


def column_of(header: str) -> str:
    """The column that a header means; empty for one that is not known."""
    return _MEANT.get(plain(header), "")


def kind_of(text: str) -> Kind | None:
    """The kind that a word means; None for a word that is not known. A plural means the same."""
    own = _OWN.get(text.strip().lower())
    if own is not None:
        return own
    word = plain(text)
    return KINDS.get(word) or KINDS.get(word.removesuffix("s"))
