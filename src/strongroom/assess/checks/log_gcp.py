"""Cloud Logging's buckets, and budgets."""

from strongroom.assess.checks._gcp import SERVICE, customer_key, items
from strongroom.model.codes import Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

YEAR = 365.0
BUCKETS = tuple(f"google_logging_{p}_bucket_config" for p in ("project", "folder", "organization", "billing_account"))
BUDGET = "google_billing_budget"
DESCRIBE = "gcloud logging buckets describe BUCKET --location LOCATION --format='value(retentionDays,locked)'"


@check(
    id="log.gcp-bucket.retention",
    title="Logs are kept for a year",
    clause="LOG-01.retention-year",
    kinds=(Kind.LOG_GROUP,),
    needs=(SERVICE, "log.retention_days"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Keep the logs for at least 365 days.",
        tuple((b, "retention_days = 365") for b in BUCKETS),
        "gcloud logging buckets update BUCKET --location LOCATION --retention-days 365",
        DESCRIBE,
    ),
    broken="logs are gone after {days} days",
)
def retention(v: View) -> Answer:
    """Theft of weights is often noticed months later; logs of thirty days are gone by then."""
    days = v.number("log.retention_days")
    return holds() if days >= YEAR else broken(days=f"{days:g}")


@check(
    id="log.gcp-bucket.locked",
    title="The retention of logs is locked",
    clause="LOG-01.immutable-apart",
    kinds=(Kind.LOG_GROUP,),
    needs=(SERVICE, "log.locked"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Lock the bucket once its retention is right; the lock cannot be taken back.",
        tuple((b, "locked = true") for b in BUCKETS),
        "gcloud logging buckets update BUCKET --location LOCATION --locked",
        DESCRIBE,
    ),
    broken="whoever may administer logging can shorten the retention and delete the bucket",
)
def locked(v: View) -> bool:
    """The first thing that an intruder with rights does is to have the logs forgotten sooner."""
    return v.flag("log.locked")


@check(
    id="mon.gcp-budget.acts",
    title="The budget has thresholds, and a program that acts on them",
    clause="MON-03.budget-action",
    kinds=(Kind.DETECTOR,),
    needs=(SERVICE, "budget.thresholds", "budget.topic"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Send the budget to a topic whose subscriber caps quota or switches billing off, and set thresholds.",
        (
            (
                BUDGET,
                (
                    "threshold_rules {\n  threshold_percent = 0.9\n}\nall_updates_rule {\n"
                    "  pubsub_topic = google_pubsub_topic.budget.id\n}"
                ),
            ),
        ),
        verify="gcloud billing budgets describe BUDGET --format='value(notificationsRule.pubsubTopic)'",
    ),
    broken="{what}",
)
def acts(v: View) -> Answer:
    """Stolen credentials are turned into GPU hours first; by the time that somebody reads the bill, a month of them is
    gone. A topic lets a program stop it.
    """
    if v.number("budget.thresholds") < 1:
        return broken(what="no threshold is set")
    return holds() if v.flag("budget.topic") else broken(what="no topic is told, so that no program can act")


@check(
    id="mon.gcp-budget.heard",
    title="Somebody hears when the budget is passed",
    clause="MON-03.launch-alert",
    kinds=(Kind.DETECTOR,),
    needs=(SERVICE, "budget.thresholds", "budget.recipients"),
    severity=Severity.MEDIUM,
    fix=Fix(
        "Set thresholds, and name the channels of those on call.",
        (
            (
                BUDGET,
                (
                    "threshold_rules {\n  threshold_percent = 0.5\n}\nall_updates_rule {\n"
                    "  monitoring_notification_channels = [google_monitoring_notification_channel.oncall.id]\n}"
                ),
            ),
        ),
        verify="gcloud billing budgets describe BUDGET --format='value(thresholdRules,notificationsRule)'",
    ),
    broken="nobody is told",
)
def heard(v: View) -> Answer:
    """A jump in spend is the loudest sign of stolen compute, if it is sent to anybody."""
    if v.number("budget.thresholds") < 1:
        return broken()
    found = items(v, "budget.recipients")
    if any(isinstance(r, str) for r in found):
        return holds()
    doubts = [r for r in found if isinstance(r, Unknown)]
    return unknown(*doubts) if doubts else broken()


encrypted = customer_key(
    "enc.gcp-log-bucket.cmk",
    "The log bucket is encrypted with a customer-managed key",
    (Kind.LOG_GROUP,),
    "enc.key",
    Fix(
        "Name a key of your own for the bucket.",
        tuple((b, "cmek_settings {\n  kms_key_name = google_kms_crypto_key.logs.id\n}") for b in BUCKETS[:1]),
        verify="gcloud logging buckets describe BUCKET --location LOCATION --format='value(cmekSettings)'",
    ),
    "Logs of AI services hold prompts and answers, which are as sensitive as what they were asked about.",
    (),
)

CHECKS = (retention, locked, acts, heard, encrypted)
