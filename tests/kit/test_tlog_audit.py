"""Auditing a whole log: what is whole passes, and whatever is changed is found and named."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.tlog import merkle, tiles
from strongroom.kit.tlog.audit import MAX_FAULTS, AuditedTree, Fault, audit
from strongroom.kit.tlog.checkpoint import Checkpoint
from strongroom.kit.tlog.merkle import Range
from strongroom.kit.tlog.tiles import Bundle, Tile
from strongroom.model.errors import BadInput, LogUnavailable, Malformed, NotFound

Change = Callable[[dict[str, bytes]], None]


def entry(index: int) -> bytes:
    return b"entry %d" % index * (index % 3)  # some are empty


LEAVES = [merkle.leaf_hash(entry(i)) for i in range(70_000)]


class Log:
    """A log in memory, as files by their names."""

    def __init__(self, size: int) -> None:
        entries = [entry(i) for i in range(size)]
        made = {**tiles.new_bundles(0, entries, self.none), **tiles.new_tiles(0, LEAVES[:size], self.none)}
        self.files = {part.path: data for part, data in made.items()}
        self.head = Checkpoint("log.example", size, merkle.tree_head(LEAVES[:size]))
        self.asked: list[str] = []

    @staticmethod
    def none(part: Tile | Bundle) -> bytes:
        raise AssertionError(part)

    def read(self, part: Tile | Bundle) -> bytes:
        self.asked.append(part.path)
        for path in (part.path, part.full.path):
            if path in self.files:
                return self.files[path]
        raise NotFound("log", f"no {part.path}", "a file of the log")

    def audit(self) -> AuditedTree:
        return audit(self.head, self.read)


def changed(size: int, change: Change) -> AuditedTree:
    log = Log(size)
    change(log.files)
    return log.audit()


def flip(path: str, at: int, bit: int = 1) -> Change:
    def change(files: dict[str, bytes]) -> None:
        data = bytearray(files[path])
        data[at] ^= bit
        files[path] = bytes(data)

    return change


def swap(one: str, other: str) -> Change:
    def change(files: dict[str, bytes]) -> None:
        files[one], files[other] = files[other], files[one]

    return change


def remove(*paths: str) -> Change:
    def change(files: dict[str, bytes]) -> None:
        for path in paths:
            del files[path]

    return change


def put(path: str, data: bytes) -> Change:
    return lambda files: files.update({path: data})


def bundle(indices: list[int]) -> bytes:
    return tiles.encode_bundle([entry(i) for i in indices])


def both(*changes: Change) -> Change:
    def change(files: dict[str, bytes]) -> None:
        for one in changes:
            one(files)

    return change


def test_a_whole_log_of_any_size_passes() -> None:
    """Logs of 0 to 600 entries have no fault, and their root is the one that was signed."""
    for size in range(601):
        log = Log(size)
        assert log.audit() == AuditedTree(size, log.head.root, (), 0, size)


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 65_536 + 256, 70_000])
def test_a_large_log_passes_and_each_file_is_read_once(size: int) -> None:
    """Where a third level begins nothing changes, and no file is asked for twice or left out."""
    log = Log(size)
    assert log.audit() == AuditedTree(size, log.head.root, (), 0, size)
    assert sorted(log.asked) == sorted(log.files)


def test_full_files_are_taken_for_partial_ones() -> None:
    """A log that has grown and dropped its partial files is audited at its older size."""
    log, grown = Log(300), Log(600)
    partial = [path for path in log.files if ".p/" in path and path.startswith(("tile/0", "tile/entries"))]
    assert partial == ["tile/entries/001.p/44", "tile/0/001.p/44"]
    remove(*partial)(log.files)
    log.files = grown.files | log.files
    assert log.audit() == AuditedTree(300, log.head.root, (), 0, 300)


def test_entries_and_progress_are_told_in_order() -> None:
    """Each entry is shown with its index, from the first to the last, and progress ends with all of them."""
    log = Log(600)
    entries: list[tuple[int, bytes]] = []
    progress: list[tuple[int, int]] = []
    audit(log.head, log.read, lambda *e: entries.append(e), lambda *p: progress.append(p))
    assert entries == [(i, entry(i)) for i in range(600)]
    assert progress == [(256, 600), (512, 600), (600, 600)]


@pytest.mark.parametrize("size", [1, 45, 256, 257, 600])
def test_each_kind_of_file_is_named_when_a_byte_of_it_changes(size: int) -> None:
    """One changed byte, at the ends and in the middle of a file, is a fault of that file and of no other."""
    for path, data in Log(size).files.items():
        for at in {0, 1, 2, len(data) // 2, len(data) - 1}:
            if at < len(data):
                found = changed(size, flip(path, at))
                assert {f.where for f in found.faults} == {path}, (path, at)
                assert found.more == 0


def test_a_changed_entry_is_said_plainly() -> None:
    """The fault names the entry, its file, both hashes, and the file that says otherwise."""
    data = bytearray(bundle(list(range(45))))
    data[data.index(b"entry 17")] ^= 1
    found = changed(45, put("tile/entries/000.p/45", bytes(data)))
    entries = tiles.decode_bundle(bytes(data), Bundle(0, 45))
    assert found.faults == (
        Fault(
            "tile/entries/000.p/45",
            Range(17, 18),
            f"entry 17 with the hash {merkle.leaf_hash(entries[17]).hex()}",
            f"{LEAVES[17].hex()}, which tile/0/000.p/45 holds",
        ),
    )
    assert found.root == Log(45).head.root


def test_a_changed_hash_is_said_plainly() -> None:
    """The fault names the tile, the entries below the hash, and what makes another one."""
    wanted = merkle.tree_head(LEAVES[256:512]).hex()
    held = wanted[:-1] + f"{int(wanted[-1], 16) ^ 1:x}"
    assert changed(600, flip("tile/1/000.p/2", 63)).faults == (
        Fault(
            "tile/1/000.p/2",
            Range(256, 512),
            f"the hash {held} for entries 256 to 511",
            f"{wanted}, which tile/0/001 makes",
        ),
    )


TAIL = Range(512, 600)
ALL = Range(0, 600)
CASES: list[tuple[str, Change, list[tuple[str, Range]]]] = [
    ("missing full tile", remove("tile/0/001"), [("tile/0/001", Range(256, 512))]),
    ("missing edge tile", remove("tile/0/002.p/88"), [("tile/0/002.p/88", TAIL)]),
    ("missing upper tile", remove("tile/1/000.p/2"), [("tile/1/000.p/2", Range(0, 512))]),
    ("missing bundle", remove("tile/entries/000"), [("tile/entries/000", Range(0, 256))]),
    ("missing edge bundle", remove("tile/entries/002.p/88"), [("tile/entries/002.p/88", TAIL)]),
    (
        "a tile and its bundle missing",
        remove("tile/0/001", "tile/entries/001"),
        [("tile/0/001", Range(256, 512)), ("tile/entries/001", Range(256, 512))],
    ),
    (
        "both of the edge missing",
        remove("tile/0/002.p/88", "tile/entries/002.p/88"),
        [("tile/0/002.p/88", TAIL), ("tile/entries/002.p/88", TAIL), ("checkpoint", ALL)],
    ),
    ("truncated bundle", put("tile/entries/001", bundle(list(range(256, 512)))[:-1]), [("tile/entries/001", Range(256, 512))]),
    ("an entry less", put("tile/entries/001", bundle(list(range(256, 511)))), [("tile/entries/001", Range(256, 512))]),
    ("an entry more", put("tile/entries/002.p/88", bundle(list(range(512, 601)))), [("tile/entries/002.p/88", TAIL)]),
    (
        "an entry more than full",
        put("tile/entries/001", bundle(list(range(256, 512))) + b"\0\1x"),
        [("tile/entries/001", Range(256, 512))],
    ),
    (
        "entries swapped",
        put("tile/entries/001", bundle([*range(256, 270), 271, 270, *range(272, 509), 511, 510, 509])),
        [("tile/entries/001", Range(270, 272)), ("tile/entries/001", Range(509, 510)), ("tile/entries/001", Range(511, 512))],
    ),
    (
        "bundles swapped",
        swap("tile/entries/000", "tile/entries/001"),
        [("tile/entries/000", Range(0, 256)), ("tile/entries/001", Range(256, 512))],
    ),
    (
        "tiles swapped",
        swap("tile/0/000", "tile/0/001"),
        [("tile/0/000", Range(0, 256)), ("tile/0/001", Range(256, 512))],
    ),
    (
        "tiles and bundles swapped",
        both(swap("tile/0/000", "tile/0/001"), swap("tile/entries/000", "tile/entries/001")),
        [("tile/0/000", Range(0, 256)), ("tile/0/001", Range(256, 512))],
    ),
    ("truncated tile", put("tile/0/000", b"".join(LEAVES[:256])[:-1]), [("tile/0/000", Range(0, 256))]),
    ("empty tile", put("tile/1/000.p/2", b""), [("tile/1/000.p/2", Range(0, 512))]),
    ("upper tile changed", flip("tile/1/000.p/2", 5), [("tile/1/000.p/2", Range(0, 256))]),
    (
        "a tile gone and its bundle changed",
        both(remove("tile/0/001"), flip("tile/entries/001", 9)),
        [("tile/0/001", Range(256, 512)), ("tile/0/001", Range(256, 512))],
    ),
    (
        "a bundle gone and the tile above changed",
        both(remove("tile/entries/001"), flip("tile/1/000.p/2", 40)),
        [("tile/entries/001", Range(256, 512)), ("tile/1/000.p/2", Range(256, 512))],
    ),
    (
        "nobody left to say which is right",
        both(remove("tile/1/000.p/2"), flip("tile/0/001", 0), flip("tile/entries/001", 9)),
        [("tile/1/000.p/2", Range(0, 512)), ("tile/0/001", Range(256, 257)), ("tile/entries/001", Range(256, 257))],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "named"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_faults_are_named(change: Change, named: list[tuple[str, Range]]) -> None:
    """What is missing, cut, moved or changed is named with its file and the entries it is about."""
    found = changed(600, change)
    listed = [(f.where, f.entries) for f in found.faults]
    assert [f for f in named if f not in listed] == []
    assert {where for where, _ in listed} <= {*(where for where, _ in named), "checkpoint"}


@pytest.mark.parametrize("size", [0, 1, 256, 600])
def test_another_root_is_a_fault(size: int) -> None:
    """Files that fit each other but not the signed root are a fault of the checkpoint."""
    log = Log(size)
    other = Checkpoint("log.example", size, bytes(32))
    found = audit(other, log.read)
    assert found.root == log.head.root
    assert found.faults == (
        Fault("checkpoint", Range(0, size), f"the root {'00' * 32}", f"{log.head.root.hex()}, which the files make"),
    )


def test_a_log_that_was_written_anew_does_not_pass() -> None:
    """Whoever can change every file, but not sign, is found by the root."""
    log, forged = Log(600), Log(600)
    forged.files = {**tiles_of([b"forged" if i == 300 else entry(i) for i in range(600)])}
    assert [f.where for f in audit(log.head, forged.read).faults] == ["checkpoint"]


def tiles_of(entries: list[bytes]) -> dict[str, bytes]:
    leaves = list(map(merkle.leaf_hash, entries))
    made = {**tiles.new_bundles(0, entries, Log.none), **tiles.new_tiles(0, leaves, Log.none)}
    return {part.path: data for part, data in made.items()}


def test_nothing_left_is_said_and_bounded() -> None:
    """Of a log without any file every file is missing, 100 of them in words, and no root is made up."""
    log = Log(70_000)
    files = len(log.files)
    log.files.clear()
    found = log.audit()
    assert (found.root, found.entries_read) == (None, 0)
    assert len(found.faults) == MAX_FAULTS
    assert found.more == files + 1 - MAX_FAULTS


@pytest.mark.parametrize("error", [LogUnavailable, Malformed, NotFound])
def test_what_cannot_be_read_is_a_fault(error: type[LogUnavailable | Malformed | NotFound]) -> None:
    """A place that gives an error for one file does not end the audit."""
    log = Log(600)

    def read(part: Tile | Bundle) -> bytes:
        if part == Bundle(1):
            raise error("log", "an input/output error", "a file")
        return log.read(part)

    found = audit(log.head, read)
    assert found == AuditedTree(
        600,
        log.head.root,
        (Fault("tile/entries/001", Range(256, 512), "an input/output error", "a file"),),
        0,
        600 - 256,
    )


def test_an_error_of_the_caller_is_not_swallowed() -> None:
    """What the caller's own code raises ends the audit."""
    log = Log(3)

    def seen(index: int, _: bytes) -> None:
        raise ZeroDivisionError(index)

    with pytest.raises(ZeroDivisionError):
        audit(log.head, log.read, seen)


