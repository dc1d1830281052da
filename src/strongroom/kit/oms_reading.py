"""Reading a statement of OpenSSF Model Signing: every rule that it breaks is a reason, and not only the first."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

from strongroom.kit import strict_json
from strongroom.kit.oms import (
    DIGEST_SIZES,
    FILES,
    LEGACY_PREDICATE,
    PREDICATE,
    SHARDS,
    STATEMENT,
    THE_MODEL,
    Code,
    Piece,
    Reason,
    Serialization,
    Statement,
    ignore_trouble,
    is_under,
    name_trouble,
    piece_of,
    reference_order,
    root_digest,
    sorted_names,
)
from strongroom.model.errors import StrongroomError

_HEX = re.compile(r"[0-9a-f]+")
_MOST_TOLD = 1000  # reasons of one kind; a statement of nothing but wrong names would repeat itself a million times


class Read(NamedTuple):
    """What a payload says. Without reasons there is a statement; with some there may be one, to look at the files by."""

    statement: Statement | None
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]


class _Subject(msgspec.Struct):
    name: str
    digest: dict[str, str]


class _Head(msgspec.Struct, forbid_unknown_fields=True):
    type: str = msgspec.field(name="_type")
    predicate_type: str = msgspec.field(name="predicateType")
    subject: list[_Subject]
    predicate: msgspec.Raw


class _Resource(msgspec.Struct):  # OMS 5.2.1: what else a resource says is ignored
    name: str
    digest: str
    algorithm: str


class _Serialization(msgspec.Struct, forbid_unknown_fields=True):
    method: str
    hash_type: str
    allow_symlinks: bool
    shard_size: int | float | None = None
    ignore_paths: list[str] = []


class _Predicate(msgspec.Struct, forbid_unknown_fields=True):
    resources: list[_Resource]
    serialization: _Serialization


class _Reading:
    """One pass over a payload; `tell` keeps what is wrong."""

    def __init__(self, subject: str, single: str | None, *, compat: bool) -> None:
        self.subject = subject
        self.single = single
        self.compat = compat
        self.reasons: list[Reason] = []
        self.notes: list[str] = []
        self._told: dict[Code, int] = {}

    def tell(self, code: Code, found: str, wanted: str, file: str = "") -> None:
        told = self._told[code] = self._told.get(code, 0) + 1
        if told <= _MOST_TOLD:
            self.reasons.append(Reason(code, file or self.subject, found, wanted))
        elif told == _MOST_TOLD + 1:
            self.note(f"there are more than {_MOST_TOLD} reasons {code}, and the rest is not told")

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def answer(self, statement: Statement | None) -> Read:
        return Read(statement, tuple(self.reasons), tuple(self.notes))


def read(payload: bytes, subject: str, *, single: str | None = None, compat: bool = False) -> Read:
    """What a payload says, and every rule of OMS v1.0 that it breaks.

    `subject` names the signature's file in reasons, `single` is the name of the model's file where it is one file.
    `compat` reads the predicate of version 0.2.0 too, and wildcards in ignored paths, as plain letters.
    """
    reading = _Reading(subject, single, compat=compat)
    try:
        strict_json.check(payload, f"{subject}: payload")
        head = msgspec.json.decode(payload, type=_Head)
    except StrongroomError as e:
        reading.tell(Code.PAYLOAD, e.found, e.wanted)
        return reading.answer(None)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        reading.tell(Code.STATEMENT, _told(e), "an in-toto statement")
        return reading.answer(None)
    if head.type != STATEMENT:
        reading.tell(Code.STATEMENT_TYPE, repr(head.type[:80]), STATEMENT)
    if head.predicate_type == LEGACY_PREDICATE and compat:
        reading.note("the statement is of model-signing 0.2.0: it names no rules of serialization, and no root digest")
        return reading.answer(_legacy(head, reading))
    if head.predicate_type != PREDICATE:
        wanted = f"{PREDICATE}{' (--compat reads older ones)' if head.predicate_type == LEGACY_PREDICATE else ''}"
        reading.tell(Code.PREDICATE_TYPE, repr(head.predicate_type[:80]), wanted)
    try:
        predicate = msgspec.json.decode(head.predicate, type=_Predicate)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        if head.predicate_type == PREDICATE:
            reading.tell(Code.STATEMENT, _told(e), "a predicate of OMS v1.0")
        return reading.answer(None)
    return reading.answer(_statement(head, predicate, reading))


def _told(error: Exception) -> str:
    text = str(error)
    return (text[:1].lower() + text[1:160]) or type(error).__name__


def _statement(head: _Head, predicate: _Predicate, reading: _Reading) -> Statement | None:
    how = _serialization(predicate.serialization, reading)
    named = [(r, _piece(r, how, reading)) for r in predicate.resources]
    _check_digests(predicate.resources, how, reading)
    _check_order([r.name for r in predicate.resources], [p for _, p in named if p], reading)
    _check_once([p.name if p else r.name for r, p in named], reading)
    if not named:
        reading.tell(Code.EMPTY, "no resources", "at least one")
    found = {piece: r.digest for r, piece in named if piece is not None}
    if how.shard_size:
        for wrong in _wrong_shards(list(found), how.shard_size, reading):
            del found[wrong]
    model, root = _subject(head.subject, predicate.resources, reading)
    hidden = frozenset(how.ignore_paths)
    for piece in found:
        if is_under(piece.path, hidden):
            reading.tell(Code.IGNORE_PATH, "a path to ignore that hides a signed file", "one or the other", piece.name)
    if how.hash_type not in DIGEST_SIZES or how.method not in {FILES, SHARDS} or not found:
        return None
    return Statement(model, root, how, found)


def _serialization(found: _Serialization, reading: _Reading) -> Serialization:
    if found.method not in {FILES, SHARDS}:
        reading.tell(Code.STATEMENT, f"the method {found.method[:80]!r}", "files or shards")
    if found.hash_type not in DIGEST_SIZES:
        reading.tell(Code.ALGORITHM, f"the hash {found.hash_type[:80]!r}", " or ".join(DIGEST_SIZES))
    for path in found.ignore_paths:
        if trouble := ignore_trouble(path, compat=reading.compat):
            reading.tell(Code.IGNORE_PATH, f"{trouble}: {path[:200]!r}", "paths inside the model")
    usable = [p for p in found.ignore_paths if not ignore_trouble(p, compat=True)]
    return Serialization(
        found.method, found.hash_type, _shard_size(found, reading), found.allow_symlinks, tuple(usable)
    )


def _shard_size(found: _Serialization, reading: _Reading) -> int | None:
    """The size, which model-signing 1.1.1 writes as `300.0`: the same number, and so it counts."""
    size = found.shard_size
    if isinstance(size, float) and size.is_integer():
        reading.note("the shard size is written as a fraction, as model-signing 1.1.1 does")
        size = int(size)
    if found.method == SHARDS and (not isinstance(size, int) or not 0 < size < 1 << 63):
        reading.tell(Code.SHARD, f"a shard size of {size}", "a whole number of octets above zero")
        return None
    if found.method != SHARDS and size is not None:
        reading.tell(Code.SHARD, f"a shard size of {size} with the method {found.method[:80]!r}", "none")
        return None
    return size if isinstance(size, int) else None


def _piece(found: _Resource, how: Serialization, reading: _Reading) -> Piece | None:
    piece = piece_of(found.name) if how.method == SHARDS else Piece(found.name)
    if piece is None:
        reading.tell(Code.SHARD, "a name without its range", "PATH:START:END", found.name)
        return None
    if piece.path == THE_MODEL and reading.single is not None:
        reading.note("the file is named `.`, as model-signing does for a model of one file")
        return piece._replace(path=reading.single)
    if trouble := name_trouble(piece.path):
        reading.tell(Code.NAME, trouble, "a canonical path inside the model", found.name)
        return None
    return piece


def _check_digests(found: Sequence[_Resource], how: Serialization, reading: _Reading) -> None:
    size = DIGEST_SIZES.get(how.hash_type)
    sharded = f"{how.hash_type}-sharded-{how.shard_size}"
    for r in found:
        if r.algorithm == sharded and how.shard_size:
            reading.note("the hash is written with the shard size, as model-signing 1.1.1 does")
        elif r.algorithm != how.hash_type:
            reading.tell(Code.ALGORITHM, f"the hash {r.algorithm[:80]!r}", repr(how.hash_type[:80]), r.name)
        if not _HEX.fullmatch(r.digest) or len(r.digest) % 2 or (size and len(r.digest) != 2 * size):
            reading.tell(Code.DIGEST, f"a digest of {len(r.digest)} letters", f"{2 * (size or 32)} of 0-9a-f", r.name)


def _check_order(names: Sequence[str], found: Sequence[Piece], reading: _Reading) -> None:
    """The order decides the root digest. That of model-signing 1.1.1 is another for folders, and is one order as well."""
    if list(names) == sorted_names(names):
        return
    if len(found) == len(names) and list(found) == reference_order(found):
        reading.note("the resources are in the order of model-signing 1.1.1: by folder, and shards by their start")
        return
    at = next(b for a, b in pairwise(names) if b < a)
    reading.tell(Code.ORDER, "resources that are not sorted", "sorted by code point", at)


def _check_once(names: Sequence[str], reading: _Reading) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            reading.tell(Code.DUPLICATE, "two resources of one name", "one", name)
        seen.add(name)


def _wrong_shards(found: Sequence[Piece], size: int, reading: _Reading) -> list[Piece]:
    """What does not make the whole of a file up to its end: a gap would be octets that nobody signed.

    Shards that overlap are not looked at either: a million of them would have one file hashed a million times.
    """
    strange: list[Piece] = []
    ends: dict[str, int] = {}
    last: set[str] = set()
    for piece in sorted(found, key=lambda p: (p.path, p.start)):
        assert piece.end is not None
        if piece.start != ends.get(piece.path, 0) or piece.path in last or not 0 < piece.end - piece.start <= size:
            strange.append(piece)
            reading.tell(Code.SHARD, "a shard that does not follow the one before", f"{size} octets each", piece.name)
        if piece.end - piece.start < size:
            last.add(piece.path)
        ends[piece.path] = piece.end
    return strange


def _subject(found: Sequence[_Subject], resources: Sequence[_Resource], reading: _Reading) -> tuple[str, str]:
    if len(found) != 1:
        reading.tell(Code.STATEMENT, f"{len(found)} subjects", "exactly one")
        return "", ""
    model, root = found[0].name, found[0].digest.get("sha256", "")
    if not model:
        reading.tell(Code.STATEMENT, "a subject without a name", "the name of the model")
    if all(_HEX.fullmatch(r.digest) and len(r.digest) % 2 == 0 for r in resources):
        made = root_digest(r.digest for r in resources)
        if made != root:
            reading.tell(Code.ROOT_DIGEST, f"sha256:{root[:80]}", f"sha256:{made}, which the resources make")
    return model, root


def _legacy(head: _Head, reading: _Reading) -> Statement | None:
    """The statement of model-signing 0.2.0 (OMS 5.1): every file is a subject, and nothing else is said."""
    digests: dict[Piece, str] = {}
    for subject in head.subject:
        for code, found, wanted in _legacy_trouble(subject, digests):
            reading.tell(code, found, wanted, subject.name)
        if not name_trouble(subject.name):
            digests[Piece(subject.name)] = subject.digest.get("sha256", "")
    if not head.subject:
        reading.tell(Code.EMPTY, "no subjects", "at least one")
    return Statement("", "", Serialization(), digests) if digests else None


def _legacy_trouble(found: _Subject, before: dict[Piece, str]) -> Iterator[tuple[Code, str, str]]:
    if trouble := name_trouble(found.name):
        yield Code.NAME, trouble, "a canonical path inside the model"
    if Piece(found.name) in before:
        yield Code.DUPLICATE, "two subjects of one name", "one"
    digest = found.digest.get("sha256", "")
    if len(digest) != 64 or not _HEX.fullmatch(digest):
        yield Code.DIGEST, "no SHA-256", "64 of 0-9a-f"
