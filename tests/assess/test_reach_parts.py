"""What every part that tells what reaches what must be, whatever its provider."""

import pytest

import synthetic
from strongroom.app import reaching
from strongroom.kit.rooms import room
from strongroom.model.estate import Asset, Estate
from strongroom.model.ports import Reach
from strongroom.model.reach import Reached, Scene

PARTS = room("strongroom.assess.reach", "REACH", Reach)

every_part = pytest.mark.parametrize("part", PARTS.values(), ids=PARTS.keys())


def assets(part: Reach) -> list[Asset]:
    """An asset without facts of each kind that a part answers for."""
    made = {"native_type": "x/y", "address": "a", "provider": part.provider}
    return [Asset(id=f"a:{kind.value}", kind=kind, **made) for kind in part.kinds]


def test_each_provider_has_one_part() -> None:
    """No two parts answer for one provider, and the use case has them all."""
    assert len({p.provider for p in PARTS.values()}) == len(PARTS) == len(reaching.parts())


@every_part
def test_a_part_says_what_it_answers_for(part: Reach) -> None:
    """Provider and kinds are named."""
    assert part.provider == part.provider.lower() != ""
    assert part.kinds
    assert part.address(Scene(Estate((), (), (), synthetic.NOW)), "no/such[Thing]") == ""


@every_part
def test_what_nothing_shows_is_never_a_no(part: Reach) -> None:
    """An asset of which the scene shows nothing is answered without a fault, and never as out of reach."""
    bare = assets(part)
    scene = Scene(Estate(tuple(bare), (), (), synthetic.NOW))
    answer = part.reach(scene)
    for asset in bare:
        found = answer(asset)
        assert isinstance(found, Reached)
        assert found.ingress is not False
        assert found.egress is not False


@every_part
def test_whatever_the_facts_hold_a_part_answers(part: Reach) -> None:
    """Facts of any type, known and unknown, end in an answer."""
    whole = synthetic.estate()
    answer = part.reach(Scene(whole))
    mine = [a for a in whole.assets if a.kind in part.kinds]
    assert [a.id for a in mine if not isinstance(answer(a), Reached)] == []
