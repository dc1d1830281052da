"""Describe a model by what is in it: its bill of materials, whether it lies open or was sealed."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from strongroom import __version__
from strongroom.app import seal_model, seal_source
from strongroom.app.seal_signers import Signer
from strongroom.collect.artifacts.recognising import recognise
from strongroom.collect.artifacts.seen import DATASETS, INDEXES, Seen
from strongroom.kit import dsse, mlbom, mlbom_checking, model_card, model_key, provenance, sealed, slots
from strongroom.kit.formats import folders, weights
from strongroom.kit.formats.bounded import Source
from strongroom.kit.mlbom import File, Model, Sealing
from strongroom.kit.model_card import Card, Configured, Licence
from strongroom.kit.oms import Piece
from strongroom.model.errors import BadInput, BadSignature, StrongroomError
from strongroom.model.ports import Progress
from strongroom.seal import hashing, scanning, unsealing
from strongroom.seal.payload import Payload
from strongroom.seal.reading import Unsealed

_CARDS = ("README.md", "readme.md", "Readme.md")
_LICENCES = ("license", "licence", "copying", "unlicense")  # before a dot or a dash, in any case
_TOKENIZERS = frozenset({
    "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt", "merges.txt", "spiece.model",
    "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "sentencepiece.bpe.model", "tekken.json",
})  # fmt: skip
_WEIGHTS = frozenset({
    "safetensors", "gguf", "ggml", "pytorch", "torchscript", "onnx", "saved-model", "tf-checkpoint", "keras", "hdf5", "tflite",
})  # fmt: skip
_CODE = (".py", ".pyc", ".so", ".dll", ".dylib", ".wasm", ".sh", ".ipynb", ".cpp", ".cu", ".jar")
_MOST_CONFIG = 4 << 20
_MOST_LICENCE = 1 << 20


class _Piece(NamedTuple):
    """A file to look at: where it lies in the model, its size and digest, and how its octets are had."""

    path: str
    size: int
    sha256: str
    opened: Callable[[], AbstractContextManager[Source]]


class _Read(NamedTuple):
    """What was read so far, by path."""

    files: list[File]
    configs: dict[str, Configured]
    licences: dict[str, Licence]
    code: list[str]


def document(path: str, now: datetime, tell: Progress | None = None) -> bytes:
    """The bill of a folder or a file. Raises Unreadable, also where it changes meanwhile, and as `seal_source.look`."""
    source = seal_source.look(path, follow=True)
    taken = hashing.digests(
        source.root, [Piece(p.path) for p in source.planned], "sha256", allow_symlinks=True, tell=tell
    )
    found = {piece.path: digest for piece, digest in taken.items()}
    pieces = [
        _Piece(p.path, mark[2], found[p.path], lambda at=p.source: scanning.opened(at))  # type: ignore[misc] # bound now
        for p, mark in zip(source.planned, source.marks, strict=True)
    ]
    made = mlbom.document(_model(source.name, pieces), __version__, now)
    source.unchanged()
    return made


def of_sealed(held: Unsealed, now: datetime) -> bytes:
    """The bill of what is inside of an artifact that is open, its slots verified. Raises Malformed where a message was damaged."""
    artifact = held.sealed.artifact
    pieces = []
    for entry in held.index.files:
        payload = held.payload(entry)
        source = _Inside(payload)
        pieces.append(_Piece(entry.path, entry.size, _sha256(payload), lambda s=source: nullcontext(s)))  # type: ignore[misc] # bound now
    read = slots.read(held.sealed.slots, artifact)
    lines = tuple(" ".join(w for w in (slots.type_of(s), s.policy) if w) for s in read.slots)
    sealing = Sealing(artifact.id, artifact.boundary.value, artifact.segment, lines)
    return mlbom.document(_model(held.index.name, pieces)._replace(sealing=sealing), __version__, now)


def is_sealed(path: str) -> bool:
    """Whether a path is that of a sealed artifact."""
    return all((Path(path) / name).is_file() for name in (sealed.ARTIFACT_FILE, sealed.INDEX_FILE))


def signed(bill: bytes, signer: Signer) -> bytes:
    """The bill as a signed statement about the files that it lists."""
    payload = mlbom_checking.statement(mlbom_checking.files_of(bill), bill)
    signature = signer.signed(dsse.pae(dsse.IN_TOTO, payload))
    made = dsse.Envelope(dsse.IN_TOTO, payload, signature)
    model_key.verified(signer.public_key, made, "new statement")  # a faulty token must not hand out a useless one
    return provenance.written(payload, signature)


def verify(file: str, digests: dict[str, str], key: str | None) -> tuple[str, ...]:
    """Why the bill in a file, signed where a key is given, is not that of files; nothing where it is.

    Raises Unreadable, Malformed: it is no bill, or no signed statement of one.
    """
    octets = seal_model.octets_of(file, "a bill of materials", mlbom_checking.MOST)
    if key is None:
        return mlbom_checking.reasons(octets, digests, file)
    public = model_key.public_key(seal_model.octets_of(key, "a public key in PEM"), key)
    envelope = provenance.envelope(octets, file)
    try:
        model_key.verified(public, envelope, file)
    except BadSignature as e:
        return (f"{e.found}, and not {e.wanted}",)
    return mlbom_checking.reasons(mlbom_checking.read(envelope.payload, file), digests, file)


class _Inside:
    """A message of an artifact as the readers of formats take it."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload

    @property
    def size(self) -> int:
        """Its octets."""
        return self._payload.size

    def at(self, offset: int, length: int) -> bytes:
        """Some of them, authenticated."""
        if offset < 0 or length <= 0 or offset >= self.size:
            return b""
        return self._payload.read(offset, min(length, self.size - offset))


