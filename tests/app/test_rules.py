"""Users' rules: files that are read strictly, evaluation that can be stopped, and findings like any other."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

import synthetic
from strongroom.app import rules as use
from strongroom.app.catalogue import catalogue, reports
from strongroom.app.config import load as load_config
from strongroom.app.rules_file import json_schema
from strongroom.app.rules_file import read as read_file
from strongroom.app.rules_yaml import MAX_DEPTH, read
from strongroom.assess.exceptions import identified
from strongroom.assess.judge import assess
from strongroom.assess.prose import because
from strongroom.collect.rules import fenced
from strongroom.model.codes import GapCode, Status
from strongroom.model.control import Assessment, Finding
from strongroom.model.errors import BadInput, BadUsage, Malformed, StrongroomError, TooLarge, Unreadable
from strongroom.model.estate import Asset, Estate, Fact, SourceRead
from strongroom.model.facts import FACTS
from strongroom.model.kinds import Kind
from strongroom.model.people import People, RiskException
from strongroom.model.ports import Catalogue, Limits
from strongroom.model.values import Key, Value
from strongroom.plan.ninety_days import plan

try:
    fenced.need_library()
except BadUsage as e:
    pytest.skip(f"the rules extra is not installed: {e}", allow_module_level=True)

HEAD = "schema: strongroom.rules/1\nrules:\n"
RULE = """  - id: {id}
    title: The thing has no root
    kind: ai.notebook
    require: {require}
    severity: high
    because: "{because}"
