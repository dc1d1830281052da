"""NVIDIA's reference integrity manifests: what the driver and the VBIOS of a GPU measure to.

Sources: ISO/IEC 19770-2:2015 (SWID tag); TCG "Reference Integrity Manifest Information Model" 1.01. A manifest numbers
measurements from 0, and each may have several values.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from strongroom.attest.tee._nvidia_report import MEASUREMENTS
from strongroom.kit import xmldsig
from strongroom.kit.x509.certificate import Certificate
from strongroom.kit.xml_tree import Element
from strongroom.model.errors import BadInput, Malformed

SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
_SHA384 = "http://www.w3.org/2001/04/xmlenc#sha384"
DRIVER, VBIOS = "driver", "VBIOS"
_FORMS = {
    DRIVER: re.compile(r"\d{1,4}(\.\d{1,4}){1,3}"),
    VBIOS: re.compile(r"[0-9A-F]{2}(\.[0-9A-F]{2}){4}", re.IGNORECASE),
}
_HASH = re.compile(r"[0-9a-fA-F]{96}")
_MOST_ALTERNATIVES = 64
_WANTED = "a SWID tag with the measurements of a driver or a VBIOS"


class Manifest(NamedTuple):
    """What a manifest says; `measured` are the accepted values of the measurements that it speaks of, by its numbers."""

    data: bytes
    version: str
    product: str
    measured: Mapping[int, tuple[bytes, ...]]
    certificates: tuple[Certificate, ...]

    def is_of(self, kind: str) -> bool:
        """Whether it is of a driver, or of a VBIOS: their versions differ in form."""
        return _FORMS[kind].fullmatch(self.version) is not None


def _bad(found: str, wanted: str = _WANTED) -> Malformed:
    return Malformed("RIM", found[:200], wanted)


@lru_cache(maxsize=64)
def parse(data: bytes) -> Manifest:
    """The manifest of an XML document; nothing is proven yet. Raises Malformed, TooLarge."""
    signed = xmldsig.read(data)
    root = signed.root
    if root.space != SWID or root.local != "SoftwareIdentity":
        raise _bad(f"the element {root.local}")
    about, payload = root.elements(SWID, "Meta"), root.elements(SWID, "Payload")
    if len(about) != 1 or len(payload) != 1:
        raise _bad(f"{len(about)} of Meta, {len(payload)} of Payload", "one of each")
    version, product = about[0].get("colloquialVersion"), about[0].get("product")
    if not product or not any(form.fullmatch(version) for form in _FORMS.values()):
        raise _bad(f"product {product!r}, version {version!r}", "a product, and the version of a driver or a VBIOS")
    return Manifest(data, version, product, _measured(payload[0]), signed.certificates)


def _measured(payload: Element) -> dict[int, tuple[bytes, ...]]:
    found: dict[int, tuple[bytes, ...]] = {}
    seen: set[int] = set()
    for resource in payload.elements():
        number, active = resource.get("index"), resource.get("active")
        if resource.local != "Resource" or not number.isdecimal() or not number.isascii() or len(number) > 3:
            raise _bad(f"the element {resource.local} with the index {number!r}", "a resource with its index")
        index = int(number)
        if index in seen or index >= MEASUREMENTS or active not in ("True", "False"):
            raise _bad(f"the index {index}, active {active!r}", f"0 to {MEASUREMENTS - 1}, each once, True or False")
        seen.add(index)
        values = _values(resource, index)
        if active == "True":
            found[index] = values
    if not found:
        raise _bad("no active measurement", "at least one")
    return found


def _values(resource: Element, index: int) -> tuple[bytes, ...]:
    """The values of a measurement: Hash0, Hash1 …, as many as it says that there are."""
    held = [a.value for a in resource.attributes if a.space == _SHA384]
    named = resource.get("alternatives")
    if resource.get("size") != "48" or named != str(len(held)) or not 1 <= len(held) <= _MOST_ALTERNATIVES:
        raise _bad(
            f"index {index}: {len(held)} values where it says {named!r}", "values of 48 octets, all that it names"
        )
    if not all(_HASH.fullmatch(v) for v in held):
        raise _bad(f"index {index}: a value that is no SHA-384", "96 hexadecimal digits")
    return tuple(bytes.fromhex(v) for v in held)


def readable(data: bytes) -> Manifest | None:
    """The manifest, or None where the octets are none: for picking among many."""
    try:
        return parse(data)
    except BadInput:
        return None


def nearest(held: Sequence[Manifest], kind: str, version: str, product: str) -> Manifest | None:
    """The manifest of a kind that fits best: by version, then by product, then the one that its signer has signed."""
    mine = [m for m in held if m.is_of(kind)]
    if not mine:
        return None
    fits = [(m.version.lower() == version.lower(), m.product == product) for m in mine]
    best = [m for m, fit in zip(mine, fits, strict=True) if fit == max(fits)]
    return best[0] if len(best) == 1 else next((m for m in best if _is_signed(m)), best[0])


def _is_signed(held: Manifest) -> bool:
    try:
        xmldsig.verified(held.data)
    except BadInput:
        return False
    return True