@pytest.mark.parametrize("head", [Checkpoint("x", -1, bytes(32)), Checkpoint("x", 1, bytes(31))])
def test_a_checkpoint_that_is_none_is_refused(head: Checkpoint) -> None:
    """A size or root that no log can have is an error of the caller."""
    with pytest.raises(BadInput, match="checkpoint"):
        audit(head, Log(1).read)


@given(st.data())
def test_any_changed_byte_is_found_in_its_file(data: st.DataObject) -> None:
    """A flipped bit anywhere, in a log of any size, is a fault of that file, and the signed root is still found."""
    log = Log(data.draw(st.integers(1, 1200), "size"))
    path = data.draw(st.sampled_from(sorted(log.files)), "file")
    at = data.draw(st.integers(0, len(log.files[path]) - 1), "byte")
    flip(path, at, 1 << data.draw(st.integers(0, 7), "bit"))(log.files)
    found = log.audit()
    assert {f.where for f in found.faults} == {path}
    assert found.root == log.head.root


@given(st.data())
def test_any_number_of_changes_is_found(data: st.DataObject) -> None:
    """However many files are changed or missing, there is a fault."""
    log = Log(data.draw(st.integers(1, 1200), "size"))
    for path in data.draw(st.lists(st.sampled_from(sorted(log.files)), min_size=1, unique=True), "files"):
        if data.draw(st.booleans(), "missing"):
            del log.files[path]
        else:
            flip(path, data.draw(st.integers(0, len(log.files[path]) - 1), "byte"))(log.files)
    found = log.audit()
    assert found.faults
    assert found.root in {log.head.root, None} or "checkpoint" in {f.where for f in found.faults}
