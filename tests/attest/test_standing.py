"""Standings: every way in which a host's may change, and that no sequence of events makes trust outlast its evidence."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from strongroom.attest.standing import OWN, Answer, Judged, first, forgotten, is_own, overdue, renew
from strongroom.model.attest import Appraisal, EvidenceKind, StepResult, StepVerdict, Tier
from strongroom.model.standing import SKEW, Counters, Enrolment, Grade, Standing, StandingState

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAME = "000b" + "11" * 32
_S = StandingState
PASS, FAIL, OPEN = StepVerdict.PASS, StepVerdict.FAIL, StepVerdict.NOT_CHECKED


def seconds(n: float) -> timedelta:
    """So many seconds."""
    return timedelta(seconds=n)


def enrolled(*, admitted: bool = True) -> Enrolment:
    """A host that is known."""
    return Enrolment("node1", "ee" * 32, NAME, b"area", Grade.CERTIFIED, T0, T0 if admitted else None)


def appraisal(
    *,
    measured: StepVerdict = PASS,
    signed: StepVerdict = PASS,
    subject: str = f"tpm:{NAME}",
    lasts: timedelta = MINUTE * 60,
) -> Appraisal:
    """A verdict in which all but two steps passed."""
    steps = [StepResult(n, signed if n == "tpm.signature" else PASS) for n in OWN]
    steps.append(StepResult("tpm.measurement", measured, "another", "a known boot"))
    sound = all(s.verdict is PASS for s in steps)
    bad = any(s.verdict is FAIL for s in steps)
    tier = Tier.CONTRAINDICATED if bad else Tier.AFFIRMING if sound else Tier.NONE
    complete = all(s.verdict is not OPEN for s in steps)
    return Appraisal(EvidenceKind.TPM, subject, tier, complete, {}, tuple(steps), {}, {}, T0, T0 + lasts)


def answer(at: datetime = T0, counters: tuple[int, int, int] = (2, 0, 1000), **fields: object) -> Answer:
    """An answer to a challenge of that time."""
    return Answer(appraisal(**fields), Counters(*counters), "sha256:" + "ab" * 32, at)  # type: ignore[arg-type] # by name


def at_state(state: StandingState) -> Standing:
    """A standing that came about as it does."""
    fresh = first(enrolled(admitted=state is not _S.ENROLLED))
    trusted = renew(first(enrolled()), enrolled(), answer(), T0, MINUTE).standing
    bad = answer(T0 + seconds(30), measured=FAIL)
    return {
        _S.ENROLLED: fresh,
        _S.TRUSTED: trusted,
        _S.LOST: renew(trusted, enrolled(), bad, T0 + seconds(30), MINUTE).standing,
        _S.STALE: overdue(trusted, T0 + MINUTE, MINUTE).standing,
        _S.REFUSED: first(enrolled(), _S.REFUSED, "another key has this name"),
    }[state]


def test_the_states_of_the_table_are_reached() -> None:
    """Each standing that the tables below begin with has the state that it is named by."""
    assert {s: at_state(s).state for s in _S} == {s: s for s in _S}


LATER = T0 + seconds(45)
EVENTS = {
    "passes": answer(LATER),
    "fails": answer(LATER, measured=FAIL),
    "is not complete": answer(LATER, measured=OPEN),
    "went back": answer(LATER, (1, 9, 9000)),
    "went back within a run": answer(LATER, (2, 0, 999)),
    "was started again": answer(LATER, (3, 0, 10)),
    "is not signed": answer(LATER, signed=FAIL),
    "is another's": answer(LATER, subject="tpm:000b" + "22" * 32),
}
TABLE = {
    # what happens, to a host that is admitted: what each state becomes, and whether that is a change
    ("enrolled", "passes"): ("trusted", True),
    ("enrolled", "fails"): ("lost", True),
    ("enrolled", "is not complete"): ("lost", True),
    ("enrolled", "went back"): ("trusted", True),
    ("enrolled", "went back within a run"): ("trusted", True),
    ("enrolled", "was started again"): ("trusted", True),
    ("trusted", "passes"): ("trusted", False),
    ("trusted", "fails"): ("lost", True),
    ("trusted", "is not complete"): ("lost", True),
    ("trusted", "went back"): ("lost", True),
    ("trusted", "went back within a run"): ("lost", True),
    ("trusted", "was started again"): ("trusted", True),
    ("lost", "passes"): ("trusted", True),
    ("lost", "fails"): ("lost", False),
    ("lost", "is not complete"): ("lost", False),
    ("lost", "went back"): ("lost", False),
    ("lost", "went back within a run"): ("lost", False),
    ("lost", "was started again"): ("trusted", True),
    ("stale", "passes"): ("trusted", True),
    ("stale", "fails"): ("lost", True),
    ("stale", "is not complete"): ("lost", True),
    ("stale", "went back"): ("lost", True),
    ("stale", "went back within a run"): ("lost", True),
    ("stale", "was started again"): ("trusted", True),
    **{("refused", e): ("refused", False) for e in EVENTS},
    **{(s, e): (s, False) for s in ("enrolled", "trusted", "lost", "stale") for e in ("is not signed", "is another's")},
}


@pytest.mark.parametrize(("state", "event"), TABLE)
def test_an_answer_moves_an_admitted_host(state: str, event: str) -> None:
    """Each state with each kind of answer becomes what the table says, and tells what changed."""
    before = at_state(_S(state))
    found = renew(before, enrolled(), EVENTS[event], LATER, MINUTE)
    becomes, changes = TABLE[state, event]
    assert (found.standing.state.value, found.change is not None) == (becomes, changes)
    if found.change is not None:
        assert (found.change.before.value, found.change.after.value) == (state, becomes)
        assert found.change.restarted is (event == "was started again" and before.counters is not None)
    if becomes == "trusted" and not event.startswith("is "):
        assert (found.standing.last_at, found.standing.until) == (LATER, LATER + MINUTE)


def test_the_table_is_whole() -> None:
    """No state and no event is left out of it."""
    assert set(TABLE) == {(s.value, e) for s in _S for e in EVENTS}


@pytest.mark.parametrize("event", EVENTS)
def test_a_host_that_waits_for_its_owner_is_never_trusted(event: str) -> None:
    """Whatever it answers, it stays enrolled; what its answer came to is kept for the owner to see."""
    before = first(enrolled(admitted=False))
    found = renew(before, enrolled(admitted=False), EVENTS[event], LATER, MINUTE)
    assert (found.standing.state, found.change, found.standing.until) == (_S.ENROLLED, None, None)
    assert bool(found.standing.evidence) is (event not in {"is not signed", "is another's"})


def test_what_it_failed_by_is_told() -> None:
    """The reason names the first step with what was found and wanted, and the steps are listed."""
    found = renew(at_state(_S.TRUSTED), enrolled(), EVENTS["fails"], LATER, MINUTE)
    assert found.change is not None
    assert found.change.reason == "tpm.measurement: found another, wanted a known boot"
    assert found.change.failed == found.standing.failed == ("tpm.measurement",)
    passed = renew(found.standing, enrolled(), answer(LATER), LATER, MINUTE).standing
    assert passed.failed == ()


def test_an_incomplete_answer_names_what_was_not_checked() -> None:
    """A missing log or reference value is no pass, and the step is named."""
    found = renew(at_state(_S.TRUSTED), enrolled(), EVENTS["is not complete"], LATER, MINUTE)
    assert found.standing.reason == "not checked: tpm.measurement"


@pytest.mark.parametrize(
    ("late", "state"),
    [(0, _S.TRUSTED), (59.999, _S.TRUSTED), (60, _S.STALE), (61, _S.STALE), (-4, _S.TRUSTED), (-6, _S.STALE)],
)
def test_silence_ends_trust(late: float, state: StandingState) -> None:
    """At the end of the interval, not behind it; and where the verifier's own clock was set back."""
    found = overdue(at_state(_S.TRUSTED), T0 + seconds(late), MINUTE)
    assert found.standing.state is state
    assert (found.change is not None) is (state is _S.STALE)
    assert found.standing.trusted_at(T0 + seconds(late)) is (state is _S.TRUSTED)


