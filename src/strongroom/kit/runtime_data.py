"""Runtime data: what a whole node binds itself to. The verifier's nonce, and the one public key of the requester.

The attester hashes it by the canonical form of RFC 8785 and has the hardware sign the hash; every device is asked with
the same hash, cut to the size of its nonce (Key Broker Service attestation protocol, "Runtime data"). So evidence of
another machine, of another request, or for another's key is no evidence here.
"""

import base64
import binascii
import hashlib
from typing import NamedTuple

import msgspec

from strongroom.kit import strict_json
from strongroom.kit.canonical import Json, canonical
from strongroom.kit.jwk import Recipient, recipient
from strongroom.model.errors import Malformed

HASHES = ("sha256", "sha384", "sha512")
NONCE = 32  # octets of the nonce of SPDM 1.1 (DSP0274 10.11.1): what a GPU or switch is asked with
MOST = 1 << 16
_SUBJECT = "runtime data"
_ADDITIONAL = "additional-evidence"


class RuntimeData(NamedTuple):
    """What it says: the nonce in octets, and the key."""

    octets: bytes
    nonce: bytes
    key: Recipient

    def digest(self, algorithm: str) -> bytes:
        """The hash of its canonical form. `algorithm` is one of HASHES."""
        return digest(self.octets, algorithm)


def digest(octets: bytes, algorithm: str) -> bytes:
    """The hash of octets by an algorithm of HASHES. Raises Malformed for another."""
    if algorithm not in HASHES:
        raise Malformed("hash algorithm", repr(algorithm[:20]), ", ".join(HASHES))
    return hashlib.new(algorithm, octets).digest()


def of_value(value: Json) -> bytes:
    """The octets that are hashed, of a value that came within another document. Raises Malformed."""
    return canonical(value, _SUBJECT)


def read(octets: bytes) -> RuntimeData:
    """What the octets say, in whatever form. Raises Malformed: no object with a nonce in base64 and a `tee-pubkey`."""
    if len(octets) > MOST:
        raise Malformed(_SUBJECT, f"{len(octets)} octets", f"at most {MOST}")
    strict_json.check(octets, _SUBJECT)
    try:
        held = msgspec.json.decode(octets)
    except (msgspec.DecodeError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:120], "a JSON object") from None
    if not isinstance(held, dict):
        raise Malformed(_SUBJECT, "no object", "an object with nonce and tee-pubkey")
    key = held.get("tee-pubkey")
    if not isinstance(key, dict):
        raise Malformed(_SUBJECT, "no tee-pubkey", "a public key, as JSON Web Key")
    return RuntimeData(octets, _nonce(held.get("nonce")), recipient(key))


def with_devices(octets: bytes, additional: bytes) -> bytes:
    """What the root of trust signs where devices answered before it: the runtime data, with their evidence as a text.

    Raises Malformed for runtime data that is no object, or evidence that is no text.
    """
    try:
        held = msgspec.json.decode(octets)
        text = additional.decode("utf-8")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:120], "a JSON object, and the devices' evidence as text") from None
    if not isinstance(held, dict) or _ADDITIONAL in held:
        raise Malformed(_SUBJECT, "no object of its own", "an object with nonce and tee-pubkey alone")
    return canonical({**held, _ADDITIONAL: text}, _SUBJECT)


def check_canonical(octets: bytes) -> None:
    """Raise Malformed for JSON in another form than the canonical one, of which there is one only (RFC 8785)."""
    if canonical(msgspec.json.decode(octets), _SUBJECT) != octets:
        raise Malformed(_SUBJECT, "JSON in another form", "the canonical form of RFC 8785")


def _nonce(text: object) -> bytes:
    wanted = "the verifier's nonce in base64"
    if not isinstance(text, str):
        raise Malformed(_SUBJECT, "no nonce", wanted)
    try:
        octets = base64.b64decode(text.encode("ascii", "replace"), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(_SUBJECT, "a nonce that is not base64", wanted) from None
    if not octets:
        raise Malformed(_SUBJECT, "an empty nonce", wanted)
    return octets
