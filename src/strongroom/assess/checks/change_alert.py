"""Alarms on changes of who may do what, and on machines that are started."""

from strongroom.assess.checks._statements import said
from strongroom.kit.iam import matches
from strongroom.kit.kleene import all_of
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, check, not_applicable
from strongroom.model.values import Unknown

KINDS = (Kind.DETECTOR,)
# IAM, KMS, S3 and CloudTrail API references: calls that change who may do what, or what is recorded of it.
CHANGES = (
    "AttachRolePolicy",
    "AttachUserPolicy",
    "PutRolePolicy",
    "PutUserPolicy",
    "CreatePolicyVersion",
    "UpdateAssumeRolePolicy",
    "PutKeyPolicy",
    "CreateGrant",
    "ScheduleKeyDeletion",
    "PutBucketPolicy",
    "DeleteBucketPolicy",
    "StopLogging",
    "DeleteTrail",
    "UpdateTrail",
)
LAUNCHES = ("RunInstances", "CreateTrainingJob", "CreateEndpoint", "CreateNotebookInstance")
TARGET = """resource "aws_cloudwatch_event_target" "alert" {
  rule = aws_cloudwatch_event_rule.this.name
  arn  = aws_sns_topic.security.arn
}"""
FIX = Fix(
    "Send what the rule sees to somebody.",
    (("aws_cloudwatch_event_rule", TARGET),),
    "aws events put-targets --rule <rule> --targets Id=alert,Arn=<topic-arn>",
    "aws events list-targets-by-rule --rule <rule>; then change a test policy and wait for the message",
)


def _waits_for(v: View, calls: tuple[str, ...]) -> bool | Unknown:
    raw = v.raw("event.calls")
    if isinstance(raw, Unknown):
        return raw
    seen = [w for w in raw if isinstance(w, str)] if isinstance(raw, tuple) else []
    services = ("aws.iam:*", "aws.kms:*") if calls is CHANGES else ()
    return any(w in services or any(matches(w, c) for c in calls) for w in seen)


def _alert(v: View, calls: tuple[str, ...], what: str) -> Answer:
    waits = _waits_for(v, calls)
    if waits is False:
        return not_applicable(f"the rule waits for no call that {what}")
    on, targeted = v.raw("event.on"), v.raw("event.targeted")
    sent = all_of(x if isinstance(x, bool | Unknown) else False for x in (on, targeted))
    return said(sent if waits is True or sent is False else waits)


@check(
    id="mon.event-rule.change-alert",
    title="A rule on changes of policies tells somebody",
    clause="MON-02.change-alert",
    kinds=KINDS,
    needs=("event.calls", "event.on", "event.targeted"),
    severity=Severity.MEDIUM,
    fix=FIX,
    broken="it waits for changes of policies and is switched off, or sends what it sees nowhere",
)
def policy_change(v: View) -> Answer:
    """Whoever takes an account over first changes who may do what. A rule without a target sees it and says nothing."""
    return _alert(v, CHANGES, "changes who may do what")


@check(
    id="mon.event-rule.launch-alert",
    title="A rule on machines that are started tells somebody",
    clause="MON-03.launch-alert",
    kinds=KINDS,
    needs=("event.calls", "event.on", "event.targeted"),
    severity=Severity.MEDIUM,
    fix=FIX,
    broken="it waits for machines that are started and is switched off, or sends what it sees nowhere",
)
def launch(v: View) -> Answer:
    """GPU machines in a region that nobody uses are the first sign of stolen credentials, hours before the bill."""
    return _alert(v, LAUNCHES, "starts a machine or job")


@check(
    id="mon.metric-filter.alarmed",
    title="What a filter on policy changes counts sets off an alarm",
    clause="MON-02.change-alert",
    kinds=KINDS,
    needs=("filter.pattern", "filter.alarmed"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Put an alarm with an action on the metric.",
        (
            (
                "aws_cloudwatch_log_metric_filter",
                'resource "aws_cloudwatch_metric_alarm" "changes" {\n  alarm_name          = "policy-changes"\n  namespace           = "Security"\n  metric_name         = aws_cloudwatch_log_metric_filter.this.metric_transformation[0].name\n  statistic           = "Sum"\n  period              = 300\n  threshold           = 1\n  evaluation_periods  = 1\n  comparison_operator = "GreaterThanOrEqualToThreshold"\n  alarm_actions       = [aws_sns_topic.security.arn]\n}',
            ),
        ),
        "aws cloudwatch put-metric-alarm --alarm-name policy-changes --metric-name <metric> --namespace <namespace> --alarm-actions <topic-arn> --statistic Sum --period 300 --threshold 1 --evaluation-periods 1 --comparison-operator GreaterThanOrEqualToThreshold",
        "aws cloudwatch set-alarm-state --alarm-name policy-changes --state-value ALARM --state-reason drill",
    ),
    broken="it counts changes of policies, and no alarm that acts watches the count",
)
def metric_filter(v: View) -> Answer | bool:
    """A filter counts what passes by; only an alarm that acts tells somebody of it."""
    if not any(call in v.text("filter.pattern") for call in CHANGES):
        return not_applicable("it looks for no change of who may do what")
    return v.flag("filter.alarmed")


CHECKS = (policy_change, launch, metric_filter)
