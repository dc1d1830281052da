"""The register of model artifacts: load and verify it, make and sign it, add to it, and look whether it still holds."""

import socket
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from strongroom.app.config import Config
from strongroom.app.log import Place, actor, make_key
from strongroom.app.log_default import open_or_create
from strongroom.kit import artifact_classes as classes
from strongroom.kit import artifact_register as texts
from strongroom.kit.artifact_classes import Entry, Register
from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog.keys import VerifierKey, parse_verifier_key
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.ledger import disk, keyfile
from strongroom.model.codes import EntryKind, GapCode
from strongroom.model.errors import BadInput, BadSignature, BadUsage, Malformed, NotFound, TooLarge, Unreadable
from strongroom.model.log import LogEntry
from strongroom.model.values import Unknown

MOST = 64 << 20
SIGNATURE = ".sig"


@dataclass(frozen=True, slots=True)
class Held:
    """A register as it was read. `trouble` says why nothing in it may be used; then it is shown, and never believed."""

    path: Path
    data: bytes
    register: Register
    signer: str = ""
    trouble: Unknown | None = None


def trusted(config: Config, named: str | None) -> Held | None:
    """The register that is named or configured, verified with the configured keys; None where there is none.

    Raises:
        Unreadable, TooLarge, Malformed: it cannot be read, or is no register; a key of the configuration is none.
    """
    path = named or config.artifacts.register
    return held(Path(path), keys_of(config)) if path else None


def keys_of(config: Config) -> tuple[VerifierKey, ...]:
    """The configured public keys. Raises Malformed."""
    return tuple(parse_verifier_key(key) for key in config.artifacts.keys)


def held(path: Path, keys: tuple[VerifierKey, ...]) -> Held:
    """A register and whether a trusted key has signed it as it is. Raises Unreadable, TooLarge, Malformed."""
    data = _bytes(path, "a register of artifacts")
    register = parse(data, str(path))
    try:
        opened = classes.verify(data, register, _bytes(Path(f"{path}{SIGNATURE}"), "its signature"), keys)
    except (BadInput, BadSignature) as e:
        code = GapCode.ABSENT if isinstance(e, Unreadable) else GapCode.UNDECIDED
        reason = f"the register {path} counts for nothing: {e}"
        return Held(path, data, register, trouble=Unknown(code, reason))
    return Held(path, data, register, ", ".join(f"{v.key.name}+{v.key.key_id:08x}" for v in opened.verified))


