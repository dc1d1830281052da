"""What raises an alarm in an AWS account: detectors, budgets, cost anomalies, event rules and metric alarms."""

import json
from collections.abc import Iterator, Mapping

from strongroom.collect.native import Default, Native, Reader, Row, flag, text, texts
from strongroom.collect.resource import Satellites
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.model.codes import GapCode
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


def _events(reader: Reader) -> Value:
    """The calls that an event rule waits for: the `eventName`s of its pattern, or `source:*` where it names none."""
    pattern = reader.text("event_pattern")
    if pattern is None or isinstance(pattern, Unknown):
        return pattern if isinstance(pattern, Unknown) else ()
    try:
        raw = json.loads(pattern)
    except ValueError:
        return Unknown(GapCode.UNDECIDED, "the event pattern is put together from values that are not known")
    detail = raw.get("detail") if isinstance(raw, Mapping) else None
    calls = detail.get("eventName") if isinstance(detail, Mapping) else None
    sources = raw.get("source") if isinstance(raw, Mapping) else None
    return tuple(_words(calls)) or tuple(f"{source}:*" for source in _words(sources))


def _words(raw: object) -> Iterator[str]:
    """The words of a pattern's list; a matcher such as `{"prefix": "Put"}` stands as a wildcard."""
    for one in raw if isinstance(raw, list) else ():
        if isinstance(one, Mapping):
            yield from (f"{v}*" for k, v in one.items() if k == "prefix")
        else:
            yield str(one)


def _targeted(reader: Reader) -> Value:
    found = reader.satellites("aws_cloudwatch_event_target", "rule")
    return True if found.found else found.doubt or False


def _rule_on(reader: Reader) -> Value:
    state = reader.text("state")
    if state is not None:
        return state if isinstance(state, Unknown) else not state.upper().startswith("DISABLED")
    return reader.flag("is_enabled")


def _alarmed(reader: Reader) -> Value:
    """Whether an alarm that acts watches the metric that a filter counts."""
    metric = reader.text("metric_transformation.name")
    if metric is None or isinstance(metric, Unknown):
        return metric
    answers: list[Tri] = []
    for r in reader.pool.of_type("aws_cloudwatch_metric_alarm"):
        alarm = reader.reading(r)
        watched = alarm.at("metric_name")
        follows = alarm.follow(watched) is reader.resource
        named = alarm.text("metric_name") if not follows else metric
        same: Tri = named if isinstance(named, Unknown) else named == metric
        acts = alarm.flag("actions_enabled")
        answers.append(
            all_of((same, acts if acts is not None else True, alarm.given("alarm_actions"), r.maybe or True))
        )
    return any_of(answers)


TABLE = (
    Native(
        type="aws_cloudwatch_event_rule",
        kind=Kind.DETECTOR,
        provider="aws",
        rows=(
            Row("event.calls", _events),
            Row("event.targeted", _targeted),
            Row("event.on", _rule_on, Default(True, TERRAFORM + "cloudwatch_event_rule")),
        ),
    ),
    Native(
        type="aws_cloudwatch_log_metric_filter",
        kind=Kind.DETECTOR,
        provider="aws",
        rows=(text("filter.pattern", "pattern"), Row("filter.alarmed", _alarmed)),
    ),
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
