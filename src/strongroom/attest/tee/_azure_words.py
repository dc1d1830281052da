"""What the evidence of an Azure confidential VM says beside the hardware's report: as claims, and as fields."""

import hashlib
from collections.abc import Iterator
from typing import TypeVar

from strongroom.attest.tee import _azure_hcl as hcl
from strongroom.attest.tee import _azure_reading as reading
from strongroom.attest.tee._azure_case import Case, report
from strongroom.attest.verifier import Conclusion, Field
from strongroom.kit import tpm
from strongroom.model.attest import Evidence, Json
from strongroom.model.errors import BadInput

I = TypeVar("I")  # noqa: E741 - the case of the verifier inside


def conclude(c: Case[I], inner: Conclusion) -> Conclusion:
    """What is said beside the steps: the claims of the hardware's report, with those of paravisor and vTPM.

    No key is bound. Of the keys in the runtime claims one only signs, and the other is the vTPM's restricted endorsement
    key, which opens credentials and nothing that was wrapped for it; a guest's own key is in what the challenge is made of.
    """
    try:
        vm, said = c.runtime.vm_configuration, dict(inner.claims)
        measured: dict[str, Json] = dict(c.measured())
    except BadInput:
        return Conclusion("", {})
    said["measurements"] = measured
    said["azure"] = {
        "hcl_version": c.report.version,
        "vm_id": vm.unique_id.lower(),
        "secure_boot": vm.secure_boot,
        "vtpm": vm.tpm_enabled,
        "vtpm_persisted": vm.tpm_persisted,
        "console": vm.console_enabled,
        "root_certificate": vm.root_cert_thumbprint,
        "user_data": c.runtime.user_data,
        "attestation_key": _key(c),
        "quote": _quote(c),
    }
    subject = f"azure:vm:{vm.unique_id.lower()}" if vm.unique_id else inner.subject
    return Conclusion(subject, said, inner.ends)


def _key(c: Case[I]) -> str:
    try:
        return hashlib.sha256(c.ak.key).hexdigest()
    except BadInput:
        return ""


def _quote(c: Case[I]) -> Json:
    try:
        held = c.quote
    except BadInput:
        return None
    clock = held.clock
    return {
        "nonce": held.extra_data.hex(),
        "digest": held.digest.hex(),
        "firmware": f"{held.firmware:016x}",
        "clock": clock.clock,
        "resets": clock.resets,
        "restarts": clock.restarts,
        "safe": clock.safe,
    }


def fields(evidence: Evidence) -> Iterator[Field]:
    """The fields of the paravisor's report and of the quote, in the order that they have there."""
    try:
        held = report(evidence)
    except BadInput:
        return
    at = hcl.HEAD + hcl.HARDWARE
    yield Field("hcl.magic", 0, 4, held.magic.decode("ascii", "replace"))
    yield Field("hcl.version", 4, 4, str(held.version))
    yield Field("hcl.size", 8, 4, str(held.size))
    yield Field("hcl.request", 12, 4, str(held.request), "attestation" if held.request == hcl.ATTESTATION else "")
    yield Field("hcl.hardware_report", hcl.HEAD, hcl.HARDWARE, f"{hcl.HARDWARE} octets")
    yield Field("runtime.size", at, 4, str(held.runtime_size))
    yield Field("runtime.version", at + 4, 4, str(held.runtime_version))
    yield Field("runtime.report_type", at + 8, 4, str(held.report_type), hcl.TYPES.get(held.report_type, "unknown"))
    yield Field("runtime.hash_type", at + 12, 4, str(held.hash_type), held.hash_name or "unknown")
    yield Field("runtime.claims", hcl.LEAST, len(held.claims), held.claims.decode("utf-8", "replace"))
    yield from _of_quote(evidence)


def _of_quote(evidence: Evidence) -> Iterator[Field]:
    part, values = evidence.part(reading.QUOTE), evidence.part(reading.PCRS)
    try:
        quote = tpm.attest(part.data) if part else None
    except BadInput:
        return
    if quote is None:
        return
    yield Field("quote.magic", 0, 4, f"{quote.magic:08x}", "made by a TPM" if quote.magic == tpm.MAGIC else "")
    yield Field("quote.type", 4, 2, f"{quote.type:04x}", "a quote" if quote.type == tpm.QUOTE else "")
    yield Field("quote.extra_data", -1, len(quote.extra_data), quote.extra_data.hex())
    yield Field("quote.resets", -1, 4, str(quote.clock.resets))
    for bank, pcrs in quote.selections:
        yield Field("quote.selection", -1, 3, ", ".join(map(str, pcrs)), tpm.HASHES.get(bank, (f"0x{bank:04x}", 0))[0])
    yield Field("quote.digest", -1, len(quote.digest), quote.digest.hex())
    data = values.data if values else b""
    for n in range(len(data) // reading.BANK):
        yield Field(f"pcr{n}", n * reading.BANK, reading.BANK, data[n * reading.BANK :][: reading.BANK].hex())
