"""What a quote says: as claims for programs, as fields for people, and what is wanted to verify it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from strongroom.attest.tee import _dcap_chain as chains
from strongroom.attest.tee import _dcap_collateral as collateral
from strongroom.attest.tee import _dcap_quote as quotes
from strongroom.attest.tee._dcap_case import Case, read
from strongroom.attest.tee._dcap_quote import Quote
from strongroom.attest.verifier import Field
from strongroom.kit.x509 import crl as lists
from strongroom.model.attest import EndorsementKind, Evidence, EvidenceKind, Json, Want
from strongroom.model.errors import BadInput

SERVICE = "intel-pcs"
_CERT_TYPES = {
    1: "PPID in plain",
    2: "PPID by RSA-2048",
    3: "PPID by RSA-3072",
    4: "PCK certificate",
    5: "PCK certificate chain",
    7: "platform manifest",
}


def wants(evidence: Evidence, kind: EvidenceKind) -> tuple[Want, ...]:
    """The collateral that Intel's service has for the platform of the quote."""
    tee = (("tee", kind.value),)
    common = (Want(SERVICE, "qe-identity", tee), Want(SERVICE, "rootcacrl"))
    try:
        found = chains.leaves(chains.of_quote(read(evidence, kind).certificates))
        if not found:
            return common
        platform = chains.platform(found[0].der)
    except BadInput:
        return ()
    about = (("fmspc", platform.fmspc.hex()), *tee)
    authority = chains.AUTHORITIES.get(found[0].issuer_name)
    lists_ = (Want(SERVICE, "pckcrl", (("ca", authority),)),) if authority else ()
    return (Want(SERVICE, "tcb", about), *common, *lists_)


def subject(c: Case) -> str:
    """The platform that the quote is of: its instance, or a digest of its PPID."""
    try:
        p = c.platform
    except BadInput:
        return ""
    return f"{c.kind}:platform:{(p.instance or hashlib.sha256(p.ppid).digest()[:16]).hex()}"


def hardware(c: Case) -> dict[str, Json]:
    """What the platform is, as far as its certificate can be read."""
    try:
        p = c.platform
    except BadInput:
        return {"vendor": "Intel", "product": c.kind.name}
    return {
        "vendor": "Intel",
        "product": c.kind.name,
        "fmspc": p.fmspc.hex(),
        "pce_id": p.pce_id.hex(),
        "platform_instance": p.instance.hex(),
        "sgx_type": p.sgx_type,
        "dynamic_platform": p.dynamic_platform,
        "cached_keys": p.cached_keys,
        "smt": p.smt,
    }


def standing(c: Case) -> dict[str, Json]:
    """The TCB and what Intel says of it, as far as there is collateral."""
    try:
        have = c.svns
    except BadInput:
        return {}
    known: dict[str, Json] = {"components": list(have.sgx), "pce_svn": have.pce}
    if c.is_td:
        known["tee_tcb_svn"] = have.tee.hex()
    if not (c.tcb_statement and c.qe_statement):
        return known
    try:
        found = c.standing
    except BadInput:
        return known
    known["evaluation"] = c.tcb_info.tcb_evaluation_data_number
    if not found.whole:
        return known
    known["status"] = found.status.value
    known["advisories"] = list(found.advisories)
    known["parts"] = {
        p.name: {"status": p.level.status.value, "date": p.level.date, "newest": p.newest.date} for p in found.parts
    }
    return known


def ends(c: Case) -> tuple[datetime, ...]:
    """When certificates, statements and lists end."""
    found = [x.not_after for x in c.chain.whole]
    for held, parse in ((c.tcb_statement, collateral.tcb_info), (c.qe_statement, collateral.qe_identity)):
        try:
            found += [collateral.dates(parse(held.data)).ends] if held else []
        except BadInput:
            continue
    return tuple(found + _list_ends(c))


def _list_ends(c: Case) -> list[datetime]:
    issuers = {x.subject for x in c.chain.whole}
    ends = []
    for e in c.inputs.endorsements.of(EndorsementKind.CRL):
        try:
            held = lists.parse(e.data)
        except BadInput:
            continue
        if held.issuer in issuers and held.next_update and held.next_update > c.inputs.now:
            ends.append(held.next_update)
    return ends


_TEES = {quotes.SGX: "SGX", quotes.TDX: "TDX"}
NOTHING: Mapping[str, str] = MappingProxyType({})
Row = tuple[str, int, str]  # name, octets, how it is written: `hex`, or `le` for a number


