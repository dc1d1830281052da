"""CloudTrail and the Config recorder."""

from strongroom.model.codes import Effort, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds

KINDS = (Kind.TRAIL,)
SEE = "aws cloudtrail describe-trails --trail-name-list <trail>"
SELECTORS = "aws cloudtrail get-event-selectors --trail-name <trail>"
BUCKET = """resource "aws_s3_bucket_object_lock_configuration" "trail" {
  bucket = aws_s3_bucket.trail.id
  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = 365
    }
  }
}"""


@check(
    id="log.trail.on",
    title="The trail logs",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("log.enabled", "trail.key"),
    severity=Severity.HIGH,
    fix=Fix(
        "Let the trail log.",
        (("aws_cloudtrail", "enable_logging = true"),),
        "aws cloudtrail start-logging --name <trail>",
        "aws cloudtrail get-trail-status --name <trail>",
    ),
    broken="the trail is there and logging is switched off",
    equivalents=("checkov:CKV_AWS_251",),
)
def on(v: View) -> bool:
    """A trail that is switched off looks like a trail in every list, and records nothing."""
    return v.flag("log.enabled")


@check(
    id="log.trail.all-regions",
    title="The trail covers every region",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("log.all_regions",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Make it a trail of all regions.",
        (("aws_cloudtrail", "is_multi_region_trail = true"),),
        "aws cloudtrail update-trail --name <trail> --is-multi-region-trail",
        SEE,
    ),
    broken="it sees one region; what is started in another is not recorded",
    equivalents=("checkov:CKV_AWS_67", "trivy:AWS-0014", "guard:MULTI_REGION_CLOUD_TRAIL_ENABLED"),
)
def all_regions(v: View) -> bool:
    """Stolen credentials are used where nobody looks: GPU machines are started in regions that the owner never uses."""
    return v.flag("log.all_regions")


@check(
    id="log.trail.validation",
    title="Tampering with the trail's files can be detected",
    clause="LOG-01.protected",
    kinds=KINDS,
    needs=("log.validation",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Switch log file validation on.",
        (("aws_cloudtrail", "enable_log_file_validation = true"),),
        "aws cloudtrail update-trail --name <trail> --enable-log-file-validation",
        "aws cloudtrail validate-logs --trail-arn <arn> --start-time <time>",
    ),
    broken="log file validation is off: a file that is changed or missing goes unnoticed",
    equivalents=(
        "checkov:CKV_AWS_36",
        "trivy:AWS-0016",
        "guard:CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED",
        "prowler:cloudtrail_log_file_validation_enabled",
    ),
)
def validation(v: View) -> bool:
    """Signed digests over the files are what makes the trail evidence rather than a text that somebody could edit."""
    return v.flag("log.validation")


@check(
    id="log.trail.cmk",
    title="The trail's files are encrypted with a key of their owner",
    clause="LOG-01.protected",
    kinds=KINDS,
    needs=("trail.key",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Give the trail a customer managed key whose policy lets CloudTrail encrypt and the auditors decrypt.",
        (("aws_cloudtrail", "kms_key_id = aws_kms_key.trail.arn"),),
        "aws cloudtrail update-trail --name <trail> --kms-key-id <key-arn>",
        SEE,
    ),
    broken="its files lie under S3's own key: whoever reads the bucket reads the log",
    equivalents=(
        "checkov:CKV_AWS_35",
        "trivy:AWS-0015",
        "guard:CLOUD_TRAIL_ENCRYPTION_ENABLED",
        "prowler:cloudtrail_kms_encryption_enabled",
    ),
)
def cmk(v: View) -> bool:
    """The trail is a map of the account: who calls what, which roles exist, where the models are."""
    return v.key("trail.key").tech == "cmk"


@check(
    id="log.trail.log-group",
    title="The trail also writes to a log group",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("trail.log_group",),
    severity=Severity.LOW,
    fix=Fix(
        "Deliver the trail to CloudWatch Logs.",
        (
            (
                "aws_cloudtrail",
                'cloud_watch_logs_group_arn = "${aws_cloudwatch_log_group.trail.arn}:*"\ncloud_watch_logs_role_arn  = aws_iam_role.trail.arn',
            ),
        ),
        "aws cloudtrail update-trail --name <trail> --cloud-watch-logs-log-group-arn <arn> --cloud-watch-logs-role-arn <arn>",
        "aws cloudtrail get-trail-status --name <trail>",
    ),
    broken="it writes files only, which arrive minutes later and which no alarm reads",
    equivalents=(
        "checkov:CKV2_AWS_10",
        "trivy:AWS-0162",
        "guard:CLOUD_TRAIL_CLOUD_WATCH_LOGS_ENABLED",
        "prowler:cloudtrail_cloudwatch_logging_enabled",
    ),
)
def log_group(v: View) -> bool:
    """Alarms on policy changes and on launches in strange regions read the log group, not the bucket."""
    return v.flag("trail.log_group")


@check(
    id="log.trail.object-reads",
    title="The trail records reads of objects",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("trail.object_reads",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Select data events of S3 objects, reads included.",
        (
            (
                "aws_cloudtrail",
                'advanced_event_selector {\n  name = "reads and writes of objects"\n  field_selector {\n    field  = "eventCategory"\n    equals = ["Data"]\n  }\n  field_selector {\n    field  = "resources.type"\n    equals = ["AWS::S3::Object"]\n  }\n}',
            ),
        ),
        "aws cloudtrail put-event-selectors --trail-name <trail> --advanced-event-selectors file://selectors.json",
        SELECTORS,
    ),
    broken="no selector takes reads of S3 objects: a download of the weights leaves no trace",
    equivalents=(
        "trivy:AWS-0172",
        "guard:CLOUDTRAIL_S3_DATAEVENTS_ENABLED",
        "prowler:cloudtrail_s3_dataevents_read_enabled",
    ),
)
def object_reads(v: View) -> bool:
    """A trail records who changes a bucket, and by default not who reads what is in it; the theft of weights is a
    read.
    """
    return v.flag("trail.object_reads")


