"""The language of users' rules: what it reads, what it refuses, and that it is Kleene's logic when something is unknown."""

from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import synthetic
from strongroom.assess.rule_language import MAX_TEXT, Fault, expression, sentence
from strongroom.assess.rules import plain, subject
from strongroom.collect.rules.fenced import need_library
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadUsage, Malformed
from strongroom.model.facts import FACTS
from strongroom.model.kinds import Kind
from strongroom.model.rules import Doubt, Refusal
from strongroom.model.values import Key, NetRule, Unknown, Value, Where

try:
    need_library()
except BadUsage as e:
    pytest.skip(f"the rules extra is not installed: {e}", allow_module_level=True)

from strongroom.collect.rules.child import ask, compiled

AT = Where("rules.yaml", 10, 10)
U = synthetic.NOT_KNOWN
A, B = 'facts["root"]', 'facts["net.public"]'


def said(text: str, values: dict[str, Value], labels: tuple[tuple[str, str], ...] = ()) -> bool | Doubt:
    """What an expression says of an asset with these facts."""
    e = expression(text, AT)
    program = compiled("require", e)
    assert not isinstance(program, Refusal), program
    asset = synthetic.asset(Kind.NOTEBOOK, values)
    about = subject(asset, [name for _, name in e.facts], [name for _, name in e.carried])
    about.asset["labels"] = dict(labels)
    return ask(program, about)


TRUTH = [
    # (a, b, a && b, a || b, !a); None is unknown
    (True, True, True, True, False),
    (True, False, False, True, False),
    (True, None, None, True, False),
    (False, True, False, True, True),
    (False, False, False, False, True),
    (False, None, False, None, True),
    (None, True, None, True, None),
    (None, False, False, None, None),
    (None, None, None, None, None),
]


@pytest.mark.parametrize(("a", "b", "both", "either", "not_a"), TRUTH)
@pytest.mark.parametrize("absent", [False, True], ids=["unknown", "not carried"])
def test_the_table_of_three_valued_truth(
    a: bool | None, b: bool | None, both: bool | None, either: bool | None, not_a: bool | None, absent: bool
) -> None:
    """And, or and not answer as Kleene's tables say, whether a fact is unknown or is not carried at all."""
    given_values: dict[str, Value] = {"root": U if a is None else a, "net.public": U if b is None else b}
    values = {k: v for k, v in given_values.items() if not (absent and v is U)}
    for text, wanted in ((f"{A} && {B}", both), (f"{A} || {B}", either), (f"!{A}", not_a)):
        found = said(text, values)
        assert (None if isinstance(found, Doubt) else found) is wanted, text
        if isinstance(found, Doubt):
            assert (found.cause, found.fact in ("root", "net.public")) == ("fact", True)


class Tree(NamedTuple):
    """An expression, and what an independent model says of it: True, False, or None for unknown."""

    text: str
    value: bool | None


FLAGS = ("root", "net.public", "imds.v2")
ENVIRONMENT = st.fixed_dictionaries({name: st.sampled_from([True, False, None]) for name in FLAGS})
TEXTS = st.sampled_from(["a", "b", None])
LISTS = st.sampled_from([(), ("a",), ("a", "b"), None])


def both(a: bool | None, b: bool | None) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def flipped(a: bool | None) -> bool | None:
    return None if a is None else not a


def trees(flags: dict[str, bool | None], text: str | None, items: tuple[str, ...] | None) -> st.SearchStrategy[Tree]:
    """Random expressions over three flags, a text and a list, with their values by the model."""
    leaves = [Tree(f'facts["{name}"]', value) for name, value in flags.items()]
    leaves += [Tree("true", True), Tree("false", False)]
    for word in ("a", "c"):
        leaves.append(Tree(f'facts["tls.min"] == "{word}"', None if text is None else text == word))
        leaves.append(Tree(f'"{word}" in facts["log.types"]', None if items is None else word in items))
        leaves.append(Tree(f'facts["tls.min"] != "{word}"', None if text is None else text != word))
    known = None if items is None or text is None else text in items
    leaves.append(Tree('facts["tls.min"] in facts["log.types"]', known))

    def grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        two = st.tuples(inner, inner)
        return st.one_of(
            inner.map(lambda t: Tree(f"!({t.text})", flipped(t.value))),
            two.map(lambda p: Tree(f"({p[0].text} && {p[1].text})", both(p[0].value, p[1].value))),
            two.map(
                lambda p: Tree(f"({p[0].text} || {p[1].text})", flipped(both(flipped(p[0].value), flipped(p[1].value))))
            ),
            two.map(
                lambda p: Tree(
                    f"(({p[0].text}) == ({p[1].text}))",
                    None if p[0].value is None or p[1].value is None else p[0].value == p[1].value,
                )
            ),
            st.tuples(inner, inner, inner).map(
                lambda p: Tree(
                    f"(({p[0].text}) ? ({p[1].text}) : ({p[2].text}))",
                    None if p[0].value is None else (p[1].value if p[0].value else p[2].value),
                )
            ),
        )

    return st.recursive(st.sampled_from(leaves), grown, max_leaves=8)


