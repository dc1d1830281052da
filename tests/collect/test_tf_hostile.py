"""Terraform configuration that is broken, hostile, or too much."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from terraform import by_address, read, write

from strongroom.collect import fence
from strongroom.collect.sources import tf
from strongroom.collect.terraform.copying import copy_tree
from strongroom.collect.terraform.syntax import parse
from strongroom.model.codes import GapCode
from strongroom.model.errors import Unreadable
from strongroom.model.estate import Estate
from strongroom.model.ports import Limits

BUCKET = 'resource "aws_s3_bucket" "b" {}\n'


def codes(estate: Estate) -> list[tuple[GapCode, str]]:
    """The gaps as code and scope."""
    return [(g.code, g.scope) for g in estate.gaps]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('resource "aws_s3_bucket" "x" {\n  bucket = \n}\n', 2),
        ('resource "aws_s3_bucket" "x" {\n', 1),
        ('resource "aws_s3_bucket" "x" {\n  bucket = "a"\n  bucket = "b"\n}\n', 3),
        ('resource "x" "y" {\n  a = [{\n    b {\n    }\n  }]\n}\n', 3),
        ("}}}}\n", 1),
    ],
    ids=["no value", "no end", "attribute twice", "block in a list", "noise"],
)
def test_broken_file_is_a_gap_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    """A file that does not parse is named with its line, and the other files are still read."""
    estate = read(tmp_path, {"bad.tf": text, "good.tf": BUCKET})
    assert list(by_address(estate)) == ["aws_s3_bucket.b"]
    assert [g.code for g in estate.gaps] == [GapCode.MALFORMED]
    where = estate.gaps[0].where
    assert where is not None
    assert where.file.endswith("bad.tf")
    assert abs(where.line_start - line) <= 1


def test_not_utf8_is_a_gap_with_its_line(tmp_path: Path) -> None:
    """A file that is not UTF-8 is named with the line of the first bad byte."""
    estate = read(tmp_path, {"bad.tf": b"# one\n# \xff\n", "good.tf": BUCKET})
    assert codes(estate) == [(GapCode.NOT_UTF8, "bad.tf:2")]


@pytest.mark.parametrize(
    "call",
    [
        'file("../../../../../../etc/passwd")',
        'file("/etc/passwd")',
        'filebase64("../../../../../../etc/passwd")',
        'templatefile("../../../../../../etc/passwd", {})',
        'join(",", fileset("/etc", "*"))',
        'file("${path.module}/../../../../../../etc/passwd")',
    ],
)
def test_reading_outside_the_tree_is_refused_and_named(tmp_path: Path, call: str) -> None:
    """A call that names a path outside the tree is not evaluated, and is a gap with its line."""
    text = f'resource "aws_s3_bucket" "b" {{\n  bucket = {call}\n}}\n'
    estate = read(tmp_path, {"main.tf": text})
    assert codes(estate) == [(GapCode.OUTSIDE, "main.tf:2")]
    assert "root:" not in repr(estate)


def test_a_path_made_at_run_time_reads_nothing_outside(tmp_path: Path) -> None:
    """A path that only evaluation knows is stopped by the kernel's fence, or not evaluated where there is none."""
    (tmp_path / "secret.txt").write_text("CANARY-OUTSIDE")
    files = {
        "main.tf": 'locals { up = ".." }\nresource "aws_s3_bucket" "b" {\n'
        '  bucket = file("${local.up}/secret.txt")\n}\n'
    }
    assert "CANARY-OUTSIDE" not in repr(read(tmp_path / "tree", files))


def test_a_template_cannot_read_outside_either(tmp_path: Path) -> None:
    """A template inside the tree that itself calls file() gets nothing from outside."""
    (tmp_path / "secret.txt").write_text("CANARY-TEMPLATE")
    files = {
        "main.tf": 'resource "aws_s3_bucket" "b" {\n  bucket = templatefile("${path.module}/t.tftpl", {})\n}\n',
        "t.tftpl": f'${{file("{tmp_path}/secret.txt")}}',
    }
    assert "CANARY-TEMPLATE" not in repr(read(tmp_path / "tree", files))


def test_files_inside_the_tree_are_read(tmp_path: Path) -> None:
    """An ordinary file() call still works."""
    files = {"main.tf": 'resource "aws_s3_bucket" "b" {\n  bucket = file("name.txt")\n}\n', "name.txt": "weights"}
    estate = read(tmp_path, files)
    assert estate.gaps == ()
    assert estate.assets[0].name == "weights"


def test_huge_count_is_bounded_and_named(tmp_path: Path) -> None:
    """Two hundred thousand instances are read as one, and the gap says so."""
    estate = read(tmp_path, {"main.tf": 'resource "aws_s3_bucket" "b" {\n  count = 200000\n}\n'})
    assert codes(estate) == [(GapCode.TOO_LARGE, "main.tf:2")]
    assert len(estate.assets) == 1


