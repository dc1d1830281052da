"""Archives, datasets, indexes and the documents beside artifacts: bounded, and refused by name."""

import functools
import zipfile

import artifact_files as files
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.formats import folders, indexes, sealed, tables, zips
from strongroom.kit.formats.bounded import Memory
from strongroom.model.errors import Malformed, TooLarge


def test_an_archive_is_read_by_its_directory() -> None:
    """Names, sizes and contents are what was written, stored and deflated."""
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        data = Memory(files.packed({"a/b": b"x" * 5000, "c": b"y"}, method))
        found = zips.read(data)
        assert ([e.name for e in found.entries], found.faults) == (["a/b", "c"], [])
        content = zips.unpacked(data, found.entries[0])
        assert content.at(0, 9999) == b"x" * 5000


def test_entries_that_leave_the_folder_are_faults() -> None:
    """Names with dots, from the root, of a drive and twice are each told."""
    for name in ("../x", "/etc/passwd", "a/../../b", "C:\\x"):
        assert any("leaves the folder" in f for f in zips.read(Memory(files.packed({name: b""}))).faults), name


def test_a_bomb_is_a_fault_and_is_not_inflated() -> None:
    """An archive that claims to be thousands of times its size is told, and only so much of it is ever inflated."""
    data = bytearray(files.packed({"a": bytes(5_000_000)}, zipfile.ZIP_DEFLATED))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    found = zips.read(Memory(bytes(data)))
    assert any("claim to unpack" in f for f in found.faults)
    assert zips.unpacked(Memory(bytes(data)), found.entries[0], most=10_000).size <= 10_000


def test_a_flag_that_lies_hides_nothing() -> None:
    """An entry that only one header calls encrypted is read all the same, as loaders do, and the lie is told."""
    data = bytearray(files.packed({"data.pkl": b"abc"}))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    found = zips.read(Memory(bytes(data)))
    part, said = zips.local(Memory(bytes(data)), found.entries[0])
    assert (part.at(0, 9), "encrypted" in said) == (b"abc", True)


@given(st.binary(max_size=120), st.integers(0, 200))
def test_any_damage_to_an_archive(noise: bytes, at: int) -> None:
    """An archive with any bytes written over it is read or refused."""
    data = bytearray(files.packed({"a": b"xyz", "b": b"q"}))
    data[at : at + len(noise)] = noise
    source = Memory(bytes(data))
    assert files.answers(lambda: [zips.unpacked(source, entry) for entry in zips.read(source).entries])


def test_a_directory_that_is_too_long_for_the_file_is_refused() -> None:
    """Counts of the end record are checked against the file before anything is read."""
    with pytest.raises((Malformed, TooLarge)):
        zips.read(Memory(b"PK\x05\x06" + bytes(4) + b"\xfe\xff" * 2 + b"\xff\xff\xff\x7f" * 2 + bytes(2)))


def test_datasets_are_recognised() -> None:
    """A TFRecord by its checksum, tar by its header, samples of WebDataset by their names."""
    assert tables.looks_like_tfrecord(files.tfrecord(), 100)
    assert not tables.looks_like_tfrecord(files.tfrecord()[:8] + bytes(16), 100)
    archive = files.tar({"0001.jpg": b"x", "0001.cls": b"1", "0002.jpg": b"y", "0002.cls": b"2"})
    assert tables.looks_like_tar(archive)
    assert tables.is_webdataset(tables.tar_members(Memory(archive))[0])
    assert not tables.is_webdataset(tables.tar_members(Memory(files.tar({"a.txt": b"", "b.txt": b""})))[0])
    assert tables.tar_members(Memory(files.tar({"../x": b""})))[1]


def test_a_checksum_that_is_no_number_is_no_tar() -> None:
    """A header whose checksum is not even octal is another kind of file, and no fault of the program."""
    block = bytearray(files.tar({"a": b"x"}))
    block[148] = 1
    assert not tables.looks_like_tar(bytes(block))