@given(ENVIRONMENT, TEXTS, LISTS, st.data())
def test_it_agrees_with_an_independent_model(
    flags: dict[str, bool | None], text: str | None, items: tuple[str, ...] | None, data: st.DataObject
) -> None:
    """Any nesting of and, or, not, equality, membership and choice says what a model of three values says."""
    tree = data.draw(trees(flags, text, items))
    values: dict[str, Value] = {name: U if v is None else v for name, v in flags.items()}
    values |= {"tls.min": U if text is None else text, "log.types": U if items is None else items}
    found = said(tree.text, values)
    assert (None if isinstance(found, Doubt) else found) is tree.value, tree.text


@given(ENVIRONMENT, TEXTS, LISTS, st.data())
def test_what_becomes_known_changes_no_answer(
    flags: dict[str, bool | None], text: str | None, items: tuple[str, ...] | None, data: st.DataObject
) -> None:
    """An answer that was given in spite of unknowns stays whatever these turn out to be, in every form that reads facts."""
    shapes = (
        'facts["log.types"].all(t, t != "a" || facts["root"])',
        'facts["log.types"].exists(t, t == facts["tls.min"])',
        'facts["log.types"].filter(t, facts["root"]).size() == 0',
        'size(facts["log.types"]) > 1 && facts["root"]',
        '[facts["root"], facts["net.public"]].exists_one(x, x)',
        'has({"a": facts["root"]}.a) || facts["net.public"]',
        '{"a": facts["root"], "b": true}.b',
        '[facts["root"], true][1]',
        'facts["tls.min"].startsWith("a") || facts["root"]',
        '("root" in facts) && facts["net.public"]',
        'facts["root"] == facts["root"]',
        "true ? facts['root'] : facts['net.public']",
    )
    shape = data.draw(st.sampled_from(shapes))
    values: dict[str, Value] = {name: U if v is None else v for name, v in flags.items()}
    values |= {"tls.min": U if text is None else text, "log.types": U if items is None else items}
    before = said(shape, values)
    if isinstance(before, Doubt):
        return
    whole: dict[str, Value] = dict(values)
    for name, value in values.items():
        if value is U:
            choices: list[Value] = [True, False]
            if name == "tls.min":
                choices = ["a", "b", ""]
            if name == "log.types":
                choices = [(), ("a", "b")]
            whole[name] = data.draw(st.sampled_from(choices))
    after = said(shape, whole)
    assert after is before


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ('facts["root"] == true', "__fact0 == true"),
        ("facts['root'] && facts[\"root\"]", "__fact0 && __fact0"),
        ('facts [\n "root" ]\n && true', "__fact0 \n  \n && true"),
        ('"root" in facts && facts["root"]', "  __carried0 && __fact1"),
        ('asset.name == "facts[\\"root\\"]"', 'asset.name == "facts[\\"root\\"]"'),
        ('asset.name == r"\\" // facts', 'asset.name == r"\\" // facts'),
        ("asset.name == '''facts'''", "asset.name == '''facts'''"),
        ('asset.labels.facts == "x"', 'asset.labels.facts == "x"'),
    ],
)
def test_facts_become_variables_and_nothing_else_does(text: str, program: str) -> None:
    """Reads of facts are replaced, lines stay, and the word in a text, a comment or a field is left alone."""
    made = expression(text, AT)
    assert made.program == program
    assert made.program.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("text", "line", "column", "found"),
    [
        ('facts["rot"]', 10, 7, "no fact 'rot'"),
        ('true &&\n  facts["rot"]', 11, 9, "no fact 'rot'"),
        ('facts.all(f, f != "")', 10, 1, "facts as a whole"),
        ("size(facts) > 0", 10, 6, "facts as a whole"),
        ("facts[asset.name]", 10, 1, "facts as a whole"),
        ('facts["ro" + "ot"]', 10, 1, "facts as a whole"),
        ('facts[r"root"]', 10, 7, "as the name of a fact"),
        ('has(facts.root) && facts["root"]', 10, 5, "facts as a whole"),
        ('!"root" in facts', 10, 2, "beside another operator"),
        ('"root" in facts == true', 10, 1, "beside another operator"),
        ('asset.name + "root" in facts', 10, 14, "beside another operator"),
        ('"rot" in facts', 10, 1, "no fact 'rot'"),
        ("root == true", 10, 1, "no name root"),
        ("[1].all(x, y > x)", 10, 12, "no name y"),
        ("asset.owner == 'x'", 10, 7, "no asset.owner"),
        ("open('/etc/passwd')", 10, 1, "no function open"),
        ('asset.name.foo("x")', 10, 12, "no function foo"),
        ("__fact0", 10, 1, "the name __fact0"),
        ("[1].all(__fact0, __fact0 > 0)", 10, 9, "the name __fact0"),
        ('facts["root"] @ 1', 10, 15, "the character '@'"),
        ('asset.name == "x', 10, 15, "a text that does not end"),
        ('facts["root"] != "true"', 10, 1, "root, which is true or false, compared with a text"),
        ('"true" == facts["root"]', 10, 11, "root, which is true or false, compared with a text"),
        ('facts["tls.min"] == 1.2', 10, 1, "tls.min, which is a text, compared with a number"),
        ('facts["log.types"] != null', 10, 1, "compared with null"),
        ('null == facts["enc.key"]', 10, 9, "compared with null"),
        ('facts["enc.key"] == "cmk"', 10, 1, "compared with a text"),
        ("x" * (MAX_TEXT + 1), 10, 1, "an expression of"),
    ],
)
def test_what_it_refuses(text: str, line: int, column: int, found: str) -> None:
    """What cannot mean what its author wanted is refused before anything is judged, with line and column."""
    with pytest.raises(Malformed) as refused:
        expression(text, AT)
    assert refused.value.subject == f"rules.yaml:{line}"
    assert found in refused.value.found
    assert f"at column {column} of" in refused.value.found


