"""The vectors of the written specification are what the code makes."""

import hashlib
import re
from pathlib import Path

import sealed_rig as r

from strongroom.kit import floe, sealed
from strongroom.kit.sealed import Boundary, Role

PAGE = Path(__file__).parents[2] / "docs/specs/sealed-artifact.md"


def said() -> list[str]:
    """The values of the page's table."""
    table = PAGE.read_text().partition("## A test vector")[2]
    return re.findall(r"\| `([^`]+)` \|$", table, re.MULTILINE)


def test_the_written_vectors_are_the_codes() -> None:
    """Keys, associated data, a header and a whole message, as the page has them."""
    artifact = sealed.Artifact(sealed.SCHEMA, "ab" * 32, Boundary.ANY, r.SEGMENT, 2)
    bound = sealed.aad(artifact, Role.FILE, 1)
    key = sealed.file_key(r.KEY, artifact, 1)
    made = floe.start(key, bound, b"\x11" * 32, artifact.parameters)
    room = bytearray(r.SEGMENT)
    size = made.seal(0, b"weights", memoryview(room), b"\x22" * 12, last=True)
    assert said() == [
        sealed.render_artifact(artifact).decode().strip().replace("ab" * 32, "abab…ab"),
        sealed.file_key(r.KEY, artifact, None).hex(),
        key.hex(),
        hashlib.sha256(sealed.aad(artifact, Role.INDEX, None)).hexdigest(),
        hashlib.sha256(bound).hexdigest(),
        made.header.hex(),
        (made.header + bytes(room[:size])).hex(),
    ]
