"""What a Nitro document says: as claims for programs, as fields for people."""

from collections.abc import Iterator
from datetime import timedelta

from strongroom.attest.tee import _nitro_document as documents
from strongroom.attest.tee._nitro_case import Case
from strongroom.attest.tee._nitro_demands import bound_key
from strongroom.attest.tee._nitro_document import Document
from strongroom.attest.verifier import Conclusion, Field
from strongroom.kit.x509 import certificate as certificates
from strongroom.model.attest import Evidence, Json
from strongroom.model.errors import BadInput

# AWS Nitro Enclaves User Guide, "Enclave measurements".
_MEANINGS = {
    0: "the whole image",
    1: "kernel and boot ramdisk",
    2: "applications",
    3: "the parent instance's IAM role",
    4: "the parent instance's id",
    8: "the certificate that signed the image",
}


def _debug(d: Document) -> bool:
    return not all(any(d.pcrs.get(n, b"")) for n in documents.CODE_REGISTERS)


def claims(d: Document) -> dict[str, Json]:
    """The normalised claims; none of a document that could not be read."""
    if not d.fields:
        return {}
    measured: dict[str, Json] = {f"pcr{n}": value.hex() for n, value in sorted(d.pcrs.items())}
    return {
        "hardware": {"vendor": "AWS", "product": "Nitro Enclaves"},
        "debug": _debug(d),
        "measurements": measured,
        "module_id": d.module_id,
        "digest": d.digest,
        "timestamp": f"{d.time:%Y-%m-%dT%H:%M:%S.%fZ}" if d.time else "",
        "public_key": (d.public_key or b"").hex(),
        "user_data": (d.user_data or b"").hex(),
        "nonce": (d.nonce or b"").hex(),
    }


def conclude(c: Case) -> Conclusion:
    """What is said beside the steps. The verdict ends with the first certificate, or with the policy's age."""
    d = c.document
    held = [x for x in map(certificates.readable, d.chain if d.fields else ()) if x is not None]
    ends = [x.not_after for x in held]
    if d.time is not None and d.time <= c.inputs.now:
        ends.append(c.inputs.now + timedelta(minutes=c.inputs.policy.nitro.max_age_minutes) - (c.inputs.now - d.time))
    subject = f"nitro:{d.module_id}" if d.module_id else ""
    return Conclusion(subject, claims(d), tuple(x for x in ends if x > c.inputs.now), bound_key(d.public_key))


def fields(evidence: Evidence) -> Iterator[Field]:
    """The fields of a document, in the order that they have in it."""
    part = evidence.part(documents.DOCUMENT)
    if part is None:
        return
    try:
        message, _ = documents.message(part.data)
        d = documents.payload(message.payload)
    except BadInput:
        return
    yield Field("protected", -1, len(message.protected), message.protected.hex(), _headers(message.headers))
    yield Field("module_id", -1, len(d.module_id), d.module_id)
    yield Field("digest", -1, len(d.digest), d.digest)
    yield Field("timestamp", -1, 8, str(d.timestamp), f"{d.time:%Y-%m-%dT%H:%M:%S.%fZ}" if d.time else "no time")
    for n, value in sorted(d.pcrs.items()):
        zeros = "" if any(value) else "zeros"
        yield Field(f"pcr{n}", -1, len(value), value.hex(), "; ".join(x for x in (_MEANINGS.get(n, ""), zeros) if x))
    for n, octets in enumerate(d.cabundle):
        yield _certificate(f"cabundle.{n}", octets)
    yield _certificate("certificate", d.certificate)
    for name, held in (("public_key", d.public_key), ("user_data", d.user_data), ("nonce", d.nonce)):
        yield Field(name, -1, len(held or b""), (held or b"").hex(), "absent" if held is None else "")
    yield Field("signature", -1, len(message.signature), message.signature.hex())
    yield from _beside(evidence)


def _headers(headers: object) -> str:
    return "algorithm ES384" if headers == {1: -35} else str(headers)


def _certificate(name: str, octets: bytes) -> Field:
    held = certificates.readable(octets)
    if held is None:
        return Field(name, -1, len(octets), octets[:32].hex(), "no certificate that can be read")
    times = f"{held.not_before:%Y-%m-%dT%H:%M:%SZ} to {held.not_after:%Y-%m-%dT%H:%M:%SZ}"
    return Field(name, -1, len(octets), f"sha256 {held.fingerprint}", f"{held.common_name}, {times}")


def _beside(evidence: Evidence) -> Iterator[Field]:
    part = evidence.part(documents.STATEMENTS)
    said = documents.statements(part.data) if part else None
    if said is not None:
        yield Field("statements.report_data", 1, len(said.report_data), said.report_data.hex(), "beside the document")
        yield Field("statements.os_image_hash", -1, 32, said.image, "beside the document")
