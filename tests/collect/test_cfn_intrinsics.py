"""The functions of a template: each in its long and its short form, with what is known and with what is not."""

import json
from collections.abc import Mapping

import pytest
from cfn_template import properties, stack, value
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.collect.cloudformation.scope import Open, snake
from strongroom.collect.resource import Link, Sensitive
from strongroom.model.codes import GapCode
from strongroom.model.values import Unknown

KNOWN = [
    ("!Ref Name", '{"Ref": "Name"}', "trainer"),
    ("!Ref Count", '{"Ref": "Count"}', "3"),
    ("!Ref Names", '{"Ref": "Names"}', ["a", "b", "c"]),
    ("!Ref Only", '{"Ref": "Only"}', "one"),
    ("!Ref Bucket", '{"Ref": "Bucket"}', Link("Bucket")),
    ("!Ref AWS::Partition", '{"Ref": "AWS::Partition"}', "aws"),
    ("!Ref AWS::NoValue", '{"Ref": "AWS::NoValue"}', "(absent)"),
    ("!GetAtt Key.Arn", '{"Fn::GetAtt": ["Key", "Arn"]}', Link("Key", "arn")),
    ("!GetAtt [Key, Arn]", '{"Fn::GetAtt": "Key.Arn"}', Link("Key", "arn")),
    ("!Sub '${Name}-x'", '{"Fn::Sub": "${Name}-x"}', "trainer-x"),
    ("!Sub '${!Name}'", '{"Fn::Sub": "${!Name}"}', "${Name}"),
    ("!Sub ['${a}/${Name}', {a: b}]", '{"Fn::Sub": ["${a}/${Name}", {"a": "b"}]}', "b/trainer"),
    ("!Sub '${Bucket}/x'", '{"Fn::Sub": "${Bucket}/x"}', "weights/x"),
    ("!Sub '${Nameless}/x'", '{"Fn::Sub": "${Nameless}/x"}', "${Nameless}/x"),
    ("!Sub '${Bucket.Arn}/*'", '{"Fn::Sub": "${Bucket.Arn}/*"}', "arn:aws:s3:::weights/*"),
    ("!Sub '${Key.Arn}'", '{"Fn::Sub": "${Key.Arn}"}', Link("Key", "arn")),
    ("!Sub 'arn:aws:s3:::${Nameless}'", '{"Fn::Sub": "arn:aws:s3:::${Nameless}"}', Link("Nameless", "arn")),
    ("!Sub '${AWS::Region}-x'", '{"Fn::Sub": "${AWS::Region}-x"}', "${AWS::Region}-x"),
    ("!Join [':', [a, !Ref Name]]", '{"Fn::Join": [":", ["a", {"Ref": "Name"}]]}', "a:trainer"),
    ("!Join [',', !Ref Names]", '{"Fn::Join": [",", {"Ref": "Names"}]}', "a,b,c"),
    ("!Join ['', []]", '{"Fn::Join": ["", []]}', ""),
    ("!Select [1, [a, b]]", '{"Fn::Select": ["1", ["a", "b"]]}', "b"),
    ("!Select ['2', !Ref Names]", '{"Fn::Select": [2, {"Ref": "Names"}]}', "c"),
    ("!Split ['|', 'a|b']", '{"Fn::Split": ["|", "a|b"]}', ["a", "b"]),
    ("!FindInMap [Sizes, prod, disk]", '{"Fn::FindInMap": ["Sizes", "prod", "disk"]}', 64),
    ("!FindInMap [Sizes, !Ref Open, type]", '{"Fn::FindInMap": ["Sizes", {"Ref": "Open"}, "type"]}', "m5.large"),
    (
        "!FindInMap [Sizes, test, disk, {DefaultValue: 1}]",
        '{"Fn::FindInMap": ["Sizes", "test", "disk", {"DefaultValue": 1}]}',
        1,
    ),
    ("!If [Sure, a, b]", '{"Fn::If": ["Sure", "a", "b"]}', "a"),
    ("!If [Never, a, b]", '{"Fn::If": ["Never", "a", "b"]}', "b"),
    ("!If [Never, a, !Ref AWS::NoValue]", '{"Fn::If": ["Never", "a", {"Ref": "AWS::NoValue"}]}', "(absent)"),
    ("!If [Maybe, a, a]", '{"Fn::If": ["Maybe", "a", "a"]}', "a"),
    ("!If [Test, a, b]", '{"Fn::If": ["Test", "a", "b"]}', "b"),
    ("!Base64 abc", '{"Fn::Base64": "abc"}', "YWJj"),
    (
        "!Cidr [10.0.0.0/16, 3, 8]",
        '{"Fn::Cidr": ["10.0.0.0/16", "3", 8]}',
        ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"],
    ),
    ("!Cidr [10.0.0.0/23, 2]", '{"Fn::Cidr": ["10.0.0.0/23", 2]}', ["10.0.0.0/24", "10.0.1.0/24"]),
    ("!Cidr ['fd00::/62', 2, 64]", '{"Fn::Cidr": ["fd00::/62", 2, 64]}', ["fd00::/64", "fd00:0:0:1::/64"]),
    ("!Length [a, b, c]", '{"Fn::Length": {"Ref": "Names"}}', 3),
    ("!ToJsonString {a: [1, !Ref Name]}", '{"Fn::ToJsonString": {"a": [1, {"Ref": "Name"}]}}', '{"a":[1,"trainer"]}'),
    (
        "{a: !Ref Name, b: [1, !Ref AWS::NoValue]}",
        '{"a": {"Ref": "Name"}, "b": [1, {"Ref": "AWS::NoValue"}]}',
        {"a": "trainer", "b": [1]},
    ),
]


