"""Trails, the Config recorder, log groups, detectors, budgets and alarms of an AWS account."""

import pytest
from iac import UNKNOWN, verdict

TRAILS = (
    UNKNOWN
    + """
resource "aws_cloudtrail" "bare" {
  s3_bucket_name = aws_s3_bucket.open.id
}
resource "aws_cloudtrail" "good" {
  s3_bucket_name                = aws_s3_bucket.locked.bucket
  is_multi_region_trail         = true
  enable_log_file_validation    = true
  kms_key_id                    = aws_kms_key.trail.arn
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail.arn}:*"
  event_selector {
    read_write_type           = "All"
    include_management_events = true
    data_resource {
      type   = "AWS::S3::Object"
      values = ["arn:aws:s3"]
    }
  }
}
resource "aws_cloudtrail" "off" {
  s3_bucket_name = "elsewhere"
  enable_logging = false
  kms_key_id     = "alias/aws/s3"
  event_selector {
    read_write_type                  = "WriteOnly"
    exclude_management_event_sources = ["kms.amazonaws.com"]
    data_resource {
      type   = "AWS::S3::Object"
      values = ["arn:aws:s3"]
    }
  }
}
resource "aws_cloudtrail" "advanced" {
  s3_bucket_name = "locked"
  advanced_event_selector {
    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }
    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }
    field_selector {
      field  = "readOnly"
      equals = ["true"]
    }
  }
  advanced_event_selector {
    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }
}
resource "aws_cloudtrail" "writes" {
  s3_bucket_name = "locked"
  advanced_event_selector {
    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
    field_selector {
      field      = "eventSource"
      not_equals = ["kms.amazonaws.com"]
    }
  }
  advanced_event_selector {
    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }
    field_selector {
      field  = "readOnly"
      equals = ["false"]
    }
  }
}
resource "aws_cloudtrail" "asked" {
  s3_bucket_name             = var.x
  enable_logging             = var.x
  is_multi_region_trail      = var.x
  enable_log_file_validation = var.x
  kms_key_id                 = var.x
  cloud_watch_logs_group_arn = var.x
  event_selector {
    read_write_type           = var.x
    include_management_events = var.x
    data_resource {
      type   = "AWS::S3::Object"
      values = ["arn:aws:s3"]
    }
  }
}
resource "aws_kms_key" "trail" {}
resource "aws_cloudwatch_log_group" "trail" {
  name = "trail"
}
resource "aws_s3_bucket" "locked" {
  bucket = "locked"
}
resource "aws_s3_bucket_object_lock_configuration" "locked" {
  bucket = aws_s3_bucket.locked.id
  rule {
    default_retention {
      mode  = "COMPLIANCE"
      years = 1
    }
  }
}
resource "aws_s3_bucket" "open" {
  bucket              = "open"
  object_lock_enabled = true
}
resource "aws_s3_bucket_policy" "open" {
  bucket = aws_s3_bucket.open.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "*" }] })
}
resource "aws_config_configuration_recorder" "bare" {
  role_arn = "r"
}
resource "aws_config_configuration_recorder" "good" {
  name     = "good"
  role_arn = "r"
  recording_group {
    include_global_resource_types = true
  }
}
resource "aws_config_configuration_recorder_status" "good" {
  name       = aws_config_configuration_recorder.good.name
  is_enabled = true
}
resource "aws_config_configuration_recorder" "part" {
  name     = "part"
  role_arn = "r"
  recording_group {
    all_supported                 = false
    include_global_resource_types = true
  }
}
resource "aws_config_configuration_recorder_status" "part" {
  name       = aws_config_configuration_recorder.part.name
  is_enabled = true
}
resource "aws_config_configuration_recorder" "left_out" {
  name     = "left_out"
  role_arn = "r"
  recording_group {
    include_global_resource_types = true
    exclusion_by_resource_types {
      resource_types = ["AWS::IAM::Role"]
    }
  }
}
resource "aws_config_configuration_recorder_status" "off" {
  name       = aws_config_configuration_recorder.left_out.name
  is_enabled = false
}
resource "aws_config_configuration_recorder" "asked" {
  name     = "asked"
  role_arn = "r"
  recording_group {
    include_global_resource_types = var.x
  }
}
resource "aws_config_configuration_recorder_status" "asked" {
  name       = "asked"
  is_enabled = var.x
}
resource "aws_config_configuration_recorder_status" "elsewhere" {
  name       = "elsewhere"
  is_enabled = true
}
resource "aws_cloudwatch_log_group" "bare" {
  name = "bare"
}
resource "aws_cloudwatch_log_group" "short" {
  name              = "short"
  retention_in_days = 30
  kms_key_id        = aws_kms_key.trail.arn
}
resource "aws_cloudwatch_log_group" "year" {
  name              = "year"
  retention_in_days = 365
}
resource "aws_cloudwatch_log_group" "asked" {
  name              = "asked"
  retention_in_days = var.x
  kms_key_id        = var.x
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    [
        ("log.trail.on", "aws_cloudtrail.bare", "pass"),
        ("log.trail.on", "aws_cloudtrail.off", "fail"),
        ("log.trail.on", "aws_cloudtrail.asked", "unknown"),
        ("log.trail.all-regions", "aws_cloudtrail.bare", "fail"),
        ("log.trail.all-regions", "aws_cloudtrail.good", "pass"),
        ("log.trail.all-regions", "aws_cloudtrail.asked", "unknown"),
        ("log.trail.validation", "aws_cloudtrail.bare", "fail"),
        ("log.trail.validation", "aws_cloudtrail.good", "pass"),
        ("log.trail.validation", "aws_cloudtrail.asked", "unknown"),
        ("log.trail.cmk", "aws_cloudtrail.bare", "fail"),
        ("log.trail.cmk", "aws_cloudtrail.good", "pass"),
        ("log.trail.cmk", "aws_cloudtrail.off", "fail"),
        ("log.trail.cmk", "aws_cloudtrail.asked", "unknown"),
        ("log.trail.log-group", "aws_cloudtrail.bare", "fail"),
        ("log.trail.log-group", "aws_cloudtrail.good", "pass"),
        ("log.trail.log-group", "aws_cloudtrail.asked", "unknown"),
        ("log.trail.object-reads", "aws_cloudtrail.bare", "fail"),
        ("log.trail.object-reads", "aws_cloudtrail.good", "pass"),
        ("log.trail.object-reads", "aws_cloudtrail.off", "fail"),
        ("log.trail.object-reads", "aws_cloudtrail.advanced", "pass"),
        ("log.trail.object-reads", "aws_cloudtrail.writes", "fail"),
        ("log.trail.object-reads", "aws_cloudtrail.asked", "unknown"),
        ("log.trail.key-calls", "aws_cloudtrail.bare", "pass"),
        ("log.trail.key-calls", "aws_cloudtrail.off", "fail"),
        ("log.trail.key-calls", "aws_cloudtrail.advanced", "pass"),
        ("log.trail.key-calls", "aws_cloudtrail.writes", "fail"),
        ("log.trail.key-calls", "aws_cloudtrail.asked", "unknown"),
        ("log.trail.bucket-locked", "aws_cloudtrail.good", "pass"),
        ("log.trail.bucket-locked", "aws_cloudtrail.advanced", "pass"),
        ("log.trail.bucket-locked", "aws_cloudtrail.bare", "fail"),
        ("log.trail.bucket-locked", "aws_cloudtrail.off", "unknown"),
        ("log.trail.bucket-public", "aws_cloudtrail.bare", "fail"),
        ("log.trail.bucket-public", "aws_cloudtrail.good", "pass"),
        ("log.trail.bucket-public", "aws_cloudtrail.asked", "unknown"),
        ("log.recorder.all", "aws_config_configuration_recorder.bare", "fail"),
        ("log.recorder.all", "aws_config_configuration_recorder.good", "pass"),
        ("log.recorder.all", "aws_config_configuration_recorder.part", "fail"),
        ("log.recorder.all", "aws_config_configuration_recorder.left_out", "fail"),
        ("log.recorder.all", "aws_config_configuration_recorder.asked", "unknown"),
        ("log.recorder.started", "aws_config_configuration_recorder.good", "pass"),
        ("log.recorder.started", "aws_config_configuration_recorder.bare", "fail"),
        ("log.recorder.started", "aws_config_configuration_recorder.left_out", "fail"),
        ("log.recorder.started", "aws_config_configuration_recorder.asked", "unknown"),
        ("log.recorder.status", "aws_config_configuration_recorder_status.good", "pass"),
        ("log.recorder.status", "aws_config_configuration_recorder_status.part", "fail"),
        ("log.recorder.status", "aws_config_configuration_recorder_status.off", "fail"),
        ("log.recorder.status", "aws_config_configuration_recorder_status.asked", "unknown"),
        ("log.recorder.status", "aws_config_configuration_recorder_status.elsewhere", "unknown"),
        ("log.group.retention", "aws_cloudwatch_log_group.bare", "pass"),
        ("log.group.retention", "aws_cloudwatch_log_group.short", "fail"),
        ("log.group.retention", "aws_cloudwatch_log_group.year", "pass"),
        ("log.group.retention", "aws_cloudwatch_log_group.asked", "unknown"),
        ("enc.log-group.cmk", "aws_cloudwatch_log_group.bare", "fail"),
        ("enc.log-group.cmk", "aws_cloudwatch_log_group.short", "pass"),
        ("enc.log-group.cmk", "aws_cloudwatch_log_group.asked", "unknown"),
    ],
)
def test_logs(check: str, address: str, status: str) -> None:
    """What a trail, a recorder and a group record, how long, and whether anybody could take it back."""
    assert verdict(TRAILS, check, address) == status


ALARMS = (
    UNKNOWN
    + """
resource "aws_guardduty_detector" "bare" {}
resource "aws_guardduty_detector" "off" {
  enable = false
  datasources {
    s3_logs {
      enable = false
    }
  }
}
resource "aws_guardduty_detector" "asked" {
  enable = var.x
}
resource "aws_guardduty_detector_feature" "asked" {
  detector_id = aws_guardduty_detector.asked.id
  name        = "EKS_AUDIT_LOGS"
  status      = var.x
}
resource "aws_guardduty_detector" "feature" {}
resource "aws_guardduty_detector_feature" "off" {
  detector_id = aws_guardduty_detector.feature.id
  name        = "S3_DATA_EVENTS"
  status      = "DISABLED"
}
resource "aws_budgets_budget" "bare" {
  name        = "bare"
  budget_type = "COST"
}
resource "aws_budgets_budget" "told" {
  name        = "told"
  budget_type = "COST"
  notification {
    comparison_operator        = "GREATER_THAN"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
    notification_type          = "FORECASTED"
    subscriber_email_addresses = ["a@example.org"]
  }
}
resource "aws_budgets_budget" "silent" {
  name        = "silent"
  budget_type = "COST"
  notification {
    comparison_operator = "GREATER_THAN"
    threshold           = 80
    threshold_type      = "PERCENTAGE"
    notification_type   = "ACTUAL"
  }
}
resource "aws_budgets_budget" "acts" {
  name        = "acts"
  budget_type = "COST"
}
resource "aws_budgets_budget_action" "acts" {
  budget_name = aws_budgets_budget.acts.name
  action_type = "APPLY_SCP_POLICY"
}
resource "aws_budgets_budget" "asked" {
  name        = "asked"
  budget_type = "COST"
  notification {
    subscriber_email_addresses = var.x
  }
}
resource "aws_ce_anomaly_monitor" "bare" {
  name         = "bare"
  monitor_type = "DIMENSIONAL"
}
resource "aws_ce_anomaly_monitor" "told" {
  name         = "told"
  monitor_type = "DIMENSIONAL"
}
resource "aws_ce_anomaly_subscription" "told" {
  name             = "told"
  frequency        = "IMMEDIATE"
  monitor_arn_list = [aws_ce_anomaly_monitor.told.arn]
  subscriber {
    type    = "SNS"
    address = aws_sns_topic.cost.arn
  }
}
resource "aws_ce_anomaly_monitor" "asked" {
  name         = "asked"
  monitor_type = "DIMENSIONAL"
}
resource "aws_ce_anomaly_subscription" "asked" {
  name             = "asked"
  frequency        = "DAILY"
  monitor_arn_list = [aws_ce_anomaly_monitor.asked.arn]
  subscriber {
    type    = "EMAIL"
    address = var.x
  }
}
resource "aws_cloudwatch_metric_alarm" "told" {
  alarm_name    = "told"
  namespace     = "AWS/Billing"
  metric_name   = "EstimatedCharges"
  alarm_actions = [aws_sns_topic.cost.arn]
}
resource "aws_cloudwatch_metric_alarm" "silent" {
  alarm_name  = "silent"
  namespace   = "AWS/Usage"
  metric_name = "ResourceCount"
}
resource "aws_cloudwatch_metric_alarm" "muted" {
  alarm_name      = "muted"
  namespace       = "AWS/Usage"
  metric_name     = "ResourceCount"
  alarm_actions   = ["arn:aws:sns:eu-west-1:111122223333:x"]
  actions_enabled = false
}
resource "aws_cloudwatch_metric_alarm" "asked" {
  alarm_name    = "asked"
  namespace     = "AWS/Billing"
  metric_name   = "EstimatedCharges"
  alarm_actions = var.x
}
resource "aws_cloudwatch_metric_alarm" "other" {
  alarm_name  = "other"
  namespace   = "AWS/EC2"
  metric_name = "CPUUtilization"
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    [
        ("log.detector.on", "aws_guardduty_detector.bare", "pass"),
        ("log.detector.on", "aws_guardduty_detector.off", "fail"),
        ("log.detector.on", "aws_guardduty_detector.asked", "unknown"),
        ("log.detector.features", "aws_guardduty_detector.bare", "pass"),
        ("log.detector.features", "aws_guardduty_detector.off", "fail"),
        ("log.detector.features", "aws_guardduty_detector.feature", "fail"),
        ("log.detector.features", "aws_guardduty_detector.asked", "unknown"),
        ("mon.budget.reaches-somebody", "aws_budgets_budget.bare", "fail"),
        ("mon.budget.reaches-somebody", "aws_budgets_budget.told", "pass"),
        ("mon.budget.reaches-somebody", "aws_budgets_budget.silent", "fail"),
        ("mon.budget.reaches-somebody", "aws_budgets_budget.acts", "pass"),
        ("mon.budget.reaches-somebody", "aws_budgets_budget.asked", "unknown"),
        ("mon.anomaly.reaches-somebody", "aws_ce_anomaly_monitor.bare", "fail"),
        ("mon.anomaly.reaches-somebody", "aws_ce_anomaly_monitor.told", "pass"),
        ("mon.anomaly.reaches-somebody", "aws_ce_anomaly_monitor.asked", "unknown"),
        ("mon.alarm.reaches-somebody", "aws_cloudwatch_metric_alarm.told", "pass"),
        ("mon.alarm.reaches-somebody", "aws_cloudwatch_metric_alarm.silent", "fail"),
        ("mon.alarm.reaches-somebody", "aws_cloudwatch_metric_alarm.muted", "fail"),
        ("mon.alarm.reaches-somebody", "aws_cloudwatch_metric_alarm.asked", "unknown"),
        ("mon.alarm.reaches-somebody", "aws_cloudwatch_metric_alarm.other", "not-applicable"),
    ],
)
def test_alarms(check: str, address: str, status: str) -> None:
    """A detector that is on, a feature that nobody switched off, and an alarm that reaches somebody."""
    assert verdict(ALARMS, check, address) == status


RULES = (
    UNKNOWN
    + """
resource "aws_cloudwatch_event_rule" "told" {
  name          = "told"
  event_pattern = jsonencode({ source = ["aws.kms"], detail = { eventName = ["PutKeyPolicy", "RunInstances"] } })
}
resource "aws_cloudwatch_event_target" "told" {
  rule = aws_cloudwatch_event_rule.told.name
  arn  = aws_sns_topic.security.arn
}
resource "aws_cloudwatch_event_rule" "silent" {
  name          = "silent"
  event_pattern = jsonencode({ source = ["aws.iam"] })
}
resource "aws_cloudwatch_event_rule" "off" {
  name          = "off"
  state         = "DISABLED"
  event_pattern = jsonencode({ detail = { eventName = [{ prefix = "Run" }, "CreateTrainingJob"] } })
}
resource "aws_cloudwatch_event_target" "off" {
  rule = aws_cloudwatch_event_rule.off.name
  arn  = aws_sns_topic.security.arn
}
resource "aws_cloudwatch_event_rule" "other" {
  name                = "other"
  schedule_expression = "rate(1 day)"
}
resource "aws_cloudwatch_event_rule" "asked" {
  name          = "asked"
  event_pattern = var.x
}
resource "aws_cloudwatch_event_target" "asked" {
  rule = aws_cloudwatch_event_rule.asked.name
  arn  = aws_sns_topic.security.arn
}
resource "aws_cloudwatch_log_metric_filter" "told" {
  name           = "told"
  log_group_name = "trail"
  pattern        = "{ ($.eventName = PutKeyPolicy) }"
  metric_transformation {
    name      = "changes"
    namespace = "Security"
    value     = "1"
  }
}
resource "aws_cloudwatch_metric_alarm" "told" {
  alarm_name    = "told"
  namespace     = "Security"
  metric_name   = "changes"
  alarm_actions = [aws_sns_topic.security.arn]
}
resource "aws_cloudwatch_log_metric_filter" "muted" {
  name           = "muted"
  log_group_name = "trail"
  pattern        = "{ ($.eventName = AttachRolePolicy) }"
  metric_transformation {
    name      = "muted"
    namespace = "Security"
    value     = "1"
  }
}
resource "aws_cloudwatch_metric_alarm" "muted" {
  alarm_name      = "muted"
  namespace       = "Security"
  metric_name     = "muted"
  alarm_actions   = [aws_sns_topic.security.arn]
  actions_enabled = false
}
resource "aws_cloudwatch_log_metric_filter" "other" {
  name           = "other"
  log_group_name = "trail"
  pattern        = "ERROR"
  metric_transformation {
    name      = "errors"
    namespace = "Security"
    value     = "1"
  }
}
resource "aws_cloudwatch_log_metric_filter" "asked" {
  name           = "asked"
  log_group_name = "trail"
  pattern        = "{ ($.eventName = PutBucketPolicy) }"
  metric_transformation {
    name      = var.x
    namespace = "Security"
    value     = "1"
  }
}
"""
)


@pytest.mark.parametrize(
    ("check", "address", "status"),
    [
        ("mon.event-rule.change-alert", "aws_cloudwatch_event_rule.told", "pass"),
        ("mon.event-rule.change-alert", "aws_cloudwatch_event_rule.silent", "fail"),
        ("mon.event-rule.change-alert", "aws_cloudwatch_event_rule.off", "not-applicable"),
        ("mon.event-rule.change-alert", "aws_cloudwatch_event_rule.other", "not-applicable"),
        ("mon.event-rule.change-alert", "aws_cloudwatch_event_rule.asked", "unknown"),
        ("mon.event-rule.launch-alert", "aws_cloudwatch_event_rule.told", "pass"),
        ("mon.event-rule.launch-alert", "aws_cloudwatch_event_rule.off", "fail"),
        ("mon.event-rule.launch-alert", "aws_cloudwatch_event_rule.asked", "unknown"),
        ("mon.metric-filter.alarmed", "aws_cloudwatch_log_metric_filter.told", "pass"),
        ("mon.metric-filter.alarmed", "aws_cloudwatch_log_metric_filter.muted", "fail"),
        ("mon.metric-filter.alarmed", "aws_cloudwatch_log_metric_filter.other", "not-applicable"),
        ("mon.metric-filter.alarmed", "aws_cloudwatch_log_metric_filter.asked", "unknown"),
    ],
)
def test_alerts_on_changes(check: str, address: str, status: str) -> None:
    """An alert counts when it waits for the right calls, is switched on, and goes somewhere."""
    assert verdict(RULES, check, address) == status
