"""Storage classes and volumes: whose key encrypts them, by the parameters of their driver."""

from collections.abc import Iterator, Mapping

from strongroom.collect.kubernetes.trees import Tree, at, pairs, text_at
from strongroom.model.codes import GapCode
from strongroom.model.values import Key, Unknown, Value

Said = tuple[str, Value]
EBS = ("ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", "kubernetes.io/aws-ebs")
# Drivers of clouds that encrypt every volume, with the parameter that names a key of the customer's and the page that
# says so of the cloud.
_ALWAYS: dict[str, tuple[str, str]] = {
    "pd.csi.storage.gke.io": (
        "disk-encryption-kms-key",
        "https://cloud.google.com/kubernetes-engine/docs/how-to/using-cmek",
    ),
    "kubernetes.io/gce-pd": (
        "disk-encryption-kms-key",
        "https://cloud.google.com/kubernetes-engine/docs/how-to/using-cmek",
    ),
    "filestore.csi.storage.gke.io": (
        "instance-encryption-kms-key",
        "https://cloud.google.com/filestore/docs/cmek",
    ),
    "disk.csi.azure.com": (
        "diskencryptionsetid",
        "https://learn.microsoft.com/azure/virtual-machines/disk-encryption",
    ),
    "kubernetes.io/azure-disk": (
        "diskencryptionsetid",
        "https://learn.microsoft.com/azure/virtual-machines/disk-encryption",
    ),
}
# Drivers that encrypt in the cluster itself when they are told to, with the parameter that says where the key is.
_OWN = {
    "rbd.csi.ceph.com": "encryptionkmsid",
    "cephfs.csi.ceph.com": "encryptionkmsid",
    "driver.longhorn.io": "csi.storage.k8s.io/node-publish-secret-name",
}
_YES = ("true", "1", "t")  # what Go reads as true
_PROVISIONED = "pv.kubernetes.io/provisioned-by"


def key(driver: str, given: Mapping[str, str]) -> tuple[Key | Unknown, str]:
    """The key of the volumes that a driver makes by these parameters, and the page of the default that counted, if one did."""
    low = {k.lower(): v for k, v in given.items()}  # the drivers read them without case
    said = low.get("encrypted", "").lower()
    if driver in EBS:
        if said in _YES:
            return (Key("cmk", low["kmskeyid"]) if low.get("kmskeyid") else Key("provider", "alias/aws/ebs")), ""
        if said:
            return Key("none"), ""
        return Unknown(GapCode.UNDECIDED, "the class does not say; the account's default for EBS decides"), ""
    if driver in _ALWAYS:
        name, page = _ALWAYS[driver]
        return (Key("cmk", low[name]), "") if low.get(name) else (Key("provider"), page)
    own = next((n for d, n in _OWN.items() if driver == d or driver.endswith(f".{d}")), None)
    if own is not None and said in _YES:
        return Key("cmk", low.get(own, "")), ""
    if own is not None:
        return Unknown(
            GapCode.UNDECIDED, f"{driver} encrypts nothing here; whether the disks below do is not shown"
        ), ""
    return Unknown(
        GapCode.UNSUPPORTED, f"the parameters of {driver or 'no driver'} do not show whether it encrypts"
    ), ""


def class_facts(obj: Tree) -> Iterator[Said]:
    """Facts of a storage class."""
    driver = text_at(obj, "provisioner")
    yield "volume.driver", driver
    yield "volume.key", key(driver, pairs(at(obj, "parameters")))[0]


def class_default(obj: Tree) -> str:
    """The page of the provider's default, where it counted for a storage class."""
    return key(text_at(obj, "provisioner"), pairs(at(obj, "parameters")))[1]


# Drivers that moved out of the tree, with the one that serves their volumes since.
_MOVED = {
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
}


def alike(a: Value, b: Value) -> bool:
    """Whether two drivers are one."""
    return _MOVED.get(str(a), a) == _MOVED.get(str(b), b)


def made_by(obj: Tree) -> str:
    """The storage class that a volume was made from; empty where somebody made the volume by hand."""
    return text_at(obj, "spec", "storageClassName") if text_at(obj, "metadata", "annotations", _PROVISIONED) else ""


def volume_facts(obj: Tree) -> Iterator[Said]:
    """Facts of a volume; its class, which `link` knows, says more."""
    driver = text_at(obj, "spec", "csi", "driver")
    kind = next((k for k in ("hostPath", "local", "nfs") if isinstance(at(obj, "spec", k), dict)), "")
    yield "volume.driver", driver or kind
    where = (
        "it is a disk of its node, which host: shows" if kind in ("hostPath", "local") else "no storage class says so"
    )
    yield "volume.key", Unknown(GapCode.UNSUPPORTED, f"whether it is encrypted is not shown: {where}")


def aliases(obj: Tree) -> Iterator[str]:
    """The cloud's name of a volume: the handle of its driver."""
    handle = text_at(obj, "spec", "csi", "volumeHandle")
    if handle:
        yield handle
