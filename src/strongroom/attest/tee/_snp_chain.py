"""The certificates of SEV-SNP: which of those at hand belong to a report, and what they say.

Sources: "VCEK Certificate and KDS Interface Specification", publication 57230, revision 0.53, section 3 (certificates)
and Table 8 (extensions); "VLEK" section of the same. Roots are pinned by fingerprint: names prove nothing.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice

from strongroom.attest.tee._snp_report import Report, Tcb, product_of, tcb
from strongroom.kit import der
from strongroom.kit.x509 import certificate as certificates
from strongroom.kit.x509.certificate import Certificate
from strongroom.kit.x509.chains import verify_issued
from strongroom.model.attest import EndorsementKind, Endorsements, Evidence
from strongroom.model.errors import BadInput, Malformed

# SHA-256 of the AMD Root Keys, as served by https://kdsintf.amd.com/vcek/v1/{product}/cert_chain.
ROOTS: Mapping[str, str] = {
    "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd": "Milan",
    "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1": "Genoa",
    "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a": "Turin",
}
_OID = "1.3.6.1.4.1.3704.1."
PRODUCT_NAME, TCB_BOOTLOADER, TCB_TEE, TCB_SNP, TCB_MICROCODE, TCB_FMC = (
    _OID + n for n in ("2", "3.1", "3.2", "3.3", "3.8", "3.9")
)
HARDWARE_ID, CSP_ID = _OID + "4", _OID + "5"
VCEK, VLEK = "SEV-VCEK", "SEV-VLEK"
_MOST = 64  # certificates that are looked at; a chain has three


@dataclass(frozen=True)
class Chain:
    """Leaf, intermediate and root as far as they are at hand. Nothing is proven by having been chosen."""

    leaf: Certificate | None
    signer: Certificate | None
    root: Certificate | None

    @cached_property
    def whole(self) -> tuple[Certificate, ...]:
        """All three, or as many as there are, leaf first."""
        return tuple(c for c in (self.leaf, self.signer, self.root) if c is not None)


def at_hand(evidence: Evidence, endorsements: Endorsements) -> tuple[Certificate, ...]:
    """The certificates that came with the report and those that were given, each once."""
    beside = evidence.part("certificates")
    inside = _pieces(beside.data) if beside else ()
    given = (e.data for e in endorsements.of(EndorsementKind.CERTIFICATE))
    found = (certificates.readable(d) for d in dict.fromkeys([*islice(inside, _MOST), *islice(given, _MOST)]))
    return tuple(c for c in found if c is not None)


def _pieces(data: bytes) -> Iterator[bytes]:
    try:
        yield from (e.whole for e in der.elements(data))
    except Malformed:
        return


def choose(report: Report, found: Iterable[Certificate], roots: Container[str]) -> Chain:
    """The chain for a report: the leaf that fits it best, then who issued it, preferring those that really did."""
    pool = tuple(found)
    kind = VLEK if report.signing_key == 1 else VCEK
    leaves = [c for c in pool if c.common_name in (VCEK, VLEK)]
    leaf = leaves[0] if len(leaves) == 1 else max(leaves, key=lambda c: _fit(report, c, kind), default=None)
    signer = _issuer(leaf, pool, roots)
    return Chain(leaf, signer, _issuer(signer, pool, roots))


def _fit(report: Report, leaf: Certificate, kind: str) -> int:
    try:
        same_tcb = tcb_of(leaf) == tcb(report.reported_tcb, product_of_leaf(leaf))
    except Malformed:
        same_tcb = False
    same_chip = hardware_id(leaf) in {report.chip_id, report.chip_id[:8]}
    return 4 * (leaf.common_name == kind) + 2 * same_chip + same_tcb


def _issuer(child: Certificate | None, pool: Iterable[Certificate], roots: Container[str]) -> Certificate | None:
    if child is None:
        return None
    named = [c for c in pool if c.subject == child.issuer and c.common_name not in (VCEK, VLEK)]
    if len(named) == 1:
        return named[0]
    return max(named, key=lambda c: (_issued(child, c), c.fingerprint in roots), default=None)


def _issued(child: Certificate, issuer: Certificate) -> bool:
    return _issued_by(child.der, issuer.der)


@lru_cache(maxsize=2048)
def _issued_by(child: bytes, issuer: bytes) -> bool:
    try:
        verify_issued(certificates.parse(child), certificates.parse(issuer))
    except BadInput:
        return False
    return True


def product_of_leaf(leaf: Certificate) -> str:
    """The product that issuer and extension name: `Milan`."""
    return leaf.issuer_name.rpartition("-")[2]


def product_name(report: Report, chain: Chain) -> str:
    """The product by CPUID, or by the certificate where the report does not say."""
    return product_of(report) or (product_of_leaf(chain.leaf) if chain.leaf else "")


def _svn(leaf: Certificate, oid: str) -> int | None:
    held = leaf.extensions.get(oid)
    return der.integer(der.one(held.value, der.INTEGER)) if held else None


def tcb_of(leaf: Certificate) -> Tcb | None:
    """The TCB that a certificate is for; None where it does not say. Raises Malformed."""
    return _tcb_of(leaf.der)


@lru_cache(maxsize=1024)
def _tcb_of(data: bytes) -> Tcb | None:
    leaf = certificates.parse(data)
    values = [_svn(leaf, o) for o in (TCB_BOOTLOADER, TCB_TEE, TCB_SNP, TCB_MICROCODE)]
    known = [v for v in values if v is not None]
    return Tcb(known[0], known[1], known[2], known[3], _svn(leaf, TCB_FMC)) if len(known) == 4 else None


def hardware_id(leaf: Certificate) -> bytes:
    """The chip that a VCEK is for: 64 octets, 8 from Turin on; empty for a VLEK. Early ones wrap it once more."""
    held = leaf.extensions.get(HARDWARE_ID)
    if held is None:
        return b""
    wrapped = held.value[:1] == b"\x04" and len(held.value) in (10, 66)
    return held.value[2:] if wrapped else held.value


def provider_of(leaf: Certificate) -> str:
    """The cloud that a VLEK was made for; empty where the certificate names none. Raises Malformed."""
    held = leaf.extensions.get(CSP_ID)
    return der.text(der.prefix(held.value)) if held else ""
