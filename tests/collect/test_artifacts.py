"""The source `artifacts:`: what is found in a tree, what it turns out to be, and what could not be looked at."""

import json
import os
import pickle
import shutil
import tempfile
from pathlib import Path

import artifact_files as files
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.app.sources import find, gather
from strongroom.collect.artifacts.placing import Mounts, speaks_against
from strongroom.collect.artifacts.recognising import recognise
from strongroom.kit.formats.bounded import Memory
from strongroom.kit.formats.claims import CLAIMS
from strongroom.model.codes import GapCode
from strongroom.model.errors import Unreadable
from strongroom.model.estate import Asset, Estate
from strongroom.model.kinds import Kind
from strongroom.model.ports import Limits
from strongroom.model.values import Unknown
from synthetic import NOW


def put(root: Path, name: str, data: bytes | str) -> Path:
    """Write a file and the folders above it."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def read(root: Path, more: str = "", limits: Limits | None = None) -> Estate:
    return gather([f"artifacts:{root}{more}"], NOW, limits)


def only(root: Path, more: str = "") -> Asset:
    (asset,) = read(root, more).assets
    return asset


FORMATS = {
    "safetensors": files.safetensors(),
    "gguf": files.gguf(),
    "pytorch": files.checkpoint(),
    "pickle": files.harmless(),
    "onnx": files.onnx(),
    "keras": files.keras(),
    "numpy": files.npy(),
    "npz": files.packed({"a.npy": files.npy()}),
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "parquet": files.parquet(),
    "arrow": b"ARROW1\0\0" + bytes(20),
    "feather": b"FEA1" + bytes(20),
    "tfrecord": files.tfrecord(),
    "webdataset": files.tar({"1.jpg": b"x", "1.cls": b"1", "2.jpg": b"y", "2.cls": b"2"}),
    "faiss": files.faiss(),
    "hnswlib": files.hnswlib(),
    "chroma": b"SQLite format 3\0" + b"CREATE TABLE embeddings_queue collections" + bytes(100),
    "prompt-log": b'{"timestamp":"t","prompt":"a","response":"b"}\n' * 3,
    "jsonl": b'{"instruction":"a","output":"b"}\n' * 3,
    "torchscript": files.packed({"m/data.pkl": files.torch_pickle(), "m/code/m.py": b"def f(): pass"}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_recognised_by_content(tmp_path: Path, name: str) -> None:
    """Each format is found under a name that says nothing of it."""
    put(tmp_path, "some/blob", FORMATS[name])
    asset = only(tmp_path)
    assert (asset.native_type, asset.address) == (f"artifact.{name}", "some/blob")
    assert asset.value("artifact.bytes") == len(FORMATS[name])


def test_what_is_no_artifact_is_left_alone(tmp_path: Path) -> None:
    """Texts, pictures, code and configuration are no artifacts, and no gaps."""
    for name, data in {
        "readme.md": "# hello\n", "a.png": b"\x89PNG\r\n\x1a\n", "config.json": '{"port": 1}', "x.py": "import os\n",
        "paths.pth": "/usr/lib/python\n", "events.jsonl.txt": '{"level":"info"}\n', "b.zip": files.packed({"a.txt": b"a"}),
    }.items():  # fmt: skip
        put(tmp_path, name, data)
    estate = read(tmp_path)
    assert (estate.assets, estate.gaps) == ((), ())
    assert estate.sources[0].files == 7


def test_kinds_follow_what_it_is(tmp_path: Path) -> None:
    """Weights are artifacts, tables are datasets, vectors are indexes."""
    put(tmp_path, "a", files.safetensors())
    put(tmp_path, "b", files.parquet())
    put(tmp_path, "c", files.faiss())
    assert [a.kind for a in read(tmp_path).assets] == [Kind.ARTIFACT, Kind.DATASET, Kind.INDEX]


CODE = {
    "pickle": files.evil(),
    "checkpoint": files.checkpoint(evil=True),
    "old checkpoint": files.legacy_checkpoint(evil=True),
    "keras": files.keras(layer="Lambda"),
    "keras class": files.keras(layer="Mine", module="mine.code"),
    "onnx": files.onnx(domain="mine"),
    "npy": files.npy("'|O'", files.evil()),
    "npz": files.packed({"a.npy": files.npy("'|O'", files.evil())}),
    "renamed in zip": files.packed({"a/notes.txt": files.evil()}),
    "deflated": files.packed({"a/data.pkl": files.evil()}, 8),
    "tar": files.tar({"a.bin": files.evil(), "b": b""}),
    "protocol 0": pickle.dumps(files.Runs(), 0),
}


@pytest.mark.parametrize("name", CODE)
def test_what_would_run_is_found(tmp_path: Path, name: str) -> None:
    """Code that loading would run is found in every wrapping, and named."""
    put(tmp_path, "x.data", CODE[name])
    asset = only(tmp_path)
    assert asset.value("artifact.executes") is True
    assert asset.value("artifact.executes_by")


def test_a_harmless_pickle_is_a_pickle_all_the_same(tmp_path: Path) -> None:
    """A checkpoint that only rebuilds tensors runs nothing, and is told to be loaded by unpickling."""
    put(tmp_path, "m.pt", files.checkpoint())
    asset = only(tmp_path)
    assert (asset.value("artifact.executes"), asset.value("artifact.pickle")) == (False, True)


HOSTILE = {
    "length of 2^64": ("a.safetensors", b"\xff" * 8 + b"{}"),
    "key twice": ("a.safetensors", files.raw_safetensors('{"__metadata__":{},"__metadata__":{}}')),
    "cut pickle": ("a.pkl", files.evil()[:-5]),
    "cut archive": ("a.pt", files.checkpoint()[:-30]),
    "name outside": ("a.zip", files.packed({"../x.pkl": files.harmless()})),
    "counts": ("a.gguf", b"GGUF\x03\0\0\0" + b"\xff" * 16),
    "another format": ("a.safetensors", files.harmless()),
    "nothing": ("a.pt", b""),
    "file outside": ("a.onnx", files.onnx(location="/etc/passwd")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_is_a_fault(tmp_path: Path, name: str) -> None:
    """A header that lies is told on the artifact; it is never clean."""
    file, data = HOSTILE[name]
    put(tmp_path, file, data)
    faults = only(tmp_path).value("artifact.faults")
    assert isinstance(faults, tuple)
    assert len(faults) >= 1


@given(
    st.sampled_from(sorted({**FORMATS, **CODE})),
    st.integers(0, 4000),
    st.binary(max_size=60),
    st.sampled_from(["x", *(f"x{suffix}" for suffix in sorted(CLAIMS))]),
    st.booleans(),
)
def test_any_damage_to_any_format_ends_in_an_answer(name: str, at: int, noise: bytes, file: str, cut: bool) -> None:
    """Whatever is written over a file, or cut off it, under whatever name, it is recognised, doubted or left alone."""
    data = bytearray({**FORMATS, **CODE}[name])
    at %= len(data) + 1
    data[at : len(data) if cut else at + len(noise)] = noise
    found = recognise(Memory(bytes(data)), file)
    assert found is None or found.format


def test_a_pickle_that_cannot_be_followed_is_not_called_harmless(tmp_path: Path) -> None:
    """Where the walk ends before the pickle does, what it would run is unknown."""
    put(tmp_path, "a.pkl", files.harmless()[:-3])
    assert isinstance(only(tmp_path).value("artifact.executes"), Unknown)


def test_a_file_that_is_too_dear_to_read_is_told(tmp_path: Path) -> None:
    """More files, or more bytes of headers, than the limits allow are a gap that names where it stopped."""
    for n in range(5):
        put(tmp_path, f"{n}.safetensors", files.safetensors())
    assert [g.code for g in read(tmp_path, limits=Limits(files=3)).gaps] == [GapCode.TOO_LARGE]
    assert [g.code for g in read(tmp_path, limits=Limits(bytes=100)).gaps] == [GapCode.TOO_LARGE]


def test_links_are_not_followed_out(tmp_path: Path) -> None:
    """A link that leaves the tree, or leads nowhere, is a gap; one within is another name of what is found anyway."""
    outside = put(tmp_path, "outside.safetensors", files.safetensors())
    root = tmp_path / "tree"
    put(root, "a.safetensors", files.safetensors())
    (root / "b.safetensors").symlink_to("a.safetensors")
    (root / "c.safetensors").symlink_to(outside)
    (root / "d").symlink_to("nowhere")
    (root / "loop").symlink_to("loop")
    (root / "folder").symlink_to("/")
    estate = read(root)
    assert [a.address for a in estate.assets] == ["a.safetensors"]
    assert sorted(g.scope for g in estate.gaps) == ["c.safetensors", "d", "folder", "loop"]
    assert {g.code for g in estate.gaps} == {GapCode.LINK}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_a_gap(tmp_path: Path) -> None:
    """A file and a folder without permission are gaps, and a file that is called as weights is still an artifact."""
    put(tmp_path, "a.safetensors", files.safetensors()).chmod(0)
    (tmp_path / "shut").mkdir(mode=0)
    estate = read(tmp_path)
    (tmp_path / "shut").chmod(0o700)
    assert sorted((g.scope, g.code) for g in estate.gaps) == [("a.safetensors", "denied"), ("shut", "denied")]
    assert isinstance(estate.assets[0].value("artifact.faults"), Unknown)


def test_a_file_that_is_exchanged_while_it_is_read_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between finding a file and opening it, another cannot be put in its place unseen."""
    from strongroom.collect.artifacts import reading  # noqa: PLC0415 - to come between its two steps

    walked = reading.walk

    def late(*arguments: object) -> object:
        tree = walked(*arguments)  # type: ignore[arg-type]
        put(tmp_path, "b", files.evil()).replace(tmp_path / "a.safetensors")
        return tree

    put(tmp_path, "a.safetensors", files.safetensors())
    monkeypatch.setattr(reading, "walk", late)
    estate = read(tmp_path)
    assert [g.detail for g in estate.gaps] == ["it was replaced while it was read"]


