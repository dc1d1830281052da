"""Headers of weights: what the formats allow is read, and what they forbid is refused by name."""

import functools
import json
from pathlib import Path

import artifact_files as files
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.formats import arrays, gguf, graphs, keras, safetensors
from strongroom.kit.formats.bounded import Memory
from strongroom.model.errors import Malformed, TooLarge


def pair(first: str, a: str, second: str, b: str) -> str:
    return f'{{"{first}":{a},"{second}":{b}}}'


T = '{"dtype":"U8","shape":[4],"data_offsets":[%d,%d]}'


def test_a_safetensors_header_is_read() -> None:
    """Tensors, types, payload and free words are what was written."""
    found = safetensors.read(Memory(files.safetensors({"a": ("BF16", [3], 6), "b": ("F4", [2], 1)}, {"format": "pt"})))
    assert (found.tensors, found.payload, found.types) == (2, 7, ("BF16", "F4"))
    assert found.metadata == (("format", "pt"),)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "0 bytes"),
        (b"\xff" * 8 + b"{}", "a length of"),
        (files.raw_safetensors(pair("a", T % (0, 4), "b", T % (2, 6)), 6), "overlap"),
        (files.raw_safetensors(pair("a", T % (0, 4), "b", T % (5, 9)), 9), "a gap"),
        (files.raw_safetensors('{"a":%s}' % (T % (0, 4)), 9), "behind the header"),
        (files.raw_safetensors(pair("a", T % (0, 4), "a", T % (4, 8)), 8), "twice"),
        (files.raw_safetensors('{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,1]}}', 1), "the type"),
        (files.raw_safetensors('{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}', 1), "below 0|dimension"),
        (
            files.raw_safetensors('{"a":{"dtype":"U8","shape":[9223372036854775807,9],"data_offsets":[0,1]}}', 1),
            "2\\^60",
        ),
        (files.raw_safetensors("[1]"), "expected"),
        (files.raw_safetensors('{"__metadata__":{"a":1}}'), "expected"),
        (files.raw_safetensors("[" * 50_000), "nested|complete|end of the file"),
    ],
)
def test_a_safetensors_header_that_lies_is_refused(data: bytes, said: str) -> None:
    """Lengths, overlaps, gaps, keys twice and impossible shapes are each refused with what was found."""
    with pytest.raises((Malformed, TooLarge), match=said):
        safetensors.read(Memory(data))


@given(st.binary(max_size=300))
def test_any_bytes_as_safetensors(data: bytes) -> None:
    """Whatever the bytes, the reader answers or refuses."""
    assert files.answers(lambda: safetensors.read(Memory(data)))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda x: (
            st.lists(x, max_size=4)
            | st.dictionaries(st.sampled_from(["dtype", "shape", "data_offsets", "__metadata__", "a"]), x, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_any_json_as_a_safetensors_header(value: object) -> None:
    """Whatever JSON the header holds, the reader answers or refuses."""
    assert files.answers(lambda: safetensors.read(Memory(files.raw_safetensors(json.dumps(value), 8))))


def test_the_judgement_of_the_format_s_own_library(vectors: Path) -> None:
    """Recorded files are accepted and refused as safetensors itself does."""
    folder = vectors / "seal/safetensors"
    for name, said in json.loads((folder / "expected.json").read_text()).items():
        try:
            safetensors.read(Memory((folder / f"{name}.safetensors").read_bytes()))
            ours = "accept"
        except (Malformed, TooLarge):
            ours = "reject"
        assert (name, ours) == (name, said.partition(":")[0])


def test_a_gguf_header_is_read() -> None:
    """Version, tensors and architecture are what was written, in versions 2 and 3."""
    for version in (2, 3):
        found = gguf.read(Memory(files.gguf(2, version)))
        assert (found.version, found.tensors, found.words["general.architecture"]) == (version, 2, "llama")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"GGUX" + bytes(40), "another magic"),
        (b"GGUF" + (9).to_bytes(4, "little") + bytes(40), "version 9"),
        (b"GGUF" + (3).to_bytes(4, "little") + b"\xff" * 16, "counts|tensors and"),
        (files.gguf()[:-40], "within the file|announced|of .* bytes"),
        (
            files.gguf(extra=files.text("general.architecture") + (8).to_bytes(4, "little") + files.text("x"), pairs=1),
            "twice",
        ),
        (files.gguf(extra=files.text("x") + (8).to_bytes(4, "little") + b"\xff" * 8, pairs=1), "announced"),
        (
            files.gguf(
                extra=files.text("x") + (9).to_bytes(4, "little") + (8).to_bytes(4, "little") + b"\xff" * 8, pairs=1
            ),
            "array|announced",
        ),
        (files.gguf(extra=files.text("x") + (77).to_bytes(4, "little"), pairs=1), "value type"),
    ],
)
def test_a_gguf_header_that_lies_is_refused(data: bytes, said: str) -> None:
    """Counts, lengths and types that cannot be are each refused with what was found."""
    with pytest.raises((Malformed, TooLarge), match=said):
        gguf.read(Memory(data))


