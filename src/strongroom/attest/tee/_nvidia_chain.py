"""What makes a device's report genuine, step by step: its form, its chain, its signature, its nonce."""

import hmac
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from strongroom.attest import matching
from strongroom.attest.steps import Outcome, compare, failed, passed, unchecked
from strongroom.attest.tee import _nvidia_report as reports
from strongroom.attest.tee._nvidia_case import Case, Gpu, each, fwid
from strongroom.attest.tee._nvidia_report import SIGNATURE_SIZE
from strongroom.kit import ocsp
from strongroom.kit.ocsp import HOLD, Answer
from strongroom.kit.x509.certificate import DIGITAL_SIGNATURE, Certificate
from strongroom.kit.x509.chains import verify_chain
from strongroom.kit.x509.signing import Algorithm, verify
from strongroom.model.errors import BadInput

_FOREIGN = "it is not NVIDIA's: whoever made it can make any report"
_CHAIN = "give it with --endorsements, or hand over the evidence list with its certificates"
_STATUS = "give the responses of ocsp.ndis.nvidia.com with --endorsements, or name the step unchecked in the policy"
_ASK_THE_DRIVER = (
    "have the measured guest ask its driver (nvidia-smi conf-compute -d) and serve nothing where they are on; then name "
    "the step unchecked in the policy, with that as the reason"
)
_HALF = SIGNATURE_SIZE // 2
_NUMBER = 16  # hexadecimal digits of a PDI


def _report(c: Case, g: Gpu) -> Outcome:
    """The octets are one report by their own lengths, with every measurement, and nothing behind it but a zero."""
    if g.trouble is not None:
        raise g.trouble
    least = 1 if c.family.switch else reports.MEASUREMENTS  # a manifest's index that is not there differs, later on
    wanted = f"a report of {g.report.size} octets with {reports.MEASUREMENTS} measurements"
    if c.family.switch:
        wanted = f"a report of {g.report.size} octets with measurements, and the switch's own number"
        if len(g.report.own_number) != _NUMBER:
            return failed("no number of its own", wanted)
    behind = g.data[g.report.size :]
    if len(behind) > reports.TRAILING or any(behind):
        return failed(f"{len(behind)} octets behind the signature", wanted)
    if len(g.report.measurements) < least:
        return failed(f"{len(g.report.measurements)} measurements", wanted)
    return passed(f"{g.report.size} octets", wanted)


def _chain(_: Case, g: Gpu) -> Outcome:
    """The chain is signed from the leaf to a certificate that signed itself, and the leaf may sign."""
    wanted = "a chain from the key of the firmware to the root"
    if g.leaf is None:
        return unchecked("no certificate of the device at hand", wanted, _CHAIN)
    last = g.chain[-1]
    if last.issuer != last.subject:
        return unchecked(f"no certificate of {last.issuer_name!r} at hand", wanted, _CHAIN)
    if g.leaf.is_authority or (g.leaf.usages and DIGITAL_SIGNATURE not in g.leaf.usages):
        return failed(
            f"{g.leaf.common_name} is for other uses", "a certificate for digital signatures, of no authority"
        )
    verify_chain(g.chain)
    return passed(" < ".join(c.common_name for c in g.chain), wanted)


def _root_pin(c: Case, g: Gpu) -> Outcome:
    """The end of the chain is the certificate that is pinned."""
    wanted = "the pinned root of NVIDIA's devices"
    if not g.chain:
        return unchecked("no chain at hand", wanted, _CHAIN)
    root = g.chain[-1]
    if root.fingerprint not in c.roots:
        return failed(f"{root.common_name}, sha256 {root.fingerprint}", wanted, _FOREIGN)
    return passed(f"{root.common_name}, sha256 {root.fingerprint[:16]}…", wanted)


def _cert_time(c: Case, g: Gpu) -> Outcome:
    """Every certificate is valid now."""
    if not g.chain:
        return unchecked("no chain at hand", "certificates that are valid", _CHAIN)
    return matching.valid_now(g.chain, c.inputs.now)


def _architecture(c: Case, g: Gpu) -> Outcome:
    """The leaf is of a device of this kind, of an architecture that the policy takes, and the one that was declared.

    GPUs, NVSwitches and network cards have certificates under the same root, and none of them stands in for another.
    """
    accepted = c.accepted
    wanted = f"a {c.family.noun} of {' or '.join(accepted)}"
    if g.leaf is None:
        return unchecked("no certificate of the device at hand", wanted, _CHAIN)
    found = c.family.chips.get(g.product, "")
    if not found or found not in accepted:
        return failed(f"{g.leaf.common_name}, {found or f'which is no known {c.family.noun}'}", wanted)
    if g.architecture and g.architecture.lower() != found:
        return failed(f"{g.product}, declared as {g.architecture}", found)
    return passed(f"{g.product}, {found}", wanted)


def _signature(_: Case, g: Gpu) -> Outcome:
    """The leaf's key signed the request and the answer: all before the last 96 octets."""
    wanted = "a P-384 signature by the key of the certificate, over request and answer"
    if g.leaf is None:
        return unchecked("no certificate of the device at hand", wanted, _CHAIN)
    octets = g.report.signature
    r, s = (int.from_bytes(x, "big") for x in (octets[:_HALF], octets[_HALF:]))
    verify(g.leaf.key, Algorithm.ECDSA_SHA384, encode_dss_signature(r, s), g.report.signed)
    return passed(f"made by {g.leaf.common_name}", wanted)