def rows(
    data: bytes, layout: Sequence[Row], start: int, prefix: str = "", meanings: Mapping[str, str] = NOTHING
) -> Iterator[Field]:
    """The fields of a layout, one after another; a row without a name is reserved."""
    at = 0
    for name, size, how in layout:
        value = data[at : at + size]
        if name and value:
            said = str(int.from_bytes(value, "little")) if how == "le" else value.hex()
            yield Field(prefix + name, start + at, size, said, meanings.get(name, ""))
        at += size


_HEADER: tuple[Row, ...] = (
    ("version", 2, "le"),
    ("att_key_type", 2, "le"),
    ("tee_type", 4, "le"),
    ("qe_svn", 2, "le"),
    ("pce_svn", 2, "le"),
    ("qe_vendor_id", 16, "hex"),
    ("user_data", 20, "hex"),
)
ENCLAVE: tuple[Row, ...] = (
    ("cpu_svn", 16, "hex"),
    ("misc_select", 4, "hex"),
    ("", 12, "hex"),
    ("isv_ext_prod_id", 16, "hex"),
    ("attributes", 16, "hex"),
    ("mrenclave", 32, "hex"),
    ("", 32, "hex"),
    ("mrsigner", 32, "hex"),
    ("", 32, "hex"),
    ("config_id", 64, "hex"),
    ("isv_prod_id", 2, "le"),
    ("isv_svn", 2, "le"),
    ("config_svn", 2, "le"),
    ("", 42, "hex"),
    ("isv_family_id", 16, "hex"),
    ("report_data", 64, "hex"),
)


def fields(data: bytes, q: Quote, body: Sequence[Row], meanings: Mapping[str, str]) -> Iterator[Field]:
    """The fields of a quote, in the order in which they stand; `meanings` are of its body, by name."""
    yield from rows(data, _HEADER, 0, "", {"tee_type": _TEES.get(q.tee_type, "unknown")})
    at = quotes.HEADER
    if q.version == 5:
        yield Field("body_type", at, 2, str(q.body_type))
        yield Field("body_size", at + 2, 4, str(q.body_size))
        at += 6
    yield from rows(q.body, body, at, "", meanings)
    at = len(q.signed) + 4
    yield Field("signature_data_length", at - 4, 4, str(int.from_bytes(data[at - 4 : at], "little")), q.lie)
    yield Field("signature", at, 64, q.signature.hex())
    yield Field("attestation_key", at + 64, 64, q.key.hex())
    at += 128
    if q.version >= 4:
        yield Field("certification_data_type", at, 2, str(q.outer_type), "the QE's report")
        yield Field("certification_data_length", at + 2, 4, str(int.from_bytes(data[at + 2 : at + 6], "little")))
        at += 6
    yield from rows(q.qe_report, ENCLAVE, at, "qe.")
    yield Field("qe_report_signature", at + 384, 64, q.qe_signature.hex())
    at += 450
    yield Field("qe_authentication_data", at, len(q.qe_auth), q.qe_auth.hex())
    at += len(q.qe_auth)
    yield Field("pck.certification_data_type", at, 2, str(q.cert_type), _CERT_TYPES.get(q.cert_type, "unknown"))
    yield Field("pck.certification_data", at + 6, len(q.certificates), *_told(q))
    yield from _of_certificates(q, at + 6)
    if q.tail:
        told = "not zero" if any(q.tail) else "zeros of the guest's buffer"
        yield Field("rest", len(data) - len(q.tail), len(q.tail), f"{len(q.tail)} octets", told)


def _told(q: Quote) -> tuple[str, str]:
    return f"{len(q.certificates)} octets", hashlib.sha256(q.certificates).hexdigest()


def _of_certificates(q: Quote, at: int) -> Iterator[Field]:
    try:
        found = chains.of_quote(q.certificates)
        for n, held in enumerate(found):
            until = f"{held.not_before:%Y-%m-%d} to {held.not_after:%Y-%m-%d}"
            yield Field(f"pck.certificate.{n}", -1, len(held.der), held.common_name, until)
        for leaf in chains.leaves(found)[:1]:
            for name, value in chains.platform(leaf.der)._asdict().items():
                said = value.hex() if isinstance(value, bytes) else str(value)
                yield Field(f"pck.{name}", -1, 0, said)
    except BadInput as e:
        yield Field("pck.certificates", at, len(q.certificates), "unreadable", str(e))
