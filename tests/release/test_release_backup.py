"""Backup and restore: what was kept comes back whole or not at all, and a drill proves that it opens."""

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import broker_rig as rig
import pytest

from strongroom.app import release_backup as backups
from strongroom.app.log_entries import entries
from strongroom.app.release_admin import Desk
from strongroom.model.errors import BadInput, LogUnavailable, Malformed, Unreadable
from strongroom.store.broker import BrokerStore


@pytest.fixture
def house(tmp_path: Path) -> Iterator[rig.Rig]:
    """A broker with a resource, an attestation and a policy file."""
    (tmp_path / "state").mkdir()
    made = rig.Rig(tmp_path / "state")
    rig.attested(made)
    (tmp_path / "weights.toml").write_text("a policy")
    (tmp_path / "weights.toml.lab.sig").write_text("a note")
    yield made
    made.store.close()
    made.log.close()


def desk(r: rig.Rig) -> Desk:
    """Where dana administers it."""
    return Desk(r.store, {"memory": r.keys}, r.log, r.policy, "dana@host", r.now)


def kept(r: rig.Rig, tmp_path: Path) -> backups.Kept:
    """An archive of it."""
    return backups.backup(desk(r), tmp_path / "weights.toml", tmp_path / "b.tar")


def test_what_was_backed_up_comes_back(house: rig.Rig, tmp_path: Path) -> None:
    """Database and policy are in a new folder as they were; the log has the archive's digest."""
    done = kept(house, tmp_path)
    backups.restore(done.path, tmp_path / "new")
    with BrokerStore(str(tmp_path / "new" / "broker.db")) as store:
        assert store.resource(rig.WEIGHTS) == house.store.resource(rig.WEIGHTS)
    assert (tmp_path / "new" / "policy" / "weights.toml.lab.sig").read_text() == "a note"
    assert done.path.stat().st_mode & 0o077 == 0
    house.log.publish()
    (entry,) = (g.entry for g in entries(house.place, ["policy-change"]) if g.entry)
    assert entry.fields["digest"] == done.digest


def test_a_drill_opens_every_resource_and_shows_none(house: rig.Rig, tmp_path: Path) -> None:
    """Each is opened by its back end against a receipt, and the secret is in no output and no entry."""
    archive = kept(house, tmp_path).path
    before = house.keys.opened
    done = backups.drill(desk(house), archive)
    assert (done.opened, done.closed) == ((rig.WEIGHTS,), ())
    assert house.keys.opened == before + 1
    house.log.publish()
    held = [g for g in entries(house.place, ["release"]) if g.entry]
    assert [g.entry.actor for g in held if g.entry] == ["drill:dana@host"]
    assert all(rig.SECRET not in g.data for g in entries(house.place))
    assert rig.SECRET not in archive.read_bytes()


def test_a_drill_without_the_key_says_what_stays_closed(house: rig.Rig, tmp_path: Path) -> None:
    """An archive without its key-encryption key opens nothing, and the drill is how that is known in time."""
    archive = kept(house, tmp_path).path
    house.keys.key = bytes(32)
    (named,) = backups.drill(desk(house), archive).closed
    assert named[0] == rig.WEIGHTS
    (gone,) = backups.drill(replace(desk(house), keys={}), archive).closed
    assert "key back end" in gone[1]


def test_no_archive_that_is_not_in_the_log(house: rig.Rig, tmp_path: Path) -> None:
    """A copy of the state is an act; with the log down it is not made, and nothing is left behind."""

    class Down:
        def record(self, *_: object) -> None:
            raise LogUnavailable("log", "no room", "room")

    down = replace(desk(house), log=Down())  # type: ignore[arg-type] # as far as it is used
    before = sorted(tmp_path.iterdir())
    with pytest.raises(LogUnavailable):
        backups.backup(down, None, tmp_path / "b.tar")
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_that_is_there_is_written_over(house: rig.Rig, tmp_path: Path) -> None:
    """Neither an archive nor a folder with something in it."""
    done = kept(house, tmp_path)
    with pytest.raises(BadInput, match="is there"):
        kept(house, tmp_path)
    with pytest.raises(BadInput, match="something in it"):
        backups.restore(done.path, house.folder)


def rewritten(source: Path, change: Callable[[tarfile.TarInfo, bytes], list[tuple[tarfile.TarInfo, bytes]]]) -> Path:
    """The archive with its members changed."""
    target = source.with_name("forged.tar")
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old:
            held = old.extractfile(member)
            for info, data in change(member, held.read() if held else b""):
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
    return target


def _changed(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(info, data + b"x" if info.name == "broker.db" else data)]


def _missing(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [] if info.name == "policy/weights.toml" else [(info, data)]


def _climbing(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(info, data.replace(b"policy/weights.toml.lab.sig", b"policy/../../escaped"))] + (
        [(tarfile.TarInfo("policy/../../escaped"), b"a note")] if info.name == "manifest.json" else []
    )


def _linked(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    if info.name == "broker.db":
        info.type, info.linkname, data = tarfile.SYMTYPE, "/etc/passwd", b""
    return [(info, data)]


def _twice(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(info, data)] * (2 if info.name == "broker.db" else 1)


def _headless(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [] if info.name == "manifest.json" else [(info, data)]


@pytest.mark.parametrize("change", [_changed, _missing, _climbing, _linked, _twice, _headless])
def test_an_archive_that_was_changed_is_refused(
    house: rig.Rig, tmp_path: Path, change: Callable[[tarfile.TarInfo, bytes], list[tuple[tarfile.TarInfo, bytes]]]
) -> None:
    """An octet more, a file less, a way out of the folder, a link, a file twice, no manifest: none of it is believed."""
    forged = rewritten(kept(house, tmp_path).path, change)
    with pytest.raises(Malformed):
        backups.restore(forged, tmp_path / "deep" / "new")
    assert not (tmp_path / "deep" / "escaped").exists()


@pytest.mark.parametrize("data", [b"", b"no archive at all", b"\0" * 2048])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    """An empty file, words and zeros are told apart from an archive."""
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises((Malformed, Unreadable)):
        backups.restore(tmp_path / "x.tar", tmp_path / "new")