"""


def rule(
    ident: str = "acme.root",
    require: str = 'facts["root"] == false',
    because: str = "{asset} has root {root}",
    more: str = "",
) -> str:
    return RULE.format(id=ident, require=require, because=because) + more


def write(folder: Path, *rules: str, name: str = "rules.yaml") -> str:
    path = folder / name
    path.write_text(HEAD + "".join(rules))
    return str(path)


def notebook(values: dict[str, Value], name: str = "a", sensitive: Sequence[str] = ()) -> Asset:
    facts = {n: Fact(n, v, sensitive=n in sensitive) for n, v in values.items()}
    return Asset(id=f"x:{name}", kind=Kind.NOTEBOOK, native_type="t", address=f"t.{name}", provider="aws", facts=facts)


def judged(path: str, *assets: Asset) -> Assessment:
    return judged_with(path, *assets)[0]


def judged_with(path: str, *assets: Asset) -> tuple[Assessment, Catalogue]:
    """What the rules of a file say, and the catalogue that reports are written with."""
    source = SourceRead("tf:.", "tf", "Terraform", 1, 1, (Kind.NOTEBOOK,))
    # What is asked is compiled first: nothing is lost by not loading the rules, which would compile them once more.
    rules = use.RuleSet((read_file(Path(path), catalogue(), {}).file,))
    asking = use.ask(rules, Estate(assets, (), (source,), synthetic.NOW))
    found = assess(asking.estate, asking.catalogue, synthetic.NOW)
    return msgspec.structs.replace(found, tasks=plan(found.findings, asking.catalogue)), rules.catalogue()


def own(found: Assessment, ident: str = "acme.root") -> list[Finding]:
    return [f for f in found.findings if f.check == ident]


# Reading files

NOT_RULES = [
    (
        "schema: strongroom.rules/1\nrules: !!python/object/apply:os.system ['x']\n",
        2,
        "the tag tag:yaml.org,2002:python",
    ),
    ("schema: strongroom.rules/1\nrules: !rules []\n", 2, "the tag !rules"),
    ("schema: strongroom.rules/1\nrules: !!str x\n", 2, "the tag"),
    ("a: &a [x, x]\nb: &b [*a, *a]\n", 1, "the anchor &a"),
    ("schema: strongroom.rules/1\nrules: *a\n", 2, "the alias *a"),
    ("schema: strongroom.rules/1\nrules: []\nrules: []\n", 3, "the key 'rules' again, after line 2"),
    ("schema: strongroom.rules/1\nrules:\n  - id: a.b\n    <<: {x: 1}\n", 3, "unknown field `<<`"),
    ("schema: strongroom.rules/1\n? [a, b]\n: x\n", 2, "a mapping or list as a key"),
    ("schema: strongroom.rules/1\nrules: []\n---\nschema: x\n", 3, "a second document"),
    ("schema: strongroom.rules/1\nrules: [\n", 3, "did not find"),
    ("schema: strongroom.rules/2\nrules: []\n", 1, "invalid enum value"),
    ("rules: []\n", 1, "missing required field `schema`"),
    ("[1, 2]\n", 1, "expected `object`"),
    ("", 1, "expected `object`"),
    (HEAD + rule() + "    nonsense: 1\n", 3, "unknown field `nonsense`"),
    (HEAD + rule().replace("ai.notebook", "ai.notebok"), 5, "ai.notebok"),
    (HEAD + rule().replace("high", "hgh"), 7, "hgh"),
    (HEAD + rule().replace("ai.notebook", "[]"), 5, "length >= 1"),
    (HEAD + rule(require="true"), 6, "expected `str`, got `bool`"),
]


@pytest.mark.parametrize(("text", "line", "found"), NOT_RULES, ids=[f[:30] for _, _, f in NOT_RULES])
def test_what_is_no_rules_file_is_refused_with_its_line(tmp_path: Path, text: str, line: int, found: str) -> None:
    """Tags, anchors, aliases, double keys, second documents and other forms are refused where they stand."""
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(Malformed) as refused:
        use.look([str(path)])
    assert refused.value.subject == f"{path}:{line}"
    assert found in refused.value.found


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 5000, "a:\n" + " - x\n" * 210_000])
def test_what_is_too_deep_or_too_much_is_refused(text: str) -> None:
    """Depth and number of values are bounded while they are read."""
    with pytest.raises((TooLarge, Malformed)) as refused:
        read(text, "rules.yaml")
    assert f"{MAX_DEPTH} levels" in refused.value.wanted or "smaller" in refused.value.wanted


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """No file, a folder without rules, a file that is too large or no text is said as that."""
    with pytest.raises(Unreadable, match="no such file"):
        use.look([str(tmp_path / "none.yaml")])
    with pytest.raises(Unreadable, match="a folder without rules"):
        use.look([str(tmp_path)])
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(TooLarge, match="at most 1048576"):
        use.look([str(big)])
    big.write_bytes(b"schema: x\nrules: \xff\n")
    with pytest.raises(Malformed, match=r"big.yaml:2: found byte 0xff"):
        use.look([str(big)])


PROBLEMS = [
    (rule("root"), 3, "the id 'root'"),
    (rule("net.notebook.direct-internet"), 3, "which is the built-in checks' own"),
    (rule("host.x"), 3, "which is the built-in checks' own"),
    (rule("Acme.Root"), 3, "the id 'Acme.Root'"),
    (rule() + rule(), 9, "the id 'acme.root' again, after"),
    (rule().replace("ai.notebook", "source"), 5, "the kind source"),
    (rule(more="    control: NET-02.nothing\n"), 9, "no clause 'NET-02.nothing'"),
    (rule(because="{roof} of it"), 8, "no fact 'roof'"),
    (rule(require='facts["rot"]'), 6, "no fact 'rot'"),
    (rule(require="|\n      true &&\n      facts['rot']"), 8, "no fact 'rot'"),
    (rule(require='facts["root"] facts["root"]'), 6, "mismatched input"),
    (rule(require=f'"{"(" * 3000}true{")" * 3000}"'), 6, "it nests too deeply"),
    (
        rule(more="    tests: [{name: x, asset: {kind: ai.notebook, facts: {root: 3}}, expect: pass}]\n"),
        9,
        "another value of root",
    ),
    (
        rule(more="    tests: [{name: x, asset: {kind: ai.notebook, facts: {rot: true}}, expect: pass}]\n"),
        9,
        "no fact 'rot'",
    ),
]


@pytest.mark.parametrize(("text", "line", "found"), PROBLEMS, ids=[f for _, _, f in PROBLEMS])
def test_each_problem_of_a_rule_is_told_with_its_line(tmp_path: Path, text: str, line: int, found: str) -> None:
    """Ids that are taken, kinds, clauses, facts, expressions and tests that cannot be are named, and nothing is loaded."""
    path = write(tmp_path, text)
    problems = use.look([path]).problems
    assert [p.subject for p in problems] == [f"{path}:{line}"]
    assert found in problems[0].found
    with pytest.raises(BadInput):
        use.load([path])


def test_every_problem_of_a_file_is_told(tmp_path: Path) -> None:
    """One broken rule hides no other: each is told, and the sound ones are kept."""
    path = write(tmp_path, rule("acme.a", "facts['rot']"), rule("acme.b"), rule("acme.c", "1 +"))
    found = use.look([path])
    assert [p.subject.rpartition(":")[2] for p in found.problems] == ["6", "18"]
    assert [r.id for r in found.rules.rules] == ["acme.b", "acme.c"]


def test_a_folder_is_read_whole_and_ids_are_unique_over_it(tmp_path: Path) -> None:
    """Every file of a folder counts, in the order of the names; an id that two files use is refused."""
    (tmp_path / "sub").mkdir()
    write(tmp_path, rule("acme.b"), name="b.yml")
    write(tmp_path / "sub", rule("acme.a"), name="a.yaml")
    (tmp_path / "README.md").write_text("no rules")
    assert [r.id for r in use.load([str(tmp_path)]).rules] == ["acme.b", "acme.a"]
    write(tmp_path, rule("acme.a"), name="c.yaml")
    with pytest.raises(Malformed, match=r"the id 'acme\.a' again"):
        use.load([str(tmp_path)])


def test_rules_come_from_the_command_line_or_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line replaces the configuration, whose list the environment can give too; none means none."""
    file = tmp_path / "c.toml"
    file.write_text('[assess]\nrules = ["/etc/acme/rules"]\n')
    assert use.given(load_config(str(file)), ()) == ("/etc/acme/rules",)
    assert use.given(load_config(str(file)), ("x.yaml",)) == ("x.yaml",)
    monkeypatch.setenv("STRONGROOM_ASSESS__RULES", "a.yaml,b.yaml")
    assert use.given(load_config(str(file)), ()) == ("a.yaml", "b.yaml")
    assert use.load(()).rules == ()
    assert use.RuleSet().catalogue() is catalogue()


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that cannot be evaluated are an error with the command that mends it, never silence."""
    monkeypatch.setattr(fenced.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(BadUsage) as refused:
        use.load([write(tmp_path, rule())])
    assert refused.value.hint == "pip install 'strongroom[rules]'"


# Findings


def test_a_rule_answers_as_a_check_does(tmp_path: Path) -> None:
    """Its findings carry status, sentence, evidence, control and a fingerprint of their own."""
    path = write(tmp_path, rule(more="    control: NET-02.no-direct-internet\n"))
    a, b = notebook({"root": True}, "a"), notebook({"root": False}, "b")
    found, known = judged_with(path, a, b)
    fails, holds = own(found)
    assert (fails.status, holds.status) == (Status.FAIL, Status.PASS)
    assert (fails.control, fails.facts) == ("NET-02", (a.facts["root"],))
    assert fails.fingerprint != holds.fingerprint
    assert because(fails, known) == "t.a has root true"
    assert because(holds, known) == "the thing has no root"
    clause = next(c for r in found.controls for c in r.clauses if c.clause == "NET-02.no-direct-internet")
    assert (clause.status, clause.failed, clause.passed) == (Status.FAIL, 1, 1)


def test_what_is_unknown_is_said_with_its_reason(tmp_path: Path) -> None:
    """A fact that is unknown, of another type, or not carried makes the answer unknown and says why."""
    path = write(tmp_path, rule())
    found, known = judged_with(
        path, notebook({"root": synthetic.NOT_KNOWN}), notebook({"root": "yes"}, "b"), notebook({}, "c")
    )
    assert [f.status for f in own(found)] == [Status.UNKNOWN] * 3
    assert [because(f, known) for f in own(found)] == [
        "cannot tell: root: var.missing has no value",
        "cannot tell: root: found no bool",
        "cannot tell: this source does not show root",
    ]
    assert [f.name for f in own(found)[0].facts] == ["root"]


def test_an_error_is_unknown_and_names_the_expression(tmp_path: Path) -> None:
    """What cannot be computed is unknown, with the rule, the line and the expression, and without any value."""
    path = write(tmp_path, rule(require='facts["gpu.count"] > facts["version"]', because="x"))
    found, known = judged_with(path, notebook({"gpu.count": 8, "version": "s3cret"}))
    (finding,) = own(found)
    text = because(finding, known)
    assert finding.status is Status.UNKNOWN
    assert f"{path}:6" in text
    assert 'facts["gpu.count"] > facts["version"]' in text
    assert "a type does not fit" in text
    assert "s3cret" not in text


def test_where_it_does_not_apply_it_says_so(tmp_path: Path) -> None:
    """A `when` that is false is not-applicable; one that is unknown is unknown, whatever `require` says."""
    path = write(tmp_path, rule(more="    when: facts['net.in_vpc']\n"))
    yes: dict[str, Value] = {"root": False}
    found = judged(
        path, notebook(yes | {"net.in_vpc": False}), notebook(yes, "b"), notebook(yes | {"net.in_vpc": True}, "c")
    )
    assert [f.status for f in own(found)] == [Status.NOT_APPLICABLE, Status.UNKNOWN, Status.PASS]
    assert [[x.name for x in f.facts] for f in own(found)] == [["net.in_vpc"], [], ["net.in_vpc", "root"]]


def test_a_rule_without_a_control_is_a_finding_all_the_same(tmp_path: Path) -> None:
    """Every format carries its findings, and no control is changed by it."""
    path = write(tmp_path, rule())
    found, known = judged_with(path, notebook({"root": True}))
    (finding,) = own(found)
    assert (finding.control, finding.status) == ("", Status.FAIL)
    for name, report in reports().items():
        text = "".join(report.render(found, known))
        assert "acme.root" in text, name
    bare = assess(Estate((notebook({"root": True}),), (), found.sources, synthetic.NOW), catalogue(), synthetic.NOW)
    assert [c.status for c in found.controls] == [c.status for c in bare.controls]


def test_what_is_sensitive_is_judged_and_never_printed(tmp_path: Path) -> None:
    """A rule may ask of a sensitive value; no format prints it, not in its sentence nor as evidence."""
    path = write(tmp_path, rule(require='facts["version"] == "1"', because="{asset} runs {version}"))
    found, known = judged_with(path, notebook({"version": "c4n4ry"}, sensitive=["version"]))
    assert [f.status for f in own(found)] == [Status.FAIL]
    for name, report in reports().items():
        assert "c4n4ry" not in "".join(report.render(found, known)), name


def test_the_rules_file_is_a_source_of_the_run(tmp_path: Path) -> None:
    """A run names the rules that it was judged by, with their digest."""
    path = write(tmp_path, rule())
    source = judged(path, notebook({"root": True})).sources[-1]
    assert (source.spec, source.scheme) == (f"rules:{path}", "rules")
    assert source.digest.startswith("sha256:")


def test_exceptions_can_name_a_rule(tmp_path: Path) -> None:
    """The id of a rule is known to exceptions as a check's id is."""
    path = write(tmp_path, rule())
    e = RiskException(
        "",
        False,
        check="acme.root",
        asset="t.a",
        owner="Ada",
        approver="Grace",
        reason="a sandbox",
        expires=synthetic.NOW.date(),
    )
    source = SourceRead("tf:.", "tf", "Terraform", 1, 1, (Kind.NOTEBOOK,))
    asking = use.ask(use.load([path]), Estate((notebook({"root": True}),), (), (source,), synthetic.NOW))
    found = assess(asking.estate, asking.catalogue, synthetic.NOW, (), People((identified(e),)))
    assert [f.status for f in own(found)] == [Status.ACCEPTED]
    assert found.exception_notes == ()


