"""Read entries of a log, prove them, verify a proof, export them, and erase what one of them seals."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from strongroom.app.log import Appended, Log, Place
from strongroom.app.log_places import Reading, disclosures_of, reading, settings_of
from strongroom.kit import log_entry
from strongroom.kit.tlog import note as notes
from strongroom.kit.tlog import proof as proofs
from strongroom.kit.tlog.checkpoint import Checkpoint, parse
from strongroom.kit.tlog.keys import VerifierKey
from strongroom.kit.tlog.merkle import leaf_hash
from strongroom.kit.tlog.policy import Policy
from strongroom.kit.tlog.proof import Logged, LogProof
from strongroom.kit.tlog.tiles import WIDTH, Bundle, Tile, decode_bundle, encode_bundle, tiles_of, width_at
from strongroom.ledger import disk, tree
from strongroom.ledger.storage import CHECKPOINT
from strongroom.model.codes import EntryKind
from strongroom.model.errors import BadInput, BadProof, LogDamaged, Malformed, NotFound, Unreadable
from strongroom.model.log import LogEntry
from strongroom.model.ports import Progress


@dataclass(frozen=True, slots=True)
class Got:
    """One entry: its bytes, what they say where they are of our schema, and the sealed fields that could be opened."""

    index: int
    data: bytes
    entry: LogEntry | None
    opened: tuple[str, ...] = ()


def _head(source: Reading) -> tuple[Checkpoint, bytes]:
    note = source.read(CHECKPOINT)
    return parse(notes.parse(note).text), note


def _understood(data: bytes) -> LogEntry | None:
    try:
        return log_entry.decode(data)
    except Malformed:
        return None


def get(place: Place, index: int, *, open_sealed: bool = False) -> Got:
    """An entry of the published log, once its tree is found to hold it; sealed fields are opened on request.

    Raises:
        BadInput: there is no such entry.
        LogDamaged: the entry is not what was hashed.
    """
    with closing(reading(place.where)) as source:
        head, _ = _head(source)
        data = _entry(source, index, head)
        tree.inclusion(index, leaf_hash(data), head, source.read)
    entry = _understood(data)
    if entry is None or not open_sealed or not entry.sealed or settings_of(place.where) is None:
        return Got(index, data, entry)
    with closing(disclosures_of(place.where)) as store:
        texts = store.find(tuple(entry.sealed.values()))
    opened = log_entry.opened(entry, texts.values())
    return Got(index, data, opened, tuple(name for name, c in entry.sealed.items() if c in texts))


def _entry(source: Reading, index: int, head: Checkpoint) -> bytes:
    if not 0 <= index < head.size:
        raise BadInput(f"entry {index}", f"a log of {head.size} published entries", "an index of one of them")
    try:
        return tree.entry(index, head.size, source.read)
    except (NotFound, Malformed) as e:
        raise LogDamaged(f"entry {index}", e.found, e.wanted, "strongroom log audit says what else is wrong") from None


@dataclass(frozen=True, slots=True)
class Proven:
    """The proof of an entry, for anyone: the text of a `.tlog-proof`, the entry's bytes, and the size it is under."""

    proof: bytes
    data: bytes
    size: int


def prove(place: Place, index: int) -> Proven:
    """The proof that an entry is in the published log. Raises BadInput or LogDamaged."""
    with closing(reading(place.where)) as source:
        head, note = _head(source)
        data = _entry(source, index, head)
        hashes = tree.inclusion(index, leaf_hash(data), head, source.read)
    return Proven(proofs.encode(LogProof(index, hashes, note)), data, head.size)


def verify(proof: Path, entry: Path, policy: Policy | None, keys: Sequence[VerifierKey]) -> Logged:
    """What a `.tlog-proof` proves of the bytes of an entry. Nothing is asked of the log or of any network.

    Raises:
        Unreadable, Malformed, BadSignature, BadProof: it proves nothing.
        BadInput: no key to verify it with was given.
    """
    if policy is None and not keys:
        hint = "name it with --key, as the log's operator published it, or give a --policy"
        raise BadInput(f"proof {proof}", "no key of the log", "its verifier key", hint)
    found = proofs.parse(_bytes(proof))
    return proofs.verify(found, leaf_hash(_bytes(entry)), policy or Policy((), (), (), None), keys)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise Unreadable(str(path), (e.strerror or "an error").lower(), "a file that can be read") from None


def size(place: Place) -> int:
    """How many entries are published."""
    with closing(reading(place.where)) as source:
        return _head(source)[0].size


