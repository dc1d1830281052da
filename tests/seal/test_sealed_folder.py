"""Sealed artifacts on disk: what comes back, and what every kind of damage is called."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import sealed_rig as r
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.kit import sealed
from strongroom.kit.sealed import Boundary, Entry, Index, Role
from strongroom.model.errors import BadInput, Malformed, Unreadable
from strongroom.seal import sealing, writing
from strongroom.seal.reading import Sealed
from strongroom.seal.writing import Planned

SIZES = (0, 1, r.INSIDE - 1, r.INSIDE, r.INSIDE + 1, 5 * r.INSIDE)
FILES = {"config.json": b"{}", "empty": b"", "weights/a.bin": r.chance(3 * r.INSIDE), "weights/b.bin": r.chance(100)}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound artifact, which nobody changes."""
    return r.sealed_at(tmp_path_factory.mktemp("sealed") / "model.sealed", FILES)


@pytest.fixture
def copy(artifact: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(artifact, tmp_path / "copy")


def test_all_of_it_comes_back(artifact: Path) -> None:
    """Every file with its octets, and what was attached; names are nowhere in clear."""
    assert r.contents(artifact) == FILES
    with r.opened(artifact) as found:
        assert found.attached(Role.BOM) == b"{}"
        assert found.attached(Role.SCAN) is None
    clear = b"".join(p.read_bytes() + p.name.encode() for p in artifact.rglob("*") if p.is_file())
    assert b"weights" not in clear
    assert b"config" not in clear


@pytest.mark.parametrize("size", SIZES)
def test_every_size_comes_back(tmp_path: Path, size: int) -> None:
    """Empty, an octet less and more than a segment, whole segments."""
    held = {"model.bin": r.chance(size)}
    assert r.contents(r.sealed_at(tmp_path / "s", held)) == held


def test_a_stretch_of_many_segments_comes_back(tmp_path: Path) -> None:
    """A file of several stretches is sealed and read by several threads."""
    held = {"model.bin": r.chance((2 * sealing.STRETCH + 3) * r.INSIDE + 7)}
    at = r.sealed_at(tmp_path / "s", held)
    work = sealing.work(r.SEGMENT, 2)
    try:
        with r.opened(at) as found:
            entry = found.entry("model.bin")
            out = bytearray(entry.size)
            found.payload(entry).read_into(0, memoryview(out), work)
            assert out == held["model.bin"]
            part = bytearray(60 * r.INSIDE)
            found.payload(entry).read_into(12_345, memoryview(part), work)
            assert part == held["model.bin"][12_345 : 12_345 + len(part)]
    finally:
        work.close()


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 3 * r.INSIDE), length=st.integers(0, 3 * r.INSIDE))
def test_any_range_is_what_it_was(artifact: Path, start: int, length: int) -> None:
    """A range reads as the same range of what was sealed."""
    with r.opened(artifact) as found:
        held = found.payload(found.entry("weights/a.bin"))
        assert held.read(start, length) == FILES["weights/a.bin"][start : start + length]


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_a_changed_octet_is_never_silent(
    artifact: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whichever octet of whichever file is changed: what comes out is what was sealed, or nothing, with a reason."""
    files = sorted(p for p in artifact.rglob("*") if p.is_file() and p.name != sealed.SLOTS_FILE)
    path = data.draw(st.sampled_from(files))
    octets = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(octets) - 1) | st.sampled_from([0, 9, 41, 73, 74, 78, 90, len(octets) - 1]))
    octets[at % len(octets)] ^= data.draw(st.integers(1, 255))
    held = shutil.copytree(artifact, tmp_path_factory.mktemp("changed") / "a")
    (held / path.relative_to(artifact)).write_bytes(octets)
    try:
        found = r.contents(held)
        with r.opened(held) as again:
            again.attached(Role.BOM)
    except BadInput:
        return
    assert found == FILES
    assert path.name == sealed.ARTIFACT_FILE  # white space there


def _swap(a: Path) -> None:
    one, two = a / "payload/000002.floe", a / "payload/000003.floe"
    held = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(held)


def _cut(octets: int) -> Callable[[Path], None]:
    def harm(a: Path) -> None:
        path = a / "payload/000002.floe"
        path.write_bytes(path.read_bytes()[:-octets])

    return harm


def _whole_segments(a: Path) -> None:
    path = a / "payload/000002.floe"
    path.write_bytes(path.read_bytes()[: 74 + r.SEGMENT])


def _longer(a: Path) -> None:
    path = a / "payload/000002.floe"
    path.write_bytes(path.read_bytes() + bytes(100))


def _reordered(a: Path) -> None:
    path, n = a / "payload/000002.floe", r.SEGMENT
    b = path.read_bytes()
    path.write_bytes(b[:74] + b[74 + n : 74 + 2 * n] + b[74 : 74 + n] + b[74 + 2 * n :])


def _linked(a: Path) -> None:
    path = a / "payload/000002.floe"
    path.rename(a.parent / "elsewhere")
    path.symlink_to(a.parent / "elsewhere")


def _clear(**changes: object) -> Callable[[Path], None]:
    def harm(a: Path) -> None:
        path = a / sealed.ARTIFACT_FILE
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return harm


HARMS = {
    "two files swapped": (_swap, "not of this key and place"),
    "an octet cut off": (_cut(1), "as its last"),
    "a segment cut off": (_cut(r.SEGMENT), "as its last"),
    "all but one segment cut off": (_whole_segments, "as its last"),
    "octets put on": (_longer, "as its last"),
    "segments reordered": (_reordered, "changed, moved"),
    "a link in the place of a file": (_linked, "no links"),
    "no index": (lambda a: (a / sealed.INDEX_FILE).unlink(), "nothing there"),
    "no file in clear": (lambda a: (a / sealed.ARTIFACT_FILE).unlink(), "nothing there"),
    "a payload gone": (lambda a: (a / "payload/000001.floe").unlink(), "nothing there"),
    "another boundary": (_clear(boundary="attested"), "not of this key and place"),
    "another id": (_clear(id="cd" * 32), "not of this key and place"),
    "fewer files": (_clear(files=2), "not of this key and place"),
    "other segments": (_clear(segment=128 << 10), "another form"),
    "another schema": (_clear(schema="strongroom.sealed/2"), "strongroom.sealed/2"),
    "segments of a gibibyte": (_clear(segment=1 << 30), "segments of"),
}


@pytest.mark.parametrize("name", HARMS)
def test_harm_is_named(copy: Path, name: str) -> None:
    """Each kind of damage has its own reason, and nothing comes out."""
    harm, said = HARMS[name]
    harm(copy)
    with pytest.raises(BadInput, match=said):
        r.contents(copy)


def test_another_key_opens_nothing(artifact: Path) -> None:
    """The index commits to the key."""
    with pytest.raises(Malformed, match="not of this key"):
        r.contents(artifact, bytes(32))


def test_a_file_of_another_artifact_does_not_fit(artifact: Path, tmp_path: Path) -> None:
    """Neither one with another id under the same key, nor another version under the same key and id."""
    other = r.sealed_at(tmp_path / "other", FILES, ident="cd" * 32)
    again = r.sealed_at(tmp_path / "again", FILES | {"weights/b.bin": r.chance(100)})
    for name, source, said in (("o", other, "not of this key and place"), ("v", again, "another version")):
        held = shutil.copytree(artifact, tmp_path / name)
        shutil.copy(source / "payload/000003.floe", held / "payload/000003.floe")
        with pytest.raises(Malformed, match=said):
            r.contents(held)


# Writing


def partly(target: Path, source: Path, artifact: sealed.Artifact, upto: int) -> Path:
    """A sealing that was killed when so many octets of its payload were written; its folder."""
    work = sealing.work(r.SEGMENT, 2)
    try:
        w = r.begun(target, artifact, work)
        w.file(0, Planned("model.bin", source))
    finally:
        work.close()
    path = w.folder / "payload/000000.floe"
    size = path.stat().st_size
    with path.open("r+b") as f:
        f.truncate(upto)
        f.truncate(size)
    return w.folder


@pytest.mark.parametrize("segments", [0, 1, sealing.STRETCH - 1, sealing.STRETCH, 2 * sealing.STRETCH + 1])
def test_a_sealing_goes_on_where_it_was_cut_off(tmp_path: Path, segments: int) -> None:
    """Under the same header, with what was sealed before; and the whole opens."""
    source, held = tmp_path / "model.bin", r.chance((2 * sealing.STRETCH + 2) * r.INSIDE)
    source.write_bytes(held)
    made = sealed.Artifact(sealed.SCHEMA, "ab" * 32, Boundary.ANY, r.SEGMENT, 1)
    folder = partly(tmp_path / "s", source, made, 74 + segments * r.SEGMENT + 11)
    before = (folder / "payload/000000.floe").read_bytes()
    finished(tmp_path / "s", source, made)
    after = (tmp_path / "s/payload/000000.floe").read_bytes()
    assert after[:74] == before[:74]
    kept = 74 + segments // sealing.STRETCH * sealing.STRETCH * r.SEGMENT
    assert after[:kept] == before[:kept]
    assert r.contents(tmp_path / "s") == {"model.bin": held}


def finished(target: Path, source: Path, artifact: sealed.Artifact) -> None:
    """Seal to the end."""
    work = sealing.work(r.SEGMENT, 2)
    try:
        w = r.begun(target, artifact, work)
        w.file(0, Planned("model.bin", source))
        w.close(r.index_of(w), b"{}")
        writing.publish(w.folder, target)
    finally:
        work.close()


@pytest.mark.parametrize("at", [5, 70 * r.INSIDE, 129 * r.INSIDE])
def test_a_source_that_changed_is_sealed_anew(tmp_path: Path, at: int) -> None:
    """Where any segment that is there holds what the source does not hold any more, no segment of it is used."""
    source, held = tmp_path / "model.bin", bytearray(r.chance((2 * sealing.STRETCH + 2) * r.INSIDE))
    source.write_bytes(held)
    made = sealed.Artifact(sealed.SCHEMA, "ab" * 32, Boundary.ANY, r.SEGMENT, 1)
    folder = partly(tmp_path / "s", source, made, 1 << 40)
    before = (folder / "payload/000000.floe").read_bytes()
    held[at] ^= 1
    source.write_bytes(held)
    finished(tmp_path / "s", source, made)
    after = (tmp_path / "s/payload/000000.floe").read_bytes()
    assert after[10:42] != before[10:42]
    assert r.contents(tmp_path / "s") == {"model.bin": bytes(held)}


@pytest.mark.parametrize("change", [lambda p: os.truncate(p, 10), lambda p: os.truncate(p, 11 * r.INSIDE)])
def test_a_source_that_changes_meanwhile_is_refused(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """A source that grows or shrinks while it is sealed is an error, and no artifact comes of it."""
    source = tmp_path / "model.bin"
    source.write_bytes(r.chance(10 * r.INSIDE))
    work = sealing.work(r.SEGMENT, 1)
    changed = []

    def advance(_: int) -> None:
        if not changed:
            changed.append(True)
            change(source)

    made = sealed.Artifact(sealed.SCHEMA, "ab" * 32, Boundary.ANY, r.SEGMENT, 1)
    try:
        w = r.begun(tmp_path / "s", made, work)
        w.advance = advance
        with pytest.raises(Unreadable, match="changed while it was sealed"):
            w.file(0, Planned("model.bin", source))
    finally:
        work.close()
    with pytest.raises(Unreadable), Sealed(writing.unfinished(tmp_path / "s")):
        pass


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    """A name that is taken is refused, at the beginning and at the end."""
    (tmp_path / "s").mkdir()
    with pytest.raises(BadInput, match="is there"):
        writing.begin(tmp_path / "s")
    with pytest.raises(BadInput, match="by now"):
        writing.publish(_folder(tmp_path / "f"), tmp_path / "s")


def _folder(path: Path) -> Path:
    (path / "payload").mkdir(parents=True)
    return path


# The index


def entry(number: int, path: str, role: Role = Role.FILE) -> Entry:
    """An entry."""
    return Entry(number, role, 1, "00" * 32, path=path)


@pytest.mark.parametrize(
    ("entries", "folders", "said"),
    [
        ([entry(0, "../x")], (), "relative path"),
        ([entry(0, "/etc/passwd")], (), "relative path"),
        ([entry(0, "a//b")], (), "relative path"),
        ([entry(0, "a\\b")], (), "relative path"),
        ([entry(0, "a\0b")], (), "relative path"),
        ([entry(0, "a"), entry(1, "a")], (), "a path twice"),
        ([entry(0, "a"), entry(1, "a/b")], (), "as a file and as a folder"),
        ([entry(0, "a")], ("a",), "a path twice"),
        ([entry(0, "a")], ("../b",), "relative path"),
        ([entry(0, "a"), entry(2, "b")], (), "missing or named twice"),
        ([entry(0, "a"), entry(0, "b")], (), "missing or named twice"),
        ([entry(0, "", Role.BOM), entry(1, "", Role.BOM)], (), "two attachments"),
        ([entry(0, "", Role.INDEX)], (), "two attachments"),
    ],
)
def test_an_index_that_leads_elsewhere_is_refused(entries: list[Entry], folders: tuple[str, ...], said: str) -> None:
    """Whoever can seal cannot write outside of where it is opened, nor name one thing twice."""
    made = sealed.Artifact(sealed.SCHEMA, "ab" * 32, Boundary.ANY, r.SEGMENT, len(entries))
    index = Index(sealed.INDEX, "ab" * 32, "m", single=False, sealed_at=r.NOW, entries=tuple(entries), folders=folders)
    with pytest.raises(Malformed, match=said):
        sealed.read_index(msgspec.json.encode(index), made)
    with pytest.raises(Malformed, match=said):
        sealed.render_index(index)


def test_an_index_of_another_artifact_is_refused() -> None:
    """Its id and its number of messages are those that stand in clear."""
    index = Index(sealed.INDEX, "ab" * 32, "m", single=False, sealed_at=r.NOW, entries=(entry(0, "a"),))
    for made in (("cd" * 32, 1), ("ab" * 32, 2)):
        with pytest.raises(Malformed, match="another artifact"):
            sealed.read_index(
                sealed.render_index(index), sealed.Artifact(sealed.SCHEMA, made[0], Boundary.ANY, r.SEGMENT, made[1])
            )


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    """What stands in clear may be anything: it is an artifact's, or malformed."""
    try:
        sealed.read_artifact(octets)
    except BadInput:
        return
    pytest.fail("random octets are no artifact")
