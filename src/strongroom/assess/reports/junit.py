"""JUnit XML: for CI systems that show tests. A suite a control, a case an answer of a check about an asset.

`failure` is a fail, `error` an unknown, `skipped` what does not apply, is accepted, is attested or was not assessed:
no test has passed there.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from strongroom.assess import prose
from strongroom.assess.people_prose import accepted_words, attested_words
from strongroom.assess.reports._accepted import exceptions, note_words
from strongroom.assess.reports._lines import TO_FIX
from strongroom.assess.reports._logged import log_words
from strongroom.assess.reports._overview import coverage_sentence
from strongroom.assess.reports._shared import (
    PROGRAM,
    REPLACED,
    VERSION,
    asset_of,
    by_id,
    in_pieces,
    lines_of,
    one_line,
    place,
)
from strongroom.assess.reports._words import MEANS, STATUS
from strongroom.model.codes import Status
from strongroom.model.control import Assessment, ControlResult, Finding
from strongroom.model.estate import SCHEMA, Asset
from strongroom.model.people import Assertion
from strongroom.model.ports import Catalogue, Report

# What XML 1.0 (fifth edition, 2.2 Char) has no place for, not even as a reference.
_NO_CHAR = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A carriage return would be read back as a line feed, and a quote or a bracket as markup.
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "\r": " "}
_SIGNS = re.compile("[&<>\"'\r]")


def attribute(text: str) -> str:
    """Foreign text as the value of an attribute: one line, whatever it holds."""
    return _SIGNS.sub(lambda m: _MARKUP[m[0]], _NO_CHAR.sub(REPLACED, one_line(text)))


def content(text: str) -> str:
    """Foreign text as the content of an element, with its lines."""
    return _SIGNS.sub(lambda m: _MARKUP[m[0]], _NO_CHAR.sub(REPLACED, lines_of(text)))


def tag(element: str, **attributes: str | int) -> str:
    """An opening tag without its bracket; what is empty is left out."""
    parts = "".join(f' {k}="{attribute(str(v))}"' for k, v in attributes.items() if v != "")
    return f"<{element}{parts}"


@dataclass(frozen=True, slots=True)
class Case:
    """One testcase: which element it holds, and what stands in that."""

    name: str
    classname: str
    element: str  # failure, error, skipped, or none for a pass
    message: str = ""
    kind: str = ""
    body: str = ""

    def text(self) -> str:
        """The case as XML."""
        head = tag("testcase", name=self.name, classname=self.classname)
        if not self.element:
            return f"{head}/>\n"
        kind = "" if self.element == "skipped" else self.kind
        inner = tag(self.element, message=self.message, type=kind)
        closed = f"{inner}>{content(self.body)}</{self.element}>" if self.body else f"{inner}/>"
        return f"{head}>{closed}</testcase>\n"


ELEMENTS = {
    Status.PASS: "",
    Status.FAIL: "failure",
    Status.UNKNOWN: "error",
    Status.NOT_APPLICABLE: "skipped",
    Status.ACCEPTED: "skipped",
    Status.NOT_ASSESSED: "skipped",
    Status.ATTESTED: "skipped",
}


@dataclass(frozen=True, slots=True)
class Suite:
    """What is known of one control: the answers, and what people vouch for."""

    control: str
    found: Sequence[Finding]
    vouched: Sequence[Assertion]
    result: ControlResult | None

    @property
    def silent(self) -> bool:
        """Whether nothing says anything of it; one case says so."""
        return not self.found and not self.vouched and self.result is not None

    def counts(self) -> dict[str, int]:
        """The numbers at the head, known before the first case is written."""
        n = Counter(ELEMENTS[f.status] for f in self.found)
        skipped = n["skipped"] + len(self.vouched) + self.silent
        tests = len(self.found) + len(self.vouched) + self.silent
        return {"tests": tests, "failures": n["failure"], "errors": n["error"], "skipped": skipped}


def suites(assessment: Assessment) -> Sequence[Suite]:
    """A suite for every control that was judged or that a finding names."""
    results = {r.control: r for r in assessment.controls}
    of: dict[str, list[Finding]] = {control: [] for control in results}
    for f in assessment.findings:
        of.setdefault(f.control, []).append(f)
    return [
        Suite(control, found, [a for a in assessment.attested if a.control == control], results.get(control))
        for control, found in of.items()
    ]


class _Cases:
    """Makes the cases of a suite."""

    def __init__(self, assessment: Assessment, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._assets = by_id(assessment)
        self._exceptions = exceptions(assessment)

    def of(self, suite: Suite) -> Iterator[Case]:
        """As many cases as the suite counts."""
        names: Counter[tuple[str, str]] = Counter()
        for f in suite.found:
            asset = asset_of(self._assets, f.asset)
            names[f.check, asset.address] += 1
            again = names[f.check, asset.address]
            yield self._case(f, asset, f" ({again})" if again > 1 else "")
        for a in suite.vouched:
            yield Case(f"attested {a.asset}".strip(), a.clause, ELEMENTS[Status.ATTESTED], attested_words(a))
        if suite.silent and suite.result is not None:
            status = suite.result.status
            said = "; ".join((f"{STATUS[status]}: {MEANS[status]}", *suite.result.reasons))
            yield Case("no answer", suite.control, ELEMENTS[Status.NOT_ASSESSED], said)

    def _case(self, f: Finding, asset: Asset, again: str) -> Case:
        element = ELEMENTS[f.status]
        return Case(
            name=f"{asset.address}{again}",
            classname=f.check,
            element=element,
            message=self._message(f) if element else "",
            kind=f.severity.value if f.status is Status.FAIL else f.code.value,
            body=self._body(f, asset) if element in ("failure", "error") else "",
        )

    def _message(self, f: Finding) -> str:
        because = prose.because(f, self._catalogue)
        if f.status is not Status.ACCEPTED:
            return because
        return f"{because}; {accepted_words(self._exceptions.get(f.fingerprint))}"

    def _body(self, f: Finding, asset: Asset) -> str:
        check = self._catalogue.checks.get(f.check)
        lines = [f"{prose.title(f.check, self._catalogue)}: {asset.address} {prose.because(f, self._catalogue)}"]
        lines += [f"at {place(f.where)}"] if f.where else []
        lines += [f"read {fact.name}: {prose.show(fact)}" for fact in f.facts]
        if check is not None and f.status in TO_FIX:
            lines += [f"fix: {check.fix.text}"]
            lines += [f"verify: {check.fix.verify}"] if check.fix.verify else []
        return "\n".join([*lines, f"fingerprint {f.fingerprint}"])


def _properties(assessment: Assessment) -> str:
    known = [
        ("schema", SCHEMA),
        ("program", f"{PROGRAM} {VERSION}"),
        ("snapshot", assessment.snapshot),
        ("log", log_words(assessment)),
        ("coverage", coverage_sentence(assessment)),
        *(("source", s.spec) for s in assessment.sources),
        *(("note", note) for note in note_words(assessment)),
    ]
    rows = "".join(f"{tag('property', name=f'strongroom.{k}', value=v)}/>\n" for k, v in known if v)
    return f"<properties>\n{rows}</properties>\n"


def _document(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    cases = _Cases(assessment, catalogue)
    judged = suites(assessment)
    at = assessment.seen_at.replace(tzinfo=None).isoformat(timespec="seconds")
    # The schema that Jenkins holds files to has no count of what was skipped here, and no file at a case.
    total = {name: sum(suite.counts()[name] for suite in judged) for name in ("tests", "failures", "errors")}
    yield '<?xml version="1.0" encoding="UTF-8"?>\n' + tag("testsuites", name=PROGRAM, **total) + ">\n"
    # The format has no place for properties of the whole: they stand in a suite of their own.
    yield tag("testsuite", name=PROGRAM, tests=0, failures=0, errors=0, skipped=0, timestamp=at) + ">\n"
    yield _properties(assessment) + "</testsuite>\n"
    for suite in judged:
        control = catalogue.controls.get(suite.control)
        name = f"{suite.control} {control.title}" if control else suite.control
        yield tag("testsuite", name=name, **suite.counts(), timestamp=at) + ">\n"
        for case in cases.of(suite):
            yield case.text()
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def render(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    """One document; it carries no times, as a check has none worth measuring."""
    return in_pieces(_document(assessment, catalogue))


REPORT = Report("junit", "JUnit XML: one test an answer, for CI systems", ".junit.xml", render)
