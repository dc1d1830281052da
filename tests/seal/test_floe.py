"""FLOE against its known answers, and against whoever changes a message."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.kit import floe
from strongroom.model.errors import BadUsage, Malformed

KEY, AAD, IV = bytes(range(32)), b"what it is of", bytes(range(32, 64))
SMALL = floe.Parameters(64, 2)
ANSWERS = [
    *(f"{who}_{what}" for who in ("cpp", "go", "java", "pub_java") for what in ("GCM256_IV256_4K", "GCM256_IV256_64")),
    *(f"{who}_rotation" for who in ("cpp", "go", "java", "pub_java")),
    "java_lastSegAligned",
    "java_lastSegEmpty",
]


def parameters(name: str) -> floe.Parameters:
    """Those of a known answer."""
    segment = 4096 if name.endswith("4K") else 64 if name.endswith("64") else 40
    return floe.Parameters(segment, 2 if "rotation" in name else 20)


def opened(message: bytes, p: floe.Parameters, key: bytes = KEY, aad: bytes = AAD) -> bytes:
    """What is inside of a whole message."""
    found = floe.resume(key, aad, message[: floe.HEADER], p)
    body, out = memoryview(message)[floe.HEADER :], b""
    p.opened(len(message))
    count = -(-len(body) // p.segment)
    for n in range(count):
        room = memoryview(bytearray(p.inside))
        size = found.open(n, body[n * p.segment : (n + 1) * p.segment], room, last=n == count - 1)
        out += bytes(room[:size])
    return out


def sealed(
    plain: bytes, p: floe.Parameters = SMALL, key: bytes = KEY, aad: bytes = AAD, chance: bytes = bytes(12)
) -> bytes:
    """A whole message."""
    made = floe.start(key, aad, IV, p)
    out, count = made.header, p.segments(len(plain))
    for n in range(count):
        room = memoryview(bytearray(p.segment))
        inside = plain[n * p.inside : (n + 1) * p.inside]
        size = made.seal(n, inside, room, chance, last=n == count - 1)
        out += bytes(room[:size])
    return out


@pytest.mark.parametrize("name", ANSWERS)
def test_a_known_answer_opens(vectors: Path, name: str) -> None:
    """Every message of the four reference implementations opens to its plaintext."""
    message = bytes.fromhex((vectors / "seal/floe" / f"{name}_ct.txt").read_text())
    plain = bytes.fromhex((vectors / "seal/floe" / f"{name}_pt.txt").read_text())
    assert opened(message, parameters(name), bytes(32), b"This is AAD") == plain


@pytest.mark.parametrize("name", ANSWERS)
def test_a_known_answer_is_made_again(vectors: Path, name: str) -> None:
    """With the IVs of the message, sealing its plaintext gives it octet by octet; an empty last segment is never made."""
    message = bytes.fromhex((vectors / "seal/floe" / f"{name}_ct.txt").read_text())
    plain = bytes.fromhex((vectors / "seal/floe" / f"{name}_pt.txt").read_text())
    p = parameters(name)
    made = floe.start(bytes(32), b"This is AAD", message[10:42], p)
    assert made.header == message[: floe.HEADER]
    for n, start in enumerate(range(floe.HEADER, len(message), p.segment)):
        want = message[start : start + p.segment]
        room = memoryview(bytearray(p.segment))
        inside = plain[n * p.inside : n * p.inside + len(want) - floe.OVERHEAD]
        size = made.seal(n, inside, room, want[4:16], last=start + p.segment >= len(message))
        assert bytes(room[:size]) == want


@given(plain=st.binary(max_size=300), segment=st.integers(33, 90))
def test_what_is_sealed_opens(plain: bytes, segment: int) -> None:
    """Any plaintext comes back, at any size of a segment, and the sizes are those that are foretold."""
    p = floe.Parameters(segment, 2)
    message = sealed(plain, p)
    assert opened(message, p) == plain
    assert len(message) == p.sealed(len(plain))
    assert p.opened(len(message)) == len(plain)


@settings(max_examples=300)
@given(size=st.integers(0, 200), at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_octet_can_be_changed(size: int, at: int, flip: int) -> None:
    """One changed octet anywhere, in the header, a length, an IV, the octets or a tag, is told."""
    message = bytearray(sealed(bytes(size)))
    message[at % len(message)] ^= flip
    with pytest.raises(Malformed):
        opened(bytes(message), SMALL)


@given(size=st.integers(0, 200), cut=st.integers(1, 10_000), tail=st.binary(min_size=1, max_size=100))
def test_nothing_can_be_cut_off_or_put_on(size: int, cut: int, tail: bytes) -> None:
    """A message that ends early, or goes on behind its last segment, is none."""
    message = sealed(bytes(size))
    for other in (message[: -(cut % len(message)) or 0], message + tail):
        with pytest.raises(Malformed):
            opened(other, SMALL)


@pytest.mark.parametrize(
    ("key", "aad"), [(bytes(32), AAD), (KEY, b"another file"), (KEY, b"")], ids=["key", "place", "no place"]
)
def test_the_header_commits_to_key_and_place(key: bytes, aad: bytes) -> None:
    """Another key, or another AAD, is told by the header before anything is opened."""
    with pytest.raises(Malformed, match="not of this key and place"):
        opened(sealed(b"weights"), SMALL, key, aad)


def test_segments_do_not_change_places() -> None:
    """Two whole segments of one message that change places do not open, nor one of another message."""
    message, other = sealed(bytes(range(96)) * 2), sealed(bytes(192), aad=b"another file")
    first, second = message[74:138], message[138:202]
    for changed in (message[:74] + second + first + message[202:], message[:74] + other[74:138] + message[138:]):
        with pytest.raises(Malformed, match="changed, moved"):
            opened(changed, SMALL)


def test_what_does_not_authenticate_is_not_left_behind() -> None:
    """A segment that is refused leaves zeros where its octets would have gone."""
    message = bytearray(sealed(b"weights"))
    message[-1] ^= 1
    found = floe.resume(KEY, AAD, bytes(message[:74]), SMALL)
    room = bytearray(b"x" * SMALL.inside)
    with pytest.raises(Malformed):
        found.open(0, memoryview(message)[74:], memoryview(room), last=True)
    assert room[:7] == bytes(7)


def test_other_parameters_are_refused() -> None:
    """A header of another segment size is not read as ours: who could choose it could choose how much memory we take."""
    with pytest.raises(Malformed, match="another form"):
        floe.resume(KEY, AAD, sealed(b"")[:74], floe.Parameters(128))


@pytest.mark.parametrize("size", [0, 74, 74 + 31, 74 + 64 + 5])
def test_a_length_that_no_message_has(size: int) -> None:
    """A header without a segment, or a segment shorter than its own overhead, is no message."""
    with pytest.raises(Malformed):
        SMALL.opened(size)


def test_only_the_last_segment_may_be_short() -> None:
    """A short segment in the middle, a long one at the end, and a key of another length are our own mistakes."""
    made, room = floe.start(KEY, AAD, IV, SMALL), memoryview(bytearray(200))
    for plain, last in ((b"short", False), (bytes(33), True)):
        with pytest.raises(BadUsage):
            made.seal(0, plain, room, bytes(12), last=last)
    with pytest.raises(BadUsage):
        floe.start(b"short", AAD, IV)
