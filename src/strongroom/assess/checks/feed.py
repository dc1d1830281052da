"""Whether what is known of vulnerabilities is young enough for its silence to mean anything."""

from datetime import datetime, timedelta

from strongroom.model.codes import GapCode, Severity
from strongroom.model.control import Fix
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, View, broken, check, holds, unknown
from strongroom.model.values import Unknown

_ONLINE = timedelta(hours=24)
_OFFLINE = timedelta(days=30)
_UPDATE = Fix(
    "Run `strongroom feeds update` every day, or carry a bundle over the gap once a week.",
    command="strongroom feeds update",
    verify="strongroom feeds status",
)


def _age(v: View, text: str) -> timedelta | None:
    """How long ago a time was; None for what is none, or lies ahead."""
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return None
    now = v.now if then.tzinfo is not None else v.now.replace(tzinfo=None)
    return now - then if now - then >= -timedelta(minutes=5) else None


@check(
    id="gpu.feed.fresh",
    title="The feed of vulnerabilities is fresh",
    clause="GPU-06.feed-fresh",
    kinds=(Kind.DETECTOR,),
    needs=("feed.publisher", "feed.as_of", "feed.asked_at"),
    severity=Severity.MEDIUM,
    fix=_UPDATE,
    broken="{why}",
)
def feed_fresh(v: View) -> Answer:
    """No news is good news only from somebody who was asked today: an exploited hole is on every scanner within hours."""
    asked = v.text("feed.asked_at")
    if asked:
        age = _age(v, asked)
        if age is None:
            return unknown(Unknown(GapCode.CONFLICT, f"feed.asked_at: {asked[:40]!r} is no time before now"))
        trouble = v.text("feed.trouble") if v.has("feed.trouble") else ""
        hours = int(age / timedelta(hours=1))
        if age > _ONLINE:
            return broken(
                why=f"its place was last asked in full {hours} hours ago{f' ({trouble})' if trouble else ''}, wanted 24"
            )
        return holds()
    as_of = v.text("feed.as_of")
    age = _age(v, as_of)
    if age is None:
        return unknown(Unknown(GapCode.ABSENT, f"it came from files, and {as_of[:40]!r} is no day before now"))
    return (
        broken(why=f"it came from files, and ends {age.days} days ago, wanted at most 30")
        if age > _OFFLINE
        else holds()
    )


@check(
    id="gpu.feed.trusted",
    title="The documents of the feed are the ones that were published",
    clause="GPU-06.feed-fresh",
    kinds=(Kind.DETECTOR,),
    needs=("feed.publisher", "feed.doubted"),
    severity=Severity.LOW,
    fix=Fix(
        "Fetch the documents again; where the vendor's own digest is wrong, review the document and write an override.",
        command="strongroom feeds import FOLDER",
        verify="strongroom feeds status names none",
    ),
    broken="by a wrong digest or no trusted signature in doubt: {found}",
)
def feed_trusted(v: View) -> Answer:
    """Whoever can change an advisory on its way says which hole you leave open."""
    doubted = v.texts("feed.doubted")
    return broken(found=", ".join(doubted)) if doubted else holds()


CHECKS = (feed_fresh, feed_trusted)
