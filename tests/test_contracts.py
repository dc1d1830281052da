"""What every part of every room must be, whoever wrote it: one test runs over all parts of a kind."""

import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import synthetic
from strongroom.app.catalogue import catalogue, collectors, derivations, reports
from strongroom.app.derived_reach import reachability
from strongroom.assess.judge import SOURCE_CHECK, SOURCE_CLAUSE, WITHHELD, judge
from strongroom.collect.native import Inapplicable, Native, Reader
from strongroom.collect.resource import Link, Pool, Resource, Sensitive
from strongroom.collect.terraform.assets import tables
from strongroom.kit.rooms import room
from strongroom.model.codes import GapCode, Status
from strongroom.model.control import Assessment, Coverage
from strongroom.model.errors import RoomError
from strongroom.model.estate import Estate
from strongroom.model.facts import FACTS
from strongroom.model.ports import Check, Collector, Peek, Report
from strongroom.model.values import Unknown, Where

CHECKS = catalogue().checks
AREAS = ("net", "enc", "iam", "log", "gpu", "tee", "boot", "host", "art", "inv", "mon", "rec")
CHECK_ID = re.compile(rf"(?:{'|'.join(AREAS)})\.[a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*")
EQUIVALENT = re.compile(
    r"checkov:CKV2?_[A-Z0-9_]+|trivy:[A-Z]+-\d{4}|guard:[A-Z0-9_]+|prowler:\w+|kubescape:[A-Za-z0-9_.-]+"
)

every_check = pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
every_native = pytest.mark.parametrize("native", tables().values(), ids=tables().keys())
every_collector = pytest.mark.parametrize("collector", collectors().values(), ids=collectors().keys())
every_report = pytest.mark.parametrize("report", reports().values(), ids=reports().keys())


def word(fact: str) -> str:
    """The type word of a fact; another test tells when the vocabulary lacks it."""
    return FACTS.get(fact, ("any", ""))[0]


# The vocabulary


def test_the_vocabulary_is_in_order() -> None:
    """Every fact has a name in dots and lower case, a type word that is known, and a meaning."""
    for name, (word, meaning) in FACTS.items():
        assert re.fullmatch(r"[a-z0-9]+([._][a-z0-9]+)*", name), name
        assert word in synthetic.SAMPLES, name
        assert len(meaning) >= 5, name
        assert not meaning.endswith("."), name


# Checks


def test_check_ids_belong_to_one_check_each() -> None:
    """No id is given twice, and none is the id that the judge keeps for sources."""
    files = room("strongroom.assess.checks", "CHECKS", tuple)
    counts = Counter(c.id for parts in files.values() for c in parts)
    assert [i for i, n in counts.items() if n > 1] == []
    assert SOURCE_CHECK not in counts
    assert SOURCE_CLAUSE in {c.id for control in catalogue().controls.values() for c in control.clauses}


@every_check
def test_a_check_is_whole(check: Check) -> None:
    """Id, kinds, needed facts and clause are of the closed lists; why, title, fix and proof of the fix are written."""
    clauses = {c.id for c in catalogue().controls[check.control].clauses}
    assert CHECK_ID.fullmatch(check.id)
    assert check.clause in clauses
    assert check.kinds
    assert len(set(check.kinds)) == len(check.kinds)
    assert check.needs
    assert [n for n in check.needs if n not in FACTS] == []
    assert len(check.why) >= 40
    assert check.why.endswith(".")
    assert 10 <= len(check.title) <= 100
    assert not check.title.endswith(".")
    assert check.fix.text.endswith((".", ":"))
    assert check.fix.verify


@every_check
def test_a_failure_can_be_told(check: Check) -> None:
    """The sentence for a failure has only named places to fill, and stays a sentence when they are filled."""
    places = [name for _, name, _, _ in string.Formatter().parse(check.broken) if name is not None]
    assert all(name.isidentifier() for name in places)
    told = check.broken.format_map(dict.fromkeys(places, "a reason"))
    assert len(told) >= 8
    assert not told.endswith(".")


