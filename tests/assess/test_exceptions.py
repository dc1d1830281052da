"""Which findings are accepted: a table of verdicts."""

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_judge import ask, closed, control

from strongroom.assess import judge
from strongroom.assess.exceptions import Beside, Decided, Open, decide, identified, is_glob, is_wide, matches
from strongroom.model.codes import ExceptionState, FindingCode, GapCode, Inline, Severity, Status
from strongroom.model.estate import Asset, Estate, Fact, Skip, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.people import People, RiskException
from strongroom.model.ports import Catalogue
from strongroom.model.values import Unknown, Value, Where

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
CHECK, CONTROL = "net.x.open", "NET-01"
IDS = {CHECK, CONTROL, "net.y.other"}


def exception(**changes: object) -> RiskException:
    """An exception in order, changed."""
    words: dict[str, object] = {
        "check": CHECK,
        "asset": "x.a",
        "owner": "Ada",
        "approver": "Grace",
        "reason": "why",
        "expires": date(2026, 6, 15),
    }
    return identified(RiskException("", False, **{**words, **changes}))  # type: ignore[arg-type]


def found(severity: Severity = Severity.HIGH, status: Status = Status.FAIL, **changes: object) -> Open:
    """An open finding on x.a."""
    names = ("x.a", "terraform:x.a", "arn:aws:x:::a")
    return Open("f" * 32, CHECK, CONTROL, status, severity, "terraform:x.a", "x.a", names)._replace(**changes)


def rule(*exceptions: RiskException, of: Open | None = None, now: datetime = NOW) -> Decided:
    """The decision on one finding."""
    return decide([of or found()], exceptions, [], Inline.ACCEPT, now, IDS)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"asset": "terraform:x.a"},
        {"asset": "arn:aws:x:::a"},
        {"asset": "arn:aws:*"},
        {"asset": "x.?"},
        {"asset": "*", "everything": True},
        {"check": "", "control": CONTROL},
        {"check": "", "asset": "", "fingerprint": "f" * 32},
        {"fingerprint": "f" * 32},
        {"expires": date(2027, 1, 1)},
    ],
)
def test_an_exception_accepts_what_it_names(changes: dict[str, object]) -> None:
    """By address, id, alias, glob, control or fingerprint, up to the end of its day."""
    said = rule(exception(**changes))
    assert [a.address for a in said.accepted] == ["x.a"]
    assert said.notes == ()


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"expires": date(2026, 6, 14)}, ExceptionState.EXPIRED),
        ({"expires": None}, ExceptionState.INCOMPLETE),
        ({"owner": ""}, ExceptionState.INCOMPLETE),
        ({"approver": ""}, ExceptionState.INCOMPLETE),
        ({"reason": ""}, ExceptionState.INCOMPLETE),
        ({"asset": "x.b"}, ExceptionState.UNUSED),
        ({"asset": "x.a.*"}, ExceptionState.UNUSED),
        ({"asset": "X.A"}, ExceptionState.UNUSED),
        ({"check": "net.y.other"}, ExceptionState.UNUSED),
        ({"check": "net.no.such"}, ExceptionState.NO_SUCH_CHECK),
        ({"fingerprint": "f" * 32, "asset": "x.b"}, ExceptionState.UNUSED),
        ({"fingerprint": "0" * 32, "check": "", "asset": ""}, ExceptionState.UNUSED),
    ],
)
def test_an_exception_that_does_not_hold_is_told(changes: dict[str, object], state: ExceptionState) -> None:
    """What is expired, incomplete, unused or names nothing accepts nothing, and each is said."""
    said = rule(exception(**changes))
    assert said.accepted == ()
    assert [n.state for n in said.notes] == [state]


def test_an_expired_exception_names_what_is_open_again() -> None:
    """The report can say which findings came back, not only that a day is over."""
    (note,) = rule(exception(expires=date(2026, 1, 1))).notes
    assert (note.fingerprints, note.addresses) == (("f" * 32,), ("x.a",))


@pytest.mark.parametrize(
    ("owner", "approver", "accepted"),
    [("Ada", "Grace", True), ("Ada", "Ada", False), ("Ada", " ADA ", False), ("Ada", "\u0410d\u0430", False)],
)
def test_a_critical_finding_needs_two_people(owner: str, approver: str, accepted: bool) -> None:
    """The owner does not approve for themselves, under any spelling; of a lesser finding they may."""
    e = exception(owner=owner, approver=approver)
    said = rule(e, of=found(Severity.CRITICAL))
    assert bool(said.accepted) is accepted
    assert [n.state for n in said.notes] == ([] if accepted else [ExceptionState.SELF_APPROVED])
    assert rule(e).accepted


@pytest.mark.parametrize(
    ("inline", "severity", "file", "reason", "state"),
    [
        (Inline.ACCEPT, Severity.HIGH, "m.tf", "why", None),
        (Inline.ACCEPT, Severity.CRITICAL, "m.tf", "why", ExceptionState.UNAPPROVED),
        (Inline.ACCEPT, Severity.LOW, "m.tf", "", ExceptionState.INCOMPLETE),
        (Inline.NOTE, Severity.LOW, "m.tf", "why", ExceptionState.NOTED),
        (Inline.REFUSE, Severity.LOW, "m.tf", "why", ExceptionState.REFUSED),
        (Inline.ACCEPT, Severity.LOW, "a/.terraform/modules/m/m.tf", "why", ExceptionState.REFUSED),
    ],
)
def test_a_skip_is_worth_what_the_policy_says(
    inline: Inline, severity: Severity, file: str, reason: str, state: ExceptionState | None
) -> None:
    """Never more than that, nothing on a critical finding, and nothing in a module that others wrote."""
    skip = Beside("terraform:x.a", "x.a", Skip(CHECK, reason, Where(file, 3, 3)))
    said = decide([found(severity)], [], [skip], inline, NOW, IDS)
    assert bool(said.accepted) is (state is None)
    assert [n.state for n in said.notes] == ([] if state is None else [state])
    if said.accepted:
        assert said.accepted[0].exception.approver == ""


