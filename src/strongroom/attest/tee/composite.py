"""A whole node: a root of trust, its GPUs and switches, bound to one challenge and one public key.

This file reads the envelope. What is in it is judged by the verifiers of its kinds and by `attest/compose.py`; judged as
one piece of evidence, without those, it opens nothing.
"""

import base64
import binascii
from collections.abc import Iterator

import msgspec

from strongroom.attest import compose
from strongroom.attest.compose import Whole
from strongroom.attest.members import ADDITIONAL, INIT, MEMBER, MOST, NAME, RUNTIME
from strongroom.attest.verifier import Field, Verifier
from strongroom.kit import runtime_data, strict_json
from strongroom.model.attest import Evidence, EvidenceKind, EvidencePart
from strongroom.model.errors import BadInput, Malformed

SCHEMA = "strongroom.composite-evidence/1"
_SUBJECT = "composite evidence"
_OCTETS, _JSON = "application/octet-stream", "application/json"


class _Member(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    kind: str
    evidence: str


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    runtime_data: str
    members: list[_Member]
    init_data: str = ""
    additional_evidence: str | None = None


def recognises(octets: bytes) -> int:
    """Certain where the schema is named."""
    return 100 if octets[:1] == b"{" and SCHEMA.encode() in octets[:4096] else 0


def read(octets: bytes) -> tuple[EvidencePart, ...]:
    """The parts of an envelope.

        {"schema": "strongroom.composite-evidence/1", "runtime_data": "<base64>", "init_data": "<base64>",
         "members": [{"name": "cpu0", "kind": "tdx", "evidence": "<base64>"}, …]}

    `additional_evidence` is the text of the devices' evidence that the root of trust signed with the runtime data, as
    the Key Broker Service protocol has it; where it is given, `members` are the root's alone. Raises Malformed.
    """
    strict_json.check(octets, _SUBJECT)
    try:
        held = msgspec.json.decode(octets, type=_Envelope)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as e:
        raise Malformed(_SUBJECT, str(e)[:200], f"an object of schema {SCHEMA}") from None
    if held.schema != SCHEMA:
        raise Malformed(_SUBJECT, f"schema {held.schema[:60]!r}", SCHEMA)
    if not 0 < len(held.members) <= MOST:
        raise Malformed(_SUBJECT, f"{len(held.members)} members", f"1 to {MOST}")
    parts = [EvidencePart(RUNTIME, _JSON, _decoded(held.runtime_data, "runtime_data"))]
    if held.init_data:
        parts.append(EvidencePart(INIT, "application/toml", _decoded(held.init_data, "init_data")))
    if held.additional_evidence is not None:
        parts.append(EvidencePart(ADDITIONAL, _JSON, held.additional_evidence.encode("utf-8", "replace")))
    return (*parts, *_members(held.members))


def _members(listed: list[_Member]) -> Iterator[EvidencePart]:
    known = {k.value for k in EvidenceKind} - {EvidenceKind.COMPOSITE.value}
    seen = set()
    for m in listed:
        if m.kind not in known:
            raise Malformed(_SUBJECT, f"a member of kind {m.kind[:40]!r}", f"one of {', '.join(sorted(known))}")
        if not NAME.fullmatch(m.name) or m.name in seen:
            raise Malformed(_SUBJECT, f"a member called {m.name[:40]!r}", "names of their own, such as cpu0")
        seen.add(m.name)
        yield EvidencePart(f"{MEMBER}.{m.kind}.{m.name}", _OCTETS, _decoded(m.evidence, m.name))


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii", "replace"), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(_SUBJECT, f"{name} that is not base64", "octets in base64") from None


def fields(evidence: Evidence) -> Iterator[Field]:
    """What everything is bound to; the members have fields of their own."""
    runtime = evidence.part(RUNTIME)
    try:
        held = runtime_data.read(runtime.data) if runtime else None
    except BadInput:
        return
    if held:
        yield Field("nonce", -1, len(held.nonce), held.nonce.hex(), "what the verifier asked")
        yield Field("tee-pubkey", -1, len(held.key.spki), held.key.thumbprint, f"for {held.key.algorithm}")


VERIFIER: Verifier[Whole] = Verifier(
    kind=EvidenceKind.COMPOSITE,
    title="a whole node: root of trust, GPUs, switches",
    spec="KBS attestation protocol, RFC 9334",
    recognises=recognises,
    read=read,
    wants=lambda _: (),
    begin=compose.begin,
    steps=compose.STEPS,
    conclude=compose.conclude,
    fields=fields,
)
