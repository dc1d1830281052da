"""What is logged, and what raises an alarm."""

from collections.abc import Iterator

from strongroom.collect.aws.asking import Beside, Call, Detail, Known, Listing, Properties, Seen
from strongroom.collect.aws.calls._forms import moved, plain
from strongroom.collect.aws.document import mappings
from strongroom.model.values import Unknown

_TRAIL: dict[str, object] = {"TrailName": "{TrailARN}"}


def _home(seen: Seen) -> bool:
    return seen.answer.get("HomeRegion") in (None, seen.region)


def _trail(seen: Seen, known: Known) -> Properties | None:
    """A trail, where it is at home: every other region shows it too."""
    del known
    if not _home(seen):
        return None
    names = ("S3BucketName", "IsMultiRegionTrail", "KmsKeyId", "IsLogging", "EventSelectors", "AdvancedEventSelectors")
    made: Properties = {n: seen.answer.get(n) for n in names if seen.answer.get(n) is not None}
    made["TrailName"], made["EnableLogFileValidation"] = seen.name, seen.answer.get("LogFileValidationEnabled")
    made["CloudWatchLogsLogGroupArn"] = seen.answer.get("CloudWatchLogsLogGroupArn")
    selectors = seen.answer.get("Selectors")
    if isinstance(selectors, dict):
        made |= {n: selectors[n] for n in ("EventSelectors", "AdvancedEventSelectors") if selectors.get(n)}
    elif isinstance(selectors, Unknown):
        made["EventSelectors"] = selectors
    return made


def _recorder(seen: Seen) -> Iterator[Beside]:
    """Whether a recorder runs is a status of its own to the tables."""
    status = seen.answer.get("Status")
    on: object = status if isinstance(status, Unknown) else any(s.get("recording") is True for s in mappings(status))
    yield Beside("aws_config_configuration_recorder_status", "Status", {"name": seen.name, "is_enabled": on})


def _detector(seen: Seen, known: Known) -> Properties:
    """A detector's features, each with the word of the API."""
    del known
    told, status = seen.at("features"), seen.at("status")
    features = [{"Name": f.get("name"), "Status": f.get("status")} for f in mappings(told)]
    return {
        "Enable": status if isinstance(status, Unknown) else status == "ENABLED",
        "Features": told if isinstance(told, Unknown) else features,
    }


def _targets(seen: Seen, known: Known) -> Properties:
    del known
    names = ("Name", "EventPattern", "State", "Targets", "ScheduleExpression")
    return {n: seen.answer.get(n) for n in names if seen.answer.get(n) is not None}


def _budget(seen: Seen, known: Known) -> Properties:
    del known
    said = seen.answer.get("Notifications")
    # A notification has a subscriber from the start, and goes with its last one (AWS Billing API, DeleteSubscriber).
    somebody = {"Subscribers": [{"Address": "a subscriber"}]}
    notified: object = said if isinstance(said, Unknown) else [somebody for _ in mappings(said)]
    return {
        "Budget": {"BudgetName": seen.name, "BudgetType": seen.answer.get("BudgetType")},
        "NotificationsWithSubscribers": notified,
    }


def _filter(seen: Seen, known: Known) -> Properties:
    del known
    return {
        "FilterName": seen.answer.get("filterName"),
        "FilterPattern": seen.answer.get("filterPattern"),
        "MetricTransformations": [
            {"MetricName": t.get("metricName"), "MetricNamespace": t.get("metricNamespace")}
            for t in mappings(seen.answer.get("metricTransformations"))
        ],
    }


def _budgets(operation: str, takes: str, puts: str, **arguments: object) -> Detail:
    return Detail(
        service="budgets", operation=operation, takes=takes, puts=puts, many=True, action="budgets:ViewBudget",
        arguments={"AccountId": "{account}", "BudgetName": "{BudgetName}", **arguments},
    )  # fmt: skip


