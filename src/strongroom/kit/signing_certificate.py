"""Certificates of signers of models: up to what was given, valid at a time, for signing code, and of whom it must be.

Trust comes from the certificates that a person gave, and from nowhere else: not from those that lie in the bundle, which
whoever made it put there, and not from the system's.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from strongroom.kit import der
from strongroom.kit.oms import Code, Reason
from strongroom.kit.x509.certificate import DIGITAL_SIGNATURE, Certificate, parse
from strongroom.kit.x509.chains import verify_issued
from strongroom.model.errors import Malformed, StrongroomError

EXTENDED_KEY_USAGE = "2.5.29.37"
ALTERNATIVE_NAME = "2.5.29.17"
_CODE_SIGNING = "1.3.6.1.5.5.7.3.3"  # RFC 5280 4.2.1.12
_UNDERSTOOD = frozenset({EXTENDED_KEY_USAGE, ALTERNATIVE_NAME})
_MAIL, _DOMAIN, _URI = 0x81, 0x82, 0x86  # RFC 5280 4.2.1.6, GeneralName
_MOST_DEPTH = 8


class Signer(NamedTuple):
    """A certificate that was judged; without reasons it may sign, and `path` leads from it to what was given."""

    certificate: Certificate | None
    path: tuple[Certificate, ...]
    names: tuple[str, ...]
    reasons: tuple[Reason, ...]


def names_of(certificate: Certificate) -> tuple[str, ...]:
    """Who it is of: its alternative names, or its common name where it has none. Raises Malformed."""
    held = certificate.extensions.get(ALTERNATIVE_NAME)
    if held is None:
        return (certificate.common_name,) if certificate.common_name else ()
    return tuple(e.value.decode("ascii", "backslashreplace") for e in der.sequence(held.value) if _is_name(e))


def _is_name(element: der.Element) -> bool:
    return element.tag in (_MAIL, _DOMAIN, _URI)


def _purposes(certificate: Certificate) -> frozenset[str] | None:
    """What it is for; None where it says nothing. Raises Malformed."""
    held = certificate.extensions.get(EXTENDED_KEY_USAGE)
    return None if held is None else frozenset(map(der.oid, der.sequence(held.value)))


class _Pool(NamedTuple):
    given: tuple[Certificate, ...]
    offered: tuple[Certificate, ...]


def _pool(given: Sequence[Certificate], offered: Sequence[bytes]) -> _Pool:
    """What a path may be made of.

    Roots alone trust all that they issued, so that what lies in the bundle may lead to them. Whoever gives an authority
    below a root means that one: then the bundle's own lead nowhere.
    """
    if not all(c.issuer == c.subject for c in given):
        return _Pool(tuple(given), ())
    return _Pool(tuple(given), tuple(c for c in map(_readable, offered) if c is not None))


def _readable(data: bytes) -> Certificate | None:
    try:
        return parse(data)
    except Malformed:
        return None


def _paths(path: tuple[Certificate, ...], pool: _Pool) -> Iterator[tuple[Certificate, ...]]:
    """Every path of true signatures that ends where no given certificate stands above it."""
    last = path[-1]
    seen = {(c.subject, c.key) for c in path}  # one authority once: certificates for each other would lead around
    named = [c for c in (*pool.given, *pool.offered) if c.subject == last.issuer and (c.subject, c.key) not in seen]
    above = [c for c in named if _is(path, c)]
    is_given = last in pool.given
    for issuer in above:
        if len(path) < _MOST_DEPTH and (issuer in pool.given or not is_given):
            yield from _paths((*path, issuer), pool)
    if is_given and not any(c in pool.given for c in above):
        yield path


def _is(path: tuple[Certificate, ...], issuer: Certificate) -> bool:
    try:
        verify_issued(path[-1], issuer, len(path) - 1, _UNDERSTOOD)
    except StrongroomError:
        return False
    return True


def _missing(leaf: Certificate, pool: _Pool, subject: str) -> Reason:
    """Why there is no path: the nearest authority that could have issued it, and what is wrong with that."""
    for c in (*pool.given, *pool.offered):
        if c.subject == leaf.issuer and c != leaf:
            try:
                verify_issued(leaf, c, 0, _UNDERSTOOD)
            except StrongroomError as e:
                return Reason(Code.CHAIN, subject, f"{e.subject}: {e.found}", e.wanted)
    found = f"a certificate of {leaf.issuer_name!r}, which leads to none that was given"
    return Reason(Code.CHAIN, subject, found, "a path to a given certificate")


def _path_reasons(path: Sequence[Certificate], now: datetime, subject: str) -> Iterator[Reason]:
    for n, c in enumerate(path):
        what = f"the certificate {c.common_name!r}"
        if now < c.not_before:
            yield Reason(Code.NOT_YET_VALID, subject, f"{what} begins {_time(c.not_before)}", f"valid at {_time(now)}")
        if now > c.not_after:
            yield Reason(Code.EXPIRED, subject, f"{what} ended {_time(c.not_after)}", f"valid at {_time(now)}")
        purposes = _purposes(c) if n else None  # an authority that names purposes issues for these alone
        if purposes is not None and _CODE_SIGNING not in purposes:
            yield Reason(Code.EXTENDED_KEY_USAGE, subject, f"{what}, which issues for other purposes", "codeSigning")


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _usage_reasons(leaf: Certificate, subject: str, *, compat: bool) -> Iterator[Reason]:
    if DIGITAL_SIGNATURE not in leaf.usages and (leaf.usages or not compat):
        found = "a certificate whose key usage lacks digitalSignature" if leaf.usages else "no key usage"
        yield Reason(Code.KEY_USAGE, subject, found, "digitalSignature")
    purposes = _purposes(leaf)
    if purposes is None and not compat:
        yield Reason(Code.EXTENDED_KEY_USAGE, subject, "no extended key usage", "codeSigning")
    elif purposes is not None and _CODE_SIGNING not in purposes:
        yield Reason(Code.EXTENDED_KEY_USAGE, subject, f"a certificate for {_told(purposes)}", "codeSigning")


_KNOWN_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "2.5.29.37.0": "any purpose",
}


def _told(purposes: frozenset[str]) -> str:
    return ", ".join(sorted(_KNOWN_PURPOSES.get(p, p) for p in purposes)) or "nothing"


def judge(
    chain: Sequence[bytes],
    given: Sequence[Certificate],
    now: datetime,
    subject: str,
    *,
    identity: str | None = None,
    compat: bool = False,
) -> Signer:
    """The signer of a bundle's chain, leaf first, and every reason against it.

    `given` are the certificates that are trusted, and `identity` an address, domain, URI or, where the certificate has
    no alternative name, a common name that it must be of. `compat` takes a certificate that says nothing of what it is
    for; one that is for something else is refused all the same.
    """
    try:
        leaf = parse(chain[0])
        names = names_of(leaf)
        usage = tuple(_usage_reasons(leaf, subject, compat=compat))
    except Malformed as e:
        return Signer(None, (), (), (Reason(Code.CERTIFICATE, subject, e.found, e.wanted),))
    pool = _pool(given, chain[1:])
    found = [(path, tuple(_path_reasons(path, now, subject))) for path in _paths((leaf,), pool)]
    path, wrong = min(found, key=lambda f: len(f[1]), default=((leaf,), ()))
    reasons = [*usage, *(wrong or (() if found else _path_reasons((leaf,), now, subject)))]
    if not found:
        reasons.append(_missing(leaf, pool, subject))
    if identity is not None and identity not in names:
        who = " or ".join(repr(n) for n in names) or "a certificate without a name"
        reasons.append(Reason(Code.IDENTITY, subject, who, repr(identity)))
    return Signer(leaf, path, names, tuple(reasons))
