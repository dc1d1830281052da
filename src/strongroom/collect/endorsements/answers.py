"""What a service answered, taken apart; an answer that is not what was asked for is no answer."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from strongroom.collect.endorsements.services import Question
from strongroom.kit import endorsement_text, intel_collateral, ocsp, strict_json
from strongroom.kit.endorsement_names import KEY_SET, described, kept_as
from strongroom.model.attest import Endorsement, EndorsementKind, Endorsements
from strongroom.model.errors import BadInput, Malformed

# Headers with the chain of the signer, percent-encoded PEM (PCS API version 4; the third is that of version 3).
_CHAINS = ("tcb-info-issuer-chain", "sgx-enclave-identity-issuer-chain", "sgx-tcb-info-issuer-chain")
_LIST_CHAIN = "sgx-pck-crl-issuer-chain"


class Answer(NamedTuple):
    """An answer over HTTP; the names of headers are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


class _Manifest(msgspec.Struct):
    rim: str
    sha256: str = ""


def _manifest(answer: Answer, origin: str) -> Endorsements:
    """What NVIDIA's service wraps a manifest in. Its own hash is compared where it gives one."""
    strict_json.check(answer.body, origin)
    try:
        found = msgspec.json.decode(answer.body, type=_Manifest)
        octets = base64.b64decode(found.rim, validate=True)
    except (msgspec.MsgspecError, ValueError) as e:
        raise Malformed(origin, str(e)[:200], "a manifest in base64") from None
    held = endorsement_text.read(octets, origin)
    if [e.kind for e in held.items] != [EndorsementKind.RIM]:
        raise Malformed(origin, "something else", "a manifest")
    if found.sha256 and hashlib.sha256(octets).hexdigest() != found.sha256.lower():
        raise Malformed(origin, "a manifest of another hash", found.sha256[:64])
    return held


def with_nonce(answer: Answer, origin: str, nonce: bytes) -> None:
    """Raises Malformed for an answer that was not made for this question: an old one may be about better times."""
    try:
        held = ocsp.parse(answer.body).nonce
    except BadInput as e:
        raise Malformed(origin, e.found, e.wanted) from None
    if held != nonce:
        raise Malformed(origin, "another nonce, or none", "the nonce that was asked with")


def read(answer: Answer, origin: str, names: Iterable[str], now: datetime) -> Endorsements:
    """What the answer holds, when every name that was asked for is among it and holds now.

    Raises:
        Malformed: it is something else, says it of something else, or is over already.
    """
    try:
        found = _items(answer, origin)
    except BadInput as e:
        raise Malformed(origin, e.found, e.wanted) from None
    held = {d.name: d for d in map(described, found.items) if d is not None}
    for name in names:
        if kept_as(name) not in held:
            raise Malformed(origin, "something else than was asked for", name)
        if kept_as(name) == KEY_SET:
            continue  # it has no dates, and whether the key is among it is the caller's question
        if not held[name].holds(now):
            begins, ends = held[name].begins, held[name].ends
            raise Malformed(origin, f"what holds from {_day(begins)} to {_day(ends)}", f"what holds at {_day(now)}")
    return found


class _Discovery(msgspec.Struct):
    jwks_uri: str


def key_set_at(answer: Answer, question: Question) -> Question:
    """The question for the key set that a service's configuration names. Raises Malformed for another's."""
    strict_json.check(answer.body, question.url)
    try:
        at = msgspec.json.decode(answer.body, type=_Discovery).jwks_uri
    except msgspec.MsgspecError as e:
        raise Malformed(question.url, str(e)[:200], "jwks_uri") from None
    if not any(at.startswith(f"{base}/") for base in question.leads_to):
        raise Malformed(question.url, f"keys at {at[:120]!r}", f"below {' or '.join(question.leads_to)}")
    return question._replace(url=at, leads_to=())


def _items(answer: Answer, origin: str) -> Endorsements:
    if answer.body.lstrip()[:1] == b"{" and b'"rim"' in answer.body:
        return _manifest(answer, origin)
    if not intel_collateral.recognises(answer.body):
        found = endorsement_text.read(answer.body, origin)
        return found + _certificates(answer.headers.get(_LIST_CHAIN, ""), origin)
    header = next((answer.headers[h] for h in _CHAINS if h in answer.headers), "")
    return intel_collateral.read(answer.body, intel_collateral.chain_of(header.encode("latin-1", "replace")), origin)


def _certificates(header: str, origin: str) -> Endorsements:
    chain = intel_collateral.chain_of(header.encode("latin-1", "replace"))
    return Endorsements(tuple(Endorsement(EndorsementKind.CERTIFICATE, c, origin=origin) for c in chain))


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at is not None else "no time that it tells"
