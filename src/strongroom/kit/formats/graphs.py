"""Computation graphs in protocol buffers: ONNX (onnx.proto) and TensorFlow's SavedModel (saved_model.proto)."""

from dataclasses import dataclass, field

from strongroom.kit.formats.bounded import Source, safe_name
from strongroom.kit.formats.protobuf import BYTES, VARINT, Field, Message
from strongroom.model.errors import Malformed, TooLarge

MOST_FIELDS = 3_000_000
_SHOWN = 100

# ONNX: the domains whose operators belong to the format or to its reference runtime.
ONNX_DOMAINS = frozenset({
    "", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training", "com.microsoft",
    "com.microsoft.nchwc", "com.microsoft.experimental", "com.ms.internal.nhwc", "org.pytorch.aten",
})  # fmt: skip
_MODEL = {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 6: BYTES, 7: BYTES, 8: BYTES, 14: BYTES, 20: BYTES,
          25: BYTES, 26: BYTES}  # fmt: skip
_LAST_IR = 40

# TensorFlow operators that run Python, or read and write files that the graph names.
TENSORFLOW_CODE = frozenset({
    "PyFunc", "PyFuncStateless", "EagerPyFunc", "ReadFile", "WriteFile", "SaveV2", "MatchingFiles", "PrintV2",
    "WholeFileReaderV2", "LoadDataset", "SaveDataset", "SaveDatasetV2", "DebugIdentityV3", "WriteRawProtoSummary",
    "RegisterDataset", "RpcCall", "CreateSummaryFileWriter",
})  # fmt: skip
TENSORFLOW_WORST = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc", "WriteFile", "RpcCall"})
_ORDINARY = frozenset({"SaveV2", "PrintV2"})  # every SavedModel has a function that saves it; printing harms nobody


@dataclass(slots=True)
class Graph:
    """What a graph names beyond its own format: operators, functions of its own, and files."""

    producer: str = ""
    custom: dict[str, None] = field(default_factory=dict)  # operators that a library from elsewhere must bring
    outside: dict[str, None] = field(default_factory=dict)  # files that it reads, outside of its folder
    external: dict[str, None] = field(default_factory=dict)  # files that it reads, in its folder
    own: set[str] = field(default_factory=set)  # domains of functions that the model itself brings


def looks_like_onnx(source: Source) -> bool:
    """Whether the top level is that of a model: a version first, known fields of their types, a graph, and no rest."""
    head = source.at(0, 2)
    if len(head) < 2 or head[0] != 0x08 or not 1 <= head[1] <= _LAST_IR:
        return False
    found = set()
    try:
        for f in Message(source, "ONNX model", budget=[2_000]).fields():
            if _MODEL.get(f.number) != f.wire:
                return False
            found.add(f.number)
    except (Malformed, TooLarge):
        return False
    return 7 in found and bool(found & {2, 8})


def onnx(source: Source) -> Graph:
    """The operators and files that an ONNX model names. Raises Malformed, TooLarge."""
    found = Graph()
    model = Message(source, "ONNX model", budget=[MOST_FIELDS])
    domains: dict[str, None] = {}
    for f in model.fields():
        if f.number == 2 and f.wire == BYTES:
            found.producer = model.text(f, 80)
        elif f.number in (7, 25) and f.wire == BYTES:  # graph; functions
            if f.number == 25:
                found.own.update(_domain_of_function(model, f))
            _onnx_graph(model.inner(f), found, domains, function=f.number == 25)
        elif f.number == 20 and f.wire == BYTES:  # training_info: initialization = 1, algorithm = 2
            training = model.inner(f)
            for g in training.fields():
                if g.number in (1, 2) and g.wire == BYTES:
                    _onnx_graph(training.inner(g), found, domains, function=False)
    for domain in domains:
        if domain.partition(":")[0] not in ONNX_DOMAINS | found.own:
            found.custom[domain] = None
    return found


def _domain_of_function(model: Message, f: Field) -> set[str]:
    function = model.inner(f)
    return {function.text(g, 200) for g in function.fields() if g.number == 10 and g.wire == BYTES}


