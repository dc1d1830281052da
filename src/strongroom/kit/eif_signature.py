"""The signature section of an enclave image: CBOR, one entry for each register that is signed.

Source: `PcrSignature` of `aws-nitro-enclaves-image-format`: an array of maps of `signing_certificate`, in PEM, and
`signature`, a COSE_Sign1. AWS's serializer writes octets as arrays of numbers, one item each: more items than
`kit.cbor` takes of anything, so the shape is read here, with definite lengths and nothing but what it has.
"""

from strongroom.model.errors import Malformed

MOST_OCTETS = 1 << 20
_MOST_ENTRIES = 32
_NUMBER, _OCTETS, _TEXT, _ARRAY, _MAP = 0, 2, 3, 4, 5  # major types, RFC 8949 section 3.1


def certificate(section: bytes) -> bytes:
    """The certificate that signed the first register, in PEM. Raises Malformed."""
    if len(section) > MOST_OCTETS:
        raise _bad(f"{len(section)} octets", f"at most {MOST_OCTETS}")
    reader = _Reader(section)
    found = [_entry(reader) for _ in range(reader.head(_ARRAY, _MOST_ENTRIES))]
    if not found or reader.at != len(section):
        raise _bad(f"{len(found)} signatures, {len(section) - reader.at} octets behind them", "one, and nothing behind")
    return found[0]


def _bad(found: str, wanted: str) -> Malformed:
    return Malformed("signature section of the enclave image", found, wanted)


def _entry(reader: "_Reader") -> bytes:
    held: dict[bytes, bytes] = {}
    for _ in range(reader.head(_MAP, _MOST_ENTRIES)):
        name = reader.take(reader.head(_TEXT, 64))
        if name in held:
            raise _bad(f"{name!r} twice", "each key once")
        held[name] = reader.octets()
    if set(held) != {b"signing_certificate", b"signature"}:
        raise _bad(f"the keys {sorted(held)}", "signing_certificate and signature")
    return held[b"signing_certificate"]


class _Reader:
    """Takes items off the section, each of the type that must come next."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        """The next octets. Raises Malformed where there are fewer."""
        if size > len(self.data) - self.at:
            raise _bad(f"{len(self.data) - self.at} octets at {self.at}", f"{size}")
        self.at += size
        return self.data[self.at - size : self.at]

    def head(self, wanted: int, most: int) -> int:
        """The length, or the number, of the next item, which has this major type. Raises Malformed."""
        at = self.at
        first = self.take(1)[0]
        low = first & 31
        if low > 27:
            raise _bad(f"0x{first:02x} at {at}", "a definite length")
        argument = low if low < 24 else int.from_bytes(self.take(1 << (low - 24)), "big")
        if first >> 5 != wanted or argument > most:
            raise _bad(f"type {first >> 5} of {argument} at {at}", f"type {wanted} of at most {most}")
        return argument

    def octets(self) -> bytes:
        """A byte string, or an array of numbers below 256. Raises Malformed."""
        if self.at < len(self.data) and self.data[self.at] >> 5 == _OCTETS:
            return self.take(self.head(_OCTETS, MOST_OCTETS))
        return bytes(self.head(_NUMBER, 255) for _ in range(self.head(_ARRAY, MOST_OCTETS)))
