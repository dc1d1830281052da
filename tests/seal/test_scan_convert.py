"""Checkpoints into safetensors: the values are the tensors' own, and nothing half is left behind."""

import array
import json
import struct
from pathlib import Path

import artifact_files as files
import pytest
import scan_minting as mint
from click.testing import CliRunner

from strongroom.cli.commands.seal.scan import COMMAND
from strongroom.kit.formats import checkpoint, safetensors
from strongroom.kit.formats.bounded import Memory
from strongroom.model.errors import Malformed

_TYPES = {"FloatStorage": "f", "HalfStorage": "e", "LongStorage": "q", "ByteStorage": "B"}


def _tensor(
    storage: str, key: str, elements: int, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
) -> bytes:
    """A tensor as torch.save writes it, in protocol 2."""

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(b"J" + struct.pack("<i", n) for n in values) + b"t"

    word = f"U\x07storagectorch\n{storage}\nU".encode() + bytes([len(key)]) + key.encode() + b"U\x03cpu"
    id_ = b"(" + word + b"J" + struct.pack("<i", elements) + b"tQ"
    rest = b"J" + struct.pack("<i", offset) + numbers(shape) + numbers(stride) + b"\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + id_ + rest + b"tR"


def _state(tensors: dict[str, bytes]) -> bytes:
    items = b"".join(b"X" + struct.pack("<I", len(n)) + n.encode() + t for n, t in tensors.items())
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + items + b"u."


def _zip(pickled: bytes, storages: dict[str, bytes]) -> bytes:
    return files.packed({"m/data.pkl": pickled, "m/byteorder": b"little", "m/version": b"3\n",
                         **{f"m/data/{k}": v for k, v in storages.items()}})  # fmt: skip


FLOATS = array.array("f", [float(n) for n in range(12)]).tobytes()
LONGS = array.array("q", range(6)).tobytes()
STATE = _state({
    "plain": _tensor("FloatStorage", "0", 12, 0, (3, 4), (4, 1)),
    "turned": _tensor("FloatStorage", "0", 12, 0, (4, 3), (1, 4)),
    "part": _tensor("FloatStorage", "0", 12, 5, (2, 2), (4, 1)),
    "spread": _tensor("FloatStorage", "0", 12, 3, (2, 3), (0, 0)),
    "scalar": _tensor("LongStorage", "1", 6, 4, (), ()),
    "nothing": _tensor("LongStorage", "1", 6, 0, (0, 3), (3, 1)),
})  # fmt: skip
EXPECTED = {
    "plain": list(range(12)),
    "turned": [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11],
    "part": [5, 6, 9, 10],
    "spread": [3] * 6,
    "scalar": [4],
    "nothing": [],
}


def _convert(tmp_path: Path, data: bytes, name: str = "m.pt") -> tuple[int, Path, str]:
    (tmp_path / name).write_bytes(data)
    done = CliRunner().invoke(COMMAND, [str(tmp_path / name), "--convert", str(tmp_path / "out.safetensors")])
    return done.exit_code, tmp_path / "out.safetensors", done.output


def _values(data: bytes) -> dict[str, list[float]]:
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    codes = {"F32": "f", "I64": "q"}
    found = {}
    for name, said in header.items():
        if name != "__metadata__":
            begin, end = said["data_offsets"]
            found[name] = list(array.array(codes[said["dtype"]], data[8 + length + begin : 8 + length + end]))
    return found


def test_convert_keeps_every_value(tmp_path: Path) -> None:
    """Views, turned and spread tensors, scalars and empty ones come out as the values that they show."""
    code, out, _ = _convert(tmp_path, _zip(STATE, {"0": FLOATS, "1": LONGS}))
    assert code == 0
    assert _values(out.read_bytes()) == EXPECTED
    assert safetensors.read(Memory(out.read_bytes())).tensors == len(EXPECTED)


def test_convert_reads_old_checkpoints(tmp_path: Path) -> None:
    """The form before 1.6 gives the same tensors: five pickles, and the storages behind them."""
    import pickle  # noqa: PLC0415 - only what is written with it

    head = b"".join(pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    tail = pickle.dumps(["1", "0"], 2) + struct.pack("<q", 6) + LONGS + struct.pack("<q", 12) + FLOATS
    old = STATE.replace(b"J\x0c\x00\x00\x00tQ", b"J\x0c\x00\x00\x00NtQ").replace(
        b"J\x06\x00\x00\x00tQ", b"J\x06\x00\x00\x00NtQ"
    )
    code, out, _ = _convert(tmp_path, head + old + tail, "old.pt")
    assert code == 0
    assert _values(out.read_bytes()) == EXPECTED


def test_convert_names_tensors_in_dictionaries_and_tells_what_it_left_out(tmp_path: Path) -> None:
    """Dictionaries within dictionaries give dotted names; what is no tensor is told and left out."""
    inner = _state({"w": _tensor("FloatStorage", "0", 12, 0, (12,), (1,))})[2:-1]
    data = b"\x80\x02}(X\x05\x00\x00\x00model" + inner + b"X\x05\x00\x00\x00epochK\x03u."
    code, out, said = _convert(tmp_path, _zip(data, {"0": FLOATS}))
    assert (code, list(_values(out.read_bytes()))) == (0, ["model.w"])
    assert "left out, as no tensors: epoch" in said


@pytest.mark.parametrize(("data", "name"), [
    (files.checkpoint(evil=True), "m.pt"), (mint.REVIEW["unknown-class"], "m.pkl"), (mint.SAFE["plain"], "m.pkl"),
    (_zip(STATE, {"0": FLOATS[:-4], "1": LONGS}), "m.pt"), (_zip(STATE, {"0": FLOATS}), "m.pt"),
])  # fmt: skip
def test_convert_refuses_what_is_not_safe_or_not_whole(tmp_path: Path, data: bytes, name: str) -> None:
    """What is not safe, is no checkpoint or lacks a byte of a tensor is not converted, and no file is left."""
    code, out, _ = _convert(tmp_path, data, name)
    assert code == 2
    assert not out.exists()
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_convert_replaces_whole_or_not_at_all(tmp_path: Path) -> None:
    """A conversion that fails leaves the file that was there."""
    (tmp_path / "out.safetensors").write_bytes(b"before")
    code, out, _ = _convert(tmp_path, _zip(STATE, {"0": FLOATS}))
    assert (code, out.read_bytes()) == (2, b"before")


def test_checkpoints_with_hostile_shapes_are_refused() -> None:
    """Negative offsets, shapes without strides and types that safetensors lacks are refused by name."""
    for bad in (
        _tensor("FloatStorage", "0", 12, -1, (2,), (1,)),
        _tensor("FloatStorage", "0", 12, 0, (2, 2), (1,)),
        _tensor("QInt8Storage", "0", 12, 0, (2,), (1,)),
        _tensor("FloatStorage", "0", 12, 0, (1 << 30, 1 << 30), (1, 1)),
    ):
        with pytest.raises(Malformed, match="'w'"):
            checkpoint.read(Memory(_zip(_state({"w": bad}), {"0": FLOATS})))
