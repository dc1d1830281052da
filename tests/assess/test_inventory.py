"""Checks of inventories and of sources that say different things."""

from datetime import timedelta

import pytest

import synthetic
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import judge
from strongroom.model.codes import GapCode, Status
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

DOUBT = Unknown(GapCode.CONFLICT, "a and b say different things")
ROW: dict[str, Value] = {
    "inventory.row": True,
    "host.serial": "7XKQ2J3",
    "inventory.owner": "Ada",
    "inventory.location": "Hall 2",
    "inventory.cluster": "blue",
}


def answer(check: str, kind: Kind, facts: dict[str, Value]) -> tuple[Status, str]:
    """The status of a check on an asset with these facts, and its arguments."""
    found = judge(catalogue().checks[check], synthetic.asset(kind, facts), synthetic.NOW)
    return found.status, "; ".join(v for _, v in found.arguments)


def without(*names: str) -> dict[str, Value]:
    """A whole row without some of its cells."""
    return {n: v for n, v in ROW.items() if n not in names}


@pytest.mark.parametrize(
    ("kind", "found", "status"),
    [
        (Kind.HOST, (), Status.PASS),
        (Kind.HOST, ("gpu.count: 7 in host:a, 8 in csv:b",), Status.FAIL),
        (Kind.BUCKET, (), Status.NOT_APPLICABLE),
        (Kind.BUCKET, ("net.public: true in tf:a, false in state:b",), Status.FAIL),
        (Kind.HOST, DOUBT, Status.UNKNOWN),
    ],
)
def test_sources_that_differ_fail(kind: Kind, found: Value, status: Status) -> None:
    """The check inv.asset.sources-agree fails on any asset with a difference, and passes on compute alone."""
    got, said = answer("inv.asset.sources-agree", kind, {"sources.disagree": found})
    assert got is status
    if isinstance(found, tuple) and found:
        assert str(found[0]) in said


def test_many_differences_are_shown_in_part_and_counted() -> None:
    """Of many differences five are told, and the number of the rest."""
    found = tuple(f"fact.{n}: a in x, b in y" for n in range(9))
    assert answer("inv.asset.sources-agree", Kind.HOST, {"sources.disagree": found})[1].endswith("and 4 more")


@pytest.mark.parametrize(("value", "status"), [(True, Status.PASS), (False, Status.FAIL), (DOUBT, Status.UNKNOWN)])
def test_what_has_no_row_fails(value: Value, status: Status) -> None:
    """The check inv.asset.listed says whether the inventory has a row."""
    assert answer("inv.asset.listed", Kind.GPU, {"inventory.listed": value})[0] is status


@pytest.mark.parametrize(
    ("seen", "said", "status"),
    [
        (True, "in use", Status.PASS),
        (False, "in use", Status.FAIL),
        (False, "", Status.FAIL),
        (True, "Retired", Status.FAIL),
        (False, "decommissioned", Status.NOT_APPLICABLE),
        (False, "spare", Status.NOT_APPLICABLE),
        (True, "spare", Status.PASS),
        (DOUBT, "in use", Status.UNKNOWN),
    ],
)
def test_what_is_listed_is_seen_unless_it_is_gone(seen: Value, said: str, status: Status) -> None:
    """The check inv.asset.seen fails for what nothing shows, and for what is said to be retired and still answers."""
    facts: dict[str, Value] = {"inventory.seen": seen} | ({"inventory.status": said} if said else {})
    assert answer("inv.asset.seen", Kind.HOST, facts)[0] is status


@pytest.mark.parametrize(
    ("kind", "facts", "missing"),
    [
        (Kind.HOST, ROW, ""),
        (Kind.HOST, without("host.serial") | {"inventory.uuid": "4c4c4544-0044-4810-8057-b4c04f4e4d32"}, ""),
        (Kind.HOST, without("host.serial"), "serial number or UUID"),
        (Kind.HOST, without("inventory.owner", "inventory.cluster"), "owner, cluster"),
        (Kind.GPU, without("inventory.cluster"), ""),
        (Kind.GPU, without("inventory.location"), "location"),
    ],
)
def test_a_row_without_its_number_owner_or_place_fails(kind: Kind, facts: dict[str, Value], missing: str) -> None:
    """The check inv.row.complete names what the row lacks."""
    status, said = answer("inv.row.complete", kind, facts)
    assert status is (Status.FAIL if missing else Status.PASS)
    assert said == missing


@pytest.mark.parametrize(
    ("days", "more", "status"),
    [
        (0, {}, Status.PASS),
        (1, {}, Status.PASS),
        (3, {}, Status.FAIL),
        (-3, {}, Status.UNKNOWN),
        (300, {"host.collected_at": "2026-11-22T08:00:00Z"}, Status.NOT_APPLICABLE),
    ],
)
def test_a_row_that_nobody_compared_today_fails(days: int, more: dict[str, Value], status: Status) -> None:
    """The check inv.row.verified takes a date of yesterday or today; the machine's own record takes its place."""
    date = (synthetic.NOW - timedelta(days=days)).date().isoformat()
    assert (
        answer("inv.row.verified", Kind.HOST, {"inventory.row": True, "inventory.verified": date, **more})[0] is status
    )


def test_a_date_that_is_none_is_unknown() -> None:
    """The check inv.row.verified does not guess what 3/4/26 means."""
    facts: dict[str, Value] = {"inventory.row": True, "inventory.verified": "3/4/26"}
    assert answer("inv.row.verified", Kind.HOST, facts)[0] is Status.UNKNOWN
