"""Walking a model and hashing it: nothing outside, nothing twice, nothing that changes meanwhile."""

import hashlib
import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import signing_case as s
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.kit.oms import Piece, pieces
from strongroom.model.errors import BadInput, NotFound, TooLarge, Unreadable
from strongroom.seal import hashing, walking

SIZES = (0, 1, 17, hashing.READ - 1, hashing.READ, hashing.READ + 1, 2 * hashing.READ, 3 * hashing.READ + 5)


def octets(size: int) -> bytes:
    return hashlib.shake_128(b"%d" % size).digest(size)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def written(path: Path, mode: str) -> None:
    with path.open(mode) as f:
        f.write(b"x")


def test_hashing_walk_finds_every_file(tmp_path: Path) -> None:
    """Every file at any depth is found with its size, by its path with slashes."""
    s.make_model(tmp_path)
    (tmp_path / "empty folder").mkdir()
    found = walking.walk(tmp_path)
    assert found.files == {name: len(data) for name, data in s.MODEL.items()}
    assert found[1:] == ([], [], [], [], [])


def test_hashing_walk_ignores_exact_paths(tmp_path: Path) -> None:
    """A path to ignore is one place, with what is below; the same name elsewhere, and longer names, are not it."""
    s.make_model(tmp_path, {".git/x": b"", "a/.git/x": b"", "cache/deep/x": b"", "cached": b"", "a/cache": b""})
    found = walking.walk(tmp_path, {".git", "cache", "nowhere"})
    assert set(found.files) == {"a/.git/x", "cached", "a/cache"}
    assert found.ignored == [".git", "cache"]


def test_hashing_walk_keeps_what_a_statement_names(tmp_path: Path) -> None:
    """What is named is found below an ignored folder too, and nothing beside it."""
    s.make_model(tmp_path, {".git/config": b"1", ".git/hooks/run": b"2", ".git/hooks/other": b"3", "a": b"4"})
    found = walking.walk(tmp_path, {".git"}, {".git/hooks/run"})
    assert set(found.files) == {"a", ".git/hooks/run"}


def test_hashing_walk_tells_links_and_devices(tmp_path: Path) -> None:
    """Links, pipes and sockets are told, and are no files; a link into the model and one out of it alike."""
    s.make_model(tmp_path / "m", {"a/f": b"1"})
    (tmp_path / "m/inside").symlink_to("a/f")
    (tmp_path / "m/folder").symlink_to("a")
    (tmp_path / "m/nowhere").symlink_to("missing")
    (tmp_path / "m/outside").symlink_to("/etc")
    os.mkfifo(tmp_path / "m/pipe")
    here = Path.cwd()
    os.chdir(tmp_path / "m")  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("socket")
    finally:
        os.chdir(here)
    found = walking.walk(tmp_path / "m")
    assert set(found.files) == {"a/f"}
    assert found.links == ["folder", "inside", "nowhere", "outside"]
    assert found.specials == ["pipe", "socket"]


def test_hashing_walk_follows_links_on_request(tmp_path: Path) -> None:
    """A link is followed where that is allowed, under its own name; out of the model and around in it is remarked."""
    s.make_model(tmp_path / "m", {"a/f": b"12"})
    s.make_model(tmp_path / "out", {"g": b"123"})
    (tmp_path / "m/inside").symlink_to("a/f")
    (tmp_path / "m/away").symlink_to(tmp_path / "out")
    (tmp_path / "m/a/up").symlink_to("..")
    (tmp_path / "m/nowhere").symlink_to("missing")
    found = walking.walk(tmp_path / "m", allow_symlinks=True)
    assert found.files == {"a/f": 2, "inside": 2, "away/g": 3}
    assert found.links == []
    assert found.specials == ["nowhere"]
    assert [r.split(":")[0] for r in found.remarks] == ["a/up", "away"]