@check(
    id="log.trail.key-calls",
    title="The trail records calls of KMS",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("trail.key_calls",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Record management events, and exclude no source.",
        (
            (
                "aws_cloudtrail",
                'event_selector {\n  include_management_events = true\n  read_write_type           = "All"\n}',
            ),
        ),
        "aws cloudtrail put-event-selectors --trail-name <trail> --event-selectors file://selectors.json",
        SELECTORS,
    ),
    broken="its selectors leave calls of KMS out: nobody can tell which key opened what",
)
def key_calls(v: View) -> bool:
    """KMS is left out of trails because it is chatty. It is also where every release of a key is written down."""
    return v.flag("trail.key_calls")


@check(
    id="log.trail.bucket-locked",
    title="The trail's bucket locks what is written to it",
    clause="LOG-01.immutable-apart",
    kinds=KINDS,
    needs=("trail.bucket_locked",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Give the bucket Object Lock with a default retention of a year; keep it in an account of its own.",
        (("aws_cloudtrail", BUCKET),),
        "aws s3api put-object-lock-configuration --bucket <bucket> --object-lock-configuration file://lock.json",
        "aws s3api get-object-lock-configuration --bucket <bucket>",
        Effort.MEDIUM,
    ),
    broken="the bucket that it writes to keeps no object longer than its owner wants",
)
def bucket_locked(v: View) -> bool:
    """An intruder with administrator rights deletes the log of the intrusion, unless nobody can."""
    return v.flag("trail.bucket_locked")


@check(
    id="log.trail.bucket-public",
    title="The trail's bucket is not public",
    clause="LOG-01.protected",
    kinds=KINDS,
    needs=("trail.bucket_public",),
    severity=Severity.CRITICAL,
    fix=Fix(
        "Take the public grant out of the bucket's policy and ACL.",
        (("aws_cloudtrail", "s3_bucket_name = aws_s3_bucket.private_trail.id"),),
        "aws s3api put-public-access-block --bucket <bucket> --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
        "aws s3api get-bucket-policy-status --bucket <bucket>",
    ),
    broken="the bucket that it writes to is public",
    equivalents=("trivy:AWS-0161", "prowler:cloudtrail_logs_s3_bucket_is_not_publicly_accessible"),
)
def bucket_public(v: View) -> bool:
    """A public trail tells everybody which roles, keys and buckets there are, and who is at work."""
    return not v.flag("trail.bucket_public")


@check(
    id="log.recorder.all",
    title="The recorder records every type, the global ones included",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("record.all", "record.global"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Record all supported types and the global ones.",
        (
            (
                "aws_config_configuration_recorder",
                "recording_group {\n  all_supported                 = true\n  include_global_resource_types = true\n}",
            ),
        ),
        "aws configservice put-configuration-recorder --configuration-recorder file://recorder.json",
        "aws configservice describe-configuration-recorders",
    ),
    broken="it leaves out {what}",
    equivalents=("checkov:CKV2_AWS_48", "prowler:config_recorder_all_regions_enabled"),
)
def recorder(v: View) -> Answer | bool:
    """IAM is a global type: without it, the history of who could do what is missing from the record."""
    if v.raw("record.all") is False:
        return broken(what="some types")
    if v.raw("record.global") is False:
        return broken(what="global types such as IAM roles and policies")
    return v.flag("record.all") and v.flag("record.global")


@check(
    id="log.recorder.status",
    title="The recorder is switched on and records every type",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("record.on", "record.all"),
    severity=Severity.HIGH,
    fix=Fix(
        "Switch the recorder on.",
        (("aws_config_configuration_recorder_status", "is_enabled = true"),),
        "aws configservice start-configuration-recorder --configuration-recorder-name <name>",
        "aws configservice describe-configuration-recorder-status",
    ),
    broken="{what}",
    equivalents=("checkov:CKV2_AWS_45",),
)
def recorder_status(v: View) -> Answer:
    """The history of the configuration is what tells, after an incident, when a bucket became public and by whom."""
    if not v.flag("record.on"):
        return broken(what="the recorder is switched off")
    return holds() if v.flag("record.all") else broken(what="the recorder that it starts leaves types out")


@check(
    id="log.recorder.started",
    title="Something starts the recorder",
    clause="LOG-01.sources-on",
    kinds=KINDS,
    needs=("record.started",),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Add a status that starts it.",
        (
            (
                "aws_config_configuration_recorder",
                'resource "aws_config_configuration_recorder_status" "on" {\n  name       = aws_config_configuration_recorder.this.name\n  is_enabled = true\n  depends_on = [aws_config_delivery_channel.this]\n}',
            ),
        ),
        "aws configservice start-configuration-recorder --configuration-recorder-name <name>",
        "aws configservice describe-configuration-recorder-status",
    ),
    broken="no status starts it, and a recorder that is made is not yet on",
)
def recorder_started(v: View) -> bool:
    """Making a recorder records nothing: it waits for somebody to start it."""
    return v.flag("record.started")


CHECKS = (
    on,
    all_regions,
    validation,
    cmk,
    log_group,
    object_reads,
    key_calls,
    bucket_locked,
    bucket_public,
    recorder,
    recorder_status,
    recorder_started,
)
