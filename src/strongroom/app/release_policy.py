"""Release policies from files: read, checked in words, signed offline. What counts of one is `kit/release_policy.py`'s."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from strongroom.app.appraisal import ask
from strongroom.kit import release_policy as files
from strongroom.kit.release_policy import File
from strongroom.kit.tlog.keys import Kind, VerifierKey, parse_verifier_key
from strongroom.kit.tlog.note import Ed25519Signer, Ed25519Verifier, open_note
from strongroom.ledger import disk, keyfile
from strongroom.model.errors import BadInput, BadSignature, Malformed, TooLarge, Unreadable
from strongroom.model.release import ReleasePolicy

MOST = 16 << 20  # bytes
SIGNATURE = ".sig"
HINT = "strongroom release policy example"
_WHAT = "a release policy"
_NO_EXPRESSION = "it is no expression"  # how `ask` begins its answer where it could not compile one


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file of a policy: its bytes, what was read of them, and the notes that lie beside it."""

    path: Path
    data: bytes
    file: File
    notes: tuple[tuple[Path, bytes], ...]


@dataclass(frozen=True, slots=True)
class Signing:
    """Who has signed: of the broker's signers or of one owner (`name`), how many and how many are needed."""

    name: str
    count: int
    threshold: int
    keys: int
    signed: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether enough have."""
        return self.threshold > 0 and self.count >= self.threshold


@dataclass(frozen=True, slots=True)
class Checked:
    """A policy and its signatures. `signers` is None where nobody said whom the broker trusts; `trouble` is of notes."""

    loaded: Loaded
    signers: Signing | None
    owners: tuple[Signing, ...]
    trouble: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether all of it would count."""
        known = self.signers is None or self.signers.holds
        return known and not self.trouble and all(o.holds for o in self.owners)

    def closed(self) -> frozenset[str]:
        """The owners whose rules stay closed."""
        return frozenset(o.name for o in self.owners if not o.holds)


