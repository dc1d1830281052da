"""How long a released resource may be held, as the broker says it beside the resource."""

from pathlib import Path

import broker_counter as k
import broker_rig as b
import pytest
from broker_house import House

from strongroom.kit import kbs

PATH = f"/kbs/v0/resource/{b.WEIGHTS}"


def lease(at: k.Counter) -> int:
    """What the broker says of the weights."""
    got = at.public.get(PATH)
    assert got.status_code == 200, got.text
    return int(got.headers[kbs.LEASE])


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A broker's folder."""
    return House(tmp_path)


@pytest.mark.parametrize(
    ("fields", "seconds"), [({"lease_minutes": "1.5"}, 90), ({}, 300)], ids=["of the rule", "of the owner"]
)
def test_the_lease_is_that_of_the_rule(house: House, fields: dict[str, str], seconds: int) -> None:
    """It counts from the appraisal, not from the release: whoever waits has less of it."""
    house.policy(2, **fields)
    with k.counter(house) as at:
        at.attested()
        assert lease(at) == seconds
        at.later(seconds=30.5)
        assert lease(at) == seconds - 31


def test_the_shortest_bound_counts(house: House) -> None:
    """An owner who wants a younger appraisal than the rule bounds the lease too."""
    text = house.policy_text(2, lease_minutes="60").rstrip() + "\nmax_age_minutes = 2\n"
    (house.folder / "policy.toml.ann.sig").write_bytes(house.note(text))
    (house.folder / "policy.toml").write_text(text)
    with k.counter(house) as at:
        at.attested()
        assert lease(at) == 120


def test_when_the_lease_is_over_the_same_session_gets_nothing(house: House) -> None:
    """What the broker said is what it does: a second later the attestation is too old for the resource."""
    house.policy(2, lease_minutes="1")
    with k.counter(house) as at:
        at.attested()
        held = lease(at)
        at.later(seconds=held)
        assert lease(at) == 0
        at.later(seconds=1)
        assert at.weights() == 401
        assert kbs.LEASE not in at.public.get(PATH).headers
