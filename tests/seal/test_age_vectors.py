"""The vectors of the Community Cryptography Test Vectors project for age, each as its `expect:` says."""

import hashlib
import zlib
from pathlib import Path
from typing import NamedTuple

import pytest

from strongroom.kit import age_armor, age_file, age_header, age_keys, age_stream
from strongroom.model.errors import BadInput, BadSignature, Malformed

_HERE = Path(__file__).parents[2] / "../shared/vectors/seal/age"
NAMES = sorted(p.name for p in _HERE.iterdir() if p.suffix != ".md") if _HERE.is_dir() else ["none"]


class Vector(NamedTuple):
    """A file of the project."""

    words: dict[str, list[str]]
    octets: bytes

    @property
    def identities(self) -> list[age_keys.Identity]:
        """Who opens it."""
        found: list[age_keys.Identity] = [age_keys.identity(t) for t in self.words.get("identity", [])]
        return found + [age_keys.Passphrase(t.encode()) for t in self.words.get("passphrase", [])]


def _vector(path: Path) -> Vector:
    head, _, octets = path.read_bytes().partition(b"\n\n")
    words: dict[str, list[str]] = {}
    for line in head.decode().splitlines():
        name, _, value = line.partition(": ")
        words.setdefault(name, []).append(value)
    return Vector(words, zlib.decompress(octets) if "compressed" in words else octets)


def _outcome(vector: Vector) -> tuple[str, bytes]:
    """What becomes of it in the project's words, and the plaintext that was given out."""
    octets, released = vector.octets, b""
    if "armored" in vector.words:
        try:
            octets = age_armor.dearmored(octets)
        except Malformed as e:
            return ("armor failure" if e.subject == "age armor" else e.subject), b""
    try:
        for part in age_file.chunks(octets, vector.identities):
            released += part
    except BadSignature:
        return "HMAC failure", released
    except BadInput as e:
        return {"age header": "header failure", "age payload": "payload failure", "age file": "no match"}[
            e.subject
        ], released
    return "success", released


@pytest.mark.parametrize("name", NAMES)
def test_age_vector(name: str, vectors: Path) -> None:
    """A vector ends as it says, with the payload that it says."""
    vector = _vector(vectors / "seal/age" / name)
    found, released = _outcome(vector)
    assert [found] == vector.words["expect"]
    if "payload" in vector.words:
        assert hashlib.sha256(released).hexdigest() == vector.words["payload"][0]


def _readable() -> list[str]:
    """The vectors whose header can be read: the others have nothing to write again."""
    if not _HERE.is_dir():
        return NAMES
    broken = {"header failure", "armor failure"}
    return [n for n in NAMES if _vector(_HERE / n).words["expect"][0] not in broken]


@pytest.mark.parametrize("name", _readable())
def test_age_vector_round_trip(name: str, vectors: Path) -> None:
    """A header that can be read is written again octet for octet, and so is the payload of what opens, and armor."""
    vector = _vector(vectors / "seal/age" / name)
    expect, octets = vector.words["expect"][0], vector.octets
    if "armored" in vector.words:
        octets = age_armor.dearmored(octets)
        assert age_armor.dearmored(age_armor.armored(octets)) == octets
    header = age_header.parse(octets)
    key = bytes.fromhex(vector.words["file key"][0])
    written = age_header.render(header.stanzas, key)
    assert written.rpartition(b" ")[0] == header.covered
    if expect == "success":
        assert written == octets[: header.end]
        payload = octets[header.end :]
        assert age_stream.sealed(key, payload[:16], b"".join(age_stream.opened(key, payload))) == payload
