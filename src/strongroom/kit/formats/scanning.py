"""The verdict on one file before it is loaded, from its bytes alone; nothing of it is imported, unpickled or run.

What a file is, its content decides; its name only says what it claims to be, and which loader would be handed it.
"""

from collections.abc import Callable

from strongroom.kit.formats import (
    archives,
    arrays,
    gguf,
    graphs,
    hdf5_configs,
    indexes,
    natives,
    pickles,
    safetensors,
    sealed,
    streams,
    tables,
    templates,
    texts,
    zips,
)
from strongroom.kit.formats.bounded import Memory, Part, Source
from strongroom.kit.formats.budgets import Budget
from strongroom.kit.formats.checkpoint import storages_end
from strongroom.kit.formats.claims import base_of, claimed, suffix_of
from strongroom.kit.formats.pickle_danger import Rank, rank
from strongroom.kit.formats.pickle_judging import Context, judge
from strongroom.kit.formats.verdicts import Findings
from strongroom.model.errors import Malformed, TooLarge

HEAD = 64 * 1024
_MOST_FIRST = 16 << 20
_MOST_TRIED = 100_000  # opcodes of what may be no pickle at all
_LFS = b"version https://git-lfs.github.com/spec/"
_TABLE_END = (0xDB4775248B80FB57).to_bytes(8, "little")  # LevelDB table format, "Footer"; TensorFlow's .index is one
_GGML = (b"lmgg", b"tjgg", b"fmgg", b"algg")
_UNPICKLED = frozenset({"pytorch", "pickle", "joblib"})
_LOOSE = frozenset({*_UNPICKLED, "annoy", "hdf5"})
_ALIKE = ({"arrow", "feather"}, {"keras", "hdf5"}, {"npz", "archive"}, {"npz", "numpy"}, {"pytorch", "torchscript"})
_MORE_CLAIMS = {
    ".mar": "archive", ".nemo": "nemo", ".zip": "archive", ".tar": "archive", ".ptl": "pytorch", ".pt2": "pytorch",
    ".sav": "pickle", ".p": "pickle", ".pck": "pickle", ".cpkl": "pickle", ".gz": "", ".pb": "saved-model",
    ".bin": "weights", ".weights": "weights", ".mdl": "weights",
}  # fmt: skip
_SENTENCEPIECE = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model", "source.spm", "target.spm")
Reader = Callable[[Source, Findings, Budget, str], None]


def scan(source: Source, name: str, budget: Budget | None = None) -> Findings:
    """What to think of loading a file, and why. Whatever its bytes say, it answers.

    `name` is its path as people see it; `budget` bounds the work, and is shared with whatever the file is packed in.
    """
    budget = Budget() if budget is None else budget
    found = Findings()
    head = source.at(0, HEAD)
    claim = claimed(base_of(name)) or _MORE_CLAIMS.get(suffix_of(name), "")
    if not source.size:
        if claim:
            found.unreadable("file.empty", "it is empty")
        return found
    if head.startswith(_LFS):
        found.unreadable("file.pointer", "a pointer of Git LFS: the file itself was not fetched")
        return found
    reader = _by_magic(head, name, source) or _by_shape(source, head, name)
    if reader is not None:
        reader(source, found, budget, name)
    else:
        _unknown(source, head, name, claim, found, budget)
    _claims(source, name, claim, found, budget)
    if reader not in (_zip, _tar, _safetensors):
        _behind(source, found, budget)
    return found


def _by_magic(head: bytes, name: str, source: Source) -> Reader | None:
    kind = streams.kind_of(head)
    if sealed.sealed_as(head) and not head.startswith(tables.SEALED_PARQUET):
        return _sealed
    if head.startswith(gguf.MAGIC):
        return _gguf
    if head.startswith(arrays.MAGIC):
        return _array
    if head.startswith((zips.MAGIC, zips.EMPTY)):
        return _zip
    if head.startswith(hdf5_configs.MAGIC):
        return _hdf5
    if pickles.looks_like(head):
        return _pickle
    if natives.closed(head):
        return _closed
    if kind and kind != "lzma":
        return _stream
    if tables.looks_like_tar(head):
        return _tar
    if natives.program(head):
        return _program
    if natives.engine(head, name):
        return _engine
    if natives.picture(head):
        return _picture
    return _table(head, source)


def _table(head: bytes, source: Source) -> Reader | None:
    """Data that is loaded as data: tables, indexes."""
    if head.startswith((tables.PARQUET, tables.SEALED_PARQUET)):
        return _parquet
    if head.startswith((tables.ARROW, tables.FEATHER_1)):
        return _data("arrow")
    if head.startswith(indexes.SQLITE):
        return _data("sqlite")
    if indexes.looks_like_faiss(head, source.size):
        return _data("faiss")
    return _data("ggml") if head.startswith(_GGML) else None


