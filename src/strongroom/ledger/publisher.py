"""Publishing: what the journal holds becomes tiles and bundles, and then the published checkpoint, in this order.

So no published checkpoint ever covers what is missing. A crash anywhere on the way is mended by publishing again: the
tiles of a tree are the same bytes whoever makes them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from strongroom.kit.tlog.checkpoint import Checkpoint, parse
from strongroom.kit.tlog.merkle import leaf_hash
from strongroom.kit.tlog.note import Signer, add_signatures
from strongroom.kit.tlog.note import parse as parse_note
from strongroom.kit.tlog.tiles import WIDTH, Bundle, Tile, new_bundles, new_tiles
from strongroom.ledger import tree
from strongroom.ledger.record import Record
from strongroom.ledger.storage import CHECKPOINT, BehindError, Storage
from strongroom.model.errors import LogDamaged, LogUnavailable

ATTEMPTS = 20  # to catch up where others publish too
STEP = 1 << 14  # entries after which what was published so far is: bounds the memory of a long backlog

Cosign = Callable[[Checkpoint, bytes], bytes]
"""Given a checkpoint whose tiles are durable, and its note: the note with the cosignatures that could be had."""


class Head(NamedTuple):
    """A checkpoint, and the signed note that it is from."""

    checkpoint: Checkpoint
    note: bytes


def published(storage: Storage) -> Head:
    """The published checkpoint, as it is stored; whoever trusts it verifies it.

    Raises:
        NotFound: there is none.
        Malformed: it is none.
    """
    note = storage.read(CHECKPOINT)
    return Head(parse(parse_note(note).text), note)


def publish(
    storage: Storage, target: Head, signers: Sequence[Signer] = (), cosign: Cosign | None = None
) -> Head | None:
    """Publish the log up to a committed checkpoint; None when another is at it.

    Args:
        storage: the place.
        target: a durable checkpoint of the journal.
        signers: further signers of the log itself, whose signatures the published checkpoint carries too.
        cosign: asks the witnesses; called once the tiles are durable and before the checkpoint is published.

    Raises:
        LogDamaged: the journal or a tile is not what was signed.
        LogUnavailable: the place cannot be written.
    """
    with storage.publishing() as mine:
        if not mine:
            return None
        now = published(storage)
        if now.checkpoint.size >= target.checkpoint.size and cosign is None:
            return now
        now = _caught_up(storage, now, target)
        text = parse_note(now.note).text
        note = add_signatures(now.note, [signer.sign(text) for signer in signers]) if signers else now.note
        if cosign is not None:
            note = cosign(now.checkpoint, note)
        storage.publish(_with_others(storage, note))
        storage.forget(now.checkpoint.size)
        return Head(now.checkpoint, note)


def _caught_up(storage: Storage, now: Head, target: Head) -> Head:
    """Integrate what lies between the published checkpoint and the target; the last one is left to be published.

    Where nothing keeps two from publishing at once (a bucket), the other may have published, and the journal may have
    dropped what that covers, between two looks: then it is gone on from there.
    """
    for _ in range(ATTEMPTS):
        try:
            for step in _steps(storage.committed(now.checkpoint.size, target.checkpoint.size)):
                _integrate(storage, now.checkpoint, step)
                note = step[-1].checkpoint
                now = Head(parse(parse_note(note).text), note)
                if now.checkpoint.size < target.checkpoint.size:
                    storage.publish(note)
        except BehindError:
            now = published(storage)
        else:
            return now
        if now.checkpoint.size >= target.checkpoint.size:
            return now
    raise LogUnavailable(f"log {storage.where}", f"other publishers at {ATTEMPTS} attempts", "a turn")


def _with_others(storage: Storage, note: bytes) -> bytes:
    """The note with signatures that another has published for the same text meanwhile: none is lost."""
    there = parse_note(published(storage).note)
    return add_signatures(note, there.signatures) if there.text == parse_note(note).text else note


def _steps(records: Iterator[Record]) -> Iterator[list[Record]]:
    step: list[Record] = []
    for record in records:
        step.append(record)
        if record.end - step[0].start >= STEP:
            yield step
            step = []
    if step:
        yield step


def _integrate(storage: Storage, before: Checkpoint, records: Sequence[Record]) -> None:
    """Write the tiles and bundles of records, once they are found to make the root that was signed with the last."""
    after = parse(parse_note(records[-1].checkpoint).text)
    entries = [entry for record in records for entry in record.entries]
    leaves = [leaf_hash(entry) for entry in entries]
    frontier = tree.frontier(before.size, before.root, storage.read, f"log {storage.where}")
    frontier.extend(leaves)
    if (frontier.size, frontier.root()) != (after.size, after.root):
        found = f"entries up to {frontier.size} of another root"
        raise LogDamaged(f"journal of {storage.where}", found, "the root that was signed", "strongroom log audit")
    read = tree.reader(storage.read)
    tiles = new_tiles(before.size, leaves, read)
    bundles = new_bundles(before.size, entries, read)
    # Bundles first: the tree commits to entries, so a reader who finds a hash finds what it is of.
    objects = {bundle.path: data for bundle, data in bundles.items()}
    objects |= {tile.path: data for tile, data in tiles.items()}
    storage.write(objects)
    storage.prune(tuple(_partials(before.size, (*tiles, *bundles))))


def _partials(size: int, written: Sequence[Tile | Bundle]) -> Iterator[str]:
    """The names that partial forms of what is full now may have: only what stood at the edge had any."""
    for part in written:
        if isinstance(part, Tile):
            if part.width == WIDTH and part.number == (size >> (8 * part.level)) // WIDTH:
                yield from (Tile(part.level, part.number, width).path for width in range(1, WIDTH))
        elif part.width == WIDTH and part.number == size // WIDTH:
            yield from (Bundle(part.number, width).path for width in range(1, WIDTH))