def test_a_refused_file_is_a_gap_and_its_name_still_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that the system will not open are an artifact of which nothing is known, and a gap that says why."""
    from strongroom.collect.artifacts import reading  # noqa: PLC0415 - to refuse in the system's place

    def refuse(_: object) -> int:
        raise PermissionError(13, "Permission denied")

    put(tmp_path, "a.pt", files.checkpoint())
    monkeypatch.setattr(reading, "open_file", refuse)
    estate = read(tmp_path)
    assert [(g.scope, g.code, g.detail) for g in estate.gaps] == [("a.pt", "denied", "permission denied")]
    assert isinstance(estate.assets[0].value("artifact.executes"), Unknown)


def test_archives_that_are_not_opened_are_one_gap_for_each_kind(tmp_path: Path) -> None:
    """What lies in an archive of another kind was not seen, and that is said once."""
    for n in range(3):
        put(tmp_path, f"{n}.7z", b"7z\xbc\xaf\x27\x1c" + bytes(30))
    (gap,) = read(tmp_path).gaps
    assert (gap.code, gap.detail.startswith("3 archives (.7z)")) == (GapCode.UNSUPPORTED, True)


def test_a_pointer_of_lfs_is_not_the_file(tmp_path: Path) -> None:
    """A pointer of Git LFS stands for weights that were not fetched: nothing about them is known."""
    put(tmp_path, "a.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    value = only(tmp_path).value("artifact.faults")
    assert isinstance(value, Unknown)
    assert value.code is GapCode.NOT_FETCHED


# What belongs together


def model(root: Path, *, shards: int = 2, have: int = 2, config: str = '{"model_type":"llama"}') -> None:
    names = [f"model-{n:05d}-of-{shards:05d}.safetensors" for n in range(1, shards + 1)]
    for name in names[:have]:
        put(root, name, files.safetensors())
    index = {"weight_map": {f"w{n}": name for n, name in enumerate(names)}}
    put(root, "model.safetensors.index.json", json.dumps(index))
    put(root, "config.json", config)
    put(root, "tokenizer.json", "{}")


def test_a_model_folder_is_one_artifact(tmp_path: Path) -> None:
    """Shards, index, configuration and tokenizer are one artifact of many files."""
    model(tmp_path / "llama")
    asset = only(tmp_path)
    assert (asset.address, asset.native_type) == ("llama", "artifact.model-folder")
    assert (asset.value("artifact.files"), asset.value("artifact.missing")) == (5, ())
    assert asset.value("artifact.model") == "llama"


def test_missing_shards_are_named(tmp_path: Path) -> None:
    """A shard that the index names and that is not there is missing; without an index the numbers tell it."""
    model(tmp_path / "a", have=1)
    put(tmp_path, "b/x-00001-of-00003.gguf", files.gguf())
    first, second = read(tmp_path).assets
    assert first.value("artifact.missing") == ("model-00002-of-00002.safetensors",)
    assert second.address == "b/x-of-00003.gguf"
    assert second.value("artifact.missing") == ("x.gguf: 00002 of 00003", "x.gguf: 00003 of 00003")


def test_code_that_a_configuration_names_would_run(tmp_path: Path) -> None:
    """`auto_map` makes a loader run code of the folder."""
    model(tmp_path, config='{"model_type":"x","auto_map":{"AutoModel":"modeling.M"}}')
    put(tmp_path, "modeling.py", "class M: ...\n")
    asset = only(tmp_path)
    assert (asset.address, asset.value("artifact.executes")) == (".", True)
    assert "auto_map" in str(asset.value("artifact.executes_by"))


def test_adapters_tokenizers_and_checkpoints_have_their_names(tmp_path: Path) -> None:
    """A folder is told to be an adapter, a tokenizer or a checkpoint of training."""
    put(tmp_path, "a/adapter_config.json", '{"peft_type":"LORA","base_model_name_or_path":"llama"}')
    put(tmp_path, "a/adapter_model.safetensors", files.safetensors())
    put(tmp_path, "b/tokenizer_config.json", '{"tokenizer_class":"T"}')
    put(tmp_path, "b/tokenizer.json", "{}")
    model(tmp_path / "c")
    put(tmp_path, "c/trainer_state.json", "{}")
    put(tmp_path, "d/.metadata", files.harmless())
    put(tmp_path, "d/__0_0.distcp", bytes(10))
    assert [(a.address, a.native_type) for a in read(tmp_path).assets] == [
        ("a", "artifact.adapter"),
        ("b", "artifact.tokenizer"),
        ("c", "artifact.checkpoint"),
        ("d", "artifact.checkpoint"),
    ]


def test_a_cache_is_read_through_its_links(tmp_path: Path) -> None:
    """A snapshot of a cache is one artifact, and the blobs that it points to are not artifacts of their own."""
    base = tmp_path / "models--org--m"
    put(base, "blobs/11", files.safetensors())
    put(base, "blobs/22", '{"model_type":"llama"}')
    put(base, "blobs/33", files.gguf())
    snapshot = base / "snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to("../../blobs/11")
    (snapshot / "config.json").symlink_to("../../blobs/22")
    found = {a.address: a for a in read(tmp_path).assets}
    assert set(found) == {"models--org--m/snapshots/abc", "models--org--m/blobs/33"}
    assert found["models--org--m/snapshots/abc"].value("artifact.files") == 2


def test_trees_of_one_artifact(tmp_path: Path) -> None:
    """A SavedModel, a Lance dataset and a checkpoint of TensorFlow are each one artifact with all that is theirs."""
    put(tmp_path, "s/saved_model.pb", files.saved_model("PyFunc"))
    put(tmp_path, "s/variables/variables.data-00000-of-00001", bytes(10))
    put(tmp_path, "v.lance/_versions/1.manifest", b"x")
    put(tmp_path, "v.lance/data/0.lance", bytes(8) + b"LANC")
    put(tmp_path, "t/m.index", bytes(40) + (0xDB4775248B80FB57).to_bytes(8, "little"))
    put(tmp_path, "t/m.data-00000-of-00002", bytes(8))
    found = {a.address: a for a in read(tmp_path).assets}
    assert {p: (a.native_type, a.value("artifact.files")) for p, a in found.items()} == {
        "s": ("artifact.saved-model", 2),
        "v.lance": ("artifact.lance", 2),
        "t/m": ("artifact.tf-checkpoint", 2),
    }
    assert found["s"].value("artifact.executes") is True
    assert found["t/m"].value("artifact.missing") == ("00001 of 00002",)


def test_tables_of_a_folder_are_one_dataset(tmp_path: Path) -> None:
    """Many files of one format of datasets in a folder are one dataset."""
    for n in range(3):
        put(tmp_path, f"train/{n}.parquet", files.parquet())
    asset = only(tmp_path)
    assert (asset.address, asset.kind, asset.value("artifact.files")) == ("train/*.parquet", Kind.DATASET, 3)


# What is beside it, and where it lies


def test_signatures_beside_are_seen_with_what_they_leave_out(tmp_path: Path) -> None:
    """A signature that names the files covers them; what it does not name is told; none is none."""
    put(tmp_path, "m.safetensors", files.safetensors())
    assert only(tmp_path).value("artifact.signature") == ()
    put(tmp_path, "model.sig", files.bundle(["m.safetensors"]))
    asset = only(tmp_path)
    assert (asset.value("artifact.signature"), asset.value("artifact.unsigned_files")) == (("model.sig",), ())
    model(tmp_path / "two")
    put(tmp_path, "two/model.sig", files.bundle(["model-00001-of-00002.safetensors"]))
    left = next(a for a in read(tmp_path).assets if a.address == "two").value("artifact.unsigned_files")
    assert isinstance(left, tuple)
    assert "model-00002-of-00002.safetensors" in left


def test_provenance_beside_is_seen(tmp_path: Path) -> None:
    """A bill of materials beside an artifact is listed."""
    put(tmp_path, "m.safetensors", files.safetensors())
    put(tmp_path, "m.cdx.json", '{"bomFormat":"CycloneDX"}')
    assert only(tmp_path).value("artifact.provenance") == ("m.cdx.json",)


def test_what_is_sealed_is_told(tmp_path: Path) -> None:
    """Weights under age are sealed; any other file under age is nobody's business."""
    put(tmp_path, "m.safetensors.age", b"age-encryption.org/v1\n-> X25519 x\n")
    put(tmp_path, "diary.txt.age", b"age-encryption.org/v1\n-> X25519 x\n")
    asset = only(tmp_path)
    assert (asset.native_type, asset.value("artifact.sealed")) == ("artifact.sealed", "age")


