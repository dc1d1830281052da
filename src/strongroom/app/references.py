"""Reference values: only what a trusted key has signed, and nothing older than what was seen; and making them."""

import contextlib
import hashlib
import socket
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from strongroom.app.config import Config
from strongroom.app.log import Place, actor, make_key
from strongroom.app.log_default import open_or_create
from strongroom.app.state_place import state_path
from strongroom.kit import reference_file as files
from strongroom.kit.reference_file import Reference, References
from strongroom.kit.tlog.keys import VerifierKey, parse_verifier_key
from strongroom.kit.tlog.note import Ed25519Signer, Ed25519Verifier, VerifiedNote, open_note
from strongroom.ledger import disk, keyfile
from strongroom.model.attest import Reference as Known
from strongroom.model.attest import ReferenceValues
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, BadSignature, Malformed, NotFound, TooLarge, Unreadable
from strongroom.model.log import LogEntry

MOST = 16 << 20  # bytes
SIGNATURE = ".sig"
_MAKE = "strongroom attest measure"
_WHAT = "a file of reference values"


# Using them


def load(paths: Sequence[str], config: Config, keys: Sequence[str]) -> ReferenceValues:
    """What the files (or folders of `*.toml`) say, where one of the keys has signed it; else `trouble` says why not.

    The newest version of each file that was seen is remembered beside the state: an older one does not count.

    Raises:
        Unreadable, TooLarge, Malformed: a file cannot be read or is none; a key is none.
    """
    trusted = tuple(parse_verifier_key(key) for key in keys)
    items: list[Known] = []
    signers: dict[str, None] = {}
    trouble: list[str] = []
    for path in _files(paths):
        data = _bytes(path, _WHAT)
        held = parse(data, str(path))
        try:
            opened = files.verify(data, held, _bytes(_note(path), "its signature"), trusted)
            _not_rolled_back(held, opened, config)
        except BadInput as e:
            hint = f" ({e.hint})" if e.hint else ""
            trouble.append(f"{path} counts for nothing: found {e.found}, wanted {e.wanted}{hint}")
            continue
        items += [r.known for r in held.reference]
        signers |= {_name(v.key): None for v in opened.verified}
    return ReferenceValues(tuple(items), ", ".join(signers), "; ".join(trouble))


def _name(key: VerifierKey) -> str:
    return f"{key.name}+{key.key_id:08x}"


def _note(path: Path) -> Path:
    return Path(f"{path}{SIGNATURE}")