def _fwid(_: Case, g: Gpu) -> Outcome:
    """The firmware that the report names is the one that the leaf's key belongs to."""
    wanted = "the hash of the firmware in the certificate"
    stated, certified = g.report.fields.get(reports.FWID), fwid(g.leaf) if g.leaf else None
    if g.leaf is None:
        return unchecked("no certificate of the device at hand", wanted, _CHAIN)
    if stated is None:
        return unchecked("the report does not state it", wanted, "drivers before 550 do not; update an older one")
    if certified is None:
        return failed("a certificate without it", wanted)
    return compare(stated.hex(), certified.hex(), "the report was made by another firmware than the key's")


def _nonce(c: Case, g: Gpu) -> Outcome:
    """The request carries the challenge: the same 32 octets."""
    asked, signed = c.inputs.evidence.challenge, g.report.nonce
    if asked is None:
        return unchecked("no challenge was given: this report may be old", "the verifier's nonce", "--nonce HEX")
    if not hmac.compare_digest(signed, asked):
        return failed(signed.hex(), asked.hex(), "it answers another challenge: a replay, or another key")
    return passed(asked.hex(), "the challenge")


def _revocation(c: Case, g: Gpu) -> Outcome:
    """No authority of the chain has been revoked. The leaf itself is made by the GPU, and nobody lists it."""
    if not g.chain:
        return unchecked("no chain at hand", "current answers about it", _CHAIN)
    return stands(c, g.chain[1:])


def stands(c: Case, chain: Sequence[Certificate]) -> Outcome:
    """Whether a current response says of each certificate, but the last, that it is good."""
    wanted = f"a current answer, good, about each of {len(chain) - 1} certificates"
    now = c.inputs.now
    for held, issuer in pairwise(chain):
        found, doubt = _answer(c, held, issuer, now)
        if found is None:
            if doubt:
                return failed(f"{held.common_name}: {doubt}", wanted, _STATUS)
            return unchecked(f"no answer about {held.common_name} at hand", wanted, _STATUS)
        if found.status == ocsp.GOOD:
            continue
        on_hold = found.reason == HOLD
        if found.status == ocsp.REVOKED and on_hold and c.inputs.policy.nvidia.certificate_hold:
            continue
        when = f" since {found.revoked_at:%Y-%m-%d}" if found.revoked_at else ""
        said = f"{held.common_name} is {'on hold' if on_hold else found.status}{when}"
        return failed(said, wanted, "take the device out of service, or ask NVIDIA")
    return passed(f"good, {len(chain) - 1} certificates", wanted)


def _answer(c: Case, held: Certificate, issuer: Certificate, now: datetime) -> tuple[Answer | None, str]:
    """The newest answer about a certificate that counts, or why those at hand do not."""
    doubt = ""
    best: Answer | None = None
    for response in c.responses:
        for answer in response.answers:
            if not answer.is_about(held, issuer):
                continue
            try:
                ocsp.verify_response(response, issuer, now)
            except BadInput as e:
                doubt = doubt or f"{e.found}, not {e.wanted}"
                continue
            stale = ocsp.trouble(answer, now)
            doubt = doubt or (f"an answer that says nothing about now: {stale}" if stale else "")
            if not stale and (best is None or answer.this_update > best.this_update):
                best = answer
    return best, doubt


def devices(c: Case) -> Outcome:
    """Every device is another one, all answer one challenge, and they are as many as the policy wants."""
    most, noun = c.most, c.family.noun
    names = [g.ueid for g in c.gpus]
    wanted = f"{most if most is not None else len(names)} different {c.family.nouns}, one nonce"
    if most is not None and len(names) != most:
        return failed(f"{len(names)} {c.family.nouns}", wanted)
    twice = sorted({n for n in names if n and names.count(n) > 1})
    if twice:
        return failed(f"the {noun} {twice[0]} {names.count(twice[0])} times", wanted, "one answers for others")
    if len({g.report.nonce for g in c.gpus}) > 1:
        return failed("reports that answer different challenges", wanted)
    return passed(f"{len(names)}", wanted)


def _mode(c: Case, g: Gpu) -> Outcome:
    """The mode that the report states is one that the policy takes."""
    accepted = c.inputs.policy.nvidia.modes
    wanted = f"one of {', '.join(accepted) or 'none'}"
    if g.report.mode in accepted:
        return passed(g.report.mode, wanted)
    if g.report.mode == "unstated":
        return unchecked(
            "the driver is too old to state its mode", wanted, "update it, or accept `unstated` in [nvidia]"
        )
    return failed(
        g.report.mode, wanted, "ppcie leaves the links between GPUs in the clear: accept it in [nvidia] modes"
    )


def _dev_tools(_: Case, __: Gpu) -> Outcome:
    """Developer tools are off: with them on, a GPU in confidential mode lets its memory be looked at.

    No field of the signed report says it. NVIDIA's verifiers read it from the driver (NVML, `devToolsMode`), which answers
    nobody outside of the guest, and take a GPU either way.
    """
    wanted = "a signed statement that developer tools are off"
    return unchecked("no signed field of a GPU's report says it", wanted, _ASK_THE_DRIVER)


report, chain, root_pin, cert_time = each(_report), each(_chain), each(_root_pin), each(_cert_time)
architecture, signature, firmware, nonce = each(_architecture), each(_signature), each(_fwid), each(_nonce)
revocation, mode, dev_tools = each(_revocation), each(_mode), each(_dev_tools)