@pytest.mark.parametrize("state", [s for s in _S if s is not _S.TRUSTED])
def test_silence_changes_nothing_else(state: StandingState) -> None:
    """A host without trust has none to lose."""
    before = at_state(state)
    assert overdue(before, T0 + MINUTE * 100, MINUTE) == Judged(before)


def test_a_shorter_interval_holds_at_once() -> None:
    """A lease that was given for longer ends by the interval that is in force."""
    held = at_state(_S.TRUSTED)
    assert overdue(held, T0 + seconds(11), seconds(10)).standing.state is _S.STALE


def test_a_lease_is_counted_from_the_challenge() -> None:
    """Who quotes at once and answers late gains nothing, and an answer behind its interval is none."""
    late = renew(at_state(_S.ENROLLED), enrolled(), answer(T0), T0 + seconds(50), MINUTE).standing
    assert (late.state, late.until) == (_S.TRUSTED, T0 + MINUTE)
    too_late = renew(at_state(_S.ENROLLED), enrolled(), answer(T0), T0 + seconds(60), MINUTE)
    assert (too_late.standing.state, too_late.change) == (_S.ENROLLED, None)


def test_a_failure_is_never_too_late() -> None:
    """What a host itself says against it counts whenever it comes."""
    found = renew(at_state(_S.TRUSTED), enrolled(), answer(T0, measured=FAIL), T0 + seconds(59), MINUTE)
    assert found.standing.state is _S.LOST


