"""OpenSSF Model Signing v1.0: the nouns, the rules for names, and the statement that is signed.

Source: ossf/model-signing-spec, spec/v1.0.md; the sections are cited as OMS. Reading a statement is in `oms_reading`,
holding it against a model in `oms_comparing`.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from strongroom.kit.canonical import Json, canonical
from strongroom.model.errors import BadInput, Malformed

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://model_signing/signature/v1.0"
LEGACY_PREDICATE = "https://model_signing/Digests/v0.1"
ALWAYS_IGNORED = (".git", ".gitattributes", ".github", ".gitignore")  # OMS 6.2: at the top of the model alone
DEFAULT_SHARD = 1_000_000_000  # octets; OMS 6.3.2
FILES, SHARDS = "files", "shards"
# OMS algorithm registry, with the octets of a digest.
DIGEST_SIZES = MappingProxyType({"sha256": 32, "blake2b": 64, "blake3": 32})
GLOB = frozenset("*?[")
THE_MODEL = "."  # how model-signing names a model that is one file; the specification wants the file's name
_SHARD_NAME = re.compile(r"(.+):(0|[1-9][0-9]{0,18}):([1-9][0-9]{0,18})", re.DOTALL)


class Code(StrEnum):
    """Why a signature is not valid for a model: one code for each rule."""

    METHOD = "method"
    HINT = "hint"
    KEY = "key"
    SIGNATURE = "signature"
    SIGSTORE = "sigstore"
    SECOND_SIGNATURE = "second-signature"
    PAYLOAD_TYPE = "payload-type"
    PAYLOAD = "payload"
    STATEMENT_TYPE = "statement-type"
    PREDICATE_TYPE = "predicate-type"
    STATEMENT = "statement"
    ROOT_DIGEST = "root-digest"
    EMPTY = "empty"
    NAME = "name"
    ORDER = "order"
    DUPLICATE = "duplicate"
    DIGEST = "digest"
    ALGORITHM = "algorithm"
    SHARD = "shard"
    IGNORE_PATH = "ignore-path"
    SYMLINKS = "symlinks"
    MISSING = "missing"
    CHANGED = "changed"
    UNSIGNED = "unsigned"
    LINK = "link"
    SPECIAL = "special"
    CERTIFICATE = "certificate"
    CHAIN = "chain"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    KEY_USAGE = "key-usage"
    EXTENDED_KEY_USAGE = "extended-key-usage"
    IDENTITY = "identity"


class Reason(msgspec.Struct, frozen=True):
    """One reason why a signature is not valid; `file` is that of the model, or the signature's own."""

    code: Code
    file: str
    found: str
    wanted: str


class Piece(NamedTuple):
    """A part of a file that has a digest of its own; the whole file where `end` is None."""

    path: str
    start: int = 0
    end: int | None = None

    @property
    def name(self) -> str:
        """The name of the resource (OMS 6.3)."""
        return self.path if self.end is None else f"{self.path}:{self.start}:{self.end}"


class Serialization(NamedTuple):
    """How a model is made a list of digests (OMS 5.2.2)."""

    method: str = FILES
    hash_type: str = "sha256"
    shard_size: int | None = None  # octets; None for files
    allow_symlinks: bool = False
    ignore_paths: tuple[str, ...] = ()


class Statement(NamedTuple):
    """A statement that keeps every rule; whether it was signed, and fits a model, is told elsewhere."""

    model: str
    root: str  # hex SHA-256 over the digests; it does not cover names, and so is no identity of the model
    how: Serialization
    digests: Mapping[Piece, str]


def name_trouble(name: str) -> str:
    """What is wrong with the path of a file inside a model (OMS 6.1.2); empty where nothing is."""
    if not name:
        return "an empty name"
    if name.startswith("/"):
        return "an absolute name"
    parts = name.split("/")
    if ".." in parts:
        return "a name with `..`"
    if "." in parts or "" in parts:
        return "a name that is not canonical"
    if "\0" in name:
        return "a name with a zero octet"
    return "" if _is_unicode(name) else "a name that is not UTF-8"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate: JSON can write one, and no file system can hold it
        return False
    return True


