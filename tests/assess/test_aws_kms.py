"""KMS keys: rotation, custody, and use only after attestation."""

import json

import pytest
from iac import UNKNOWN, verdict

SHA = "a1" * 48
IMAGE = "kms:RecipientAttestation:ImageSha384"
ADMIN = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:role/admin"},
    "Action": ["kms:Put*", "kms:Describe*", "kms:ScheduleKeyDeletion", "kms:DisableKey"],
    "Resource": "*",
}


def use(
    condition: object = None, action: object = "kms:Decrypt", who: object = "arn:aws:iam::111122223333:role/w"
) -> dict[str, object]:
    """A statement that lets a role use the key."""
    found: dict[str, object] = {"Effect": "Allow", "Principal": {"AWS": who}, "Action": action, "Resource": "*"}
    return found | ({"Condition": condition} if condition is not None else {})


def key(name: str, *statements: object, more: str = "", tier: str = "0") -> str:
    """A key with a policy; without a statement it has none."""
    policy = f"  policy = <<P\n{json.dumps({'Statement': statements})}\nP\n" if statements else ""
    return f'resource "aws_kms_key" "{name}" {{\n{policy}{more}\n  tags = {{\n    tier = "{tier}"\n  }}\n}}\n'


ROOT = use(action="kms:*", who="arn:aws:iam::111122223333:root")
DENY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": ["kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant"],
    "Resource": "*",
    "Condition": {"StringNotEqualsIgnoreCase": {IMAGE: SHA}},
}
ATTESTED = {
    "measured": [ADMIN, use({"StringEqualsIgnoreCase": {IMAGE: SHA}})],
    "pcr": [ADMIN, use({"StringEquals": {"kms:RecipientAttestation:PCR0": SHA, "aws:PrincipalOrgID": "o-1"}})],
    "tpm": [ADMIN, use({"StringEquals": {"kms:RecipientAttestation:NitroTPMPCR4": SHA}})],
    "encrypts": [ADMIN, use(action=["kms:Encrypt", "kms:GenerateDataKey"])],
    "denied": [ADMIN, ROOT, DENY],
}
LOOSE = {
    "root": [ROOT],
    "plain": [ADMIN, use()],
    "star": [ADMIN, use(action="kms:*")],
    "grants": [{**ADMIN, "Action": ["kms:Create*", "kms:Describe*"]}],
    "reencrypts": [ADMIN, use(action="kms:ReEncrypt*")],
    "zeros": [ADMIN, use({"StringEquals": {IMAGE: "0" * 96}})],
    "either": [ADMIN, use({"StringEquals": {IMAGE: [SHA, "0" * 96]}})],
    "wildcard": [ADMIN, use({"StringLike": {IMAGE: "*"}})],
    "if-exists": [ADMIN, use({"StringEqualsIfExists": {IMAGE: SHA}})],
    "all-values": [ADMIN, use({"ForAllValues:StringEquals": {IMAGE: SHA}})],
    "present": [ADMIN, use({"Null": {IMAGE: "false"}})],
    "not-equal": [ADMIN, use({"StringNotEquals": {IMAGE: SHA}})],
    "instance": [ADMIN, use({"StringEquals": {"kms:RecipientAttestation:PCR4": SHA}})],
    "context": [ADMIN, use({"StringEquals": {"kms:EncryptionContext:a": SHA}})],
    "narrow-deny": [ADMIN, ROOT, {**DENY, "Principal": {"AWS": "arn:aws:iam::111122223333:role/w"}}],
    "double-deny": [ADMIN, ROOT, {**DENY, "Condition": {"StringNotEquals": {IMAGE: SHA, "aws:PrincipalArn": "x"}}}],
}
KEYS = "".join(key(f"ok-{n}", *s) for n, s in ATTESTED.items()) + "".join(key(f"no-{n}", *s) for n, s in LOOSE.items())
MORE = (
    UNKNOWN
    + KEYS
    + key("default")
    + key("unmarked", ROOT, tier="3")
    + key("asked", more="  policy = var.x")
    + key("measured-later", ADMIN, use({"StringEquals": {IMAGE: "${var.x}"}}))
    + key("replaced", ROOT)
    + key("granted", ADMIN)
    + key("sealing", ADMIN)
    + """
resource "aws_kms_key_policy" "replaced" {
  key_id = aws_kms_key.replaced.id
  policy = data.aws_iam_policy_document.attested.json
}
data "aws_iam_policy_document" "attested" {
  statement {
    actions   = ["kms:Decrypt"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:role/w"]
    }
    condition {
      test     = "StringEqualsIgnoreCase"
      variable = "kms:RecipientAttestation:PCR0"
      values   = ["a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"]
    }
  }
}
resource "aws_kms_grant" "opens" {
  key_id            = aws_kms_key.granted.key_id
  grantee_principal = "arn:aws:iam::111122223333:role/w"
  operations        = ["Encrypt", "Decrypt"]
}
resource "aws_kms_grant" "seals" {
  key_id            = aws_kms_key.sealing.key_id
  grantee_principal = "arn:aws:iam::111122223333:role/w"
  operations        = ["Encrypt"]
}
"""
)
CHECK = "tee.kms-key.attestation"


