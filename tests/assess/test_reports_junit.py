"""The format for CI systems that show tests."""

import re
import xml.etree.ElementTree as ET
from collections import Counter

import msgspec
import pytest
import reports_fixture as fixture
from hypothesis import given
from hypothesis import strategies as st
from travel_fixture import with_people

from strongroom.assess.reports.junit import REPORT, attribute, content
from strongroom.model.control import Assessment, Coverage

# What the schema junit-10 of Jenkins' xUnit plugin names: element, its attributes (required first), its children.
ALLOWED = {
    "testsuites": ({"name", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "timestamp"}, {"properties", "testcase"}),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "classname"}, {"failure", "error", "skipped"}),
    "failure": ({"message", "type"}, set()),
    "error": ({"message", "type"}, set()),
    "skipped": ({"message"}, set()),
}


def text(assessment: Assessment | None = None) -> str:
    return fixture.text(REPORT.render(assessment or with_people(), fixture.CATALOGUE))


def parsed(assessment: Assessment | None = None) -> ET.Element:
    made = text(assessment)
    assert "<!" not in made  # no DOCTYPE, so that nothing can be expanded or fetched by who reads it
    return ET.fromstring(made.encode())


def case_of(name: str, assessment: Assessment | None = None) -> ET.Element:
    return next(c for c in parsed(assessment).iter("testcase") if c.get("name") == name)


@pytest.mark.parametrize("assessment", [with_people(), fixture.assessment(), fixture.large(30)])
def test_document_has_the_shape_of_junit(assessment: Assessment) -> None:
    """Every element has the attributes and children that Jenkins' schema names, and no others."""
    for element in parsed(assessment).iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.attrib) == attributes
        assert {child.tag for child in element} <= children
        assert len(element) <= 1 or element.tag != "testcase"


def test_counts_are_those_of_the_cases() -> None:
    """The numbers at the head of a suite, and of the whole, are what stands below."""
    root = parsed()
    for suite in root:
        found = Counter(child.tag for case in suite.iter("testcase") for child in case)
        said = {k: int(suite.get(k, "-1")) for k in ("failures", "errors", "skipped")}
        assert said == {"failures": found["failure"], "errors": found["error"], "skipped": found["skipped"]}
        assert int(suite.get("tests", "-1")) == len(suite.findall("testcase"))
    for name in ("tests", "failures", "errors"):
        assert int(root.get(name, "-1")) == sum(int(suite.get(name, "0")) for suite in root)


@pytest.mark.parametrize(
    ("name", "element"),
    [
        ("aws_sagemaker_notebook_instance.n0", None),
        ("aws_sagemaker_notebook_instance.n1", "failure"),
        ("aws_s3_bucket.doubtful", "error"),
        ("aws_s3_bucket.nothing", "skipped"),
        ("aws_s3_bucket.accepted", "skipped"),
        ("attested", "skipped"),
    ],
)
def test_each_status_has_its_element(name: str, element: str | None) -> None:
    """An unknown is an error and never a pass; what is accepted, attested or does not apply is skipped."""
    case = case_of(name)
    assert [child.tag for child in case] == ([element] if element else [])


def test_control_without_an_answer_is_skipped_and_not_silent() -> None:
    """A control that nothing measured is a suite with one case that says so."""
    suite = next(s for s in parsed(fixture.assessment()) if str(s.get("name")).startswith("TEE-01"))
    (case,) = suite.findall("testcase")
    assert str(case[0].get("message")).startswith("not assessed: no source that was given can measure it")


def test_failure_says_what_was_read_and_how_to_close_it() -> None:
    """The text of a failure stands alone: the place, the evidence, the fix and how to see that it worked."""
    body = str(case_of("aws_sagemaker_notebook_instance.n1")[0].text)
    for part in ("at infra/notebooks.tf:4", "read net.direct_internet: true", "fix: Set", "verify: the plan shows"):
        assert part in body


def test_accepted_failure_says_who_accepts_it() -> None:
    """The reason of a skipped case is the exception, with its owner and its end."""
    message = str(case_of("aws_s3_bucket.accepted")[0].get("message"))
    assert "accepted by Ada, approved by Grace, until 2026-06-30" in message


def test_names_of_cases_are_unique_in_their_class() -> None:
    """A CI system that joins runs by class and name takes no two answers for one."""
    twice = with_people()
    twice.findings = (*twice.findings, *twice.findings)
    names = Counter((c.get("classname"), c.get("name")) for c in parsed(twice).iter("testcase"))
    assert [name for name, n in names.items() if n > 1] == []


def test_notes_stand_with_the_run() -> None:
    """The schema, the sources and what does not count any more are properties of the run."""
    known = [(p.get("name"), p.get("value")) for p in parsed().iter("property")]
    assert ("strongroom.schema", "strongroom/1") in known
    assert sum(name == "strongroom.note" for name, _ in known) == 2


def test_nothing_assessed_is_a_document_without_cases() -> None:
    """An empty run is well-formed and claims no test."""
    root = parsed(Assessment(fixture.SEEN, (), (), (), (), (), Coverage(0, 0, ())))
    assert (root.get("tests"), list(root.iter("testcase"))) == ("0", [])


@given(st.text(st.characters(), max_size=60))
def test_any_text_is_read_back_as_one_attribute_and_one_content(name: str) -> None:
    """Whatever a name holds, a parser takes it for text: no element, no attribute, no broken document."""
    made = f'<a b="{attribute(name)}">{content(name)}</a>'
    element = ET.fromstring(made.encode("utf-8"))
    assert set(element.attrib) == {"b"}
    assert len(element) == 0
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", made)


def test_hostile_names_survive_in_a_document() -> None:
    """Control characters, halves of surrogate pairs and noncharacters do not break the document around them."""
    worst = "\x00\x08\x0b\x1b\ud800\ufffe\uffff\x85\u2028]]>&lt;<!--"
    assessment = with_people()
    assets = tuple(msgspec.structs.replace(a, address=worst + a.id, name=worst) for a in assessment.assets)
    assert len(list(parsed(msgspec.structs.replace(assessment, assets=assets)).iter("testcase"))) == 15
