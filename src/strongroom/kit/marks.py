"""How owners mark what is sensitive: labels and tags.

`tier = "0"`, `artifact = "weights"` or a `sensitivity` say so; another tier, or a sensitivity of none, says the opposite.
"""

from collections.abc import Mapping

_HARMLESS = frozenset({"none", "low", "public", "0"})


def sensitive(labels: Mapping[str, str]) -> bool | None:
    """Whether the labels mark a thing as sensitive; None when they say nothing of it."""
    low = {k.lower(): v.strip().lower() for k, v in labels.items()}
    if low.get("tier") == "0" or low.get("artifact") == "weights":
        return True
    if low.get("sensitivity"):
        return low["sensitivity"] not in _HARMLESS
    return False if low.get("tier") or low.get("artifact") else None