@given(st.binary(max_size=600))
def test_any_bytes_as_tar(data: bytes) -> None:
    """Whatever the bytes, members are listed or the archive is refused."""
    block = bytearray(files.tar({"a": b"x"})[:1536])
    block[600 : 600 + len(data)] = data
    assert files.answers(lambda: tables.tar_members(Memory(bytes(block))))


def test_lines_are_told_apart() -> None:
    """Logs of prompts have a time; examples have an input and an answer; other objects are only objects."""
    log = b'{"timestamp":"t","messages":[]}\n{"created_at":1,"prompt":"a","response":"b"}\n'
    assert tables.lines_of(log, whole=True) == "prompt-log"
    assert tables.lines_of(b'{"instruction":"a","output":"b"}\n', whole=True) == "examples"
    assert tables.lines_of(b'{"level":"info"}\n', whole=True) == "objects"
    assert tables.lines_of(b"[1]\n", whole=True) == ""


def test_indexes_are_recognised_by_numbers_that_fit() -> None:
    """FAISS by its type and filler, hnswlib by numbers that fit each other; other bytes are neither."""
    assert indexes.looks_like_faiss(files.faiss(), 100)
    assert not indexes.looks_like_faiss(b"IxF2" + bytes(60), 100)
    assert indexes.looks_like_hnswlib(files.hnswlib(), len(files.hnswlib()))
    assert not indexes.looks_like_hnswlib(bytes(200), 200)


@given(st.binary(max_size=120))
def test_any_bytes_as_an_index(data: bytes) -> None:
    """Whatever the bytes, they are an index or they are none."""
    assert indexes.looks_like_hnswlib(data, len(data)) in (True, False)
    assert indexes.looks_like_faiss(b"IxF2" + data, len(data)) in (True, False)


def test_signatures_name_what_they_cover() -> None:
    """A bundle of model signing names its files, shards under their file; other documents are told apart."""
    found = sealed.beside(files.bundle(["a.safetensors", "b.bin:0:100", "b.bin:100:200"]))
    assert (found.what, found.names) == ("signature", ("a.safetensors", "b.bin"))
    assert sealed.beside(files.bundle([], "https://slsa.dev/provenance/v1")).what == "provenance"
    assert sealed.beside(b'{"bomFormat":"CycloneDX"}').what == "bom"
    assert sealed.beside(b'{"a":1}').what == ""


def test_a_signature_over_files_elsewhere_is_refused() -> None:
    """Names that leave the folder, and keys that stand twice, are no signature."""
    with pytest.raises(Malformed, match="leaves the folder"):
        sealed.beside(files.bundle(["../a"]))
    with pytest.raises(Malformed, match="twice"):
        sealed.beside(b'{"mediaType":"a","mediaType":"b"}')


@given(st.binary(max_size=200))
def test_any_bytes_beside_an_artifact(data: bytes) -> None:
    """Whatever lies beside an artifact, it is read or refused."""
    for read in (sealed.beside, folders.shards_of, lambda d: folders.config(d, "config.json")):
        assert files.answers(functools.partial(read, data))


def test_indexes_of_shards() -> None:
    """An index names its shards once each; one that names a file elsewhere is refused."""
    assert folders.shards_of(b'{"weight_map":{"a":"1.safetensors","b":"1.safetensors"}}') == ("1.safetensors",)
    with pytest.raises(Malformed, match="the shard"):
        folders.shards_of(b'{"weight_map":{"a":"../x"}}')


def test_numbered_names() -> None:
    """The numbers in names tell which shards are missing, counted from one or from zero."""
    assert folders.missing(["m-00001-of-00003.safetensors", "m-00003-of-00003.safetensors"]) == ("00002 of 00003",)
    assert folders.missing(["d-00000-of-00002.parquet", "d-00001-of-00002.parquet"]) == ()
    assert folders.split_name("model.safetensors") is None


def test_configurations_name_code() -> None:
    """`auto_map` and `trust_remote_code` are code that a loader would run."""
    found = folders.config(b'{"model_type":"x","auto_map":{"AutoModel":"m.M"},"trust_remote_code":true}', "config.json")
    assert (found.kind, len(found.code)) == ("x", 2)