# The fence

TEN = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
LOOPS = f"{TEN}.map(x, {TEN}).all(a, " + "".join(f"{TEN}.all({v}, " for v in "bcdefghij") + "size(a) > 0" + ")" * 10
GROWS = (
    f"{TEN}.map(a, {TEN}.map(b, {TEN}.map(c, {TEN}.map(d, {TEN}.map(e, {TEN}.map(f, {TEN}.map(g, "
    f"asset.address + '{'x' * 4000}'))))))).size() > 0"
)


@pytest.mark.parametrize(
    ("text", "codes"), [(LOOPS, {GapCode.TIMEOUT}), (GROWS, {GapCode.OUT_OF_MEMORY, GapCode.TIMEOUT})]
)
def test_a_rule_that_takes_too_much_is_stopped_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, codes: set[GapCode]
) -> None:
    """Maps that nest or texts that grow end their own child: unknown with a gap that names the rule; others answer."""
    real = fenced.evaluate
    monkeypatch.setattr(
        use, "evaluate", lambda a, s, limits, progress=None: real(a, s, limits, progress, cpu_seconds=0.5)
    )
    path = write(tmp_path, rule("acme.a"), rule("acme.bad", f'"{text}"'), rule("acme.b"))
    found = judged(path, notebook({"root": False}))
    assert [f.status for i in ("acme.a", "acme.bad", "acme.b") for f in own(found, i)] == [
        Status.PASS,
        Status.UNKNOWN,
        Status.PASS,
    ]
    (gap,) = found.gaps
    assert gap.code in codes
    assert "acme.bad" in gap.scope
    assert gap.where is not None
    assert (gap.where.file, gap.where.line_start) == (path, 9)
    known = use.load([path]).catalogue()
    assert "acme.bad" in because(own(found, "acme.bad")[0], known)
    # What one rule did not answer hides no asset from the controls.
    clean = judged(write(tmp_path, rule("acme.a"), name="clean.yaml"), notebook({"root": False}))
    statuses = {c.control: c.status for c in clean.controls}
    assert {c.control for c in found.controls if c.status is not statuses[c.control]} <= {"INV-01"}


