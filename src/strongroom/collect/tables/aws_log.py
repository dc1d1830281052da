"""Audit logs of an AWS account: trails, event data stores, the Config recorder and log groups."""

import re
from collections.abc import Callable, Iterator, Mapping

from strongroom.collect.native import Default, Native, Reader, Row, flag, number
from strongroom.collect.resource import Link, undecided
from strongroom.collect.tables._aws import aws_key
from strongroom.collect.tables._aws_arns import arn
from strongroom.collect.tables._aws_named import named
from strongroom.collect.tables._aws_s3 import acl_public, bucket_policy, lock_days
from strongroom.kit.iam_reach import public
from strongroom.kit.kleene import Tri, all_of, any_of
from strongroom.model.codes import GapCode
from strongroom.model.kinds import Kind
from strongroom.model.values import Key, Unknown, Value

TERRAFORM = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/"
TRAIL = TERRAFORM + "cloudtrail"
RECORDER = TERRAFORM + "config_configuration_recorder"
TRAIL_KEY = (
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/encrypting-cloudtrail-log-files-with-aws-kms.html"
)
GROUP_KEY = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/data-protection.html"
EVENTS = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html"
_FIRST_LINK = re.compile(r"\$\{([\w.]+)\}")
Judge = Callable[[Reader, Mapping[str, object]], Tri]


def _blocks(reader: Reader, path: str, within: object = None) -> tuple[Mapping[str, object] | Unknown, ...]:
    found = reader.blocks(path, within)
    return (found,) if isinstance(found, Unknown) else found


def _selected(reader: Reader, basic: Judge, advanced: Judge) -> tuple[Tri, ...]:
    """What each event selector of either form answers."""
    old = (s if isinstance(s, Unknown) else basic(reader, s) for s in _blocks(reader, "event_selector"))
    new = (s if isinstance(s, Unknown) else advanced(reader, s) for s in _blocks(reader, "advanced_event_selector"))
    return (*old, *new)


def _object_reads(reader: Reader) -> Value:
    """Whether some selector takes reads of S3 objects."""
    return any_of(_selected(reader, _basic, _advanced))


def _basic(reader: Reader, selector: Mapping[str, object]) -> Tri:
    how = reader.text("read_write_type", selector)
    reads = how if isinstance(how, Unknown) else how in (None, "All", "ReadOnly")
    objects: list[Tri] = []
    for resource in _blocks(reader, "data_resource", selector):
        kind = resource if isinstance(resource, Unknown) else reader.text("type", resource)
        objects.append(kind if isinstance(kind, Unknown) else kind == "AWS::S3::Object")
    return all_of((reads, any_of(objects)))


def _fields(reader: Reader, selector: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]] | Unknown]:
    for f in _blocks(reader, "field_selector", selector):
        if isinstance(f, Unknown):
            yield f
            continue
        name = reader.text("field", f)
        yield name if isinstance(name, Unknown) else ((name or "").lower(), f)


def _advanced(reader: Reader, selector: Mapping[str, object]) -> Tri:
    """An advanced selector takes what each of its fields takes; without `readOnly` it takes reads and writes."""
    objects: list[Tri] = []
    reads: list[Tri] = []
    for item in _fields(reader, selector):
        if isinstance(item, Unknown):
            return item
        name, f = item
        if name == "resources.type":
            objects.append(_among(reader, "equals", f, "AWS::S3::Object"))
        elif name == "readonly":
            reads.append(_among(reader, "equals", f, "true"))
    return all_of((any_of(objects), *reads))


def _among(reader: Reader, path: str, within: object, word: str) -> Tri:
    words = reader.texts(path, within)
    if words is None or isinstance(words, Unknown):
        return words or False
    return any_of(w if isinstance(w, Unknown) else w.lower() == word.lower() for w in words)


def _key_calls(reader: Reader) -> Value:
    """Whether calls of KMS are logged: management events are, unless they are switched off or KMS is taken out."""
    answers = _selected(reader, _basic_management, _management)
    return any_of(answers) if answers else None


def _basic_management(reader: Reader, selector: Mapping[str, object]) -> Tri:
    management = reader.flag("include_management_events", selector)
    left_out = _among(reader, "exclude_management_event_sources", selector, "kms.amazonaws.com")
    kept = left_out if isinstance(left_out, Unknown) else not left_out
    return all_of((True if management is None else management, kept))


def _management(reader: Reader, selector: Mapping[str, object]) -> Tri:
    answers: list[Tri] = []
    for item in _fields(reader, selector):
        if isinstance(item, Unknown):
            return item
        name, f = item
        if name == "eventcategory":
            answers.append(_among(reader, "equals", f, "Management"))
        if name == "eventsource":
            left_out = _among(reader, "not_equals", f, "kms.amazonaws.com")
            answers.append(left_out if isinstance(left_out, Unknown) else not left_out)
    return all_of(answers) if answers else False


