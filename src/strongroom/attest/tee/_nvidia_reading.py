"""How evidence of NVIDIA GPUs and switches arrives: a bare report, or the list that NVIDIA's SDK writes for several.

Source: NVIDIA attestation SDK, the evidence list: `[{"arch", "nonce", "evidence", "certificate"}]`, report and PEM chain
in base64.
"""

import base64
import binascii
import re

import msgspec

from strongroom.attest.tee import _nvidia_report as reports
from strongroom.kit import strict_json
from strongroom.kit.armour import unarmoured
from strongroom.kit.x509 import pem
from strongroom.model.attest import EvidencePart
from strongroom.model.errors import Malformed

REPORT, CERTIFICATES, ARCHITECTURE = "report", "certificates", "architecture"
MEDIA_TYPE = "application/vnd.nvidia.gpu.report"
MOST_GPUS = 64  # of one machine, or of one rack that answers as one
_DER, _TEXT = "application/pkix-cert", "text/plain"
_WHAT = "GPU evidence"
_SWITCH = re.compile(rb'"arch"\s*:\s*"LS10"', re.IGNORECASE)


class _Gpu(msgspec.Struct):
    evidence: str
    certificate: str = ""
    arch: str = ""
    nonce: str = ""


def recognises_switches(data: bytes) -> int:
    """As `recognises`, of what says that it is a switch's: the list by its architecture, a report by its own number."""
    if data.lstrip()[:1] in (b"[", b"{"):
        return 97 if recognises(data) and _SWITCH.search(data) else 0
    try:
        return 97 if reports.begins(data) and reports.parse(data).is_of_switch else 0
    except Malformed:
        return 0


def recognises(data: bytes) -> int:
    """By the request and its answer, or by the list's own fields."""
    head = data.lstrip()[:1]
    if head in (b"[", b"{"):
        start = data[: 1 << 16]
        return 95 if b'"evidence"' in start and b'"arch"' in start else 0
    return 95 if reports.begins(data) else 0


def read(data: bytes) -> tuple[EvidencePart, ...]:
    """The parts, numbered by GPU from 0. Raises Malformed for JSON that is no list of evidence."""
    if data.lstrip()[:1] not in (b"[", b"{"):
        return (EvidencePart(f"{REPORT}.0", MEDIA_TYPE, data),)
    strict_json.check(data, _WHAT)
    try:
        found = msgspec.json.decode(data, type=list[_Gpu])
    except msgspec.MsgspecError as e:
        raise Malformed(_WHAT, str(e)[:200], "a list of arch, nonce, evidence and certificate") from None
    if not 1 <= len(found) <= MOST_GPUS:
        raise Malformed(_WHAT, f"{len(found)} GPUs", f"1 to {MOST_GPUS}")
    parts: list[EvidencePart] = []
    for n, gpu in enumerate(found):
        parts.append(EvidencePart(f"{REPORT}.{n}", MEDIA_TYPE, _report(gpu.evidence)))
        chain = b"".join(b.data for b in pem.blocks(_octets(gpu.certificate))) if gpu.certificate else b""
        if chain:
            parts.append(EvidencePart(f"{CERTIFICATES}.{n}", _DER, chain))
        if gpu.arch:
            parts.append(EvidencePart(f"{ARCHITECTURE}.{n}", _TEXT, gpu.arch.encode()))
    return tuple(parts)


def _octets(text: str) -> bytes:
    if text.startswith("-----BEGIN "):
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(_WHAT, "a field that is not base64", "base64") from None


def _report(text: str) -> bytes:
    """The report: in base64, where some write hexadecimal in base64."""
    octets = _octets(text)
    if reports.begins(octets):
        return octets
    return next((x for x in unarmoured(octets) if reports.begins(x)), octets)
