"""File systems that training reads from and writes to."""

from strongroom.assess.checks._keys import customer_key
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check

KINDS = (Kind.FILE_SYSTEM,)
NEEDS = ("enc.at_rest", "enc.key")
EFS, LUSTRE = "aws_efs_file_system", "aws_fsx_lustre_file_system"
KEYED = "encrypted  = true\nkms_key_id = aws_kms_key.training.arn"


@check(
    id="enc.fs.aws-encrypted",
    title="The file system is encrypted",
    clause="ART-01.stores-cmk",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.HIGH,
    fix=Fix(
        "Encrypt the file system. It has to be made anew and the data copied.",
        ((EFS, KEYED),),
        verify="aws efs describe-file-systems --file-system-id <id> --query 'FileSystems[].Encrypted'",
        effort=Effort.LARGE,
    ),
    broken="it is not encrypted",
    equivalents=(
        "checkov:CKV_AWS_42",
        "trivy:AWS-0037",
        "guard:EFS_ENCRYPTED_CHECK",
        "prowler:efs_encryption_at_rest_enabled",
    ),
)
def encrypted(v: View) -> bool:
    """Shared file systems gather what everybody trains on, and checkpoints of everything that was trained."""
    return v.flag("enc.at_rest")


@check(
    id="enc.fs.aws-cmk",
    title="The file system is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own. The file system has to be made anew and the data copied.",
        ((LUSTRE, 'deployment_type = "PERSISTENT_2"\nkms_key_id      = aws_kms_key.training.arn'), (EFS, KEYED)),
        verify="aws fsx describe-file-systems --file-system-ids <id> --query 'FileSystems[].KmsKeyId'",
        effort=Effort.LARGE,
    ),
    broken="it is encrypted with {found}",
    equivalents=("checkov:CKV_AWS_190", "checkov:CKV_AWS_184"),
)
def cmk(v: View) -> Answer:
    """The key of the owner's is what ends access to every copy at once when a training run has to be withdrawn.

    A scratch file system of FSx cannot take one; data that needs one belongs on a persistent file system.
    """
    return customer_key(v, "enc.key")


CHECKS = (encrypted, cmk)
