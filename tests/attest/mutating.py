"""Hostile octets out of sound ones: cut, extended, flipped, spliced, with lengths that lie and keys that stand twice.

Everything is drawn from one `random.Random`, so a seed and a number name an input.
"""

import random
import re
from collections.abc import Callable, Sequence

_ODD = (0x00, 0x01, 0x1F, 0x30, 0x7F, 0x80, 0x81, 0x84, 0x9F, 0xA0, 0xBF, 0xD2, 0xF6, 0xFF)
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 1 << 16, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1)
_MOST = 1 << 16  # octets of an input
_KEY = re.compile(rb'"[A-Za-z_]{1,40}"\s*:\s*')
_WORDS = (b"null", b"-1", b"1e400", b"99999999999999999999999", b'"x"', b"[]", b"{}", b"true", b"0.5", b'"\\ud800"')


def _place(r: random.Random, data: bytes) -> int:
    """Somewhere in the octets, the beginning more often than the rest."""
    return min(r.randrange(len(data)), r.randrange(len(data))) if data else 0


def _cut(r: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: r.randrange(len(data) + 1)]


def _extend(r: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    more = (r.randbytes(r.randrange(1, 64)), bytes(r.randrange(1, 64)), data[: r.randrange(1, 256)])
    return data + r.choice(more)


def _flip(r: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    made = bytearray(data)
    for _n in range(r.randrange(1, 9) if made else 0):
        made[r.randrange(len(made))] ^= 1 << r.randrange(8)
    return bytes(made)


def _odd(r: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    made = bytearray(data)
    for _n in range(r.randrange(1, 4) if made else 0):
        made[_place(r, data)] = r.choice(_ODD)
    return bytes(made)


def _lie(r: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    size = r.choice((1, 2, 4, 8))
    number = r.choice(_NUMBERS) & ((1 << 8 * size) - 1)
    at = _place(r, data)
    return data[:at] + number.to_bytes(size, r.choice(("big", "little"))) + data[at + size :]


def _splice(r: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    other = r.choice(seeds)
    a, b = sorted((r.randrange(len(other) + 1), r.randrange(len(other) + 1)))
    at = r.randrange(len(data) + 1)
    return data[:at] + other[a : min(b, a + 4096)] + data[at + r.choice((0, b - a)) :]


def _twice(r: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    a = r.randrange(len(data) + 1)
    b = min(len(data), a + r.randrange(1, 128))
    return data[:b] + data[a:b] * r.choice((1, 1, 1, 2, 100)) + data[b:]


def _drop(r: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    a = r.randrange(len(data) + 1)
    return data[:a] + data[a + r.randrange(1, 128) :]


def _deep(r: random.Random, data: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(r, data)
    return (
        data[:at]
        + r.choice((b"\x81", b"\x9f", b"\xa1\x00", b"\x30\x80", b"[", b'{"a":')) * r.choice((3, 50, 5000))
        + data[at:]
    )


def _word(r: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    """In a text of JSON: another value for a key, or the key once more."""
    keys = list(_KEY.finditer(data))
    if not keys:
        return _lie(r, data, seeds)
    found = r.choice(keys)
    word = r.choice(_WORDS)
    if r.random() < 0.3:
        return data[: found.start()] + found[0] + word + b"," + data[found.start() :]
    end = re.compile(rb"[,}\]]").search(data, found.end())
    return data[: found.end()] + word + data[end.start() if end else len(data) :]


MUTATIONS: tuple[Callable[[random.Random, bytes, Sequence[bytes]], bytes], ...] = (
    *(_cut, _extend, _flip, _flip, _odd, _odd, _lie, _lie, _splice, _twice, _drop, _deep, _word),
)


def mutated(r: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds, changed one to three times."""
    data = r.choice(seeds)
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        data = r.choice(MUTATIONS)(r, data, seeds)[:_MOST]
    return data
