"""What a file is, by its content; its name only says what it claims to be."""

from pathlib import PurePosixPath

from strongroom.collect.artifacts import pickled
from strongroom.collect.artifacts.seen import PICKLED, Seen
from strongroom.kit.formats import arrays, gguf, graphs, indexes, keras, pickles, safetensors, sealed, tables, zips
from strongroom.kit.formats.bounded import Source
from strongroom.kit.formats.claims import claimed
from strongroom.model.codes import GapCode
from strongroom.model.errors import Malformed, TooLarge
from strongroom.model.values import Unknown

HEAD = 64 * 1024
_LFS = b"version https://git-lfs.github.com/spec/"
_TABLE_END = (0xDB4775248B80FB57).to_bytes(8, "little")  # LevelDB table format, "Footer"; TensorFlow's .index is one
_GGML = (b"lmgg", b"tjgg", b"fmgg", b"algg")  # llama.cpp before GGUF, as little-endian numbers
_TFLITE = b"TFL3"  # TensorFlow Lite schema, file_identifier, at offset 4

_LOOSE = ("pytorch", "pickle", "joblib", "annoy", "hdf5")  # claims that several formats can keep
_TEXTUAL = frozenset(range(0x20, 0x7F)) | {9, 10, 13}


def recognise(source: Source, name: str) -> Seen | None:
    """What a file is; None where it is no artifact. Whatever the bytes say, it answers."""
    head = source.at(0, HEAD)
    claim = claimed(name)
    if head.startswith(_LFS):
        seen = Seen(claim or "pytorch")
        seen.broke(Unknown(GapCode.NOT_FETCHED, "a pointer of Git LFS: the file itself was not fetched"))
        return seen if claim else None
    found = _sealed(head, claim) or _by_magic(source, head, name) or _by_shape(source, head, name)
    if found is None:
        return _broken_claim(source, head, name, claim) if claim else None
    if claim and claim != found.format and claim not in _LOOSE and not _same(claim, found.format):
        found.faults.append(f"it is called {PurePosixPath(name).suffix} and holds {found.format}")
    return found


def _same(claim: str, found: str) -> bool:
    return {claim, found} <= {"arrow", "feather"} or found == "sealed" or {claim, found} <= {"keras", "hdf5"}


def _sealed(head: bytes, claim: str) -> Seen | None:
    word = sealed.sealed_as(head)
    if not word or word.startswith("Parquet") or not claim:
        return None
    return Seen("sealed", sealed=word)


def _by_magic(source: Source, head: bytes, name: str) -> Seen | None:
    if head.startswith(gguf.MAGIC):
        return _gguf(source)
    if head.startswith(arrays.MAGIC):
        return pickled.array(source)
    if head.startswith((zips.MAGIC, zips.EMPTY)):
        return pickled.archive(source)
    if head.startswith(keras.HDF5):
        return _hdf5(source)
    if pickles.looks_like(head):
        return pickled.pickle_file(source)
    if head.startswith((tables.PARQUET, tables.SEALED_PARQUET)):
        fault = tables.parquet_fault(source)
        seal = sealed.sealed_as(head)
        return Seen("parquet", faults=[fault] if fault else [], sealed=seal)
    if head.startswith(tables.ARROW):
        return Seen("arrow" if not name.endswith(".feather") else "feather")
    if head.startswith(tables.FEATHER_1):
        return Seen("feather")
    if indexes.looks_like_chroma(head):
        return Seen("chroma")
    if indexes.looks_like_faiss(head, source.size):
        return Seen("faiss")
    if head.startswith(_GGML):
        return Seen("ggml")
    if head[4:8] == _TFLITE:
        return Seen("tflite")
    return pickled.tape(source) if tables.looks_like_tar(head) else None


