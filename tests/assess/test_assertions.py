"""What a person's word is worth."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from test_judge import ask, closed, control

from strongroom.assess import judge
from strongroom.assess.assertions import latest_end
from strongroom.model.codes import AssertionState, Status
from strongroom.model.control import Assessment, Clause
from strongroom.model.estate import Asset, Estate, Fact, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.people import Assertion, People
from strongroom.model.ports import Catalogue, Control
from strongroom.model.values import Value

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def assertion(**changes: object) -> Assertion:
    """An assertion in order for the clause that a drill measures, changed."""
    a = Assertion("AA-01", "", "so it is", "Ada", "Grace", "0" * 64, latest_end(NOW), "AA-01.drilled", NOW, "i" * 64)
    return msgspec.structs.replace(a, **changes)


def two() -> Control:
    """A control of a clause that machines measure and one that only people can speak for."""
    clauses = (Clause("AA-01.first", "first", ("tf",)), Clause("AA-01.drilled", "drilled", ("drill",)))
    return with_clauses(control("first"), clauses)


def with_clauses(c: Control, clauses: tuple[Clause, ...]) -> Control:
    """A control with other clauses."""
    words = {name: getattr(c, name) for name in c.__slots__}
    return Control(**{**words, "clauses": clauses})


def assess(value: Value, *said: Assertion, now: datetime = NOW, check_drill: bool = False) -> Assessment:
    """The judgement of one asset."""
    fact = Fact("net.public", value)
    asset = Asset(id="a", kind=Kind.NOTEBOOK, native_type="t", address="x.a", facts={"net.public": fact})
    checks = {"c": ask(closed)} | ({"d": ask(closed, "AA-01.drilled")} if check_drill else {})
    read = SourceRead("tf:x", "tf", "x", 1, 1, ())
    known = Catalogue({"AA-01": two()}, checks)
    return judge.assess(Estate((asset,), (), (read,), NOW), known, now, (), People(assertions=said))


def states(found: Assessment) -> tuple[Status, list[Status]]:
    """Of the control and its clauses."""
    return found.controls[0].status, [c.status for c in found.controls[0].clauses]


@pytest.mark.parametrize(
    ("value", "control_state"), [(False, Status.ATTESTED), (True, Status.FAIL), (None, Status.UNKNOWN)]
)
def test_an_attested_clause_is_no_pass(value: Value, control_state: Status) -> None:
    """With all else passing the control is attested; it is never a pass, and no word hides a failure or a doubt."""
    found = assess(value, assertion())
    state, clauses = states(found)
    assert state is control_state
    assert clauses[1] is Status.ATTESTED
    assert [a.clause for a in found.attested] == ["AA-01.drilled"]


def test_without_a_word_the_clause_is_not_assessed() -> None:
    """Nothing is attested by itself."""
    assert states(assess(False)) == (Status.NOT_ASSESSED, [Status.PASS, Status.NOT_ASSESSED])


@pytest.mark.parametrize(
    ("changes", "later", "state"),
    [
        ({"expires_at": NOW - timedelta(seconds=1)}, 0, AssertionState.EXPIRED),
        ({"expires_at": NOW + timedelta(days=5000)}, 400, AssertionState.EXPIRED),
        ({"made_at": NOW + timedelta(days=1)}, 0, AssertionState.NOT_YET),
        ({"asset": "x.a"}, 0, AssertionState.PARTIAL),
        ({"clause": "AA-01.first"}, 0, AssertionState.NOT_FOR_PEOPLE),
        ({"clause": "AA-01.none"}, 0, AssertionState.NOT_FOR_PEOPLE),
    ],
)
def test_a_word_that_does_not_count_is_told(changes: dict[str, object], later: int, state: AssertionState) -> None:
    """Expired (whatever end it gives itself), too early, partial, or on what is not for people: back to not assessed."""
    found = assess(False, assertion(**changes), now=NOW + timedelta(days=later))
    assert states(found)[0] is Status.NOT_ASSESSED
    assert [n.state for n in found.assertion_notes] == [state]


@pytest.mark.parametrize(("value", "clause"), [(True, Status.FAIL), (None, Status.UNKNOWN), (False, Status.PASS)])
def test_a_machine_is_never_overruled(value: Value, clause: Status) -> None:
    """Where something measured the clause, its answer stands, and the report says so."""
    found = assess(value, assertion(), check_drill=True)
    assert states(found)[1][1] is clause
    assert [n.state for n in found.assertion_notes] == [AssertionState.OVERRULED]


def test_a_renewed_word_silences_the_old_one() -> None:
    """Of several the one that ends last stands, and that an older one has ended is no news."""
    old = assertion(id="o" * 64, expires_at=NOW - timedelta(days=1), made_at=NOW - timedelta(days=300))
    found = assess(False, old, assertion())
    assert [a.id for a in found.attested] == ["i" * 64]
    assert found.assertion_notes == ()


def test_an_attested_control_is_not_measured() -> None:
    """Coverage counts what was measured; who is only vouched for is counted beside it."""
    known = Catalogue({"AA-01": two()}, {})
    read = SourceRead("tf:x", "tf", "x", 1, 1, ())
    found = judge.assess(Estate((), (), (read,), NOW), known, NOW, (), People(assertions=(assertion(),)))
    assert (found.coverage.measured, found.coverage.attested) == (0, 1)


@pytest.mark.parametrize(
    ("made", "end"), [("2026-06-15", "2027-07-15"), ("2026-01-31", "2027-02-28"), ("2026-12-31", "2028-01-31")]
)
def test_thirteen_months_are_the_most(made: str, end: str) -> None:
    """The same day thirteen months later, or the last of a shorter month."""
    assert f"{latest_end(datetime.fromisoformat(made + 'T10:00:00+00:00')):%Y-%m-%d}" == end