@pytest.mark.parametrize("name", ATTESTED)
def test_use_only_with_a_measurement(name: str) -> None:
    """A concrete measurement on every statement that opens, or a Deny of everything else, is attestation."""
    assert verdict(MORE, CHECK, f"aws_kms_key.ok-{name}") == "pass"


@pytest.mark.parametrize("name", LOOSE)
def test_ways_around_attestation(name: str) -> None:
    """Zeros, wildcards, conditions that hold without attestation, grants and the account's root open the key."""
    assert verdict(MORE, CHECK, f"aws_kms_key.no-{name}") == "fail"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("default", "fail"),
        ("unmarked", "not-applicable"),
        ("asked", "unknown"),
        ("measured-later", "unknown"),
        ("replaced", "pass"),
        ("granted", "fail"),
        ("sealing", "pass"),
    ],
)
def test_where_the_policy_stands(name: str, status: str) -> None:
    """A policy resource replaces the key's own; a grant opens too; without a policy the account decides."""
    assert verdict(MORE, CHECK, f"aws_kms_key.{name}") == status


CUSTODY = (
    UNKNOWN
    + key("both", use(action=["kms:Decrypt", "kms:PutKeyPolicy"]))
    + key("apart", ADMIN, use())
    + key("twice", ADMIN, use(who="arn:aws:iam::111122223333:role/admin"))
    + key("root", ROOT)
    + key("anybody", use(who="*"))
    + key("caller", use({"StringEquals": {"kms:CallerAccount": "111122223333"}}, who="*"))
    + key("via", use({"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}, who="*"))
    + key("list", use(who=["arn:aws:iam::111122223333:root", "*"]))
    + key("foreign", use(who="arn:aws:iam::444455556666:root"))
    + key("asked", more="  policy = var.x\n  enable_key_rotation = var.x\n  deletion_window_in_days = var.x")
    + key("turning", more="  enable_key_rotation = true\n  deletion_window_in_days = 7")
    + key("quick", more="  enable_key_rotation = true\n  rotation_period_in_days = 90")
    + key("yearly", more="  enable_key_rotation = true", tier="2")
    + key("slow", more="  enable_key_rotation = true\n  rotation_period_in_days = 730", tier="2")
    + key("signing", more='  customer_master_key_spec = "RSA_2048"\n  key_usage = "SIGN_VERIFY"')
)


@pytest.mark.parametrize(
    ("check", "name", "status"),
    [
        ("art.kms-key.admin-not-user", "both", "fail"),
        ("art.kms-key.admin-not-user", "apart", "pass"),
        ("art.kms-key.admin-not-user", "twice", "fail"),
        ("art.kms-key.admin-not-user", "root", "pass"),
        ("art.kms-key.admin-not-user", "asked", "unknown"),
        ("art.kms-key.wildcard-principal", "anybody", "fail"),
        ("art.kms-key.wildcard-principal", "list", "fail"),
        ("art.kms-key.wildcard-principal", "via", "fail"),
        ("art.kms-key.wildcard-principal", "caller", "pass"),
        ("art.kms-key.wildcard-principal", "turning", "pass"),
        ("art.kms-key.wildcard-principal", "asked", "unknown"),
        ("art.kms-key.rotation", "turning", "pass"),
        ("art.kms-key.rotation", "root", "fail"),
        ("art.kms-key.rotation", "asked", "unknown"),
        ("art.kms-key.rotation", "signing", "not-applicable"),
        ("art.kms-key.rotation-period", "turning", "fail"),
        ("art.kms-key.rotation-period", "quick", "pass"),
        ("art.kms-key.rotation-period", "yearly", "pass"),
        ("art.kms-key.rotation-period", "slow", "fail"),
        ("art.kms-key.rotation-period", "root", "not-applicable"),
        ("art.kms-key.rotation-period", "asked", "unknown"),
        ("art.kms-key.deletion-window", "turning", "fail"),
        ("art.kms-key.deletion-window", "root", "pass"),
        ("art.kms-key.deletion-window", "asked", "unknown"),
        ("art.store.foreign-account", "foreign", "fail"),
        ("art.store.foreign-account", "turning", "pass"),
    ],
)
def test_custody(check: str, name: str, status: str) -> None:
    """Who holds the key, who may let go of it, and how often it changes."""
    assert verdict(CUSTODY, check, f"aws_kms_key.{name}") == status
