"""Volumes of a cluster, and the classes that they are made from."""

from strongroom.assess.checks._keys import customer_key
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check

CLASS = "storage.k8s.io/v1/StorageClass"


@check(
    id="enc.k8s-volume.cmk",
    title="Volumes are encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.DISK, Kind.OTHER),
    needs=("volume.key", "volume.driver"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make a storage class that names a key of your own, and move the data to volumes of it: the parameters of a "
        "class cannot be changed, nor the key of a volume.",
        (
            (CLASS, 'provisioner: ebs.csi.aws.com\nparameters:\n  encrypted: "true"\n  kmsKeyId: KEY_ARN'),
            (CLASS, "provisioner: pd.csi.storage.gke.io\nparameters:\n  disk-encryption-kms-key: KEY_NAME"),
            (CLASS, "provisioner: disk.csi.azure.com\nparameters:\n  diskEncryptionSetID: SET_ID"),
        ),
        verify="kubectl get storageclass NAME -o jsonpath='{.parameters}'",
        effort=Effort.LARGE,
    ),
    broken="it is encrypted with {found}",
)
def volume_cmk(v: View) -> Answer:
    """Checkpoints, caches and datasets lie on them, and go with every snapshot; under a key of your own all copies can
    be made unreadable at once.
    """
    return customer_key(v, "volume.key")


CHECKS = (volume_cmk,)
