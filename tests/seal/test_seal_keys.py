"""Identities and recipients in files: what is taken, and what no message may show."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.app import seal_keys
from strongroom.kit import age_keys, bech32, xwing
from strongroom.model.errors import BadInput, Malformed, NotFound, StrongroomError, TooLarge, Unreadable

NOW = datetime(2026, 5, 1, tzinfo=UTC)
AGE = age_keys.X25519Identity(bytes([4]) * 32)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """An identity's file."""
    at = tmp_path / "me.id"
    seal_keys.keep(at, seal_keys.generate(NOW)[0])
    return at


def written(folder: Path, text: str | bytes, mode: int = 0o600) -> str:
    """A file of that text."""
    at = folder / "file"
    at.write_bytes(text if isinstance(text, bytes) else text.encode())
    at.chmod(mode)
    return str(at)


def test_an_identity_is_its_owners_alone_and_never_written_over(mine: Path) -> None:
    """Mode 0600, whole, and there is only one."""
    assert stat.S_IMODE(mine.stat().st_mode) == 0o600
    before = mine.read_bytes()
    with pytest.raises(BadInput, match="there already"):
        seal_keys.keep(mine, seal_keys.generate(NOW)[0])
    assert mine.read_bytes() == before
    assert [p.name for p in mine.parent.iterdir()] == ["me.id"]


def test_two_are_never_the_same() -> None:
    """Each is new."""
    assert seal_keys.generate(NOW) != seal_keys.generate(NOW)


def test_all_kinds_are_read(mine: Path, tmp_path: Path) -> None:
    """Ours, age's, age's hybrid; comments and empty lines between."""
    hybrid = age_keys.HybridIdentity(xwing.PrivateKey(bytes([5]) * 32))
    path = written(tmp_path, f"# a comment\n\n{AGE.text}\r\n{hybrid.text}\n{mine.read_text()}")
    found = seal_keys.identities((path,))
    assert [type(f).__name__ for f in found] == ["X25519Identity", "HybridIdentity", "PrivateKey"]


def test_recipients_are_words_or_files_and_count_once(mine: Path, tmp_path: Path) -> None:
    """A word, and a file with it and another."""
    to = next(line for line in mine.read_text().splitlines() if "recipient" in line).split()[-1]
    path = written(tmp_path, f"{to}\n# and\n{AGE.recipient.text}\n", 0o644)
    assert len(seal_keys.recipients((to, path, AGE.recipient.text))) == 2


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_an_identity_that_others_can_use_is_refused(mine: Path, mode: int) -> None:
    """With what to do about it."""
    mine.chmod(mode)
    with pytest.raises(Unreadable, match="others can use") as told:
        seal_keys.identities((str(mine),))
    assert "chmod 600" in told.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "rubbish\n",
        b"\xff\xfe",
        f"{AGE.text}x\n",
        AGE.text.lower(),
        "AGE-PLUGIN-YUBIKEY-1QQ\n",
        "STRONGROOM-IDENTITY-1:AAAA\n",
    ],
)
def test_what_is_no_identity_is_malformed_and_not_shown(tmp_path: Path, text: str | bytes) -> None:
    """The line is named by its number; none of its text is in the message."""
    with pytest.raises(Malformed) as told:
        seal_keys.identities((written(tmp_path, text),))
    assert AGE.text[20:40] not in str(told.value)
    assert AGE.text[20:40].lower() not in str(told.value)


@pytest.mark.parametrize("word", ["ssh-ed25519 AAAA", "age1yubikey1qqqq", "age1qqqq", "strongroom-recipient-1:AAAA"])
def test_a_recipient_that_is_none_is_told(word: str) -> None:
    """SSH keys, plugins and mistypes are named as what they are."""
    with pytest.raises(Malformed):
        seal_keys.recipients((word,))


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    """Nothing there, a folder, a pipe that nobody writes to, a file of a megabyte."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path, kind in ((tmp_path / "none", NotFound), (tmp_path, Unreadable), (tmp_path / "pipe", Unreadable)):
        with pytest.raises(kind):
            seal_keys.identities((str(path),))
    with pytest.raises(TooLarge):
        seal_keys.identities((written(tmp_path, b"#" * ((1 << 20) + 1)),))
    with pytest.raises(StrongroomError):
        seal_keys.recipients(("a\0b",))


@pytest.mark.parametrize("word", ["age", "age-secret-key-"])
@pytest.mark.parametrize("octets", [b"", b"\0", bytes(range(32)), b"\xff" * 1216])
def test_bech32_comes_back(word: str, octets: bytes) -> None:
    """A word and octets of any length (BIP 173, without its limit of 90 signs)."""
    assert bech32.decode(bech32.encode(word, octets), "text") == (word, octets)


@pytest.mark.parametrize(
    "text", ["", "1", "age1", "age1q", "aGe1qqqqqq", "age1qqqqqb", "age\x001qqqqqq", AGE.recipient.text[:-1], "A" * 40]
)
def test_what_is_no_bech32_is_malformed(text: str) -> None:
    """No word, no checksum, both cases, letters of no meaning."""
    with pytest.raises(Malformed):
        bech32.decode(text, "text")


def test_the_vectors_of_bip_173() -> None:
    """Texts that its authors call valid decode, and those that they call invalid do not."""
    for good in ("A12UEL5L", "a12uel5l"):
        assert bech32.decode(good, "text") == ("a", b"")
    for bad in ("pzry9x0s0muk", "1pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3", "A1G7SGD8", "10a06t8", "1qzzfhee"):
        with pytest.raises(Malformed):
            bech32.decode(bad, "text")
