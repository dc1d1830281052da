"""What makes a TPM's quote genuine, step by step: that a TPM made it, with a key that is known to live in one, now."""

import hmac
from datetime import datetime

from strongroom.attest import matching
from strongroom.attest.steps import Outcome, compare, failed, passed, unchecked
from strongroom.attest.tee import _tpm_reading as reading
from strongroom.attest.tee._tpm_case import Case
from strongroom.kit import tpm
from strongroom.kit.x509.certificate import DIGITAL_SIGNATURE, Certificate
from strongroom.kit.x509.chains import verify_issued
from strongroom.kit.x509.signing import public_key
from strongroom.model.attest import StepVerdict

_MUST = ("fixedTPM", "fixedParent", "sensitiveDataOrigin", "restricted", "sign")
_LONGEST = 4  # certificates between the key's own and the root
_ENROL = "enrol the key by credential activation and name it in [tpm] aks, or give its certificate's authority"
_ALTERNATIVE_NAME = "2.5.29.17"  # critical where the subject is empty: it names the machine


def magic(c: Case) -> Outcome:
    """It begins as only what a TPM made of its own state may begin, when a restricted key signs it."""
    return compare(f"{c.attest().magic:08x}", f"{tpm.MAGIC:08x}", "somebody let the key sign other octets")


def kind(c: Case) -> Outcome:
    """It is a quote, and no other statement of a TPM."""
    return compare(f"{c.attest().type:04x}", f"{tpm.QUOTE:04x}")


def ak_attributes(c: Case) -> Outcome:
    """The key signs only what the TPM made, was made by it, and cannot leave it."""
    wanted = f"{', '.join(_MUST)}, and not decrypt"
    area = c.public()
    if area is None:
        why = "the key came without its public area: what it may sign is not known"
        return unchecked(why, wanted, "give the file that tpm2_createak -u wrote")
    held = area.attributes
    wrong = [f"not {name}" for name in _MUST if name not in held] + (["decrypt"] if "decrypt" in held else [])
    return failed(", ".join(wrong), wanted, "it can be made to sign a forged quote") if wrong else passed(wanted)


def ak_certified(c: Case) -> Outcome:
    """The key is one that was enrolled, or its certificate leads to a root that is pinned or the owner's."""
    wanted = "a key that is known to live in a TPM"
    area, leaf = c.public(), c.leaf()
    enrolled = {a.lower() for a in c.inputs.policy.tpm.aks}
    if area is not None and area.name.hex() in enrolled:
        return passed(f"enrolled as {area.name.hex()[:20]}…", wanted)
    if leaf is not None:
        return _certified(c, leaf, wanted)
    if enrolled and area is not None:
        return failed(f"the key {area.name.hex()}", f"one of the {len(enrolled)} enrolled", _ENROL)
    return unchecked("neither a certificate of the key nor its enrolment", wanted, _ENROL)


def _certified(c: Case, leaf: Certificate, wanted: str) -> Outcome:
    if public_key(leaf.key) != public_key(c.key()):
        return failed("a certificate of another key", "one of the key that signed")
    if leaf.is_authority or (leaf.usages and DIGITAL_SIGNATURE not in leaf.usages):
        return failed("a certificate for other uses", "one for signatures, of no authority")
    roots = {**c.roots, **{r.lower(): "the owner's" for r in c.inputs.policy.tpm.roots}}
    chain = _chain(c, leaf, roots)
    top = chain[-1]
    if top.fingerprint not in roots:
        why = f"no certificate of {top.issuer_name!r} at hand"
        if top.issuer == top.subject:
            return failed(f"{top.common_name}, sha256 {top.fingerprint}", "a root that is trusted", _ENROL)
        return unchecked(why, wanted, "give it with --endorsements")
    for n, (lower, upper) in enumerate(zip(chain, [*chain[1:], top], strict=True)):
        if n:
            verify_issued(lower, upper, max(0, min(n, len(chain) - 2)))
        else:
            _verify_leaf(lower, upper)
    return _valid(chain, c.inputs.now, roots[top.fingerprint])


def _valid(chain: tuple[Certificate, ...], now: datetime, root: str) -> Outcome:
    outcome = matching.valid_now(chain, now)
    return outcome if outcome.verdict is StepVerdict.FAIL else passed(f"certified under {root}, {outcome.found}")


def _chain(c: Case, leaf: Certificate, roots: dict[str, str]) -> tuple[Certificate, ...]:
    chain = [leaf]
    held = c.authorities()
    while len(chain) <= _LONGEST and chain[-1].fingerprint not in roots and chain[-1].issuer != chain[-1].subject:
        found = next((a for a in held if a.subject == chain[-1].issuer and a not in chain), None)
        if found is None:
            break
        chain.append(found)
    return tuple(chain)


