"""Tiles of a log (c2sp.org/tlog-tiles v0.1.0): names, contents, what a proof needs, what an append writes.

Nothing here opens a file: tiles are read through a callable, and new ones are handed back with their names.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from strongroom.kit.tlog.merkle import (
    HASH_SIZE,
    MAX_SIZE,
    MemoryNodes,
    Range,
    consistency_ranges,
    inclusion_ranges,
    perfect_nodes,
    tree_head,
)
from strongroom.model.errors import BadInput, Malformed, TooLarge

HEIGHT = 8  # tlog-tiles, "Merkle Tree": a tile is a subtree of height 8
WIDTH = 256  # the hashes, or entries, of a full tile
MAX_LEVEL = 63  # tlog-tiles, "Merkle Tree": <L> is 0 to 63
MAX_ENTRY = 0xFFFF  # tlog-tiles, "Log entries": a uint16 length

_NAME = re.compile(
    r"tile/(?:(?P<level>0|[1-9][0-9]?)|entries)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


def _index_path(index: int) -> str:
    digits = str(index)
    groups = f"{index:0{-(-len(digits) // 3) * 3}d}"
    parts = [groups[i : i + 3] for i in range(0, len(groups), 3)]
    return "/".join([*(f"x{p}" for p in parts[:-1]), parts[-1]])


def _tail(index: int, width: int) -> str:
    return _index_path(index) if width == WIDTH else f"{_index_path(index)}.p/{width}"


class Tile(NamedTuple):
    """A tile of hashes: at `level`, the hashes number * 256 and on, `width` of them."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its name below the log's prefix (tlog-tiles, "Merkle Tree")."""
        return f"tile/{self.level}/{_tail(self.number, self.width)}"

    @property
    def full(self) -> "Tile":
        """The tile that this one becomes once 256 hashes are there; it begins with the same bytes."""
        return self._replace(width=WIDTH)


class Bundle(NamedTuple):
    """A bundle of entries: the entries number * 256 and on, `width` of them."""

    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its name below the log's prefix (tlog-tiles, "Log entries")."""
        return f"tile/entries/{_tail(self.number, self.width)}"

    @property
    def full(self) -> "Bundle":
        """The bundle that this one becomes once 256 entries are there; it begins with the same bytes."""
        return self._replace(width=WIDTH)


def parse_path(path: str) -> Tile | Bundle:
    """The tile or bundle of a name; each has one name only.

    Raises:
        Malformed: it is no such name, or not the one way to write it (a leading zero group, a width of 256).
    """
    found = _NAME.fullmatch(path)
    if found is None:
        raise Malformed(
            "name of a tile", repr(path[:200]), "tile/<level or entries>/<index>, with .p/<width> if partial"
        )
    index = int(found["index"].replace("x", "").replace("/", ""))
    width = int(found["width"] or WIDTH)
    tile = Bundle(index, width) if found["level"] is None else Tile(int(found["level"]), index, width)
    if tile.path != path or width > WIDTH or index > MAX_SIZE or (isinstance(tile, Tile) and tile.level > MAX_LEVEL):
        raise Malformed("name of a tile", repr(path[:200]), "a level up to 63, no spare zeroes, and a width up to 255")
    return tile


def width_at(level: int, index: int, size: int) -> int:
    """The width of the tile `index` of a level in a tree of `size` leaves; 0 where there is none.

    tlog-tiles, "Partial Tiles": the last tile of a level has floor(size / 256**level) mod 256 hashes.
    """
    return max(0, min(WIDTH, (size >> (HEIGHT * level)) - index * WIDTH))


def tile_of(level: int, index: int, size: int) -> tuple[Tile, Range]:
    """The tile that holds a node of the tree, and which of its hashes make up the node.

    Raises:
        BadInput: the tree of `size` leaves has no such perfect node.
    """
    if level < 0 or index < 0 or (index + 1) << level > size:
        raise BadInput(f"node {level}/{index}", f"a tree of {size} leaves", "a perfect node within the tree")
    up, height = divmod(level, HEIGHT)
    first = index << height
    number, at = divmod(first, WIDTH)
    return Tile(up, number, width_at(up, number, size)), Range(at, at + (1 << height))


