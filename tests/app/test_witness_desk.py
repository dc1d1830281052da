"""The witness as the door has it: keys and logs from files, and the clock."""

from pathlib import Path

import pytest

from strongroom.app.witness import open_witness, seconds
from strongroom.kit.tlog import witnessing
from strongroom.kit.tlog.checkpoint import Checkpoint, sign_checkpoint
from strongroom.kit.tlog.keys import Kind, SignerKey
from strongroom.kit.tlog.merkle import EMPTY_ROOT
from strongroom.kit.tlog.note import Ed25519Signer
from strongroom.model.errors import BadInput, NotFound

LOG = SignerKey("example.org/log", Kind.ED25519, bytes(32))
KEY = SignerKey("w.example/pq", Kind.COSIGNATURE_ML_DSA_44, bytes([4]) * 32)
BODY = witnessing.encode_add_checkpoint(
    witnessing.AddCheckpoint(0, (), sign_checkpoint(Checkpoint("example.org/log", 0, EMPTY_ROOT), [Ed25519Signer(LOG)]))
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A key file and a policy with one log."""
    key, policy = tmp_path / "key", tmp_path / "policy"
    key.write_text(KEY.secret_text() + "\n")
    key.chmod(0o600)
    policy.write_text(f"log {LOG.verifier}\nquorum none\n")
    return key, policy


def test_the_clock_is_asked_for_each_cosignature(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Its time is in the cosignature; one that goes back stops it."""
    key, policy = files
    times = [1_800_000_000, 1_800_000_005, 1_800_000_004]
    desk = open_witness(tmp_path / "state", [key], policy, lambda: times.pop(0))
    assert (desk.keys, desk.logs) == ((KEY.verifier,), ("example.org/log",))
    stated = []
    for _ in range(2):
        (line,) = witnessing.parse_signatures(desk.add_checkpoint(BODY).body)
        stated.append(int.from_bytes(line.value[:8], "big"))
    assert stated == [1_800_000_000, 1_800_000_005]
    assert desk.add_checkpoint(BODY).status == 503
    assert desk.latest(witnessing.origin_hash("example.org/log")).endswith(line.line.encode() + b"\n")


def test_the_real_clock_states_a_time(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Without another clock it is the machine's."""
    key, policy = files
    before = seconds()
    answer = open_witness(tmp_path / "state", [key], policy).add_checkpoint(BODY)
    (line,) = witnessing.parse_signatures(answer.body)
    assert before <= int.from_bytes(line.value[:8], "big") <= seconds()


def test_keys_and_logs_must_be_there_once(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """A key that is given twice, a key that is missing, or a policy without a log."""
    key, policy = files
    with pytest.raises(BadInput, match="one key twice"):
        open_witness(tmp_path / "state", [key, key], policy)
    with pytest.raises(NotFound):
        open_witness(tmp_path / "state", [tmp_path / "none"], policy)
    policy.write_text("quorum none\n")
    with pytest.raises(BadInput, match="no log"):
        open_witness(tmp_path / "state", [key], policy)
    assert not (tmp_path / "state").exists()
