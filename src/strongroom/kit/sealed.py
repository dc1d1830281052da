"""The sealed artifact: what stands in clear, what its index says, and how its keys are derived.

A folder with `artifact.json` (in clear), `index.floe` and `payload/*.floe` (FLOE messages), `slots.json` (who may open it),
and `signature.json` where it was signed. docs/specs/sealed-artifact.md is the specification.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.kit import floe, strict_json
from strongroom.kit.canonical import Json, canonical
from strongroom.model.errors import BadUsage, Malformed

SCHEMA, INDEX = "strongroom.sealed/1", "strongroom.sealed-index/1"
ARTIFACT_FILE, INDEX_FILE, SLOTS_FILE, SIGNATURE_FILE = "artifact.json", "index.floe", "slots.json", "signature.json"
PAYLOAD = "payload"
ID = 32  # octets of an artifact's id
KEY = 32  # octets of an artifact's key
MOST_FILES = 1_000_000
MOST_INDEX = 1 << 30  # octets
MOST_CLEAR = 64 << 10
_HEX64 = r"^[0-9a-f]{64}$"
_SUBJECT = "sealed artifact"
_SEGMENTS = (64 << 10, 64 << 20)  # the least and the most octets of a segment


class Boundary(StrEnum):
    """Where an artifact may be opened."""

    ANY = "any"
    ATTESTED = "attested"  # through a broker alone, and so inside of what was attested


class Role(StrEnum):
    """What a message of an artifact is."""

    INDEX = "index"
    FILE = "file"
    SIGNATURE = "signature"  # an OMS bundle over the files as they are inside
    BOM = "bom"
    PROVENANCE = "provenance"
    SCAN = "scan"


class Artifact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`artifact.json`. All of it is bound into each message, so that none of it can be changed."""

    schema: str
    id: Annotated[str, msgspec.Meta(pattern=_HEX64)]
    boundary: Boundary
    segment: int
    files: Annotated[int, msgspec.Meta(ge=0, le=MOST_FILES)]  # messages below payload/

    @property
    def salt(self) -> bytes:
        """The id, as octets."""
        return bytes.fromhex(self.id)

    @property
    def parameters(self) -> floe.Parameters:
        """What its messages are made by."""
        return floe.Parameters(self.segment)


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message below payload/: its number, what it is, the octets inside, and the tag of its header, in hex.

    `path` is relative, with `/`; of an attachment it is empty. `media` is an attachment's media type.
    """

    number: Annotated[int, msgspec.Meta(ge=0, lt=MOST_FILES)]
    role: Role
    size: Annotated[int, msgspec.Meta(ge=0)]
    tag: Annotated[str, msgspec.Meta(pattern=_HEX64)]
    path: str = ""
    media: str = ""
    executable: bool = False


class Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an artifact holds, in the order of the paths. `folders` are those with nothing in them."""

    schema: str
    artifact: Annotated[str, msgspec.Meta(pattern=_HEX64)]
    name: str
    single: bool  # one file was sealed, not a folder
    sealed_at: datetime
    entries: tuple[Entry, ...]
    folders: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Entry, ...]:
        """The files that were sealed."""
        return tuple(e for e in self.entries if e.role is Role.FILE)

    def attached(self, role: Role) -> Entry | None:
        """What is attached of a role."""
        return next((e for e in self.entries if e.role is role), None)


def render_artifact(artifact: Artifact) -> bytes:
    """`artifact.json`, in its one form (RFC 8785)."""
    return canonical(msgspec.to_builtins(artifact), _SUBJECT) + b"\n"


def read_artifact(data: bytes) -> Artifact:
    """`artifact.json`. Raises Malformed, TooLarge."""
    strict_json.check(data, ARTIFACT_FILE)
    try:
        found = msgspec.json.decode(data, type=Artifact)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(ARTIFACT_FILE, str(e)[:160], SCHEMA) from None
    if found.schema != SCHEMA or not _SEGMENTS[0] <= found.segment <= _SEGMENTS[1]:
        raise Malformed(ARTIFACT_FILE, f"{found.schema[:40]!r} with segments of {found.segment}", SCHEMA)
    return found


def aad(artifact: Artifact, role: Role, number: int | None) -> bytes:
    """What a message is bound to: the whole of `artifact.json`, its role, its number."""
    held: dict[str, Json] = {"artifact": msgspec.to_builtins(artifact), "number": number, "role": role.value}
    return canonical(held, _SUBJECT)


def file_key(key: bytes, artifact: Artifact, number: int | None) -> bytes:
    """The key of a message: HKDF-SHA-256 of the artifact's key, salted with its id. The index is number None."""
    if len(key) != KEY:
        raise BadUsage(_SUBJECT, f"a key of {len(key)} octets", f"{KEY}")
    which = b"index" if number is None else b"payload" + number.to_bytes(8, "big")
    return HKDF(SHA256(), floe.KEY, artifact.salt, SCHEMA.encode() + b" " + which).derive(key)


def payload_file(number: int) -> str:
    """The file of a message, below the artifact."""
    return f"{PAYLOAD}/{number:06d}.floe"


def render_index(index: Index) -> bytes:
    """The index in its one form. Raises Malformed for one that `read_index` would refuse."""
    data = canonical(msgspec.to_builtins(index), _SUBJECT)
    _checked(index)
    return data


def read_index(data: bytes, artifact: Artifact) -> Index:
    """The index of an artifact, once it is authenticated. Raises Malformed."""
    strict_json.check(data, "index")
    try:
        found = msgspec.json.decode(data, type=Index)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed("index", str(e)[:160], INDEX) from None
    if found.artifact != artifact.id or len(found.entries) != artifact.files:
        raise Malformed("index", "an index of another artifact", f"one of {artifact.files} messages")
    _checked(found)
    return found


def _checked(index: Index) -> None:
    if index.schema != INDEX:
        raise Malformed("index", f"schema {index.schema[:40]!r}", INDEX)
    if sorted(e.number for e in index.entries) != list(range(len(index.entries))):
        raise Malformed("index", "messages that are missing or named twice", "each once")
    roles = [e.role for e in index.entries if e.role is not Role.FILE]
    if Role.INDEX in roles or len(set(roles)) != len(roles):
        raise Malformed("index", "two attachments of one role", "one of each")
    _check_paths([e.path for e in index.files], index.folders)
    if index.single and (len(index.files) != 1 or index.folders):
        raise Malformed("index", f"{len(index.files)} files", "the one that was sealed")


def _check_paths(paths: Sequence[str], folders: Sequence[str]) -> None:
    """Whoever could seal could else write anywhere when it is opened (`..`), or through a file as if it were a folder."""
    every = [*paths, *folders]
    for path in every:
        check_path(path)
    taken = set(every)
    if len(taken) != len(every):
        raise Malformed("index", "a path twice", "each once")
    parents = {p[:i] for p in every for i in range(len(p)) if p[i] == "/"}
    if both := parents & set(paths):
        raise Malformed("index", f"{min(both)!r} as a file and as a folder", "one of them")


_BAD = re.compile(r"[\x00-\x1f\x7f\\]")


def check_path(path: str) -> None:
    """Refuse a path that does not stay below where it is put. Raises Malformed."""
    parts = path.split("/")
    if (
        not path
        or any(p in ("", ".", "..") for p in parts)
        or _BAD.search(path)
        or len(path.encode("utf-8", "replace")) > 4096
    ):
        raise Malformed("index", f"the path {path[:80]!r}", "a relative path, with / and without ..")