def test_trust_ends_with_its_appraisal() -> None:
    """A verdict that holds for less than an interval gives a shorter lease."""
    found = renew(at_state(_S.ENROLLED), enrolled(), answer(lasts=seconds(5)), T0, MINUTE).standing
    assert found.until == T0 + seconds(5)


def test_a_gap_that_nobody_saw_is_told_when_the_host_is_back() -> None:
    """Who was silent too long, and answers before anybody swept, was not trusted in between, and gains it anew."""
    found = renew(at_state(_S.TRUSTED), enrolled(), answer(T0 + MINUTE * 9), T0 + MINUTE * 9, MINUTE)
    assert found.change is not None
    assert (found.change.before, found.change.after, found.change.gains) == (_S.STALE, _S.TRUSTED, True)


@pytest.mark.parametrize("name", OWN)
def test_only_its_own_answer_speaks_for_a_host(name: str) -> None:
    """An answer in which any of these steps did not pass says nothing of the host, for better or worse."""
    good = answer()
    steps = tuple(replace(s, verdict=FAIL) if s.id == name else s for s in good.appraisal.steps)
    assert is_own(good, enrolled())
    assert not is_own(good._replace(appraisal=replace(good.appraisal, steps=steps)), enrolled())
    without = tuple(s for s in good.appraisal.steps if s.id != name)
    assert not is_own(good._replace(appraisal=replace(good.appraisal, steps=without)), enrolled())
    assert not is_own(good._replace(counters=None), enrolled())


def test_a_host_that_is_forgotten_loses_its_trust() -> None:
    """The change says so, for the log."""
    change = forgotten(at_state(_S.TRUSTED), T0, "its owner forgot it")
    assert (change.before, change.gains) == (_S.TRUSTED, False)


EVENT = st.tuples(
    st.integers(-120, 120),  # seconds that the clock moves, back also
    st.sampled_from(["renew", "sweep", "admit"]),
    st.sampled_from(list(StepVerdict)),
    st.sampled_from(list(StepVerdict)),
    st.integers(0, 90),  # how old the challenge is
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 5)),
)


@given(st.lists(EVENT, max_size=30), st.integers(0, 200))
def test_trust_never_outlasts_its_evidence(
    events: list[tuple[int, str, StepVerdict, StepVerdict, int, tuple[int, int, int]]], behind: int
) -> None:
    """No sequence of answers, sweeps and admissions, nor any clock, lets a host be trusted later than its last challenge
    that it answered well, and the interval; and never one that is not admitted.
    """
    now, known = T0, enrolled(admitted=False)
    held, good = first(known), None
    for moves, what, measured, signed, age, counters in events:
        now += seconds(moves)
        if what == "admit":
            known = enrolled()
        elif what == "sweep":
            held = overdue(held, now, MINUTE).standing
        else:
            before = held
            given_answer = answer(
                now - seconds(age), counters, measured=measured, signed=signed, lasts=timedelta(days=9)
            )
            found = renew(held, known, given_answer, now, MINUTE)
            held = found.standing
            if measured is PASS and signed is PASS:
                good = max(good, given_answer.asked_at) if good else given_answer.asked_at
            gained = held.state is _S.TRUSTED and before.state is not _S.TRUSTED
            assert not gained or (found.change is not None and found.change.gains)
        for later in (now, now + seconds(behind)):
            if held.trusted_at(later):
                assert known.admitted
                assert good is not None
                assert good - SKEW <= later < good + MINUTE
