"""Secret stores of AWS."""

from strongroom.assess.checks._keys import customer_key
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check


@check(
    id="enc.secret.cmk",
    title="The secret is encrypted with a key of the owner's",
    clause="ART-01.stores-cmk",
    kinds=(Kind.SECRET,),
    needs=("aws.service", "enc.key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Name a KMS key of your own.",
        (
            ("aws_secretsmanager_secret", "kms_key_id = aws_kms_key.secrets.arn"),
            ("aws_ssm_parameter", 'type   = "SecureString"\nkey_id = aws_kms_key.secrets.arn'),
        ),
        verify="aws secretsmanager describe-secret --secret-id <name> --query KmsKeyId",
    ),
    broken="it is encrypted with {found}",
    equivalents=("checkov:CKV_AWS_149", "trivy:AWS-0098"),
)
def cmk(v: View) -> Answer:
    """With the provider's key, everybody in the account who may read the secret may decrypt it; a key of the owner's
    asks a second time, and can be closed to everybody at once.
    """
    return customer_key(v, "enc.key")


CHECKS = (cmk,)
