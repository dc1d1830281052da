"""AWS detectors, budgets and alarms on what is spent."""

from strongroom.assess.checks._statements import said
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, not_applicable, unknown
from strongroom.model.values import Unknown

KINDS = (Kind.DETECTOR,)
# GuardDuty User Guide, "Protection plans": what reads of the places where models and training run.
WANTED = (
    ("S3_DATA_EVENTS", "reads of S3 objects"),
    ("EKS_AUDIT_LOGS", "audit logs of EKS"),
)


@check(
    id="log.detector.on",
    title="GuardDuty is switched on",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("guardduty.on",),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch the detector on.",
        (("aws_guardduty_detector", "enable = true"),),
        "aws guardduty update-detector --detector-id <id> --enable",
        "aws guardduty get-detector --detector-id <id> --query Status",
    ),
    broken="the detector is there and suspended",
    equivalents=("checkov:CKV_AWS_238", "prowler:guardduty_is_enabled"),
)
def on(v: View) -> bool:
    """GuardDuty is what sees stolen instance credentials used from outside, and miners on GPU machines."""
    return v.flag("guardduty.on")


@check(
    id="log.detector.features",
    title="GuardDuty watches reads of objects and audit logs of clusters",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("guardduty.features",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch the protection plans on.",
        (
            (
                "aws_guardduty_detector",
                'resource "aws_guardduty_detector_feature" "s3" {\n  detector_id = aws_guardduty_detector.this.id\n  name        = "S3_DATA_EVENTS"\n  status      = "ENABLED"\n}',
            ),
        ),
        "aws guardduty update-detector --detector-id <id> --features Name=S3_DATA_EVENTS,Status=ENABLED",
        "aws guardduty get-detector --detector-id <id> --query Features",
    ),
    broken="it does not watch {what}",
)
def features(v: View) -> Answer:
    """A download of every object by a role that never read them is an anomaly only to somebody who sees the reads."""
    raw = v.raw("guardduty.features")
    seen = raw if isinstance(raw, tuple) else (raw,)
    doubts = [f for f in seen if isinstance(f, Unknown)]
    missing = [what for name, what in WANTED if name not in seen]
    if missing:
        return unknown(*doubts) if doubts else broken(what=" and ".join(missing))
    return holds()


@check(
    id="mon.budget.reaches-somebody",
    title="The budget tells somebody, or acts",
    clause="MON-03.budget-action",
    kinds=KINDS,
    needs=("budget.notified", "budget.acts"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Notify somebody before the limit is reached, and tie an action to it that stops new machines.",
        (
            (
                "aws_budgets_budget",
                'notification {\n  comparison_operator        = "GREATER_THAN"\n  threshold                  = 80\n  threshold_type             = "PERCENTAGE"\n  notification_type          = "FORECASTED"\n  subscriber_email_addresses = ["ai-platform@example.com"]\n}',
            ),
        ),
        "aws budgets create-notification --account-id <id> --budget-name <budget> --notification file://notification.json --subscribers file://subscribers.json",
        "aws budgets describe-notifications-for-budget --account-id <id> --budget-name <budget>",
    ),
    broken="it counts, and neither tells anybody nor acts",
)
def budget(v: View) -> Answer:
    """Stolen credentials turn into GPU machines within the hour, and into a bill by the weekend."""
    return said(any_of(_flag(v, f) for f in ("budget.notified", "budget.acts")))


@check(
    id="mon.anomaly.reaches-somebody",
    title="A cost anomaly is told to somebody",
    clause="MON-03.launch-alert",
    kinds=KINDS,
    needs=("anomaly.notified",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Subscribe somebody to the monitor, at once and not in a weekly summary.",
        (
            (
                "aws_ce_anomaly_monitor",
                'resource "aws_ce_anomaly_subscription" "now" {\n  name             = "now"\n  frequency        = "IMMEDIATE"\n  monitor_arn_list = [aws_ce_anomaly_monitor.this.arn]\n  subscriber {\n    type    = "SNS"\n    address = aws_sns_topic.cost.arn\n  }\n}',
            ),
        ),
        "aws ce create-anomaly-subscription --anomaly-subscription file://subscription.json",
        "aws ce get-anomaly-subscriptions --monitor-arn <arn>",
    ),
    broken="the monitor has no subscription that reaches anybody",
)
def anomaly(v: View) -> bool:
    """A monitor without a subscriber finds the spike and keeps it to itself."""
    return v.flag("anomaly.notified")


@check(
    id="mon.alarm.reaches-somebody",
    title="An alarm on spending or quota is sent to somebody",
    clause="MON-03.launch-alert",
    kinds=KINDS,
    needs=("alarm.namespace", "alarm.actions", "alarm.on"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Give the alarm an action.",
        (("aws_cloudwatch_metric_alarm", "alarm_actions   = [aws_sns_topic.cost.arn]\nactions_enabled = true"),),
        "aws cloudwatch enable-alarm-actions --alarm-names <alarm>",
        "aws cloudwatch set-alarm-state --alarm-name <alarm> --state-value ALARM --state-reason drill",
    ),
    broken="the alarm changes its colour and tells nobody",
)
def alarm(v: View) -> Answer:
    """An alarm without an action is seen by whoever happens to look at the console."""
    if v.text("alarm.namespace") not in ("AWS/Billing", "AWS/Usage"):
        return not_applicable("it watches neither spending nor quotas")
    raw = v.raw("alarm.actions")
    sent: Tri = raw if isinstance(raw, Unknown) else bool(raw)
    switched = _flag(v, "alarm.on")
    return said(sent if switched is True else switched)


def _flag(v: View, fact: str) -> Tri:
    value = v.raw(fact)
    return value if isinstance(value, bool | Unknown) else False


CHECKS = (on, features, budget, anomaly, alarm)
