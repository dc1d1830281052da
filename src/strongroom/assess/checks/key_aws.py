"""KMS keys of AWS: custody, rotation, policies, and attestation before use."""

from strongroom.assess.checks._statements import listed, verdict
from strongroom.kit.iam_reach import public
from strongroom.kit.key_policy import USE, both_roles, unattested_use
from strongroom.kit.marks import sensitive
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

KINDS = (Kind.KEY,)
POLICY = ("policy.statements", "key.grants")
DAYS = 30
SEE_POLICY = "aws kms get-key-policy --key-id <key-id> --policy-name default"

SEPARATE = """policy = jsonencode({
  Version = "2012-10-17"
  Statement = [
    {
      Sid       = "Administer"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.key_admin.arn }
      Action    = ["kms:Describe*", "kms:Put*", "kms:Enable*", "kms:Disable*", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"]
      Resource  = "*"
    },
    {
      Sid       = "Use"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.workload.arn }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
    },
  ]
})"""

ATTESTED = """policy = jsonencode({
  Version = "2012-10-17"
  Statement = [
    {
      Sid       = "Administer"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.key_admin.arn }
      Action    = ["kms:Describe*", "kms:Put*", "kms:Enable*", "kms:Disable*", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"]
      Resource  = "*"
    },
    {
      Sid       = "UseWhenAttested"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.enclave_parent.arn }
      Action    = "kms:Decrypt"
      Resource  = "*"
      Condition = { StringEqualsIgnoreCase = { "kms:RecipientAttestation:ImageSha384" = var.enclave_image_sha384 } }
    },
  ]
})"""


@check(
    id="art.kms-key.rotation",
    title="The KMS key rotates by itself",
    clause="ART-06.rotation",
    kinds=KINDS,
    needs=("key.rotation", "key.rotatable"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch automatic rotation on.",
        (("aws_kms_key", "enable_key_rotation = true"),),
        "aws kms enable-key-rotation --key-id <key-id>",
        "aws kms get-key-rotation-status --key-id <key-id>",
    ),
    broken="automatic rotation is off",
    equivalents=(
        "checkov:CKV_AWS_7",
        "trivy:AWS-0065",
        "guard:CMK_BACKING_KEY_ROTATION_ENABLED",
        "prowler:kms_cmk_rotation_enabled",
    ),
)
def rotation(v: View) -> Answer | bool:
    """A key that never changes seals everything that was ever written under one secret. KMS rotates the material of
    symmetric keys without a word to their users.
    """
    if not v.flag("key.rotatable"):
        return not_applicable("KMS does not rotate asymmetric, HMAC and custom-store keys; replace them by hand")
    return v.flag("key.rotation")


@check(
    id="art.kms-key.rotation-period",
    title="The KMS key rotates at least every year, for tier 0 every 90 days",
    clause="ART-06.rotation",
    kinds=KINDS,
    needs=("key.rotation_days", "key.rotatable"),
    severity=Severity.LOW,
    fix=Fix(
        "Shorten the rotation period.",
        (("aws_kms_key", "enable_key_rotation     = true\nrotation_period_in_days = 90"),),
        "aws kms enable-key-rotation --key-id <key-id> --rotation-period-in-days 90",
        "aws kms get-key-rotation-status --key-id <key-id>",
    ),
    broken="it rotates every {days} days, wanted at most {wanted}",
)
def rotation_period(v: View) -> Answer:
    """What leaks with one version of a key is what was sealed since the last rotation."""
    if not v.flag("key.rotatable"):
        return not_applicable("KMS does not rotate this kind of key")
    if not v.flag("key.rotation"):
        return not_applicable("it does not rotate at all, which art.kms-key.rotation reports")
    days = v.number("key.rotation_days")
    wanted = 90 if sensitive(dict(v.asset.labels)) else 365
    return holds() if days <= wanted else broken(days=f"{days:g}", wanted=str(wanted))


@check(
    id="art.kms-key.wildcard-principal",
    title="The key's policy lets nobody in by a wildcard",
    clause="ART-06.no-wildcard-decrypt",
    kinds=KINDS,
    needs=POLICY,
    severity=Severity.CRITICAL,
    fix=Fix(
        "Name the roles that use the key; if it must be a wildcard, tie it to your account or organisation.",
        (
            ("aws_kms_key", SEPARATE),
            (
                "aws_kms_key_policy",
                'Condition = { StringEquals = { "kms:CallerAccount" = data.aws_caller_identity.current.account_id } }',
            ),
        ),
        "aws kms put-key-policy --key-id <key-id> --policy-name default --policy file://policy.json",
        SEE_POLICY,
    ),
    broken="its policy lets any AWS principal in: {statement}",
    equivalents=("checkov:CKV_AWS_33", "guard:KMS_NO_WILDCARD_PRINCIPAL", "prowler:kms_key_not_publicly_accessible"),
)
def wildcard_principal(v: View) -> Answer:
    """Every AWS account in the world is a principal of `*`. Whoever gets hold of the ciphertext may then decrypt it."""
    return verdict(listed(v, "policy.statements"), public)


