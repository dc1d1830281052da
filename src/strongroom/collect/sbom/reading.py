"""Bills of materials of images: CycloneDX 1.4 to 1.7 (ECMA-424) and SPDX 2.3, in JSON.

What a bill says of an image is what whoever wrote it saw. A component without a package URL is counted, and not guessed at.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from strongroom.kit import purl, strict_json
from strongroom.model.errors import Malformed

_WHAT = "a bill of materials: CycloneDX or SPDX 2.3, in JSON"
_DIGEST = re.compile(r"sha256(?::|%3A)([0-9a-f]{64})", re.IGNORECASE)
_MOST = 200_000  # packages
_DEEPEST = 40
_KEEPS = ("library", "framework", "application", "operating-system", "container", "machine-learning-model", "")


class Bill(NamedTuple):
    """An image by its bill: its name, the digest that names it, when the bill was made, its packages, and how many have no URL."""

    name: str
    digest: str
    made_at: str
    packages: tuple[str, ...]
    unversioned: int


class _Component(msgspec.Struct):
    type: str = ""
    name: str = ""
    version: str = ""
    purl: str = ""
    components: list["_Component"] = []
    hashes: list[dict[str, str]] = []


class _Metadata(msgspec.Struct):
    timestamp: str = ""
    component: _Component | None = None


class _CycloneDx(msgspec.Struct, rename="camel"):
    bom_format: str
    spec_version: str
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    components: list[_Component] = []


class _Reference(msgspec.Struct, rename="camel"):
    reference_type: str = ""
    reference_locator: str = ""


class _Package(msgspec.Struct, rename="camel"):
    name: str = ""
    version_info: str = ""
    external_refs: list[_Reference] = []
    primary_package_purpose: str = ""
    checksums: list[dict[str, str]] = []


class _Creation(msgspec.Struct):
    created: str = ""


class _Spdx(msgspec.Struct, rename="camel"):
    spdx_version: str = msgspec.field(name="spdxVersion")
    name: str = ""
    creation_info: _Creation = msgspec.field(default_factory=_Creation)
    packages: list[_Package] = []


def recognises(head: bytes) -> bool:
    """Whether octets look like one."""
    return (b'"bomFormat"' in head and b"CycloneDX" in head) or b'"spdxVersion"' in head


def read(data: bytes, file: str) -> Bill:
    """The image. Raises Malformed."""
    strict_json.check(data, file, "write the bill again, as CycloneDX in JSON")
    try:
        if b'"spdxVersion"' in data and b'"bomFormat"' not in data:
            return _spdx(msgspec.json.decode(data, type=_Spdx), file)
        return _cyclonedx(msgspec.json.decode(data, type=_CycloneDx), file)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(file, str(e)[:160].lower(), _WHAT) from None


def _cyclonedx(held: _CycloneDx, file: str) -> Bill:
    if held.bom_format != "CycloneDX" or not held.spec_version.startswith("1."):
        raise Malformed(file, f"{held.bom_format[:20]} {held.spec_version[:10]}", _WHAT)
    top = held.metadata.component or _Component()
    told = [
        c for c in _all(held.components, file) if c.type in _KEEPS and c.type not in {"operating-system", "container"}
    ]
    urls = [c.purl for c in told]
    own = next((h.get("content", "") for h in top.hashes if h.get("alg") == "SHA-256"), "")
    digest = _digest(top.version, top.purl, top.name, f"sha256:{own}" if own else "")
    return _bill(top.name, digest, held.metadata.timestamp, urls, file)


def _all(found: list[_Component], file: str, depth: int = 0) -> Iterator[_Component]:
    """A bill may nest what it found in what."""
    if depth > _DEEPEST:
        raise Malformed(file, "components nested too deeply", _WHAT)
    for one in found:
        yield one
        yield from _all(one.components, file, depth + 1)


def _spdx(held: _Spdx, file: str) -> Bill:
    if not held.spdx_version.startswith("SPDX-2."):
        raise Malformed(file, held.spdx_version[:20], _WHAT)
    image = next((p for p in held.packages if p.primary_package_purpose == "CONTAINER"), None)
    told = [p for p in held.packages if p is not image and p.primary_package_purpose != "OPERATING-SYSTEM"]
    urls = [next((r.reference_locator for r in p.external_refs if r.reference_type == "purl"), "") for p in told]
    of_image = [r.reference_locator for r in image.external_refs] if image else []
    sums = (
        [f"sha256:{c.get('checksumValue', '')}" for c in image.checksums if c.get("algorithm") == "SHA256"]
        if image
        else []
    )
    digest = _digest(image.version_info if image else "", *of_image, *sums, held.name)
    return _bill(image.name if image else held.name, digest, held.creation_info.created, urls, file)


def _bill(name: str, digest: str, made_at: str, urls: list[str], file: str) -> Bill:
    if len(urls) > _MOST:
        raise Malformed(file, f"{len(urls)} packages", f"at most {_MOST}")
    good = tuple(dict.fromkeys(u for u in urls if u and purl.has_version(u)))
    return Bill(name or file, digest, made_at, good, sum(not (u and purl.has_version(u)) for u in urls))


def _digest(*texts: str) -> str:
    found = next((m for t in texts if (m := _DIGEST.search(t))), None)
    return f"sha256:{found[1].lower()}" if found else ""
