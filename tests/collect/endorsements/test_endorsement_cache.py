"""Endorsements kept on disk."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
import vendor_statements as vendor

from strongroom.collect.endorsements.cache import MOST_OF_A_NAME, Cache, Hold
from strongroom.kit import endorsement_text
from strongroom.model.attest import Endorsement, EndorsementKind
from strongroom.model.errors import Unreadable

ITEM = endorsement_text.read(vendor.crl(), "there").items[0]
NAME = "crl:ARK-Milan"


def test_what_is_kept_is_found_by_its_name(tmp_path: Path) -> None:
    """An endorsement comes back as it was, with its time and source, in folders that are the user's alone."""
    cache = Cache(tmp_path / "a" / "b")
    assert cache.keep(ITEM, vendor.NOW, "amd-kds")
    found = Cache(tmp_path / "a" / "b").find(NAME)
    assert [(k.item, k.kept_at, k.source) for k in found] == [(ITEM, vendor.NOW, "amd-kds")]
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert cache.find("crl:other") == ()


def test_what_has_no_name_is_not_kept(tmp_path: Path) -> None:
    """Octets that cannot be described are not kept: nobody could find them."""
    assert not Cache(tmp_path / "c").keep(Endorsement(EndorsementKind.CRL, b"x"), vendor.NOW, "s")


def test_a_damaged_file_is_not_used(tmp_path: Path) -> None:
    """A file whose octets are not those of its name is reported, and is no endorsement."""
    cache = Cache(tmp_path / "c")
    cache.keep(ITEM, vendor.NOW, "s")
    (item,) = (tmp_path / "c" / "items").iterdir()
    item.write_bytes(item.read_bytes().replace(b"crl", b"CRL"))
    assert cache.find(NAME) == ()
    assert "damaged" in cache.troubles[0]


def test_another_items_file_is_not_used(tmp_path: Path) -> None:
    """An index that leads to an endorsement of another name leads nowhere."""
    cache = Cache(tmp_path / "c")
    cache.keep(ITEM, vendor.NOW, "s")
    cache.keep(endorsement_text.read(vendor.vcek()).items[0], vendor.NOW, "s")
    first, second = sorted((tmp_path / "c" / "names").iterdir())
    texts = first.read_bytes(), second.read_bytes()
    first.write_bytes(texts[1])
    second.write_bytes(texts[0])
    assert cache.find(NAME) == ()


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[1]", b"\xff", b'{"name":"crl:ARK-Milan","held":[{"item":"../../x"}]}']
)
def test_a_damaged_index_holds_nothing(tmp_path: Path, damage: bytes) -> None:
    """Whatever lies in the place of an index, nothing comes of it, and the next copy is kept again."""
    cache = Cache(tmp_path / "c")
    cache.keep(ITEM, vendor.NOW, "s")
    (index,) = (tmp_path / "c" / "names").iterdir()
    index.write_bytes(damage)
    assert cache.find(NAME) == ()
    cache.keep(ITEM, vendor.NOW, "s")
    assert len(cache.find(NAME)) == 1


def test_old_copies_are_let_go(tmp_path: Path) -> None:
    """A name keeps its newest copies, newest first, and the files of the others are removed."""
    cache = Cache(tmp_path / "c")
    for n in range(MOST_OF_A_NAME + 3):
        data = vendor.crl(begins=vendor.NOW + timedelta(days=n))
        cache.keep(endorsement_text.read(data).items[0], vendor.NOW + timedelta(days=n), "s")
    found = cache.find(NAME)
    assert [k.kept_at for k in found] == sorted((k.kept_at for k in found), reverse=True)
    assert len(found) == len(list((tmp_path / "c" / "items").iterdir())) == MOST_OF_A_NAME


def test_an_old_source_does_not_make_a_copy_older(tmp_path: Path) -> None:
    """Keeping the same endorsement again from an older source leaves the time when it was last seen."""
    cache = Cache(tmp_path / "c")
    cache.keep(ITEM, vendor.NOW, "amd-kds")
    cache.keep(ITEM, vendor.NOW - timedelta(days=3), "bundle")
    assert [k.kept_at for k in cache.find(NAME)] == [vendor.NOW]


def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    """A cache that others may write to is none: they could withhold what is wanted."""
    (tmp_path / "c").mkdir()
    (tmp_path / "c").chmod(0o777)
    with pytest.raises(Unreadable, match="0777"):
        Cache(tmp_path / "c")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unreadable):
        Cache(tmp_path / "file")


def test_a_hold_ends(tmp_path: Path) -> None:
    """What a service asked for is remembered until then, and not longer."""
    cache = Cache(tmp_path / "c")
    cache.hold_off("amd-kds", Hold(vendor.NOW + timedelta(hours=1), "busy"))
    held = cache.held_off("amd-kds", vendor.NOW)
    assert held is not None
    assert held.why == "busy"
    assert cache.held_off("amd-kds", vendor.NOW + timedelta(hours=1)) is None
    assert cache.held_off("intel-pcs", vendor.NOW) is None


def test_no_cut_off_write_is_left(tmp_path: Path) -> None:
    """Every file is written beside its place and then put there."""
    cache = Cache(tmp_path / "c")
    cache.keep(ITEM, vendor.NOW, "s")
    assert not list((tmp_path / "c").rglob(".new-*"))