def bundle_of(index: int, size: int) -> tuple[Bundle, int]:
    """The bundle that holds an entry of a log of `size` entries, and the entry's place in it.

    Raises:
        BadInput: there is no such entry.
    """
    if not 0 <= index < size:
        raise BadInput(f"entry {index}", f"a log of {size} entries", "an index within the log")
    number, at = divmod(index, WIDTH)
    return Bundle(number, width_at(0, number, size)), at


def _tiles_for(parts: Iterable[Range], size: int) -> tuple[Tile, ...]:
    nodes = (node for part in parts for node in perfect_nodes(part))
    return tuple(sorted({tile_of(level, index, size)[0] for level, index in nodes}))


def tiles_for_inclusion(index: int, size: int) -> tuple[Tile, ...]:
    """The tiles that the inclusion proof of a leaf is made from, each once."""
    return _tiles_for(inclusion_ranges(index, size), size)


def tiles_for_consistency(old: int, new: int) -> tuple[Tile, ...]:
    """The tiles that a consistency proof is made from, each once."""
    return _tiles_for(consistency_ranges(old, new), new)


def tiles_for_root(size: int) -> tuple[Tile, ...]:
    """The tiles that the root, or the frontier, of a tree is made from, each once."""
    return _tiles_for((Range(0, size),), size)


