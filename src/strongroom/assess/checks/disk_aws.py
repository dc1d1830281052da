"""EBS volumes."""

from strongroom.assess.checks._keys import customer_key
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check

KINDS = (Kind.DISK,)
NEEDS = ("enc.at_rest", "enc.key")
NATIVE = "aws_ebs_volume"
SEE = "aws ec2 describe-volumes --volume-ids <id> --query 'Volumes[]."


@check(
    id="enc.disk.aws-encrypted",
    title="The volume is encrypted",
    clause="ART-01.stores-cmk",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.MEDIUM,
    fix=Fix(
        "Encrypt the volume. An existing one is copied by way of a snapshot.",
        ((NATIVE, "encrypted  = true\nkms_key_id = aws_kms_key.disks.arn"),),
        "aws ec2 enable-ebs-encryption-by-default",
        SEE + "Encrypted'",
        Effort.MEDIUM,
    ),
    broken="it is not encrypted",
    equivalents=(
        "checkov:CKV_AWS_3",
        "trivy:AWS-0026",
        "guard:ENCRYPTED_VOLUMES",
        "prowler:ec2_ebs_volume_encryption",
    ),
)
def encrypted(v: View) -> bool:
    """A volume leaves by its snapshot: shared or copied, a snapshot in plain text is readable wherever it goes."""
    return v.flag("enc.at_rest")


@check(
    id="enc.disk.aws-cmk",
    title="The volume is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=KINDS,
    needs=NEEDS,
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own.",
        ((NATIVE, "encrypted  = true\nkms_key_id = aws_kms_key.disks.arn"),),
        verify=SEE + "KmsKeyId'",
        effort=Effort.MEDIUM,
    ),
    broken="it is encrypted with {found}",
    equivalents=("checkov:CKV_AWS_189", "trivy:AWS-0027"),
)
def cmk(v: View) -> Answer:
    """The provider's key opens for everybody in the account who may attach a volume; a key of the owner's has a policy."""
    return customer_key(v, "enc.key")


CHECKS = (encrypted, cmk)
