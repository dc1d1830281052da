"""Inventories in CSV."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from terraform import NOW

from strongroom.app.sources import find
from strongroom.collect.inventory import words
from strongroom.collect.sources import csv as inventory
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, Malformed, TooLarge, Unreadable
from strongroom.model.estate import Estate
from strongroom.model.kinds import Kind
from strongroom.model.ports import Limits, Request

HEAD = "Name,Kind,Owner,Location,Serial"
UUID = "4c4c4544-0044-4810-8057-b4c04f4e4d32"


def read(path: Path, text: str | bytes, limits: Limits | None = None) -> Estate:
    """Write an inventory and read it."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return inventory.collect(Request(f"csv:{path}", str(path), NOW, limits or Limits()))


def rows(tmp_path: Path, *lines: str, head: str = HEAD) -> Estate:
    """An inventory of these lines."""
    return read(tmp_path / "i.csv", "\n".join((head, *lines)) + "\n")


def test_a_row_is_an_asset_with_what_the_row_says(tmp_path: Path) -> None:
    """Known columns become facts, aliases and labels; an unknown one becomes a label of its own name."""
    head = "Host Name;Asset Type;Serial-No.;UUID;Responsible;Site;IP Address;iDRAC;Tenant;Classification;GPUs;Tags;Warranty"
    line = f"gpu-01;GPU Server;S123456;{UUID};Ada;Hall 2;10.0.0.1 10.0.0.2/24;10.1.0.1;blue;restricted;8;env=prod, x:y;2029"
    found = rows(tmp_path, line, head=head)
    (one,) = found.assets
    assert (one.kind, one.name, one.id) == (Kind.HOST, "gpu-01", "inventory:compute.host/gpu-01")
    assert one.aliases == (f"dmi:{UUID}",)
    assert one.value("host.serial") == "S123456"
    assert one.value("inventory.owner") == "Ada"
    assert one.value("inventory.location") == "Hall 2"
    assert one.value("inventory.addresses") == ("10.0.0.1", "10.0.0.2")
    assert one.value("inventory.bmc") == ("10.1.0.1",)
    assert one.value("gpu.count") == 8
    assert one.value("sensitive") is True
    assert dict(one.labels) == {"Warranty": "2029", "env": "prod", "x": "y", "sensitivity": "restricted"}
    assert one.where is not None
    assert (one.where.line_start, found.gaps) == (2, ())


@pytest.mark.parametrize(
    ("word", "kind"),
    [("gpu server", Kind.HOST), ("BMC", Kind.OTHER), ("notebooks", Kind.NOTEBOOK), ("Bucket", Kind.BUCKET),
     ("compute.gpu", Kind.GPU), ("virtual-machine", Kind.INSTANCE), ("source", None), ("sandwich", None), ("", None)],
)  # fmt: skip
def test_kinds_are_told_in_plain_words(word: str, kind: Kind | None) -> None:
    """A kind's own word, a plain word, a plural and other spellings mean a kind; anything else means none."""
    assert words.kind_of(word) is kind


def test_no_header_means_two_columns() -> None:
    """Every synonym belongs to one column, and is written as it is compared."""
    every = [h for headers in words.COLUMNS.values() for h in headers]
    assert len(every) == len(set(every))
    assert [h for h in (*every, *words.KINDS) if words.plain(h) != h] == []


