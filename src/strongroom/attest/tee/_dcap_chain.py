"""The certificates under a quote: the PCK certificate and its authorities, and what its extension says.

Source: "Intel SGX PCK Certificate and Certificate Revocation List Profile Specification", revision 1.5, sections 1.3
(names and chain) and 1.3.5 (the extension). The root is pinned by fingerprint: names prove nothing.
"""

from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from strongroom.kit import der
from strongroom.kit.x509 import certificate as certificates
from strongroom.kit.x509 import pem
from strongroom.kit.x509.certificate import Certificate
from strongroom.kit.x509.chains import verify_issued
from strongroom.model.attest import EndorsementKind, Endorsements
from strongroom.model.errors import BadInput, Malformed

# SHA-256 of https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.cer
ROOTS: frozenset[str] = frozenset({"44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"})
PCK, TCB_SIGNER = "Intel SGX PCK Certificate", "Intel SGX TCB Signing"
AUTHORITIES = {"Intel SGX PCK Platform CA": "platform", "Intel SGX PCK Processor CA": "processor"}
EXTENSION = "1.2.840.113741.1.13.1"
_PPID, _TCB, _PCEID, _FMSPC, _TYPE, _INSTANCE, _CONFIGURATION = (f"{EXTENSION}.{n}" for n in range(1, 8))
_COMPONENTS = tuple(f"{_TCB}.{n}" for n in range(1, 17))
_PCESVN, _CPUSVN = f"{_TCB}.17", f"{_TCB}.18"
_FLAGS = ("dynamic_platform", "cached_keys", "smt")
_MOST = 64  # certificates that are looked at; a chain has three
_SUBJECT = "PCK certificate"


class Chain(NamedTuple):
    """PCK certificate, authority and root as far as they are at hand. Nothing is proven by having been chosen."""

    leaf: Certificate | None
    authority: Certificate | None
    root: Certificate | None

    @property
    def whole(self) -> tuple[Certificate, ...]:
        """All three, or as many as there are, leaf first."""
        return tuple(c for c in (self.leaf, self.authority, self.root) if c is not None)


class Platform(NamedTuple):
    """What the extension of a PCK certificate says of the platform. A flag that it does not state is None."""

    ppid: bytes
    components: tuple[int, ...]  # 16 SVNs
    pce_svn: int
    cpu_svn: bytes
    pce_id: bytes
    fmspc: bytes
    sgx_type: int
    instance: bytes
    dynamic_platform: bool | None
    cached_keys: bool | None
    smt: bool | None


@lru_cache(maxsize=1024)
def of_quote(data: bytes) -> tuple[Certificate, ...]:
    """The certificates of certification data of type 5. Raises Malformed."""
    found = [b.data for b in pem.blocks(data.rstrip(b"\0")) if b.label == "CERTIFICATE"]
    return tuple(certificates.parse(d) for d in found[:_MOST])


def given(endorsements: Endorsements) -> tuple[Certificate, ...]:
    """The certificates among the endorsements."""
    octets = islice((e.data for e in endorsements.of(EndorsementKind.CERTIFICATE)), _MOST)
    return tuple(c for c in map(certificates.readable, octets) if c is not None)


def leaves(pool: Iterable[Certificate]) -> list[Certificate]:
    """Those that are for a platform: they have Intel's extension."""
    return [c for c in pool if EXTENSION in c.extensions]


def above(leaf: Certificate | None, pool: Sequence[Certificate], roots: Container[str]) -> Chain:
    """The chain of a leaf: who issued it, preferring those that really did, and are pinned."""
    authority = issuer(leaf, pool, roots)
    return Chain(leaf, authority, issuer(authority, pool, roots))


def issuer(child: Certificate | None, pool: Iterable[Certificate], roots: Container[str]) -> Certificate | None:
    """Who issued a certificate, of those at hand."""
    if child is None:
        return None
    named = [c for c in pool if c.subject == child.issuer]
    if len(named) < 2:
        return named[0] if named else None
    return max(named, key=lambda c: (_issued(child, c), c.fingerprint in roots))


def _issued(child: Certificate, by: Certificate) -> bool:
    try:
        verify_issued(child, by)
    except BadInput:
        return False
    return True


def _fields(element: der.Element) -> dict[str, der.Element]:
    found: dict[str, der.Element] = {}
    for item in der.members(element):
        pair = der.members(item)
        if len(pair) != 2:
            raise Malformed(_SUBJECT, f"a field of {len(pair)} members", "an identifier and a value")
        name = der.oid(pair[0])
        if name in found:
            raise Malformed(_SUBJECT, f"the field {name} twice", "every field once")
        found[name] = pair[1]
    return found


def _octets(fields: dict[str, der.Element], name: str, size: int) -> bytes:
    value = der.of(_field(fields, name), der.OCTET_STRING).value
    if len(value) != size:
        raise Malformed(_SUBJECT, f"{len(value)} octets in {name}", f"{size}")
    return value


def _field(fields: dict[str, der.Element], name: str) -> der.Element:
    if name not in fields:
        raise Malformed(_SUBJECT, f"no field {name}", "every field of the extension")
    return fields[name]


def _svn(fields: dict[str, der.Element], name: str, most: int) -> int:
    value = der.integer(_field(fields, name))
    if not 0 <= value <= most:
        raise Malformed(_SUBJECT, f"{value} in {name}", f"0 to {most}")
    return value


@lru_cache(maxsize=1024)
def platform(data: bytes) -> Platform:
    """What a PCK certificate says of its platform. Raises Malformed where it lacks a field or has one twice."""
    held = certificates.parse(data).extensions.get(EXTENSION)
    if held is None:
        raise Malformed(_SUBJECT, "no extension of Intel's", f"the extension {EXTENSION}")
    fields = _fields(der.one(held.value, der.SEQUENCE))
    tcb = _fields(_field(fields, _TCB))
    settings = _fields(fields[_CONFIGURATION]) if _CONFIGURATION in fields else {}
    flags = [_flag(settings, f"{_CONFIGURATION}.{n}") for n, _ in enumerate(_FLAGS, 1)]
    return Platform(
        ppid=_octets(fields, _PPID, 16),
        components=tuple(_svn(tcb, name, 255) for name in _COMPONENTS),
        pce_svn=_svn(tcb, _PCESVN, 65535),
        cpu_svn=_octets(tcb, _CPUSVN, 16),
        pce_id=_octets(fields, _PCEID, 2),
        fmspc=_octets(fields, _FMSPC, 6),
        sgx_type=der.integer(_field(fields, _TYPE), der.ENUMERATED),
        instance=_octets(fields, _INSTANCE, 16) if _INSTANCE in fields else b"",
        dynamic_platform=flags[0],
        cached_keys=flags[1],
        smt=flags[2],
    )


def _flag(fields: dict[str, der.Element], name: str) -> bool | None:
    return der.boolean(fields[name]) if name in fields else None