@every_check
def test_equivalents_are_ids_of_known_tools(check: Check) -> None:
    """An equivalent is `tool:id` in the tool's own form, and is named once."""
    assert [e for e in check.equivalents if not EQUIVALENT.fullmatch(e)] == []
    assert len(set(check.equivalents)) == len(check.equivalents)


@every_check
def test_snippets_are_lines_for_a_type(check: Check) -> None:
    """Lines of configuration name the native type that they are for, and are not empty."""
    assert all(t.strip() and lines.strip() for t, lines in check.fix.snippets)


@every_check
def test_a_check_always_answers(check: Check) -> None:
    """Whatever the facts hold, a check ends in a status; an argument of a failure fills its place in the sentence."""
    places = {name for _, name, _, _ in string.Formatter().parse(check.broken) if name is not None}
    makers = (synthetic.known, synthetic.unknown, synthetic.strange)
    for a in (a for kind in check.kinds for make in makers for a in make(check, kind)):
        found = judge(check, a, synthetic.NOW)
        assert found.status in {Status.PASS, Status.FAIL, Status.UNKNOWN, Status.NOT_APPLICABLE}
        if found.status is Status.FAIL:
            assert places <= {name for name, _ in found.arguments}, a.address
        if found.status in {Status.UNKNOWN, Status.NOT_APPLICABLE}:
            assert dict(found.arguments).get("because"), a.address


@every_check
def test_what_is_not_known_is_never_a_pass(check: Check) -> None:
    """An asset of which nothing is known neither passes nor fails, and the answer tells what is missing."""
    for a in (a for kind in check.kinds for a in synthetic.unknown(check, kind)):
        found = judge(check, a, synthetic.NOW)
        assert (a.address, found.status in {Status.UNKNOWN, Status.NOT_APPLICABLE}) == (a.address, True)
        if found.status is Status.UNKNOWN:
            said = dict(found.arguments)["because"]
            assert "var.missing" in said or said == WITHHELD or found.facts == ()


def test_every_check_has_tests_of_its_own() -> None:
    """Every check is named in a test beside these contracts, which cannot know when it should fail."""
    files = (Path(__file__).parent / "assess").rglob("*.py")
    named = {word for f in files for word in re.findall(r"[a-z0-9.-]+", f.read_text(encoding="utf-8"))}
    assert [i for i in CHECKS if i not in named] == []


# Tables


class Everything(Mapping[str, object]):
    """Values that answer every attribute with the same thing, one block deep or as a leaf."""

    def __init__(self, leaf: object, depth: int = 0) -> None:
        self.leaf, self.depth = leaf, depth

    def __getitem__(self, name: str) -> object:
        return Everything(self.leaf, self.depth - 1) if self.depth else self.leaf

    def __iter__(self) -> Iterator[str]:
        return iter(("x",))

    def __len__(self) -> int:
        return 1


_DOUBT = Unknown(GapCode.UNDECIDED, "var.x has no value")
_LEAVES: tuple[object, ...] = (
    None,
    True,
    False,
    "abc",
    "${aws_x.y}",
    "",
    0,
    7.5,
    [],
    ["a", None],
    [{}],
    {},
    {"a": {"b": [1]}},
)
_ODD = (_DOUBT, [_DOUBT], Link("aws_kms_key.k", "arn"), [Link("aws_x.y")], Sensitive("s3cret"), [Sensitive({"a": 1})])
LEAVES: tuple[object, ...] = (*_LEAVES, *_ODD)


def resource(native: str, values: Mapping[str, object], name: str = "x") -> Resource:
    mode, _, plain = native.rpartition(".")
    return Resource(f"{native}.{name}", plain, name, values, Where("main.tf", 1, 2), mode or "managed")