def test_when_the_time_for_all_is_over_the_rest_is_unknown(tmp_path: Path) -> None:
    """Limits that are spent leave every rule without an answer, and never one that passes."""
    loaded = use.load([write(tmp_path, rule("acme.a"), rule("acme.b"))])
    estate = Estate((notebook({"root": False}),), (), (), synthetic.NOW)
    asking = use.ask(loaded, estate, Limits(wall_seconds=0.000001))
    found = assess(asking.estate, asking.catalogue, synthetic.NOW)
    assert [f.status for i in ("acme.a", "acme.b") for f in own(found, i)] == [Status.UNKNOWN] * 2
    assert [g.code for g in asking.estate.gaps] == [GapCode.TIMEOUT] * 2


def test_answers_belong_to_their_assets(tmp_path: Path) -> None:
    """With many assets of several kinds and several rules, each answer is about the asset whose facts it read."""
    other = rule("acme.key", 'facts["enc.key"].tech == "cmk"', "x").replace(
        "ai.notebook", "[store.bucket, ai.notebook]"
    )
    path = write(tmp_path, rule(), other)
    chance = random.Random(7)
    assets = []
    for n in range(300):
        kind = chance.choice([Kind.NOTEBOOK, Kind.BUCKET, Kind.KEY])
        values: dict[str, Value] = {"root": chance.random() < 0.5, "enc.key": Key(chance.choice(["cmk", "provider"]))}
        facts = {k: Fact(k, v) for k, v in values.items()}
        assets.append(Asset(id=f"x:{n}", kind=kind, native_type="t", address=f"t.{n}", facts=facts))
    found = judged(path, *assets)
    by_id = {a.id: a for a in assets}
    roots, keys = own(found), own(found, "acme.key")
    assert len(roots) == sum(a.kind is Kind.NOTEBOOK for a in assets)
    assert len(keys) == sum(a.kind in (Kind.NOTEBOOK, Kind.BUCKET) for a in assets)
    assert all((f.status is Status.FAIL) is by_id[f.asset].value("root") for f in roots)
    assert all((f.status is Status.PASS) is (by_id[f.asset].value("enc.key") == Key("cmk")) for f in keys)


