"""The register of model artifacts: classes with what they demand, workload tiers, and the artifacts that are known.

It is a TOML file of the owner's; a signed note beside it covers its SHA-256. Matching, writing and reading are here;
files, keys and clocks are not.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated

import msgspec

from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog.keys import Kind, VerifierKey
from strongroom.kit.tlog.note import Ed25519Signer, Ed25519Verifier, VerifiedNote
from strongroom.model.errors import BadInput, BadSignature, Malformed

SCHEMA = "strongroom.artifacts/1"
SENSITIVITIES = ("public", "internal", "confidential", "restricted")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[A-Z]{2,4}-\d{2}(\.[a-z0-9-]+)?")
MOST_ENTRIES = 100_000


class Class(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A class of artifacts: how sensitive it is, who answers for it, the tier of workloads that may open it."""

    sensitivity: str
    tier: Annotated[int, msgspec.Meta(ge=0, le=3)]
    owner: str = ""
    requires: tuple[str, ...] = ()
    about: str = ""


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tier of workloads; 0 is the highest."""

    tier: Annotated[int, msgspec.Meta(ge=0, le=3)]
    name: str
    about: str = ""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A registered artifact: `path` is absolute, or relative to whatever folder is assessed; `*` and `**` are patterns.

    `uri` names one that lies elsewhere (`s3://…`). `sha256` is the digest as `artifact.sha256` has it.
    """

    name: str = msgspec.field(name="class", default="")
    path: str = ""
    uri: str = ""
    owner: str = ""
    sha256: str = ""
    size: int | None = None
    files: int | None = None
    registered: date | None = None
    note: str = ""

    @property
    def where(self) -> str:
        """What it is called in messages."""
        return self.path or self.uri


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    schema: str
    version: int = 1
    owner: str = ""
    reviewed: date | None = None
    tier: tuple[Tier, ...] = ()
    classes: dict[str, Class] = msgspec.field(name="class", default_factory=dict)
    artifact: tuple[Entry, ...] = ()

    def class_of(self, entry: Entry) -> Class | None:
        """The class of an entry; None where the register does not define it."""
        return self.classes.get(entry.name)

    def owner_of(self, entry: Entry) -> str:
        """Who answers for an artifact: its own owner, else that of its class."""
        found = self.class_of(entry)
        return entry.owner or (found.owner if found is not None else "")


def read(table: Mapping[str, object], subject: str) -> Register:
    """The register of a TOML table. Raises Malformed, naming the key."""
    try:
        found = msgspec.convert(table, Register)
    except msgspec.ValidationError as e:
        raise Malformed(subject, str(e).lower()[:200], "the keys of a register of artifacts") from None
    if found.schema != SCHEMA:
        raise Malformed(subject, f"schema {found.schema[:60]!r}", SCHEMA)
    if len(found.artifact) > MOST_ENTRIES:
        raise Malformed(subject, f"{len(found.artifact)} artifacts", f"at most {MOST_ENTRIES}")
    for name, kind in found.classes.items():
        _check_class(name, kind, subject)
    for entry in found.artifact:
        _check_entry(entry, subject)
    return found


def _check_class(name: str, kind: Class, subject: str) -> None:
    if not _NAME.fullmatch(name):
        raise Malformed(subject, f"the class {name[:60]!r}", "a name in lower case with dashes")
    if kind.sensitivity not in SENSITIVITIES:
        raise Malformed(subject, f"the sensitivity {kind.sensitivity[:60]!r} of {name}", " or ".join(SENSITIVITIES))
    for control in kind.requires:
        if not _CONTROL.fullmatch(control):
            raise Malformed(subject, f"{control[:60]!r} among what {name} requires", "controls or clauses")


def _check_entry(entry: Entry, subject: str) -> None:
    if bool(entry.path) == bool(entry.uri):
        raise Malformed(subject, f"an artifact with {'both' if entry.path else 'neither'} path and uri", "one of them")
    if entry.sha256 and not _SHA256.fullmatch(entry.sha256):
        raise Malformed(subject, f"the sha256 of {entry.where[:80]!r}", "64 lower-case hex digits")


# Signing


def statement(data: bytes, register: Register) -> str:
    """The text that a key signs: what it is, which version, and the SHA-256 of the file."""
    return f"{SCHEMA}\nversion {register.version}\nsha256:{hashlib.sha256(data).hexdigest()}\n"


def sign(data: bytes, register: Register, signer: Ed25519Signer) -> bytes:
    """The signed note that lies beside the file."""
    return notes.sign(statement(data, register), [signer])


def verify(data: bytes, register: Register, note: bytes, keys: tuple[VerifierKey, ...]) -> VerifiedNote:
    """The note, once a trusted key has signed exactly this file.

    Raises:
        BadSignature: nobody who is trusted has, or the file is another than the one that was signed.
        Malformed, TooLarge: it is no note.
        BadInput: a key is of another type.
    """
    for key in keys:
        if key.kind is not Kind.ED25519:
            raise BadInput(f"key {key.name}", f"signature type 0x{key.kind:02x}", "0x01, Ed25519 over the note")
    if not keys:
        raise BadSignature("register of artifacts", "no key that is trusted", "the public key of who signs it")
    opened = notes.open_note(note, [Ed25519Verifier(key) for key in keys])
    if opened.text != statement(data, register):
        raise BadSignature("register of artifacts", "a signature over another version of it", "one over the file")
    return opened


# Matching


def pattern(path: str) -> re.Pattern[str]:
    """A path as a pattern: `*` within a name, `**` across folders, `?` one character."""
    out = []
    i = 0
    while i < len(path):
        if path.startswith("**/", i):
            out.append("(?:.*/)?")
            i += 3
        elif path.startswith("**", i):
            out.append(".*")
            i += 2
        elif path[i] == "*":
            out.append("[^/]*")
            i += 1
        elif path[i] == "?":
            out.append("[^/]")
            i += 1
        else:
            out.append(re.escape(path[i]))
            i += 1
    return re.compile("".join(out), re.DOTALL)


def is_pattern(path: str) -> bool:
    """Whether a path stands for several."""
    return any(c in path for c in "*?")


class Matcher:
    """Finds the entry of an artifact: plain paths by look-up, patterns in the order of the file; the first one counts."""

    def __init__(self, register: Register) -> None:
        """Patterns are made once."""
        self._plain: dict[str, int] = {}
        self._patterns: list[tuple[re.Pattern[str], int]] = []
        for number, entry in enumerate(register.artifact):
            path = (entry.path or entry.uri).rstrip("/") or "/"
            if entry.path and is_pattern(entry.path):
                self._patterns.append((pattern(path.removeprefix("./")), number))
            else:
                self._plain.setdefault(path.removeprefix("./") if path != "." else path, number)

    def find(self, names: tuple[str, ...]) -> int | None:
        """The number of the entry that names one of these paths or addresses; None where none does."""
        for name in names:
            if name in self._plain:
                return self._plain[name]
        for expression, number in self._patterns:
            if any(expression.fullmatch(name) for name in names):
                return number
        return None