@every_native
def test_a_row_reads_a_fact_of_the_vocabulary(native: Native) -> None:
    """Every row of a table reads a fact that is in the vocabulary, once."""
    names = [row.fact for row in native.rows]
    assert [n for n in names if n not in FACTS] == []
    assert [n for n, c in Counter(names).items() if c > 1] == []


@every_native
def test_a_default_has_its_source_and_its_type(native: Native) -> None:
    """A default is of the type of its fact and names a page that states it."""
    for row in native.rows:
        if row.default is not None:
            assert row.default.source.startswith("https://"), row.fact
            assert synthetic.fits(word(row.fact), row.default.value), row.fact


@every_native
def test_rows_stand_whatever_the_attributes_hold(native: Native) -> None:
    """No row dies of any value of its attributes, and what it makes of them is of the type of its fact."""
    for leaf in LEAVES:
        for depth in (0, 1, 2):
            mine = resource(native.type, Everything(leaf, depth))
            pool = Pool([mine, resource(native.type, {}, "y")])
            for row in native.rows:
                value = row.read(Reader(mine, pool))
                fit = isinstance(value, Inapplicable) or synthetic.fits(word(row.fact), value)
                assert (row.fact, leaf, fit) == (row.fact, leaf, True), value


# Sources


@every_collector
def test_a_source_says_what_it_is(collector: Collector) -> None:
    """A scheme is a short word; title and help are one line."""
    assert re.fullmatch(r"[a-z][a-z0-9]{1,11}|(?:aws|azure|gcp)-[a-z]{3,8}", collector.scheme)
    assert collector.title
    assert len(collector.reads) >= 20
    assert "\n" not in collector.reads
    assert not collector.reads.endswith(".")


@every_collector
@pytest.mark.parametrize(
    "peek",
    [
        Peek(Path("nothing-here"), False, b"", ()),
        Peek(Path("nothing-here"), True, b"", ()),
        Peek(Path("picture.png"), False, b"\x89PNG\r\n\x1a\n" + bytes(64), ()),
        Peek(Path("note.txt"), False, b"Dear diary,\n", ()),
        Peek(Path("photos"), True, b"", ("a.jpg", "b.jpg")),
    ],
    ids=["empty file", "empty folder", "picture", "text", "folder of pictures"],
)
def test_a_source_recognises_nothing_that_is_not_its_own(collector: Collector, peek: Peek) -> None:
    """Nothing, a picture, prose and a folder of pictures belong to no source."""
    assert collector.recognises(peek) == 0


def test_derivations_add_facts_of_the_vocabulary() -> None:
    """A derivation names the facts that it adds, keeps to them, and adds nothing to an empty estate."""
    whole, empty = synthetic.estate(), Estate((), (), (), synthetic.NOW)
    ids = {a.id for a in whole.assets}
    for step in (*derivations(), *reachability()):
        assert [name for name in step.adds if name not in FACTS] == []
        assert list(step.derive(empty)) == []
        for asset_id, fact in step.derive(whole):
            assert asset_id in ids
            assert fact.name in step.adds
            assert synthetic.fits(word(fact.name), fact.value)


# Reports


@every_report
def test_a_report_of_nothing_is_still_a_report(report: Report) -> None:
    """An assessment without assets, findings and sources is written without a fault."""
    empty = Assessment(synthetic.NOW, (), (), (), (), (), Coverage(0, 0, ()))
    pieces = list(report.render(empty, catalogue()))
    assert all(isinstance(p, str) for p in pieces)
    assert report.suffix.startswith(".")
    assert report.title
    assert report.name == report.name.lower()


# Rooms


def test_a_file_without_its_constant_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that was forgotten is an error that names the file and the constant, never a control that does not run."""
    package = tmp_path / "a_room_for_contracts"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "empty.py").write_text("REPORTS = ()\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(RoomError, match=r"a_room_for_contracts\.empty.*NoneType.*REPORT: Report"):
        room("a_room_for_contracts", "REPORT", Report)