def _files(paths: Sequence[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        try:
            within = sorted(p for p in path.iterdir() if p.suffix == ".toml") if path.is_dir() else [path]
        except OSError as e:
            raise Unreadable(str(path), (e.strerror or "an error").lower(), _WHAT, _MAKE) from None
        if not within:
            raise Unreadable(str(path), "a folder without *.toml", _WHAT, _MAKE)
        yield from within


def _bytes(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as f:
            data = f.read(MOST + 1)
    except OSError as e:
        hint = _MAKE if what == _WHAT else f"{_MAKE} sign FILE"
        raise Unreadable(str(path), (e.strerror or "an error").lower(), what, hint) from None
    if len(data) > MOST:
        raise TooLarge(str(path), f"over {MOST >> 20} MiB", what)
    return data


def parse(data: bytes, subject: str) -> References:
    """The references of a file's bytes. Raises Malformed."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(subject, str(e).lower()[:200], "TOML", _MAKE) from None
    return files.read(table, subject)


def _not_rolled_back(held: References, opened: VerifiedNote, config: Config) -> None:
    """Remember the version of what verified; refuse an older one: it may be a build whose holes are known.

    Raises BadSignature. What was remembered and cannot be read refuses too: it may have been newer.
    """
    where = config.state.path
    folder = Path(state_path(None if not where or "://" in where else where)).parent / "references-seen"
    for v in opened.verified:
        file = folder / hashlib.sha256(f"{_name(v.key)}\n{held.name}".encode()).hexdigest()[:32]
        newest = _remembered(file)
        if held.version < newest:
            wanted = f"version {newest}, which was seen here, or newer"
            raise BadSignature(f"reference values {held.name}", f"version {held.version}", wanted)
        if held.version > newest:
            with contextlib.suppress(OSError):  # a machine that keeps no state cannot remember; the record has them all
                disk.make_folders(folder)
                disk.replace(file, f"{held.version}\n{held.name}\n{_name(v.key)}\n".encode())


def _remembered(file: Path) -> int:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0
    except (OSError, UnicodeDecodeError):
        text = ""
    first = text.split("\n", 1)[0]
    if not (first.isascii() and first.isdecimal() and len(first) < 18):
        raise BadSignature("reference values", f"{file}, which cannot be read", "the version that was seen last")
    return int(first)


# Making them


@dataclass(frozen=True, slots=True)
class Desk:
    """Which file is changed, with which key, and where that is logged. `made` says that the log is the default one."""

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


def current(at: Desk) -> References:
    """The references as their own key has signed them: what somebody changed since is not signed along.

    A new file has none, and is named after the file.

    Raises:
        BadSignature: they were changed and not signed.
        NotFound, Unreadable, Malformed, TooLarge: the key or a file cannot be used.
    """
    if not at.path.exists():
        name = "".join(c if c.isascii() and (c.isalnum() or c in "._+-") else "-" for c in at.path.stem)
        return References(files.SCHEMA, name.lstrip("._+-")[:128] or "references", 0)
    data = _bytes(at.path, _WHAT)
    held = parse(data, str(at.path))
    try:
        files.verify(data, held, _bytes(_note(at.path), "its signature"), (at.signer().key.verifier,))
    except BadInput as e:
        hint = f"look at what changed, then: {_MAKE} sign {at.path}"
        raise BadSignature(str(at.path), f"{e.subject}: {e.found}", "the signature of its key", hint) from None
    return held


def add(at: Desk, reference: Reference, *, replace: bool) -> Signed | None:
    """Put a reference into the file, raise its version, log it and sign it; None where it is there already.

    Raises:
        BadInput: another one of its kind, name and version is there, and `replace` is not said.
        BadSignature: the file was changed and not signed.
        LogUnavailable, LogDamaged: it could not be logged; then nothing was signed.
    """
    files.check(reference, "the reference")
    made_key = _key(at)
    after = files.put(current(at), reference, replace=replace)
    if after is None:
        return None
    return _sign(at, files.render(after).encode(), after, "measure", made_key=made_key)


def sign(at: Desk) -> Signed:
    """Sign the file as somebody has written or changed it, at a version above the one that was signed last.

    Raises:
        NotFound: there is no file.
        Unreadable, Malformed, TooLarge: it cannot be used.
        LogUnavailable, LogDamaged: it could not be logged; then nothing was signed.
    """
    if not at.path.exists():
        raise NotFound(str(at.path), "no such file", _WHAT, _MAKE)
    data = _bytes(at.path, _WHAT)
    held = parse(data, str(at.path))
    made_key = _key(at)
    least = _last_version(at) + 1
    if held.version < least:
        lines = data.decode().splitlines(keepends=True)
        raised = [f"version = {least}\n" if x.split("=")[0].strip() == "version" else x for x in lines[: _head(lines)]]
        data = "".join((*raised, *lines[_head(lines) :])).encode()
        held = parse(data, str(at.path))
        if held.version != least:
            raise Malformed(str(at.path), f"version {held.version}", f"version {least} or above", "raise it by hand")
    return _sign(at, data, held, "sign", made_key=made_key)


def _head(lines: Sequence[str]) -> int:
    """How many lines come before the first table."""
    return next((n for n, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))


def _last_version(at: Desk) -> int:
    """The version in a statement that the own key has signed; 0 where it has signed none."""
    try:
        opened = open_note(_bytes(_note(at.path), "a signature"), [Ed25519Verifier(at.signer().key.verifier)])
    except BadInput:
        return 0
    return next((int(x[8:]) for x in opened.text.splitlines() if x.startswith("version ") and x[8:].isdecimal()), 0)


def _key(at: Desk) -> bool:
    """Make the key where there is none yet; whether it was made."""
    if at.key.exists():
        return False
    make_key(f"{socket.gethostname() or 'localhost'}/references", at.key, witness=False, algorithm="ed25519")
    return True


def _sign(at: Desk, data: bytes, references: References, action: str, *, made_key: bool) -> Signed:
    """Log the change, then put file and signature in their places: what is logged and not there harms nobody."""
    made_file = not at.path.exists()
    signer = at.signer()
    note = files.sign(data, references, signer)
    entry = LogEntry(
        kind=EntryKind.POLICY_CHANGE,
        subject=f"reference values {references.name}",
        actor=actor(),
        at=at.now,
        fields={
            "action": action,
            "version": references.version,
            "references": len(references.reference),
            "names": tuple(f"{r.kind.value} {r.name} {r.version}".rstrip() for r in references.reference[-20:]),
            "key": str(signer.key.verifier),
        },
        digests={"references": files.digest(data)},
    )
    with open_or_create(at.place, made=at.made, offline=at.offline) as log:
        done = log.record(entry)
        log.publish()
    try:
        disk.make_folders(at.path.resolve().parent)
        disk.replace(at.path, data, 0o644)
        disk.replace(_note(at.path), note, 0o644)
    except OSError as e:
        raise Unreadable(str(at.path), (e.strerror or "an error").lower(), "a file that can be written") from None
    return Signed(references.version, signer.key.verifier, made_file, made_key, done.index)
