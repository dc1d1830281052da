"""What raises an alarm in an AWS account: detectors, budgets, cost anomalies and metric alarms."""

from collections.abc import Iterator

from strongroom.collect.native import Default, Native, Reader, Row, flag, text, texts
from strongroom.collect.resource import Satellites
from strongroom.kit.kleene import Tri, any_of
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

TERRAFORM = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"
DETECTOR = "https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateDetector.html"
# GuardDuty API, DetectorFeatureConfiguration: every feature is on in a new detector, but for runtime monitoring.
FEATURES = {
    "S3_DATA_EVENTS": "datasources.s3_logs.enable",
    "EKS_AUDIT_LOGS": "datasources.kubernetes.audit_logs.enable",
    "EBS_MALWARE_PROTECTION": "datasources.malware_protection.scan_ec2_instance_with_findings.ebs_volumes.enable",
    "RDS_LOGIN_EVENTS": "",
    "LAMBDA_NETWORK_LOGS": "",
}
OFF_BY_DEFAULT = ("RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING")


def _features(reader: Reader) -> Value:
    """The detector's features that are on; one whose switch is not known stands as an unknown."""
    found = reader.satellites("aws_guardduty_detector_feature", "detector_id")
    said: dict[str, bool | Unknown | None] = {f: reader.flag(path) if path else None for f, path in FEATURES.items()}
    for r in found.found:
        inside = reader.reading(r)
        name, on = inside.text("name"), inside.flag("status")
        if isinstance(name, str):
            said[name] = on
    out: list[str | Unknown] = [] if found.doubt is None else [found.doubt]
    for name, on in said.items():
        if isinstance(on, Unknown):
            out.append(on)
        elif on or (on is None and name not in OFF_BY_DEFAULT):
            out.append(name)
    return tuple(out)


def _reached(reader: Reader, block: str, *paths: str) -> Value:
    """Whether a block of notifications names somebody who gets them."""
    found = reader.blocks(block)
    if isinstance(found, Unknown):
        return found
    return any_of(_somebody(reader, path, b) for b in found for path in paths)


def _somebody(reader: Reader, path: str, within: object = None) -> Tri:
    """A link to a topic is somebody; an unknown may be an empty list."""
    return reader.given(path, within)


def _acts(reader: Reader) -> Value:
    """Whether an action is tied to the budget."""
    found = reader.satellites("aws_budgets_budget_action", "budget_name")
    return True if found.found else found.doubt or False


def _subscribed(reader: Reader) -> Value:
    """Whether a subscription of this monitor reaches somebody."""
    found = reader.satellites("aws_ce_anomaly_subscription", "monitor_arn_list")
    return any_of((*_reach(reader, found), found.doubt or False))


def _reach(reader: Reader, found: Satellites) -> Iterator[Tri]:
    for r in found.found:
        answer = _reached(reader.reading(r), "subscriber", "address")
        yield answer if isinstance(answer, bool | Unknown) else False


TABLE = (
    Native(
        type="aws_guardduty_detector",
        kind=Kind.DETECTOR,
        provider="aws",
        rows=(
            flag("guardduty.on", "enable", Default(True, TERRAFORM + "guardduty_detector")),
            Row("guardduty.features", _features),
        ),
    ),
    Native(
        type="aws_budgets_budget",
        kind=Kind.DETECTOR,
        provider="aws",
        rows=(
            text("budget.type", "budget_type"),
            Row(
                "budget.notified",
                lambda r: _reached(r, "notification", "subscriber_email_addresses", "subscriber_sns_topic_arns"),
            ),
            Row("budget.acts", _acts),
        ),
    ),
    Native(
        type="aws_ce_anomaly_monitor",
        kind=Kind.DETECTOR,
        provider="aws",
        rows=(Row("anomaly.notified", _subscribed),),
    ),
    Native(
        type="aws_cloudwatch_metric_alarm",
        kind=Kind.DETECTOR,
        provider="aws",
        rows=(
            text("alarm.metric", "metric_name"),
            text("alarm.namespace", "namespace"),
            texts("alarm.actions", "alarm_actions"),
            flag("alarm.on", "actions_enabled", Default(True, TERRAFORM + "cloudwatch_metric_alarm")),
        ),
        name_at=("alarm_name", "id"),
    ),
    *(
        Native(type=native, kind=Kind.DETECTOR, provider="aws")
        for native in (
            "aws_accessanalyzer_analyzer",
            "aws_budgets_budget_action",
            "aws_ce_anomaly_subscription",
            "aws_detective_graph",
            "aws_guardduty_organization_configuration",
            "aws_inspector2_enabler",
            "aws_macie2_account",
            "aws_securityhub_account",
        )
    ),
)