def test_evaluation_that_does_not_end_is_a_gap_and_the_rest_is_read(tmp_path: Path) -> None:
    """A root that runs into the time limit is a gap; the other roots are judged all the same."""
    bomb = 'resource "aws_s3_bucket" "b" {\n  count = 9999 * 30\n  bucket = join("", range(count.index))\n}\n'
    limits = Limits(wall_seconds=3)
    estate = read(tmp_path, {"bomb/main.tf": bomb, "good/main.tf": BUCKET}, limits)
    assert [g.code for g in estate.gaps] == [GapCode.TIMEOUT]
    assert estate.gaps[0].scope.endswith("bomb")
    assert [a.id for a in estate.assets] == ["terraform:good//aws_s3_bucket.b"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A symbolic link to configuration or to a folder is a gap, a loop of links ends."""
    write(tmp_path, {"tree/main.tf": BUCKET, "outside/secret.tf": 'resource "aws_s3_bucket" "secret" {}\n'})
    tree = tmp_path / "tree"
    (tree / "linked.tf").symlink_to(tmp_path / "outside" / "secret.tf")
    (tree / "loop").symlink_to(tree)
    estate = read(tree, {})
    assert sorted(codes(estate)) == [(GapCode.LINK, "linked.tf"), (GapCode.LINK, "loop")]
    assert list(by_address(estate)) == ["aws_s3_bucket.b"]


def test_duplicate_keys_in_json_syntax_are_refused(tmp_path: Path) -> None:
    """JSON syntax with one key twice is left out and named: which one counts is a guess."""
    text = '{"resource": {"aws_s3_bucket": {"b": {"bucket": "a", "bucket": "b"}}}}'
    estate = read(tmp_path, {"main.tf.json": text, "good.tf": BUCKET})
    assert codes(estate) == [(GapCode.MALFORMED, "main.tf.json")]


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    """A folder without configuration is an error with a hint, not an empty and therefore clean estate."""
    with pytest.raises(Unreadable, match=r"no \.tf file"):
        read(tmp_path, {"notes.txt": "x"})
    with pytest.raises(Unreadable, match="no such folder"):
        read(tmp_path / "main.tf", {})


@pytest.fixture
def as_nobody(tmp_path: Path) -> Iterator[None]:
    """Run as a user who may read what everybody may; root reads everything, which would prove nothing."""
    if os.geteuid() != 0:
        yield
        return
    base = Path(tempfile.gettempdir()).resolve()
    ours = [p for p in (tmp_path, *tmp_path.parents) if base in p.parents]
    before = {p: p.stat().st_mode for p in ours}
    for p in ours:
        p.chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        for p, mode in before.items():
            p.chmod(mode)


def test_unreadable_file_is_a_gap(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A file that may not be opened is a miss that says so, and the others are still read."""
    tree = write(tmp_path / "tree", {"secret.tf": BUCKET, "good.tf": BUCKET.replace('"b"', '"g"')})
    (tree / "secret.tf").chmod(0)
    to = tmp_path / "to"
    to.mkdir()
    to.chmod(0o777)
    request.getfixturevalue("as_nobody")
    copied = copy_tree(tree, to, Limits())
    assert [(m.path, m.code) for m in copied.misses] == [("secret.tf", GapCode.DENIED)]
    assert copied.files == ["good.tf"]


def test_child_that_dies_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the evaluator crashes, the run says so and claims nothing."""
    monkeypatch.setattr(tf, "_CHILD", "strongroom.no_such_module")
    estate = read(tmp_path, {"main.tf": BUCKET})
    assert [g.code for g in estate.gaps] == [GapCode.CRASHED]
    assert estate.assets == ()


def test_fence_stops_memory(tmp_path: Path) -> None:
    """A child that outgrows its memory is ended and says why."""
    (tmp_path / "glutton.py").write_text(
        "import time\nx = bytearray(400 * 1024 * 1024)\nprint(len(x))\ntime.sleep(30)\n"
    )
    limits = Limits(wall_seconds=20, memory_mib=200)
    sys.path.insert(0, str(tmp_path))
    try:
        run = fence.run("glutton", [], tmp_path, limits)
    finally:
        sys.path.remove(str(tmp_path))
    assert run.verdict is GapCode.OUT_OF_MEMORY


def test_deep_nesting_does_not_escape() -> None:
    """Ten thousand nested brackets or blocks are an answer or a RecursionError, which the child turns into a gap."""
    for text in ("x = " + "[" * 10_000, "a {" * 3_000, "x = " + "(" * 5_000 + ")" * 5_000):
        try:
            found = parse(text.encode())
        except RecursionError:
            continue
        assert isinstance(found.errors, list)


@pytest.mark.parametrize("folder", ["", "m/"], ids=["root", "local module"])
@pytest.mark.parametrize(
    "text",
    [
        'variable "azs" { type = "list" default = [] }\n' + BUCKET,
        'variable "azs" { type = "list" default = [] }\nresource "aws_s3_bucket" "b" {\n  count = "${length(var.azs)}"\n}\n',
    ],
    ids=["plain", "everything counted"],
)
def test_a_file_that_only_the_evaluator_refuses_is_named(tmp_path: Path, folder: str, text: str) -> None:
    """A file with a tree and an error, as of Terraform 0.11, is a gap with its line, never silence."""
    files: dict[str, str | bytes] = {f"{folder}old.tf": text, "good.tf": 'resource "aws_s3_bucket" "g" {}\n'}
    if folder:
        files["call.tf"] = 'module "m" {\n  source = "./m"\n}\n'
    estate = read(tmp_path, files)
    assert [(g.code, g.scope) for g in estate.gaps] == [(GapCode.MALFORMED, f"{folder}old.tf:1")]
    assert "aws_s3_bucket.g" in by_address(estate)
