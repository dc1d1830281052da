"""What the owner demands of a Google Cloud token, step by step."""

import base64
import hmac
from collections.abc import Iterator, Sequence
from datetime import timedelta

from strongroom.attest import matching
from strongroom.attest.steps import NOT_ASKED, Outcome, compare, failed, passed, unchecked
from strongroom.attest.tee import _gcp_token as tokens
from strongroom.attest.tee._gcp_case import Case
from strongroom.model.attest import EvidenceKind

_SKEW = timedelta(minutes=1)  # no two clocks agree
LONGEST = timedelta(hours=1)  # Google's tokens live an hour; one for longer is of a service that does something else
DISABLED = "disabled-since-boot"  # RFC 9711 section 4.2.9.3


def issuer(c: Case) -> Outcome:
    """Google's attestation service issued it, not another service with a key under the same root."""
    return compare(c.claims.iss, tokens.ISSUER)


def audience(c: Case) -> Outcome:
    """It was made for this relying party: a token for another one is replayed."""
    accepted = c.policy.audiences
    if not accepted:
        return unchecked(f"the policy names no audience; the token is for {c.claims.aud!r}", "[gcp] audiences")
    return _one_of(c.claims.aud, accepted, "ask for a token with the relying party's own audience")


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
    """It lives an hour at most: what it says of the machine was so when it was made."""
    seconds = c.claims.exp - min(c.claims.iat, c.claims.nbf)
    wanted = f"more than nothing, and at most {int(LONGEST.total_seconds())} seconds"
    return (passed if 0 < seconds <= LONGEST.total_seconds() else failed)(f"{seconds} seconds", wanted)


def nonce(c: Case) -> Outcome:
    """One of its nonces is the challenge: in hexadecimal, in base64, or as the text that it is."""
    asked = c.inputs.evidence.challenge
    if asked is None:
        return unchecked("no challenge was given: this token may be old", "the verifier's nonce", "--nonce HEX")
    held = c.claims.nonces
    if not held:
        return failed("no nonce", asked.hex(), "the token was asked for without one")
    forms = list(_forms(asked))
    if not any(hmac.compare_digest(n.encode(), form) for n in held for form in forms):
        return failed(", ".join(held), asked.hex(), "it answers another challenge: a replay")
    return passed(f"{asked.hex()[:32]}{'…' if len(asked) > 16 else ''}", "the challenge")


def _forms(asked: bytes) -> Iterator[bytes]:
    """A token carries text of 10 to 74 octets, so that a challenge of octets is written somehow."""
    yield asked.hex().encode()
    for coded in (base64.urlsafe_b64encode(asked), base64.b64encode(asked)):
        yield coded
        yield coded.rstrip(b"=")
    if asked.isascii() and asked.decode("ascii").isprintable():
        yield asked


def hardware(c: Case) -> Outcome:
    """The machine is a confidential one."""
    return _one_of(c.claims.hwmodel, c.policy.hardware, "start it as a Confidential VM")


def secure_boot(c: Case) -> Outcome:
    """Secure Boot is on."""
    if c.claims.secboot:
        return passed("on", "on")
    if not c.policy.secure_boot:
        return passed("off, and the policy allows it", "allowed")
    return failed("off" if c.claims.secboot is False else "not said", "on, or [gcp] secure_boot = false")


def debug(c: Case) -> Outcome:
    """The image is not for debugging: nobody logs in and reads the workload's memory."""
    held = c.claims.dbgstat
    if held == DISABLED:
        return passed(held, DISABLED)
    wanted = f"{DISABLED}, or [gcp] debug = true"
    if c.policy.debug and (held or _is_plain(c)):
        return passed(f"{held or 'not said'}, and the policy allows it", "allowed")
    if not held and _is_plain(c):
        return unchecked("not said: whoever may log in to a confidential VM decides what is read there", wanted)
    return failed(held or "not said", wanted, "run the production image")


def _is_plain(c: Case) -> bool:
    """Whether it is a confidential VM without Confidential Space: its token says nothing of an image or a workload."""
    return c.claims.swname == "GCE"


def software(c: Case) -> Outcome:
    """The software is one that the policy takes."""
    return _one_of(c.claims.swname, c.policy.software, "[gcp] software")


def support(c: Case) -> Outcome:
    """Google still supports the image."""
    wanted, space = c.policy.support, c.claims.submods.confidential_space
    if not wanted or c.claims.swname != "CONFIDENTIAL_SPACE":
        return passed("an image without such attributes, or none are demanded", wanted)
    held = space.support_attributes if space else ()
    found = ", ".join(held) or "none: an image for debugging, or one that is no longer supported"
    return (passed if wanted in held else failed)(found, wanted)


def version(c: Case) -> Outcome:
    """The image is new enough; its versions are dates, as 250301."""
    least, held = c.policy.min_software, c.claims.versions
    if least is None:
        return NOT_ASKED
    found, wanted = ", ".join(held) or "none", f"at least {least}"
    known = bool(held) and all(v.isascii() and v.isdecimal() and len(v) <= 12 for v in held)
    return (passed if known and min(map(int, held)) >= least else failed)(found, wanted)


def project(c: Case) -> Outcome:
    """The machine is of a project that the policy names."""
    if not c.policy.projects:
        return NOT_ASKED
    return _one_of(c.claims.submods.gce.project_id if c.claims.submods.gce else "", c.policy.projects)


def service_account(c: Case) -> Outcome:
    """An account that the policy names runs the workload."""
    accepted, held = c.policy.service_accounts, c.claims.google_service_accounts
    if not accepted:
        return NOT_ASKED
    found = next((a for a in held if a in accepted), "")
    return _one_of(found or ", ".join(held), accepted)


def measurement(c: Case) -> Outcome:
    """The container image is one of a signed reference."""
    held = c.claims.image_digest
    if not held and _is_plain(c):
        advice = "judge the quote of its vTPM, with the event log, as well"
        return unchecked("the token says nothing of what the VM has started", "a known image", advice)
    return matching.reference(c.inputs.references, EvidenceKind.GCP, {"image_digest": held} if held else {})


def _one_of(found: str, accepted: Sequence[str], advice: str = "") -> Outcome:
    wanted = f"one of {', '.join(accepted) or 'none'}"
    return passed(found, wanted) if found in accepted else failed(found or "not said", wanted, advice)