def test_hashing_walk_tells_names_that_are_no_text(tmp_path: Path) -> None:
    """A name that is not UTF-8 is told with its octets, and is no file."""
    (tmp_path / os.fsdecode(b"bad\xff")).write_bytes(b"")
    found = walking.walk(tmp_path)
    assert (found.files, found.unnamed) == ({}, ["bad\\xff"])


def test_hashing_walk_has_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders nested without end, and more entries than any model has, are refused."""
    s.make_model(tmp_path, {"a/b/c": b"", "a/b/d": b""})
    monkeypatch.setattr(walking, "_MOST_ENTRIES", 3)
    with pytest.raises(TooLarge, match="entries"):
        walking.walk(tmp_path)
    monkeypatch.setattr(walking, "_MOST_ENTRIES", 4)
    assert len(walking.walk(tmp_path).files) == 2
    monkeypatch.setattr(walking, "_MOST_DEPTH", 1)
    with pytest.raises(TooLarge, match="nested"):
        walking.walk(tmp_path)


def test_hashing_walk_names_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that may not be listed makes the model unreadable by name: what is in it is not known."""
    s.make_model(tmp_path)
    real = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "weights":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr("strongroom.seal.walking.os.scandir", refuse)
    with pytest.raises(Unreadable, match=r"weights: found permission denied"):
        walking.walk(tmp_path)


@pytest.mark.parametrize("path", ["missing", "pipe", "zero\0octet"])
def test_hashing_model_is_a_folder_or_a_file(tmp_path: Path, path: str) -> None:
    """Nothing, a device, and a name that no file can have are no model."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable):
        walking.is_folder(tmp_path / path)
    assert walking.is_folder(tmp_path)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("algorithm", ["sha256", "blake2b"])
def test_hashing_digests_are_those_of_the_files(tmp_path: Path, algorithm: str, workers: int) -> None:
    """Files of every size around that of a read have the digest of their octets, with one worker and with several."""
    files = {f"d/{size}": octets(size) for size in SIZES}
    s.make_model(tmp_path, files)
    found = hashing.digests(tmp_path, [Piece(name) for name in files], algorithm, workers=workers)
    assert found == {Piece(name): hashlib.new(algorithm, data).hexdigest() for name, data in files.items()}


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_hashing_one_file_is_read_ahead(tmp_path: Path, workers: int) -> None:
    """One large file alone has its digest too, where another core reads ahead."""
    data = octets(5 * hashing.READ + 3)
    s.put(tmp_path / "f", data)
    found = hashing.digests(tmp_path, [Piece("f")], "sha256", workers=workers)
    assert found == {Piece("f"): hashlib.sha256(data).hexdigest()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.integers(0, 3000), st.integers(1, 500), st.integers(1, 4))
def test_hashing_shards_are_parts_of_the_file(tmp_path: Path, size: int, shard: int, workers: int) -> None:
    """Each shard has the digest of its own octets."""
    data = octets(size)
    s.put(tmp_path / "f", data)
    parts = pieces("f", size, shard)
    found = hashing.digests(tmp_path, parts, "sha256", workers=workers)
    assert found == {p: hashlib.sha256(data[p.start : p.end]).hexdigest() for p in parts}


def test_hashing_tells_how_far_it_is(tmp_path: Path) -> None:
    """Progress counts the octets up to all of them."""
    s.make_model(tmp_path)
    told: list[int] = []
    hashing.digests(tmp_path, [Piece(n) for n in s.MODEL], "sha256", tell=lambda _, done, __: told.append(done))
    assert told == sorted(told)
    assert told[-1] == sum(map(len, s.MODEL.values()))


@pytest.mark.parametrize("how", ["longer", "shorter", "other octets", "replaced by a longer one in place"])
@pytest.mark.parametrize("workers", [1, 2])
def test_hashing_refuses_a_file_that_changes(tmp_path: Path, how: str, workers: int) -> None:
    """A file that is written to while it is read has no digest."""
    path = tmp_path / "f"
    path.write_bytes(octets(4 * hashing.READ))
    os.utime(path, ns=(1, 1))
    changes = {
        "longer": lambda: written(path, "ab"),
        "shorter": lambda: os.truncate(path, hashing.READ + 5),
        "other octets": lambda: written(path, "r+b"),
        "replaced by a longer one in place": lambda: path.write_bytes(octets(5 * hashing.READ)),
    }
    done: list[object] = []

    def tell(*_: object) -> None:
        if not done:
            done.append(changes[how]())

    with pytest.raises(Unreadable, match="changed while it was read"):
        hashing.digests(tmp_path, [Piece("f")], "sha256", workers=workers, tell=tell)


def test_hashing_does_not_follow_what_became_a_link(tmp_path: Path) -> None:
    """A file or folder that was replaced by a link since it was listed is not read through it."""
    s.make_model(tmp_path / "m", {"a/f": b"1", "g": b"2"})
    s.make_model(tmp_path / "out", {"f": b"secret"})
    (tmp_path / "m/l").symlink_to("g")
    (tmp_path / "m/b").symlink_to("a")
    for name in ("l", "b/f"):
        with pytest.raises(Unreadable):
            hashing.digests(tmp_path / "m", [Piece(name)], "sha256")
        assert hashing.digests(tmp_path / "m", [Piece(name)], "sha256", allow_symlinks=True)


@pytest.mark.parametrize("name", ["missing", "folder", "pipe"])
def test_hashing_reads_files_alone(tmp_path: Path, name: str) -> None:
    """What is not there, a folder, and a pipe that would never end are refused by name."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable, match=name):
        hashing.digests(tmp_path, [Piece(name)], "sha256")


