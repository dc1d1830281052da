"""Entries of the log as bytes, and commitments that can be opened, or erased."""

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.canonical import canonical
from strongroom.kit.log_entry import commitment, decode, disclose, encode, glance, opened, read_disclosure, seal
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, BadProof, Malformed, TooLarge
from strongroom.model.log import LogEntry

AT = datetime(2026, 11, 22, 12, 0, 0, 5, UTC)
ENTRY = LogEntry(kind=EntryKind.SCRUB, subject="gpu-0", actor="root@host", at=AT, fields={"passes": 3, "who": "bob"})

names = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.one_of(
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    texts,
    st.none(),
    st.lists(texts, max_size=3).map(tuple),
)
digests = st.binary(min_size=32, max_size=32).map(lambda b: f"sha256:{b.hex()}")
entries = st.builds(
    LogEntry,
    kind=st.sampled_from(EntryKind),
    subject=texts,
    actor=texts,
    at=st.integers(0, 10**17).map(lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)),
    fields=st.dictionaries(names, values, max_size=4),
    digests=st.dictionaries(names, digests, max_size=3),
)


def salts() -> bytes:
    salts.count += 1  # type: ignore[attr-defined]
    return salts.count.to_bytes(32, "big")  # type: ignore[attr-defined]


salts.count = 0  # type: ignore[attr-defined]


@given(entries)
def test_an_entry_survives_its_bytes(entry: LogEntry) -> None:
    """What is written is read back, and the same entry always has the same bytes."""
    data = encode(entry)
    assert decode(data) == entry
    assert encode(decode(data)) == data


@given(entries)
def test_entries_are_canonical_json(entry: LogEntry) -> None:
    """The bytes are what RFC 8785 makes of the same value, as an independent reader sees it."""
    data = encode(entry)
    assert rfc8785.dumps(json.loads(data)) == data


@given(st.recursive(values.filter(lambda v: not isinstance(v, tuple)), lambda inner: st.lists(inner, max_size=3)))
def test_sorted_and_compact_is_canonical_for_what_entries_hold(value: object) -> None:
    """The quick check of canonical form agrees with RFC 8785 on every value without fractions."""
    assert msgspec.json.encode(value, order="sorted") == canonical(value, "value")  # type: ignore[arg-type]


def test_the_bytes_are_stable() -> None:
    """The encoding is a promise: this entry has had these bytes from the first day."""
    assert encode(ENTRY).decode() == (
        '{"actor":"root@host","at":"2026-11-22T12:00:00.000005Z","digests":{},'
        '"fields":{"passes":3,"who":"bob"},"kind":"scrub","schema":"strongroom.log/1","sealed":{},"subject":"gpu-0"}'
    )


def test_a_time_is_written_in_utc() -> None:
    """The same moment in another zone is the same entry; a time without a zone is none."""
    local = msgspec.structs.replace(ENTRY, at=AT.astimezone(timezone(timedelta(hours=2))))
    assert encode(local) == encode(ENTRY)
    with pytest.raises(Malformed, match="zone"):
        encode(msgspec.structs.replace(ENTRY, at=AT.replace(tzinfo=None)))


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace('"actor"', ' "actor"', 1),
        lambda t: t.replace('"fields":{"passes":3,"who":"bob"}', '"fields":{"who":"bob","passes":3}'),
        lambda t: t.replace("gpu-0", "gpu\\u002d0"),
        lambda t: t.replace('"passes":3', '"passes":3.0'),
        lambda t: t.replace('"who":"bob"', '"who":"bob","who":"eve"'),
        lambda t: t.replace("strongroom.log/1", "strongroom.log/2"),
        lambda t: t.replace("scrub", "dance"),
        lambda t: t.replace(".000005Z", ".000005+00:00"),
        lambda t: t.replace(".000005Z", ".5Z"),
        lambda t: t.replace('"passes"', '"Passes"'),
        lambda t: t.replace('"digests":{}', '"digests":{"x":"md5:00"}'),
        lambda t: t.replace('"sealed":{}', '"more":1,"sealed":{}'),
        lambda t: t.replace('"sealed":{},', ""),
        lambda t: t + "\n",
        lambda t: t[:-1],
        lambda _: "",
        lambda _: "[]",
        lambda _: "\x00",
    ],
)
def test_other_bytes_are_no_entry(change: object) -> None:
    """One entry has one text: another spelling, a key twice, or something more is refused."""
    with pytest.raises(Malformed):
        decode(change(encode(ENTRY).decode()).encode())  # type: ignore[operator]


