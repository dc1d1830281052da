"""A secret in shares: any so many give it back, fewer do not, and a wrong one is named."""

import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.kit import shamir
from strongroom.kit.shamir import Share
from strongroom.model.errors import BadSignature, BadUsage, Malformed


def _tables() -> tuple[list[int], list[int]]:
    """Powers and logarithms of 3 in the field of AES (FIPS 197, section 4): another way to multiply."""
    powers, logs, x = [0] * 255, [0] * 256, 1
    for n in range(255):
        powers[n], logs[x] = x, n
        x ^= (x << 1) ^ (0x11B if x & 0x80 else 0)
        x &= 0xFF
    return powers, logs


POWERS, LOGS = _tables()


def slow(a: int, b: int) -> int:
    """The product, by logarithms."""
    return POWERS[(LOGS[a] + LOGS[b]) % 255] if a and b else 0


def test_the_product_is_that_of_the_field() -> None:
    """Every pair, held against logarithms; and the example of FIPS 197, section 4.2."""
    assert all(shamir.multiplied(a, b) == slow(a, b) for a in range(256) for b in range(256))
    assert shamir.multiplied(0x57, 0x83) == 0xC1


def test_shares_are_points_of_the_polynomial() -> None:
    """With known coefficients each share is secret + c1*x + c2*x^2, octet by octet."""
    secret, chance = bytes([7, 0, 255]), bytes([1, 2, 3, 4, 5, 6])
    for share in shamir.split(secret, 3, 5, chance):
        x = share.number
        wanted = [s ^ slow(a, x) ^ slow(b, slow(x, x)) for s, a, b in zip(secret, chance[:3], chance[3:], strict=True)]
        assert list(share.octets) == wanted


@given(st.binary(min_size=1, max_size=40), st.integers(2, 6), st.integers(0, 4), st.randoms())
@settings(max_examples=60, deadline=None)
def test_any_so_many_give_it_back(secret: bytes, threshold: int, more: int, random: object) -> None:
    """Whichever shares they are, and in whatever order."""
    chance = os.urandom(shamir.chance(threshold, len(secret)))
    shares = list(shamir.split(secret, threshold, threshold + more, chance))
    random.shuffle(shares)  # type: ignore[attr-defined] # hypothesis' own
    assert shamir.combine(shares[:threshold], threshold) == secret


def test_fewer_say_nothing() -> None:
    """For every value of the secret there is a polynomial through two shares of three: all are as likely."""
    shares = shamir.split(b"\x2a", 3, 3, bytes([9, 200]))
    fitting = {
        secret
        for secret in range(256)
        for a, b in itertools.product(range(256), repeat=2)
        if all(secret ^ slow(a, s.number) ^ slow(b, slow(s.number, s.number)) == s.octets[0] for s in shares[:2])
    }
    assert fitting == set(range(256))


@pytest.mark.parametrize(
    ("shares", "threshold"),
    [
        ([Share(1, b"ab")], 2),
        ([Share(1, b"ab"), Share(1, b"cd")], 2),
        ([Share(0, b"ab"), Share(1, b"cd")], 2),
        ([Share(1, b"ab"), Share(256, b"cd")], 2),
        ([Share(1, b"ab"), Share(2, b"c")], 2),
        ([], 0),
    ],
)
def test_shares_that_do_not_fit_are_malformed(shares: list[Share], threshold: int) -> None:
    """Too few, one twice, a number that is none, several lengths."""
    with pytest.raises(Malformed):
        shamir.combine(shares, threshold)


@pytest.mark.parametrize(("threshold", "count"), [(1, 3), (4, 3), (2, 256), (0, 0)])
def test_numbers_that_do_not_fit_are_told(threshold: int, count: int) -> None:
    """One share alone is no sharing, and the field has 255 places."""
    with pytest.raises(BadUsage):
        shamir.split(b"secret", threshold, count, os.urandom(64))


def test_chance_is_neither_too_much_nor_too_little() -> None:
    """A polynomial with fewer coefficients would tell the secret to fewer holders."""
    for size in (0, 5, 7, 12):
        with pytest.raises(BadUsage):
            shamir.split(b"secret", 2, 3, bytes(size))


def test_a_wrong_share_is_named() -> None:
    """Another octet, another number, another threshold, another secret: the commitment tells."""
    good = shamir.split(b"secret", 2, 3, os.urandom(6))[1]
    committed = shamir.commitment(good, 2, b"artifact a")
    shamir.verify(good, 2, b"artifact a", committed)
    for share, threshold, of in (
        (Share(2, b"wrongs"), 2, b"artifact a"),
        (Share(3, good.octets), 2, b"artifact a"),
        (good, 3, b"artifact a"),
        (good, 2, b"artifact b"),
    ):
        with pytest.raises(BadSignature, match=f"share {share.number}"):
            shamir.verify(share, threshold, of, committed)


def test_a_share_is_not_part_of_a_text() -> None:
    """What is printed of one is its number."""
    assert "secret" not in repr(Share(1, b"secret"))
