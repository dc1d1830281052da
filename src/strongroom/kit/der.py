"""DER as ITU-T X.690 (2021) defines it, read strictly: what two parsers could read differently is refused.

Only what certificates, revocation lists and their extensions need. AMD's certificates have serial number 0, which
X.509 libraries have begun to refuse, and a chain that pins its vendor needs none of their path building.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from strongroom.model.errors import Malformed

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, ENUMERATED = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0A
UTF8, PRINTABLE, T61, IA5, UTC_TIME, GENERALIZED_TIME, BMP = 0x0C, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1E
SEQUENCE, SET = 0x30, 0x31
MAX = 16 << 20  # bytes of one element; the longest that any vendor sends is a CRL of some hundred KiB
MAX_INTEGER = 128  # octets; serial numbers have 20, and Python will not write a number of thousands of digits
_TEXTS = {UTF8: "utf-8", PRINTABLE: "ascii", T61: "latin-1", IA5: "ascii", BMP: "utf-16-be"}


class Element(NamedTuple):
    """One element: its identifier octet, its contents, and all its octets as they stand."""

    tag: int
    value: bytes
    whole: bytes


def _bad(found: str, wanted: str) -> Malformed:
    return Malformed("DER", found, wanted)


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The length at an offset and where the contents begin (X.690 8.1.3, 10.1: the shortest form)."""
    if at >= len(data):
        raise _bad("the end", "a length")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    if not 1 <= count <= 4 or at + 1 + count > len(data):
        raise _bad(f"the length octet 0x{first:02x}", "a definite length of at most four octets")
    size = int.from_bytes(data[at + 1 : at + 1 + count], "big")
    if size < 0x80 or size >> (8 * (count - 1)) == 0:
        raise _bad("a length in a longer form than it needs", "the shortest form")
    return size, at + 1 + count


def _element(data: bytes, at: int) -> tuple[Element, int]:
    if data[at] & 0x1F == 0x1F:
        raise _bad("a tag of several octets", "a low tag number")
    size, start = _length(data, at + 1)
    end = start + size
    if size > MAX or end > len(data):
        raise _bad(f"{len(data) - start} octets", f"{size} octets of contents")
    return Element(data[at], data[start:end], data[at:end]), end


def elements(data: bytes) -> Iterator[Element]:
    """The elements that stand one after another. Raises Malformed."""
    at = 0
    while at < len(data):
        element, at = _element(data, at)
        yield element


def prefix(data: bytes) -> Element:
    """The element at the beginning, whatever follows it. Raises Malformed."""
    if not data:
        raise _bad("nothing", "an element")
    return _element(data, 0)[0]


def one(data: bytes, tag: int) -> Element:
    """The only element, of a tag, with nothing after it. Raises Malformed."""
    element = prefix(data)
    if len(element.whole) != len(data):
        raise _bad(f"{len(data) - len(element.whole)} octets after the element", "nothing")
    return of(element, tag)


def of(element: Element, tag: int) -> Element:
    """The element, when it has the tag. Raises Malformed."""
    if element.tag != tag:
        raise _bad(f"tag 0x{element.tag:02x}", f"tag 0x{tag:02x}")
    return element


def sequence(data: bytes) -> list[Element]:
    """The members of the only SEQUENCE of the data. Raises Malformed."""
    return list(elements(one(data, SEQUENCE).value))


def members(element: Element, tag: int = SEQUENCE) -> list[Element]:
    """The members of a constructed element of a tag. Raises Malformed."""
    return list(elements(of(element, tag).value))


def integer(element: Element, tag: int = INTEGER) -> int:
    """An INTEGER, which may be zero or negative. Raises Malformed."""
    value = of(element, tag).value
    if len(value) > MAX_INTEGER:
        raise _bad(f"an integer of {len(value)} octets", f"at most {MAX_INTEGER}")
    if not value or (len(value) > 1 and value[0] in (0x00, 0xFF) and (value[0] ^ value[1]) < 0x80):
        raise _bad("an integer that is empty or padded", "the shortest form")
    return int.from_bytes(value, "big", signed=True)


def boolean(element: Element) -> bool:
    """A BOOLEAN (X.690 11.1: true is 0xFF). Raises Malformed."""
    value = of(element, BOOLEAN).value
    if value not in {b"\x00", b"\xff"}:
        raise _bad(f"a boolean of {value[:4].hex() or 'no octet'}", "00 or ff")
    return value == b"\xff"


def bits(element: Element) -> bytes:
    """A BIT STRING of whole octets. Raises Malformed."""
    value = of(element, BIT_STRING).value
    if not value or value[0] != 0:
        raise _bad("a bit string with unused bits", "whole octets")
    return value[1:]


def flags(element: Element) -> frozenset[int]:
    """The numbers of the bits that are set in a BIT STRING of named bits, such as KeyUsage. Raises Malformed."""
    value = of(element, BIT_STRING).value
    if not value or value[0] > 7 or (len(value) == 1 and value[0]):
        raise _bad("a bit string without a sound count of unused bits", "a count of 0 to 7")
    return frozenset(8 * n + b for n, octet in enumerate(value[1:]) for b in range(8) if octet & (0x80 >> b))


def oid(element: Element) -> str:
    """An OBJECT IDENTIFIER in dotted decimal. Raises Malformed."""
    value = of(element, OID).value
    arcs: list[int] = []
    arc = 0
    fresh = True
    for octet in value:
        if fresh and octet == 0x80:
            raise _bad("a padded arc", "the shortest form")
        arc = arc << 7 | octet & 0x7F
        fresh = octet < 0x80
        if arc >> 64:
            raise _bad("an arc over 64 bits", "an object identifier")
        if fresh:
            arcs.append(arc)
            arc = 0
    if not arcs or not fresh:
        raise _bad("an object identifier that ends within an arc", "whole arcs")
    root = min(arcs[0] // 40, 2)
    return ".".join(str(a) for a in (root, arcs[0] - 40 * root, *arcs[1:]))


def text(element: Element) -> str:
    """A string of one of the types that names use. Raises Malformed."""
    coding = _TEXTS.get(element.tag)
    if coding is None:
        raise _bad(f"tag 0x{element.tag:02x}", "a string")
    try:
        return element.value.decode(coding)
    except UnicodeDecodeError:
        raise _bad("octets that are not of the string's type", coding) from None


def time(element: Element) -> datetime:
    """A UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 writes it: seconds and Z. Raises Malformed."""
    form = {UTC_TIME: "%y%m%d%H%M%SZ", GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(element.tag)
    wanted = 13 if element.tag == UTC_TIME else 15
    if form is None or len(element.value) != wanted or not element.value[:-1].isdigit():
        raise _bad(f"a time of {element.value[:20]!r}", "YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ")
    digits = element.value.decode("ascii", "replace")
    if element.tag == UTC_TIME:  # RFC 5280: 50 to 99 is the last century; strptime turns at 69
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _bad(f"a time of {digits!r}", "a date of the calendar") from None
