"""Tiles: one name each, one content each, and all proofs from them."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.tlog import merkle, tiles
from strongroom.kit.tlog.merkle import Frontier, MemoryNodes, leaf_hash
from strongroom.kit.tlog.tiles import Bundle, Tile
from strongroom.model.errors import BadInput, Malformed, NotFound, TooLarge

ENTRIES = [b"entry %d" % i for i in range(700)]
LEAVES = [leaf_hash(e) for e in ENTRIES]


def reader(held: dict[Tile, bytes]) -> Callable[[Tile], bytes]:
    def read(tile: Tile) -> bytes:
        if tile not in held:
            raise NotFound(tile.path, "nothing", "a tile")
        return held[tile]

    return read


def nothing(tile: object) -> bytes:
    raise NotFound("tile", str(tile), "not to be asked")


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(0, 0), "tile/0/000"),
        (Tile(63, 999, 1), "tile/63/999.p/1"),
        (Tile(1, 1000, 255), "tile/1/x001/000.p/255"),
        (Bundle(1000000), "tile/entries/x001/x000/000"),
        (Bundle(5, 17), "tile/entries/005.p/17"),
    ],
)
def test_names_are_those_of_the_specification(tile: Tile | Bundle, path: str) -> None:
    """A tile has the name that the specification gives it, and the name leads back to it."""
    assert tile.path == path
    assert tiles.parse_path(path) == tile


@given(st.integers(0, 63), st.integers(0, merkle.MAX_SIZE), st.integers(1, 256))
def test_every_name_leads_back(level: int, index: int, width: int) -> None:
    """Any tile and any bundle survive being named."""
    assert tiles.parse_path(Tile(level, index, width).path) == Tile(level, index, width)
    assert tiles.parse_path(Bundle(index, width).path) == Bundle(index, width)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/x000/001",
            "tile/0/001/067",
            "tile/0/x001",
            "tile/00/000",
        ),
        *("tile/64/000", "tile/-1/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/300"),
        *(
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000/",
            "/tile/0/000",
            "tile/0/000\n",
            "tile/0/00\u0661",
            "tile/0/../0",
        ),
        *("tile/entries/x1/000", "tile/Entries/000", "tile/0/X001/000", "tile/0/" + "x999/" * 9 + "999", "checkpoint"),
    ],
)
def test_other_names_are_refused(path: str) -> None:
    """No tile has two names, and nothing but a tile has one."""
    with pytest.raises(Malformed):
        tiles.parse_path(path)


@given(st.integers(0, 10**7), st.integers(1, 256), st.text(alphabet="x/.p0123456789", max_size=2), st.integers(0, 20))
def test_a_changed_name_is_refused_or_names_another(index: int, width: int, put: str, at: int) -> None:
    """Letters put into a name make it no name, or the only name of another tile."""
    path = Tile(3, index, width).path
    changed = path[:at] + put + path[at + 1 :]
    found: Tile | Bundle | None = None
    with contextlib.suppress(Malformed):
        found = tiles.parse_path(changed)
    assert (found == Tile(3, index, width)) is (changed == path)


def test_the_tree_of_the_specification_has_its_tiles() -> None:
    """70,000 and 256 leaves have the tiles that the specification counts."""
    found = list(tiles.tiles_of(70_000))
    assert sum(t.level == 0 and t.width == 256 for t in found) == 273
    assert [t for t in found if t.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert Tile(1, 0) in found
    assert list(tiles.tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles.tiles_of(0)) == []


def grown(steps: list[int]) -> tuple[int, dict[Tile, bytes]]:
    """A tree that grew in steps; only the tiles of its size and the full ones are kept."""
    held: dict[Tile, bytes] = {}
    size = 0
    for step in steps:
        held |= tiles.new_tiles(size, LEAVES[size : size + step], reader(held))
        size += step
        held = {t: d for t, d in held.items() if t in set(tiles.tiles_of(size))}
    return size, held


@given(st.lists(st.integers(0, 300), max_size=6).filter(lambda steps: sum(steps) <= len(LEAVES)))
def test_growing_in_steps_writes_the_tiles_of_the_size(steps: list[int]) -> None:
    """However a tree grew, its tiles are those of its size, and its root and frontier come back from them."""
    size, held = grown(steps)
    assert held == tiles.new_tiles(0, LEAVES[:size], nothing)
    assert set(held) == set(tiles.tiles_of(size))
    frontier = Frontier(size, tiles.peaks(size, reader(held)))
    assert frontier.root() == merkle.tree_head(LEAVES[:size])


def test_tiles_of_the_second_level_are_right() -> None:
    """A level-1 hash is the root of a full tile below, over 66,000 leaves."""
    leaves = [leaf_hash(b"%d" % i) for i in range(66_000)]
    held = tiles.new_tiles(0, leaves, nothing)
    nodes = MemoryNodes(leaves)
    assert held[Tile(1, 0)] == b"".join(nodes(8, i) for i in range(256))
    assert held[Tile(2, 0, 1)] == nodes(16, 0)
    proof = merkle.prove_inclusion(65_999, 66_000, tiles.TileNodes(66_000, reader(held)))
    assert merkle.verify_inclusion(leaves[-1], 65_999, 66_000, proof, merkle.tree_head(leaves))


@given(st.integers(1, len(LEAVES)), st.data())
def test_proofs_from_tiles_are_those_from_memory(size: int, data: st.DataObject) -> None:
    """A proof from tiles equals the one from the leaves, and reads no tile but those announced."""
    index = data.draw(st.integers(0, size - 1))
    held, nodes = tiles.new_tiles(0, LEAVES[:size], nothing), MemoryNodes(LEAVES[:size])
    announced = {t: held[t] for t in tiles.tiles_for_inclusion(index, size)}
    proof = merkle.prove_inclusion(index, size, tiles.TileNodes(size, reader(announced)))
    assert proof == merkle.prove_inclusion(index, size, nodes)
    announced = {t: held[t] for t in tiles.tiles_for_consistency(index + 1, size)}
    proof = merkle.prove_consistency(index + 1, size, tiles.TileNodes(size, reader(announced)))
    assert proof == merkle.prove_consistency(index + 1, size, nodes)
    announced = {t: held[t] for t in tiles.tiles_for_root(size)}
    assert Frontier(size, tiles.peaks(size, reader(announced))).root() == merkle.tree_head(LEAVES[:size])


def test_a_full_tile_stands_in_for_a_partial_one() -> None:
    """Where a log has dropped a partial tile or bundle, the full one of the same place gives the same answer."""
    held = tiles.new_tiles(0, LEAVES[:256], nothing)
    nodes = tiles.TileNodes(100, lambda t: held[t.full])
    assert merkle.prove_inclusion(7, 100, nodes) == merkle.prove_inclusion(7, 100, MemoryNodes(LEAVES[:100]))
    assert tiles.new_tiles(100, LEAVES[100:256], lambda t: held[t.full]) == held
    whole = tiles.encode_bundle(ENTRIES[:256])
    assert tiles.decode_bundle(whole, Bundle(0, 3)) == tuple(ENTRIES[:3])
    assert tiles.new_bundles(3, ENTRIES[3:5], lambda _: whole) == {Bundle(0, 5): tiles.encode_bundle(ENTRIES[:5])}
    assert (Bundle(0, 3).full, Tile(1, 2, 3).full) == (Bundle(0), Tile(1, 2))


@pytest.mark.parametrize(
    ("level", "index", "size"), [(0, 5, 5), (3, 0, 7), (8, 0, 255), (-1, 0, 5), (0, -1, 5), (0, 0, 0)]
)
def test_a_node_that_is_not_there_has_no_tile(level: int, index: int, size: int) -> None:
    """Only perfect nodes within the tree have a place."""
    with pytest.raises(BadInput):
        tiles.tile_of(level, index, size)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 63, 65, 96, 8191, 8193])
def test_a_tile_of_another_length_is_refused(length: int) -> None:
    """A tile of width 2 has 64 bytes, or is the full tile."""
    with pytest.raises(Malformed):
        tiles.decode_tile(bytes(length), Tile(0, 0, 2))


def test_a_tile_holds_hashes_only() -> None:
    """An empty tile, one too wide, or one with something else in it is not written."""
    for bad in ([], LEAVES[:257], [b"x"]):
        with pytest.raises(BadInput):
            tiles.encode_tile(bad)
    with pytest.raises(BadInput):
        tiles.new_tiles(0, [b"x"], nothing)
    with pytest.raises(BadInput):
        tiles.new_tiles(merkle.MAX_SIZE, LEAVES[:1], nothing)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_a_bundle_survives_and_a_cut_one_is_refused(entries: list[bytes]) -> None:
    """Entries come back as they were; any shorter or longer bundle is refused."""
    data, bundle = tiles.encode_bundle(entries), Bundle(0, len(entries))
    assert tiles.decode_bundle(data, bundle) == tuple(entries)
    for cut in range(len(data)):
        with pytest.raises(Malformed):
            tiles.decode_bundle(data[:cut], bundle)
    for more in (b"\0", b"\0\0", b"\0\1"):
        with pytest.raises(Malformed):
            tiles.decode_bundle(data + more, bundle)


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=9), st.data())
def test_a_changed_bundle_is_refused_or_has_other_entries(entries: list[bytes], data: st.DataObject) -> None:
    """No two byte strings are the same bundle."""
    changed = bytearray(tiles.encode_bundle(entries))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found: tuple[bytes, ...] | None = None
    with contextlib.suppress(Malformed):
        found = tiles.decode_bundle(bytes(changed), Bundle(0, len(entries)))
    assert found != tuple(entries)


def test_limits_of_bundles() -> None:
    """The longest entry fits, one byte more does not; neither does an empty or too wide bundle."""
    longest = bytes(tiles.MAX_ENTRY)
    assert tiles.decode_bundle(tiles.encode_bundle([longest]), Bundle(0, 1)) == (longest,)
    with pytest.raises(TooLarge):
        tiles.encode_bundle([longest + b"x"])
    for bad in ([], ENTRIES[:257]):
        with pytest.raises(BadInput):
            tiles.encode_bundle(bad)
    with pytest.raises(Malformed):
        tiles.decode_bundle(bytes(2 * 300), Bundle(0))
    with pytest.raises(BadInput):
        tiles.new_bundles(merkle.MAX_SIZE, [b""], nothing)
    with pytest.raises(BadInput):
        tiles.bundle_of(5, 5)


@given(st.integers(0, 600), st.integers(0, 600))
def test_bundles_grow_like_the_log(size: int, more: int) -> None:
    """Bundles written in two steps are those written in one, and each entry is where it is said to be."""
    held = tiles.new_bundles(0, ENTRIES[:size], nothing)
    held |= tiles.new_bundles(size, ENTRIES[size : size + more], held.__getitem__)
    total = len(ENTRIES[: size + more])
    at_once = tiles.new_bundles(0, ENTRIES[:total], nothing)
    assert {b: d for b, d in held.items() if b in at_once} == at_once
    for index in (0, total // 2, total - 1) if total else ():
        bundle, at = tiles.bundle_of(index, total)
        assert tiles.decode_bundle(held[bundle], bundle)[at] == ENTRIES[index]


def test_a_recorded_log_has_the_same_tiles(vectors: Path) -> None:
    """From the entries of a recorded log come its tiles and bundles at every size, byte for byte."""
    folder = vectors / "govern/tessera-testlog/testdata/log"
    last = Bundle(0, 15)
    entries = tiles.decode_bundle((folder / last.path).read_bytes(), last)
    leaves = [leaf_hash(e) for e in entries]

    def recorded(tile: Tile | Bundle) -> bytes:
        return (folder / tile.path).read_bytes()

    compared = 0
    for size in range(15):
        written = tiles.new_tiles(size, leaves[size : size + 1], recorded)
        bundles = tiles.new_bundles(size, entries[size : size + 1], recorded)
        named = {**{t.path: d for t, d in written.items()}, **{b.path: d for b, d in bundles.items()}}
        assert named == {path: (folder / path).read_bytes() for path in named}
        assert sorted(named) == [f"tile/0/000.p/{size + 1}", f"tile/entries/000.p/{size + 1}"]
        compared += len(named)
    assert compared == 30
