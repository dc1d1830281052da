"""Both ways with the real age: it opens our slots, and what it wrote opens here."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from sealing_case import Case, contents

from strongroom.app import seal_slots
from strongroom.kit import age_armor, age_file, age_keys, xwing
from strongroom.model.errors import BadInput

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("age") or not shutil.which("age-keygen"), reason="no age on the path"),
]


def run(*words: str, given: bytes = b"", cwd: Path) -> bytes:
    """A command of age; its output."""
    return subprocess.run(words, input=given, cwd=cwd, capture_output=True, check=True).stdout


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, str]:
    """An identity that age made, and its recipient."""
    at = tmp_path / "age.key"
    run("age-keygen", "-o", str(at), cwd=tmp_path)
    return at, run("age-keygen", "-y", str(at), cwd=tmp_path).decode().strip()


def test_age_opens_our_slot_and_the_artifact_opens_with_what_it_says(keys: tuple[Path, str], tmp_path: Path) -> None:
    """The file in the slot is an ordinary age file; so the artifact opens wherever age does."""
    at, recipient = keys
    (tmp_path / "owner").mkdir()
    case = Case(tmp_path / "owner")
    case.create(wanted=seal_slots.Wanted((recipient,)))
    (slot,) = json.loads((case.target / "slots.json").read_bytes())["slots"]
    inside = run("age", "-d", "-i", str(at), given=slot["file"].encode(), cwd=tmp_path)
    assert json.loads(inside)["type"] == "age"
    (tmp_path / "recovered").write_bytes(inside)
    case.open(tmp_path / "out", case.way(identities=(), recovered=str(tmp_path / "recovered")))
    assert contents(tmp_path / "out") == contents(case.model)
    shutil.rmtree(tmp_path / "out")
    case.open(tmp_path / "out", case.way(identities=(str(at),)))


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
@pytest.mark.parametrize("armored", [False, True])
def test_what_age_wrote_opens_here(keys: tuple[Path, str], tmp_path: Path, size: int, *, armored: bool) -> None:
    """Empty, a chunk, whole chunks and more, with armor and without."""
    at, recipient = keys
    plain = bytes(n % 251 for n in range(size))
    sealed = run("age", *(["-a"] if armored else []), "-r", recipient, given=plain, cwd=tmp_path)
    assert age_armor.is_armored(sealed) is armored
    assert age_file.decrypt(sealed, _mine(at)) == plain
    with pytest.raises(BadInput):
        age_file.decrypt(sealed, [age_keys.X25519Identity(bytes([9]) * 32)])


@pytest.mark.parametrize("size", [0, 65_536, 200_000])
def test_what_we_wrote_opens_in_age(keys: tuple[Path, str], tmp_path: Path, size: int) -> None:
    """For two recipients, of whom age is one."""
    at, recipient = keys
    plain = bytes(n % 251 for n in range(size))
    other = age_keys.X25519Identity(bytes([9]) * 32).recipient
    chance = bytes(n % 256 for n in range(age_file.chance(2)))
    made = age_file.encrypt(plain, [other, age_keys.recipient(recipient)], age_file.fresh(chance, 2))
    assert run("age", "-d", "-i", str(at), given=made, cwd=tmp_path) == plain
    assert run("age", "-d", "-i", str(at), given=age_armor.armored(made), cwd=tmp_path) == plain


def test_what_age_wrote_for_a_hybrid_recipient_opens_here() -> None:
    """Where this age knows recipients of MLKEM768-X25519."""
    hybrid = age_keys.HybridIdentity(xwing.PrivateKey(bytes([5]) * 32))
    done = subprocess.run(["age", "-r", hybrid.recipient.text], input=b"x", capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this age does not know hybrid recipients")
    assert age_file.decrypt(done.stdout, [hybrid]) == b"x"


def _mine(at: Path) -> list[age_keys.Identity]:
    line = next(t for t in at.read_text().splitlines() if t.startswith("AGE-SECRET-KEY-"))
    return [age_keys.identity(line)]