@pytest.mark.parametrize(("short", "long", "wanted"), KNOWN, ids=[k[0] for k in KNOWN])
def test_a_function_comes_to_its_value_in_both_spellings(short: str, long: str, wanted: object) -> None:
    """A short tag and the long form say the same, and what is known comes out of them."""
    assert value(short) == value(long) == wanted


UNKNOWN = [
    ("!Ref Open", "parameter Open has no value"),
    ("!Ref Stored", "parameter Stored is looked up in the parameter store"),
    ("!Ref Hidden", "the secret parameter Hidden has no value"),
    ("!Ref AWS::Region", "AWS::Region is known when the stack is made"),
    ("!Ref Nowhere", "Nowhere is neither a parameter nor a resource"),
    ("!GetAtt Nowhere.Arn", "Nowhere is no resource"),
    ("!ImportValue net-vpc", "another stack exports it as net-vpc"),
    ("!GetAZs ''", "the zones of a region"),
    ("!Select [0, !GetAZs '']", "the zones of a region"),
    ("!Select [9, [a]]", "past the end"),
    ("!Split [',', !Ref Open]", "parameter Open"),
    ("!Split [',', !Sub '${Open},x']", "only partly known"),
    ("!FindInMap [Sizes, !Ref Open, disk]", "the key"),
    ("!FindInMap [Sizes, nowhere, disk]", "no such key"),
    ("!If [Maybe, a, b]", "it hangs on the condition Maybe: parameter Open"),
    ("!If [Nowhere, a, b]", "Nowhere is no condition"),
    ("!If [Ring, a, b]", "leads back to itself"),
    ("!Transform {Name: Mine, Parameters: {}}", "the macro Mine"),
    ("!Cidr [!Ref Open, 1, 8]", "not known"),
    ("!Cidr [10.0.0.0/24, 4, 8]", "has no 4 such blocks"),
    ("!Frobnicate x", "Fn::Frobnicate is no function"),
    ("!Sub [1]", "Fn::Sub takes a text"),
    ("!Join [1, 2]", "Fn::Join takes"),
    ("!Base64 [a]", "Fn::Base64 takes a text"),
    ("'{{resolve:secretsmanager:db:SecretString:password}}'", "fetched from secretsmanager"),
]


@pytest.mark.parametrize(("expression", "why"), UNKNOWN, ids=[u[0] for u in UNKNOWN])
def test_what_is_not_known_says_why(expression: str, why: str) -> None:
    """A function without what it needs comes to an unknown that names what is missing."""
    found = value(expression)
    assert isinstance(found, Unknown)
    assert why in found.detail