def test_hashing_wants_the_whole_of_a_shard(tmp_path: Path) -> None:
    """A file that ends before its shard does has changed since it was measured."""
    s.put(tmp_path / "f", b"123")
    with pytest.raises(Unreadable, match="changed"):
        hashing.digests(tmp_path, [Piece("f", 0, 4)], "sha256")


def test_hashing_one_failure_ends_all(tmp_path: Path) -> None:
    """Where one file cannot be read, no digest of another is handed out, and nothing stays open."""
    s.make_model(tmp_path)
    before = descriptors()
    with pytest.raises(Unreadable, match="missing"):
        hashing.digests(tmp_path, [*(Piece(n) for n in s.MODEL), Piece("missing")], "sha256", workers=2)
    assert descriptors() == before


def test_hashing_closes_what_it_opened(tmp_path: Path) -> None:
    """After the last part of a file, its descriptor is closed."""
    s.make_model(tmp_path)
    before = descriptors()
    hashing.digests(tmp_path, [p for n, d in s.MODEL.items() for p in pieces(n, len(d), 300)], "sha256", workers=3)
    assert descriptors() == before


def test_hashing_knows_three_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another hash is refused, and BLAKE3 names its extra where the package is missing."""
    with pytest.raises(BadInput, match="md5"):
        hashing.digests(tmp_path, [], "md5")
    monkeypatch.setitem(sys.modules, "blake3", None)
    with pytest.raises(NotFound) as e:
        hashing.digests(tmp_path, [], "blake3")
    assert "strongroom[blake3]" in e.value.hint


def test_hashing_hands_blake3_all_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BLAKE3 is asked to use every core itself, file by file, and its digest is what is told."""
    asked: list[int] = []

    def make(*, max_threads: int) -> object:
        asked.append(max_threads)
        return hashlib.blake2s()

    make.AUTO = -7  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "blake3", SimpleNamespace(blake3=make))
    s.make_model(tmp_path)
    found = hashing.digests(tmp_path, [Piece(n) for n in s.MODEL], "blake3")
    assert found == {Piece(n): hashlib.blake2s(d).hexdigest() for n, d in s.MODEL.items()}
    assert asked == [-7] * len(s.MODEL)
