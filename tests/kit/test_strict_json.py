"""JSON that two parsers could read differently, or that is cut short, is refused with the line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.strict_json import check, line_of
from strongroom.model.errors import BadInput, Malformed, TooLarge

plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())
documents = st.recursive(
    plain, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=12
)


@given(documents)
def test_ordinary_json_passes(document: object) -> None:
    """Whatever an ordinary writer writes is accepted."""
    check(json.dumps(document).encode(), "x.json")
    check(json.dumps(document, ensure_ascii=False, indent=2).encode(), "x")


@pytest.mark.parametrize(
    ("text", "subject", "found"),
    [
        (b'{"a": 1, "a": 2}', "p.json", "the key a twice"),
        (b'{"a": {"b": 1,\n "b": 1}}', "p.json", "the key b twice"),
        (b'[{"a": 1}, {"a": 1, "\\u0061": 2}]', "p.json", "the key a twice"),
        (b'{"a": NaN}', "p.json", "NaN"),
        (b"[-Infinity]", "p.json", "-Infinity"),
        (b'{"a": 1', "p.json:1", "the end of the file"),
        (b'{"a":\n\n1,', "p.json:3", "the end of the file"),
        (b"", "p.json:1", "the end of the file"),
        (b'{\n"a": 1,\n}', "p.json:3", "column 1"),
        (b'{"a": 1}\n{"b": 2}', "p.json:2", "extra data"),
        (b"{'a': 1}", "p.json:1", "column 2"),
        (b'{"a": 01}', "p.json:1", "column 8"),
        (b'{"a": "x\ny"}', "p.json:1", "control character"),
        (b'{"a":\n"\xff"}', "p.json:2", "byte 0xff"),
        (b"\xef\xbb\xbf{}", "p.json", ""),
        (b"\xff\xfe{\x00}\x00", "p.json:1", "byte 0xff"),
    ],
)
def test_what_parsers_differ_on_is_refused(text: bytes, subject: str, found: str) -> None:
    """Duplicate keys, numbers that are none, cut or trailing text and other encodings are named with their line."""
    with pytest.raises(Malformed) as caught:
        check(text, "p.json", "make it again")
    assert caught.value.subject.startswith(subject)
    assert found in caught.value.found
    assert caught.value.hint == "make it again"


@pytest.mark.parametrize("depth", [100_000, 3_000_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_deep_nesting_is_refused_and_kills_nothing(opening: bytes, closing: bytes, depth: int) -> None:
    """A document that nests without end is over a limit: an error, not a crash."""
    with pytest.raises(TooLarge, match="nested too deeply"):
        check(opening * depth + b"1" + closing * depth, "deep.json")


def accepts(data: bytes) -> bool:
    try:
        check(data, "fuzz.json")
    except BadInput:
        return False
    return True


@given(st.binary(max_size=64))
def test_any_bytes_end_in_an_answer(data: bytes) -> None:
    """Hostile bytes are accepted or refused, never end in another error, and what is accepted is JSON."""
    if accepts(data):
        json.loads(data)


@given(documents.filter(lambda d: isinstance(d, dict | list) and d), st.data())
def test_a_document_that_is_cut_is_refused(document: object, data: st.DataObject) -> None:
    """No beginning of an object or a list counts as a document."""
    whole = json.dumps(document).encode()
    with pytest.raises(BadInput):
        check(whole[: data.draw(st.integers(0, len(whole) - 1))], "cut.json")


def test_lines_are_counted_from_one() -> None:
    """The first byte is on line 1, and a line break belongs to the line that it ends."""
    text = b"a\nb\n"
    assert [line_of(text, n) for n in range(5)] == [1, 1, 2, 2, 3]
