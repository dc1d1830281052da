"""How a TPM's evidence arrives: as Strongroom's own JSON, as Trustee's, and as go-tpm-tools' protocol buffer.

Sources: TPM 2.0 Library, Part 2; `attest.proto` and `tpm.proto` of go-tpm-tools; the tpm evidence of Trustee's key broker;
`files.c` of tpm2-tools for the file of register values that `tpm2_quote --pcr` writes.
"""

import base64
import binascii
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from strongroom.kit import strict_json, tpm
from strongroom.kit.formats.bounded import Memory
from strongroom.kit.formats.protobuf import BYTES, VARINT, Field, Message
from strongroom.model.attest import EvidencePart
from strongroom.model.errors import BadInput, Malformed

SCHEMA = "strongroom.tpm-evidence/1"
QUOTE, SIGNATURE, PCRS = "quote", "signature", "pcrs"
QUOTED = (QUOTE, SIGNATURE, PCRS)  # of each quote, where there are several
AK, AK_KEY, AK_CERTIFICATE = "ak-public", "ak-key", "ak-certificate"
EVENT_LOG, IMA_LOG = "event-log", "ima-log"
_OCTETS, _JSON = "application/octet-stream", "application/json"
MOST_CERTIFICATES = 8
_PREFERRED = (0x000B, 0x000C, 0x000D, 0x0004)  # which quote of several, where none is of the policy's bank
_SELECTIONS, _DIGESTS = 132, 532  # octets of the structures that tpm2_quote writes as they lie in memory

Values = Mapping[tuple[int, int], bytes]  # by bank and register