LISTINGS = (
    Listing(
        type="AWS::CloudTrail::Trail",
        call=Call(service="cloudtrail", operation="DescribeTrails", takes="trailList",
                  arguments={"includeShadowTrails": False}),
        details=(
            Detail(service="cloudtrail", operation="GetTrailStatus", takes="IsLogging", puts="IsLogging",
                   arguments={"Name": "{TrailARN}"}),
            Detail(service="cloudtrail", operation="GetEventSelectors", puts="Selectors", arguments=_TRAIL),
        ),
        arn="{TrailARN}", make=_trail,
    ),
    plain("cloudtrail", "ListEventDataStores", "AWS::CloudTrail::EventDataStore", takes="EventDataStores",
          name="{Name}", arn="{EventDataStoreArn}"),
    Listing(
        type="aws_config_configuration_recorder",
        call=Call(service="config", operation="DescribeConfigurationRecorders", takes="ConfigurationRecorders"),
        details=(
            Detail(service="config", operation="DescribeConfigurationRecorderStatus", puts="Status", many=True,
                   takes="ConfigurationRecordersStatus", arguments={"ConfigurationRecorderNames": ["{name}"]}),
        ),
        name="{name}", arn="arn:{partition}:config:{region}:{account}:configuration-recorder/{name}",
        beside=_recorder, besides=("aws_config_configuration_recorder_status",),
    ),
    plain("config", "DescribeConfigurationAggregators", "AWS::Config::ConfigurationAggregator",
          takes="ConfigurationAggregators", name="{ConfigurationAggregatorName}", arn="{ConfigurationAggregatorArn}"),
    Listing(
        type="AWS::Logs::LogGroup",
        call=Call(service="logs", operation="DescribeLogGroups", takes="logGroups"),
        name="{logGroupName}", arn="{logGroupArn}",
    ),
    Listing(
        type="AWS::Logs::MetricFilter",
        call=Call(service="logs", operation="DescribeMetricFilters", takes="metricFilters"),
        name="{filterName}", ident="{logGroupName}/{filterName}", make=_filter,
    ),
    Listing(
        type="AWS::CloudWatch::Alarm",
        call=Call(service="cloudwatch", operation="DescribeAlarms", takes="MetricAlarms"),
        name="{AlarmName}", arn="{AlarmArn}",
    ),
    Listing(
        type="AWS::Events::Rule",
        call=Call(service="events", operation="ListRules", takes="Rules"),
        details=(
            Detail(service="events", operation="ListTargetsByRule", takes="Targets", puts="Targets", many=True,
                   arguments={"Rule": "{Name}"}),
        ),
        arn="{Arn}", make=_targets, besides=("aws_cloudwatch_event_target",),
    ),
    Listing(
        type="AWS::GuardDuty::Detector",
        call=Call(service="guardduty", operation="ListDetectors", takes="DetectorIds"),
        word="DetectorId",
        details=(Detail(service="guardduty", operation="GetDetector", arguments={"DetectorId": "{DetectorId}"}),),
        name="{DetectorId}", arn="arn:{partition}:guardduty:{region}:{account}:detector/{DetectorId}",
        make=_detector, besides=("aws_guardduty_detector_feature",),
    ),
    Listing(
        type="AWS::SecurityHub::Hub",
        call=Call(service="securityhub", operation="DescribeHub", unset=("InvalidAccessException", "ResourceNotFound")),
        name="hub", arn="{HubArn}",
    ),
    Listing(
        type="AWS::Macie::Session",
        call=Call(service="macie2", operation="GetMacieSession", unset=("AccessDeniedException:not enabled",)),
        name="macie", ident="macie", arn="arn:{partition}:macie2:{region}:{account}:session",
    ),
    plain("accessanalyzer", "ListAnalyzers", "AWS::AccessAnalyzer::Analyzer", takes="analyzers", name="{name}",
          arn="{arn}"),
    Listing(
        type="AWS::Budgets::Budget",
        call=Call(service="budgets", operation="DescribeBudgets", takes="Budgets", arguments={"AccountId": "{account}"},
                  action="budgets:ViewBudget"),
        once=True,
        name="{BudgetName}", arn="arn:{partition}:budgets::{account}:budget/{BudgetName}",
        details=(
            _budgets("DescribeNotificationsForBudget", "Notifications", "Notifications"),
        ),
        make=_budget,
    ),
    Listing(
        type="AWS::Budgets::BudgetsAction",
        call=Call(service="budgets", operation="DescribeBudgetActionsForAccount", takes="Actions",
                  arguments={"AccountId": "{account}"}),
        once=True, name="{ActionId}", arn="arn:{partition}:budgets::{account}:budget/{BudgetName}/action/{ActionId}",
    ),
    Listing(
        type="AWS::CE::AnomalyMonitor",
        call=Call(service="ce", operation="GetAnomalyMonitors", takes="AnomalyMonitors"),
        once=True, name="{MonitorName}", arn="{MonitorArn}",
    ),
    Listing(
        type="AWS::CE::AnomalySubscription",
        call=Call(service="ce", operation="GetAnomalySubscriptions", takes="AnomalySubscriptions"),
        once=True, name="{SubscriptionName}", arn="{SubscriptionArn}", make=moved(Subscribers="Subscribers"),
    ),
)  # fmt: skip
