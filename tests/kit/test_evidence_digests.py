"""What the checks of a run read, as digests."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.evidence_digests import WIDTH, of_findings, pack, unpack
from strongroom.model.codes import FindingCode, GapCode, Severity, Status
from strongroom.model.control import Finding
from strongroom.model.errors import Malformed
from strongroom.model.estate import Fact
from strongroom.model.values import NetRule, Unknown, Value

DIGESTS = st.dictionaries(
    st.text(), st.dictionaries(st.text(), st.binary(min_size=WIDTH, max_size=WIDTH), min_size=1), max_size=20
)


def finding(*facts: Fact) -> Finding:
    """A finding that rests on facts."""
    return Finding("c", "C", "a", Status.PASS, FindingCode.HOLDS, Severity.LOW, (), facts, "f")


def digest(value: Value) -> bytes | None:
    """The digest of a fact's value, if it has one."""
    return of_findings([finding(Fact("x", value))]).get("a", {}).get("x")


@given(DIGESTS, st.text())
def test_what_is_packed_comes_back(digests: dict[str, dict[str, bytes]], version: str) -> None:
    """Every digest and the version survive, and the same digests are the same bytes in any order."""
    data = pack(version, digests)
    assert unpack(data, "x") == (version, digests)
    assert pack(version, dict(reversed(digests.items()))) == data


@given(st.binary())
def test_other_bytes_are_malformed(data: bytes) -> None:
    """Bytes that nobody packed raise Malformed; no bytes are no digests."""
    if data:
        with pytest.raises(Malformed, match="evidence"):
            unpack(data, "x")
    else:
        assert unpack(data, "x").of == {}


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_torn_bytes_are_malformed(cut: int) -> None:
    """A packed form that lost its end is no shorter list of digests."""
    data = pack("1", {f"a{n}": {"x": bytes([n] * WIDTH)} for n in range(40)})
    with pytest.raises(Malformed):
        unpack(data[:-cut], "x")
    with pytest.raises(Malformed):
        unpack(zlib.compress(b"\x93\xa11\x90\x81\xa1a\x92\x91\x05\xc4\x00"), "x")  # a name that is not listed


def test_sensitive_and_unknown_values_have_no_digest() -> None:
    """What must not be guessed from what is kept, and what is no value, is left out."""
    gap = Unknown(GapCode.DENIED, "x")
    assert of_findings([finding(Fact("s", "hunter2", sensitive=True), Fact("u", gap))]) == {}
    assert digest(("a", gap)) is None
    assert digest((NetRule("ingress", "allow", "tcp", 1, 1, (gap,)),)) is None


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (True, 1, False),
        (None, "None", False),
        (("a", "b"), ("b", "a"), True),
        ("TLS", " tls", True),
        ("1", 1, False),
        (("a",), "a", False),
        ((), None, False),
    ],
)
def test_values_that_mean_the_same_have_one_digest(a: Value, b: Value, same: bool) -> None:
    """The order of a list and the case of a text do not count; another type is another value."""
    assert (digest(a) == digest(b)) is same
