"""Who made a quote: its layout, its chain to Intel's root, and the two signatures that lead from one to the other."""

import hashlib
import hmac

from strongroom.attest import matching
from strongroom.attest.steps import Outcome, compare, failed, passed, unchecked
from strongroom.attest.tee import _dcap_chain as chains
from strongroom.attest.tee import _dcap_quote as quotes
from strongroom.attest.tee._dcap_case import QUOTE, Case, point, signed
from strongroom.kit.x509.chains import verify_chain
from strongroom.model.attest import EvidenceKind

_VERSIONS = {EvidenceKind.TDX: (4, 5), EvidenceKind.SGX: (3, 4, 5)}
_BODIES = {
    EvidenceKind.TDX: {quotes.BODY_TD10: "TD report 1.0", quotes.BODY_TD15: "TD report 1.5"},
    EvidenceKind.SGX: {quotes.BODY_SGX: "enclave report"},
}
_ELSEWHERE = {1: "its PPID", 2: "its PPID, encrypted", 3: "its PPID, encrypted", 4: "itself, without its authorities"}
FETCH = "let it be fetched (without --offline), or give Intel's collateral with --endorsements"
_FORGED = "the quote was changed, or another key made it"


def length(c: Case) -> Outcome:
    """Every length is that of what is there, and nothing but the zeros of a buffer follows."""
    q = c.quote
    if q.lie:
        return failed(q.lie, "lengths of what is there")
    part = c.inputs.evidence.part(QUOTE)
    size = len(part.data) if part else 0
    if any(q.tail):
        return failed(f"{len(q.tail)} octets behind a quote of {size - len(q.tail)}", "nothing, or zeros")
    return passed(f"{size - len(q.tail)} octets", f"of {size}")


def version(c: Case) -> Outcome:
    """The version is one that is known for the kind."""
    known = _VERSIONS[c.kind]
    found, wanted = str(c.quote.version), f"one of {', '.join(map(str, known))}"
    return passed(found, wanted) if c.quote.version in known else failed(found, wanted)


def att_key_type(c: Case) -> Outcome:
    """The attestation key is on P-256; no quoting enclave makes another kind."""
    return compare(str(c.quote.att_key_type), str(quotes.ECDSA_P256))


def tee_type(c: Case) -> Outcome:
    """The header names the kind of TEE that the body is of."""
    return compare(f"0x{c.quote.tee_type:02x}", f"0x{quotes.TDX if c.is_td else quotes.SGX:02x}")


def qe_vendor(c: Case) -> Outcome:
    """The quoting enclave is Intel's."""
    return compare(c.quote.vendor.hex(), quotes.INTEL_VENDOR.hex())


def body(c: Case) -> Outcome:
    """The body is of a type of this kind, and of its size."""
    known, found = _BODIES[c.kind], c.quote.body_type
    if found not in known:
        return failed(f"body type {found}", ", ".join(f"{n} ({name})" for n, name in known.items()))
    return compare(f"{known[found]}, {c.quote.body_size} octets", f"{known[found]}, {quotes.SIZES[found]} octets")


def cert_data(c: Case) -> Outcome:
    """The quote carries the chain of its PCK certificate, or names it and the certificate is at hand."""
    q, wanted = c.quote, "a chain of PCK certificate, authority and root (type 5)"
    if q.outer_type != quotes.QE_REPORT:
        return failed(f"certification data of type {q.outer_type}", "the QE's report (type 6)")
    if q.cert_type == quotes.CHAIN:
        return passed(f"{len(chains.of_quote(q.certificates))} certificates", wanted)
    how = _ELSEWHERE.get(q.cert_type)
    if how is None:
        return failed(f"certification data of type {q.cert_type}", wanted)
    if c.chain.leaf is None:
        return unchecked(f"the quote gives its PCK certificate by {how} (type {q.cert_type})", wanted, FETCH)
    return passed(f"by {how}, and the certificate that signed it is at hand", wanted)