def test_permissions_count_with_the_folders_above(tmp_path: Path) -> None:
    """A file that everybody may read is out of reach in a folder that is shut; a folder that is open lets it be replaced."""
    file = put(tmp_path, "f/m.safetensors", files.safetensors())
    above = [p for p in (tmp_path, *tmp_path.parents) if p.is_relative_to(tempfile.gettempdir())]
    for path in (p for p in above if p != Path(tempfile.gettempdir())):
        path.chmod(0o755)
    file.chmod(0o644)
    (tmp_path / "f").chmod(0o777)
    asset = only(tmp_path)
    assert (asset.value("file.others_read"), asset.value("file.others_write")) == (True, True)
    (tmp_path / "f").chmod(0o700)
    asset = only(tmp_path)
    assert (asset.value("file.others_read"), asset.value("file.others_write")) == (False, False)
    assert asset.value("file.owner") == os.getuid()


def test_places_are_told_from_paths_and_mounts(tmp_path: Path) -> None:
    """Temporary folders, homes and shared file systems speak against a place."""
    assert speaks_against("/tmp/x/m.pt", "ext4") == ("temporary",)
    assert speaks_against("/home/eve/m.pt", "nfs4") == ("home", "shared")
    assert speaks_against("/srv/models/m.pt", "ext4") == ()
    table = put(tmp_path, "mounts", "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:1 / /mnt/a\\040b rw - lustre s rw\n")
    mounts = Mounts.here(table)
    assert (mounts.of("/mnt/a b/x"), mounts.of("/mnt/a"), mounts.of("/x")) == ("lustre", "ext4", "ext4")
    assert Mounts.here(tmp_path / "none").of("/x") is None