def _by_shape(source: Source, head: bytes, name: str) -> Seen | None:
    """Formats without a magic: the header itself must make sense."""
    if safetensors.looks_like(head, source.size):
        return _safetensors(source)
    if graphs.looks_like_onnx(source):
        return _onnx(source)
    if name.endswith(".pb") and graphs.looks_like_saved_model(source):
        return _saved_model(source)
    if tables.looks_like_tfrecord(head, source.size):
        return Seen("tfrecord")
    if indexes.looks_like_hnswlib(head, source.size):
        return Seen("hnswlib")
    if name.endswith(".index") and source.at(source.size - 8, 8) == _TABLE_END:
        return Seen("tf-checkpoint")
    if name.endswith(".lance") and source.at(source.size - 4, 4) == indexes.LANCE_TAIL:
        return Seen("lance")
    lines = _lines(source, head, name)
    if lines is not None:
        return lines
    if pickles.looks_like_text(source):
        return pickled.pickle_file(source)
    return pickled.packed(source, head)


def _lines(source: Source, head: bytes, name: str) -> Seen | None:
    if head[:1] != b"{":
        return None
    what = tables.lines_of(head, whole=source.size <= len(head))
    listed = name.endswith((".jsonl", ".ndjson"))
    if what == "prompt-log" and (listed or head.count(b"\n") > 1):
        return Seen("prompt-log")
    if what == "examples" and (listed or head.count(b"\n") > 1):
        return Seen("jsonl")
    return Seen("jsonl") if what and listed else None


def _safetensors(source: Source) -> Seen:
    seen = Seen("safetensors")
    try:
        found = safetensors.read(source)
    except (Malformed, TooLarge) as e:
        seen.faults.append(str(e))
        seen.trouble = pickled.unknown(e)
        return seen  # it names no code: a broken header is refused by its readers
    words = dict(found.metadata)
    seen.model = words.get("format", "")[:40]
    if "__encryption__" in words:
        seen.sealed = "cryptotensors"
    return seen


def _gguf(source: Source) -> Seen:
    seen = Seen("gguf")
    try:
        found = gguf.read(source)
    except (Malformed, TooLarge) as e:
        seen.faults.append(str(e))
        seen.trouble = pickled.unknown(e)
        return seen
    seen.model = " ".join(w for w in (found.words.get("general.architecture"), found.words.get("general.name")) if w)
    seen.split = found.split
    return seen


def _hdf5(source: Source) -> Seen:
    seen = Seen("hdf5")
    said = keras.code_of_hdf5(source)
    if said:
        seen.runs("a Lambda layer, whose body is code")
    elif said is None:
        seen.executes = Unknown(GapCode.UNSUPPORTED, "the layers of a model in HDF5 are not read whole")
    return seen


def _onnx(source: Source) -> Seen:
    seen = Seen("onnx")
    try:
        found = graphs.onnx(source)
    except (Malformed, TooLarge) as e:
        seen.faults.append(str(e))
        seen.broke(pickled.unknown(e))
        return seen
    seen.model = found.producer
    seen.needs = list(found.external)
    seen.runs(*(f"the operator {c[:150]}, which a library from elsewhere must bring" for c in list(found.custom)[:20]))
    seen.faults += [f"it reads {p[:150]!r}, outside of its folder" for p in list(found.outside)[:20]]
    return seen


def _saved_model(source: Source) -> Seen:
    seen = Seen("saved-model")
    try:
        found = graphs.saved_model(source)
    except (Malformed, TooLarge) as e:
        seen.faults.append(str(e))
        seen.broke(pickled.unknown(e))
        return seen
    seen.runs(*(f"the operator {c}" for c in list(found.custom)[:20]))
    return seen


def _broken_claim(source: Source, head: bytes, name: str, claim: str) -> Seen | None:
    """A file that claims a format by its name and does not keep to it."""
    if claim == "annoy":
        return Seen("annoy")  # the format has no header: its name is all there is
    text = bool(head) and set(head[:4096]) <= _TEXTUAL
    if text and name.endswith((".pth", ".pt", ".ckpt", ".h5", ".ann")):
        return None  # path files of Python, texts in Portuguese
    if claim in PICKLED and pickles.walk(source, most=100_000).imports:
        return pickled.pickle_file(source)  # it breaks off, and what was imported before has run
    seen = Seen(claim)
    what = "it is empty" if not source.size else f"it is called {PurePosixPath(name).suffix} and is none"
    seen.faults.append(what)
    seen.broke(Unknown(GapCode.MALFORMED, what))
    return seen
