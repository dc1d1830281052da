"""AWS IAM: who may take a role, what is attached to it, and keys that stand for ever."""

import re

from strongroom.assess.checks._statements import listed, verdict
from strongroom.kit.iam_reach import allows, public
from strongroom.kit.key_policy import is_root
from strongroom.kit.kleene import Tri
from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Statement, Unknown, Value

TRUST = """assume_role_policy = jsonencode({
  Version = "2012-10-17"
  Statement = [{
    Effect    = "Allow"
    Action    = "sts:AssumeRole"
    Principal = { Service = "sagemaker.amazonaws.com" }
    Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
  }]
})"""
SEE_TRUST = "aws iam get-role --role-name <role> --query Role.AssumeRolePolicyDocument"
PUT_TRUST = "aws iam update-assume-role-policy --role-name <role> --policy-document file://trust.json"

ATTACHMENTS = (
    ("aws_iam_role", "managed_policy_arns = [aws_iam_policy.needed.arn]"),
    ("aws_iam_role_policy_attachment", "policy_arn = aws_iam_policy.needed.arn"),
    ("aws_iam_user_policy_attachment", "policy_arn = aws_iam_policy.needed.arn"),
    ("aws_iam_group_policy_attachment", "policy_arn = aws_iam_policy.needed.arn"),
    ("aws_iam_policy_attachment", "policy_arn = aws_iam_policy.needed.arn"),
    ("aws_ssoadmin_managed_policy_attachment", 'managed_policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"'),
    ("data.aws_iam_policy", 'name = "ReadOnlyAccess"'),
)
LOOKED_UP = "data.aws_iam_policy"
# AWS Managed Policy Reference Guide: policies that give a service as a whole, of those that hold models and keys.
FULL = frozenset(
    {
        "AmazonBedrockFullAccess",
        "AmazonDynamoDBFullAccess",
        "AmazonEC2ContainerRegistryFullAccess",
        "AmazonEC2FullAccess",
        "AmazonS3FullAccess",
        "AmazonSageMakerFullAccess",
        "AWSKeyManagementServicePowerUser",
        "IAMFullAccess",
        "PowerUserAccess",
        "SecretsManagerReadWrite",
    }
)


@check(
    id="iam.role.trust-anybody",
    title="Not everybody may take the role",
    clause="IAM-02.no-wildcard",
    kinds=(Kind.IDENTITY,),
    needs=("trust.statements",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Name the services and roles that take it.",
        (("aws_iam_role", TRUST),),
        PUT_TRUST,
        SEE_TRUST,
    ),
    broken="any AWS principal may take the role: {statement}",
    equivalents=("checkov:CKV_AWS_60", "guard:IAM_ROLE_NO_FULL_ACCESS_ON_TRUST_POLICY"),
)
def trust_anybody(v: View) -> Answer:
    """A role that trusts `*` belongs to every AWS account in the world, with everything that it may do."""
    return verdict(listed(v, "trust.statements"), public)


@check(
    id="iam.role.trust-account",
    title="The role is not handed to an account as a whole without a condition",
    clause="IAM-02.no-wildcard",
    kinds=(Kind.IDENTITY,),
    needs=("trust.statements",),
    severity=Severity.LOW,
    fix=Fix(
        "Name the role that takes it, or ask for an external id, multi-factor authentication or a principal tag.",
        (("aws_iam_role", TRUST),),
        PUT_TRUST,
        SEE_TRUST,
    ),
    broken="whoever in the account may assume roles takes it: {statement}",
    equivalents=("checkov:CKV_AWS_61",),
)
def trust_account(v: View) -> Answer:
    """Trust in an account's root lets that account decide alone who takes the role, today and after its next hire."""
    return verdict(listed(v, "trust.statements"), _whole_account)


def _whole_account(s: Statement) -> Tri:
    return allows(s) and not s.conditions and any(is_root(p) for p in s.principals)


def _named(raw: Value) -> tuple[str | Unknown, ...]:
    each = raw if isinstance(raw, tuple) else (raw,)
    return tuple(one for one in each if isinstance(one, str | Unknown))


def _attached(v: View, wanted: frozenset[str]) -> Answer:
    """Broken by the first attached policy of AWS's own that is among those named."""
    names = _named(v.raw("policy.attached"))
    for name in names:
        if isinstance(name, str):
            found = re.fullmatch(r"arn:[^:]*:iam::aws:policy/(?:[\w-]+/)*([\w+=,.@-]+)", name)
            if found is not None and found[1] in wanted:
                return broken(policy=found[1])
    doubts = [name for name in names if isinstance(name, Unknown)]
    return unknown(*doubts) if doubts else holds()


@check(
    id="iam.grant.admin",
    title="AdministratorAccess is not attached",
    clause="IAM-02.no-wildcard",
    kinds=(Kind.GRANT, Kind.IDENTITY),
    needs=("policy.attached",),
    severity=Severity.HIGH,
    fix=Fix(
        "Attach a policy with what the job needs; keep administrators to a few roles that ask for a second factor.",
        ATTACHMENTS,
        "aws iam detach-role-policy --role-name <role> --policy-arn arn:aws:iam::aws:policy/AdministratorAccess",
        "aws iam list-entities-for-policy --policy-arn arn:aws:iam::aws:policy/AdministratorAccess",
        Effort.MEDIUM,
    ),
    broken="the policy {policy} is attached",
    equivalents=(
        "checkov:CKV_AWS_274",
        "checkov:CKV_AWS_275",
        "guard:IAM_ROLE_ADMINISTRATOR_ACCESS_POLICY_RULE",
        "prowler:iam_role_administratoraccess_policy",
    ),
)
def grant_admin(v: View) -> Answer:
    """An administrator's session that is stolen is the whole account stolen."""
    return _attached(v, frozenset({"AdministratorAccess"}))


@check(
    id="iam.grant.full-access",
    title="No policy for a service as a whole is attached",
    clause="IAM-02.no-wildcard",
    kinds=(Kind.GRANT, Kind.IDENTITY),
    needs=("policy.attached",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Attach a policy with the actions, buckets, keys and models that the job needs.",
        ATTACHMENTS,
        "aws iam detach-role-policy --role-name <role> --policy-arn <arn>",
        "aws iam list-attached-role-policies --role-name <role>",
        Effort.MEDIUM,
    ),
    broken="the policy {policy} is attached",
)
def grant_full(v: View) -> Answer:
    """AWS's own full-access policies are made for first steps: with them a training job may deploy, read every bucket
    and delete what it likes.
    """
    if not _named(v.raw("policy.attached")):
        return not_applicable("nothing is attached")
    if v.asset.native_type == LOOKED_UP:
        return not_applicable("it is only looked up here; what attaches it is judged")
    return _attached(v, FULL)


@check(
    id="iam.user.standing-key",
    title="No access key stands for ever",
    clause="GOV-02.no-static-tokens",
    kinds=(Kind.SECRET,),
    needs=("secret.standing",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Let people come through IAM Identity Center and machines through roles; delete the key.",
        (("aws_iam_access_key", 'status = "Inactive"'),),
        "aws iam delete-access-key --user-name <user> --access-key-id <id>",
        "aws iam list-access-keys --user-name <user>",
        Effort.MEDIUM,
    ),
    broken="an access key that never expires is made, and its secret stands in Terraform's state",
)
def standing_key(v: View) -> bool:
    """A key that never expires is the secret most often found in repositories, images and notebooks."""
    return not v.flag("secret.standing")


CHECKS = (trust_anybody, trust_account, grant_admin, grant_full, standing_key)