@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused_and_never_crash(data: bytes) -> None:
    """Whatever the bytes, the answer is an entry or a refusal."""
    with contextlib.suppress(Malformed):
        assert encode(decode(data)) == data


def test_a_large_entry_is_refused() -> None:
    """An entry of over 65,535 bytes says that its blob belongs elsewhere."""
    with pytest.raises(TooLarge, match="log entry") as e:
        encode(msgspec.structs.replace(ENTRY, fields={"blob": "x" * 65_400}))
    assert "digest" in e.value.hint


@pytest.mark.parametrize("fields", [{"Big": 1}, {"": 1}, {"a b": 1}, {"n": 2**53}, {"n": -(2**60)}, {"t": "\ud800"}])
def test_what_json_cannot_hold_exactly_is_refused(fields: dict[str, object]) -> None:
    """Names of another form, numbers that a double rounds and broken Unicode are no fields."""
    with pytest.raises(Malformed):
        encode(msgspec.structs.replace(ENTRY, fields=fields))


def test_a_sealed_field_is_not_in_the_bytes() -> None:
    """The log holds a commitment; the disclosure opens it to the same value."""
    sealed = seal(ENTRY, ["who", "subject"], salts)
    assert b"bob" not in sealed.data
    assert b"gpu-0" not in sealed.data
    closed = decode(sealed.data)
    assert set(closed.sealed) == {"who", "subject"}
    assert opened(closed, sealed.disclosures) == ENTRY
    assert opened(closed, sealed.disclosures[:1]).subject == ""


def test_the_same_value_is_never_committed_to_alike() -> None:
    """Two commitments to one value differ, so that a guess cannot be compared."""
    assert decode(seal(ENTRY, ["who"], salts).data).sealed != decode(seal(ENTRY, ["who"], salts).data).sealed


def test_a_disclosure_is_that_of_sd_jwt() -> None:
    """It is base64url of the JSON list of salt, name and value, hashed as text."""
    (text,) = seal(ENTRY, ["who"], salts).disclosures
    listed = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert listed[1:] == ["who", "bob"]
    assert len(base64.urlsafe_b64decode(listed[0] + "=")) == 32
    assert (read_disclosure(text).name, read_disclosure(text).value) == ("who", "bob")
    assert commitment(text).startswith("sha256:")


def test_a_disclosure_of_another_value_opens_nothing() -> None:
    """A forged disclosure, or that of another entry, is refused."""
    closed = decode(seal(ENTRY, ["who"], salts).data)
    other = seal(msgspec.structs.replace(ENTRY, fields={"who": "eve"}), ["who"], salts).disclosures[0]
    with pytest.raises(BadProof, match="another value"):
        disclose(closed, other)


@pytest.mark.parametrize("text", ["", "x", "W10", "WyJhIl0", "é", "WyJhIiwiYiIsImMiLCJkIl0", "A" * 70_000])
def test_what_is_no_disclosure_is_refused(text: str) -> None:
    """Text of another form is malformed, however it is made."""
    with pytest.raises(Malformed):
        read_disclosure(text)


def test_a_field_that_is_not_there_cannot_be_sealed() -> None:
    """The message names what could be."""
    with pytest.raises(BadInput, match=r"passes, who"):
        seal(ENTRY, ["whom"], salts)


def test_a_short_salt_is_refused() -> None:
    """A commitment with a salt that could be guessed is not made."""
    with pytest.raises(BadInput, match="salt"):
        seal(ENTRY, ["who"], lambda: b"short")


@given(entries)
def test_a_glance_sees_what_is_there(entry: LogEntry) -> None:
    """The quick look agrees with the whole entry, and takes no other schema for ours."""
    seen = glance(encode(entry))
    assert (seen.kind, seen.sealed) == (entry.kind, entry.sealed)
    assert datetime.fromisoformat(seen.at) == entry.at
    with pytest.raises(Malformed):
        glance(encode(entry).replace(b"strongroom.log/1", b"strongroom.log/2"))


def test_a_time_beyond_the_calendar_is_refused() -> None:
    """A moment that has no date in UTC is no time of an entry."""
    late = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))
    with pytest.raises(Malformed, match="UTC"):
        encode(msgspec.structs.replace(ENTRY, at=late))


@pytest.mark.parametrize("number", [2**53, -(2**53), 10**30])
def test_a_number_that_is_not_exact_is_no_entry(number: int) -> None:
    """What `encode` would refuse is refused when it is read, too."""
    with pytest.raises(Malformed):
        decode(encode(ENTRY).replace(b'"passes":3', b'"passes":%d' % number))
