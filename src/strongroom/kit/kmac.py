"""KMAC256 (NIST SP 800-185, section 4): a keyed hash that derives keys. No library at hand offers it.

It is slow, some hundred microseconds a block, and used only where a protocol demands it. It does not run in constant time;
what it is given here is used once.
"""

from collections.abc import Iterator

_RATE = 136  # octets, Keccak[512]
_MASK = (1 << 64) - 1
_ROTATIONS = (
    (0, 36, 3, 41, 18),
    (1, 44, 10, 45, 2),
    (62, 6, 43, 15, 61),
    (28, 55, 25, 21, 56),
    (27, 20, 39, 8, 14),
)  # FIPS 202, section 3.2.2, by x and y


def _constants() -> Iterator[int]:
    """The constants of the rounds (FIPS 202, section 3.2.5): bits of a feedback register."""
    r = 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if r & 1:
                constant |= 1 << ((1 << j) - 1)
            r = (r << 1) ^ (0x171 if r & 0x80 else 0)
        yield constant


_ROUNDS = tuple(_constants())


def _rotated(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & _MASK


def _permuted(a: list[list[int]]) -> list[list[int]]:
    """Keccak-f[1600] (FIPS 202, section 3.3) over lanes by x and y."""
    five = range(5)
    for constant in _ROUNDS:
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in five]
        d = [c[(x + 4) % 5] ^ _rotated(c[(x + 1) % 5], 1) for x in five]
        b = [[0] * 5 for _ in five]
        for x in five:
            for y in five:
                b[y][(2 * x + 3 * y) % 5] = _rotated(a[x][y] ^ d[x], _ROTATIONS[x][y])
        a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & b[(x + 2) % 5][y] & _MASK) for y in five] for x in five]
        a[0][0] ^= constant
    return a


def _sponge(data: bytes, size: int) -> bytes:
    """The first `size` octets, at most one block, of Keccak[512] over data that ends in the suffix of cSHAKE."""
    padded = bytearray(data + b"\x04")
    padded += bytes(-len(padded) % _RATE)
    padded[-1] |= 0x80
    state = [[0] * 5 for _ in range(5)]
    for at in range(0, len(padded), _RATE):
        for n in range(_RATE // 8):
            state[n % 5][n // 5] ^= int.from_bytes(padded[at + 8 * n : at + 8 * n + 8], "little")
        state = _permuted(state)
    return b"".join(state[n % 5][n // 5].to_bytes(8, "little") for n in range(_RATE // 8))[:size]


def _left(n: int) -> bytes:
    octets = n.to_bytes(max(1, (n.bit_length() + 7) // 8), "big")
    return bytes([len(octets)]) + octets


def _right(n: int) -> bytes:
    octets = n.to_bytes(max(1, (n.bit_length() + 7) // 8), "big")
    return octets + bytes([len(octets)])


def _block(data: bytes) -> bytes:
    """Data filled up to whole blocks (SP 800-185, section 2.3.3)."""
    whole = _left(_RATE) + data
    return whole + bytes(-len(whole) % _RATE)


def kmac256(key: bytes, data: bytes, size: int, custom: bytes = b"") -> bytes:
    """`size` octets, 1 to 136, of KMAC256 over the data."""
    head = _block(_text(b"KMAC") + _text(custom))
    return _sponge(head + _block(_text(key)) + data + _right(8 * size), size)


def _text(data: bytes) -> bytes:
    return _left(8 * len(data)) + data