def test_text_that_is_no_unicode_stops_nothing(tmp_path: Path) -> None:
    """A name that cannot be written as UTF-8 reaches the evaluator with a mark in its place."""
    path = write(tmp_path, rule(require="asset.address.contains('t.')"))
    strange = msgspec.structs.replace(notebook({}), address="t.\udcff")
    assert [f.status for f in own(judged(path, strange))] == [Status.PASS]


# Tests in the file, facts, schema

TESTED = rule(
    more="""    tests:
      - {name: open, asset: {kind: ai.notebook, facts: {root: true}}, expect: fail}
      - {name: closed, asset: {kind: ai.notebook, facts: {root: false}}, expect: pass}
      - {name: nobody knows, asset: {kind: ai.notebook, facts: {root: {unknown: var.x}}}, expect: unknown}
      - {name: not shown, asset: {kind: ai.notebook}, expect: unknown}
      - {name: another thing, asset: {kind: store.bucket, facts: {root: true}}, expect: not-applicable}
      - {name: wrong, asset: {kind: ai.notebook, facts: {root: true}}, expect: pass}
"""
)


def test_the_tests_of_a_file_are_run(tmp_path: Path) -> None:
    """Each example is judged by its own rule, and one that expects something else fails."""
    tried = use.run_tests(use.load([write(tmp_path, TESTED)]), synthetic.NOW)
    assert [(t.test.name, t.found.value, t.passed) for t in tried] == [
        ("open", "fail", True),
        ("closed", "pass", True),
        ("nobody knows", "unknown", True),
        ("not shown", "unknown", True),
        ("another thing", "not-applicable", True),
        ("wrong", "fail", False),
    ]
    assert tried[2].because == "cannot tell: root: var.x"


