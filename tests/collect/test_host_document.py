"""The text of the collector: what is whole is read, what is cut, damaged, foreign or of the future is refused."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import host_records as hosts
from strongroom.app.catalogue import catalogue
from strongroom.assess.judge import findings
from strongroom.collect.host import document
from strongroom.collect.sources.host import COLLECTOR
from strongroom.model.codes import GapCode, Status
from strongroom.model.errors import BadInput, Malformed, StrongroomError, TooLarge
from strongroom.model.kinds import Kind
from strongroom.model.ports import Limits, Peek, Request

CHECKS = catalogue().checks.values()
GOOD = hosts.write(hosts.good())
WRITTEN = GOOD.decode()


def passes(data: bytes, folder: Path) -> set[tuple[str, str]]:
    """(check, asset) of every pass that a record gives."""
    path = folder / "host.txt"
    path.write_bytes(data)
    found = hosts.collect(path)
    return {(f.check, f.asset) for f in findings(found.assets, CHECKS, hosts.NOW) if f.status is Status.PASS}


def test_a_record_is_read_section_by_section() -> None:
    """Every section has its status, its lines without the indent, and the line that it begins on."""
    (found,) = document.parse(GOOD, "gpu01.txt")
    assert found.sections.keys() == hosts.good().keys()
    assert found.sections["uid0"].lines == ("root",)
    line = found.sections["uid0"].line
    assert WRITTEN.splitlines()[line - 1].startswith("@ uid0 ok ")


def test_a_banner_and_carriage_returns_do_no_harm() -> None:
    """What a login shell prints before the record is skipped, and the line ends of a terminal are taken off."""
    noisy = b"Welcome to gpu01!\r\nLast login: today\r\n" + GOOD.replace(b"\n", b"\r\n")
    (found,) = document.parse(noisy, "gpu01.txt")
    assert found.line == 3
    assert found.sections["uid0"].lines == ("root",)


def test_records_of_several_hosts_may_stand_in_one_file(tmp_path: Path) -> None:
    """Records that were written one after another are all read."""
    path = tmp_path / "all.txt"
    path.write_bytes(GOOD + b"\n" + hosts.write(hosts.laptop()))
    names = [a.name for a in hosts.collect(path).assets if a.kind is Kind.HOST]
    assert names == ["gpu01", "carrel"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GOOD[:2000], r"host\.txt:\d+: found .*, wanted .*"),
        (GOOD[: GOOD.rindex(b"@end")], r"host\.txt:\d+: found the end of the file, wanted a line @end"),
        (GOOD.replace(b" 06 00 00 00 01", b" 06 00 00 00 00"), r"host\.txt:\d+: found a damaged section efi:SecureBoot"),
        (GOOD.replace(b"@end ", b"@end 1"), r"host\.txt:\d+: found \d+ sections, wanted 1\d+"),
        (GOOD.replace(b"strongroom-host/1", b"strongroom-host/2"), r"host\.txt:1: found version '2', wanted strongroom-host/1"),
        (GOOD.replace(b"strongroom-host/1\n", b""), r"host\.txt:1: found a section outside of a document"),
        (GOOD.replace(b"SYS-821", b"SYS\xff821"), r"host\.txt:\d+: found byte 0xff, wanted UTF-8 text"),
        (GOOD + GOOD[18:], r"host\.txt:\d+: found a section outside of a document"),
        (b"Dear diary,\n", r"host\.txt: found no line strongroom-host/1"),
        (b"\x7fELF\x02\x01\x01" + bytes(64), r"host\.txt: found no line strongroom-host/1"),
        (b"", r"host\.txt: found an empty file"),
        (b"\n \n", r"host\.txt: found an empty file"),
        (b"{}", r"host\.txt: found no line strongroom-host/1"),
    ],
    ids=["cut", "no end", "damaged", "miscounted", "future", "headless", "not UTF-8", "twice", "prose", "binary", "empty", "blank", "JSON"],
)  # fmt: skip
def test_what_is_no_whole_record_is_refused(data: bytes, message: str, tmp_path: Path) -> None:
    """A file that is cut short, damaged, of another version or no record at all is an error with file and line."""
    path = tmp_path / "host.txt"
    path.write_bytes(data)
    with pytest.raises(Malformed, match=message):
        hosts.collect(path)


def test_a_section_that_comes_twice_is_refused(tmp_path: Path) -> None:
    """Of two sections with one name nobody can say which one counts."""
    twice = WRITTEN.replace("@end ", "@ uid0 ok " + hosts.digest("uid0", "ok", "", ["root"]) + " \n root\n@end ")
    path = tmp_path / "host.txt"
    path.write_text(twice, encoding="utf-8")
    with pytest.raises(Malformed, match=r"the section uid0 again"):
        hosts.collect(path)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """A file over the limit is an error, however it begins."""
    path = tmp_path / "host.txt"
    path.write_bytes(GOOD + bytes(1000))
    with pytest.raises(TooLarge, match="over 1000 bytes"):
        COLLECTOR.collect(Request(f"host:{path}", str(path), hosts.NOW, Limits(bytes=1000)))


def test_a_missing_file_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    """A path that is not there is said so, with the command that makes a record."""
    with pytest.raises(BadInput, match="found no such file") as e:
        hosts.collect(tmp_path / "nowhere.txt")
    assert "host_collector.sh >" in e.value.hint


def test_a_damaged_record_in_a_folder_is_a_gap_and_the_others_are_read(tmp_path: Path) -> None:
    """One bad file costs one host, which stays visible as a gap that names file and line."""
    (tmp_path / "gpu01.txt").write_bytes(GOOD)
    (tmp_path / "gpu02.txt").write_bytes(GOOD[:3000])
    (tmp_path / "gpu03.txt").write_bytes(b"")
    (tmp_path / "README.md").write_text("how we collect", encoding="utf-8")
    found = hosts.collect(tmp_path)
    assert [a.name for a in found.assets if a.kind is Kind.HOST] == ["gpu01"]
    assert [(Path(g.scope).name, g.code) for g in found.gaps] == [
        ("gpu02.txt", GapCode.MALFORMED),
        ("gpu03.txt", GapCode.MALFORMED),
    ]
    assert found.gaps[0].where is not None
    assert found.gaps[0].where.line_start > 1
    assert set(found.gaps[0].hides) == {Kind.HOST, Kind.GPU, Kind.NIC, Kind.DISK}


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    """A link may point anywhere; it is a gap."""
    inside, outside = tmp_path / "in", tmp_path / "out.txt"
    inside.mkdir()
    outside.write_bytes(GOOD)
    (inside / "a.txt").write_bytes(GOOD)
    (inside / "b.txt").symlink_to(outside)
    assert [g.code for g in hosts.collect(inside).gaps] == [GapCode.LINK]


def test_a_folder_without_records_is_an_error(tmp_path: Path) -> None:
    """A folder in which nothing can be read is no empty estate."""
    with pytest.raises(BadInput, match="no record of a host"):
        hosts.collect(tmp_path)


def test_a_source_knows_its_own_files(tmp_path: Path) -> None:
    """A record is known by its first line, an XML file by its root, a folder by what lies in it; prose is not."""

    def sees(data: bytes) -> int:
        return COLLECTOR.recognises(Peek(Path("x"), False, data[:65_536], ()))

    (tmp_path / "a.txt").write_bytes(GOOD)
    assert sees(GOOD) == 100
    assert sees("\n".join(hosts.smi({})).encode()) > 90
    assert sees(b"a note on strongroom-host/1\n") == 0
    assert COLLECTOR.recognises(Peek(tmp_path, True, b"", ("a.txt",))) > 50


WHOLE: dict[str, set[tuple[str, str]]] = {}


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_makes_a_pass(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever byte is changed and wherever the file is cut, it is refused, or passes nothing that the whole did not."""
    folder = tmp_path_factory.mktemp("damaged", numbered=True)
    whole = WHOLE.setdefault("bad", passes(hosts.write(hosts.bad()), folder))
    raw = bytearray(hosts.write(hosts.bad()))
    if data.draw(st.booleans(), label="cut"):
        del raw[data.draw(st.integers(0, len(raw) - 1), label="at") :]
    else:
        at = data.draw(st.integers(0, len(raw) - 1), label="at")
        raw[at] ^= data.draw(st.integers(1, 255), label="flip")
    try:
        got = passes(bytes(raw), folder)
    except StrongroomError:
        return
    assert got <= whole
