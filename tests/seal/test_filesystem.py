"""A sealed model by fsspec: what is there, what is read, and what is refused."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sealing_case as s
from sealing_case import Case

from strongroom.kit import sealed
from strongroom.models import Model, open_model

fsspec = pytest.importorskip("fsspec")
WEIGHTS = "weights/a.safetensors"


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A sealed model with an empty folder."""
    case = Case(tmp_path)
    (case.model / "empty" / "folder").mkdir(parents=True)
    case.create()
    return case


@pytest.fixture
def model(case: Case) -> Iterator[Model]:
    """It, open."""
    with open_model(str(case.target), identity=case.id_of()) as made:
        yield made


def test_what_is_where(model: Model) -> None:
    """Folders and files as they were sealed, by every way that fsspec asks."""
    fs = model.filesystem()
    assert fs.ls("", detail=False) == ["config.json", "empty", "empty.txt", "weights"]
    assert fs.ls("/weights/", detail=False) == [WEIGHTS]
    assert sorted(fs.find("")) == sorted(s.FILES)
    assert fs.isdir("empty/folder")
    assert fs.isfile("config.json")
    assert not fs.exists("nothing")
    assert fs.info(WEIGHTS)["size"] == len(s.FILES[WEIGHTS])
    assert fs.glob("**/*.safetensors") == [WEIGHTS]
    with pytest.raises(FileNotFoundError):
        fs.ls("nothing")


def test_octets_are_those_that_were_sealed(model: Model) -> None:
    """Whole, by slices that count from either end, by seeking, and as text."""
    fs, wanted = model.filesystem(), s.FILES[WEIGHTS]
    assert fs.cat(WEIGHTS) == wanted
    for start, end in ((0, 10), (1_000_000, 1_100_000), (-5, None), (None, -2_000_000), (5, 5), (10, 3)):
        assert fs.cat_file(WEIGHTS, start, end) == wanted[start:end]
    with fs.open(WEIGHTS) as f:
        assert f.seek(-7, io.SEEK_END) == len(wanted) - 7
        assert f.read() == wanted[-7:]
        assert f.read() == b""
        f.seek(1_048_000)
        assert f.read(1000) == wanted[1_048_000:1_049_000]
        with pytest.raises(ValueError, match="before"):
            f.seek(-1)
    with fs.open("config.json", "rt") as f:
        assert json.load(f) == {"hidden_size": 8}
    assert fs.cat("empty.txt") == b""


def test_nothing_is_written(model: Model) -> None:
    """Every way of writing is refused."""
    fs = model.filesystem()
    for refused in (
        lambda: fs.open("new", "wb"),
        lambda: fs.rm("config.json"),
        lambda: fs.mkdir("folder"),
        lambda: fs.touch("new"),
        lambda: fs.mv("config.json", "other"),
    ):
        with pytest.raises(PermissionError):
            refused()
    with pytest.raises(IsADirectoryError):
        fs.cat_file("weights")


def test_what_was_damaged_is_an_error_of_reading(case: Case) -> None:
    """Nothing of a segment that does not authenticate is given out."""
    payload = case.target / sealed.payload_file(sorted(s.FILES).index(WEIGHTS))
    octets = bytearray(payload.read_bytes())
    octets[500] ^= 1
    payload.write_bytes(octets)
    with open_model(str(case.target), identity=case.id_of()) as model, pytest.raises(OSError, match="segment 0"):
        model.filesystem().cat(WEIGHTS)


def test_a_table_is_read_by_others(case: Case, tmp_path: Path) -> None:
    """Where pyarrow is there, it reads a file of an artifact by this."""
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    (tmp_path / "data").mkdir()
    parquet.write_table(arrow.table({"a": [1, 2, 3]}), tmp_path / "data/t.parquet")
    case.target.rename(tmp_path / "before")
    case.create(source=str(tmp_path / "data"))
    with open_model(str(case.target), identity=case.id_of()) as model:
        assert parquet.read_table("t.parquet", filesystem=model.filesystem()).to_pydict() == {"a": [1, 2, 3]}
