"""Checkpoints that are sealed out of memory: what comes back, what is signed, and what a failure leaves."""

import io
import os
import pickle
from pathlib import Path

import pytest
from sealing_case import Case

from strongroom.app import seal_checkpoint, seal_create, seal_slots
from strongroom.app.seal_signers import SignerWords
from strongroom.app.seal_signers import opened as signer_opened
from strongroom.model.errors import BadInput, StrongroomError
from strongroom.models import open_model, save_checkpoint, save_file
from strongroom.seal import checkpoints, writing
from strongroom.seal.reading import Sealed

numpy = pytest.importorskip("numpy")
INSIDE = (1 << 20) - 32


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """An identity, a signer, a log."""
    return Case(tmp_path)


def tensors() -> dict[str, object]:
    """Tensors of several types, shapes and layouts: empty, without a dimension, not in a row."""
    wide = numpy.arange(600_000, dtype="f4").reshape(600, 1000)
    return {
        "wide": wide,
        "turned": wide.T,
        "every other": wide[::2],
        "one": numpy.float64(3.5).reshape(()),
        "none": numpy.zeros((0, 7), "i8"),
        "yes": numpy.array([True, False]),
        "half": numpy.ones(3, "f2"),
    }


def saved(case: Case, parts: dict[str, object], *, signer: bool = True) -> seal_create.Created:
    """Seal parts as a checkpoint."""
    wanted = seal_slots.Wanted((case.recipient,))
    asked = seal_checkpoint.Asked(parts, case.target, wanted, case.now)  # type: ignore[arg-type] # as callers give them
    with case.log() as log, signer_opened(SignerWords(str(case.folder / "signer.pem")), case.now) as by:
        return seal_checkpoint.save(asked, seal_create.Hands(log, by if signer else None))


def test_tensors_come_back(case: Case) -> None:
    """Each with its type, shape and values."""
    saved(case, {"model.safetensors": tensors(), "config.json": b"{}"})
    with (
        open_model(str(case.target), identity=case.id_of(), public_key=str(case.folder / "signer.pub")) as model,
        model.tensors("model.safetensors") as found,
    ):
        held = found.load_all()
    for name, wanted in tensors().items():
        assert numpy.array_equal(held[name], wanted)
        assert held[name].dtype == wanted.dtype  # type: ignore[attr-defined] # an array


def test_it_is_signed_scanned_and_logged(case: Case, tmp_path: Path) -> None:
    """As a model that was sealed from files is: the signature inside holds for what was in memory."""
    made = saved(case, {"model.safetensors": tensors(), "config.json": b"{}"})
    done = case.open(tmp_path / "out", demands=case.demands("signature", "scan"))
    assert done.files == 2
    (entry,) = case.entries()
    assert (entry.subject, entry.fields["scan-verdict"]) == (made.artifact.id, "safe")


@pytest.mark.parametrize("size", [0, 1, INSIDE - 1, INSIDE, INSIDE + 1, 3 * INSIDE, 3 * INSIDE + 5])
def test_what_a_program_writes_comes_back(case: Case, size: int, tmp_path: Path) -> None:
    """In pieces of any size, to a file object that cannot be read or sought; whole segments at the end, and none."""
    octets = os.urandom(size)

    def write(out: io.RawIOBase) -> None:
        at = 0
        for step in (1, 7, 1 << 20, 3 << 20):
            at += out.write(octets[at : at + step]) or 0
        out.write(octets[at:])
        assert out.tell() == size
        out.close()  # what it does with its file is its own business
        with pytest.raises(io.UnsupportedOperation):
            out.read(1)

    saved(case, {"state.bin": write, "config.json": b"{}"})
    case.open(tmp_path / "out", demands=case.demands("signature"))
    assert (tmp_path / "out/state.bin").read_bytes() == octets


def test_a_pickle_that_a_program_wrote_needs_review(case: Case, tmp_path: Path) -> None:
    """Nobody has looked into it, and the verdict says so."""
    saved(case, {"optimizer.pt": lambda f: pickle.dump({"lr": 0.1}, f)})
    with pytest.raises(StrongroomError, match="needs-review"):
        case.open(tmp_path / "out", demands=case.demands("scan"))
    case.open(tmp_path / "out", demands=case.demands("scan", review=True))
    assert pickle.loads((tmp_path / "out/optimizer.pt").read_bytes()) == {"lr": 0.1}


@pytest.mark.parametrize("fails", ["part", "type", "log", "disk"])
def test_a_failure_leaves_nothing(case: Case, fails: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that raises, a type without a word, a log that is down, a disk that is full: no artifact, and no half one."""

    def broken(_: object) -> None:
        raise BadInput("optimizer", "a fault", "its state")

    parts: dict[str, object] = {"a.safetensors": tensors(), "b.bin": b"x"}
    match fails:
        case "part":
            parts["c.pt"] = broken
        case "type":
            parts["c.safetensors"] = {"w": numpy.zeros(3, "c16")}
        case "log":
            (case.folder / "log").rename(case.folder / "away")
        case _:

            def full(*_: object) -> None:
                raise OSError(28, "No space left on device")

            monkeypatch.setattr(checkpoints.sealing, "write", full)
    with pytest.raises(StrongroomError):
        saved(case, parts)
    assert not case.target.exists()
    assert not writing.unfinished(case.target).exists()


def test_nothing_of_it_is_a_file_in_clear(case: Case) -> None:
    """Every file that is opened for writing holds what is encrypted."""
    secret = b"a weight that must not leave"
    saved(case, {"model.safetensors": {"w": numpy.frombuffer(secret * 40_000, "u1")}, "note.txt": secret})
    for path in case.folder.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes(), path


def test_the_python_door_seals(case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`save_checkpoint` and `save_file`, with the words that they are called by."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "me.pub").write_text(case.recipient)
    ident = save_checkpoint(str(case.target), {"m.safetensors": tensors()}, to=[str(tmp_path / "me.pub")])
    with Sealed(case.target) as held:
        assert held.artifact.id == ident
    save_file(tensors(), str(tmp_path / "file.sealed"), {"format": "np"}, to=[case.recipient])
    with open_model(str(tmp_path / "file.sealed"), identity=case.id_of()) as model:
        assert model.files == ("model.safetensors",)
        with model.tensors("model.safetensors") as found:
            assert found.metadata == {"format": "np"}
    with pytest.raises(StrongroomError):
        save_checkpoint(str(tmp_path / "none"), {}, to=[case.recipient])