def test_what_is_passed_wins_over_the_default() -> None:
    """A parameter that is passed, as a nested stack gets it, hides its default and decides conditions."""
    assert value("!Ref Name", Name="other") == "other"
    assert value("!If [Sure, a, b]", Name="other") == "b"
    assert value("!If [Maybe, a, b]", Open="x") == "a"
    assert value("!Select [0, !Ref Names]", Names="${Bucket},b") == Link("Bucket")


def test_a_branch_that_is_not_decided_keeps_what_both_say() -> None:
    """Two branches with a property in common agree on it; only what differs is unknown."""
    found = value("!If [Maybe, {a: 1, b: [x, y], c: 1}, {a: 1, b: [x, z]}]")
    assert isinstance(found, dict)
    assert found["a"] == 1
    assert found["b"][0] == "x"
    assert isinstance(found["b"][1], Unknown)
    assert isinstance(found["c"], Unknown)


def test_a_secret_parameter_stays_hidden_in_everything_made_of_it() -> None:
    """What a NoEcho parameter goes into is a secret too: texts, pieces, encodings."""
    for expression in ("!Ref Secret", "!Sub 'x-${Secret}'", "!Join ['', [a, !Ref Secret]]", "!Base64 {Ref: Secret}"):
        found = value(expression)
        assert isinstance(found, Sensitive), expression
        assert "hunter2" not in repr(found)
    assert isinstance(value("!Select [0, !Split ['u', !Ref Secret]]"), Sensitive)
    assert value("!If [Is, a, b]", "  Is: !Equals [!Ref Secret, hunter2]") == "a"


LOGIC = [
    ("!Equals [a, a]", True),
    ("!Equals ['1', 1]", True),
    ("!Equals [true, 'true']", True),
    ("!Equals [!Ref Open, !Ref Open]", True),
    ("!Equals [!Ref Open, a]", None),
    ("!Equals [!Ref Chosen, test]", False),
    ("!Equals [!Ref Chosen, dev]", None),
    ("!Equals [!Ref AWS::Region, eu-west-1]", None),
    ("!Equals [!Sub '${Open}-a', x]", None),
    ("!Not [!Equals [a, b]]", True),
    ("!Not [!Equals [!Ref Open, a]]", None),
    ("!And [!Equals [a, b], !Equals [!Ref Open, a]]", False),
    ("!And [!Equals [a, a], !Equals [!Ref Open, a]]", None),
    ("!And [!Equals [a, a], !Equals [b, b]]", True),
    ("!Or [!Equals [a, a], !Equals [!Ref Open, a]]", True),
    ("!Or [!Equals [a, b], !Equals [!Ref Open, a]]", None),
    ("!Or [!Equals [a, b], {Condition: Never}]", False),
    ("!Or [{Condition: Ring}, !Equals [a, a]]", True),
    ("!Equals [a]", None),
    ("nothing", None),
    ("{'Fn::And': []}", None),
]


@pytest.mark.parametrize(("condition", "wanted"), LOGIC, ids=[c[0] for c in LOGIC])
def test_conditions_are_three_valued(condition: str, wanted: bool | None) -> None:
    """A condition is decided when no value of what is open could change it, and unknown otherwise."""
    found = value("!If [Asked, yes-it-is, no-it-is-not]", f"  Asked: {condition}")
    assert found == {True: "yes-it-is", False: "no-it-is-not"}.get(wanted, found)  # type: ignore[call-overload]
    assert isinstance(found, Unknown) is (wanted is None)


def test_rings_of_conditions_end_and_are_told() -> None:
    """Conditions that lead back to themselves are unknown, and a gap names them."""
    gaps: list[tuple[str, GapCode, str]] = []
    text = """
Conditions: {A: !Not [Condition: B], B: {Condition: A}}
Resources: {R: {Type: Custom::X, Condition: A}}
"""
    made = list(stack(text, gaps).resources())
    assert made[0].maybe is not None
    assert any("leads back to itself" in detail for _, _, detail in gaps)