def test_a_skip_speaks_of_its_own_asset_only() -> None:
    """The same name of another source, or another check, is another thing."""
    other = Beside("terraform:other//x.a", "x.a", Skip(CHECK, "why", None))
    wrong = Beside("terraform:x.a", "x.a", Skip("net.no.such", "why", None))
    said = decide([found()], [], [other, wrong], Inline.ACCEPT, NOW, IDS)
    assert said.accepted == ()
    assert {n.state for n in said.notes} == {ExceptionState.UNUSED, ExceptionState.NO_SUCH_CHECK}


def test_the_approved_exception_wins() -> None:
    """Where the file and a skip name a finding, it is accepted by who approved it; an expired one does not stand in."""
    skip = Beside("terraform:x.a", "x.a", Skip(CHECK, "why", None))
    said = decide(
        [found()],
        [exception(expires=date(2020, 1, 1)), exception(asset="x.*")],
        [skip],
        Inline.ACCEPT,
        NOW,
        IDS,
    )
    assert said.accepted[0].exception.asset == "x.*"
    assert [n.state for n in said.notes] == [ExceptionState.EXPIRED]


@pytest.mark.parametrize(
    ("pattern", "name", "hit"),
    [
        ("a.*.b", "a.x.y.b", True),
        ("a.*.b", "a.b", False),
        ("b[0]", "b[0]", True),
        ("b[0]", "b0", False),
        ('b["*"]', 'b["*"]', True),
        ('b["*"]', 'b["x"]', False),
        ("b[*]", 'b["x"]', True),
        ("*ab*ab", "xabab", True),
        ("*ab*ab", "xab", False),
        ("a.b", "axb", False),
        ("a?", "a", False),
    ],
)
def test_globs(pattern: str, name: str, hit: bool) -> None:
    """Brackets and dots are themselves; an instance of unknown key is named as it is printed."""
    assert matches(pattern, (name,)) is hit


@pytest.mark.parametrize(
    ("pattern", "wide"), [("*", True), ("*.*", True), ("a*", True), ("aws_*", False), ("a", False)]
)
def test_a_glob_that_names_nearly_everything_is_known(pattern: str, wide: bool) -> None:
    """Three letters or digits are the least that a glob must hold."""
    assert is_wide(pattern) is wide


def naive(pattern: str, name: str) -> bool:
    """The same by trying everything."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(naive(pattern[1:], name[i:]) for i in range(len(name) + 1))
    return bool(name) and pattern[0] in ("?", name[0]) and naive(pattern[1:], name[1:])


@given(st.text("ab*?", max_size=7), st.text("ab", max_size=7))
def test_globs_agree_with_trying_everything(pattern: str, name: str) -> None:
    """The quick matcher finds what the slow one finds."""
    assert matches(pattern, (name,)) is (naive(pattern, name) if is_glob(pattern) else pattern == name)


def test_a_hostile_glob_ends() -> None:
    """Many stars against a long name take no time that grows with a power of its length."""
    assert not matches("*a" * 16 + "*b", ("a" * 20_000,))


def test_another_word_is_another_exception() -> None:
    """The digest changes with what is said and not with where it stands."""
    e = exception()
    assert identified(msgspec.structs.replace(e, where=Where("f", 9))).digest == e.digest
    assert (
        len({exception(**{k: "z"}).digest for k in ("asset", "owner", "approver", "reason", "ticket")} | {e.digest})
        == 6
    )


def whole(value: Value, people: People) -> tuple[Status, Status, list[Status]]:
    """The states of control, clause and findings for one asset judged with what people say."""
    fact = Fact("net.public", value)
    asset = Asset(id="a", kind=Kind.NOTEBOOK, native_type="t", address="x.a", facts={"net.public": fact})
    known = Catalogue({"AA-01": control("first")}, {"c": ask(closed)})
    read = SourceRead("tf:x", "tf", "x", 1, 1, ())
    out = judge.assess(Estate((asset,), (), (read,), NOW), known, NOW, (), people)
    findings = [f.status for f in out.findings if f.code is not FindingCode.SOURCE_WHOLE]
    return out.controls[0].status, out.controls[0].clauses[0].status, findings


LOST = Unknown(GapCode.DENIED, "run as root")


@pytest.mark.parametrize(("value", "state"), [(True, Status.ACCEPTED), (LOST, Status.ACCEPTED), (False, Status.PASS)])
def test_what_is_accepted_is_no_pass(value: Value, state: Status) -> None:
    """A failure and an unknown become accepted, in finding, clause and control; a pass stays a pass."""
    e = exception(check="test.aa-01.first")
    assert whole(value, People((e,))) == (state, state, [state])


def test_without_exceptions_nothing_changes() -> None:
    """A failure is a failure where nobody says anything."""
    assert whole(True, People()) == (Status.FAIL, Status.FAIL, [Status.FAIL])