@given(st.binary(max_size=200), st.integers(0, 150))
def test_any_damage_to_gguf(noise: bytes, at: int) -> None:
    """A GGUF file with any bytes written over it is read or refused."""
    data = bytearray(files.gguf())
    data[at : at + len(noise)] = noise
    assert files.answers(lambda: gguf.read(Memory(bytes(data))))


def test_onnx_is_recognised_by_its_fields() -> None:
    """A model is recognised without a magic, and other protocol buffers and texts are not."""
    assert graphs.looks_like_onnx(Memory(files.onnx()))
    assert not graphs.looks_like_onnx(Memory(files.saved_model()))
    assert not graphs.looks_like_onnx(Memory(b"\x08\x09 hello"))


def test_onnx_names_foreign_operators_and_files() -> None:
    """Operators of other domains, and files outside of the folder, are named; those within are only listed."""
    assert list(graphs.onnx(Memory(files.onnx(domain="evil.ops"))).custom) == ["evil.ops:Relu"]
    assert list(graphs.onnx(Memory(files.onnx(location="../../etc/passwd"))).outside) == ["../../etc/passwd"]
    found = graphs.onnx(Memory(files.onnx(location="w.bin", domain="ai.onnx.ml")))
    assert (list(found.external), found.outside, found.custom) == (["w.bin"], {}, {})


def test_saved_models_name_operators_that_run_python() -> None:
    """An operator that runs Python or writes files is found in functions too; ordinary ones are not named."""
    assert list(graphs.saved_model(Memory(files.saved_model("PyFunc"))).custom) == ["PyFunc"]
    assert graphs.saved_model(Memory(files.saved_model())).custom == {}


@given(st.binary(max_size=300))
def test_any_bytes_as_a_graph(data: bytes) -> None:
    """Whatever the bytes, a graph is walked or refused."""
    for read in (graphs.onnx, graphs.saved_model):
        assert files.answers(functools.partial(read, Memory(data)))
    graphs.looks_like_onnx(Memory(b"\x08\x09" + data))


def test_messages_nested_without_end_are_refused() -> None:
    """Graphs within attributes of nodes of graphs are followed only so deep."""
    graph = b""
    for _ in range(60):
        graph = files.field(1, files.field(5, files.field(6, graph)))
    with pytest.raises(TooLarge, match="nested"):
        graphs.onnx(Memory(files.field(1, 9) + files.field(7, graph)))


def test_keras_configurations_name_their_code() -> None:
    """Lambda layers and classes of other modules are code; layers of Keras are not."""
    assert keras.code_of_config(b'{"class_name":"Lambda","module":"keras.layers"}') == (
        "a Lambda layer, whose body is code",
    )
    assert keras.code_of_config(b'{"class_name":"Evil","module":"my.code"}') == ("the class my.code.Evil",)
    assert keras.code_of_config(b'{"class_name":"Dense","module":"keras.layers"}') == ()


def test_an_hdf5_model_without_a_lambda_in_sight_is_not_called_clean() -> None:
    """A Lambda layer is seen; that none is seen in a model proves nothing; a file without a model holds none."""
    head = keras.HDF5 + bytes(100)
    assert keras.code_of_hdf5(Memory(head + b'model_config {"class_name": "Lambda"}')) is True
    assert keras.code_of_hdf5(Memory(head + b"model_config {}")) is None
    assert keras.code_of_hdf5(Memory(head)) is False


@pytest.mark.parametrize(
    ("descr", "objects"),
    [
        ("'<f4'", False),
        ("'|O'", True),
        ("'O'", True),
        ("[('a', '<f4'), ('b', '|O')]", True),
        ("[('O_ring', '<f4')]", False),
    ],
)
def test_arrays_of_objects_are_found(descr: str, objects: bool) -> None:
    """Object types are found wherever they stand in the description of an array."""
    assert arrays.read(Memory(files.npy(descr)))[0] is objects


@given(st.binary(max_size=200))
def test_any_bytes_as_an_array(data: bytes) -> None:
    """Whatever the bytes, the header of an array is read or refused."""
    for begin in (b"", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x03\x00"):
        assert files.answers(functools.partial(arrays.read, Memory(begin + data)))


def test_an_array_header_is_not_evaluated() -> None:
    """An expression in the place of a type is refused."""
    with pytest.raises(Malformed, match="expression"):
        arrays.read(Memory(files.npy("__import__('os')")))
