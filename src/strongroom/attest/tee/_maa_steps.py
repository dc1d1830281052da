"""What makes a token of Azure Attestation genuine, and what the owner demands of it, step by step."""

import hmac
from datetime import timedelta

from strongroom.attest import matching
from strongroom.attest.steps import NOT_ASKED, Outcome, failed, passed, unchecked
from strongroom.attest.tee import _maa_token as tokens
from strongroom.attest.tee._maa_case import Case
from strongroom.kit import jose
from strongroom.model.attest import EvidenceKind

_SKEW = timedelta(minutes=1)  # no two clocks agree
LONGEST = timedelta(hours=8)  # what the service gives a token
COMPLIANT = "azure-compliant-cvm"
_UNSIGNED = "a set of claims without a signature: anybody can have written it"
_ASK = "give the token itself, as the provider answered it"
_KEYS = "let the provider's key set be fetched (without --offline), or give it with --endorsements"


def token(c: Case) -> Outcome:
    """It is one token in compact form."""
    wanted = "a JSON Web Token with its signature"
    if not c.is_signed:
        return unchecked(_UNSIGNED, wanted, _ASK)
    kind = c.token.type
    # RFC 8725 section 3.11: a token that was made for something else is no evidence, whoever signed it.
    return passed(f"of type {kind or 'none'}", wanted) if kind in ("", "JWT") else failed(f"of type {kind}", wanted)


def claims(c: Case) -> Outcome:
    """Every claim has its type, and stands once."""
    found = tokens.strictly(c.payload)
    return passed(f"claims of an attestation of {found.type}", "the claims of a token of Azure Attestation")


def issuer(c: Case) -> Outcome:
    """The policy names who issued it: every owner of a provider writes the policy by which it makes tokens."""
    accepted, said = c.policy.providers, c.claims.iss
    if not tokens.provider(said):
        return failed(said, "an issuer https://NAME.REGION.attest.azure.net", "it is none of Microsoft's")
    wanted = f"one of {', '.join(accepted)}"
    if not accepted:
        return unchecked(f"the policy names no provider; the token is of {said!r}", "[maa] providers")
    return passed(said, wanted) if said in accepted else failed(said, wanted, "it may be the attacker's own provider")


def key_set(c: Case) -> Outcome:
    """Where the header says that keys are is its issuer's own place. Nobody goes there for having been told."""
    said = c.token.key_set if c.is_signed else ""
    wanted = f"{c.claims.iss}/certs, or nothing"
    return passed(said or "nothing", wanted) if said in ("", f"{c.claims.iss}/certs") else failed(said, wanted)


def key(c: Case) -> Outcome:
    """The key is one of a set that the policy counts.

    A certificate of such a set signs itself and has a quote of the enclave that holds the key; neither is judged here.
    """
    wanted = "a key that the policy counts"
    if not c.is_signed:
        return unchecked(_UNSIGNED, wanted, _ASK)
    held = c.key
    if held is None:
        return unchecked(f"no key {c.token.key_id!r} in a given key set", wanted, _KEYS)
    if c.counts(held):
        return passed(f"key {held.key_id} of a set, thumbprint {held.thumbprint[:16]}…", wanted)
    why = f"key {held.key_id!r} of a set, which nobody has signed (thumbprint {held.thumbprint})"
    return unchecked(why, wanted, "name its thumbprint in [maa] keys")


def signature(c: Case) -> Outcome:
    """The key signed the token by RS256, which is the one algorithm that the service uses."""
    wanted = "a signature by RS256 over header and claims"
    if not c.is_signed:
        return unchecked(_UNSIGNED, wanted, _ASK)
    if c.key is None:
        return unchecked(f"no key {c.token.key_id!r} at hand", wanted, _KEYS)
    jose.verify(c.token, jose.Algorithm.RS256, c.key.key)
    return passed("RS256", wanted)


def time(c: Case) -> Outcome:
    """It holds now."""
    now = c.inputs.now
    made, begins, ends = (tokens.moment(t) for t in (c.claims.iat, c.claims.nbf, c.claims.exp))
    wanted = f"valid at {matching.stamp(now)}"
    if made is None or begins is None or ends is None:
        return failed("a time that no calendar has", wanted)
    found = f"made {matching.stamp(made)}, valid {matching.stamp(begins)} to {matching.stamp(ends)}"
    if ends <= now:
        return failed(found, wanted, "ask for a new token, or judge this one --at its own time")
    if max(made, begins) - now > _SKEW:
        return failed(found, wanted, "the clock here or there is wrong, or --at is too early")
    return passed(found, wanted)


def lifetime(c: Case) -> Outcome:
    """It lives eight hours at most: what it says of the machine was so when it was made."""
    seconds = c.claims.exp - min(c.claims.iat, c.claims.nbf)
    wanted = f"more than nothing, and at most {int(LONGEST.total_seconds())} seconds"
    return (passed if 0 < seconds <= LONGEST.total_seconds() else failed)(f"{seconds} seconds", wanted)


