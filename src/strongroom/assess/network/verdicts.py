"""What passes between the internet and an end, why that may not be known, and what had a part in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from strongroom.assess.network.bounds import INTERNET, NONE, SERVICES, SHUT, Bound, Doubts, exactly
from strongroom.kit import traffic
from strongroom.kit.kleene import Tri
from strongroom.kit.traffic import Traffic
from strongroom.model.codes import GapCode
from strongroom.model.reach import Witness
from strongroom.model.values import Unknown, Where

OUTSIDE = exactly(INTERNET)


@dataclass(slots=True)
class Verdict:
    """What passes, why it may not be known, and what had a part in it."""

    found: Bound
    doubts: Doubts
    told: list[Witness]

    def answer(self) -> Tri:
        """True where something surely passes, false where nothing may."""
        if self.found.sure:
            return True
        if not self.found.maybe:
            return False
        first = next(iter(self.doubts.said.values()), None)
        return first or Unknown(GapCode.UNDECIDED, "what its rules let through is not fully known")


def when(answer: Tri, found: Bound) -> Bound:
    """What passes where a condition holds."""
    return found if answer is True else SHUT if answer is False else Bound(NONE, found.maybe)


def shown(found: Traffic) -> str:
    """Some traffic of a set, for people: ports, and addresses where they are not the whole internet."""
    for family, towards, whole in ((4, found.v4, INTERNET.v4), (6, found.v6, INTERNET.v6)):
        if towards:
            (low, high), ports = towards[0]
            named = traffic.ports_of({p: held for p, held in ports.sets if p != "other"})
            said = "all traffic" if ports == SERVICES else named.text() or "a protocol without ports"
            everywhere = len(towards) == len(whole) and all(x[0] == y[0] for x, y in zip(towards, whole, strict=True))
            return said if everywhere else f"{said} of {traffic.shown(family, (low, high))}"
    return ""


def stopped(direction: str, where: Where | None, hops: Iterable[tuple[str, Bound]]) -> Iterator[Witness]:
    """The first hop behind which nothing is left, where nothing passes."""
    left = OUTSIDE
    for by, passed in hops:
        left &= passed
        if not left.maybe:
            yield Witness(direction, by, "let nothing of the internet pass", where=where)
            return
