"""CRC-32C: the vectors of RFC 3720, and the same number another way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.kit.crc32c import crc32c


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_the_published_vectors(data: bytes, wanted: int) -> None:
    """The examples of RFC 3720, appendix B.4, and the check value of the catalogues."""
    assert crc32c(data) == wanted


@given(st.binary(max_size=200))
def test_it_is_the_remainder_of_the_polynomial(data: bytes) -> None:
    """Bit by bit the same number comes out."""
    crc = 0xFFFFFFFF
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(data) == crc ^ 0xFFFFFFFF
