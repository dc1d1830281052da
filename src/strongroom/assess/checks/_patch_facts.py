"""What a feed of advisories says of a version, as a check answers it."""

from strongroom.model.advisory import Patch
from strongroom.model.codes import GapCode
from strongroom.model.ports import Answer, View, broken, holds, unknown
from strongroom.model.values import Unknown


def by_feed(v: View, what: str, answer: Answer) -> Answer:
    """The answer by the feed, where there is one; else, and where the feed is too old to know, the one that is given.

    What the feed does not list is not good because an older list knew it: it is unknown, or as bad as that list says.
    """
    name = f"patch.{what}"
    if not v.has(name):
        return answer
    verdict, why = v.text(name), v.text(f"{name}_why")
    if verdict == Patch.AFFECTED and v.has(f"{name}_overdue") and not v.text(f"{name}_overdue"):
        return holds()  # a fix is due, and its time has not run out
    if verdict == Patch.AFFECTED:
        return broken(
            version=v.text(f"{name}_of"), why=why, fixed=v.text(f"{name}_fix") or "no version yet", bulletin=why
        )
    if verdict == Patch.FIXED:
        return holds()
    if verdict == Patch.STALE or (verdict == Patch.NOT_LISTED and answer != holds()):
        return answer
    return unknown(Unknown(GapCode.UNDECIDED, f"{verdict}: {why}"))
