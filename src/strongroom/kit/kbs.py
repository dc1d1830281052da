"""Messages of the Key Broker Service attestation protocol (Confidential Containers' Trustee, kbs_attestation_protocol.md).

Request, Challenge, Attestation, Response. The protocol's version on the wire is a range here: clients of 0.4 are served;
older and newer ones are told which they would have to be.
"""

import base64
import re
from typing import NamedTuple, TypeVar

import msgspec

from strongroom.kit import runtime_data, strict_json
from strongroom.kit.canonical import Json
from strongroom.model.errors import Malformed, TooLarge

VERSION = "0.4.0"
SERVED = "0.4.x"
MOST = 8 << 20  # octets of a message; eight GPUs with their chains are some 150 KiB
ERRORS = "https://github.com/confidential-containers/kbs/errors"  # the prefix of the protocol's own problem types
COOKIE = "kbs-session-id"
LEASE = "Strongroom-Lease-Seconds"  # of ours, beside a resource: how long it may be held
_VERSION = re.compile(r"0\.4\.\d{1,4}")
_SUBJECT = "KBS message"
T = TypeVar("T")


class _Request(msgspec.Struct):
    version: str
    tee: str
    extra_params: msgspec.Raw = msgspec.field(name="extra-params", default=msgspec.Raw(b"{}"))


class _Extra(msgspec.Struct):
    algorithms: list[str] = msgspec.field(name="supported-hash-algorithms", default_factory=list)


class _InitData(msgspec.Struct):
    format: str
    body: str


class _TeeEvidence(msgspec.Struct):
    primary: msgspec.Raw = msgspec.field(name="primary_evidence")
    additional: str = msgspec.field(name="additional_evidence", default="")


class _Attestation(msgspec.Struct):
    runtime: msgspec.Raw = msgspec.field(name="runtime-data")
    evidence: _TeeEvidence = msgspec.field(name="tee-evidence")
    init: _InitData | None = msgspec.field(name="init-data", default=None)


class Request(NamedTuple):
    """What a client opens with: the kind of its root of trust, and the hashes that it can make, best last."""

    tee: str
    algorithms: tuple[str, ...]


class Attestation(NamedTuple):
    """What a client answers with. `runtime` is in its canonical form; `primary` and `additional` as they came."""

    runtime: bytes
    primary: bytes
    additional: str
    init: str | None


def request(body: bytes) -> Request:
    """The opening message.

    Raises Malformed, TooLarge; for a version that is not served, with the one that is.
    """
    held = _decoded(body, _Request)
    if not _VERSION.fullmatch(held.version):
        raise Malformed("protocol version", repr(held.version[:20]), SERVED)
    try:
        extra = msgspec.json.decode(held.extra_params, type=_Extra | str)
    except (msgspec.MsgspecError, RecursionError):
        raise Malformed(_SUBJECT, "extra-params of another shape", "an object") from None
    named = extra.algorithms if isinstance(extra, _Extra) else []
    known = tuple(a for a in runtime_data.HASHES if a in named) if named else ("sha384",)
    return Request(held.tee, known)


def challenge(nonce: bytes, algorithm: str) -> bytes:
    """The challenge: the nonce in base64, and the hash that binds."""
    text = base64.b64encode(nonce).decode()
    return msgspec.json.encode({"nonce": text, "extra-params": {"selected-hash-algorithm": algorithm}})


def attestation(body: bytes) -> Attestation:
    """The answer. Its runtime data is taken by its value: how it is written is nobody's business but ours.

    Raises Malformed, TooLarge.
    """
    held = _decoded(body, _Attestation)
    runtime: Json = msgspec.json.decode(held.runtime)
    if not isinstance(runtime, dict):
        raise Malformed(_SUBJECT, "runtime-data that is no object", "an object with nonce and tee-pubkey")
    if held.init is not None and held.init.format not in ("toml", "json"):
        raise Malformed(_SUBJECT, f"init-data of format {held.init.format[:20]!r}", "toml")
    primary = _text_or_octets(bytes(held.evidence.primary))
    init = held.init.body if held.init else None
    return Attestation(runtime_data.of_value(runtime), primary, held.evidence.additional, init)


def _text_or_octets(raw: bytes) -> bytes:
    """Evidence that came as a text, such as a token or base64, without its quotes; an object as it stands."""
    try:
        return msgspec.json.decode(raw, type=str).encode()
    except msgspec.MsgspecError:
        return raw


def _decoded(body: bytes, kind: type[T]) -> T:
    if len(body) > MOST:
        raise TooLarge(_SUBJECT, f"{len(body)} octets", f"at most {MOST}")
    strict_json.check(body, _SUBJECT)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:160], "a message of the protocol") from None


def problem(kind: str, detail: str) -> bytes:
    """A problem as the protocol tells it (RFC 7807): a type, and a sentence that helps nobody guess."""
    return msgspec.json.encode({"type": f"{ERRORS}/{kind}", "detail": detail})