@pytest.mark.parametrize(
    "data",
    [
        "Name,Owner,Kind\nä,Zoë,host\n".encode(),
        "\ufeffName,Owner,Kind\nä,Zoë,host\n".encode(),
        "Name\tOwner\tKind\r\nä\tZoë\thost\r\n".encode("utf-16"),
        "sep=;\nName;Owner;Kind\nä;Zoë;host\n".encode(),
        "Name|Owner|Kind\nä|Zoë|host\n".encode(),
        "Our machines,,\n,,\nName,Owner,Kind\n\nä,Zoë,host\n".encode(),
        'Name,Owner,Kind\r\n"ä","Zoë",host\r\n'.encode(),
    ],
    ids=["utf-8", "mark", "utf-16 tabs", "sep", "bars", "titles", "quotes"],
)
def test_files_of_spreadsheets_are_read(data: bytes, tmp_path: Path) -> None:
    """Encodings with their marks, delimiters, titles above the header and blank lines are taken as they come."""
    found = read(tmp_path / "i.csv", data)
    (one,) = found.assets
    assert (one.name, one.value("inventory.owner"), one.kind) == ("ä", "Zoë", Kind.HOST)
    assert found.gaps == ()


def test_a_guessed_encoding_is_a_doubt(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are read as Windows-1252, and a gap says that this is a guess."""
    found = read(tmp_path / "i.csv", "Name,Owner,Kind\na,Zoë,host\n".encode("cp1252"))
    assert found.assets[0].value("inventory.owner") == "Zoë"
    assert [(g.code, g.scope.rpartition(":")[2]) for g in found.gaps] == [(GapCode.NOT_UTF8, "2")]


@pytest.mark.parametrize(
    ("line", "code", "kept"),
    [
        ("a,host,=HYPERLINK(1),x,S12345", GapCode.MALFORMED, 1),
        ("a,host,+cmd|' /C calc'!A0,x,S12345", GapCode.MALFORMED, 1),
        ("a,host,@SUM(1),x,S12345", GapCode.MALFORMED, 1),
        ("a,host,o\u202ewner,x,S12345", GapCode.MALFORMED, 1),
        ("a,sandwich,o,x,S12345", GapCode.UNSUPPORTED, 1),
        (",host,o,x,", GapCode.MALFORMED, 0),
        (",host,o,x,to be filled by O.E.M.", GapCode.MALFORMED, 0),
        ("a,host,o", GapCode.MALFORMED, 0),
        ("a,host,o,x,S12345,more", GapCode.MALFORMED, 0),
        (f"a,host,{'o' * 3000},x,S12345", GapCode.MALFORMED, 1),
        ('a,"host,o,x,S12345', GapCode.MALFORMED, 0),
    ],
)
def test_what_cannot_be_used_is_a_gap_with_its_line(line: str, code: GapCode, kept: int, tmp_path: Path) -> None:
    """A bad cell costs the cell, a bad row the row; both are told with the line, and what they say goes nowhere."""
    found = rows(tmp_path, line)
    assert [(g.code, g.scope.rpartition(":")[2]) for g in found.gaps] == [(code, "2")]
    assert len(found.assets) == kept
    for planted in ("HYPERLINK", "calc", "SUM", "sandwich", "\u202e"):
        assert planted not in str((found.assets, found.gaps))


def test_nothing_is_said_by_empty_words_and_junk_numbers(tmp_path: Path) -> None:
    """`n/a`, `-` and the serial numbers that nobody set are no values; a phone number is one."""
    (one,) = rows(tmp_path, "a,host,+49 30 1234,-,Default string").assets
    assert one.value("inventory.owner") == "+49 30 1234"
    assert {"inventory.location", "host.serial"}.isdisjoint(one.facts)


def test_one_name_or_number_on_two_rows_is_told(tmp_path: Path) -> None:
    """The second row of a name is kept where its number tells it apart; a number on two rows is told on the second."""
    found = rows(tmp_path, "a,host,o,x,S11112", "A,host,p,x,S22223", "a,host,q,x,", "b,host,r,x,S11112")
    assert [a.id.partition("/")[2] for a in found.assets] == ["a", "a/s22223", "b"]
    assert [(g.code, g.scope.rpartition(":")[2]) for g in found.gaps] == [
        (GapCode.DUPLICATE_KEY, line) for line in ("3", "4", "5")
    ]


def test_a_column_that_stands_twice_and_a_missing_kind_are_told(tmp_path: Path) -> None:
    """The first of two equal columns counts; without a kind column every row is a thing of another kind."""
    found = read(tmp_path / "i.csv", "name,owner,owner,hostname\na,x,y,z\n")
    assert [g.code for g in found.gaps] == [GapCode.UNSUPPORTED, GapCode.DUPLICATE_KEY]
    (one,) = found.assets
    assert (one.kind, one.value("inventory.owner"), dict(one.labels)) == (Kind.OTHER, "x", {"hostname": "z"})


@pytest.mark.parametrize(
    ("text", "date"),
    [("2026-11-22", "2026-11-22"), ("22.11.2026", "2026-11-22"), ("2026/11/22", "2026-11-22"), ("3/4/26", "3/4/26")],
)
def test_dates_are_read_where_their_form_leaves_no_doubt(text: str, date: str, tmp_path: Path) -> None:
    """Year first or German form is a date; a form that continents read differently stays as it is."""
    found = read(tmp_path / "i.csv", f"name,kind,last seen\na,host,{text}\n")
    assert found.assets[0].value("inventory.verified") == date


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"", Malformed), (b"\xef\xbb\xbf\n", Malformed), (b"PK\x03\x04xl/workbook.xml", Malformed),
     (b"color,shape\nred,round\n", Malformed), (b"\xff\xfea", Malformed), (b"name,kind\n\x81\n", Malformed),
     (b"name,kind," + b",".join(b"c%d" % i for i in range(600)) + b"\n", TooLarge)],
    ids=["empty", "mark", "workbook", "other columns", "half", "bytes", "wide"],
)  # fmt: skip
def test_what_is_no_inventory_is_refused(data: bytes, error: type[BadInput], tmp_path: Path) -> None:
    """An empty file, a workbook, other columns and broken encodings are refused with a next step."""
    with pytest.raises(error) as caught:
        read(tmp_path / "i.csv", data)
    assert caught.value.hint


def test_a_missing_file_and_one_over_the_limit_are_refused(tmp_path: Path) -> None:
    """No file, no path and too large a file are told apart."""
    for target in ("", str(tmp_path / "none.csv"), str(tmp_path)):
        with pytest.raises(Unreadable):
            inventory.collect(Request("csv:x", target, NOW))
    with pytest.raises(TooLarge):
        read(tmp_path / "i.csv", f"{HEAD}\na,host,o,x,S1\n", Limits(bytes=10))


def test_many_bad_rows_are_told_and_counted(tmp_path: Path) -> None:
    """Ten thousand bad rows are some gaps with lines and one with the number of the rest."""
    found = rows(tmp_path, *["a,host"] * 10_000)
    assert len(found.gaps) == inventory.MOST_GAPS + 1
    assert "9800 more" in found.gaps[-1].detail


def test_a_bare_path_is_recognised_by_its_header(tmp_path: Path) -> None:
    """An inventory is one by its header, whatever stands below; our own report in CSV and other tables are not."""
    good, report, other = (tmp_path / n for n in ("i.csv", "r.csv", "o.csv"))
    good.write_text(f"{HEAD}\n" + "a,host,o,x,S1\n" * 9000)
    report.write_text("control,check,status,kind,name,fingerprint\nx,y,z,k,n,f\n")
    other.write_text("a,b\n1,2\n")
    assert find(str(good)).collector.scheme == "csv"
    for path in (report, other):
        with pytest.raises(BadInput, match="no source recognises"):
            find(str(path))


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200) | st.text(alphabet='",;\n\r\t=+-@a1\x00\u202e ', max_size=200).map(str.encode))
def test_nothing_in_a_table_makes_the_reader_die(data: bytes, tmp_path: Path) -> None:
    """Whatever stands below the header, it is read, a gap, or refused by name."""
    with contextlib.suppress(BadInput):
        found = read(tmp_path / "i.csv", HEAD.encode() + b"\n" + data)
        assert len(found.assets) + len(found.gaps) <= data.count(b"\n") * 8 + data.count(b"\r") * 8 + 8
