"""Files and folders of endorsements: bounded, and what is ignored is told."""

import os
from pathlib import Path

import pytest
import vendor_statements as vendor

from strongroom.collect.endorsements import files
from strongroom.collect.endorsements.files import File, Ignored
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable


def test_a_folder_gives_its_files_in_order(tmp_path: Path) -> None:
    """Files come in the order of their names; folders, links and pipes are told and not entered, followed or opened."""
    (tmp_path / "b.der").write_bytes(vendor.crl())
    (tmp_path / "a.der").write_bytes(vendor.vcek())
    (tmp_path / "c").mkdir()
    (tmp_path / "d").symlink_to(tmp_path / "a.der")
    os.mkfifo(tmp_path / "e")
    found = list(files.within(str(tmp_path)))
    assert [Path(f.path).name for f in found if isinstance(f, File)] == ["a.der", "b.der"]
    assert {Path(f.path).name: f.reason for f in found if isinstance(f, Ignored)} == {
        "c": "a folder, which is not entered",
        "d": "a link, which is not followed",
        "e": "no regular file",
    }


def test_a_huge_file_costs_nothing(tmp_path: Path) -> None:
    """A file of five gigabytes is refused by its size: in a folder it is ignored by name, named it is an error."""
    huge = tmp_path / "huge.pem"
    with huge.open("wb") as f:
        f.truncate(5 << 30)
    assert [f for f in files.within(str(tmp_path)) if isinstance(f, File)] == []
    with pytest.raises(TooLarge, match="over"):
        files.read(str(huge))


def test_a_crowded_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of more names than a folder of endorsements has is refused before any of it is read."""
    monkeypatch.setattr(files, "MOST_FILES", 20)
    for n in range(25):
        (tmp_path / str(n)).write_bytes(b"x")
    with pytest.raises(TooLarge, match="over 20 files"):
        next(files.within(str(tmp_path)))


def test_a_folder_has_a_bound_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a folder's files have taken what all of them may, the others are ignored by name."""
    monkeypatch.setattr(files, "MOST_TOTAL", 100)
    for n in range(3):
        (tmp_path / str(n)).write_bytes(b"x" * 60)
    found = list(files.within(str(tmp_path)))
    assert [type(f).__name__ for f in found] == ["File", "Ignored", "Ignored"]


@pytest.mark.parametrize("name", ["missing", "pipe", "no\0name"])
def test_a_path_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    """A pipe that nobody writes to, a missing file and a name that is none raise at once."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable):
        files.read(str(tmp_path / name))


def test_a_file_is_named_in_what_is_wrong_with_it(tmp_path: Path) -> None:
    """The message of a damaged file names the file."""
    path = tmp_path / "chain.pem"
    path.write_bytes(vendor.amd_chain()[:-30])
    with pytest.raises(Malformed) as caught:
        files.parse(files.read(str(path)))
    assert caught.value.subject == str(path)


def test_a_link_that_somebody_names_is_followed(tmp_path: Path) -> None:
    """A path on the command line may be a link: whoever typed it meant what it leads to."""
    (tmp_path / "real").write_bytes(vendor.crl())
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert files.read(str(tmp_path / "link")).data == (tmp_path / "real").read_bytes()


def test_what_may_not_be_opened_is_an_error(tmp_path: Path) -> None:
    """A folder that is not there cannot be told apart from one of no use, so it is refused."""
    with pytest.raises(BadInput):
        files.is_folder(str(tmp_path / "missing"))
    with pytest.raises(Unreadable):
        list(files.within(str(tmp_path / "missing")))