def _bytes(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as f:
            data = f.read(MOST + 1)
    except OSError as e:
        hint = "strongroom artifacts define FILE"
        raise Unreadable(str(path), (e.strerror or "an error").lower(), what, hint) from None
    if len(data) > MOST:
        raise TooLarge(str(path), f"over {MOST} bytes", what)
    return data


def parse(data: bytes, subject: str) -> Register:
    """The register of a file's bytes. Raises Malformed."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(subject, str(e).lower()[:200], "TOML") from None
    return classes.read(table, subject)


# Making it


@dataclass(frozen=True, slots=True)
class Desk:
    """Who changes a register, with which key, and where that is logged. `made` says that the log is the default one."""

    path: Path
    key: Path
    place: Place
    made: bool
    now: datetime
    offline: bool = False

    def signer(self) -> Ed25519Signer:
        """The key. Raises NotFound, and what is wrong with the file."""
        return Ed25519Signer(keyfile.read(self.key))


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed: the version, the public key, whether file and key are new, and the entry of the log."""

    version: int
    key: VerifierKey
    made_file: bool
    made_key: bool
    entry: int


def desk(
    config: Config,
    named: str | None,
    key: str | None,
    place: Place,
    *,
    made: bool,
    now: datetime,
    offline: bool,
) -> Desk:
    """The register that is named or configured, with its key file: `<register>.key` unless named. Raises BadUsage."""
    path = named or config.artifacts.register
    if not path:
        hint = "name it with --register, or set [artifacts] register"
        raise BadUsage("register of artifacts", "none named", "a file", hint)
    return Desk(Path(path), Path(key or f"{path}.key"), place, made, now, offline)


def define(at: Desk, owner: str) -> Signed:
    """Write a register with the usual classes where there is none; check and sign what is there.

    Raises:
        Malformed, TooLarge, Unreadable: it is no register, or cannot be read or written.
        LogUnavailable, LogDamaged: it could not be logged; then nothing was signed.
    """
    made_key = not at.key.exists()
    if made_key:
        make_key(f"{socket.gethostname() or 'localhost'}/artifacts", at.key, witness=False, algorithm="ed25519")
    made_file = not at.path.exists()
    data = texts.template(owner, at.now.date()).encode() if made_file else _bytes(at.path, "a register of artifacts")
    register = parse(data, str(at.path))
    before = _signed_before(at)
    if before is not None and before != classes.statement(data, register):
        data, register = _raised(data, register, before, at)
    return _sign(at, data, register, "define", made=(made_file, made_key))


def _signed_before(at: Desk) -> str | None:
    """What the signature beside it says; it tells only which version was last, and is not believed for more."""
    note = Path(f"{at.path}{SIGNATURE}")
    if not note.exists():
        return None
    try:
        return notes.parse(_bytes(note, "a signature")).text
    except BadInput:
        return None


def _raised(data: bytes, register: Register, before: str, at: Desk) -> tuple[bytes, Register]:
    """The file with a version above the one that was signed before: two texts of one version would be told apart by nobody."""
    last = next((w.removeprefix("version ") for w in before.splitlines() if w.startswith("version ")), "0")
    least = int(last) + 1 if last.isdecimal() and len(last) < 10 else 1
    if register.version >= least:
        return data, register
    raised = texts.put(data.decode(), [], {}, least).encode()
    return raised, parse(raised, str(at.path))


def _sign(at: Desk, data: bytes, register: Register, action: str, made: tuple[bool, bool] = (False, False)) -> Signed:
    """Log the change, then put file and signature in their places: what is logged and not there harms nobody."""
    signer = at.signer()
    note = classes.sign(data, register, signer)
    digest = classes.statement(data, register).splitlines()[-1]
    entry = LogEntry(
        kind=EntryKind.POLICY_CHANGE,
        subject=f"register of artifacts {at.path.name}",
        actor=actor(),
        at=at.now,
        fields={
            "action": action,
            "version": register.version,
            "artifacts": len(register.artifact),
            "classes": tuple(register.classes),
            "key": str(signer.key.verifier),
        },
        digests={"register": digest},
    )
    with open_or_create(at.place, made=at.made, offline=at.offline) as log:
        done = log.record(entry)
        log.publish()
    try:
        disk.make_folders(at.path.resolve().parent)
        disk.replace(at.path, data, 0o644)
        disk.replace(Path(f"{at.path}{SIGNATURE}"), note, 0o644)
    except OSError as e:
        raise Unreadable(str(at.path), (e.strerror or "an error").lower(), "a file that can be written") from None
    return Signed(register.version, signer.key.verifier, *made, done.index)


def current(at: Desk) -> Held:
    """The register as its own key has signed it: what somebody changed since is not signed along.

    Raises:
        NotFound: there is no key file.
        BadSignature: it was changed and not signed.
        Unreadable, Malformed, TooLarge: it cannot be read.
    """
    if not at.path.exists():
        hint = f"strongroom artifacts define {at.path}"
        raise NotFound(f"register {at.path}", "no such file", "a register of artifacts", hint)
    found = held(at.path, (at.signer().key.verifier,))
    if found.trouble is not None:
        hint = f"look at what changed, then: strongroom artifacts define {at.path}"
        raise BadSignature(f"register {at.path}", found.trouble.detail, "the signature of its key", hint)
    return found


def add(at: Desk, entries: Sequence[Entry], *, replace: bool) -> tuple[Signed | None, int, int]:
    """Put entries into the register and sign it; how many were added, and how many replaced.

    Raises:
        BadUsage: a class is none of the register's.
        BadInput: an entry is there with another digest, and `replace` is not said.
    """
    found = current(at)
    known = {e.where: n for n, e in enumerate(found.register.artifact)}
    fresh: list[Entry] = []
    replaced: dict[int, Entry] = {}
    for entry in entries:
        if entry.name not in found.register.classes:
            raise BadUsage("--class", repr(entry.name[:40]), f"one of {', '.join(found.register.classes)}")
        number = known.get(entry.where)
        if number is None:
            fresh.append(entry)
        elif not _same(found.register.artifact[number], entry):
            if not replace:
                what = f"{entry.where} is registered otherwise"
                raise BadInput(f"register {at.path}", what, "the same class, owner and digest", "add --replace")
            replaced[number] = entry
    if not fresh and not replaced:
        return None, 0, 0
    text = texts.put(found.data.decode(), fresh, replaced, found.register.version + 1)
    register = parse(text.encode(), str(at.path))
    _only_changed(found.register, register, fresh, replaced)
    return _sign(at, text.encode(), register, "register"), len(fresh), len(replaced)


def _same(a: Entry, b: Entry) -> bool:
    return msgspec.structs.replace(a, registered=None, note="") == msgspec.structs.replace(b, registered=None, note="")


def _only_changed(before: Register, after: Register, fresh: list[Entry], replaced: dict[int, Entry]) -> None:
    """An edit of text is checked by reading it again: nothing but what was meant may differ."""
    wanted = [replaced.get(n, e) for n, e in enumerate(before.artifact)] + fresh
    same = msgspec.structs.replace(before, version=after.version, artifact=tuple(wanted))
    if same != after:
        hint = "write each artifact as a table [[artifact]] of its own, at the end of the file"
        raise BadInput("register of artifacts", "a layout that cannot be edited", "plain tables", hint)