def tiles_of(size: int) -> Iterable[Tile]:
    """Every tile of a tree of `size` leaves, level by level (tlog-tiles, "Partial Tiles")."""
    level = 0
    while count := size >> (HEIGHT * level):
        for index in range(-(-count // WIDTH)):
            yield Tile(level, index, width_at(level, index, size))
        level += 1


def encode_tile(hashes: Sequence[bytes]) -> bytes:
    """The bytes of a tile: its hashes, one after the other.

    Raises:
        BadInput: there are none, over 256, or one is not a hash.
    """
    if not 1 <= len(hashes) <= WIDTH or any(len(h) != HASH_SIZE for h in hashes):
        raise BadInput("tile", f"{len(hashes)} values", f"1 to {WIDTH} hashes of {HASH_SIZE} bytes")
    return b"".join(hashes)


def decode_tile(data: bytes, tile: Tile) -> tuple[bytes, ...]:
    """The hashes of a tile. The full tile is taken for a partial one, as it begins with the same hashes.

    tlog-tiles, "Partial Tiles": a log may drop a partial tile once the full one is there.

    Raises:
        Malformed: the length is neither that of the tile nor that of the full one.
    """
    if len(data) not in {tile.width * HASH_SIZE, WIDTH * HASH_SIZE}:
        raise Malformed(tile.path, f"{len(data)} bytes", f"{tile.width} hashes of {HASH_SIZE} bytes")
    return tuple(data[i : i + HASH_SIZE] for i in range(0, tile.width * HASH_SIZE, HASH_SIZE))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of a bundle: each entry after its length as a big-endian uint16.

    Raises:
        BadInput: there are none or over 256.
        TooLarge: an entry has over 65,535 bytes.
    """
    if not 1 <= len(entries) <= WIDTH:
        raise BadInput("entry bundle", f"{len(entries)} entries", f"1 to {WIDTH}")
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise TooLarge("log entry", f"{len(entry)} bytes", f"at most {MAX_ENTRY}")
    return b"".join(len(e).to_bytes(2, "big") + e for e in entries)


def decode_bundle(data: bytes, bundle: Bundle) -> tuple[bytes, ...]:
    """The entries of a bundle. The full bundle is taken for a partial one, as it begins with the same entries.

    Raises:
        Malformed: it ends within an entry, or has neither as many entries as the bundle nor 256.
    """
    found: list[bytes] = []
    at = 0
    while at < len(data) and len(found) <= WIDTH:
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise Malformed(bundle.path, f"an end within entry {len(found)}", "whole entries")
        found.append(data[start:at])
    if len(found) not in {bundle.width, WIDTH}:
        raise Malformed(bundle.path, f"{len(found)} entries", f"{bundle.width}")
    return tuple(found[: bundle.width])


TileReader = Callable[[Tile], bytes]
"""Gives the bytes of a tile, or of the full tile of the same place; raises a StrongroomError when it has neither."""


class TileNodes:
    """A `merkle.NodeReader` over the tiles of a tree of `size` leaves; each tile is read once.

    What it gives is as honest as its tiles: a proof made from them is verified against a signed root like any other.
    """

    def __init__(self, size: int, read: TileReader) -> None:
        self._size = size
        self._read = read
        self._held: dict[Tile, tuple[bytes, ...]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of a node.

        Raises:
            BadInput: the tree has no such perfect node.
            Malformed: a tile is not of its length.
        """
        tile, part = tile_of(level, index, self._size)
        if tile not in self._held:
            self._held[tile] = decode_tile(self._read(tile), tile)
        return tree_head(self._held[tile][part.start : part.end])


def peaks(size: int, read: TileReader) -> tuple[bytes, ...]:
    """The peaks of a tree from its tiles, to take up its `merkle.Frontier` where it was left."""
    nodes = TileNodes(size, read)
    return tuple(nodes(level, index) for level, index in perfect_nodes(Range(0, size)))


def new_tiles(size: int, leaves: Sequence[bytes], read: TileReader) -> dict[Tile, bytes]:
    """The tiles that are written when leaves are appended to a tree of `size` leaves, lowest level first.

    Only the tile at the right edge of each level is read, and only where it is partial: log256(size) tiles at most.

    Args:
        size: the leaves that are there.
        leaves: the hashes of the new ones.
        read: gives the tiles of the tree as it is.

    Raises:
        BadInput: a leaf is no hash, or the tree would be over its limit.
        Malformed: a tile is not of its length.
    """
    if not 0 <= size <= MAX_SIZE - len(leaves):
        raise BadInput("tree size", f"{size} and {len(leaves)} more", f"0 to {MAX_SIZE}")
    written: dict[Tile, bytes] = {}
    added, level = list(leaves), 0
    while added:
        number, partial = divmod(size >> (HEIGHT * level), WIDTH)
        edge = Tile(level, number, partial)
        row = [*decode_tile(read(edge), edge), *added] if partial else added
        added = []
        for at in range(0, len(row), WIDTH):
            hashes = row[at : at + WIDTH]
            written[Tile(level, number + at // WIDTH, len(hashes))] = encode_tile(hashes)
            if len(hashes) == WIDTH:
                added.append(MemoryNodes(hashes)(HEIGHT, 0))
        level += 1
    return written


def new_bundles(size: int, entries: Sequence[bytes], read: Callable[[Bundle], bytes]) -> dict[Bundle, bytes]:
    """The entry bundles that are written when entries are appended to a log of `size` entries.

    Args:
        size: the entries that are there.
        entries: the new ones.
        read: gives the partial bundle at the right edge, or the full one of the same place.

    Raises:
        BadInput: the log would be over its limit.
        TooLarge: an entry has over 65,535 bytes.
        Malformed: the bundle at the edge is not what its name says.
    """
    if not 0 <= size <= MAX_SIZE - len(entries):
        raise BadInput("log size", f"{size} and {len(entries)} more", f"0 to {MAX_SIZE}")
    if not entries:
        return {}
    number, partial = divmod(size, WIDTH)
    edge = Bundle(number, partial)
    row = [*decode_bundle(read(edge), edge), *entries] if partial else list(entries)
    parts = (row[at : at + WIDTH] for at in range(0, len(row), WIDTH))
    return {Bundle(number + i, len(part)): encode_bundle(part) for i, part in enumerate(parts)}
