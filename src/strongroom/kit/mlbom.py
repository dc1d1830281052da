"""The bill of materials of a model: CycloneDX 1.7 (ECMA-424), as JSON.

What is not known of a model is not there: nothing is filled in, and no word stands for "unknown".
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from strongroom.kit import oms
from strongroom.kit.canonical import Json, canonical
from strongroom.kit.formats import weights
from strongroom.kit.formats.weights import Tensor, Weights
from strongroom.kit.model_card import Card, Configured, Licence, licence
from strongroom.kit.uuids import uuid5
from strongroom.model.errors import BadInput

SUBJECT = "bill of materials"
_ROOT = "model"
_MAIN = ("config.json", "model_index.json", "adapter_config.json")
Object = dict[str, Json]


class File(NamedTuple):
    """A file of a model. `format` and `role` are words for what it is; `fault` says why its header could not be read."""

    path: str
    size: int
    sha256: str
    format: str = ""
    role: str = ""
    weights: Weights | None = None
    executes: tuple[str, ...] = ()
    fault: str = ""


class Sealing(NamedTuple):
    """How an artifact that the model was read from is sealed; `slots` are words for who opens it."""

    artifact: str
    boundary: str
    segment: int
    slots: tuple[str, ...]


class Model(NamedTuple):
    """What was read of a model. Configurations are by their paths; `licences` are those that files call themselves."""

    name: str
    files: tuple[File, ...]
    card: Card = Card()
    configs: Mapping[str, Configured] = {}
    licences: Mapping[str, Licence] = {}
    code: tuple[str, ...] = ()
    sealing: Sealing | None = None


class _Part(NamedTuple):
    """A folder of the model with a configuration of its own; the root is one always."""

    folder: str
    config: Configured
    files: tuple[File, ...]

    @property
    def ref(self) -> str:
        return f"part:{self.folder}" if self.folder else _ROOT


def document(model: Model, version: str, now: datetime) -> bytes:
    """The bill. The same model at the same time gives the same octets. Raises BadInput where there is no file."""
    if not model.files:
        raise BadInput(model.name, "no file", "a model")
    parts = tuple(_parts(model))
    datasets = [_dataset(name) for name in _datasets(model)]
    sealing = list(_crypto(model.sealing)) if model.sealing else []
    named = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    bill: Object = {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{uuid5('ml-bom', combined(digests(model.files)), named)}",
        "version": 1,
        "metadata": {
            "timestamp": named,
            "lifecycles": [{"phase": "post-build"}],
            "tools": {"components": [{"type": "application", "name": "strongroom", "version": version}]},
            "component": _root(model, parts[0]),
        },
        "components": [*(_inner(p) for p in parts[1:]), *map(_file, model.files), *datasets, *sealing],
        "dependencies": list(_dependencies(parts, [*datasets, *sealing])),
    }
    return msgspec.json.format(canonical(bill, SUBJECT), indent=2) + b"\n"


def digests(files: Iterable[File]) -> dict[str, str]:
    """SHA-256 by path."""
    return {f.path: f.sha256 for f in files}


def combined(found: Mapping[str, str]) -> str:
    """One digest of all files: SHA-256 over the lines that `sha256sum` prints, in the order of the names."""
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(found.items()))
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def _parts(model: Model) -> Iterator[_Part]:
    """The root first. What lies in no part of its own belongs to the one around it."""
    folders = {path.rpartition("/")[0] for path in model.configs if path.rpartition("/")[2] in _MAIN} | {""}
    held: dict[str, list[File]] = {folder: [] for folder in folders}
    for f in model.files:
        held[_home(f.path, folders)].append(f)
    for folder in sorted(folders):
        configs = {p: c for p, c in sorted(model.configs.items()) if _home(p, folders) == folder}
        yield _Part(folder, _config(configs, folder), tuple(held[folder]))


def _home(path: str, folders: Collection[str]) -> str:
    folder = path.rpartition("/")[0]
    while folder not in folders:
        folder = folder.rpartition("/")[0]
    return folder


def _config(configs: Mapping[str, Configured], folder: str) -> Configured:
    """What the configurations of a part say together; that of the model comes before that of an adapter, and others."""
    names = [f"{folder}/{name}" if folder else name for name in _MAIN]
    found = [configs[n] for n in names if n in configs]
    facts: dict[str, str] = {}
    for c in [*found, *(c for n, c in configs.items() if n not in names)]:
        facts = dict(c.facts) | facts
    first = found[0] if found else Configured()
    adapter = next((c for c in found if c.adapter), first)
    packed = any(c.packed for c in found)
    return first._replace(adapter=adapter.adapter, base=adapter.base, packed=packed, facts=tuple(sorted(facts.items())))


def _words(files: Sequence[File]) -> Mapping[str, str]:
    """What headers of GGUF say; the first that says something counts."""
    found: dict[str, str] = {}
    for f in files:
        if f.weights is not None and f.weights.format == "gguf":
            found = {**f.weights.words, **found}
    return found


def _named(words: Mapping[str, str], prefix: str) -> tuple[str, ...]:
    """Base models and data sets in the words of GGUF: `general.base_model.0.name` with its organization, or its place."""
    found = []
    for number in sorted({k.removeprefix(prefix).partition(".")[0] for k in words if k.startswith(prefix)}):
        at = f"{prefix}{number}."
        owner, name = words.get(f"{at}organization", ""), words.get(f"{at}name", "")
        place = words.get(f"{at}repo_url", "")
        found.append("/".join(w for w in (owner, name) if w) if name else place)
    return tuple(w for w in found if w)


def _datasets(model: Model) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*model.card.datasets, *_named(_words(model.files), "general.dataset."))))


def _root(model: Model, part: _Part) -> Object:
    words = _words(part.files)
    more: Object = {"task": model.card.task} if model.card.task else {}
    if listed := _datasets(model):
        more["datasets"] = [{"ref": f"dataset:{name}"} for name in listed]
    found = _model(part, model.name, more) if _is_model(model) else _data(model)
    of_header = (licence(words["general.license"]),) if "general.license" in words else ()
    licences = model.card.licences or of_header or tuple(dict.fromkeys(model.licences.values()))
    if licences:
        found["licenses"] = [_licence(one) for one in licences]
    bases = model.card.bases or ((part.config.base,) if part.config.base else _named(words, "general.base_model."))
    if bases:
        found["pedigree"] = _pedigree(bases, model.card.relation)
    if len(model.files) == 1:
        found["hashes"] = [{"alg": "SHA-256", "content": model.files[0].sha256}]
    found["properties"] = _properties(_about(model))
    return found


def _is_model(model: Model) -> bool:
    return bool(model.configs or model.card.task or model.card.bases) or any(f.role == "weights" for f in model.files)


def _data(model: Model) -> Object:
    """Nothing of a model is there: data, and data sets where a format says so."""
    kind = "dataset" if any(f.role == "dataset" for f in model.files) else "other"
    return {"type": "data", "bom-ref": _ROOT, "name": model.name, "data": [{"type": kind, "name": model.name}]}


def _about(model: Model) -> Iterator[tuple[str, str]]:
    """What is said of a model as a whole. The digest of OMS leaves names out, and so is no identity of it."""
    found = digests(model.files)
    yield "bytes", str(sum(f.size for f in model.files))
    yield "files", str(len(model.files))
    yield "sha256", combined(found)
    signed = [p for p in oms.sorted_names(found) if not oms.is_under(p, oms.ALWAYS_IGNORED)]
    if signed:
        yield "oms-digest", f"sha256:{oms.root_digest(found[p] for p in signed)}"
    if model.card.library:
        yield "library", model.card.library
    for language in model.card.languages:
        yield "language", language
    for text in model.code:
        yield "code", text
    if model.sealing is not None:
        yield "sealed.artifact", model.sealing.artifact
        yield "sealed.boundary", model.sealing.boundary
        yield "sealed.segment", str(model.sealing.segment)
        for slot in model.sealing.slots:
            yield "sealed.slot", slot


def _inner(part: _Part) -> Object:
    found = _model(part, part.folder, {})
    if part.config.base:
        found["pedigree"] = _pedigree((part.config.base,), "")
    return found


def _model(part: _Part, name: str, more: Object) -> Object:
    """The component of a part, with what its configuration and the headers of its weights say."""
    config, words = part.config, _words(part.files)
    family = config.family or words.get("general.architecture", "")
    said = {"architectureFamily": family, "modelArchitecture": config.architecture}
    parameters: Object = {**{n: v for n, v in said.items() if v}, **more}
    card: Object = {"modelParameters": parameters} if parameters else {}
    if properties := _properties(_measured(part)):
        card["properties"] = properties
    found: Object = {"type": "machine-learning-model", "bom-ref": part.ref, "name": name}
    return {**found, "modelCard": card} if card else found


def _measured(part: _Part) -> Iterator[tuple[str, str]]:
    """The tensors of a part, each name once, for the same weights can lie there in several files; by one format alone."""
    formats = sorted({f.weights.format for f in part.files if f.weights is not None})
    tensors: dict[str, Tensor] = {}
    for f in part.files:
        for t in f.weights.tensors if f.weights is not None else ():
            tensors.setdefault(t.name, t)
    if formats:
        yield "weights", ", ".join(formats)
    whole = not any(f.fault for f in part.files if f.role == "weights")
    if len(formats) == 1 and whole:
        yield from _counted(tuple(tensors.values()), packed=part.config.packed)
    if part.config.adapter:
        yield "adapter", part.config.adapter
    yield from part.config.facts


def _counted(tensors: tuple[Tensor, ...], *, packed: bool) -> Iterator[tuple[str, str]]:
    types = sorted({t.dtype for t in tensors})
    yield "tensors", str(len(tensors))
    if not packed:  # several parameters lie in one element there, how many is the method's own business
        yield "parameters", str(sum(t.elements for t in tensors if weights.real(t.dtype)))
    if types:
        yield "dtypes", ", ".join(types)
    if quantised := [t for t in types if weights.quantised(t)]:
        yield "quantization", ", ".join(quantised)


def _file(f: File) -> Object:
    properties: list[tuple[str, str]] = [("bytes", str(f.size))]
    properties += [(n, v) for n, v in (("format", f.format), ("role", f.role)) if v]
    if f.weights is not None:
        properties += _counted(f.weights.tensors, packed=True)
    properties += [("executes", text) for text in f.executes]
    if f.fault:
        properties.append(("fault", f.fault))
    return {
        "type": "file",
        "bom-ref": f"file:{f.path}",
        "name": f.path,
        "hashes": [{"alg": "SHA-256", "content": f.sha256}],
        "properties": _properties(properties),
    }


def _dataset(name: str) -> Object:
    return {
        "type": "data",
        "bom-ref": f"dataset:{name}",
        "name": name,
        "data": [{"type": "dataset", "name": name}],
    }


def _licence(one: Licence) -> Json:
    found: Object = {"acknowledgement": "declared", "id" if one.spdx else "name": one.spdx or one.name}
    if one.url.startswith(("https://", "http://")) and not any(c in one.url for c in ' "<>\\^`{|}'):
        found["url"] = one.url
    return {"license": found}


def _pedigree(bases: Iterable[str], relation: str) -> Json:
    found: Object = {"ancestors": [{"type": "machine-learning-model", "name": b} for b in bases]}
    if relation:
        found["notes"] = relation
    return found


def _crypto(sealing: Sealing) -> Iterator[Object]:
    """What protects an artifact: FLOE, and the derivation of a key for each message."""
    yield {
        "type": "cryptographic-asset",
        "bom-ref": "crypto:payload",
        "name": "FLOE with AES-256-GCM",
        "cryptoProperties": {
            "assetType": "algorithm",
            "algorithmProperties": {
                "primitive": "ae",
                "algorithmFamily": "AES",
                "parameterSetIdentifier": "256",
                "mode": "gcm",
                "cryptoFunctions": ["encrypt", "decrypt", "tag"],
            },
        },
        "properties": _properties([("segment", str(sealing.segment))]),
    }
    yield {
        "type": "cryptographic-asset",
        "bom-ref": "crypto:keys",
        "name": "HKDF with SHA-256",
        "cryptoProperties": {
            "assetType": "algorithm",
            "algorithmProperties": {
                "primitive": "kdf",
                "algorithmFamily": "HKDF",
                "parameterSetIdentifier": "SHA-256",
                "cryptoFunctions": ["keyderive"],
            },
        },
    }


def _dependencies(parts: Sequence[_Part], more: Sequence[Object]) -> Iterator[Json]:
    for part in parts:
        wanted: list[Json] = [f"file:{f.path}" for f in part.files]
        if part.ref == _ROOT:
            wanted = [*(p.ref for p in parts[1:]), *wanted, *(m["bom-ref"] for m in more)]
        yield {"ref": part.ref, "dependsOn": wanted}


def _properties(found: Iterable[tuple[str, str]]) -> list[Json]:
    return [{"name": f"strongroom:{name}", "value": value} for name, value in found]
