"""How Intel quotes arrive: the bare quote, or as the JSON of a guest's agent with the quote in base64 or hexadecimal.

The JSON is what Trustee's attesters write (`quote`, `cc_eventlog`), what dstack's agent answers (`quote`), or Strongroom's
own (`schema`, `quote`, `event_log`, both in base64); a log beside the quote is a part of its own.
"""

import re
import struct

import msgspec

from strongroom.attest.tee import _dcap_quote as quotes
from strongroom.attest.tee._dcap_case import EVENT_LOG, QUOTE
from strongroom.kit import armour, strict_json
from strongroom.model.attest import EvidenceKind, EvidencePart
from strongroom.model.errors import Malformed

SCHEMA = "strongroom.tdx-evidence/1"
MEDIA_TYPE = "application/vnd.intel.dcap.quote"
_LOG_TYPE = "application/vnd.tcg.ccel"
_HEAD = struct.Struct("<HHI4x16s")
_FIELD = re.compile(rb'"quote"\s*:\s*"([A-Za-z0-9+/=_\\-]{64,})"')
_TEE = {EvidenceKind.TDX: quotes.TDX, EvidenceKind.SGX: quotes.SGX}


class _Json(msgspec.Struct):
    quote: str
    cc_eventlog: str | None = None
    schema: msgspec.Raw = msgspec.Raw(b'""')
    event_log: msgspec.Raw = msgspec.Raw(b'""')  # others have a list of events there


def recognises(data: bytes, kind: EvidenceKind) -> int:
    """By version, kind of TEE and vendor; or by the quote inside the JSON."""
    if data.lstrip()[:1] == b"{":
        found = _inside(data, kind)
        return 95 if found and _looks_like(found, kind) else 0
    return _looks_like(data, kind)


def _looks_like(data: bytes, kind: EvidenceKind) -> int:
    if len(data) < quotes.HEADER:
        return 0
    version, _, tee, vendor = _HEAD.unpack_from(data)
    if not 3 <= version <= 16 or tee != _TEE[kind]:
        return 0
    return 100 if vendor == quotes.INTEL_VENDOR else 40 if version <= 5 and kind is EvidenceKind.TDX else 0


def _inside(data: bytes, kind: EvidenceKind) -> bytes:
    """The quote of the JSON that is of the kind; nothing where there is none. A glance: `read` reads it strictly."""
    found = _FIELD.search(data)
    text = found[1].replace(b"\\/", b"/") if found else b""
    return next((q for q in armour.unarmoured(text) if _looks_like(q, kind)), b"")


def read(data: bytes, kind: EvidenceKind) -> tuple[EvidencePart, ...]:
    """The parts. Raises Malformed for JSON that is none, or holds no quote."""
    if data.lstrip()[:1] != b"{":
        return (EvidencePart(QUOTE, MEDIA_TYPE, data),)
    subject = f"{kind.upper()} evidence"
    strict_json.check(data, subject)
    try:
        held = msgspec.json.decode(data, type=_Json)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(subject, str(e)[:200], "the quote of an agent") from None
    coded = armour.unarmoured(held.quote.encode())
    quote = next((q for q in coded if _looks_like(q, kind)), coded[0] if coded else b"")
    if not quote:
        raise Malformed(subject, "a quote that is neither base64 nor hexadecimal", "a quote")
    part = EvidencePart(QUOTE, MEDIA_TYPE, quote)
    text = _log(held, subject)
    if not text:
        return (part,)
    log = armour.unarmoured(text.encode())
    if not log:
        raise Malformed(subject, "an event log that is not base64", "base64")
    return part, EvidencePart(EVENT_LOG, _LOG_TYPE, log[0])


def _log(held: _Json, subject: str) -> str:
    """The log beside the quote. What others call `event_log` is none that a register is replayed from."""
    if bytes(held.schema) != f'"{SCHEMA}"'.encode():
        return held.cc_eventlog or ""
    try:
        return msgspec.json.decode(held.event_log, type=str)
    except msgspec.MsgspecError as e:
        raise Malformed(subject, str(e)[:200], SCHEMA) from None