class _Own(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON form: octets in base64."""

    schema: str
    quote: str
    signature: str
    pcrs: dict[str, dict[str, str]] = {}  # by bank and register, hex
    pcrs_file: str = ""  # or what tpm2_quote wrote
    ak: str = ""
    ak_certificates: tuple[str, ...] = ()  # DER, the key's own first
    event_log: str = ""
    ima_log: str = ""


class _Quoted(msgspec.Struct):
    message: str
    signature: str
    pcrs: tuple[str, ...]


class _Trustee(msgspec.Struct):
    ak_public: str
    tpm_quote: _Quoted
    event_log: str | None = None


def recognises(data: bytes) -> int:
    """By the schema, by Trustee's names of fields, or by the magic where go-tpm-tools puts it."""
    head = data[:1].strip() or data.lstrip()[:1]
    if head == b"{":
        if SCHEMA.encode() in data[: 1 << 16]:
            return 95
        return 80 if b'"tpm_quote"' in data[: 1 << 16] and b'"ak_public"' in data[: 1 << 16] else 0
    if data[:4] == tpm.MAGIC.to_bytes(4, "big"):
        return 60
    return 85 if data[:1] == b"\x0a" and b"\xff\x54\x43\x47\x80\x18" in data[: 1 << 12] else 0


def read(data: bytes) -> tuple[EvidencePart, ...]:
    """The parts of any of the forms. Raises Malformed."""
    if data.lstrip()[:1] == b"{":
        strict_json.check(data, "TPM evidence")
        return _own(data) if SCHEMA.encode() in data[: 1 << 16] else _trustee(data)
    if data[:4] == tpm.MAGIC.to_bytes(4, "big"):
        return (EvidencePart(QUOTE, _OCTETS, data),)
    return _attestation(data)


def _octets(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("TPM evidence", f"{what} that is no base64", "base64") from None


def _parts(named: Mapping[str, bytes]) -> tuple[EvidencePart, ...]:
    return tuple(
        EvidencePart(n, _JSON if n.startswith(PCRS) and d[:1] == b"{" else _OCTETS, d) for n, d in named.items() if d
    )


def _own(data: bytes) -> tuple[EvidencePart, ...]:
    try:
        held = msgspec.json.decode(data, type=_Own)
    except msgspec.MsgspecError as e:
        raise Malformed("TPM evidence", str(e), SCHEMA) from None
    if held.schema != SCHEMA or len(held.ak_certificates) > MOST_CERTIFICATES or (held.pcrs and held.pcrs_file):
        raise Malformed("TPM evidence", f"the schema {held.schema[:60]!r}, or too much of a kind", SCHEMA)
    ak = _octets(held.ak, "ak")
    named = {
        QUOTE: _octets(held.quote, "quote"),
        SIGNATURE: _octets(held.signature, "signature"),
        PCRS: msgspec.json.encode(held.pcrs) if held.pcrs else _octets(held.pcrs_file, "pcrs_file"),
        AK_KEY if ak[:1] == b"\x30" else AK: ak,
        **{_certificate(n): _octets(c, "a certificate") for n, c in enumerate(held.ak_certificates)},
        EVENT_LOG: _octets(held.event_log, "event_log"),
        IMA_LOG: _octets(held.ima_log, "ima_log"),
    }
    return _parts(named)


def _certificate(n: int) -> str:
    return f"{AK_CERTIFICATE}.{n}" if n else AK_CERTIFICATE


def _trustee(data: bytes) -> tuple[EvidencePart, ...]:
    """Trustee's: register values as a list, of the one bank that the quote names."""
    try:
        held = msgspec.json.decode(data, type=_Trustee)
    except msgspec.MsgspecError as e:
        raise Malformed("TPM evidence", str(e), "the evidence of Trustee's tpm attester") from None
    quoted = _octets(held.tpm_quote.message, "message")
    bank = _bank(quoted)
    values = {bank: {str(n): v for n, v in enumerate(held.tpm_quote.pcrs[: tpm.MOST_PCRS])}}
    named = {
        QUOTE: quoted,
        SIGNATURE: _octets(held.tpm_quote.signature, "signature"),
        PCRS: msgspec.json.encode(values),
        AK_KEY: _octets(held.ak_public, "ak_public"),
        EVENT_LOG: _octets(held.event_log or "", "event_log"),
    }
    return _parts(named)


def _bank(quoted: bytes) -> str:
    try:
        banks = [s.algorithm for s in tpm.attest(quoted).selections if s.pcrs]
    except BadInput:
        return "sha256"
    return tpm.HASHES.get(banks[0], ("sha256", 32))[0] if banks else "sha256"


# go-tpm-tools


def _attestation(data: bytes) -> tuple[EvidencePart, ...]:
    """`Attestation`: 1 ak_pub, 2 quotes, 3 event_log, 6 ak_cert, 7 intermediate_certs; the rest is of other devices."""
    whole = Message(Memory(data), "TPM evidence", budget=[20_000])
    singles, certificates = dict[int, bytes](), list[bytes]()
    quotes = dict[int, tuple[bytes, bytes, bytes]]()
    for f in whole.fields():
        octets = data[f.start : f.end]
        if f.wire == BYTES and f.number == 2:
            bank, quoted = _quote(data, whole.inner(f))
            if bank in quotes or len(quotes) >= tpm.MOST_BANKS:
                raise Malformed("TPM evidence", f"{len(quotes) + 1} quotes, two of one bank", "one of each bank")
            quotes[bank] = quoted
        elif f.wire == BYTES and f.number == 7:
            certificates.append(octets)
        elif f.wire == BYTES:
            singles.setdefault(f.number, octets)
    best = next((b for b in _PREFERRED if b in quotes), None)
    if best is None:
        raise Malformed("TPM evidence", "no quote of a known bank", "an Attestation of go-tpm-tools")
    chain = [c for c in (singles.get(6, b""), *certificates) if c][:MOST_CERTIFICATES]
    named = {
        **dict(zip(QUOTED, quotes.pop(best), strict=True)),
        **{f"{n}.{_name(b)}": d for b, held in quotes.items() for n, d in zip(QUOTED, held, strict=True)},
        AK: singles.get(1, b""),
        **{_certificate(n): c for n, c in enumerate(chain)},
        EVENT_LOG: singles.get(3, b""),
    }
    return _parts(named)


def _quote(data: bytes, message: Message) -> tuple[int, tuple[bytes, bytes, bytes]]:
    """`Quote`: 1 quote, 2 raw_sig, 3 pcrs; and of `PCRs`: 1 hash, 2 the map."""
    octets, bank, values = {1: b"", 2: b""}, 0, dict[str, str]()
    for f in message.fields():
        if f.number in octets and f.wire == BYTES:
            octets[f.number] = data[f.start : f.end]
        elif f.number == 3 and f.wire == BYTES:
            inner = message.inner(f)
            for g in inner.fields():
                if g.number == 1 and g.wire == VARINT:
                    bank = g.value
                elif g.number == 2 and g.wire == BYTES:
                    values.update([_value(data, inner, g)])
    return bank, (octets[1], octets[2], msgspec.json.encode({_name(bank): values}))


def _name(bank: int) -> str:
    return tpm.HASHES.get(bank, (f"0x{bank:04x}", 0))[0]


def _value(data: bytes, message: Message, entry: Field) -> tuple[str, str]:
    number, value = 0, b""
    for f in message.inner(entry).fields():
        if f.number == 1 and f.wire == VARINT:
            number = f.value
        elif f.number == 2 and f.wire == BYTES:
            value = data[f.start : f.end]
    return str(number), value.hex()


# Register values


def values(data: bytes) -> Values:
    """The registers of the part `pcrs`, by bank and number: the JSON, or the file that tpm2_quote wrote. Raises Malformed."""
    return MappingProxyType(_json_values(data) if data[:1] == b"{" else _file_values(data))


def _json_values(data: bytes) -> dict[tuple[int, int], bytes]:
    try:
        held = msgspec.json.decode(data, type=dict[str, dict[str, str]])
        return {
            (tpm.NUMBERS[bank], int(n)): bytes.fromhex(v)
            for bank, registers in held.items()
            for n, v in registers.items()
        }
    except (msgspec.MsgspecError, KeyError, ValueError):
        raise Malformed("register values", "another form", "banks, registers and values in hexadecimal") from None


def _file_values(data: bytes) -> dict[tuple[int, int], bytes]:
    """The selection, a number of lists, and in each list up to eight digests: little-endian, as x86 and Arm have them."""
    lists = int.from_bytes(data[_SELECTIONS : _SELECTIONS + 4], "little")
    banks = int.from_bytes(data[:4], "little")
    if banks > tpm.MOST_BANKS or len(data) != _SELECTIONS + 4 + lists * _DIGESTS:
        raise Malformed("register values", f"{len(data)} octets", "the file of tpm2_quote --pcr")
    digests = list[bytes]()
    for n in range(lists):
        at = _SELECTIONS + 4 + n * _DIGESTS
        for m in range(min(8, int.from_bytes(data[at : at + 4], "little"))):
            item = data[at + 4 + m * 66 : at + 70 + m * 66]
            digests.append(item[2 : 2 + int.from_bytes(item[:2], "little")])
    chosen = []
    for n in range(banks):
        item = data[4 + 8 * n : 12 + 8 * n]
        algorithm, size = int.from_bytes(item[:2], "little"), min(item[2], 4)
        chosen += [(algorithm, pcr) for pcr in tpm.chosen(item[3 : 3 + size])]
    if len(chosen) != len(digests):
        raise Malformed("register values", f"{len(digests)} values", f"{len(chosen)}, as many as are selected")
    return dict(zip(chosen, digests, strict=True))