def test_payloads_are_read_only_when_digests_are_asked_for(tmp_path: Path) -> None:
    """A large file costs a few reads; with `?digest` it has the digest that sha256sum gives."""
    import hashlib  # noqa: PLC0415 - the digest to compare with

    path = put(tmp_path, "m.safetensors", files.safetensors({"w": ("U8", [8 << 20], 8 << 20)}))
    estate = read(tmp_path)
    assert estate.sources[0].bytes < 300_000
    assert "artifact.sha256" not in estate.assets[0].facts
    digested = only(tmp_path, "?digest")
    assert digested.value("artifact.sha256") == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_bare_folder_of_weights_is_recognised(tmp_path: Path) -> None:
    """A folder with weights, and a file of them, need no scheme; a folder of texts does."""
    path = put(tmp_path, "m.safetensors", files.safetensors())
    assert find(str(tmp_path)).spec == f"artifacts:{tmp_path}"
    assert [a.address for a in gather([str(path)], NOW).assets] == ["m.safetensors"]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere is an error, and no estate without artifacts."""
    with pytest.raises(Unreadable):
        read(tmp_path / "nothing")


def test_names_that_are_no_text_are_written_out(tmp_path: Path) -> None:
    """A name that is no UTF-8 is shown with escapes, in the tree and in the findings."""
    shutil.copyfile(put(tmp_path, "a", files.safetensors()), os.fsencode(tmp_path) + b"/\xff.safetensors")
    assert "\\xff.safetensors" in [a.address for a in read(tmp_path).assets]
