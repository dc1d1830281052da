"""What makes a Nitro document genuine, step by step: its form, its chain and its signature."""

from collections.abc import Iterator, Mapping

from strongroom.attest import matching
from strongroom.attest.steps import Outcome, compare, failed, passed
from strongroom.attest.tee import _nitro_document as documents
from strongroom.attest.tee._nitro_case import Case
from strongroom.kit.cbor import Item
from strongroom.kit.cose import ALG, ES384, verify_es384
from strongroom.kit.x509.certificate import DIGITAL_SIGNATURE, Certificate
from strongroom.kit.x509.chains import verify_chain
from strongroom.model.attest import StepVerdict

_FOREIGN = "it is not AWS's: whoever made it can make any document"
# Fields whose value is octets or null, by the least and the most of them (NSM attestation process 2.2.1).
_OPTIONAL = {"public_key": (1, 1024), "user_data": (0, 512), "nonce": (0, 512)}
_FIELDS = frozenset({"module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle", *_OPTIONAL})
_CERTIFICATE = (1, 1024)
_MOST_MODULE = 256  # octets of module_id; the specification names no limit, and an instance and enclave id have 39


def cose(c: Case) -> Outcome:
    """The octets are one message, with its tag or without, and nothing behind it."""
    if c.message_trouble is not None:
        raise c.message_trouble
    wanted = "one COSE_Sign1 message"
    if c.end != c.size:
        return failed(f"{c.size - c.end} octets behind the message", wanted)
    return passed(f"{c.size} octets", wanted)


def alg(c: Case) -> Outcome:
    """The protected header names ES384, and there is no other header that might ask for something."""
    if c.message is None:
        return failed("no message", "ES384 alone")
    named = c.message.headers.get(ALG)
    others = [*(set(c.message.headers) - {ALG}), *c.message.unprotected]
    if others:
        return failed(f"the headers {', '.join(map(str, others))} beside", "the algorithm alone, protected")
    return compare(f"algorithm {named!r}", f"algorithm {ES384}")


def payload(c: Case) -> Outcome:
    """Every field that must be there is, each with its type and size, and nothing else."""
    if c.payload_trouble is not None:
        raise c.payload_trouble
    broken = "; ".join(_misfits(c.document.fields))
    wanted = "the fields of an attestation document, each with its type and size"
    return failed(broken, wanted) if broken else passed(f"{len(c.document.fields)} fields", wanted)


def _misfits(fields: Mapping[str | int, Item]) -> Iterator[str]:
    unknown = [str(k) for k in fields if k not in _FIELDS]
    if unknown:
        yield f"unknown field {', '.join(unknown)}"
    yield from (f"no {name}" for name in sorted(_FIELDS - _OPTIONAL.keys() - fields.keys()))
    for name, (least, most) in _OPTIONAL.items():
        value = fields.get(name)
        if value is not None and not _sized(value, least, most):
            yield f"{name} is not {least} to {most} octets"
    module, digest, timestamp = (fields.get(n) for n in ("module_id", "digest", "timestamp"))
    if not isinstance(module, str) or not 0 < len(module.encode()) <= _MOST_MODULE:
        yield "module_id is no text"
    if digest != "SHA384":
        yield "digest is not SHA384"
    if isinstance(timestamp, bool) or not isinstance(timestamp, int) or not 0 < timestamp < 1 << 64:
        yield "timestamp is no number of milliseconds"
    yield from _misfit_registers(fields.get("pcrs"))
    bundle = fields.get("cabundle")
    if not isinstance(bundle, tuple) or not 1 <= len(bundle) <= documents.MOST_AUTHORITIES:
        yield f"cabundle is no list of 1 to {documents.MOST_AUTHORITIES}"
    elif not all(_sized(x, *_CERTIFICATE) for x in (*bundle, fields.get("certificate"))):
        yield "a certificate is not 1 to 1024 octets"


def _sized(value: Item, least: int, most: int) -> bool:
    return isinstance(value, bytes) and least <= len(value) <= most


def _misfit_registers(pcrs: Item) -> Iterator[str]:
    if not isinstance(pcrs, dict) or not 1 <= len(pcrs) <= documents.MOST_PCRS:
        yield f"pcrs is no map of 1 to {documents.MOST_PCRS}"
        return
    for number, value in pcrs.items():
        if not isinstance(number, int) or not 0 <= number < documents.MOST_PCRS:
            yield f"the register {number}"
        elif not isinstance(value, bytes) or len(value) not in documents.PCR_SIZES:
            yield f"pcr{number} is not 32, 48 or 64 octets"


def chain(c: Case) -> Outcome:
    """The leaf is signed by the last of the bundle, and so on up to the first, which signed itself."""
    wanted = "the certificate, and the bundle from the root down, each issued by the one before it"
    if not c.document.certificate or not c.document.cabundle:
        return failed("no certificate, or no bundle", wanted)
    held = c.chain()
    verify_chain(held)
    return passed(" < ".join(_name(x) for x in held), wanted)


def _name(c: Certificate) -> str:
    return c.common_name.removesuffix(".aws.nitro-enclaves") or c.common_name


def root_pin(c: Case) -> Outcome:
    """The first of the bundle is the certificate that is pinned."""
    wanted = "the pinned root of AWS Nitro Enclaves"
    if not c.document.cabundle:
        return failed("no bundle", wanted)
    root = c.chain()[-1]
    if root.fingerprint not in c.roots:
        return failed(f"{root.common_name}, sha256 {root.fingerprint}", wanted, _FOREIGN)
    return passed(f"{root.common_name}, sha256 {root.fingerprint[:16]}…", wanted)


def cert_time(c: Case) -> Outcome:
    """Every certificate was valid when the document was made and is by now, and the leaf may sign documents."""
    made, moment = c.document.time, c.moment()
    if made is None or moment is None:
        return failed(f"the time {c.document.timestamp}", "a time at which the certificates can be judged")
    held = c.chain()
    leaf = held[0]
    if leaf.is_authority or (leaf.usages and DIGITAL_SIGNATURE not in leaf.usages):
        return failed(f"{_name(leaf)} is for other uses", "a certificate for digital signatures, of no authority")
    outcome = matching.valid_now(held, made)
    return outcome if outcome.verdict is StepVerdict.FAIL else matching.valid_now(held, moment)


def signature(c: Case) -> Outcome:
    """The leaf's key signed the payload; what stands beside it unsigned says only what the payload says."""
    wanted = "a signature by the key of the certificate over headers and payload"
    if c.message is None or not c.document.certificate:
        return failed("no message, or no certificate in it", wanted)
    leaf = c.chain()[0]
    verify_es384(c.message, leaf.key)
    if c.tail:
        said, signed = documents.statements(c.tail), documents.restated(c.document)
        if said is None or said.image != signed.image:
            found = f"an image hash beside the document, {said.image if said else 'unreadable'}, that nobody signed"
            return failed(found, f"{signed.image}, which the signed registers give", "it was changed on its way")
        if said.report_data != signed.report_data:
            return failed("report data beside the document that nobody signed", "the signed user data")
    return passed(f"made by {_name(leaf)}", wanted)
