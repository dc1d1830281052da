"""Configurations of models, in JSON and YAML: code that they name, programs within them, and what loads by itself."""

import base64
import binascii
import json
import re

import yaml

from strongroom.kit import strict_json
from strongroom.kit.formats import templates
from strongroom.kit.formats.pickle_danger import Rank, spelled_rank
from strongroom.kit.formats.verdicts import Findings
from strongroom.model.errors import Malformed, TooLarge

MOST = 64 << 20
_MOST_NODES = 5_000_000
_MOST_YAML = 4 << 20
_MOST_DEPTH = 100
_MOST_PARTS = 10_000
_OWN = ("keras", "tensorflow", "tf_keras", "keras_nlp", "keras_cv", "keras_hub", "builtins")
_KERAS_CODE = frozenset({
    "get_file", "load_model", "enable_unsafe_deserialization", "TorchModuleWrapper", "TFSMLayer", "JaxLayer",
    "load_weights", "deserialize", "model_from_json", "TextVectorizer", "import_module",
})  # fmt: skip
_VOCABULARIES = frozenset({"StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization"})
_TARGETS = frozenset({"_target_", "_target", "target", "entry_point", "class_path", "__class__", "py/object", "py/reduce",
                      "py/function", "py/type"})  # fmt: skip
_LIBRARIES = ("nemo", "torch", "pytorch_lightning", "lightning", "transformers", "diffusers", "megatron", "omegaconf",
              "apex", "ldm", "sgm", "torchvision", "torchaudio", "hydra")  # fmt: skip
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?::\w+)?")
_MARSHALLED = re.compile(
    rb"system|popen|subprocess|\bexec\b|\beval\b|__import__|socket|urlopen|requests|open\b|getattr|ctypes|"
    rb"[\xda\xfaZz].(?:os|sys|exec|eval|open)(?![a-z])"
)
Node = dict[str, object]


def judge_json(data: bytes, found: Findings) -> None:
    """Add what a JSON document would have a loader run."""
    try:
        strict_json.check(data, "JSON")
        root: object = json.loads(data)
    except (Malformed, TooLarge) as e:
        found.unreadable("config.broken", str(e))
        return
    except (ValueError, RecursionError):
        found.unreadable("config.broken", "no JSON that can be read")
        return
    judge_tree(root, found)


def judge_tree(root: object, found: Findings) -> None:
    """Add what a configuration that is already read would have a loader run."""
    queue: list[tuple[str, object]] = [("", root)]
    seen = 0
    while queue:
        key, node = queue.pop()
        seen += 1
        if seen > _MOST_NODES:
            found.unreadable("config.large", f"over {_MOST_NODES} values; the rest was not looked at")
            return
        if isinstance(node, dict):
            _named(node, found)
            queue.extend((str(k), v) for k, v in node.items())
        elif isinstance(node, list):
            queue.extend((key, v) for v in node)
        elif isinstance(node, str):
            _text(key, node, found)


def _named(node: Node, found: Findings) -> None:
    for word in ("auto_map", "custom_pipelines"):
        value = node.get(word)
        if value and isinstance(value, dict):
            found.review("config.code", f"names code by {word} ({', '.join(map(str, value))[:100]})")
    if node.get("trust_remote_code") is True:
        found.review("config.code", "sets trust_remote_code")
    if "class_name" in node or ("module" in node and "config" in node):
        _keras(node, found)


def _keras(node: Node, found: Findings) -> None:
    kind, module, given = node.get("class_name"), node.get("module"), node.get("config")
    if kind in ("Lambda", "__lambda__"):
        _lambda(node, found)
    if not isinstance(kind, str):
        return
    function = str(given) if kind == "function" and isinstance(given, str) else kind
    if isinstance(module, str) and module:
        _module_of(module, function, found)
    elif kind == "function" and isinstance(given, str):
        found.review("keras.function", f"names the function {given[:100]}")
    registered = node.get("registered_name")
    if module is None and isinstance(registered, str) and ">" in registered and not registered.startswith("Custom>"):
        found.review("keras.class", f"names the registered class {registered[:100]}")
    elif isinstance(registered, str) and registered.startswith("Custom>"):
        found.review("keras.class", f"names the class {registered[:100]} of its author's own")
    if kind in _VOCABULARIES and isinstance(given, dict) and isinstance(given.get("vocabulary"), str):
        found.review("keras.reads", f"{kind} reads the file {given['vocabulary']!r:.100}")
    if kind in _KERAS_CODE:
        found.malicious("keras.code", f"{kind} loads what the configuration names, past every safe mode")