REPEATED = """
Transform: AWS::LanguageExtensions
Parameters: {Zones: {Type: CommaDelimitedList, Default: "a,b"}}
Resources:
  Fn::ForEach::Buckets:
    - Zone
    - !Ref Zones
    - Bucket${Zone}:
        Type: AWS::S3::Bucket
        Properties: {BucketName: !Sub 'x-${Zone}', Mark: !Ref Zone}
      Fn::ForEach::Inner:
        - N
        - [1, 2]
        - Key${Zone}${N}: {Type: AWS::KMS::Key, Properties: {Description: "${Zone}/${N}"}}
  R:
    Type: Custom::X
    Properties:
      Fn::ForEach::Settings:
        - Name
        - [One, T-wo]
        - Is&{Name}: ${Name}
      Kept: 1
"""


def test_what_is_repeated_is_written_out() -> None:
    """Fn::ForEach makes its entries, one in the other, with the element in names, texts and references."""
    made = {r.address: r.properties for r in stack(REPEATED).resources()}
    assert made["Bucketa"] == {"BucketName": "x-a", "Mark": "a"}
    assert made["Keyb2"] == {"Description": "b/2"}
    assert made["R"] == {"Kept": 1, "IsOne": "One", "IsTwo": "T-wo"}
    assert len(made) == 7


@pytest.mark.parametrize(
    ("loop", "code"),
    [
        ("[X, !Ref Open, {'A${X}': {Type: AWS::KMS::Key}}]", GapCode.UNDECIDED),
        ("[X, [1], {B: {Type: AWS::KMS::Key}}, 4]", GapCode.MALFORMED),
        ("[X, [1, 2], {B: {Type: AWS::KMS::Key}}]", GapCode.DUPLICATE_KEY),
        ("[X, [[1]], {'A${X}': {Type: AWS::KMS::Key}}]", GapCode.MALFORMED),
        (f"[X, {list(range(6000))}, {{'A${{X}}': {{Type: AWS::KMS::Key}}}}]", GapCode.TOO_LARGE),
    ],
)
def test_what_cannot_be_repeated_is_a_gap(loop: str, code: GapCode) -> None:
    """A repetition over what is not known, or without end, makes nothing and says so; its neighbours are read."""
    gaps: list[tuple[str, GapCode, str]] = []
    text = f"""
Parameters: {{Open: {{Type: CommaDelimitedList}}}}
Resources: {{R: {{Type: Custom::X}}, "Fn::ForEach::L": {loop}}}
"""
    assert [r.address for r in stack(text, gaps).resources()] == ["R"]
    assert [c for _, c, _ in gaps] == [code]


def test_a_macro_inside_leaves_what_is_not_written_open() -> None:
    """Beside a Fn::Transform nothing is absent: a property that is not there is unknown, the others stand."""
    text = "Resources: {R: {Type: Custom::X, Properties: {'Fn::Transform': {Name: M}, A: 1}}}"
    found = properties(text)
    assert isinstance(found, Open)
    assert found.get("A") == 1
    assert isinstance(found.get("B"), Unknown)
    found = properties("Transform: Mine\nResources: {R: {Type: Custom::X, Properties: {A: 1}}}")
    assert isinstance(found.get("B"), Unknown)


def test_texts_cannot_be_doubled_without_end() -> None:
    """Functions in functions that double a text at every level come to an unknown, not to all of the memory."""
    expression: object = "x" * 100
    for _ in range(30):
        expression = {"Fn::Sub": ["${a}${a}${a}", {"a": expression}]}
    found = value(json.dumps(expression))
    assert "${it is a text of over 1 MiB}" in str(found) or isinstance(found, Unknown)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("KMSMasterKeyID", "kms_master_key_id"),
        ("SSEAlgorithm", "sse_algorithm"),
        ("VpcId", "vpc_id"),
        ("VPCZoneIdentifier", "vpc_zone_identifier"),
        ("S3StorageConfig", "s3_storage_config"),
        ("Ec2SshKey", "ec2_ssh_key"),
        ("EnforceHTTPS", "enforce_https"),
        ("CidrIpv6", "cidr_ipv6"),
        ("IsMultiRegionTrail", "is_multi_region_trail"),
        ("ARN", "arn"),
    ],
)
def test_names_become_those_of_the_tables(name: str, wanted: str) -> None:
    """A property's name in lower case is the path that a table reads."""
    assert snake(name) == wanted