def parse(data: bytes, subject: str) -> File:
    """The policy of a file's bytes. Raises Malformed."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(subject, str(e).lower()[:200], "TOML", HINT) from None
    return files.read(table, subject)


def octets(path: Path, what: str) -> bytes:
    """The bytes of a file. Raises Unreadable, TooLarge."""
    try:
        with path.open("rb") as f:
            data = f.read(MOST + 1)
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), what, HINT) from None
    if len(data) > MOST:
        raise TooLarge(str(path), f"over {MOST >> 20} MiB", what)
    return data


def note_files(path: Path) -> tuple[Path, ...]:
    """The notes beside a policy: `FILE.sig` and `FILE.*.sig`. Raises Unreadable where the folder cannot be read."""
    try:
        beside = sorted(p for p in path.parent.iterdir() if p.name.startswith(f"{path.name}."))
    except OSError as e:
        raise Unreadable(str(path.parent), (e.strerror or "an error").lower(), "the folder of the policy") from None
    return tuple(p for p in beside if p.suffix == SIGNATURE)


def load(path: str | Path) -> Loaded:
    """A policy with the notes beside it. Raises Unreadable, TooLarge, Malformed (an expression that is none, too)."""
    where = Path(path)
    data = octets(where, _WHAT)
    found = parse(data, str(where))
    _compiled(found, str(where))
    return Loaded(where, data, found, tuple((p, octets(p, "a signature")) for p in note_files(where)))


def _compiled(found: File, subject: str) -> None:
    texts = tuple(dict.fromkeys(t for r in found.rule for d in r.owners.values() for t in d.require))
    if not texts:
        return
    for text, answer in zip(texts, ask(texts, {}), strict=True):
        if isinstance(answer, str) and answer.startswith(_NO_EXPRESSION):
            raise Malformed(subject, f"{text[:80]!r}: {answer}", "CEL over claims", HINT)


def check(loaded: Loaded, signers: Sequence[str] = (), threshold: int = 0) -> Checked:
    """Who has signed it, and who has not. Raises Malformed for a key of a signer that is none, or a threshold."""
    trusted = tuple(parse_verifier_key(text) for text in signers)
    if trusted and not 1 <= threshold <= len(trusted):
        raise Malformed("release policy", f"a threshold of {threshold} of {len(trusted)} signers", "1 to all of them")
    owned = [(o, tuple(parse_verifier_key(text) for text in o.keys)) for o in loaded.file.owner]
    known = dict.fromkeys((*trusted, *(k for _, keys in owned for k in keys)))
    held, trouble = _held(loaded, tuple(known))
    return Checked(
        loaded,
        _signing("the broker's signers", trusted, threshold, held) if trusted else None,
        tuple(_signing(o.name, keys, o.threshold, held) for o, keys in owned),
        tuple(trouble),
    )


def _signing(name: str, keys: Sequence[VerifierKey], threshold: int, held: frozenset[VerifierKey]) -> Signing:
    signed = tuple(f"{k.name}+{k.key_id:08x}" for k in keys if k in held)
    return Signing(name, len(signed), threshold, len(keys), signed)


def _held(loaded: Loaded, keys: Sequence[VerifierKey]) -> tuple[frozenset[VerifierKey], list[str]]:
    """Who of the keys has signed this very file, and what is wrong with notes."""
    verifiers = [Ed25519Verifier(k) for k in keys if k.kind is Kind.ED25519]
    held: set[VerifierKey] = set()
    trouble: list[str] = []
    wanted = files.statement(loaded.data, loaded.file)
    for path, data in loaded.notes:
        try:
            opened = open_note(data, verifiers)
        except BadInput as e:
            trouble.append(f"{path.name}: {e.found}; no key of the policy signed it, so the broker refuses it all")
            continue
        if opened.text != wanted:
            trouble.append(f"{path.name}: signs another version of the file; take it away, or sign again")
            continue
        held |= {v.key for v in opened.verified}
    return frozenset(held), trouble


def in_force(loaded: Loaded, signers: Sequence[str], threshold: int) -> ReleasePolicy:
    """The policy as far as it counts. Raises BadSignature, Malformed."""
    trusted = tuple(parse_verifier_key(text) for text in signers)
    notes = [data for _, data in loaded.notes]
    return files.in_force(loaded.data, loaded.file, notes, trusted, threshold)


def supposed(loaded: Loaded) -> ReleasePolicy:
    """The policy as it would count if everybody signed it: for a trial, never for a release."""
    f = loaded.file
    return ReleasePolicy(f.schema, f.name, f.version, f.owner, f.rule, f.recipient)


@dataclass(frozen=True, slots=True)
class Signed:
    """A note that was written, by which key, and whose key that is in the policy."""

    note: Path
    key: VerifierKey
    owners: tuple[str, ...]
    loaded: Loaded


def sign(path: str, key: str, output: str | None) -> Signed:
    """Sign a policy with one key, into a note beside it that is that key's alone. Nothing is asked of any network.

    Raises:
        NotFound, Unreadable, Malformed, TooLarge: the key or the policy cannot be used.
        BadSignature: the key is of a type that signs no policies.
    """
    loaded = load(path)
    held = keyfile.read(Path(key))
    verifier = held.verifier
    if verifier.kind is not Kind.ED25519:
        found = f"a key of type 0x{verifier.kind:02x}"
        hint = "strongroom log keygen NAME --type log -o FILE"
        raise BadSignature(key, found, "an Ed25519 key of type 0x01", hint)
    note = Path(output) if output else Path(f"{loaded.path}.{_stem(verifier)}{SIGNATURE}")
    try:
        disk.replace(note, files.sign(loaded.data, loaded.file, Ed25519Signer(held)), 0o644)
    except OSError as e:
        raise Unreadable(str(note), (e.strerror or "an error").lower(), "a file that can be written") from None
    return Signed(note, verifier, tuple(_whose(loaded.file, verifier)), loaded)


def _stem(key: VerifierKey) -> str:
    name = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in key.name)[:64]
    return f"{name}-{key.key_id:08x}"


def _whose(found: File, key: VerifierKey) -> Iterator[str]:
    yield from (o.name for o in found.owner if str(key) in o.keys)
