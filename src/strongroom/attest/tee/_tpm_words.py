"""What a TPM's evidence says: as claims for programs, as fields for people."""

from collections.abc import Iterator

from strongroom.attest.tee import _tpm_reading as reading
from strongroom.attest.tee._tpm_case import Case
from strongroom.attest.verifier import Conclusion, Field
from strongroom.kit import secure_boot, tpm
from strongroom.kit.boot_events import REGISTERS
from strongroom.kit.x509 import certificate as certificates
from strongroom.model.attest import Evidence, Json
from strongroom.model.errors import BadInput

_MOST_DIFFERENCES = 100


def conclude(c: Case) -> Conclusion:
    """What is said beside the steps. The verdict ends with the key's certificate, where it has one."""
    leaf = certificates.readable(c.part(reading.AK_CERTIFICATE))
    ends = (leaf.not_after,) if leaf and leaf.not_after > c.inputs.now else ()
    try:
        return Conclusion(_subject(c), _claims(c), ends)
    except BadInput:
        return Conclusion("", {}, ends)


def _subject(c: Case) -> str:
    area = c.public()
    return f"tpm:{area.name.hex()}" if area else ""


def _claims(c: Case) -> dict[str, Json]:
    q = c.attest()
    measured: dict[str, Json] = {f"pcr{n}": v.hex() for n, v in sorted(c.registers(c.bank).items())}
    found: dict[str, Json] = {
        "hardware": {"vendor": "TPM", "product": "TPM 2.0", "firmware": f"{q.firmware:016x}"},
        "ak_name": _subject(c).removeprefix("tpm:"),
        "bank": c.inputs.policy.tpm.bank,
        "measurements": measured,
        "nonce": q.extra_data.hex(),
        "clock": q.clock.clock,
        "resets": q.clock.resets,
        "restarts": q.clock.restarts,
        "clock_safe": q.clock.safe,
    }
    if c.differences:
        found["boot_differences"] = list(c.differences[:_MOST_DIFFERENCES])
    try:
        found |= _booted(c)
    except BadInput:
        return found
    return found


def _booted(c: Case) -> dict[str, Json]:
    state = c.boot()
    if state is None:
        return {}
    held: dict[str, Json] = {name: [e.words for e in entries] for name, entries in sorted(state.variables.items())}
    held["dbx"] = len(state.variables.get("dbx", ()))
    shim = c.shim()
    return {
        **({"sbat": dict(shim.sbat)} if shim and shim.sbat else {}),
        "secure_boot": state.enabled,
        "secure_boot_keys": held,
        "vouched_by": list(secure_boot.vouchers(state)),
    }


def fields(evidence: Evidence) -> Iterator[Field]:
    """The fields of a quote and of what came with it, in the order of the structures."""
    for name, teller in (
        (reading.QUOTE, _quote),
        (reading.SIGNATURE, _signature),
        (reading.AK, _public),
        (reading.PCRS, _registers),
    ):
        part = evidence.part(name)
        if part is None:
            continue
        try:
            yield from teller(part.data)
        except BadInput as e:
            yield Field(name, -1, len(part.data), part.data[:32].hex(), f"{e.found}, wanted {e.wanted}")
    for part in evidence.parts:
        if part.name.startswith(reading.AK_CERTIFICATE):
            held = certificates.readable(part.data)
            words = f"issued by {held.issuer_name}, to {held.not_after:%Y-%m-%d}" if held else "no certificate"
            yield Field(part.name, -1, len(part.data), part.digest, words)
        elif part.name.partition(".")[0] in reading.QUOTED and "." in part.name:
            yield Field(part.name, -1, len(part.data), part.digest, "of another bank")
        elif part.name in (reading.EVENT_LOG, reading.IMA_LOG, reading.AK_KEY):
            yield Field(part.name, -1, len(part.data), part.digest)


def _quote(data: bytes) -> Iterator[Field]:
    q = tpm.attest(data)
    yield Field("magic", 0, 4, f"{q.magic:08x}", "made by a TPM" if q.magic == tpm.MAGIC else "not made by a TPM")
    yield Field("type", 4, 2, f"{q.type:04x}", "quote" if q.type == tpm.QUOTE else "no quote")
    yield Field("signer", 8, len(q.signer), q.signer.hex(), "qualified name of the key")
    at = 10 + len(q.signer)
    yield Field("extra_data", at, len(q.extra_data), q.extra_data.hex(), "the challenge")
    at += len(q.extra_data)
    yield Field("clock", at, 8, str(q.clock.clock), "milliseconds")
    yield Field("resets", at + 8, 4, str(q.clock.resets))
    yield Field("restarts", at + 12, 4, str(q.clock.restarts))
    yield Field("safe", at + 16, 1, str(int(q.clock.safe)))
    yield Field("firmware", at + 17, 8, f"{q.firmware:016x}")
    for s in q.selections:
        name = tpm.HASHES.get(s.algorithm, (f"0x{s.algorithm:04x}", 0))[0]
        yield Field(f"selection.{name}", -1, 0, " ".join(map(str, s.pcrs)))
    yield Field("pcr_digest", len(data) - len(q.digest), len(q.digest), q.digest.hex())


def _signature(data: bytes) -> Iterator[Field]:
    s = tpm.signature(data)
    how = {tpm.RSASSA: "RSASSA", tpm.RSAPSS: "RSAPSS", tpm.ECDSA: "ECDSA"}[s.scheme]
    yield Field("signature", 0, len(data), s.value.hex(), f"{how}, {tpm.HASHES.get(s.hash, ('unknown', 0))[0]}")


def _public(data: bytes) -> Iterator[Field]:
    p = tpm.public(data)
    yield Field("ak_name", -1, len(p.name), p.name.hex())
    yield Field("ak_attributes", -1, 4, f"{p.bits:08x}", ", ".join(sorted(p.attributes)))


def _registers(data: bytes) -> Iterator[Field]:
    for (bank, n), value in sorted(reading.values(data).items()):
        yield Field(
            f"{tpm.HASHES.get(bank, (hex(bank), 0))[0]}.pcr{n}", -1, len(value), value.hex(), REGISTERS.get(n, "")
        )