def test_tests_can_say_every_type_of_fact(tmp_path: Path) -> None:
    """Keys, lists, firewall rules and statements are written as records; other forms are refused."""
    net = "{direction: egress, action: allow, protocol: tcp, from_port: 1, to_port: 2, peers: [10.0.0.0/8]}"
    facts = (
        f"enc.key: {{tech: cmk, name: k}}, log.types: [a], net.rules: [{net}], policy.statements: [{{effect: allow}}]"
    )
    require = (
        """facts['enc.key'].tech == 'cmk' && 'a' in facts['log.types'] && facts['net.rules'][0].to_port == 2"""
        """ && facts['policy.statements'].all(s, s.effect == 'allow') && facts['gpu.count'] == null"""
    )
    test = (
        f"    tests: [{{name: x, asset: {{kind: ai.notebook, facts: {{{facts}, gpu.count: null}}}}, expect: pass}}]\n"
    )
    tried = use.run_tests(use.load([write(tmp_path, rule(require=require, because="x", more=test))]), synthetic.NOW)
    assert [t.found for t in tried] == [Status.PASS]
    for odd in (
        "enc.key: {tech: 3}",
        "enc.key: cmk",
        "net.rules: [{direction: egress}]",
        "log.types: a",
        "root: [true]",
    ):
        test = f"    tests: [{{name: x, asset: {{kind: ai.notebook, facts: {{{odd}}}}}, expect: pass}}]\n"
        problems = use.look([write(tmp_path, rule(because="x", more=test))]).problems
        assert ["another value of" in p.found for p in problems] == [True], odd


def test_remarks_name_what_is_worth_a_look(tmp_path: Path) -> None:
    """A rule without tests, and a fact that nothing is known to give for its kind, are remarked and not refused."""
    path = write(tmp_path, rule("acme.a", "facts['nic.mac'] == 'x'", "x"), TESTED)
    found = use.look([path])
    assert found.problems == ()
    said = list(use.remarks(found.rules.rules))
    assert [text.partition(": ")[2][:30] for text in said] == ["acme.a has no tests", "acme.a reads nic.mac, which no"]


def test_facts_are_known_by_kind() -> None:
    """Every kind lists facts of the vocabulary, and notebooks those that their checks read."""
    of = use.facts_by_kind()
    assert set(of) == set(Kind)
    assert all(FACTS[name] == row for rows in of.values() for name, row in rows.items())
    assert {"net.direct_internet", "root", "enc.key"} <= set(of[Kind.NOTEBOOK])
    assert "nic.mac" not in of[Kind.NOTEBOOK]


def test_the_schema_takes_what_the_reader_takes(tmp_path: Path) -> None:
    """The published JSON Schema accepts a sound file and refuses what the reader refuses for its form."""
    jsonschema = pytest.importorskip("jsonschema")
    shape = jsonschema.Draft202012Validator(json_schema())
    sound = read(HEAD + TESTED, "rules.yaml").value
    shape.validate(sound)
    for text in (HEAD + rule() + "    nonsense: 1\n", HEAD + rule().replace("high", "hgh"), "rules: []\n"):
        assert not shape.is_valid(read(text, "rules.yaml").value), text
        path = tmp_path / "x.yaml"
        path.write_text(text)
        with pytest.raises(StrongroomError):
            use.look([str(path)])
    assert json.loads(json.dumps(json_schema()))["title"] == "strongroom.rules/1"