def nonce(c: Case) -> Outcome:
    """What the guest had vouched for is the challenge: as the nonce that it gave along, or as its user data."""
    asked = c.inputs.evidence.challenge
    if asked is None:
        return unchecked("no challenge was given: this token may be old", "the verifier's nonce", "--nonce HEX")
    forms = (asked, asked.hex().encode(), asked.ljust(tokens.REPORT_DATA, b"\0"))
    held = list(tokens.nonces(c.claims))
    if not held:
        advice = "have the guest give it along (client payload, or user data); the claim `nonce` binds nothing"
        return failed("no nonce that the machine vouched for", asked.hex(), advice)
    if not any(hmac.compare_digest(h, form) for h in held for form in forms):
        return failed(", ".join(h.hex() for h in held), asked.hex(), "it answers another challenge: a replay")
    return passed(f"{asked.hex()[:32]}{'…' if len(asked) > 16 else ''}", "the challenge")


def hardware(c: Case) -> Outcome:
    """The provider has judged a confidential machine, of a kind that the policy takes."""
    wanted = f"one of {', '.join(c.policy.hardware) or 'none'}"
    found = c.hardware.type
    return passed(found, wanted) if found in c.policy.hardware else failed(found or "not said", wanted)


def compliance(c: Case) -> Outcome:
    """By the provider, the hardware and what Azure runs under the guest are what Azure says."""
    found = c.hardware.compliance
    return passed(found, COMPLIANT) if found == COMPLIANT else failed(found or "not said", COMPLIANT)


def debug(c: Case) -> Outcome:
    """Nobody may look into it: by the hardware, which must say so, nor by hypervisor, kernel or boot, where that is said."""
    said, h = c.claims, c.hardware
    by_hardware = h.tdx_td_attributes_debug if h.type == tokens.TDX else h.snp_debug
    guest = (said.boot_debug, said.kernel_debug, said.hypervisor_debug, said.test_signing)
    names = ("boot", "kernel", "hypervisor", "test signing")
    on = [name for name, value in zip(names, guest, strict=True) if value]
    on += ["hardware"] if by_hardware else []
    if by_hardware is None:
        return failed("the token does not say of the hardware", "off")
    if not on:
        return passed("off", "off")
    if c.policy.debug:
        return passed(f"on ({', '.join(on)}), and the policy allows it", "allowed")
    return failed(f"on: {', '.join(on)}", "off, or [maa] debug = true", "it can be read while it runs")


def guest_policy(c: Case) -> Outcome:
    """An SEV-SNP guest asked at its most privileged level, and no migration agent may move it."""
    h = c.hardware
    if h.type == tokens.TDX:
        return passed("a TD, which has neither", "VMPL 0, no migration agent")
    wanted = "VMPL 0, no migration agent" + (" unless it is allowed" if c.policy.migration else "")
    found = f"VMPL {h.snp_vmpl}, migration {h.snp_migration}"
    moved = h.snp_migration is not False and not c.policy.migration
    return failed(found, wanted) if h.snp_vmpl != 0 or moved else passed(found, wanted)


def secure_boot(c: Case) -> Outcome:
    """Secure Boot is on: by what the vTPM quoted where a guest was judged, and by the VM's configuration."""
    said, configured = c.claims.secure_boot, c.hardware.runtime.vm_configuration.secure_boot
    held = (said, configured) if c.claims.type == tokens.GUEST else (configured,)
    if all(held):
        return passed("on", "on")
    if not c.policy.secure_boot:
        return passed("off, and the policy allows it", "allowed")
    off = any(v is False for v in held)
    return failed("off" if off else "not said", "on, or [maa] secure_boot = false")


def measurement(c: Case) -> Outcome:
    """What was launched is one of a signed reference."""
    return matching.reference(c.inputs.references, EvidenceKind.AZURE_MAA, c.measured())


def policy_hash(c: Case) -> Outcome:
    """The provider made it by a policy that ours names."""
    if not c.policy.policies:
        return NOT_ASKED
    found, wanted = c.claims.policy, f"one of the {len(c.policy.policies)} of policies"
    advice = "the provider's owner has changed the policy by which it makes tokens"
    return passed(found, wanted) if found in c.policy.policies else failed(found or "not said", wanted, advice)


def vm_id(c: Case) -> Outcome:
    """The VM is one of the policy's."""
    if not c.policy.vm_ids:
        return NOT_ASKED
    found, accepted = vm(c), {v.lower() for v in c.policy.vm_ids}
    return (passed if found in accepted else failed)(found or "not said", f"one of the {len(accepted)} of vm_ids")


def vm(c: Case) -> str:
    """The VM's own number, as the paravisor has it: the hardware vouches for that one. Raises Malformed."""
    return c.hardware.runtime.vm_configuration.unique_id.lower()
