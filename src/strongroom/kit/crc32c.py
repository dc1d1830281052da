"""CRC-32C (RFC 3720, appendix B.4), as Cloud KMS sends it along with plaintexts and ciphertexts: against accidents only."""

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected


def _entry(octet: int) -> int:
    for _ in range(8):
        octet = (octet >> 1) ^ (_POLYNOMIAL if octet & 1 else 0)
    return octet


_TABLE = tuple(_entry(n) for n in range(256))


def crc32c(data: bytes) -> int:
    """The checksum of the octets, unsigned."""
    crc = 0xFFFFFFFF
    for octet in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF
