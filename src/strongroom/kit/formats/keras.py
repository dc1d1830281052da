"""Keras: what the configuration of a model would run when it is loaded, and HDF5 files that hold one."""

import json

from strongroom.kit import strict_json
from strongroom.kit.formats.bounded import Source
from strongroom.model.errors import Malformed

HDF5 = b"\x89HDF\r\n\x1a\n"  # HDF5 File Format Specification, II.A
MOST_CONFIG = 16 << 20
_OWN = ("keras", "tensorflow", "tf_keras", "keras_nlp", "keras_cv", "keras_hub")
_SCAN = 8 << 20
_MOST_NODES = 500_000
_LAMBDA = (b'"class_name": "Lambda"', b'"class_name":"Lambda"', b'\\"class_name\\": \\"Lambda\\"')
_CONFIG = b"model_config"


def code_of_config(data: bytes) -> tuple[str, ...]:
    """What a model's JSON configuration runs of its own: Lambda layers, functions, classes of other modules.

    Raises Malformed, TooLarge for what is no JSON of an ordinary kind.
    """
    strict_json.check(data, "Keras configuration")
    found: dict[str, None] = {}
    queue: list[object] = [json.loads(data)]
    seen = 0
    while queue:
        node = queue.pop()
        seen += 1
        if seen > _MOST_NODES:
            raise Malformed("Keras configuration", "a model of over half a million parts", "fewer")
        if isinstance(node, dict):
            _named(node, found)
            queue.extend(node.values())
        elif isinstance(node, list):
            queue.extend(node)
    return tuple(found)


def _named(node: dict[str, object], found: dict[str, None]) -> None:
    kind, module = node.get("class_name"), node.get("module")
    if kind in ("Lambda", "__lambda__"):
        found["a Lambda layer, whose body is code"] = None
    elif isinstance(module, str) and isinstance(kind, str) and module.partition(".")[0] not in (*_OWN, "builtins"):
        found[f"the class {module}.{kind}"[:200]] = None
    elif kind == "function" and module is None and isinstance(node.get("config"), str):
        found[f"the function {node['config']}"[:200]] = None


def code_of_hdf5(source: Source) -> bool | None:
    """Whether an HDF5 file holds a Lambda layer: True where one is seen, False where it holds no model, else None.

    Attributes can lie anywhere and in several encodings, so that a model in which none is seen proves nothing.
    """
    parts = [source.at(0, _SCAN)]
    if source.size > _SCAN:
        parts.append(source.at(max(_SCAN, source.size - _SCAN), _SCAN))
    if any(word in part for part in parts for word in _LAMBDA):
        return True
    whole = source.size <= 2 * _SCAN
    return False if whole and not any(_CONFIG in part for part in parts) else None
