"""The vectors of the written specification are what the code makes."""

import hashlib
import re
from pathlib import Path

import sealed_rig as r

from strongroom.kit import floe, hpke_slot, sealed, shamir, slot_wraps, slots, xwing
from strongroom.kit.sealed import Boundary, Role
from strongroom.kit.slot_wraps import Terms
from strongroom.model.release import Wrapped

PAGE = Path(__file__).parents[2] / "docs/specs/sealed-artifact.md"


def said() -> list[str]:
    """The values of the page's table."""
    table = PAGE.read_text().partition("## A test vector")[2]
    return re.findall(r"\| `([^`]+)` \|$", table, re.MULTILINE)


def test_the_written_vectors_of_slots_are_the_codes() -> None:
    """A context, a share with its commitment, the texts of an identity, and a MAC, as the page has them."""
    ident, context = "ab" * 32, slots.context("ab" * 32, "llm-v1", "hpke")
    share = shamir.split(r.KEY, 2, 3, bytes(range(100, 132)))[2]
    me = xwing.PrivateKey(b"\x01" * 32)
    artifact = sealed.Artifact(sealed.SCHEMA, ident, Boundary.ANY, r.SEGMENT, 2)
    wrapped = Wrapped(slots.resource_of(ident, "llm-v1"), 1, "file", "k1", b"blob", ("owner",))
    sidecar = slots.begin(artifact, r.KEY, (slot_wraps.keyed(Terms("key-1", ident, "llm-v1"), wrapped),))
    assert said()[7:] == [
        context.decode().replace(ident, "abab…ab"),
        hashlib.sha256(context).hexdigest(),
        share.octets.hex(),
        shamir.commitment(share, 2, slots.context(ident, "", "escrow") + b"e").hex(),
        hpke_slot.identity_text(me),
        hashlib.sha256(hpke_slot.recipient_text(me.public).encode()).hexdigest(),
        sidecar.mac,
    ]


def test_the_written_vectors_are_the_codes() -> None:
    """Keys, associated data, a header and a whole message, as the page has them."""
    artifact = sealed.Artifact(sealed.SCHEMA, "ab" * 32, Boundary.ANY, r.SEGMENT, 2)
    bound = sealed.aad(artifact, Role.FILE, 1)
    key = sealed.file_key(r.KEY, artifact, 1)
    made = floe.start(key, bound, b"\x11" * 32, artifact.parameters)
    room = bytearray(r.SEGMENT)
    size = made.seal(0, b"weights", memoryview(room), b"\x22" * 12, last=True)
    assert said()[:7] == [
        sealed.render_artifact(artifact).decode().strip().replace("ab" * 32, "abab…ab"),
        sealed.file_key(r.KEY, artifact, None).hex(),
        key.hex(),
        hashlib.sha256(sealed.aad(artifact, Role.INDEX, None)).hexdigest(),
        hashlib.sha256(bound).hexdigest(),
        made.header.hex(),
        (made.header + bytes(room[:size])).hex(),
    ]
