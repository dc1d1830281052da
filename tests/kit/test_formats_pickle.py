"""Pickles are walked and never loaded: what they would import is found, whatever their bytes say."""

import pickle
import pickletools

import artifact_files as files
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.formats import pickles
from strongroom.kit.formats.bounded import Memory
from strongroom.kit.formats.pickle_opcodes import OPCODES

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x) | st.tuples(x, x) | st.sets(st.integers()),
    max_leaves=20,
)


def walk(data: bytes) -> pickles.Walked:
    return pickles.walk(Memory(data))


def test_every_opcode_of_the_reference_is_known() -> None:
    """The table has each opcode that Python's own disassembler has, and no other."""
    assert {ord(o.code): o.name for o in pickletools.opcodes} == {code: o.name for code, o in OPCODES.items()}


@pytest.mark.parametrize("protocol", range(6))
@given(value=PLAIN)
def test_plain_values_import_nothing_that_runs(protocol: int, value: object) -> None:
    """A pickle of plain values walks to its last byte in every protocol, and names nothing foreign."""
    data = pickle.dumps(value, protocol)
    found = walk(data)
    assert (found.whole, found.end, found.foreign) == (True, len(data), ())


@pytest.mark.parametrize("protocol", range(6))
def test_a_call_is_found_in_every_protocol(protocol: int) -> None:
    """What a pickle would call is named, however the protocol writes it."""
    found = walk(pickle.dumps([files.Runs(), 1], protocol))
    assert [n.partition(".")[2] for n in found.foreign] == ["system"]


@given(st.binary(max_size=400))
def test_any_bytes_end_in_an_answer(data: bytes) -> None:
    """Whatever the bytes, the walk ends within them and says whether it followed all."""
    found = walk(data)
    assert 0 <= found.end <= len(data)
    assert found.whole or found.trouble


@given(st.binary(min_size=1, max_size=200), st.integers(0, 400))
def test_a_damaged_pickle_never_loses_what_came_before(noise: bytes, cut: int) -> None:
    """Bytes behind a call cannot hide it: what was named before the damage stays named."""
    whole = pickle.dumps(files.Runs(), 4)
    at = whole.index(b"R") + 1
    found = walk(whole[:at] + noise[:cut])
    assert any(n.endswith(".system") for n in found.foreign)


def test_names_count_whole() -> None:
    """A dotted name below a harmless module is not harmless."""
    data = b"\x80\x04\x8c\x0ctorch._utils\x8c\x09os.system\x93."
    assert walk(data).foreign == ("torch._utils.os.system",)


def test_a_name_that_is_put_together_counts_as_foreign() -> None:
    """Where the module of an import cannot be read off, it is listed as computed."""
    data = b"\x80\x04N\x8c\x06system\x93."
    assert walk(data).foreign == (f"{pickles.COMPUTED}.system",)


def test_the_memo_is_followed() -> None:
    """Names that are fetched from the memo are the names that were put there."""
    data = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93."
    assert walk(data).foreign == ("os.system",)


def test_old_checkpoints_are_read_stream_by_stream() -> None:
    """A checkpoint of five pickles and raw storages behind them is walked whole, and the fourth can hold the call."""
    clean, bad = walk(files.legacy_checkpoint()), walk(files.legacy_checkpoint(evil=True))
    assert (clean.whole, clean.streams, clean.foreign) == (True, 5, ())
    assert bad.foreign == ("os.system",)


def test_lengths_up_to_the_largest_are_refused() -> None:
    """A length of 2^64 - 1 is no reason to read or to reserve anything."""
    found = walk(b"\x80\x04\x8e" + b"\xff" * 8 + b"x.")
    assert not found.whole
    assert "announced" in found.trouble


def test_a_pickle_that_holds_itself_is_walked_once() -> None:
    """A cycle is an entry of the memo, and no way to keep the walk going."""
    cycle: list[object] = []
    cycle.append(cycle)
    assert walk(pickle.dumps(cycle, 4)).whole


def test_the_number_of_opcodes_is_bounded() -> None:
    """A pickle of opcodes without end is given up, and not called whole."""
    found = pickles.walk(Memory(b"\x80\x04" + b"N0" * 5_000 + b"N."), most=1_000)
    assert not found.whole
    assert "opcodes" in found.trouble


@pytest.mark.parametrize("text", [b"Dear diary,\n", b"(see below)\nand so on.", b"N", b"{}\n", b"id,name\n1,a\n", b""])
def test_text_is_no_pickle(text: bytes) -> None:
    """Prose, tables and configuration are not taken for pickles of protocol 0."""
    assert not pickles.looks_like_text(Memory(text))


def test_the_recorded_samples(vectors: object) -> None:
    """Of the recorded attacks, each that is a readable pickle is named; none of the benign is."""
    from pathlib import Path  # noqa: PLC0415 - only where the samples are

    folder = Path(str(vectors)) / "seal/pickle/picklescan"
    missed = [p.name for p in folder.glob("malicious*.p*") if not walk(p.read_bytes()).foreign]
    false = [p.name for p in folder.glob("benign*.pkl") if walk(p.read_bytes()).foreign]
    assert (missed, false) == ([], [])