def test_a_word_that_is_nearly_right_is_named() -> None:
    """A fact or function that is misspelled brings the one that was meant."""
    for text, meant in (
        ('facts["net.direct_interne"]', "net.direct_internet"),
        ('asset.name.startswith("a")', "startsWith"),
    ):
        with pytest.raises(Malformed) as refused:
            expression(text, AT)
        assert meant in refused.value.hint


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("facts['gpu.count'] > 'x'", "type"),
        ("asset.labels['nobody'] == 'x'", "key"),
        ("facts['gpu.count'] / 0 == 1", "arithmetic"),
        ("9223372036854775807 + 8 > 0", "arithmetic"),
        ("facts['gpu.count']", "not-bool"),
        ("int(asset.name) == 1", "value"),
        ("facts['tls.min'].size", "type"),
    ],
)
def test_what_cannot_be_computed_is_no_answer(text: str, cause: str) -> None:
    """A type, key, number or result that does not fit is told by its kind; the message, which may quote a value, is not."""
    assert said(text, {"gpu.count": 8, "tls.min": "1.2"}) == Doubt("require", cause)


def test_the_evaluator_gives_the_place_of_an_error() -> None:
    """A syntax error is told with the line and column of the author's own text."""
    refusal = compiled("when", expression('facts["root"] &&\n  facts["root"] facts["root"]', AT))
    assert isinstance(refusal, Refusal)
    assert (refusal.part, refusal.line, refusal.column) == ("when", 2, 17)


def test_labels_and_the_asset_can_be_read() -> None:
    """What the asset is and what it is labelled can be asked for."""
    text = 'asset.kind == "ai.notebook" && "team" in asset.labels && asset.labels["team"] == "x"'
    assert said(text, {}, (("team", "x"),)) is True
    assert said(text, {}) is False


def test_whether_a_fact_is_carried_does_not_need_its_value() -> None:
    """An unknown fact is carried; one that the source does not show is not."""
    assert said('"root" in facts', {"root": U}) is True
    assert said('"root" in facts', {}) is False


