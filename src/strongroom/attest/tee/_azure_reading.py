"""How the evidence of an Azure confidential VM arrives: the bare HCL report, or as the JSON of a guest's agent.

The JSON is what Trustee's attesters write for `az-snp-vtpm` and `az-tdx-vtpm`: without a version, with octets as lists of
numbers, and in version 1, with octets in hexadecimal and base64.
"""

import base64
import binascii

import msgspec

from strongroom.attest.tee import _azure_hcl as hcl
from strongroom.kit import strict_json
from strongroom.kit.x509 import pem
from strongroom.model.attest import EvidencePart
from strongroom.model.errors import Malformed

REPORT, QUOTE, SIGNATURE, PCRS = "hcl-report", "tpm-quote", "tpm-signature", "pcrs"
CERTIFICATES, TD_QUOTE, EVENT_LOG = "certificates", "td-quote", "event-log"
BANK = 32  # octets of a register of the SHA-256 bank
MOST_PCRS = 24
_OCTETS = "application/octet-stream"
_MEDIA = {CERTIFICATES: "application/pkix-cert", TD_QUOTE: "application/vnd.intel.dcap.quote"}
_TYPE_AT = hcl.HEAD + hcl.HARDWARE + 8  # of the type of the hardware report


class _Tpm(msgspec.Struct):
    message: list[int] | str
    signature: list[int] | str
    pcrs: list[list[int] | str]


class _Json(msgspec.Struct):
    version: int = 0
    hcl_report: list[int] | str = ""
    report: list[int] | str = ""
    tpm_quote: _Tpm | None = None
    quote: _Tpm | None = None
    vcek: str = ""
    td_quote: list[int] | str = ""
    event_log: list[int] | str | None = None  # of the vTPM: what the firmware has measured


def recognises(data: bytes, kind: int) -> int:
    """By the magic and the type of the hardware report; or by the names of the JSON."""
    if data.lstrip()[:1] != b"{":
        mine = data[:4] == hcl.MAGIC and len(data) >= hcl.LEAST
        return 100 if mine and int.from_bytes(data[_TYPE_AT : _TYPE_AT + 4], "little") == kind else 0
    text = data[: 1 << 20]
    if b'"pcrs"' not in text or not (b'"hcl_report"' in text or b'"report"' in text):
        return 0
    return 97 if (b'"td_quote"' in text) == (kind == hcl.TDX) else 0


def read(data: bytes) -> tuple[EvidencePart, ...]:
    """The parts. Raises Malformed for JSON that is none, or lacks a field."""
    if data.lstrip()[:1] != b"{":
        return (EvidencePart(REPORT, _OCTETS, data),)
    strict_json.check(data, "Azure evidence")
    try:
        held = msgspec.json.decode(data, type=_Json)
        found = _parts(held)
    except (msgspec.MsgspecError, ValueError, OverflowError) as e:
        raise Malformed("Azure evidence", str(e)[:200], "report, quote and certificate of an agent") from None
    return tuple(EvidencePart(name, _MEDIA.get(name, _OCTETS), octets) for name, octets in found.items() if octets)


def _parts(held: _Json) -> dict[str, bytes]:
    if held.version not in (0, 1):
        raise ValueError(f"version {held.version}")
    quote = held.tpm_quote or held.quote
    found = {REPORT: _octets(held.hcl_report or held.report)}
    if quote is not None:
        registers = [_hex(p) for p in quote.pcrs[: MOST_PCRS + 1]]
        if any(len(r) != BANK for r in registers):
            raise ValueError(f"a register that has not {BANK} octets")
        found |= {QUOTE: _hex(quote.message), SIGNATURE: _hex(quote.signature), PCRS: b"".join(registers)}
    return found | {
        CERTIFICATES: _certificates(held.vcek),
        TD_QUOTE: _octets(held.td_quote),
        EVENT_LOG: _octets(held.event_log or ""),
    }


def _hex(value: list[int] | str) -> bytes:
    return bytes.fromhex(value) if isinstance(value, str) else bytes(value)


def _octets(value: list[int] | str) -> bytes:
    """A list of numbers, or base64 in either alphabet, padded or not."""
    if not isinstance(value, str):
        return bytes(value)
    text = value.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("text that is not base64") from None


def _certificates(text: str) -> bytes:
    if text.lstrip().startswith("-----"):
        return b"".join(b.data for b in pem.blocks(text.encode()))
    return _octets(text)