def _verify_leaf(leaf: Certificate, issuer: Certificate) -> None:
    """As for any certificate, but that its critical extension may name the machine, which has no subject."""
    critical = {name: e for name, e in leaf.extensions.items() if e.critical}
    if _ALTERNATIVE_NAME not in critical or leaf is issuer:
        verify_issued(leaf, issuer)
        return
    relaxed = leaf._replace(extensions={n: e for n, e in leaf.extensions.items() if n != _ALTERNATIVE_NAME})
    verify_issued(relaxed, issuer)


def signature(c: Case) -> Outcome:
    """The attestation key signed the quote."""
    wanted = "a signature by the attestation key"
    if not c.part(reading.SIGNATURE):
        return failed("no signature", wanted)
    signed = c.signature()
    tpm.verify(c.key(), signed, c.attest().raw)
    return passed(f"scheme 0x{signed.scheme:04x}, {tpm.HASHES[signed.hash][0]}", wanted)


def extra_data(c: Case) -> Outcome:
    """The quote carries the challenge: the same octets, no more and no fewer."""
    asked, held = c.inputs.evidence.challenge, c.attest().extra_data
    if asked is None:
        return unchecked("no challenge was given: this quote may be old", "the verifier's nonce", "--nonce HEX")
    if not hmac.compare_digest(held, asked):
        return failed(held.hex() or "nothing", asked.hex(), "it answers another challenge: a replay, or another's")
    return passed(asked.hex(), "the challenge")


def clock(c: Case) -> Outcome:
    """The clock is safe, and no counter went back behind what this machine was last seen with."""
    held, area = c.attest().clock, c.public()
    found = f"{held.resets} resets, {held.restarts} restarts, clock {held.clock} ms"
    if not held.safe and not c.inputs.policy.tpm.unsafe_clock:
        return failed(f"{found}, and the clock may have gone back", "a safe clock", "or [tpm] unsafe_clock = true")
    known = c.inputs.policy.tpm.known
    last = known.get(area.name.hex()) if area else None
    if last is None:
        return passed(f"{found}; no earlier counters are known", "a safe clock")
    wanted = f"at least {last.resets} resets, {last.restarts} restarts, clock {last.clock} ms"
    behind = (held.resets, held.restarts) < (last.resets, last.restarts) or held.clock < last.clock
    return (
        failed(found, wanted, "an older state of the TPM: restored, or another's") if behind else passed(found, wanted)
    )


def pcr_selection(c: Case) -> Outcome:
    """The quote covers every register that the policy names, in the policy's bank."""
    told = c.inputs.policy.tpm
    covered = {n for s in c.attest().selections if s.algorithm == c.bank for n in s.pcrs}
    missing = sorted({*told.pcrs, 7} - covered) if told.secure_boot else sorted(set(told.pcrs) - covered)
    wanted = f"{told.bank} {_numbers(sorted(told.pcrs))}"
    return failed(f"no {_numbers(missing)}", wanted) if missing else passed(_numbers(sorted(covered)), wanted)


def _numbers(registers: list[int]) -> str:
    return f"PCR {', '.join(map(str, registers))}"


def pcr_digest(c: Case) -> Outcome:
    """The register values that came along are those that were quoted: the hash over them, in the quote's order."""
    wanted = "values whose hash was signed"
    if not c.part(reading.PCRS):
        return unchecked("no register values came with the quote", wanted, "tpm2_quote --pcr FILE")
    found, held = c.attest(), c.values()
    made = tpm.pcr_digest(found.selections, held, c.signature().hash)
    same = hmac.compare_digest(made, found.digest)
    return (
        passed(made.hex(), wanted) if same else failed(made.hex(), found.digest.hex(), "other values were handed over")
    )


def other_quotes(c: Case) -> Outcome:
    """Quotes of other banks are by the same key, for the same challenge, of the same boot, and over their own values.

    The policy's bank is judged. One beside it that does not fit shows that somebody put the evidence together.
    """
    wanted = "the key, the challenge and the boot of the one that is judged"
    mine, told = c.attest(), list[str]()
    for bank, (quoted, signature_of, values) in c.others():
        held, signed = tpm.quote(quoted), tpm.signature(signature_of)
        tpm.verify(c.key(), signed, held.raw)
        same = held.extra_data == mine.extra_data and held.signer == mine.signer
        if not same or held.clock[1:3] != mine.clock[1:3]:
            return failed(f"a quote of {bank} for {held.extra_data.hex()}, after {held.clock.resets} resets", wanted)
        if not tpm.same(tpm.pcr_digest(held.selections, reading.values(values), signed.hash), held.digest):
            return failed(f"a quote of {bank} over other values", wanted, "other values were handed over")
        told.append(bank)
    return passed(f"{len(told)} others: {', '.join(told)}" if told else "no other quote", wanted)
