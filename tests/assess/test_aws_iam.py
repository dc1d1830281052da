"""AWS IAM: policies that allow too much, roles that trust too many, and what is attached."""

import json

import pytest
from iac import UNKNOWN, verdict


def allow(action: object, resource: object = "*", **more: object) -> dict[str, object]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def policy(name: str, *statements: object, native: str = "aws_iam_policy", at: str = "policy") -> str:
    """A policy of the statements."""
    return f'resource "{native}" "{name}" {{\n  {at} = <<P\n{json.dumps({"Statement": statements})}\nP\n}}\n'


MFA = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
TAGGED = {"Condition": {"StringEquals": {"aws:ResourceTag/project": "x"}}}
POLICIES = (
    UNKNOWN
    + policy("admin", allow(["s3:HeadBucket", "*"], ["arn:aws:s3:::b", "*"]))
    + policy("admin_colon", allow("*:*"))
    + policy("effectless", {"Action": "*", "Resource": "*"})
    + policy("denied", {"Effect": "Deny", "Action": "*", "Resource": "*"})
    + policy("star_on_one", allow("*", "arn:aws:s3:::b/*"))
    + policy("reader", allow(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]))
    + policy("inline", allow("*"), native="aws_ssoadmin_permission_set_inline_policy", at="inline_policy")
    + policy("group", allow("*"), native="aws_iam_group_policy")
    + policy("s3", allow("S3:*"))
    + policy("s3_one", allow("s3:*", ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]))
    + policy("s3_denied", allow("s3:*"), {"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
    + policy("reads", allow(["ssm:GetParameter*", "ec2:CreateTags"]))
    + policy("reads_tagged", allow("secretsmanager:GetSecretValue", **TAGGED))
    + policy("reads_kind", allow("dynamodb:Scan", "arn:aws:dynamodb:eu-west-1:111122223333:table/*"))
    + policy("grows", allow("iam:UpdateLoginProfile"))
    + policy("grows_mfa", allow("iam:AttachRolePolicy", **MFA))
    + policy("grows_self", allow("iam:CreateAccessKey", "arn:aws:iam::111122223333:user/$${aws:username}"))
    + policy("jobs", allow(["iam:PassRole", "sagemaker:CreateTrainingJob"]))
    + policy(
        "jobs_named", allow("iam:PassRole", "arn:aws:iam::111122223333:role/job"), allow("sagemaker:CreateTrainingJob")
    )
    + policy("functions", allow(["lambda:CreateFunction", "lambda:CreateEventSourceMapping"]))
    + policy("passes", allow("iam:Pass*", "arn:aws:iam::111122223333:role/*"))
    + policy("opens", allow("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/*"))
    + policy("opens_one", allow("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/1"))
    + policy("opens_alias", allow("kms:*", Condition={"StringEquals": {"kms:ResourceAliases": "alias/x"}}))
    + policy("blinds", allow("cloudtrail:*"))
    + policy("watches", allow("cloudtrail:Describe*"))
    + policy("all_but", {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})
    + """
resource "aws_iam_policy" "asked" {
  policy = var.x
}
resource "aws_iam_role_policy" "document" {
  policy = data.aws_iam_policy_document.two.json
}
data "aws_iam_policy_document" "two" {
  statement {
    actions   = ["s3:ListBucket"]
    resources = [var.x]
  }
  statement {
    actions   = ["*"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "looped" {
  dynamic "statement" {
    for_each = ["a", "b"]
    content {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::${statement.value}/*"]
    }
  }
}
resource "aws_iam_role" "role" {
  assume_role_policy = "{}"
  inline_policy {
    name   = "x"
    policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
  }
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    [
        ("iam.policy.admin", "aws_iam_policy.admin", "fail"),
        ("iam.policy.admin", "aws_iam_policy.admin_colon", "fail"),
        ("iam.policy.admin", "aws_iam_policy.effectless", "fail"),
        ("iam.policy.admin", "aws_iam_policy.denied", "pass"),
        ("iam.policy.admin", "aws_iam_policy.star_on_one", "pass"),
        ("iam.policy.admin", "aws_iam_policy.asked", "unknown"),
        ("iam.policy.admin", "aws_ssoadmin_permission_set_inline_policy.inline", "fail"),
        ("iam.policy.admin", "aws_iam_group_policy.group", "fail"),
        ("iam.policy.admin", "aws_iam_role.role", "fail"),
        ("iam.policy.admin", "aws_iam_role_policy.document", "fail"),
        ("iam.policy.admin", "data.aws_iam_policy_document.two", "fail"),
        ("iam.policy.admin", "data.aws_iam_policy_document.looped", "pass"),
        ("iam.policy.star-actions", "aws_iam_policy.star_on_one", "fail"),
        ("iam.policy.star-actions", "aws_iam_policy.reader", "pass"),
        ("iam.policy.star-actions", "aws_iam_policy.asked", "unknown"),
        ("iam.policy.s3-full", "aws_iam_policy.s3", "fail"),
        ("iam.policy.s3-full", "aws_iam_policy.s3_one", "pass"),
        ("iam.policy.s3-full", "aws_iam_policy.s3_denied", "pass"),
        ("iam.policy.s3-full", "aws_iam_policy.asked", "unknown"),
        ("iam.policy.data-reads", "aws_iam_policy.reads", "fail"),
        ("iam.policy.data-reads", "aws_iam_policy.reads_tagged", "pass"),
        ("iam.policy.data-reads", "aws_iam_policy.reads_kind", "fail"),
        ("iam.policy.data-reads", "aws_iam_policy.reader", "pass"),
        ("iam.policy.data-reads", "aws_iam_policy.asked", "unknown"),
        ("iam.policy.escalation", "aws_iam_policy.grows", "fail"),
        ("iam.policy.escalation", "aws_iam_policy.grows_mfa", "fail"),
        ("iam.policy.escalation", "aws_iam_policy.grows_self", "pass"),
        ("iam.policy.escalation", "aws_iam_policy.jobs", "fail"),
        ("iam.policy.escalation", "aws_iam_policy.jobs_named", "pass"),
        ("iam.policy.escalation", "aws_iam_policy.functions", "pass"),
        ("iam.policy.escalation", "aws_iam_policy.all_but", "fail"),
        ("iam.policy.escalation", "aws_iam_policy.asked", "unknown"),
        ("iam.policy.pass-role", "aws_iam_policy.passes", "fail"),
        ("iam.policy.pass-role", "aws_iam_policy.jobs_named", "pass"),
        ("iam.policy.pass-role", "aws_iam_policy.asked", "unknown"),
        ("art.policy.wildcard-decrypt", "aws_iam_policy.opens", "fail"),
        ("art.policy.wildcard-decrypt", "aws_iam_policy.opens_one", "pass"),
        ("art.policy.wildcard-decrypt", "aws_iam_policy.opens_alias", "pass"),
        ("art.policy.wildcard-decrypt", "aws_iam_policy.all_but", "fail"),
        ("art.policy.wildcard-decrypt", "aws_iam_policy.asked", "unknown"),
        ("log.policy.blinding", "aws_iam_policy.blinds", "fail"),
        ("log.policy.blinding", "aws_iam_policy.watches", "pass"),
        ("log.policy.blinding", "aws_iam_policy.asked", "unknown"),
    ],
)
def test_policies(check: str, address: str, status: str) -> None:
    """A policy is judged where it stands, and one statement that allows too much is enough."""
    assert verdict(POLICIES, check, address) == status


def trust(name: str, principal: object, condition: object = None) -> str:
    """A role that trusts a principal."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    statement |= {"Condition": condition} if condition else {}
    return policy(name, statement, native="aws_iam_role", at="assume_role_policy")


ROLES = (
    UNKNOWN
    + trust("anybody", {"AWS": ["arn:aws:iam::111122223333:role/a", "*"]})
    + trust("organisation", {"AWS": "*"}, {"StringEquals": {"aws:PrincipalOrgID": "o-1"}})
    + trust("service", {"Service": "sagemaker.amazonaws.com"})
    + trust("account", {"AWS": "111122223333"})
    + trust("root", {"AWS": "arn:aws:iam::111122223333:root"})
    + trust("external", {"AWS": "arn:aws:iam::111122223333:root"}, {"StringEquals": {"sts:ExternalId": "s"}})
    + trust("role", {"AWS": "arn:aws:iam::111122223333:role/a"})
    + trust("asked", {"AWS": "${var.x}"})
    + """
resource "aws_iam_role" "bare" {
  name = "bare"
}
resource "aws_iam_role" "managed" {
  assume_role_policy  = ""
  managed_policy_arns = ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "arn:aws-us-gov:iam::aws:policy/AdministratorAccess"]
}
data "aws_iam_policy" "admin" {
  name = "AdministratorAccess"
}
data "aws_iam_policy" "other" {
  arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
}
resource "aws_iam_role_policy_attachment" "looked_up" {
  role       = "r"
  policy_arn = data.aws_iam_policy.admin.arn
}
resource "aws_iam_role_policy_attachment" "asked" {
  role       = "r"
  policy_arn = var.x
}
resource "aws_iam_role_policy_attachment" "partition" {
  role       = "r"
  policy_arn = "arn:${var.x}:iam::aws:policy/AmazonSageMakerFullAccess"
}
resource "aws_iam_user_policy_attachment" "power" {
  user       = "u"
  policy_arn = "arn:aws:iam::aws:policy/PowerUserAccess"
}
resource "aws_ssoadmin_managed_policy_attachment" "admin" {
  instance_arn       = "i"
  permission_set_arn = "p"
  managed_policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}
resource "aws_iam_role_policy_attachments_exclusive" "many" {
  role_name   = "r"
  policy_arns = ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
}
resource "aws_iam_group_policy_attachment" "nothing" {
  group = "g"
}
resource "aws_iam_access_key" "on" {
  user = "u"
}
resource "aws_iam_access_key" "off" {
  user   = "u"
  status = "Inactive"
}
resource "aws_iam_access_key" "asked" {
  user   = "u"
  status = var.x
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    [
        ("iam.role.trust-anybody", "aws_iam_role.anybody", "fail"),
        ("iam.role.trust-anybody", "aws_iam_role.organisation", "pass"),
        ("iam.role.trust-anybody", "aws_iam_role.service", "pass"),
        ("iam.role.trust-anybody", "aws_iam_role.bare", "pass"),
        ("iam.role.trust-anybody", "aws_iam_role.asked", "unknown"),
        ("iam.role.trust-account", "aws_iam_role.account", "fail"),
        ("iam.role.trust-account", "aws_iam_role.root", "fail"),
        ("iam.role.trust-account", "aws_iam_role.external", "pass"),
        ("iam.role.trust-account", "aws_iam_role.role", "pass"),
        ("iam.grant.admin", "aws_iam_role.managed", "fail"),
        ("iam.grant.admin", "aws_iam_role.bare", "pass"),
        ("iam.grant.admin", "data.aws_iam_policy.admin", "fail"),
        ("iam.grant.admin", "data.aws_iam_policy.other", "pass"),
        ("iam.grant.admin", "aws_iam_role_policy_attachment.looked_up", "fail"),
        ("iam.grant.admin", "aws_iam_role_policy_attachment.asked", "unknown"),
        ("iam.grant.admin", "aws_ssoadmin_managed_policy_attachment.admin", "fail"),
        ("iam.grant.admin", "aws_iam_group_policy_attachment.nothing", "pass"),
        ("iam.grant.full-access", "aws_iam_user_policy_attachment.power", "fail"),
        ("iam.grant.full-access", "aws_iam_role_policy_attachment.partition", "fail"),
        ("iam.grant.full-access", "aws_iam_role_policy_attachments_exclusive.many", "fail"),
        ("iam.grant.full-access", "data.aws_iam_policy.other", "not-applicable"),
        ("iam.grant.full-access", "aws_iam_role_policy_attachment.asked", "unknown"),
        ("iam.grant.full-access", "aws_iam_group_policy_attachment.nothing", "not-applicable"),
        ("iam.user.standing-key", "aws_iam_access_key.on", "fail"),
        ("iam.user.standing-key", "aws_iam_access_key.off", "pass"),
        ("iam.user.standing-key", "aws_iam_access_key.asked", "unknown"),
    ],
)
def test_roles_and_grants(check: str, address: str, status: str) -> None:
    """Trust is read without its conditions' comfort; an attached policy is known by its name, looked up or not."""
    assert verdict(ROLES, check, address) == status
