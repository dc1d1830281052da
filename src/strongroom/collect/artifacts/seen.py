"""What one file turned out to be."""

from dataclasses import dataclass, field

from strongroom.model.values import Unknown

# Words for formats; `artifact.` before one is the native type.
WEIGHTS = frozenset({
    "safetensors", "gguf", "ggml", "pytorch", "torchscript", "onnx", "saved-model", "tf-checkpoint", "keras", "hdf5",
    "pickle", "joblib", "numpy", "npz", "sealed", "archive", "sentencepiece", "tflite",
})  # fmt: skip
DATASETS = frozenset({"parquet", "arrow", "feather", "tfrecord", "jsonl", "webdataset", "prompt-log"})
INDEXES = frozenset({"faiss", "hnswlib", "annoy", "chroma", "lance"})
PICKLED = frozenset({"pytorch", "pickle", "joblib"})


@dataclass(slots=True)
class Seen:
    """One file: its format, and what reading its header showed. `executes` is Unknown where that cannot be told."""

    format: str
    faults: list[str] = field(default_factory=list)
    executes: bool | Unknown = False
    by: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    pickle: bool = False
    model: str = ""
    sealed: str = ""
    needs: list[str] = field(default_factory=list)  # files beside it that it reads
    index_of: tuple[str, ...] | None = None  # the shards that it lists, when it is an index
    trouble: Unknown | None = None  # why the header could not be read whole
    split: int = 0

    def runs(self, *why: str) -> None:
        """Loading it runs these."""
        if why:
            self.executes = True
            self.by += [w for w in why if w not in self.by]

    def broke(self, trouble: Unknown) -> None:
        """Its header could not be read: what it would run is not known, unless it is known already."""
        self.trouble = trouble
        if self.executes is False:
            self.executes = trouble
