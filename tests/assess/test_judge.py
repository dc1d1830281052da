"""From facts to findings, clauses and controls."""

from datetime import UTC, datetime

import pytest

from strongroom.assess import judge
from strongroom.assess.prose import because, show, show_rule
from strongroom.model.codes import FindingCode, GapCode, Severity, Status, Verb
from strongroom.model.control import Clause, ClauseResult, Fix, Mappings
from strongroom.model.estate import Asset, Estate, Fact, Gap, SourceRead
from strongroom.model.kinds import Kind
from strongroom.model.ports import Answer, Catalogue, Check, Control, View, broken, check, not_applicable
from strongroom.model.values import NetRule, Unknown, Value

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LOST = Unknown(GapCode.DENIED, "/etc/x: permission denied: run as root")


def ask(judging: object, clause: str = "AA-01.first", kinds: tuple[Kind, ...] = (Kind.NOTEBOOK,)) -> Check:
    """A check around a function."""
    made = check(
        id=f"test.{clause.lower()}",
        title="The notebook is closed",
        clause=clause,
        kinds=kinds,
        needs=("net.public",),
        severity=Severity.HIGH,
        fix=Fix("close it"),
        broken="it is open to {who}",
    )
    return made(judging)  # type: ignore[arg-type]


def closed(v: View) -> Answer | bool:
    """Whether it is closed."""
    return broken(who="everybody") if v.flag("net.public") else True


def control(*slugs: str) -> Control:
    """A control with clauses."""
    clauses = tuple(Clause(f"AA-01.{s}", s, ("tf",)) for s in slugs)
    words = dict.fromkeys(("domain", "guide", "what", "why", "fix", "limits", "evidence", "automation"), "x")
    return Control(
        id="AA-01",
        title="T",
        verb=Verb.ISOLATE,
        area="network",
        phase=30,
        phase_basis="stated",
        priority="hygiene",
        scope="both",
        clauses=clauses,
        maps=Mappings(),
        **words,
    )


def asset(name: str, value: Value, kind: Kind = Kind.NOTEBOOK, *, sensitive: bool = False) -> Asset:
    """A notebook with one fact."""
    fact = Fact("net.public", value, sensitive=sensitive)
    return Asset(id=name, kind=kind, native_type="t", address=name, facts={"net.public": fact})


def assess(assets: list[Asset], gaps: tuple[Gap, ...] = (), *slugs: str) -> tuple[Status, dict[str, ClauseResult]]:
    """The status of the control and of its clauses."""
    known = Catalogue({"AA-01": control(*(slugs or ("first",)))}, {"c": ask(closed)})
    source = SourceRead("tf:x", "tf", "x", 1, 1, ())
    found = judge.assess(Estate(tuple(assets), gaps, (source,), NOW), known, NOW)
    return found.controls[0].status, {c.clause: c for c in found.controls[0].clauses}


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (False, Status.PASS),
        (True, Status.FAIL),
        (LOST, Status.UNKNOWN),
        ("yes", Status.UNKNOWN),
        (None, Status.UNKNOWN),
    ],
)
def test_a_check_answers_only_what_it_knows(value: Value, status: Status) -> None:
    """True and false are answers; an unknown value, or one of another type, is unknown."""
    assert judge.judge(ask(closed), asset("a", value), NOW).status is status


def test_unknown_names_what_is_missing() -> None:
    """The reason of an unknown finding holds the permission or file that is missing."""
    found = judge.judge(ask(closed), asset("a", LOST), NOW)
    assert found.code is FindingCode.FACT_UNKNOWN
    assert "permission denied: run as root" in dict(found.arguments)["because"]


def test_a_check_without_its_facts_does_not_apply() -> None:
    """An asset that does not carry the facts gets no finding: the source could not show it."""
    bare = Asset(id="a", kind=Kind.NOTEBOOK, native_type="t", address="a")
    assert list(judge.findings([bare, asset("b", False, Kind.BUCKET)], [ask(closed)], NOW)) == []


def test_evidence_is_what_was_read() -> None:
    """The facts of a finding are those that the check read, no more."""
    found = judge.judge(ask(closed), asset("a", True), NOW)
    assert [f.name for f in found.facts] == ["net.public"]


def test_arguments_made_of_a_sensitive_fact_are_withheld() -> None:
    """What a check says about a sensitive value is not printed; its verdict is."""
    found = judge.judge(ask(closed), asset("a", True, sensitive=True), NOW)
    assert found.status is Status.FAIL
    assert dict(found.arguments)["who"] == judge.WITHHELD
    assert show(found.facts[0]) == "(sensitive)"


def test_fingerprint_depends_on_check_and_asset_alone() -> None:
    """The same question of the same thing has one fingerprint, whatever the answer."""
    one, two = (judge.judge(ask(closed), asset("a", v), NOW).fingerprint for v in (True, False))
    assert one == two
    assert one != judge.judge(ask(closed), asset("b", True), NOW).fingerprint


