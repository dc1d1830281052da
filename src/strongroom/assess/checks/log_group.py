"""Log groups: how long they keep what they hold, and under whose key."""

from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds

YEAR = 365


@check(
    id="log.group.retention",
    title="The log group keeps its logs for a year",
    clause="LOG-01.retention-year",
    kinds=(Kind.LOG_GROUP,),
    needs=("log.retention_days", "group.key"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Keep the logs for a year or longer.",
        (("aws_cloudwatch_log_group", "retention_in_days = 365"),),
        "aws logs put-retention-policy --log-group-name <group> --retention-in-days 365",
        "aws logs describe-log-groups --log-group-name-prefix <group>",
    ),
    broken="its logs are deleted after {days} days",
    equivalents=(
        "checkov:CKV_AWS_338",
        "guard:CW_LOGGROUP_RETENTION_PERIOD_CHECK",
        "prowler:cloudwatch_log_group_retention_policy_specific_days_enabled",
    ),
)
def retention(v: View) -> Answer:
    """Intrusions are found months later; a log that is gone by then tells nothing. A group without a retention keeps
    its logs for ever.
    """
    days = v.number("log.retention_days")
    return holds() if days == 0 or days >= YEAR else broken(days=f"{days:g}")


@check(
    id="enc.log-group.cmk",
    title="The log group is encrypted with a key of its owner",
    clause="ART-01.stores-cmk",
    kinds=(Kind.LOG_GROUP,),
    needs=("group.key",),
    severity=Severity.LOW,
    fix=Fix(
        "Give the group a customer managed key whose policy lets CloudWatch Logs of your region use it.",
        (("aws_cloudwatch_log_group", "kms_key_id = aws_kms_key.logs.arn"),),
        "aws logs associate-kms-key --log-group-name <group> --kms-key-id <key-arn>",
        "aws logs describe-log-groups --log-group-name-prefix <group> --query 'logGroups[].kmsKeyId'",
    ),
    broken="it lies under a key of AWS's own",
    equivalents=(
        "checkov:CKV_AWS_158",
        "trivy:AWS-0017",
        "guard:CLOUDWATCH_LOG_GROUP_ENCRYPTED",
        "prowler:cloudwatch_log_group_kms_encryption_enabled",
    ),
)
def cmk(v: View) -> bool:
    """Prompts, completions and training logs end in log groups, and hold what users typed and what models answered."""
    return v.key("group.key").tech == "cmk"


CHECKS = (retention, cmk)
