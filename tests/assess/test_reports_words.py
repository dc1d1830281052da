"""The words and sentences that the reports put around what was found."""

import pytest
import reports_fixture as fixture

from strongroom.assess import prose
from strongroom.assess.reports._groups import control_groups, doubts
from strongroom.assess.reports._overview import by_phase, by_verb, first_things, inventory, listed, posture, verdict
from strongroom.assess.reports._words import FAMILIES, KINDS, MEANS, SHOWN, STATUS
from strongroom.model.codes import GapCode, Status
from strongroom.model.kinds import Kind
from strongroom.model.values import Condition, Statement


def test_every_word_of_the_closed_lists_has_its_words() -> None:
    """No state, no reason for a gap and no kind of asset reaches a reader as a code alone."""
    assert set(STATUS) == set(MEANS) == set(SHOWN) == set(Status)
    assert set(prose.ANSWERS) == set(GapCode)
    assert set(KINDS) | {Kind.SOURCE} == set(Kind)
    of_a_family = [kind for _, kinds in FAMILIES for kind in kinds]
    assert len(of_a_family) == len(set(of_a_family))


def test_posture_counts_controls_and_clauses_apart() -> None:
    """Every control and every clause is counted once, in the line of its verb and of its phase."""
    whole = fixture.assessment()
    line = posture(whole)
    assert (line.controls.total, line.clauses.total) == (4, 5)
    for lines in (by_verb(whole, fixture.CATALOGUE), by_phase(whole, fixture.CATALOGUE)):
        assert sum(part.controls.total for part in lines) == 4
        assert sum(part.clauses.total for part in lines) == 5
    isolate = next(part for part in by_verb(whole, fixture.CATALOGUE) if part.name == "ISOLATE")
    assert isolate.clauses.spoken == "1 fail, 1 not assessed"
    assert isolate.failing == "1 of 1 control fails"


def test_verdict_leaves_no_control_out() -> None:
    """The numbers of the sentence add up to the number of controls."""
    said = verdict(posture(fixture.assessment()))
    assert said == (
        "Of 4 controls, 1 fails, 1 cannot be told from what was read, 1 is proven and 1 was not assessed in full."
    )


@pytest.mark.parametrize(
    ("parts", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_parts_are_listed_as_a_sentence_lists_them(parts: list[str], text: str) -> None:
    """Commas between, and one "and" before the last."""
    assert listed(parts) == text


def test_first_things_are_the_head_of_the_plan() -> None:
    """The order of the plan is not judged again."""
    whole = fixture.assessment()
    assert [t.title for t in first_things(whole, [])] == [t.title for t in whole.tasks]


def test_first_things_without_a_plan_are_the_worst_failures() -> None:
    """A report of an assessment that was not planned begins with what is worst and most frequent."""
    whole = fixture.assessment()
    whole.tasks = ()
    first = first_things(whole, control_groups(whole, fixture.CATALOGUE))
    assert [(t.check, t.assets) for t in first] == [("enc.bucket.cmk", 6), ("net.notebook.direct-internet", 1)]


def test_doubts_are_told_once_with_what_would_answer_them() -> None:
    """A reason is one entry however many questions hang on it, and a gap of a source is not among them."""
    whole = fixture.assessment()
    whole.findings = (*whole.findings, *whole.findings)
    (doubt,) = doubts(whole, fixture.CATALOGUE)
    assert (doubt.reason, doubt.code, doubt.findings) == ("var.kms_key has no value", GapCode.UNDECIDED, 2)
    assert len(doubt.assets) == 1


def test_doubt_deep_in_a_rule_has_its_reason() -> None:
    """The permission that is missing is found inside the fact that was read."""
    whole = fixture.assessment()
    notebook = next(a for a in whole.assets if a.id == "n1")
    whole.findings = (
        fixture.finding(
            fixture.internet, notebook, Status.UNKNOWN, fixture.FindingCode.FACT_UNKNOWN, because="some peer"
        ),
    )
    (doubt,) = doubts(whole, fixture.CATALOGUE)
    assert (doubt.reason, doubt.code) == ("ec2:Describe", GapCode.DENIED)
    assert doubt.answer == "grant the permission that is named, and read again"


def test_inventory_counts_each_asset_once_by_its_worst_answer() -> None:
    """Failing, in doubt, passing and not judged add up to all; a source is no asset."""
    lines = {k.name: k for family in inventory(fixture.assessment()) for k in family.kinds}
    assert set(lines) == {"Buckets", "Notebooks"}
    buckets = lines["Buckets"]
    assert (buckets.total, buckets.failing, buckets.doubtful, buckets.sound, buckets.unjudged) == (10, 6, 1, 2, 1)


def test_statement_reads_as_a_phrase() -> None:
    """A trust policy names no resource, and the phrase does not pretend that it does."""
    trust = Statement("allow", ("Service:sagemaker.amazonaws.com",), actions=("sts:assumerole",))
    deny = Statement(
        "deny", ("*",), not_actions=("s3:getobject",), not_resources=("b",), conditions=(Condition("x", "k", ()),)
    )
    assert prose.show_value(trust) == "allow to Service:sagemaker.amazonaws.com sts:assumerole"
    assert prose.show_value(deny) == "deny to * all but s3:getobject on all but b if k"


def test_whole_numbers_have_no_point() -> None:
    """Eight GPUs are 8."""
    assert (prose.show_value(8.0), prose.show_value(0.5)) == ("8", "0.5")
