"""The comparisons that every verifier makes: challenge, reference values, validity, revocation."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from strongroom.attest.steps import NOT_ASKED, Outcome, failed, passed, unchecked
from strongroom.kit.x509 import crl as lists
from strongroom.kit.x509.certificate import Certificate
from strongroom.kit.x509.crl import RevocationList
from strongroom.model.attest import EndorsementKind, Endorsements, EvidenceKind, ReferenceValues
from strongroom.model.errors import BadInput

_LIST = "let it be fetched (without --offline), give it with --endorsements, or name the step unchecked in the policy"
_MEASURE = "strongroom attest measure"


def challenge(signed: bytes, asked: bytes | None) -> Outcome:
    """Whether evidence answers the challenge: the same octets, and zeros up to the size of the field.

    Never a prefix: evidence for a longer challenge that begins alike is evidence for somebody else.
    """
    if asked is None:
        return unchecked("no challenge was given: this evidence may be old", "the verifier's nonce", "--nonce HEX")
    if len(asked) > len(signed):
        return failed(f"a challenge of {len(asked)} octets", f"at most {len(signed)}")
    wanted = asked.ljust(len(signed), b"\0")
    if not hmac.compare_digest(signed, wanted):
        return failed(signed.hex(), wanted.hex(), "it answers another challenge: a replay, or another key")
    return passed(f"{asked.hex()[:32]}{'…' if len(asked) > 16 else ''}", "the challenge")


def one_of(value: bytes, accepted: Sequence[str], name: str) -> Outcome:
    """Whether a value is one that the policy names; not asked where it names none."""
    if not accepted:
        return NOT_ASKED
    wanted = f"one of the {len(accepted)} of {name}"
    return passed(value.hex(), wanted) if value.hex() in {a.lower() for a in accepted} else failed(value.hex(), wanted)


def reference(known: ReferenceValues, kind: EvidenceKind, registers: Mapping[str, str]) -> Outcome:
    """Whether one reference names every register that it speaks of as the evidence has it.

    No reference at all is not checked; references of which none fits are a failure: what runs is unknown. A reference
    that names no register of this evidence matches nothing.
    """
    mine = known.of(kind)
    if not mine:
        why = known.trouble or "no reference values for this kind were given"
        return unchecked(f"unknown reference: {why}", "a signed reference value", _MEASURE)
    for r in mine:
        if r.values and all(_is(registers, name, values) for name, values in r.values.items()):
            return passed(f"{r.name} {r.version}".strip(), "a known reference")
    nearest = max(mine, key=lambda r: sum(_is(registers, n, v) for n, v in r.values.items()))
    differs = [n for n, v in nearest.values.items() if not _is(registers, n, v)]
    found = ", ".join(f"{n} {registers.get(n, 'absent')}" for n in differs) or "no register that a reference names"
    wanted = f"one of {len(mine)} known; {nearest.name} is nearest"
    return failed(f"unknown reference: {found}", wanted, f"if this build is yours: {_MEASURE}")


@lru_cache(maxsize=64)
def stamp(moment: datetime) -> str:
    """A time as every step writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _is(registers: Mapping[str, str], name: str, accepted: Sequence[str]) -> bool:
    """Whether the evidence has the register with an accepted value; what it lacks is not the same as empty."""
    return name in registers and registers[name] in accepted


def valid_now(chain: Sequence[Certificate], now: datetime) -> Outcome:
    """Whether every certificate is within its validity."""
    for c in chain:
        if not c.valid_at(now):
            found = f"{c.common_name} is valid {stamp(c.not_before)} to {stamp(c.not_after)}"
            return failed(found, f"valid at {stamp(now)}")
    first = min(chain, key=lambda c: c.not_after)
    return passed(f"until {stamp(first.not_after)}", f"valid at {stamp(now)}")


def not_revoked(given: Endorsements, issuer: Certificate, chain: Sequence[Certificate], now: datetime) -> Outcome:
    """Whether the authority's current list names none of the certificates that it issued."""
    wanted = f"a current list of {issuer.common_name!r} that names none of the chain"
    found = _lists(given, issuer)
    if not found:
        return unchecked(f"no revocation list of {issuer.common_name!r} at hand", wanted, _LIST)
    newest = max(found, key=lambda x: x.this_update)
    lists.verify_list(newest, issuer)
    stale = lists.trouble(newest, now)
    if stale:
        return failed(f"a list that says nothing about now: {stale}", wanted, _LIST)
    for c in chain:
        if c.issuer == issuer.subject and c.serial in newest.revoked and newest.revoked[c.serial] <= now:
            since = f"{newest.revoked[c.serial]:%Y-%m-%d}"
            return failed(f"{c.common_name} was revoked on {since}", wanted, "take the machine out of service")
    return passed(f"a list of {newest.this_update:%Y-%m-%d}, {len(newest.revoked)} revoked", wanted)


def _lists(given: Endorsements, issuer: Certificate) -> list[RevocationList]:
    found = []
    for e in given.of(EndorsementKind.CRL):
        try:
            held = lists.parse(e.data)
        except BadInput:
            continue
        if held.issuer == issuer.subject:
            found.append(held)
    return found
