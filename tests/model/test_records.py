"""The nouns: they survive being written and read, and read what a newer version wrote."""

import inspect
import types
import typing
from datetime import UTC, date, datetime
from enum import StrEnum
from importlib import import_module

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.codes import GapCode
from strongroom.model.estate import Asset, Fact, Gap
from strongroom.model.kinds import Kind
from strongroom.model.values import Condition, Key, NetRule, Statement, Unknown, Value, Where

MODULES = ("artifact", "control", "estate", "event", "people", "snapshot", "trust", "values")
NOUNS = {
    f"{module}.{name}": noun
    for module in MODULES
    for name, noun in inspect.getmembers(import_module(f"strongroom.model.{module}"), inspect.isclass)
    if issubclass(noun, msgspec.Struct) and noun.__module__.endswith(f".{module}")
}
every_noun = pytest.mark.parametrize("noun", NOUNS.values(), ids=NOUNS.keys())
AT = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def sample(kind: object) -> object:
    """A value of a type, made from its annotation: every noun is exercised without a list of them."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return sample(next(a for a in arguments if a is not type(None)))
    if origin is tuple:
        return (sample(arguments[0]),) if Ellipsis in arguments else tuple(sample(a) for a in arguments)
    if origin is dict:
        return {"x": sample(arguments[1])}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return list(kind)[-1]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return kind(**{f.name: sample(hints[f.name]) for f in msgspec.structs.fields(kind)})
    simple: dict[object, object] = {
        str: "text",
        int: 3,
        float: 1.5,
        bool: True,
        bytes: b"x",
        datetime: AT,
        date: AT.date(),
    }
    return simple[kind]


@every_noun
def test_a_noun_comes_back_as_it_went(noun: type[msgspec.Struct]) -> None:
    """Encoding and decoding a noun gives an equal one, and the same bytes again."""
    one = sample(noun)
    data = msgspec.json.encode(one)
    again = msgspec.json.decode(data, type=noun)
    assert again == one
    assert msgspec.json.encode(again) == data


@every_noun
def test_a_noun_tolerates_what_a_newer_version_wrote(noun: type[msgspec.Struct]) -> None:
    """A field that this version does not know is passed over, and the rest is read."""
    data = msgspec.json.decode(msgspec.json.encode(sample(noun)))
    newer = msgspec.json.encode({**data, "a_field_of_tomorrow": {"deep": [1, 2]}})
    assert msgspec.json.decode(newer, type=noun) == sample(noun)


@every_noun
def test_a_noun_refuses_a_wrong_type(noun: type[msgspec.Struct]) -> None:
    """A field of another type is an error and never a guess."""
    data = msgspec.json.decode(msgspec.json.encode(sample(noun)))
    first = next(f.encode_name for f in msgspec.structs.fields(noun))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({**data, first: {"no": ["such", "thing"]}}), type=noun)


@every_noun
def test_a_noun_documents_itself(noun: type[msgspec.Struct]) -> None:
    """Every noun says what it is."""
    assert len(noun.__doc__ or "") >= 15


texts = st.text(max_size=12)
plain = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), texts)
unknowns = st.builds(Unknown, st.sampled_from(GapCode), texts)
lists = st.lists(texts, max_size=3).map(tuple)
rules = st.builds(
    NetRule,
    st.sampled_from(["ingress", "egress"]),
    st.sampled_from(["allow", "deny"]),
    texts,
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.lists(st.one_of(texts, unknowns), max_size=3).map(tuple),
    lists,
    st.integers(0, 4096),
)
conditions = st.lists(st.builds(Condition, texts, texts, lists), max_size=2).map(tuple)
statements = st.builds(Statement, texts, lists, lists, lists, lists, lists, lists, conditions, texts)
single = st.one_of(plain, unknowns, st.builds(Key, texts, texts), rules, statements)
values = st.one_of(single, st.lists(single, max_size=3).map(tuple))


@given(values)
def test_any_value_of_a_fact_comes_back(value: Value) -> None:
    """Whatever a fact can hold, unknowns within lists included, survives being written and read."""
    fact = Fact("enc.key", value, Where("a.tf", 1, 2), "tf:.")
    assert msgspec.json.decode(msgspec.json.encode(fact), type=Fact) == fact


def test_an_absent_fact_has_no_value() -> None:
    """Asking an asset for a fact that it does not carry answers None."""
    a = Asset(id="x", kind=Kind.OTHER, native_type="t", address="t.x", facts={"root": Fact("root", True)})
    assert a.value("root") is True
    assert a.value("imds.v2") is None


def test_assets_do_not_share_their_facts() -> None:
    """An asset made without facts has a dictionary of its own."""
    one, two = (Asset(id=i, kind=Kind.OTHER, native_type="t", address=i) for i in "ab")
    one.facts["root"] = Fact("root", True)
    assert two.facts == {}


def test_a_gap_becomes_the_reason_of_an_unknown() -> None:
    """What a gap hides is unknown with the gap's code, scope and detail."""
    gap = Gap("/proc/cmdline", "host:", GapCode.DENIED, "run as root")
    assert gap.as_unknown() == Unknown(GapCode.DENIED, "/proc/cmdline: run as root")


def test_a_place_is_written_as_file_and_line() -> None:
    """A place with lines reads `file:line`, one without reads as the file."""
    assert str(Where("main.tf", 12, 14)) == "main.tf:12"
    assert str(Where("main.tf")) == "main.tf"