GAP = Gap("main.tf:3", "tf:x", GapCode.MALFORMED, "it does not parse")
ELSEWHERE = Gap("main.tf:3", "tf:x", GapCode.MALFORMED, "it does not parse", hides=(Kind.BUCKET,))


@pytest.mark.parametrize(
    ("values", "gaps", "slugs", "status"),
    [
        ([False], (), ("first",), Status.PASS),
        ([False, True], (), ("first",), Status.FAIL),
        ([False, LOST], (), ("first",), Status.UNKNOWN),
        ([True, LOST], (), ("first",), Status.FAIL),
        ([False], (GAP,), ("first",), Status.UNKNOWN),
        ([True], (GAP,), ("first",), Status.FAIL),
        ([False], (ELSEWHERE,), ("first",), Status.PASS),
        ([], (), ("first",), Status.NOT_ASSESSED),
        ([False], (), ("first", "second"), Status.NOT_ASSESSED),
        ([True], (), ("first", "second"), Status.FAIL),
        ([LOST], (), ("first", "second"), Status.UNKNOWN),
    ],
)
def test_controls(values: list[Value], gaps: tuple[Gap, ...], slugs: tuple[str, ...], status: Status) -> None:
    """Any fail is fail; a pass needs every clause proven everywhere; a gap that may hide an asset takes passes away."""
    assets = [asset(f"a{i}", v) for i, v in enumerate(values)]
    assert assess(assets, gaps, *slugs)[0] is status


def test_taking_sight_away_leaves_no_pass() -> None:
    """When every value is denied, no check and no control passes any more."""
    before = [asset("a", False), asset("b", False)]
    after = [asset("a", LOST), asset("b", LOST)]
    assert assess(before)[0] is Status.PASS
    assert assess(after)[0] is Status.UNKNOWN


def test_not_applicable_is_not_a_pass() -> None:
    """A clause whose question never arises is not proven by that."""
    assert judge._clause_status({Status.NOT_APPLICABLE: 3}, blind=False) is Status.NOT_APPLICABLE
    found = judge.judge(ask(lambda _v: not_applicable("it is switched off")), asset("a", False), NOW)
    assert found.status is Status.NOT_APPLICABLE


def test_a_gap_is_a_finding_of_its_own() -> None:
    """Everything that could not be read is an unknown finding with its place; a source read whole is a pass."""
    source = SourceRead("tf:x", "tf", "x", 4, 1, ())
    (lost,) = judge.source_findings([source], [GAP])
    (whole,) = judge.source_findings([source], [])
    assert (lost.status, lost.code) == (Status.UNKNOWN, FindingCode.SOURCE_GAP)
    assert (whole.status, whole.code) == (Status.PASS, FindingCode.SOURCE_WHOLE)
    known = Catalogue({}, {})
    assert because(lost, known) == "could not look at main.tf:3 (malformed): it does not parse"
    assert because(whole, known) == "read whole: 4 files"


def test_coverage_names_only_sources_that_would_add_something() -> None:
    """A source adds a control when it alone can measure a clause that some check asks."""
    clause = Clause("AA-01.first", "x", ("tf", "plan", "host"))
    known_control = control("first")
    object.__setattr__(known_control, "clauses", (clause,))
    known = Catalogue({"AA-01": known_control}, {"c": ask(closed)})
    result = judge.control_result(known_control, {})
    assert judge.coverage(known, [result], (), ("tf", "plan", "host")).would_add == (
        ("host", 1),
        ("plan", 1),
        ("tf", 1),
    )
    assert judge.coverage(known, [result], ("tf",), ("tf", "plan", "host")).would_add == ()


def test_rules_read_as_a_phrase() -> None:
    """A firewall rule is printed with its ports and peers, unknown ones included."""
    rule = NetRule("ingress", "allow", "tcp", 22, 22, ("0.0.0.0/0", LOST))
    assert show_rule(rule) == "allow ingress tcp/22 from 0.0.0.0/0, unknown"


def test_a_source_read_whole_proves_no_control() -> None:
    """That nothing was hidden is no proof of anything: the control of the source check stays as it was."""
    known = Catalogue({"INV-01": inventory()}, {})
    source = SourceRead("tf:x", "tf", "x", 4, 1, ())
    whole = judge.assess(Estate((), (), (source,), NOW), known, NOW)
    lost = judge.assess(Estate((), (GAP,), (source,), NOW), known, NOW)
    assert whole.controls[0].status is Status.NOT_ASSESSED
    assert lost.controls[0].status is Status.UNKNOWN


def inventory() -> Control:
    """A control with the clause that the source check speaks of."""
    made = control("first")
    object.__setattr__(made, "id", "INV-01")
    object.__setattr__(made, "clauses", (Clause(judge.SOURCE_CLAUSE, "x", ("tf",)),))
    return made
