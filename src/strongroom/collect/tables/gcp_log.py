"""Where logs go and how long they stay, and who hears of what is spent."""

from collections.abc import Iterator

from strongroom.collect.native import Default, Native, Reader, Row, flag, number
from strongroom.collect.tables._gcp import docs, key_in, service
from strongroom.kit.kleene import negate
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

LOGGING = service("logging")
RETENTION = "https://cloud.google.com/logging/quotas#logs_retention_periods"
PARENTS = ("project", "folder", "organization", "billing_account")


def _recipients(r: Reader) -> Iterator[str | Unknown]:
    """Who hears of a budget: a topic, channels, and the billing administrators unless they are switched off."""
    rule = "all_updates_rule"
    topic = r.given(f"{rule}.pubsub_topic")
    if topic is not False:
        yield topic if isinstance(topic, Unknown) else "topic"
    channels = r.given(f"{rule}.monitoring_notification_channels")
    if channels is not False:
        yield channels if isinstance(channels, Unknown) else "channels"
    off = r.flag(f"{rule}.disable_default_iam_recipients")
    if off is not True:
        yield off if isinstance(off, Unknown) else "billing administrators"


def _thresholds(r: Reader) -> Value:
    found = r.blocks("threshold_rules")
    return found if isinstance(found, Unknown) else float(len(found))


def _enabled(r: Reader) -> Value:
    off = r.flag("disabled")
    return None if off is None else negate(off)


def _sink(parent: str) -> Native:
    return Native(
        type=f"google_logging_{parent}_sink",
        kind=Kind.TRAIL,
        provider="gcp",
        rows=(
            LOGGING,
            Row("log.enabled", _enabled, Default(True, docs(f"logging_{parent}_sink"))),
            Row("sink.filter", lambda r: r.text("filter")),
        ),
        refs=(("destination", "destination"),),
    )


def _bucket(parent: str) -> Native:
    return Native(
        type=f"google_logging_{parent}_bucket_config",
        kind=Kind.LOG_GROUP,
        provider="gcp",
        name_at=("bucket_id",),
        rows=(
            LOGGING,
            number("log.retention_days", "retention_days", Default(30, RETENTION)),
            flag("log.locked", "locked", Default(False, docs(f"logging_{parent}_bucket_config"))),
            key_in("enc.key", "cmek_settings", "kms_key_name"),
        ),
    )


TABLE = (
    *(_sink(parent) for parent in PARENTS),
    *(_bucket(parent) for parent in PARENTS),
    Native(
        type="google_billing_budget",
        kind=Kind.DETECTOR,
        provider="gcp",
        name_at=("display_name",),
        rows=(
            service("billing"),
            Row("budget.recipients", lambda r: tuple(_recipients(r))),
            Row("budget.thresholds", _thresholds),
            Row("budget.topic", lambda r: r.given("all_updates_rule.pubsub_topic")),
        ),
    ),
    Native(
        type="google_monitoring_alert_policy",
        kind=Kind.DETECTOR,
        provider="gcp",
        name_at=("display_name",),
        rows=(
            service("monitoring"),
            flag("log.enabled", "enabled", Default(True, docs("monitoring_alert_policy"))),
        ),
    ),
)