PLAIN: list[tuple[str, Value, object]] = [
    ("root", True, True),
    ("root", None, None),
    ("root", "true", Unknown),
    ("gpu.count", 8.0, 8),
    ("gpu.count", 0.5, 0.5),
    ("gpu.count", True, Unknown),
    ("gpu.count", float("nan"), Unknown),
    ("gpu.count", float("inf"), Unknown),
    ("gpu.count", 2**70, float(2**70)),
    ("gpu.count", 10**400, Unknown),
    ("tls.min", "1.2", "1.2"),
    ("tls.min", "\ud800", Unknown),
    ("tls.min", None, None),
    ("log.types", None, []),
    ("log.types", ("a", "b"), ["a", "b"]),
    ("log.types", ("a", U), Unknown),
    ("log.types", ("a", 1), Unknown),
    ("log.types", "a", Unknown),
    ("enc.key", None, {"tech": "none", "name": ""}),
    ("enc.key", Key("cmk", "k"), {"tech": "cmk", "name": "k"}),
    ("enc.key", "cmk", Unknown),
    ("net.rules", (synthetic.HALF_RULE,), Unknown),
    ("net.rules", None, []),
    ("root", U, Unknown),
]


@pytest.mark.parametrize(("name", "value", "wanted"), PLAIN, ids=[f"{n} {str(v)[:30]!r}" for n, v, _ in PLAIN])
def test_values_as_rules_see_them(name: str, value: Value, wanted: object) -> None:
    """A value of another type, or with an unknown part, is unknown; absences are null, no list, no key."""
    found = plain(name, value)
    if wanted is Unknown:
        assert isinstance(found, Unknown)
    else:
        assert found == wanted
        assert type(found) is type(wanted)


def test_records_are_read_by_their_fields() -> None:
    """Firewall rules and statements are records with the fields of the model."""
    rule = NetRule("ingress", "allow", "tcp", 22, 22, ("0.0.0.0/0",))
    text = 'facts["net.rules"].exists(r, r.direction == "ingress" && r.from_port <= 22 && "0.0.0.0/0" in r.peers)'
    assert said(text, {"net.rules": (rule,)}) is True
    assert said(text, {"net.rules": ()}) is False
    open_to_all = 'facts["policy.statements"].exists(s, "*" in s.principals && s.conditions.size() == 0)'
    assert said(open_to_all, {"policy.statements": (synthetic.WIDE,)}) is True
    assert said(open_to_all, {"policy.statements": (synthetic.TIGHT,)}) is False


@given(st.sampled_from(sorted(FACTS)), st.sampled_from(synthetic.STRANGE))
@example("net.rules", (U,))
def test_a_strange_value_never_passes_for_another(name: str, value: Value) -> None:
    """A value that a fact should not hold is unknown or of its type, and never an error."""
    found = plain(name, value)
    if not isinstance(found, Unknown) and value is not None and FACTS[name][0] != "any":
        assert synthetic.fits(FACTS[name][0], value)
    if isinstance(found, Unknown):
        assert found.code in GapCode


@pytest.mark.parametrize(
    ("text", "made", "shown"),
    [
        ("{asset} is open", "{asset} is open", (("asset", ""),)),
        ("{net.public} of {asset}", "{net_public} of {asset}", (("net_public", "net.public"), ("asset", ""))),
        ("{} and {Asset} and {a b}", "{{}} and {{Asset}} and {{a b}}", ()),
        ("{asset!r:>999999999}", "{{asset!r:>999999999}}", ()),
    ],
)
def test_a_sentence_has_names_and_nothing_that_formats(
    text: str, made: str, shown: tuple[tuple[str, str], ...]
) -> None:
    """Placeholders are the asset and facts; whatever else stands in braces stays as it is written."""
    assert sentence(text) == (made, shown)
    assert made.format_map(dict.fromkeys(("asset", "net_public"), "X"))


def test_a_sentence_with_an_unknown_name_is_refused() -> None:
    """A placeholder that names no fact is an error of the rule."""
    for name in ("net.pubic", "asset.__class__"):
        with pytest.raises(Fault, match=f"no fact '{name}'"):
            sentence(f"{{{name}}}")


def test_names_in_sentences_stay_apart() -> None:
    """No two facts share the name that a sentence has for them."""
    names = [sentence(f"{{{f}}}")[1][0][0] for f in FACTS]
    assert len(set(names)) == len(names)
