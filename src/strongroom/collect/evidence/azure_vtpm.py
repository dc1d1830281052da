"""Evidence of an Azure confidential VM: the paravisor's report, a quote of its virtual TPM, and for TDX the quote of the TD.

Sources: Azure, "Confidential VM guest attestation design detail" (the report at NV index 0x01400001, the attestation key
at handle 0x81000003); Azure Instance Metadata Service, `/metadata/THIM/amd/certification` and `/acc/tdquote`. The JSON is
version 1 of what Trustee's attesters write. Not run in Azure where this was written; see the proof levels.
"""

import base64
import binascii
import http.client
import tempfile
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from strongroom.collect.evidence.collected import Collected
from strongroom.collect.evidence.tpm_tools import Setting, Tools
from strongroom.model.attest import EvidenceKind, EvidencePart
from strongroom.model.errors import BadUsage, Malformed, Unreadable

IMDS = (
    "http://169.254.169.254"  # reachable from this VM alone; it is believed about certificates, which prove themselves
)
_REPORT, _KEY = "0x01400001", "0x81000003"
_HEAD, _HARDWARE, _TD_REPORT = 32, 1184, 1024  # octets: of the head, the hardware's report, and a TD's own report
_TYPE_AT = _HEAD + _HARDWARE + 8
_KINDS = {2: EvidenceKind.AZURE_SNP, 4: EvidenceKind.AZURE_TDX}
_BANK, _COUNT = 32, 24
_MOST = 1 << 16  # octets of an answer of the metadata service
_SECONDS = 10.0
T = TypeVar("T")
_HINT = "run it as root inside of an Azure confidential VM"


class _Quote(msgspec.Struct):
    quote: str


class _Certification(msgspec.Struct):
    vcek: str = msgspec.field(name="vcekCert")


def kind(setting: Setting) -> EvidenceKind:
    """What the VM runs on, as the paravisor's report says. Raises NotFound, Unreadable, Malformed."""
    with tempfile.TemporaryDirectory(prefix="strongroom-") as work:
        return _kind(_report(Tools(setting, Path(work))))


def collect(nonce: bytes, setting: Setting, imds: str = IMDS) -> Collected:
    """A quote over the nonce by the key that the paravisor's report vouches for.

    Raises:
        NotFound: there are no tools, or no TPM.
        Unreadable: the TPM refuses, has no such report, or the metadata service does not answer for a TD.
        Malformed: what they answer is none.
        BadUsage: the nonce has more octets than a quote takes.
    """
    if len(nonce) > 64:
        raise BadUsage("quote", f"a nonce of {len(nonce)} octets", "at most 64")
    with tempfile.TemporaryDirectory(prefix="strongroom-") as work:
        tools = Tools(setting, Path(work))
        report = _report(tools)
        found = _kind(report)
        whole = {"version": 1, "hcl_report": _text(report), "tpm_quote": _quote(tools, nonce)}
    whole |= {"vcek": _vcek(imds)} if found is EvidenceKind.AZURE_SNP else {"td_quote": _td_quote(report, imds)}
    part = EvidencePart("evidence", "application/json", msgspec.json.encode(whole))
    return Collected(found, (part,), "azure-vtpm")


def _report(tools: Tools) -> bytes:
    tools.run("nvread", _REPORT, "-C", "o", "-o", "report.bin")
    report = (tools.folder / "report.bin").read_bytes()
    if report[:4] != b"HCLA" or len(report) < _TYPE_AT + 4:
        raise Malformed(
            "paravisor's report", f"{len(report)} octets that are none", "a report of Azure's paravisor", _HINT
        )
    return report


def _kind(report: bytes) -> EvidenceKind:
    number = int.from_bytes(report[_TYPE_AT : _TYPE_AT + 4], "little")
    if number not in _KINDS:
        raise Malformed("paravisor's report", f"hardware of type {number}", "SEV-SNP (2) or TDX (4)", _HINT)
    return _KINDS[number]


def _quote(tools: Tools, nonce: bytes) -> dict[str, object]:
    """Registers are read behind the quote: what changes in between, a verifier sees by their hash."""
    chosen = f"sha256:{','.join(map(str, range(_COUNT)))}"
    out = ("-m", "quote.msg", "-s", "quote.sig", "-f", "plain")
    tools.run("quote", "-c", _KEY, "-l", chosen, "-g", "sha256", "-q", nonce.hex(), *out)
    tools.run("pcrread", chosen, "-o", "pcrs.bin")
    message, signature, registers = ((tools.folder / n).read_bytes() for n in ("quote.msg", "quote.sig", "pcrs.bin"))
    if len(registers) != _BANK * _COUNT:
        raise Malformed("registers", f"{len(registers)} octets", f"{_COUNT} of {_BANK}")
    pcrs = [registers[n : n + _BANK].hex() for n in range(0, len(registers), _BANK)]
    return {"message": message.hex(), "signature": signature.hex(), "pcrs": pcrs}


def _vcek(imds: str) -> str:
    """The chip's certificate; without it a verifier asks AMD."""
    try:
        return _asked(imds, "GET", "/metadata/THIM/amd/certification", None, _Certification).vcek
    except Unreadable:
        return ""


def _td_quote(report: bytes, imds: str) -> str:
    body = msgspec.json.encode({"report": _text(report[_HEAD : _HEAD + _TD_REPORT])})
    found = _asked(imds, "POST", "/acc/tdquote", body, _Quote).quote
    try:
        octets = base64.urlsafe_b64decode(found + "=" * (-len(found) % 4))
    except (binascii.Error, ValueError):
        raise Malformed("TD quote", "text that is not base64", "a quote") from None
    return _text(octets)


def _asked(imds: str, method: str, path: str, body: bytes | None, wanted: type[T]) -> T:
    at = urlsplit(imds)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=_SECONDS)
    headers = {"Metadata": "true", "Content-Type": "application/json"}
    try:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        data = answer.read(_MOST)
    except (OSError, http.client.HTTPException) as e:
        why = getattr(e, "strerror", "") or type(e).__name__
        raise Unreadable(f"{imds}{path}", str(why).lower(), "Azure's metadata service", _HINT) from None
    finally:
        connection.close()
    if answer.status != 200:
        raise Unreadable(f"{imds}{path}", f"status {answer.status}", "Azure's metadata service", _HINT)
    try:
        return msgspec.json.decode(data, type=wanted)
    except (msgspec.MsgspecError, RecursionError) as e:
        raise Malformed(f"{imds}{path}", str(e)[:160], "an answer of Azure's metadata service") from None


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
