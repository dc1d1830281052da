"""The requester's side of the Key Broker Service protocol: what it sends, and what it takes for an answer.

`kit/kbs.py` is the broker's side. Everything here is octets in, octets out; whoever sends them is elsewhere.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import msgspec

from strongroom.kit import jose, runtime_data, strict_json
from strongroom.kit.canonical import Json
from strongroom.kit.kbs import COOKIE, ERRORS, VERSION
from strongroom.model.errors import BadInput, Malformed

LEAST_NONCE, MOST_NONCE = 16, 128  # octets
MOST = 1 << 20  # octets of an answer that is no resource
_COOKIE = re.compile(rf"(?:^|[;,]\s*){COOKIE}=\"?([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{{1,4096}})\"?(?:;|,|$)")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{0,40}")
T = TypeVar("T")


class Challenge(NamedTuple):
    """What is to be answered: the nonce as the broker wrote it, and the hash that binds."""

    nonce: str
    algorithm: str


class Standing(NamedTuple):
    """What the broker says of the attestation: the token, whose key it is for, who vouches for the broker, and until when.

    `ends` is in seconds since the epoch. Nothing here was verified: the token is the broker's own, over TLS.
    """

    token: str
    key: Mapping[str, object]
    trust: str
    issued: int
    ends: int


class Told(NamedTuple):
    """A refusal in the protocol's words: the last part of its type, and its sentence."""

    kind: str
    detail: str


class _Extra(msgspec.Struct):
    algorithm: str = msgspec.field(name="selected-hash-algorithm", default="sha384")


class _Challenge(msgspec.Struct):
    nonce: str
    extra: msgspec.Raw = msgspec.field(name="extra-params", default=msgspec.Raw(b"{}"))


class _Token(msgspec.Struct):
    token: str


class _Cnf(msgspec.Struct):
    jwk: dict[str, object] = {}


class _Claims(msgspec.Struct):
    exp: int
    iat: int = 0
    cnf: _Cnf = msgspec.field(default_factory=_Cnf)
    trust: str = msgspec.field(name="broker-trust", default="")


class _Problem(msgspec.Struct):
    type: str = ""
    detail: str = ""


def opening(tee: str) -> bytes:
    """The message that asks for a challenge. `tee` is the protocol's name of the root of trust."""
    extra = {"supported-hash-algorithms": list(runtime_data.HASHES)}
    return msgspec.json.encode({"version": VERSION, "tee": tee, "extra-params": extra})


def challenge(body: bytes) -> Challenge:
    """The challenge of an answer. Raises Malformed: no nonce in base64 of 16 octets or more, or a hash that is too weak."""
    held = _decoded(body, _Challenge, "challenge")
    try:
        extra = msgspec.json.decode(held.extra, type=_Extra | str)
        octets = base64.b64decode(held.nonce.encode("ascii", "replace"), validate=True)
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        raise Malformed("challenge", "a nonce or parameters that cannot be read", "a nonce in base64") from None
    algorithm = extra.algorithm if isinstance(extra, _Extra) else "sha384"
    if not LEAST_NONCE <= len(octets) <= MOST_NONCE:
        raise Malformed("challenge", f"a nonce of {len(octets)} octets", f"{LEAST_NONCE} to {MOST_NONCE}")
    if algorithm not in runtime_data.HASHES:
        raise Malformed("challenge", f"the hash {algorithm[:20]!r}", ", ".join(runtime_data.HASHES))
    return Challenge(held.nonce, algorithm)


def runtime(asked: Challenge, key: Mapping[str, object]) -> bytes:
    """The runtime data in its canonical form: the broker's nonce, and the public key of the requester."""
    members = {str(n): str(v) for n, v in key.items()}
    return runtime_data.of_value({"nonce": asked.nonce, "tee-pubkey": dict[str, Json](members)})


def answer(runtime_octets: bytes, primary: bytes, additional: str, init: str | None = None) -> bytes:
    """The answer to a challenge. `primary` is JSON: what the root of trust gave."""
    body: dict[str, object] = {
        "runtime-data": msgspec.Raw(runtime_octets),
        "tee-evidence": {"primary_evidence": msgspec.Raw(primary), "additional_evidence": additional},
    }
    if init is not None:
        body["init-data"] = {"format": "toml", "body": init}
    return msgspec.json.encode(body)


def standing(body: bytes) -> Standing:
    """The token of an answer, with what it says. Raises Malformed."""
    token = _decoded(body, _Token, "answer to attest").token
    payload = jose.read(token.encode("ascii", "replace")).payload
    claims = _decoded(payload, _Claims, "token")
    return Standing(token, claims.cnf.jwk, claims.trust[:40], claims.iat, claims.exp)


def signed_by(token: str, key: bytes) -> None:
    """Raise BadSignature where the key (SPKI, DER, of P-256) did not sign the token."""
    jose.verify(jose.read(token.encode("ascii", "replace")), jose.Algorithm.ES256, key)


def cookie(header: str) -> str:
    """The session in a `Set-Cookie` header; empty where there is none."""
    found = _COOKIE.search(header)
    return found[1] if found else ""


def told(body: bytes) -> Told:
    """The refusal of an answer, as far as it can be read; it is shown to people, so it is cut and made printable."""
    try:
        held = _decoded(body, _Problem, "problem")
    except BadInput:
        return Told("", "no reason given")
    kind = held.type.removeprefix(ERRORS).strip("/")
    detail = "".join(c if c.isprintable() else " " for c in held.detail)[:300]
    return Told(kind if _WORD.fullmatch(kind) else "", detail or "no reason given")


def _decoded(body: bytes, kind: type[T], subject: str) -> T:
    strict_json.check(body, subject)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(subject, str(e)[:160], "an answer of the Key Broker Service protocol") from None