def ignore_trouble(path: str, *, compat: bool = False) -> str:
    """What is wrong with a path to ignore (OMS 6.2.1); one that hides the whole model is wrong too."""
    if path.strip("/.") == "":
        return "a path that hides everything"
    if not compat and GLOB & set(path):
        return "a path with a wildcard"
    trouble = name_trouble(path)
    return trouble.replace("a name", "a path", 1).replace("an absolute name", "an absolute path")


def is_under(path: str, folders: Collection[str]) -> bool:
    """Whether a path is one of these, or below one; by its own parts, since there may be as many folders as paths."""
    parts = path.split("/")
    return any("/".join(parts[:n]) in folders for n in range(1, len(parts) + 1))


def pieces(path: str, size: int, shard_size: int | None) -> tuple[Piece, ...]:
    """The parts of a file of that many octets; an empty file has none where there are shards (OMS 6.3.2)."""
    if shard_size is None:
        return (Piece(path),)
    return tuple(Piece(path, start, min(start + shard_size, size)) for start in range(0, size, shard_size))


def piece_of(name: str) -> Piece | None:
    """The shard of a resource's name; the last two colons count, since a path may have others."""
    match = _SHARD_NAME.fullmatch(name)
    return Piece(match[1], int(match[2]), int(match[3])) if match else None


def root_digest(digests: Iterable[str]) -> str:
    """SHA-256 over the octets of the digests in their order (OMS 6.5.1), whatever hash they are of."""
    return hashlib.sha256(b"".join(map(bytes.fromhex, digests))).hexdigest()


def sorted_names(names: Iterable[str]) -> list[str]:
    """By code point (OMS 5.2.1), which is how Python compares texts."""
    return sorted(names)


def reference_order(found: Sequence[Piece]) -> list[Piece]:
    """As model-signing 1.1.1 sorts: by the parts of the path, and shards by their start."""
    return sorted(found, key=lambda p: (p.path.split("/"), p.start))


def statement(model: str, how: Serialization, digests: Mapping[Piece, str], *, as_reference: bool = False) -> bytes:
    """The payload to sign, as canonical JSON.

    `as_reference` names a model of one file as model-signing 1.1.1 does, which takes no signature with the name that
    the specification wants.

    Raises:
        BadInput: there is no file to sign, or a name or an ignored path that the specification forbids.
    """
    if not digests:
        raise BadInput(model, "no file that would be signed", "at least one")
    for trouble, text in (
        *((name_trouble(p.path), p.path) for p in digests),
        *((ignore_trouble(p), p) for p in how.ignore_paths),
    ):
        if trouble:
            raise Malformed(repr(text[:200]), trouble, "a canonical path inside the model")
    named = {_named(p, as_reference=as_reference): value for p, value in digests.items()}
    resources: list[Json] = [
        {"name": name, "digest": named[name], "algorithm": how.hash_type} for name in sorted_names(named)
    ]
    serialization: dict[str, Json] = {
        "method": how.method,
        "hash_type": how.hash_type,
        "allow_symlinks": how.allow_symlinks,
        "ignore_paths": tuple(sorted(how.ignore_paths)),
    }
    if how.shard_size is not None:
        serialization["shard_size"] = how.shard_size
    root = root_digest(named[name] for name in sorted_names(named))
    whole: Json = {
        "_type": STATEMENT,
        "subject": [{"name": model, "digest": {"sha256": root}}],
        "predicateType": PREDICATE,
        "predicate": {"resources": resources, "serialization": serialization},
    }
    return canonical(whole, model)


def _named(piece: Piece, *, as_reference: bool) -> str:
    return piece._replace(path=THE_MODEL).name if as_reference else piece.name