def _onnx_graph(graph: Message, found: Graph, domains: dict[str, None], *, function: bool) -> None:
    """GraphProto: node = 1, initializer = 5, sparse_initializer = 15; FunctionProto: node = 7."""
    for f in graph.fields():
        if f.wire != BYTES:
            continue
        if f.number == (7 if function else 1):
            _onnx_node(graph.inner(f), found, domains)
        elif f.number == 5 and not function:
            _onnx_tensor(graph.inner(f), found)
        elif f.number == 15 and not function:
            sparse = graph.inner(f)
            for g in sparse.fields():
                if g.number in (1, 2) and g.wire == BYTES:
                    _onnx_tensor(sparse.inner(g), found)


def _onnx_node(node: Message, found: Graph, domains: dict[str, None]) -> None:
    """NodeProto: op_type = 4, attribute = 5, domain = 7."""
    operator = domain = ""
    for f in node.fields():
        if f.wire != BYTES:
            continue
        if f.number == 4:
            operator = node.text(f, 100)
        elif f.number == 7:
            domain = node.text(f, 200)
        elif f.number == 5:
            _onnx_attribute(node.inner(f), found, domains)
    if domain not in ONNX_DOMAINS and len(domains) < _SHOWN:
        domains[f"{domain}:{operator}"] = None


def _onnx_attribute(attribute: Message, found: Graph, domains: dict[str, None]) -> None:
    """AttributeProto: t = 5, g = 6, tensors = 10, graphs = 11."""
    for f in attribute.fields():
        if f.wire != BYTES:
            continue
        if f.number in (5, 10):
            _onnx_tensor(attribute.inner(f), found)
        elif f.number in (6, 11):
            _onnx_graph(attribute.inner(f), found, domains, function=False)


def _onnx_tensor(tensor: Message, found: Graph) -> None:
    """TensorProto: external_data = 13, of StringStringEntryProto: key = 1, value = 2."""
    for f in tensor.fields():
        if f.number != 13 or f.wire != BYTES:
            continue
        entry = tensor.inner(f)
        pair = {g.number: entry.text(g, 4096) for g in entry.fields() if g.wire == BYTES}
        if pair.get(1) == "location":
            path = pair.get(2, "")
            into = found.external if safe_name(path) else found.outside
            if len(into) < 10_000:
                into[path] = None


def looks_like_saved_model(source: Source) -> bool:
    """Whether the top level is that of a SavedModel: a schema version of 1, then meta graphs."""
    try:
        fields = list(Message(source, "SavedModel", budget=[200]).fields())
    except (Malformed, TooLarge):
        return False
    kinds = [(f.number, f.wire) for f in fields]
    return (
        (2, BYTES) in kinds
        and set(kinds) <= {(1, VARINT), (2, BYTES)}
        and all(f.value == 1 for f in fields if f.number == 1)
    )


def saved_model(source: Source) -> Graph:
    """The operators of a SavedModel that reach outside of the graph. Raises Malformed, TooLarge."""
    found = Graph()
    model = Message(source, "SavedModel", budget=[MOST_FIELDS])
    for f in model.fields():
        if f.number == 2 and f.wire == BYTES:  # meta_graphs
            meta = model.inner(f)
            for g in meta.fields():
                if g.number == 2 and g.wire == BYTES:  # graph_def
                    _graph_def(meta.inner(g), found)
    return found


def _graph_def(graph: Message, found: Graph) -> None:
    """GraphDef: node = 1, library = 2; FunctionDefLibrary: function = 1; FunctionDef: node_def = 3."""
    for f in graph.fields():
        if f.wire != BYTES:
            continue
        if f.number == 1:
            _tensorflow_node(graph.inner(f), found)
        elif f.number == 2:
            library = graph.inner(f)
            for g in library.fields():
                if g.number == 1 and g.wire == BYTES:
                    function = library.inner(g)
                    for n in function.fields():
                        if n.number == 3 and n.wire == BYTES:
                            _tensorflow_node(function.inner(n), found)


def _tensorflow_node(node: Message, found: Graph) -> None:
    """NodeDef: op = 2."""
    for f in node.fields():
        if f.number == 2 and f.wire == BYTES:
            operator = node.text(f, 100)
            if operator in TENSORFLOW_CODE - _ORDINARY and len(found.custom) < _SHOWN:
                found.custom[operator] = None
