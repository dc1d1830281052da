"""Chains of fixed shape: each certificate by the next, up to one that is pinned."""

from collections.abc import Sequence
from functools import lru_cache

from strongroom.kit.x509.certificate import BASIC_CONSTRAINTS, KEY_CERT_SIGN, KEY_USAGE, Certificate, parse
from strongroom.kit.x509.signing import verify
from strongroom.model.errors import BadSignature, Malformed

_UNDERSTOOD = frozenset({BASIC_CONSTRAINTS, KEY_USAGE})


def verify_issued(
    certificate: Certificate, issuer: Certificate, below: int = 0, understood: frozenset[str] = _UNDERSTOOD
) -> Certificate:
    """The certificate, when the issuer is an authority of that name and has signed it (RFC 5280 section 6.1.3, 6.1.4).

    `below` is how many authorities stand between this certificate's issuer and the leaf. Times and revocation are
    judged apart, each as a step of its own. `understood` are critical extensions that the caller judges itself.

    Raises:
        BadSignature: the names do not meet, the issuer may not sign certificates, or it did not sign this one.
        Malformed: a key or an algorithm that does not fit, or a critical extension that nobody here understands.
    """
    subject = f"certificate {certificate.common_name!r}"
    strange = [
        name for name, e in certificate.extensions.items() if e.critical and name not in _UNDERSTOOD | understood
    ]
    if strange:  # RFC 5280 section 4.2: it limits what the certificate is for, in a way that is not known
        raise Malformed(subject, f"the critical extension {strange[0]}", "none but basic constraints and key usage")
    if certificate.issuer != issuer.subject:
        raise BadSignature(subject, f"issued by {certificate.issuer_name!r}", f"by {issuer.common_name!r}")
    if not issuer.is_authority or (issuer.usages and KEY_CERT_SIGN not in issuer.usages):
        raise BadSignature(subject, f"signed by {issuer.common_name!r}, which is no authority", "an authority")
    if issuer.path_length is not None and issuer.path_length < below:
        raise BadSignature(subject, f"an authority too many below {issuer.common_name!r}", "a shorter chain")
    try:
        verify(issuer.key, certificate.algorithm, certificate.signature, certificate.tbs)
    except BadSignature:
        raise BadSignature(
            subject, f"a signature that {issuer.common_name!r} did not make", "a certificate of that authority"
        ) from None
    return certificate


@lru_cache(maxsize=2048)
def _chain(chain: tuple[bytes, ...]) -> None:
    read = [parse(data) for data in chain]
    for n, (certificate, issuer) in enumerate(zip(read, [*read[1:], read[-1]], strict=True)):
        verify_issued(certificate, issuer, max(0, min(n, len(chain) - 2)))


def verify_chain(chain: Sequence[Certificate]) -> Sequence[Certificate]:
    """The chain, leaf first, when each is issued by the next and the last by itself. Raises as `verify_issued`."""
    if not chain:
        raise Malformed("certificate chain", "no certificate", "a leaf and its authorities")
    _chain(tuple([c.der for c in chain]))  # the same for a whole fleet; what fails is not kept
    return chain
