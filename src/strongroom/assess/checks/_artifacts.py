"""What checks of artifacts share: what is taken as of tier 0, and what a class demands."""

from collections.abc import Sequence

from strongroom.model.kinds import Kind
from strongroom.model.ports import View
from strongroom.model.values import Unknown

KINDS = (Kind.ARTIFACT, Kind.DATASET, Kind.INDEX)
_MOST = 5


def some(texts: Sequence[str]) -> str:
    """The first few of a list, and how many more there are."""
    rest = len(texts) - _MOST
    return "; ".join(texts[:_MOST]) + (f"; and {rest} more" if rest > 0 else "")


def known(v: View, name: str) -> tuple[str, ...]:
    """The texts of a list that are known, whatever else in it is not; empty where the list itself is not known."""
    value = v.raw(name)
    return tuple(t for t in value if isinstance(t, str)) if isinstance(value, tuple) else ()


def below_tier_0(v: View) -> bool:
    """Whether the register puts it below tier 0. What nobody has classed is taken as of the highest tier."""
    if not v.has("artifact.tier") or isinstance(v.raw("artifact.tier"), Unknown):
        return False
    return v.number("artifact.tier") > 0


def demands(v: View, clause: str) -> bool:
    """Whether its class names the clause itself among what it requires; a control demands its clauses where they apply."""
    if not v.has("artifact.requires") or isinstance(v.raw("artifact.requires"), Unknown):
        return False
    return clause in v.texts("artifact.requires")
