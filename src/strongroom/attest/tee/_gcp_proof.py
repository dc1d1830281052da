"""Who made a Google Cloud token: its form, the key, and the signature."""

from strongroom.attest import matching
from strongroom.attest.steps import Outcome, failed, passed, unchecked
from strongroom.attest.tee import _gcp_token as tokens
from strongroom.attest.tee._gcp_case import Case
from strongroom.kit import jose
from strongroom.kit.x509.certificate import DIGITAL_SIGNATURE
from strongroom.kit.x509.chains import verify_chain

_UNSIGNED = "a set of claims without a signature: anybody can have written it"
_ASK = "ask the launcher for the token itself"
_KEYS = "let Google's key set be fetched (without --offline), or give it with --endorsements"


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
    return passed(f"claims of {found.sub or 'nobody'}", "the claims of an attestation token")


def key(c: Case) -> Outcome:
    """The key is Google's: by a chain to the pinned root, or one of a set that the policy counts."""
    wanted = "a chain to the pinned root of Confidential Space, or a key that the policy counts"
    if not c.is_signed:
        return unchecked(_UNSIGNED, wanted, _ASK)
    if not c.chain:
        return _of_set(c, wanted)
    verify_chain(c.chain)
    root, leaf = c.chain[-1], c.chain[0]
    if root.fingerprint not in c.roots:
        advice = "it is not Google's: whoever made it can make any token"
        return failed(f"{root.common_name}, sha256 {root.fingerprint}", wanted, advice)
    if len(c.chain) > 1 and (leaf.is_authority or (leaf.usages and DIGITAL_SIGNATURE not in leaf.usages)):
        return failed(f"{leaf.common_name}, which is not for signatures", "a leaf that signs tokens")
    return passed(" < ".join(x.common_name for x in c.chain), wanted)


def _of_set(c: Case, wanted: str) -> Outcome:
    held = c.named_key
    if held is None:
        return unchecked(f"no key {c.token.key_id!r} in a given key set", wanted, _KEYS)
    if c.counts(held):
        return passed(f"key {held.key_id} of a set, thumbprint {held.thumbprint[:16]}…", wanted)
    why = f"key {held.key_id!r} of a set, which nobody has signed (thumbprint {held.thumbprint})"
    advice = "name its thumbprint in [gcp] keys, or ask for a PKI token, which carries its chain"
    return unchecked(why, wanted, advice)


def cert_time(c: Case) -> Outcome:
    """Every certificate is valid now."""
    if not c.is_signed:
        return unchecked(_UNSIGNED, "certificates that are valid", _ASK)
    if not c.chain:
        return passed("a key of a set, which has no dates", "valid certificates, where there are any")
    return matching.valid_now(c.chain, c.inputs.now)


def signature(c: Case) -> Outcome:
    """The key signed the token by RS256, which is the one algorithm that Google uses."""
    wanted = "a signature by RS256 over header and claims"
    if not c.is_signed:
        return unchecked(_UNSIGNED, wanted, _ASK)
    if not c.key:
        return unchecked(f"no key {c.token.key_id!r} at hand", wanted, _KEYS)
    jose.verify(c.token, jose.Algorithm.RS256, c.key)
    return passed("RS256", wanted)