# A value, and a template that is rendered from it

WORDS = st.text("abcXYZ019-_./:, äß€", max_size=12)
LEAVES = st.one_of(WORDS, st.integers(-(10**9), 10**9), st.booleans())
VALUES = st.recursive(
    LEAVES,
    lambda v: st.one_of(st.lists(v, max_size=4), st.dictionaries(st.sampled_from("ABCDE"), v, max_size=4)),
    max_leaves=12,
)


class Rendering:
    """Renders a value by functions that must come to it again, as JSON or as YAML with short tags."""

    def __init__(self, data: st.DataObject, *, short: bool) -> None:
        self.data, self.short = data, short
        self.parameters: dict[str, object] = {}
        self.mappings: dict[str, object] = {}

    def call(self, name: str, argument: str) -> str:
        """A function as text."""
        if self.short:
            return f"!{name.removeprefix('Fn::')} {argument}"
        return f'{{"{name}": {argument}}}'

    def of(self, found: object) -> str:
        """Any value as text."""
        if isinstance(found, Mapping):
            return "{" + ", ".join(f"{json.dumps(k)}: {self.of(v)}" for k, v in found.items()) + "}"
        if isinstance(found, list):
            plain = "[" + ", ".join(self.of(v) for v in found) + "]"
            return self.data.draw(st.sampled_from([plain, self.chosen(plain)]))
        return self.text(found) if isinstance(found, str) else self.chosen(json.dumps(found))

    def chosen(self, plain: str) -> str:
        """One of two values, by a condition or by a number."""
        way = self.data.draw(st.integers(0, 3))
        if way == 0:
            return self.call("Fn::If", f'["Sure", {plain}, "wrong"]')
        if way == 1:
            return self.call("Fn::If", f'["Never", {{"Ref": "Nowhere"}}, {plain}]')
        if way == 2:
            return self.call("Fn::Select", f'[1, ["wrong", {plain}, 3]]')
        return plain

    def text(self, found: str) -> str:
        """A text, put together from pieces, taken from a parameter, or looked up."""
        way = self.data.draw(st.integers(0, 5))
        at = self.data.draw(st.integers(0, len(found)))
        first, second = json.dumps(found[:at]), json.dumps(found[at:])
        if way == 0:
            return self.call("Fn::Join", f'["", [{first}, {second}]]')
        if way == 1:
            name = f"P{len(self.parameters)}"
            self.parameters[name] = {"Type": "String", "Default": found}
            return self.call("Ref", f'"{name}"')
        if way == 2:
            return self.call("Fn::Sub", f'["${{a}}${{b}}", {{"a": {first}, "b": {second}}}]')
        if way == 3:
            name = f"M{len(self.mappings)}"
            self.mappings[name] = {"a": {"b": found}}
            return self.call("Fn::FindInMap", f'["{name}", "a", "b"]')
        if way == 4 and "|" not in found:
            return self.call("Fn::Select", f'[0, {{"Fn::Split": ["|", {json.dumps(found + "|x")}]}}]')
        return self.chosen(json.dumps(found))


@settings(max_examples=300)
@given(st.data(), VALUES, st.booleans())
def test_a_template_that_is_rendered_from_values_comes_to_them_again(
    data: st.DataObject, wanted: object, short: bool
) -> None:
    """Whatever functions a known value is written with, in either spelling, resolving them gives the value."""
    rendering = Rendering(data, short=short)
    said = rendering.of({"V": wanted})
    head = f'"Parameters": {json.dumps(rendering.parameters)}, "Mappings": {json.dumps(rendering.mappings)}'
    conditions = '"Conditions": {"Sure": {"Fn::Equals": ["a", "a"]}, "Never": {"Fn::Not": [{"Condition": "Sure"}]}}'
    text = f'{{{head}, {conditions}, "Resources": {{"R": {{"Type": "Custom::X", "Properties": {said}}}}}}}'
    assert properties(text) == {"V": wanted}