def _module_of(module: str, kind: str, found: Findings) -> None:
    own = module.partition(".")[0] in _OWN and module != "builtins"
    if own:
        if kind in _KERAS_CODE:
            found.malicious("keras.code", f"names {module}.{kind}, which loads or fetches what the file says"[:200])
        return
    rank = spelled_rank(f"{module}.{kind}")
    if rank is Rank.DANGEROUS:
        found.malicious("keras.code", f"names {module}.{kind}"[:200])
    elif rank is not Rank.HARMLESS:
        found.review("keras.class", f"names the class {module}.{kind}"[:200])


def _lambda(node: Node, found: Findings) -> None:
    found.review("keras.lambda", "a Lambda layer, whose body is code")
    for text in _strings(node.get("config")):
        raw = text.encode("latin-1", "replace") + _unpacked(text)
        if _MARSHALLED.search(raw):
            found.malicious("keras.lambda", "a Lambda layer whose body names what reaches out of the process")
            return


def _unpacked(text: str) -> bytes:
    """The bytecode that a text carries as base64; nothing where it carries none."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _strings(value: object) -> list[str]:
    queue, texts = [value], list[str]()
    for seen, v in enumerate(queue):
        if seen > _MOST_PARTS:
            break
        if isinstance(v, str):
            texts.append(v)
        elif isinstance(v, dict):
            queue.extend(v.values())
        elif isinstance(v, list):
            queue.extend(v)
    return texts


def _text(key: str, text: str, found: Findings) -> None:
    if key in _TARGETS and _DOTTED.fullmatch(text):
        _target(key, text, found)
    if "{{" in text or "{%" in text or (key.endswith("template") and "{" in text):
        inner = Findings()
        templates.judge(text, inner)
        broken = not key.endswith("template") and not _worse(inner)
        if not broken:  # braces in a text that is no template break no rule of Jinja's
            found.take(inner, key[:60] or "a text")


def _worse(inner: Findings) -> bool:
    return any(r.rule != "template.broken" for r in inner.reasons)


def _target(key: str, text: str, found: Findings) -> None:
    rank = spelled_rank(text)
    if rank is Rank.DANGEROUS:
        found.malicious("config.target", f"{key} is {text[:120]}")
    elif rank is not Rank.HARMLESS and text.partition(".")[0] not in _LIBRARIES:
        found.review("config.target", f"{key} is {text[:120]}, code of a library that is not known here")


def judge_yaml(data: bytes, found: Findings) -> None:
    """Add what a YAML document would have a loader run: tags of Python objects, targets, templates. Nothing is built."""
    if len(data) > _MOST_YAML:
        found.unreadable("config.large", f"{len(data)} bytes of YAML; at most {_MOST_YAML} are read")
        return
    try:
        text = data.decode("utf-8-sig")
        _events(text, found)
    except UnicodeDecodeError:
        found.unreadable("config.broken", "no YAML in UTF-8")
    except (yaml.YAMLError, RecursionError, ValueError) as e:
        found.unreadable("config.broken", f"no YAML that can be read ({type(e).__name__})")


def _events(text: str, found: Findings) -> None:
    keys: list[list[str]] = []
    expecting: list[bool] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        tag = getattr(event, "tag", None)
        if isinstance(tag, str):
            _tag(tag, found)
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(keys) > _MOST_DEPTH:
                raise ValueError
            _turn(expecting)
            keys.append(["", "map" if isinstance(event, yaml.MappingStartEvent) else "list"])
            expecting.append(isinstance(event, yaml.MappingStartEvent))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            keys.pop()
            expecting.pop()
            _again(keys, expecting)
        elif isinstance(event, yaml.ScalarEvent):
            if expecting and expecting[-1]:
                keys[-1][0], expecting[-1] = event.value, False
            else:
                _text(keys[-1][0] if keys else "", event.value, found)
                _again(keys, expecting)
        elif isinstance(event, yaml.AliasEvent):
            if expecting and expecting[-1]:
                expecting[-1] = False
            else:
                _again(keys, expecting)


def _turn(expecting: list[bool]) -> None:
    """A key that is no plain text: what follows is its value."""
    if expecting and expecting[-1]:
        expecting[-1] = False


def _again(keys: list[list[str]], expecting: list[bool]) -> None:
    """A value has ended: in a mapping the next is a key."""
    if keys and keys[-1][1] == "map":
        expecting[-1] = True


def _tag(tag: str, found: Findings) -> None:
    if "python/" in tag or tag.startswith(("!!python", "!ruby", "!java")):
        found.malicious("config.yaml-object", f"the tag {tag[:100]} builds an object while the file is read")
    elif not tag.startswith("tag:yaml.org,2002:") and tag not in ("!", "?"):
        found.review("config.yaml-tag", f"the tag {tag[:100]}, which a loader of its own gives a meaning")


def is_json(data: bytes) -> bool:
    """Whether bytes are one JSON document."""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