@check(
    id="art.kms-key.admin-not-user",
    title="Whoever administers the key cannot use it",
    clause="ART-06.admin-not-user",
    kinds=KINDS,
    needs=POLICY,
    severity=Severity.MEDIUM,
    fix=Fix(
        "Split the statement: one role administers the key, another decrypts with it.",
        (("aws_kms_key", SEPARATE),),
        "aws kms put-key-policy --key-id <key-id> --policy-name default --policy file://policy.json",
        SEE_POLICY,
        Effort.MEDIUM,
    ),
    broken="{principal} may change the key's policy or delete it, and also decrypt with it",
)
def admin_not_user(v: View) -> Answer:
    """One stolen role must not be enough both to read the weights and to change who else may. The account as a whole
    is not counted here: a statement for its root hands the decision to IAM.
    """
    found = both_roles(listed(v, "policy.statements"))
    if isinstance(found, Unknown):
        return unknown(found)
    return broken(principal=found) if isinstance(found, str) else holds()


@check(
    id="art.kms-key.deletion-window",
    title="A deleted key can be called back for 30 days",
    clause="ART-06.deletion-window",
    kinds=KINDS,
    needs=("key.deletion_window_days", "key.grants"),
    severity=Severity.LOW,
    fix=Fix(
        "Take the longest waiting period.",
        (("aws_kms_key", "deletion_window_in_days = 30"), ("aws_kms_replica_key", "deletion_window_in_days = 30")),
        "aws kms schedule-key-deletion --key-id <key-id> --pending-window-in-days 30",
        "look at deletion_window_in_days in the plan",
    ),
    broken="it is gone after {days} days, and with it everything that it seals",
)
def deletion_window(v: View) -> Answer:
    """Deleting a key destroys every artifact sealed under it, which is what ransom and sabotage aim at. The waiting
    period is the only time in which that can be undone.
    """
    days = v.number("key.deletion_window_days")
    return holds() if days >= DAYS else broken(days=f"{days:g}")


@check(
    id="tee.kms-key.attestation",
    title="The key opens sensitive data only for an attested workload",
    clause="TEE-01.keys-need-attestation",
    kinds=KINDS,
    needs=POLICY,
    severity=Severity.HIGH,
    fix=Fix(
        "Allow use of the key only with a condition on a concrete measurement, and take use away from every other "
        "statement, the account's root included.",
        (("aws_kms_key", ATTESTED), ("aws_kms_key_policy", ATTESTED)),
        "aws kms put-key-policy --key-id <key-id> --policy-name default --policy file://policy.json",
        "a Decrypt call from outside the enclave must answer AccessDeniedException",
        Effort.LARGE,
    ),
    broken="{what} is possible without a concrete measurement",
)
def attestation(v: View) -> Answer:
    """A key that opens for a role opens for whoever steals the role's session. Bound to a measurement, it opens only
    inside the enclave or machine whose image was reviewed. A measurement of zeros is a debug enclave, and conditions
    that also hold without attestation bind nothing.
    """
    if sensitive(dict(v.asset.labels)) is not True:
        return not_applicable("it is not marked as sensitive (tier = 0, artifact = weights, or a sensitivity)")
    found = unattested_use(listed(v, "policy.statements"))
    if isinstance(found, str):
        return broken(what=NAMES[found])
    return _granted(v, found)


NAMES = dict(zip(USE, ("kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant"), strict=True))
GRANTED = ("decrypt to", "reencryptfrom to", "creategrant to")


def _granted(v: View, doubt: Unknown | bool) -> Answer:
    """A grant carries no condition on a measurement: none that opens may stand on such a key."""
    grants = v.raw("key.grants")
    each = grants if isinstance(grants, tuple) else (grants,)
    for g in each:
        if isinstance(g, str) and g.lower().startswith(GRANTED):
            return broken(what=f"by a grant, {g}")
    doubts = [d for d in (doubt, *each) if isinstance(d, Unknown)]
    return unknown(*doubts) if doubts else holds()


CHECKS = (rotation, rotation_period, wildcard_principal, admin_not_user, deletion_window, attestation)