def _delivers(reader: Reader) -> Value:
    """Whether the trail also writes to a log group, where an alarm can see it in minutes."""
    raw = reader.at("cloud_watch_logs_group_arn")
    if isinstance(raw, str) and undecided(raw) is not None:
        # The ARN of some group is one, whatever stands in it; so is a text around a block that is one.
        return raw.startswith("arn:") or "aws_cloudwatch_log_group" in raw or _of_group(reader, raw) or undecided(raw)
    return reader.given("cloud_watch_logs_group_arn")


def _of_group(reader: Reader, raw: str) -> bool:
    found = _FIRST_LINK.match(raw)
    target = reader.follow(Link(found[1])) if found else None
    return target is not None and target.type == "aws_cloudwatch_log_group"


def _bucket(reader: Reader) -> Reader | Unknown:
    """The bucket that a trail writes to."""
    found = named(reader, "s3_bucket_name", "aws_s3_bucket", "bucket")
    name = reader.at("s3_bucket_name") or "none is named"
    return found or Unknown(GapCode.UNDECIDED, f"the bucket that it writes to ({name}) is not in these files")


def _bucket_locked(reader: Reader) -> Value:
    bucket = _bucket(reader)
    if isinstance(bucket, Unknown):
        return bucket
    days = lock_days(bucket)
    return days if isinstance(days, Unknown) else isinstance(days, float) and days > 0


def _bucket_public(reader: Reader) -> Value:
    bucket = _bucket(reader)
    if isinstance(bucket, Unknown):
        return bucket
    by_acl, policy = acl_public(bucket), bucket_policy(bucket)
    each = (policy,) if isinstance(policy, Unknown) else policy or ()
    by_policy = (s if isinstance(s, Unknown) else public(s) for s in each)
    return any_of((by_acl if isinstance(by_acl, bool | Unknown) else False, *by_policy))


def _recorder(reader: Reader) -> Reader | Unknown:
    """The recorder that a status switches."""
    found = named(reader, "name", "aws_config_configuration_recorder", "name")
    return found or Unknown(GapCode.UNDECIDED, "the recorder that it switches is not in these files")


def _records_all(reader: Reader) -> Value:
    """Whether every supported type of the region is recorded.

    Terraform, `recording_group`: `all_supported` is true unless said otherwise; a list of exclusions takes types away.
    """
    chosen = reader.flag("recording_group.all_supported")
    if chosen is not None:
        return chosen
    return not reader.blocks("recording_group.exclusion_by_resource_types")


def _status_records_all(reader: Reader) -> Value:
    recorder = _recorder(reader)
    return recorder if isinstance(recorder, Unknown) else _records_all(recorder)


def _started(reader: Reader) -> Value:
    """Whether a status starts the recorder: a recorder alone records nothing."""
    found = reader.satellites("aws_config_configuration_recorder_status", "name")
    return any_of((*(_or_false(reader.reading(r).flag("is_enabled")) for r in found.found), found.doubt or False))


def _or_false(value: bool | Unknown | None) -> Tri:
    return False if value is None else value


TABLE = (
    Native(
        type="aws_cloudtrail",
        kind=Kind.TRAIL,
        provider="aws",
        rows=(
            flag("log.enabled", "enable_logging", Default(True, TRAIL)),
            flag("log.all_regions", "is_multi_region_trail", Default(False, TRAIL)),
            flag("log.validation", "enable_log_file_validation", Default(False, TRAIL)),
            aws_key("trail.key", "kms_key_id", Default(Key("provider", "SSE-S3"), TRAIL_KEY)),
            Row("trail.log_group", _delivers),
            Row("trail.object_reads", _object_reads),
            Row("trail.key_calls", _key_calls, Default(True, EVENTS)),
            Row("trail.bucket_locked", _bucket_locked),
            Row("trail.bucket_public", _bucket_public),
            arn("cloudtrail", "trail/", "name"),
        ),
        refs=(("bucket", "s3_bucket_name"), ("key", "kms_key_id")),
    ),
    Native(
        type="aws_config_configuration_recorder",
        kind=Kind.TRAIL,
        provider="aws",
        rows=(
            Row("record.all", _records_all),
            flag("record.global", "recording_group.include_global_resource_types", Default(False, RECORDER)),
            Row("record.started", _started),
            arn("config", "configuration-recorder/", "name"),
        ),
    ),
    Native(
        type="aws_config_configuration_recorder_status",
        kind=Kind.TRAIL,
        provider="aws",
        rows=(
            flag("record.on", "is_enabled", Default(False, RECORDER + "_status")),
            Row("record.all", _status_records_all),
        ),
        refs=(("recorder", "name"),),
    ),
    Native(
        type="aws_cloudwatch_log_group",
        kind=Kind.LOG_GROUP,
        provider="aws",
        rows=(
            number("log.retention_days", "retention_in_days", Default(0.0, TERRAFORM + "cloudwatch_log_group")),
            aws_key("group.key", "kms_key_id", Default(Key("provider"), GROUP_KEY)),
            arn("logs", "log-group:", "name"),
        ),
        refs=(("key", "kms_key_id"),),
    ),
    Native(type="aws_cloudtrail_event_data_store", kind=Kind.TRAIL, provider="aws"),
    Native(type="aws_config_configuration_aggregator", kind=Kind.TRAIL, provider="aws"),
)
