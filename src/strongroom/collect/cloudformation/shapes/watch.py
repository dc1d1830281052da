"""Trails, recorders, log groups, detectors, event rules, alarms and budgets."""

import json
from collections.abc import Iterator

from strongroom.collect.cloudformation.scope import Open, unknown_text
from strongroom.collect.cloudformation.shape import Part, Shape, Values, each, items, renamed
from strongroom.collect.native import Reader, Row
from strongroom.collect.resource import Link, Sensitive
from strongroom.kit.kleene import any_of
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown, Value


def _trail(values: Values) -> None:
    old = renamed(data_resource="data_resources")
    new = renamed(field_selector="field_selectors")
    values["event_selector"] = each(values.pop("event_selectors", None), old)
    values["advanced_event_selector"] = each(values.pop("advanced_event_selectors", None), new)


def _recorder(values: Values) -> None:
    """A group that lists types does not record all of them, whether or not it says so."""
    group = values.get("recording_group")
    if isinstance(group, dict) and not isinstance(group, Open) and group.get("resource_types"):
        group.setdefault("all_supported", False)


def _started(r: Reader) -> Value:
    """CloudFormation starts the recorder as soon as there is a delivery channel (AWS::Config::ConfigurationRecorder)."""
    if r.resource.scheme != "cloudformation":
        return Unknown(GapCode.ABSENT, "whether it was started is not recorded")
    channels = (c for c in r.pool.of_type("aws_config_delivery_channel") if c.label == r.resource.label)
    return any_of(c.maybe or True for c in channels)


def _detector(values: Values) -> None:
    sources = values.pop("data_sources", None)
    if not isinstance(sources, dict):
        values["datasources"] = sources
        return
    scan = sources.get("malware_protection")
    found = scan.get("scan_ec2_instance_with_findings") if isinstance(scan, dict) else None
    if isinstance(found, dict) and not isinstance(found.get("ebs_volumes"), dict):
        found["ebs_volumes"] = {"enable": found.get("ebs_volumes")}
    values["datasources"] = sources


def _features(values: Values, owner: Link) -> Iterator[Part]:
    for n, feature in enumerate(items(values.get("features"))):
        known = feature if isinstance(feature, dict) else {"name": feature, "status": feature}
        made: Values = {"detector_id": owner, "name": known.get("name"), "status": known.get("status")}
        yield Part("aws_guardduty_detector_feature", f"Features[{n}]", made)


def _event_rule(values: Values) -> None:
    pattern = values.get("event_pattern")
    if isinstance(pattern, dict):
        values["event_pattern"] = json.dumps(_plain(pattern))


def _plain(value: object) -> object:
    """A value that JSON can say; what is not known stands as a text, which a pattern's reader takes for a word."""
    if isinstance(value, Sensitive):
        return _plain(value.value)
    if isinstance(value, Unknown):
        return unknown_text(value)
    if isinstance(value, Link):
        return f"${{{value}}}"
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _targets(values: Values, owner: Link) -> Iterator[Part]:
    targets = values.get("targets")
    if isinstance(targets, list) and targets:
        yield Part("aws_cloudwatch_event_target", "Targets", {"rule": owner})
    elif isinstance(targets, Unknown):
        yield Part("aws_cloudwatch_event_target", "Targets", {"rule": targets})


def _filter(values: Values) -> None:
    named = renamed(name="metric_name", namespace="metric_namespace")
    values["metric_transformation"] = each(values.pop("metric_transformations", None), named)


def _budget(values: Values) -> None:
    budget = values.pop("budget", None)
    for name in ("budget_name", "budget_type"):
        values[name] = budget.get(name) if isinstance(budget, dict) else budget
    values["name"] = values["budget_name"]
    values["notification"] = each(values.pop("notifications_with_subscribers", None), _notified)


def _notified(block: Values) -> Values:
    """Whom a notification reaches; the kind of address does not matter to whether it reaches anybody."""
    known = items(block.get("subscribers"))
    addresses = [s.get("address") if isinstance(s, dict) else s for s in known]
    return {"subscriber_email_addresses": [a for a in addresses if a is not None]}


def _subscription(values: Values) -> None:
    values["subscriber"] = values.pop("subscribers", None)


SHAPES = (
    Shape(
        type="AWS::CloudTrail::Trail",
        native="aws_cloudtrail",
        moves=(
            ("trail_name", "name"),
            ("is_logging", "enable_logging"),
            ("cloud_watch_logs_log_group_arn", "cloud_watch_logs_group_arn"),
        ),
        make=_trail,
        required=("IsLogging",),
    ),
    Shape(type="AWS::CloudTrail::EventDataStore", native="aws_cloudtrail_event_data_store"),
    Shape(
        type="AWS::Config::ConfigurationRecorder",
        native="aws_config_configuration_recorder",
        make=_recorder,
        rows=(Row("record.started", _started),),
    ),
    Shape(type="AWS::Config::DeliveryChannel", native="aws_config_delivery_channel"),
    Shape(type="AWS::Config::ConfigurationAggregator", native="aws_config_configuration_aggregator"),
    Shape(type="AWS::Logs::LogGroup", native="aws_cloudwatch_log_group", moves=(("log_group_name", "name"),)),
    Shape(
        type="AWS::Logs::MetricFilter",
        native="aws_cloudwatch_log_metric_filter",
        moves=(("filter_pattern", "pattern"), ("filter_name", "name")),
        make=_filter,
    ),
    Shape(type="AWS::CloudWatch::Alarm", native="aws_cloudwatch_metric_alarm"),
    Shape(
        type="AWS::Events::Rule",
        native="aws_cloudwatch_event_rule",
        make=_event_rule,
        parts=_targets,
    ),
    Shape(
        type="AWS::GuardDuty::Detector",
        native="aws_guardduty_detector",
        make=_detector,
        parts=_features,
        required=("Enable",),
    ),
    Shape(type="AWS::Budgets::Budget", native="aws_budgets_budget", make=_budget),
    Shape(type="AWS::Budgets::BudgetsAction", native="aws_budgets_budget_action"),
    Shape(type="AWS::CE::AnomalyMonitor", native="aws_ce_anomaly_monitor", moves=(("monitor_name", "name"),)),
    Shape(type="AWS::CE::AnomalySubscription", native="aws_ce_anomaly_subscription", make=_subscription),
    Shape(type="AWS::AccessAnalyzer::Analyzer", native="aws_accessanalyzer_analyzer"),
    Shape(type="AWS::Detective::Graph", native="aws_detective_graph"),
    Shape(type="AWS::Macie::Session", native="aws_macie2_account"),
    Shape(type="AWS::SecurityHub::Hub", native="aws_securityhub_account"),
)
