"""Configuration."""

from pathlib import Path

import pytest

from strongroom.app.config import load
from strongroom.model.errors import BadInput


@pytest.fixture(autouse=True)
def _nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("STRONGROOM_CONFIG", raising=False)


def test_file_then_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment wins over the file, the file over the defaults."""
    file = tmp_path / "s.toml"
    file.write_text('[limits]\nmemory_mib = 100\nwall_seconds = 5\n[assess]\nsources = ["host:"]\n')
    monkeypatch.setenv("STRONGROOM_LIMITS__MEMORY_MIB", "300")
    found = load(str(file))
    assert (found.limits.memory_mib, found.limits.wall_seconds, found.limits.files) == (300, 5.0, 20_000)
    assert found.assess.sources == ("host:",)


def test_the_tree_does_not_configure_its_judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A strongroom.toml in the working directory, which may be the assessed tree, is not read."""
    (tmp_path / "strongroom.toml").write_text("[limits]\nmemory_mib = 1\n")
    monkeypatch.chdir(tmp_path)
    assert load().limits.memory_mib != 1


@pytest.mark.parametrize("text", ["[limits]\nmemory = 1\n", "[limits\n", "[limits]\nfiles = -1\n", "x = 1\n", "\xff"])
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str) -> None:
    """An unknown key, a wrong value and a file that is no TOML are errors that name the file."""
    file = tmp_path / "s.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=r"s\.toml"):
        load(str(file))


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """A configuration that was asked for and is not there is an error, not the defaults."""
    with pytest.raises(BadInput):
        load(str(tmp_path / "none.toml"))