def pck_chain(c: Case) -> Outcome:
    """PCK certificate, its authority and the root, each issued by the next."""
    wanted = "PCK certificate, PCK authority and root, each issued by the next"
    whole = c.chain.whole
    if len(whole) < 3:
        missing = ["PCK", "PCK authority's", "root"][len(whole)]
        return unchecked(f"no {missing} certificate at hand", wanted, FETCH)
    leaf, authority, _ = whole
    verify_chain(whole)
    if leaf.common_name != chains.PCK or authority.common_name not in chains.AUTHORITIES:
        found = f"{leaf.common_name!r} by {authority.common_name!r}"
        return failed(found, wanted, "a certificate of Intel's for something else")
    return passed(" < ".join(x.common_name for x in whole), wanted)


def root_pin(c: Case) -> Outcome:
    """The root is the one that is pinned."""
    root = c.chain.root
    if root is None:
        return unchecked("no root certificate at hand", "the pinned root", FETCH)
    if root.fingerprint not in c.roots:
        found = f"{root.common_name}, sha256 {root.fingerprint}"
        return failed(found, "the pinned root of Intel", "it is not Intel's: whoever made it can make any quote")
    return passed(f"{root.common_name}, sha256 {root.fingerprint[:16]}…", "the pinned root of Intel")


def cert_time(c: Case) -> Outcome:
    """Every certificate under the quote is valid."""
    return matching.valid_now(c.chain.whole, c.inputs.now)


def root_crl(c: Case) -> Outcome:
    """The root's list names neither the PCK authority nor a signer of the collateral."""
    root = c.chain.root
    if root is None:
        return unchecked("no root certificate at hand", "a current list of the root", FETCH)
    signers = [x for x in (c.tcb_signer, c.qe_signer) if x is not None]
    return matching.not_revoked(c.inputs.endorsements, root, [*c.chain.whole[1:], *signers], c.inputs.now)


def pck_crl(c: Case) -> Outcome:
    """The authority's list does not name the PCK certificate."""
    authority, leaf = c.chain.authority, c.chain.leaf
    if authority is None or leaf is None:
        return unchecked("no PCK authority's certificate at hand", "a current list of the PCK authority", FETCH)
    return matching.not_revoked(c.inputs.endorsements, authority, [leaf], c.inputs.now)


def pck_ext(c: Case) -> Outcome:
    """The PCK certificate says which platform it is for, and says it once.

    The CPUSVN is there whole and by component, and verifiers differ in which they read: a certificate in which the two
    differ would be judged differently by each.
    """
    if c.chain.leaf is None:
        return unchecked("no PCK certificate at hand", "FMSPC, PCEID, CPUSVN and PCESVN", FETCH)
    p = c.platform
    if bytes(p.components) != p.cpu_svn:
        return failed(f"CPUSVN {p.cpu_svn.hex()}, and components {bytes(p.components).hex()}", "the same twice")
    return passed(f"FMSPC {p.fmspc.hex()}, PCEID {p.pce_id.hex()}, CPUSVN {p.cpu_svn.hex()}, PCESVN {p.pce_svn}")


def qe_report_sig(c: Case) -> Outcome:
    """The platform's key signed the report of the quoting enclave."""
    leaf, wanted = c.chain.leaf, "a signature of the QE's report by the key of the PCK certificate"
    if leaf is None:
        return unchecked("no PCK certificate at hand", wanted, FETCH)
    ok = signed(leaf.key, c.quote.qe_signature, c.quote.qe_report)
    return passed(f"made by {leaf.common_name}", wanted) if ok else failed("another signature", wanted, _FORGED)


def qe_binding(c: Case) -> Outcome:
    """The quoting enclave vouches for the attestation key: without this, anybody's key signs anything."""
    wanted = hashlib.sha256(c.quote.key + c.quote.qe_auth).digest().ljust(64, b"\0")
    if not hmac.compare_digest(c.qe.report_data, wanted):
        return failed(c.qe.report_data.hex(), wanted.hex(), "the attestation key is not the quoting enclave's")
    return passed(f"{wanted[:16].hex()}…", "the SHA-256 of attestation key and authentication data, and zeros")


def quote_sig(c: Case) -> Outcome:
    """The attestation key signed header and body."""
    wanted = f"a signature by the attestation key over the first {len(c.quote.signed)} octets"
    ok = signed(point(c.quote.key), c.quote.signature, c.quote.signed)
    return passed("made by the attestation key", wanted) if ok else failed("another signature", wanted, _FORGED)