def _by_shape(source: Source, head: bytes, name: str) -> Reader | None:
    """Formats without a magic: the header itself must make sense."""
    low = base_of(name).lower()
    if safetensors.looks_like(head, source.size) or (
        low.endswith(".safetensors") and not texts.textual(head, whole=source.size <= len(head))
    ):
        return _safetensors
    if graphs.looks_like_onnx(source):
        return _onnx
    if low.endswith(".pb") and graphs.looks_like_saved_model(source):
        return _saved_model
    if tables.looks_like_tfrecord(head, source.size):
        return _data("tfrecord")
    if indexes.looks_like_hnswlib(head, source.size):
        return _data("hnswlib")
    if low.endswith(".index") and source.at(max(0, source.size - 8), 8) == _TABLE_END:
        return _data("tf-checkpoint")
    if ".data-0" in low and low.rpartition("-of-")[2].isdecimal():
        return _data("tf-checkpoint")
    if low in _SENTENCEPIECE and head[:1] == b"\x0a":
        return _data("sentencepiece")
    if texts.known(low) and texts.textual(head, whole=source.size <= len(head)):
        return _text
    if pickles.looks_like_text(source):
        return _pickle
    if texts.textual(head, whole=source.size <= len(head)):
        return _text
    return _stream if streams.kind_of(head) == "lzma" and claimed(low) in _UNPICKLED else None


def _data(format_: str) -> Reader:
    def reader(_source: Source, found: Findings, _budget: Budget, _name: str) -> None:
        found.format = format_

    return reader


def _sealed(source: Source, found: Findings, _budget: Budget, _name: str) -> None:
    found.format = "sealed"
    word = sealed.sealed_as(source.at(0, 64))
    found.unreadable("file.sealed", f"sealed ({word}): it can be looked at only when it is open")


def _gguf(source: Source, found: Findings, _budget: Budget, _name: str) -> None:
    found.format = "gguf"
    try:
        read = gguf.read(source)
    except (Malformed, TooLarge) as e:
        found.unreadable("gguf.broken", str(e))
        return
    for text in read.templates:
        templates.judge(text, found)


def _array(source: Source, found: Findings, budget: Budget, _name: str) -> None:
    found.format = "numpy"
    try:
        objects, begin = arrays.read(source)
    except (Malformed, TooLarge) as e:
        found.unreadable("numpy.broken", str(e))
        return
    if objects:
        _judged(Part(source, begin, source.size - begin), found, budget)


def _zip(source: Source, found: Findings, budget: Budget, _name: str) -> None:
    archives.zip_file(source, found, budget, scan)


def _tar(source: Source, found: Findings, budget: Budget, _name: str) -> None:
    end = archives.tar_file(source, found, budget, scan)
    _behind(Part(source, end, source.size - end), found, budget)


def _stream(source: Source, found: Findings, budget: Budget, name: str) -> None:
    archives.stream(source, streams.kind_of(source.at(0, 64)), name, found, budget, scan)


def _hdf5(source: Source, found: Findings, _budget: Budget, _name: str) -> None:
    found.format = "hdf5"
    hdf5_configs.judge(source, found)


def _pickle(source: Source, found: Findings, budget: Budget, _name: str) -> None:
    found.format = "pickle"
    _judged(source, found, budget)


def _judged(source: Source, found: Findings, budget: Budget) -> None:
    walked = judge(source, found, Context(0, budget.opcodes))
    end = storages_end(walked, source) or walked.end
    tail = source.size - end
    if walked.whole and tail > 0 and source.at(end, min(tail, HEAD)).strip(b"\0\r\n\t "):
        found.review("pickle.trailing", f"{tail} bytes behind the end of the last pickle")


def _closed(source: Source, found: Findings, budget: Budget, _name: str) -> None:
    found.format = "archive"
    if natives.closed(source.at(0, 16)) == "7z" and budget.depth > 0:
        first = streams.first_of_7z(source, _MOST_FIRST)
        if first:
            budget.depth -= 1
            found.take(scan(Memory(first), "", budget), "its first stream")
            budget.depth += 1
    found.unreadable("archive.closed", f"a {natives.closed(source.at(0, 16))} archive, which is not opened here")


def _program(source: Source, found: Findings, _budget: Budget, name: str) -> None:
    found.format = "program"
    word = natives.program(source.at(0, 4096))
    if claimed(base_of(name)):
        found.malicious("file.program", f"{word} under the name of a model")
    else:
        found.review("file.program", word)


def _engine(source: Source, found: Findings, _budget: Budget, name: str) -> None:
    found.format = "tensorrt"
    found.review("file.engine", f"{natives.engine(source.at(0, 16), name)}: compiled code, which can bring plug-ins")


