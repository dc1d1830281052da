"""Tensors out of a sealed file: what comes back, in whose memory, and what damage is called."""

import importlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import sealed_rig as r
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.kit.formats import safetensors
from strongroom.kit.formats.bounded import Memory
from strongroom.model.errors import BadUsage, Malformed, NotFound
from strongroom.seal import sealing
from strongroom.seal.tensors import Tensors

np = pytest.importorskip("numpy", reason="numpy is not installed: the extra load")

BIG = 9 * r.INSIDE // 4  # elements of four octets, so that several threads open it
ARRAYS = {
    "a.weight": np.arange(BIG, dtype="<f4"),
    "b.half": np.arange(12, dtype="<f2").reshape(3, 4),
    "c.flags": np.array([True, False, True]),
    "d.scalar": np.array(7, dtype="<i8"),
    "e.empty": np.zeros((0, 5), dtype="<f8"),
}
WORDS = {"<f4": "F32", "<f2": "F16", "|b1": "BOOL", "<i8": "I64", "<f8": "F64"}
BRAIN = b"\x80\x3f\x00\x40\x40\x40"  # 1, 2 and 3 in bfloat16
EIGHTS = bytes(range(6))
FOURS = b"\x12\x34"


def made() -> bytes:
    """A safetensors file of several types, those that numpy lacks among them."""
    listed = [(name, WORDS[a.dtype.str], a.shape) for name, a in ARRAYS.items()]
    more = [("f.brain", "BF16", (3,)), ("g.eight", "F8_E4M3", (2, 3)), ("h.four", "F4", (4,))]
    head, size = safetensors.header([*listed, *more], {"format": "pt"})
    whole = head + b"".join(a.tobytes() for a in ARRAYS.values()) + BRAIN + EIGHTS + FOURS
    assert len(whole) == size
    return whole


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed file of tensors, which nobody changes."""
    return r.sealed_at(tmp_path_factory.mktemp("tensors") / "s", {"model.safetensors": made()})


@pytest.fixture
def tensors(artifact: Path) -> Iterator[Tensors]:
    """Its tensors, with threads."""
    work = sealing.work(r.SEGMENT, 2)
    try:
        with r.opened(artifact) as found, Tensors(found.payload(found.entry("model.safetensors")), work) as held:
            yield held
    finally:
        work.close()


def test_each_tensor_is_what_was_sealed(tensors: Tensors) -> None:
    """By name, with its type and its shape, in memory that can be written and is nobody else's."""
    assert tensors.names() == (*ARRAYS, "f.brain", "g.eight", "h.four")
    assert tensors.metadata == {"format": "pt"}
    for name, wanted in ARRAYS.items():
        found = tensors.tensor(name)
        assert (found.dtype, found.shape, tensors.shape(name)) == (wanted.dtype, wanted.shape, wanted.shape)
        assert np.array_equal(found, wanted)
        assert found.flags.writeable
        assert tensors.dtype(name) == WORDS[wanted.dtype.str]
    tensors.tensor("a.weight")[:] = 0
    assert np.array_equal(tensors.tensor("a.weight"), ARRAYS["a.weight"])


def test_types_that_numpy_lacks_come_as_their_octets(tensors: Tensors) -> None:
    """The shape stays where an element is whole octets, and the type is told."""
    brain, eight, four = (tensors.tensor(n) for n in ("f.brain", "g.eight", "h.four"))
    assert (tensors.dtype("f.brain"), brain.dtype.str, brain.tobytes()) == ("BF16", "<u2", BRAIN)
    assert (tensors.dtype("g.eight"), eight.shape, eight.tobytes()) == ("F8_E4M3", (2, 3), EIGHTS)
    assert (tensors.dtype("h.four"), four.shape, four.tobytes()) == ("F4", (2,), FOURS)


