"""The audit of a whole log from its tiles and bundles (c2sp.org/tlog-tiles v0.1.0): all of it is computed again.

Every file is read once, from the first entry to the last, and at most one tile of each level is held. Where two files
disagree, the one is believed that makes what stands above it, and above everything stands the root that was signed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from typing import NamedTuple

from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.merkle import HASH_SIZE, MAX_SIZE, Frontier, Range, perfect_nodes
from strongroom.kit.tlog.tiles import HEIGHT, WIDTH, Bundle, Tile, decode_bundle, decode_tile
from strongroom.model.errors import BadInput, LogError, NotFound

MAX_FAULTS = 100  # that are kept in words; the rest is counted

Read = Callable[[Tile | Bundle], bytes]
"""Gives the bytes of a tile or bundle, or of the full one of its place; raises NotFound, BadInput or LogError."""
Seen = Callable[[int, bytes], None]
"""Is shown every entry that can be read, in order, with its index; whether it is the right one is not known yet."""
Progress = Callable[[int, int], None]
"""Is told how many entries have been gone through, and how many there are."""

_Row = Sequence[bytes]


class Fault(NamedTuple):
    """Something that is not as the log signed it: in which file, and which entries it is about."""

    where: str
    entries: Range
    found: str
    wanted: str


@dataclass(frozen=True, slots=True)
class AuditedTree:
    """What an audit found. Without faults, `root` is the one that was signed and every file is what it stands for.

    `root` is what the files make, None where too much is missing to say. `more` counts faults beyond those listed.
    """

    size: int
    root: bytes | None
    faults: tuple[Fault, ...]
    more: int
    entries_read: int


class _Sides(NamedTuple):
    """The hashes of one place: as its tile holds them, and as what is below makes them; None where that is missing."""

    tile: Tile
    stored: _Row | None
    computed: _Row | None

    @property
    def known(self) -> tuple[_Row, ...]:
        """What there is to choose from, what is computed first."""
        given = [row for row in (self.computed, self.stored) if row is not None]
        return tuple(given[:1] if len(given) == 2 and given[0] == given[1] else given)


def audit(head: Checkpoint, read: Read, seen: Seen | None = None, progress: Progress | None = None) -> AuditedTree:
    """Compute a log again from its entries, and hold every tile and the signed root against that.

    A file that is missing, cut short or wrong is a fault, and the audit goes on. What a full tile or bundle holds beyond
    the size of the checkpoint, where it is read in place of a partial one, is not looked at.

    Args:
        head: the checkpoint, whose signature the caller has verified.
        read: gives the files.
        seen: looks at the entries.
        progress: is told after each bundle.

    Raises:
        BadInput: the checkpoint's size or root is none.
    """
    if not 0 <= head.size <= MAX_SIZE or len(head.root) != HASH_SIZE:
        raise BadInput("checkpoint", f"size {head.size}, a root of {len(head.root)} bytes", f"0 to {MAX_SIZE}, SHA-256")
    return _Audit(head, read, seen, progress).run()


def _edges(size: int) -> Iterator[Tile]:
    """The partial tiles at the right edge, highest first: their hashes make the root, and hang from no other tile."""
    for level in range(size.bit_length() // HEIGHT, -1, -1):
        number, width = divmod(size >> (HEIGHT * level), WIDTH)
        if width:
            yield Tile(level, number, width)


def _root(row: _Row) -> bytes:
    """The root over hashes, as many as a power of two. It is the inner loop of an audit, so it calls nothing else."""
    while len(row) > 1:
        pairs = iter(row)
        # b"\x01" keeps a node from passing for a leaf (RFC 9162 section 2.1.1).
        row = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return row[0]


def _tree_root(size: int, edges: Sequence[_Row]) -> bytes:
    """The root of a tree from the hashes of its edge tiles, highest first."""
    nodes = ((row, index << level, (index + 1) << level) for row in edges for level, index in perfect_nodes(_all(row)))
    return Frontier(size, [_root(row[start:end]) for row, start, end in nodes]).root()


def _all(row: _Row) -> Range:
    return Range(0, len(row))


def _covered(tile: Tile, at: Range) -> Range:
    """The entries below some hashes of a tile."""
    first, up = tile.number * WIDTH, HEIGHT * tile.level
    return Range((first + at.start) << up, (first + at.end) << up)


def _differing(one: _Row, other: _Row) -> Iterator[Range]:
    """Where two rows differ, neighbours taken together."""
    start = None
    for i, (a, b) in enumerate(zip(one, other, strict=True)):
        if a == b and start is not None:
            yield Range(start, i)
            start = None
        elif a != b and start is None:
            start = i
    if start is not None:
        yield Range(start, len(one))


def _entries(part: Range) -> str:
    last = part.end - 1
    return f"entry {last}" if part.start == last else f"entries {part.start} to {last}"


def _hashes(row: _Row, at: Range) -> str:
    first = row[at.start].hex()
    return first if at.end - at.start == 1 else f"{first} and {at.end - at.start - 1} more"


class _Audit:
    """One audit as it goes."""

    def __init__(self, head: Checkpoint, read: Read, seen: Seen | None, progress: Progress | None) -> None:
        self._head = head
        self._read = read
        self._seen = seen
        self._progress = progress
        self._faults: list[Fault] = []
        self._more = 0
        self._entries_read = 0

    def run(self) -> AuditedTree:
        """Go through the log; the edge comes last, as only the root can say which of its sides is right."""
        edges = [self._sides(tile) for tile in _edges(self._head.size)]
        root = self._settle(edges)
        return AuditedTree(self._head.size, root, tuple(self._faults), self._more, self._entries_read)

    def _fault(self, where: str, entries: Range, found: str, wanted: str) -> None:
        if len(self._faults) < MAX_FAULTS:
            self._faults.append(Fault(where, entries, found, wanted))
        else:
            self._more += 1

    def _sides(self, tile: Tile) -> _Sides:
        stored = self._stored(tile)
        if tile.level == 0:
            return _Sides(tile, stored, self._leaves(Bundle(tile.number, tile.width)))
        claims = stored or (None,) * tile.width
        below = [self._full(Tile(tile.level - 1, tile.number * WIDTH + i), claim) for i, claim in enumerate(claims)]
        known = [claim if made is None else made for made, claim in zip(below, claims, strict=True)]
        return _Sides(tile, stored, [h for h in known if h is not None] if None not in known else None)

    def _stored(self, tile: Tile) -> _Row | None:
        try:
            return list(decode_tile(self._read(tile), tile))
        except (NotFound, BadInput, LogError) as e:
            self._fault(tile.path, _covered(tile, Range(0, tile.width)), e.found, e.wanted)
            return None

    def _leaves(self, bundle: Bundle) -> _Row | None:
        part = Range(bundle.number * WIDTH, bundle.number * WIDTH + bundle.width)
        row = None
        try:
            entries = decode_bundle(self._read(bundle), bundle)
        except (NotFound, BadInput, LogError) as e:
            self._fault(bundle.path, part, e.found, e.wanted)
        else:
            self._entries_read += len(entries)
            row = [sha256(b"\x00" + entry).digest() for entry in entries]
            if self._seen is not None:
                for index, entry in enumerate(entries, part.start):
                    self._seen(index, entry)
        if self._progress is not None:
            self._progress(part.end, self._head.size)
        return row

    def _full(self, tile: Tile, claim: bytes | None) -> bytes | None:
        """The root of a full tile, as `claim` of the tile above has it if one of the tile's sides makes that."""
        sides = self._sides(tile)
        roots = [_root(row) for row in sides.known]
        if len(roots) == 2:
            chosen = None if claim not in roots else sides.known[roots.index(claim)]
            self._blame(sides, chosen)
        if not roots:
            return None
        return claim if claim in roots else roots[0]

    def _settle(self, edges: Sequence[_Sides]) -> bytes | None:
        """The root; of the sides of the edge tiles those are believed that make the one that was signed."""
        size, wanted = self._head.size, self._head.root
        every = Range(0, size)
        choices = [sides.known for sides in edges]
        if not all(choices):
            self._blame_edges(edges, None)
            self._fault("checkpoint", every, f"the root {wanted.hex()}", "what makes it, of which too much is missing")
            return None
        for chosen in product(*choices):
            if _tree_root(size, chosen) == wanted:
                self._blame_edges(edges, chosen)
                return wanted
        self._blame_edges(edges, None)
        made = _tree_root(size, [rows[0] for rows in choices])
        self._fault("checkpoint", every, f"the root {wanted.hex()}", f"{made.hex()}, which the files make")
        return made

    def _blame_edges(self, edges: Sequence[_Sides], chosen: Sequence[_Row] | None) -> None:
        for i, sides in enumerate(edges):
            if len(sides.known) == 2:
                self._blame(sides, None if chosen is None else chosen[i])

    def _blame(self, sides: _Sides, right: _Row | None) -> None:
        """Name what is wrong where a tile and what is below it differ: one of the two, or both if neither is right."""
        tile, stored, computed = sides
        if stored is None or computed is None:
            return  # that was said when it could not be read
        for at in _differing(stored, computed):
            if tile.level == 0:
                self._blame_one(sides, at, Bundle(tile.number, tile.width).path, right)
                continue
            for i in range(at.start, at.end):
                below = Tile(tile.level - 1, tile.number * WIDTH + i)
                self._blame_one(sides, Range(i, i + 1), below.path, right)

    def _blame_one(self, sides: _Sides, at: Range, below: str, right: _Row | None) -> None:
        tile, stored, computed = sides
        assert stored is not None  # the caller has compared them
        assert computed is not None
        part, held, made = _covered(tile, at), _hashes(stored, at), _hashes(computed, at)
        if right is not stored:
            self._fault(tile.path, part, f"the hash {held} for {_entries(part)}", f"{made}, which {below} makes")
        if right is not computed:
            self._fault(below, part, f"{_entries(part)} with the hash {made}", f"{held}, which {tile.path} holds")
