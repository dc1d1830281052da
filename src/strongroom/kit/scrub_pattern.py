"""The words that a scrub writes into memory and looks for there; one source for Python and for the text of the kernels.

A word is 16 octets: four lanes of 32 bits, little-endian. Every page has a seed of four lanes, from the run's key and the
page's number. Each step is a bijection of 32 bits, so that no two pages have a word at the same place in common, in any
lane, and no word of a page comes twice: memory that answers under two addresses, that was not written, or that still
holds the pattern of another run, does not verify.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from functools import cache

WORD = 16  # octets
LANES = 4
KEY_SIZE = 16
TAG_SIZE = 8
MOST_TAGS = 16
MOST_WORDS = 1 << 20  # of a page
_MASK = 0xFFFF_FFFF

STEPS = (0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F)  # odd, so that a step through them is a bijection
MIX_1, MIX_2 = 0x21F0_AAAD, 0x735A_2D97  # odd
SHIFT_1, SHIFT_2, SHIFT_3 = 16, 15, 15
WORD_SHIFT = 15


def constants() -> Mapping[str, int]:
    """Every number of the pattern by the name that the kernels know it by."""
    return {
        **{f"SR_STEP_{lane}": step for lane, step in enumerate(STEPS)},
        "SR_MIX_1": MIX_1,
        "SR_MIX_2": MIX_2,
        "SR_SHIFT_1": SHIFT_1,
        "SR_SHIFT_2": SHIFT_2,
        "SR_SHIFT_3": SHIFT_3,
        "SR_WORD_SHIFT": WORD_SHIFT,
        "SR_MOST_TAGS": MOST_TAGS,
    }


def mixed(x: int) -> int:
    """A bijection of 32 bits."""
    x ^= x >> SHIFT_1
    x = x * MIX_1 & _MASK
    x ^= x >> SHIFT_2
    x = x * MIX_2 & _MASK
    return x ^ x >> SHIFT_3


def lanes(key: bytes) -> tuple[int, int, int, int]:
    """A key as the kernels take it."""
    a, b, c, d = struct.unpack("<4I", key)
    return a, b, c, d


def seed(key: bytes, page: int) -> tuple[int, ...]:
    """The seed of a page: one lane each. For one key, no two pages below 2^32 share a lane."""
    k = lanes(key)
    return tuple(mixed(mixed((k[lane] + page * STEPS[lane]) & _MASK) ^ k[(lane + 1) % LANES]) for lane in range(LANES))


def word(key: bytes, page: int, index: int) -> bytes:
    """One word of a page, by the definition: what the kernels compute."""
    out = []
    for lane, start in enumerate(seed(key, page)):
        v = (start + index * STEPS[lane]) & _MASK
        v ^= v >> WORD_SHIFT
        v = v * MIX_1 & _MASK
        out.append(v ^ v >> WORD_SHIFT)
    return struct.pack("<4I", *out)


@cache
def _ramps(words: int) -> tuple[int, int, int]:
    """Of a page: the ramp of lanes 0 and 2, that of lanes 1 and 3, and a one in every place; a place has 64 bits."""

    def spread(values: Sequence[int]) -> int:
        return int.from_bytes(struct.pack(f"<{len(values)}Q", *values), "little")

    even = [index * STEPS[lane] & _MASK for index in range(words) for lane in (0, 2)]
    odd = [index * STEPS[lane] & _MASK for index in range(words) for lane in (1, 3)]
    return spread(even), spread(odd), spread([1, 0] * words)


def page(key: bytes, number: int, words: int) -> bytes:
    """A whole page. The same as `word` for every index, in a few steps on long numbers instead of one for each word."""
    if not 0 < words <= MOST_WORDS:
        raise ValueError(f"a page of {words} words")
    even, odd, ones = _ramps(words)
    mask = ones * _MASK | ones * _MASK << 64
    s = seed(key, number)
    first = _stepped(even + ones * s[0] + (ones * s[2] << 64), mask)
    second = _stepped(odd + ones * s[1] + (ones * s[3] << 64), mask)
    return (first | second << 32).to_bytes(words * WORD, "little")


def _stepped(v: int, mask: int) -> int:
    """The steps of `word` on every place at once: a sum or a product of two lanes fills its place, and no other."""
    v &= mask
    v ^= v >> WORD_SHIFT & mask
    v = v * MIX_1 & mask
    return v ^ v >> WORD_SHIFT & mask


def canary(tag: bytes, index: int) -> bytes:
    """A word that is looked for: a tag of this run, and where in the plant it was."""
    return tag + struct.pack("<Q", index)


def entropy_millibits(histogram: Sequence[int]) -> int | None:
    """Shannon's entropy of octets in thousandths of a bit; None where none was sampled."""
    total = sum(histogram)
    if not total:
        return None
    return round(1000 * -sum(n / total * math.log2(n / total) for n in histogram if n))
