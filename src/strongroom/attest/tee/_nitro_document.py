"""The attestation document of AWS Nitro Enclaves: how it arrives, and what is claimed in it.

Sources: "Nitro Enclaves Attestation Process" of `aws-nitro-enclaves-nsm-api`, section 2.2.1 (the document and the sizes
of its fields), section 3.1 (COSE_Sign1) and section 3.2 (validation); the tail that may stand behind it is what
dstack writes: SCALE, with the statements of which it says that they follow from the document.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from strongroom.kit import cbor, cose, strict_json
from strongroom.kit.cbor import Item, Key
from strongroom.kit.cose import Sign1
from strongroom.model.attest import EvidencePart
from strongroom.model.errors import BadInput, Malformed

DOCUMENT, STATEMENTS = "document", "statements"
MEDIA_TYPE = 'application/cose; cose-type="cose-sign1"'
_TAIL_TYPE = "application/octet-stream"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253402300799999  # milliseconds: the end of the year 9999, where a calendar here ends
_REPORT_DATA = 64
_MOST_CONFIG = 1 << 14
CODE_REGISTERS = (0, 1, 2)  # the image, its kernel and boot ramdisk, its applications
PCR_SIZES = frozenset({32, 48, 64})
MOST_PCRS = 32
MOST_AUTHORITIES = 16  # the module writes four; each costs a signature to verify


class Document(NamedTuple):
    """What a payload claims, by type only: what has another type reads as absent. `fields` is the payload itself."""

    fields: Mapping[Key, Item]
    module_id: str
    digest: str
    timestamp: int  # milliseconds since 1970
    pcrs: Mapping[int, bytes]
    certificate: bytes
    cabundle: tuple[bytes, ...]
    public_key: bytes | None
    user_data: bytes | None
    nonce: bytes | None

    @property
    def time(self) -> datetime | None:
        """When the module says that it made the document; None beyond the calendar."""
        return _EPOCH + timedelta(milliseconds=self.timestamp) if 0 < self.timestamp <= _LAST else None

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates from the leaf to the root; the document lists them from the root on."""
        return (self.certificate, *reversed(self.cabundle))


def _octets(value: Item) -> bytes | None:
    return value if isinstance(value, bytes) else None


def claimed(fields: Mapping[Key, Item]) -> Document:
    """What a payload claims."""
    timestamp, pcrs, bundle = fields.get("timestamp"), fields.get("pcrs"), fields.get("cabundle")
    module, digest = fields.get("module_id"), fields.get("digest")
    registers = pcrs if isinstance(pcrs, dict) else {}
    return Document(
        fields=fields,
        module_id=module if isinstance(module, str) else "",
        digest=digest if isinstance(digest, str) else "",
        timestamp=timestamp if isinstance(timestamp, int) and not isinstance(timestamp, bool) else 0,
        pcrs={n: v for n, v in registers.items() if isinstance(n, int) and isinstance(v, bytes)},
        certificate=_octets(fields.get("certificate")) or b"",
        cabundle=tuple(c for c in bundle if isinstance(c, bytes)) if isinstance(bundle, tuple) else (),
        public_key=_octets(fields.get("public_key")),
        user_data=_octets(fields.get("user_data")),
        nonce=_octets(fields.get("nonce")),
    )


def payload(octets: bytes) -> Document:
    """What the payload of a message claims. Raises Malformed, TooLarge."""
    fields = cbor.read(octets)
    if not isinstance(fields, dict):
        raise Malformed("attestation document", "a payload that is no map", "a map")
    return claimed(fields)


def message(data: bytes) -> tuple[Sign1, int]:
    """The message at the beginning and the offset behind it. Raises Malformed, TooLarge."""
    return cose.first(data)


class Statements(NamedTuple):
    """What stands behind a document, unsigned: each restates something that is signed."""

    report_data: bytes
    image: str


class _Config(msgspec.Struct, forbid_unknown_fields=True):
    os_image_hash: str


def statements(tail: bytes) -> Statements | None:
    """The statements behind a document; None where the octets are something else.

    An empty list of events, 64 octets of report data, and a text of JSON with its length in SCALE's compact form.
    """
    start = 1 + _REPORT_DATA
    if len(tail) < start + 2 or tail[0] != 0:
        return None
    mode, head = tail[start] & 3, 1 + (tail[start] & 1)
    length = int.from_bytes(tail[start : start + head], "little") >> 2
    text = tail[start + head :]
    if mode > 1 or len(text) != length or length > _MOST_CONFIG:
        return None
    try:
        strict_json.check(text, "statements")
        config = msgspec.json.decode(text, type=_Config)
    except (BadInput, msgspec.MsgspecError):
        return None
    return Statements(tail[1:start], config.os_image_hash)


def restated(document: Document) -> Statements:
    """What the statements behind a document must say."""
    registers = b"".join(document.pcrs.get(n, b"") for n in CODE_REGISTERS)
    return Statements(document.user_data or b"", hashlib.sha256(registers).hexdigest())


def recognises(data: bytes) -> int:
    """By the array of four that COSE_Sign1 is, and the name that every document has."""
    head = data[1:] if data[:1] == b"\xd2" else data
    if head[:1] not in (b"\x84", b"\x9f"):
        return 0
    return 95 if b"imodule_id" in data[: 1 << 15] else 30


def read(data: bytes) -> tuple[EvidencePart, ...]:
    """The document, and what stands behind it apart. Octets that nobody accounts for stay with the document."""
    whole = (EvidencePart(DOCUMENT, MEDIA_TYPE, data),)
    try:
        _, end = message(data)
    except BadInput:
        return whole
    if end == len(data) or statements(data[end:]) is None:
        return whole
    return (EvidencePart(DOCUMENT, MEDIA_TYPE, data[:end]), EvidencePart(STATEMENTS, _TAIL_TYPE, data[end:]))