def test_all_of_them_lie_in_one_memory(tensors: Tensors) -> None:
    """All at once is the same as one by one, as views that outlive the file."""
    every = tensors.load_all()
    tensors.close()
    assert tuple(every) == tensors.names()
    assert all(np.array_equal(every[n], ARRAYS[n]) for n in ARRAYS)
    starts = [every[n].__array_interface__["data"][0] for n in ("a.weight", "b.half")]
    assert starts[1] - starts[0] == ARRAYS["a.weight"].nbytes


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(first=st.integers(-BIG - 2, BIG + 2), last=st.integers(-BIG - 2, BIG + 2))
def test_any_rows_are_the_same_rows(tensors: Tensors, first: int, last: int) -> None:
    """A stretch of the first dimension is what numpy would cut out."""
    assert np.array_equal(tensors.tensor("a.weight", slice(first, last)), ARRAYS["a.weight"][first:last])
    assert np.array_equal(tensors.tensor("b.half", slice(first, last)), ARRAYS["b.half"][first:last])


def test_rows_that_cannot_be_are_refused(tensors: Tensors) -> None:
    """A step, a tensor without dimension, elements that are no whole octets."""
    for name, rows in (("a.weight", slice(0, 4, 2)), ("d.scalar", slice(0, 1)), ("h.four", slice(0, 2))):
        with pytest.raises(BadUsage):
            tensors.tensor(name, rows)


def test_a_name_that_is_none(tensors: Tensors) -> None:
    """A tensor that is not there is told, with how many there are."""
    with pytest.raises(NotFound, match="8 it has"):
        tensors.tensor("nothing")


def test_a_changed_segment_spoils_what_lies_in_it_and_nothing_else(tmp_path: Path) -> None:
    """Tensors elsewhere are read; the one that is spoilt, and all at once, are not."""
    at = r.sealed_at(tmp_path / "s", {"model.safetensors": made()})
    path = at / "payload/000000.floe"
    octets = bytearray(path.read_bytes())
    octets[74 + 3 * r.SEGMENT + 500] ^= 1
    path.write_bytes(octets)
    with r.opened(at) as found, Tensors(found.payload(found.entry("model.safetensors"))) as held:
        assert np.array_equal(held.tensor("b.half"), ARRAYS["b.half"])
        for asked in (lambda: held.tensor("a.weight"), held.load_all):
            with pytest.raises(Malformed, match="segment 3"):
                asked()


HEADERS = {
    "overlap": {"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}, "b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]}},
    "behind the end": {"a": {"dtype": "U8", "shape": [9], "data_offsets": [0, 9]}},
    "another size": {"a": {"dtype": "F32", "shape": [1 << 62], "data_offsets": [0, 6]}},
    "below nothing": {"a": {"dtype": "U8", "shape": [-6], "data_offsets": [0, 6]}},
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_a_hostile_header_is_refused(tmp_path: Path, name: str) -> None:
    """Whoever may seal may not make a reader read where no tensor is."""
    head = json.dumps(HEADERS[name]).encode()
    at = r.sealed_at(tmp_path / "s", {"m.safetensors": struct.pack("<Q", len(head)) + head + bytes(6)})
    with r.opened(at) as found, pytest.raises(Malformed, match="safetensors header"):
        Tensors(found.payload(found.entry("m.safetensors")))


def test_without_numpy_the_extra_is_named(tensors: Tensors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and octets need no package; arrays say which."""

    def absent(name: str) -> ModuleType:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(NotFound) as told:
        tensors.tensor("a.weight")
    assert told.value.hint == "pip install 'strongroom[load]'"
    assert bytes(tensors.octets("b.half")) == ARRAYS["b.half"].tobytes()


def test_a_header_that_is_written_is_read_again() -> None:
    """What the writer makes is what the strict reader takes; a name twice is refused."""
    found = safetensors.layout(Memory(made()))
    assert [t.name for t in found.tensors] == [*ARRAYS, "f.brain", "g.eight", "h.four"]
    assert found.start % 8 == 0
    with pytest.raises(Malformed, match="two tensors"):
        safetensors.header([("a", "U8", (1,)), ("a", "U8", (1,))], {})