def _picture(_source: Source, found: Findings, _budget: Budget, _name: str) -> None:
    found.format = "picture"


def _parquet(source: Source, found: Findings, _budget: Budget, _name: str) -> None:
    found.format = "parquet"
    fault = tables.parquet_fault(source)
    if fault:
        found.unreadable("parquet.broken", fault)


def _safetensors(source: Source, found: Findings, _budget: Budget, _name: str) -> None:
    found.format = "safetensors"
    try:
        safetensors.read(source)
    except (Malformed, TooLarge) as e:
        found.unreadable("safetensors.broken", str(e))


def _onnx(source: Source, found: Findings, _budget: Budget, _name: str) -> None:
    found.format = "onnx"
    try:
        graph = graphs.onnx(source)
    except (Malformed, TooLarge) as e:
        found.unreadable("onnx.broken", str(e))
        return
    for path in list(graph.outside)[:20]:
        found.malicious("onnx.external-data", f"it reads {path[:150]!r}, outside of its folder")
    for word in list(graph.custom)[:20]:
        found.review("onnx.operator", f"the operator {word[:150]}, which a library from elsewhere must bring")


def _saved_model(source: Source, found: Findings, _budget: Budget, _name: str) -> None:
    found.format = "saved-model"
    try:
        graph = graphs.saved_model(source)
    except (Malformed, TooLarge) as e:
        found.unreadable("saved-model.broken", str(e))
        return
    for word in graph.custom:
        if word in graphs.TENSORFLOW_WORST:
            found.malicious("saved-model.operator", f"the operator {word}")
        else:
            found.review("saved-model.operator", f"the operator {word}")


def _text(source: Source, found: Findings, budget: Budget, name: str) -> None:
    found.format = "text"
    texts.judge(source, name, found)
    tried = pickles.walk(source, most=_MOST_TRIED)
    if pickles.named(tried) and any(rank(g) is Rank.DANGEROUS for g in tried.imports.values()):
        # Words on lines of their own can read like imports; those that do harm are no accident.
        found.review("file.claim", "a text that is a pickle too")
        _judged(source, found, budget)


def _unknown(source: Source, head: bytes, name: str, claim: str, found: Findings, budget: Budget) -> None:
    if pickles.named(pickles.walk(source, most=_MOST_TRIED)):
        found.format = "pickle"
        _judged(source, found, budget)
    elif claim == "annoy":
        found.format = "annoy"  # the format has no header: its name is all there is
    elif claim and claim != "weights":
        found.unreadable("file.claim", f"it is called {suffix_of(name)} and is none that can be read")
    elif claim == "weights":
        found.unreadable("file.unknown", "of no format that is known here, and called as models are")
    elif b"class_name" in head and texts.keras_metadata(source, found):
        found.format = "keras"
    else:
        found.review("file.unknown", "of no format that is known here")


def _claims(source: Source, name: str, claim: str, found: Findings, budget: Budget) -> None:
    """A name that lies, and what the loader that goes by the name would do with the content."""
    is_ = found.format
    if is_ == "text" and claim == "weights":
        found.unreadable("file.claim", f"it is called {suffix_of(name)} and is a text")
    if is_ and claim not in ("", "weights", is_) and is_ not in ("sealed", "program"):
        same = any({claim, is_} <= alike for alike in _ALIKE) or (claim in _LOOSE and is_ in _FITS[claim])
        if not same and is_ in ("text", "picture"):
            found.unreadable("file.claim", f"it is called {suffix_of(name)} and is no {claim}")
        elif not same:
            found.review("file.claim", f"it is called {suffix_of(name)} and holds {is_}")
    if (
        is_ not in ("pickle", "numpy", "program")
        and claim in _UNPICKLED
        and pickles.named(pickles.walk(source, most=_MOST_TRIED))
    ):
        # Another loader than the content asks for: every opcode before the one that fails has run by then.
        _judged(source, found, budget)


_PICKLED = frozenset({"pickle", "pytorch", "torchscript", "archive", "numpy", "npz"})
_FITS = {
    "pytorch": frozenset({"pickle", "pytorch", "torchscript", "archive", "safetensors"}),
    "pickle": _PICKLED,
    "joblib": _PICKLED,
    "annoy": frozenset[str](),
    "hdf5": frozenset({"keras"}),
}


def _behind(source: Source, found: Findings, budget: Budget) -> None:
    """An archive behind something else: what opens archives looks at the end of a file first."""
    try:
        listed = zips.read(source)
    except (Malformed, TooLarge):
        return
    if listed.entries and budget.depth > 0:
        found.review("file.two", "it ends in a ZIP archive, which other loaders would open")
        inner = Findings()
        budget.depth -= 1
        archives.zip_file(source, inner, budget, scan)
        budget.depth += 1
        found.take(inner, "in the archive at its end")
