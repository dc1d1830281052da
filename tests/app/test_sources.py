"""Recognising sources and putting estates together."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.app.sources import find, gather, join
from strongroom.model.codes import GapCode
from strongroom.model.errors import BadInput, BadUsage
from strongroom.model.estate import Asset, Estate, Fact
from strongroom.model.kinds import Kind
from strongroom.model.values import Unknown, Value

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_schemes_and_bare_paths(tmp_path: Path) -> None:
    """A scheme names its source; a bare path is recognised by what it is."""
    (tmp_path / "main.tf").write_text("")
    plan = tmp_path / "p.json"
    plan.write_text('{"format_version":"1.2","planned_values":{}}')
    assert find(f"tf:{tmp_path}").collector.scheme == "tf"
    assert find(str(tmp_path)).spec == f"tf:{tmp_path}"
    assert find(str(plan)).collector.scheme == "plan"


def test_what_is_not_understood_is_refused(tmp_path: Path) -> None:
    """An unknown scheme, a missing path, an empty folder, an unknown file: one message each that says what would do."""
    (tmp_path / "notes.txt").write_text("hello")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadUsage, match="wanted one of"):
        find("nosuch:thing")
    with pytest.raises(BadInput, match="nothing there"):
        find(str(tmp_path / "none"))
    with pytest.raises(BadInput, match="an empty folder"):
        find(str(empty))
    with pytest.raises(BadInput, match="a file that no source recognises"):
        find(str(tmp_path / "notes.txt"))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(BadInput):
        find(str(tmp_path / "loop"))


def test_two_trees_keep_their_assets_apart(tmp_path: Path) -> None:
    """The same address in two trees that are read together is two assets."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.tf").write_text('resource "aws_s3_bucket" "x" {}\n')
    estate = gather([str(tmp_path / "a"), str(tmp_path / "b")], NOW)
    assert len({a.id for a in estate.assets}) == 2


def asset(value: Value, source: str, default_of: str = "") -> Estate:
    """An estate of one notebook with one fact."""
    fact = Fact("net.public", value, source=source, default_of=default_of)
    one = Asset(id="x", kind=Kind.NOTEBOOK, native_type="t", address="x", facts={"net.public": fact})
    return Estate((one,), (), (), NOW)


LOST = Unknown(GapCode.UNDECIDED, "no value")


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [
        (asset(True, "tf"), asset(True, "plan"), True),
        (asset(LOST, "tf"), asset(False, "plan"), False),
        (asset(False, "tf"), asset(LOST, "plan"), False),
        (asset(True, "tf", "https://x"), asset(False, "plan"), False),
        (asset(False, "tf"), asset(True, "plan", "https://x"), False),
    ],
    ids=["agree", "second knows", "first knows", "given beats default", "default does not beat given"],
)
def test_two_sources_of_one_asset(a: Estate, b: Estate, value: bool) -> None:
    """What one source knows fills what the other does not; a value that was given beats a default."""
    (joined,) = join([a, b], NOW).assets
    assert joined.value("net.public") is value


def test_sources_that_disagree_leave_nobody_knowing() -> None:
    """Two sources that say different things make the fact unknown, and the reason names both."""
    (joined,) = join([asset(True, "tf:x"), asset(False, "plan:y")], NOW).assets
    found = joined.value("net.public")
    assert isinstance(found, Unknown)
    assert found.code is GapCode.CONFLICT
    assert "tf:x" in found.detail
    assert "plan:y" in found.detail
