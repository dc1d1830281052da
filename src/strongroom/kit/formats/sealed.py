"""What lies sealed, and what signs or describes what it lies beside."""

import base64
import binascii

import msgspec

from strongroom.kit import strict_json
from strongroom.kit.formats.bounded import safe_name
from strongroom.model.errors import Malformed

_OPENERS = (
    (b"age-encryption.org/v1\n", "age"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    (b"-----BEGIN PGP MESSAGE-----", "OpenPGP"),
    (b"Salted__", "OpenSSL enc"),
    (b"LUKS\xba\xbe", "LUKS"),
    (b"PARE", "Parquet, footer too"),
)
_IN_TOTO = "https://in-toto.io/Statement/"
_SIGNS = ("https://model_signing/signature/", "https://model_signing/Digests/")  # OMS 1.0, and what was before it
_ORIGIN = ("https://slsa.dev/provenance/", "https://slsa.dev/verification_summary/")
MOST = 64 << 20


def sealed_as(head: bytes) -> str:
    """What seals a file, by its first bytes; empty where nothing is recognised."""
    return next((word for begin, word in _OPENERS if head.startswith(begin)), "")


class _Digest(msgspec.Struct):
    name: str = ""
    digest: str | dict[str, str] = ""


class _Predicate(msgspec.Struct):
    resources: list[_Digest] = []


class _Statement(msgspec.Struct):
    type: str = msgspec.field(name="_type", default="")
    predicate_type: str = msgspec.field(name="predicateType", default="")
    subject: list[_Digest] = []
    predicate: _Predicate | None = None


class _Envelope(msgspec.Struct):
    payload: str = ""
    payload_type: str = msgspec.field(name="payloadType", default="")


class _Bundle(msgspec.Struct):
    media_type: str = msgspec.field(name="mediaType", default="")
    dsse: _Envelope | None = msgspec.field(name="dsseEnvelope", default=None)
    message: dict[str, object] | None = msgspec.field(name="messageSignature", default=None)
    payload: str = ""
    payload_type: str = msgspec.field(name="payloadType", default="")
    bom_format: str = msgspec.field(name="bomFormat", default="")
    spdx: str = msgspec.field(name="spdxVersion", default="")


class Beside(msgspec.Struct, frozen=True):
    """What a document beside an artifact is: `signature`, `provenance`, `bom` or nothing of the kind.

    `names` are the files that it speaks of; nothing of it has been verified.
    """

    what: str = ""
    names: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()


def beside(data: bytes) -> Beside:
    """What a JSON document says of itself. Raises Malformed, TooLarge where two readers could see two documents."""
    strict_json.check(data, "document beside an artifact")
    try:
        bundle = msgspec.json.decode(data, type=_Bundle)
    except msgspec.MsgspecError:
        return Beside()
    if bundle.bom_format == "CycloneDX" or bundle.spdx:
        return Beside("bom")
    envelope = bundle.dsse or _Envelope(bundle.payload, bundle.payload_type)
    if not envelope.payload:
        return Beside("signature") if bundle.message is not None and "sigstore" in bundle.media_type else Beside()
    try:
        inside = base64.b64decode(envelope.payload, validate=True)
        strict_json.check(inside, "signed statement")
        said = msgspec.json.decode(inside, type=_Statement)
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        return Beside()
    return _of_statement(said)


def _of_statement(said: _Statement) -> Beside:
    if not said.type.startswith(_IN_TOTO):
        return Beside()
    digests = tuple(v for d in said.subject if isinstance(d.digest, dict) for v in d.digest.values())
    if said.predicate_type.startswith(_ORIGIN):
        return Beside("provenance", tuple(s.name for s in said.subject), digests)
    if not said.predicate_type.startswith(_SIGNS):
        return Beside()
    listed = said.predicate.resources if said.predicate is not None and said.predicate.resources else said.subject
    names = tuple(_plain(r.name) for r in listed)
    if any(n and not safe_name(n) for n in names):
        raise Malformed("signed statement", "a name that leaves the folder", "names within it")
    return Beside("signature", tuple(dict.fromkeys(n for n in names if n)), digests)


def _plain(name: str) -> str:
    """The file of a resource; a shard is named `path:start:end` (OMS 1.0, "Resource descriptors")."""
    path, _, rest = name.rpartition(":")
    inner, _, start = path.rpartition(":")
    return inner if inner and start.isdecimal() and rest.isdecimal() else name