def entries(place: Place, kinds: Sequence[str] = (), start: int = 0, progress: Progress | None = None) -> Iterator[Got]:
    """Every entry of the published log from `start` on, of some kinds or of all.

    Raises:
        LogDamaged: a bundle is missing or damaged.
    """
    with closing(reading(place.where)) as source:
        head, _ = _head(source)
        for number in range(start // WIDTH, -(-head.size // WIDTH)):
            bundle = Bundle(number, width_at(0, number, head.size))
            try:
                held = decode_bundle(tree.reader(source.read)(bundle), bundle)
            except (NotFound, Malformed) as e:
                raise LogDamaged(
                    bundle.path, e.found, e.wanted, "strongroom log audit says what else is wrong"
                ) from None
            for index, data in enumerate(held, number * WIDTH):
                entry = _understood(data)
                if index >= start and (not kinds or (entry is not None and entry.kind in kinds)):
                    yield Got(index, data, entry)
            if progress is not None:
                progress("entries", number * WIDTH + len(held), head.size)


def copy(place: Place, folder: Path, progress: Progress | None = None) -> Checkpoint:
    """Copy the published tree into a new folder, with its standard names: `log audit` takes it, and any tlog-tiles reader.

    Raises:
        BadInput: the folder is there already.
        LogDamaged: a part of the tree is missing.
        Unreadable: the folder cannot be written.
    """
    if os.path.lexists(folder):
        raise BadInput(f"folder {folder}", "something that is there already", "a new folder", "choose another path")
    with closing(reading(place.where)) as source:
        head, note = _head(source)
        read = tree.reader(source.read)
        count = -(-head.size // WIDTH)
        try:
            disk.make_folders(folder)
            for number in range(count):
                bundle = Bundle(number, width_at(0, number, head.size))
                disk.add(folder, _whole(read, bundle))
                if progress is not None:
                    progress("bundles", number + 1, count)
            for tile in tiles_of(head.size):
                disk.add(folder, _whole(read, tile))
            disk.replace(folder / CHECKPOINT, note)
        except OSError as e:
            raise Unreadable(f"folder {folder}", (e.strerror or "an error").lower(), "a folder to write") from None
        except NotFound as e:
            raise LogDamaged(f"log {place.where}", e.found, e.wanted, "strongroom log audit") from None
    return head


def _whole(read: tree.Reader, part: Tile | Bundle) -> dict[str, bytes]:
    """The file of a part at this size: the beginning of the full one, where the partial one is gone."""
    data = read(part)
    if isinstance(part, Tile):
        return {part.path: data[: part.width * 32]}
    return {part.path: encode_bundle(decode_bundle(data, part))}


@dataclass(frozen=True, slots=True)
class Redacted:
    """What was erased of an entry, how many disclosures were there, and the entry that says so."""

    index: int
    names: tuple[str, ...]
    erased: int
    logged: Appended


def redact(log: Log, index: int, names: Sequence[str], reason: str, actor: str) -> Redacted:
    """Erase the values of sealed fields of an entry; every proof of it still holds. The log says so first.

    Raises:
        BadInput: the entry seals no such field, or there is no such entry.
        LogUnavailable: the log cannot say so; then nothing is erased.
    """
    log.publish()
    held = _entry_of(log, index)
    missing = [name for name in names if name not in held.sealed]
    if missing or not names:
        known = ", ".join(held.sealed) or "none: nothing of it can be erased"
        raise BadInput(f"entry {index}", f"no sealed field {', '.join(missing) or 'named'}", f"one of {known}")
    entry = LogEntry(
        kind=EntryKind.REDACTION,
        subject=f"entry {index}",
        actor=actor,
        at=log.clock(),
        fields={"index": index, "names": tuple(names), "reason": reason},
    )
    # Said first, done next: what is said and not done is found by an audit, what is done and not said by nobody.
    logged = log.record(entry)
    erased = log.disclosures.erase(tuple(held.sealed[name] for name in names))
    log.publish()
    return Redacted(index, tuple(names), erased, logged)


def _entry_of(log: Log, index: int) -> LogEntry:
    head = log.published().checkpoint
    if not 0 <= index < head.size:
        raise BadInput(f"entry {index}", f"a log of {head.size} published entries", "an index of one of them")
    data = tree.entry(index, head.size, log.storage.read)
    tree.inclusion(index, leaf_hash(data), head, log.storage.read)
    try:
        return log_entry.decode(data)
    except Malformed as e:
        raise BadProof(f"entry {index}", e.found, "an entry of this program's schema") from None