def _sha256(payload: Payload) -> str:
    digest = hashlib.sha256()
    unsealing.stream(payload, 0, payload.size, digest.update)
    return digest.hexdigest()


def _model(name: str, pieces: list[_Piece]) -> Model:
    read = _Read([], {}, {}, [])
    card = Card()
    for piece in pieces:
        with piece.opened() as source:
            file = _file(piece, source, read)
            if piece.path in _CARDS and card == Card():
                card, file = _card(piece, source, file)
        read.files.append(file)
    return Model(name, tuple(read.files), card, read.configs, read.licences, tuple(read.code))


def _file(piece: _Piece, source: Source, read: _Read) -> File:
    """One file, by its header; the words of configurations and licences go to what was read."""
    name = PurePosixPath(piece.path).name
    seen = recognise(source, name)
    role = _role(name, seen)
    fault = _fault(seen)
    found = None
    try:
        if role == "weights":
            found = weights.read(source, name)
        elif role == "licence" and "/" not in piece.path:
            words = model_card.licence_file(source.at(0, min(piece.size, _MOST_LICENCE)))
            read.licences.update({piece.path: words} if words is not None else {})
        elif name.endswith(".json") and piece.size <= _MOST_CONFIG:
            role = _configured(piece, source, read) or role
    except StrongroomError as e:
        fault = fault or str(e)
    by = tuple(seen.by[:20]) if seen is not None else ()
    return File(piece.path, piece.size, piece.sha256, seen.format if seen else "", role, found, by, fault)


def _fault(seen: Seen | None) -> str:
    if seen is None:
        return ""
    return "; ".join(seen.faults[:3]) or (seen.trouble.detail if seen.trouble is not None else "")


def _configured(piece: _Piece, source: Source, read: _Read) -> str:
    data = source.at(0, piece.size)
    if not folders.is_config(data):
        return ""
    read.configs[piece.path] = model_card.config(data, piece.path)
    read.code.extend(folders.config(data, piece.path).code)
    return "tokenizer" if PurePosixPath(piece.path).name in _TOKENIZERS else "configuration"


def _card(piece: _Piece, source: Source, file: File) -> tuple[Card, File]:
    try:
        return model_card.card(source.at(0, min(piece.size, model_card.MOST_CARD))), file
    except BadInput as e:
        return Card(), file._replace(fault=str(e))


def _role(name: str, seen: Seen | None) -> str:
    """What a file is for, by its content where that says it, else by the name that loaders look for."""
    return next(_roles(name, seen.format if seen is not None else ""), "")


def _roles(name: str, form: str) -> Iterator[str]:
    if name in _TOKENIZERS or form == "sentencepiece":
        yield "tokenizer"
    for role, formats in (("weights", _WEIGHTS), ("dataset", DATASETS), ("index", INDEXES)):
        if form in formats:
            yield role
    if name.lower().endswith(_CODE):
        yield "code"
    if name in _CARDS:
        yield "card"
    if name.lower().replace("-", ".").partition(".")[0] in _LICENCES:
        yield "licence"
