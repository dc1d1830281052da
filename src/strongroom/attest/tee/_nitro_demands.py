"""What the owner demands of a Nitro document, step by step."""

import hmac
from datetime import timedelta

from strongroom.attest import matching
from strongroom.attest.steps import NOT_ASKED, Outcome, failed, passed, unchecked
from strongroom.attest.tee import _nitro_document as documents
from strongroom.attest.tee._nitro_case import Case
from strongroom.kit.x509.signing import public_key as key_of
from strongroom.model.attest import EvidenceKind
from strongroom.model.errors import Malformed

_SKEW = timedelta(minutes=1)  # no two clocks agree; a time is given to the second, and a document has milliseconds


def timestamp(c: Case) -> Outcome:
    """The document is no older than the policy takes, and not of the future."""
    most = timedelta(minutes=c.inputs.policy.nitro.max_age_minutes)
    wanted = f"made within {c.inputs.policy.nitro.max_age_minutes} minutes before {c.inputs.now:%Y-%m-%dT%H:%M:%SZ}"
    made = c.document.time
    if made is None:
        return failed(f"the time {c.document.timestamp}", wanted)
    found = f"made {made:%Y-%m-%dT%H:%M:%SZ}"
    if made - c.inputs.now > _SKEW:
        return failed(f"{found}, which is to come", wanted, "the clock here or there is wrong, or --at is too early")
    if c.inputs.now - made > most:
        return failed(found, wanted, "ask the enclave for a new document, or judge this one --at its own time")
    return passed(found, wanted)


def nonce(c: Case) -> Outcome:
    """The document carries the challenge: the same octets, no more and no fewer, for the field has no fixed size."""
    asked, signed = c.inputs.evidence.challenge, c.document.nonce
    if asked is None:
        return unchecked("no challenge was given: this document may be old", "the verifier's nonce", "--nonce HEX")
    if signed is None:
        return failed("no nonce", asked.hex(), "the enclave was asked without one")
    if not hmac.compare_digest(signed, asked):
        return failed(signed.hex(), asked.hex(), "it answers another challenge: a replay, or another key")
    return passed(f"{asked.hex()[:32]}{'…' if len(asked) > 16 else ''}", "the challenge")


def pcr_debug(c: Case) -> Outcome:
    """The registers of the code are not zeros, as they are where the host may read the enclave's console."""
    held = {n: c.document.pcrs.get(n) for n in documents.CODE_REGISTERS}
    wanted = "PCR0, PCR1 and PCR2 other than zeros"
    absent = [f"PCR{n}" for n, value in held.items() if not value]
    if absent:
        return failed(f"no {', '.join(absent)}", wanted)
    zeros = [f"PCR{n}" for n, value in held.items() if not any(value or b"")]
    if not zeros:
        return passed("other than zeros", wanted)
    found = f"zeros in {', '.join(zeros)}: debug mode"
    if c.inputs.policy.nitro.debug:
        return passed(f"{found}, and the policy allows it", "allowed")
    return failed(found, wanted, "start the enclave without --debug-mode, or [nitro] debug = true: nothing is measured")


def measurement(c: Case) -> Outcome:
    """The registers are those of a signed reference."""
    registers = {f"pcr{n}": value.hex() for n, value in c.document.pcrs.items()}
    return matching.reference(c.inputs.references, EvidenceKind.NITRO, registers)


def user_data(c: Case) -> Outcome:
    """The user data is one that the policy names."""
    return matching.one_of(c.document.user_data or b"", c.inputs.policy.nitro.user_data, "user_data")


def public_key(c: Case) -> Outcome:
    """The document carries a key that something can be wrapped for."""
    if not c.inputs.policy.nitro.public_key:
        return NOT_ASKED
    held, wanted = c.document.public_key, "a SubjectPublicKeyInfo in DER"
    if not held:
        return failed("no public key", wanted, "let the enclave put its key into the document")
    key_of(held)
    return passed(f"{len(held)} octets", wanted)


def bound_key(held: bytes | None) -> bytes:
    """The key that the document vouches for; empty where it carries none, or octets that are no key."""
    if not held:
        return b""
    try:
        key_of(held)
    except Malformed:
        return b""
    return held
