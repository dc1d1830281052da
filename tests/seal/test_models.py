"""The Python API: what a loader sees."""

import json
import os
from pathlib import Path

import pytest
import sealing_case as s
from sealing_case import Case

from strongroom.models import StrongroomError, open_model

WEIGHTS = "weights/a.safetensors"


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A sealed model."""
    case = Case(tmp_path)
    case.create()
    return case


def test_files_are_read_lazily(case: Case) -> None:
    """Whole files, and some octets of one."""
    with open_model(str(case.target), identity=case.id_of(), public_key=str(case.folder / "signer.pub")) as model:
        assert model.name == "model"
        assert set(model.files) == set(s.FILES)
        assert json.loads(model.read("config.json")) == {"hidden_size": 8}
        assert model.read(WEIGHTS, 100, 50) == s.FILES[WEIGHTS][100:150]
        assert any("signed inside" in line for line in model.verdicts)


def test_tensors_come_as_arrays(case: Case) -> None:
    """One tensor, or all of them."""
    numpy = pytest.importorskip("numpy")
    with open_model(str(case.target), identity=case.id_of()) as model, model.tensors(WEIGHTS) as tensors:
        one, everything = tensors.tensor("w"), tensors.load_all()
    wanted = numpy.frombuffer(bytes(range(256)) * 9000, "u1")
    assert numpy.array_equal(one, wanted)
    assert numpy.array_equal(everything["w"], wanted)


def test_a_file_in_memory_is_a_path_that_nobody_can_change(case: Case) -> None:
    """It outlives the model, and refuses whoever wants to write."""
    with open_model(str(case.target), identity=case.id_of()) as model:
        path = model.in_memory(WEIGHTS)
    try:
        assert Path(path).read_bytes() == s.FILES[WEIGHTS]
        with pytest.raises(OSError, match="not permitted"):
            os.pwrite(int(path.rsplit("/", 1)[-1]), b"x", 0)
    finally:
        os.close(int(path.rsplit("/", 1)[-1]))


def test_somebody_else_gets_nothing(case: Case) -> None:
    """An identity without a slot, a signer that is not trusted, a word that is none."""
    case.identity("other")
    case.signer_key("mallory")
    for words in (
        {"identity": case.id_of("other")},
        {"identity": case.id_of(), "public_key": str(case.folder / "mallory.pub")},
    ):
        with pytest.raises(StrongroomError), open_model(str(case.target), **words):  # type: ignore[arg-type] # words
            pass
    with pytest.raises(StrongroomError):
        open_model(str(case.target))
    with pytest.raises(StrongroomError):
        open_model(str(case.target), identity="x", require=("everything",))


def test_a_model_that_was_closed_gives_nothing(case: Case) -> None:
    """Outside of its `with` there is no model."""
    model = open_model(str(case.target), identity=case.id_of())
    with model:
        pass
    with pytest.raises(RuntimeError):
        model.read("config.json")
