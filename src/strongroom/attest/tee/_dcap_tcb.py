"""What a quote's platform is worth: the quoting enclave's identity, the platform's TCB level, and what they converge to."""

from collections.abc import Iterator
from datetime import timedelta

from strongroom.attest.steps import NOT_ASKED, Outcome, failed, passed, shown, unchecked
from strongroom.attest.tee import _dcap_chain as chains
from strongroom.attest.tee import _dcap_collateral as collateral
from strongroom.attest.tee._dcap_case import Case
from strongroom.attest.tee._dcap_collateral import QeIdentity, Status, TcbInfo
from strongroom.attest.tee._dcap_proof import FETCH
from strongroom.attest.tee._dcap_standing import Standing, converged
from strongroom.kit.x509.certificate import Certificate
from strongroom.kit.x509.chains import verify_issued
from strongroom.kit.x509.signing import Algorithm, verify
from strongroom.model.attest import Endorsement

_RENEW = "fetch the collateral anew (without --offline), or judge at the time of the evidence with --at"
_HARDEN = "no newer level is out: do as the advisories say, then take status and advisories in the policy"
_UPDATE = "update the platform's BIOS and microcode, and let it be certified anew"


def _signature(c: Case, e: Endorsement, signer: Certificate | None) -> Outcome | None:
    """What is wrong with the signature of a statement, or None: over its octets, by a signer of the pinned root."""
    wanted = f"{chains.TCB_SIGNER!r}, issued by the pinned root"
    if signer is None:
        return unchecked("no certificate of its signer at hand", wanted, FETCH)
    if signer.common_name != chains.TCB_SIGNER:
        return failed(f"the issuer chain begins with {signer.common_name!r}", wanted, "the chain of another statement")
    root = c.issuer_of(signer, e)
    if root is None:
        return unchecked("no root certificate of its signer at hand", wanted, FETCH)
    if root.fingerprint not in c.roots:
        return failed(f"{root.common_name}, sha256 {root.fingerprint}", wanted, "it is not Intel's")
    verify_issued(signer, root)
    if not signer.valid_at(c.inputs.now):
        return failed(f"a signer's certificate until {signer.not_after:%Y-%m-%d}", f"valid at {c.inputs.now:%Y-%m-%d}")
    if len(e.signature) != 64:
        return failed(f"a signature of {len(e.signature)} octets", "R and S in 64 octets")
    verify(signer.key, Algorithm.ECDSA_SHA256, collateral.dss(e.signature), e.data)
    return None


def _time(c: Case, found: TcbInfo | QeIdentity) -> Outcome | None:
    now, when = c.inputs.now, collateral.dates(found)
    if when.issued <= now <= when.ends:
        return None
    told = f"of {when.issued:%Y-%m-%dT%H:%M:%SZ}, until {when.ends:%Y-%m-%dT%H:%M:%SZ}"
    return failed(told, f"one that speaks at {now:%Y-%m-%dT%H:%M:%SZ}", _RENEW)


def qe_identity(c: Case) -> Outcome:
    """Intel's current identity of the quoting enclave is what this one is."""
    e = c.qe_statement
    if e is None:
        return unchecked("no identity of the quoting enclave at hand", f"a current identity of {c.qe_name}", FETCH)
    found = collateral.qe_identity(e.data)
    wrong = _signature(c, e, c.qe_signer)
    if wrong is not None:
        return wrong
    named = f"{found.id} version {found.version}"
    if found.id != c.qe_name or found.version != 2:
        return failed(named, f"{c.qe_name} version 2")
    return _time(c, found) or _is_quoting_enclave(c, found)


def _is_quoting_enclave(c: Case, found: QeIdentity) -> Outcome:
    differs = [f"{name} {has.hex()}, not {wants.hex()}" for name, has, wants in _comparisons(c, found) if has != wants]
    if differs:
        return failed("; ".join(differs), f"Intel's {c.qe_name}", "another enclave made the quote")
    level = collateral.isv_level(found.tcb_levels, c.qe.isv_svn)
    if level is None:
        return failed(f"ISVSVN {c.qe.isv_svn}", "at least that of the lowest level", "update the quoting enclave")
    return passed(f"{found.id}, ISVSVN {c.qe.isv_svn}, {level.status}", f"Intel's identity of {found.issue_date[:10]}")


def _comparisons(c: Case, found: QeIdentity) -> Iterator[tuple[str, bytes, bytes]]:
    qe, octets = c.qe, collateral.octets
    yield "MRSIGNER", qe.mrsigner, octets(found.mrsigner, 32, "mrsigner")
    yield "ISVPRODID", qe.isv_prod_id.to_bytes(2), found.isvprodid.to_bytes(2)
    mask = octets(found.miscselect_mask, 4, "miscselectMask")
    yield "MISCSELECT", _masked(qe.misc_select, mask), _masked(octets(found.miscselect, 4, "miscselect"), mask)
    mask = octets(found.attributes_mask, 16, "attributesMask")
    yield "ATTRIBUTES", _masked(qe.attributes, mask), _masked(octets(found.attributes, 16, "attributes"), mask)
    yield "DEBUG", bytes([qe.flags & 2]), b"\0"


def _masked(value: bytes, mask: bytes) -> bytes:
    return bytes(a & b for a, b in zip(value, mask, strict=True))


def tcbinfo(c: Case) -> Outcome:
    """Intel's current statement about platforms of this FMSPC."""
    e = c.tcb_statement
    about = f"{c.kind.name}, FMSPC {c.platform.fmspc.hex()}, PCEID {c.platform.pce_id.hex()}, version 3"
    if e is None:
        return unchecked("no TCB info at hand", f"a current one of {about}", FETCH)
    info = collateral.tcb_info(e.data)
    wrong = _signature(c, e, c.tcb_signer)
    if wrong is not None:
        return wrong
    found = f"{info.id}, FMSPC {info.fmspc.lower()}, PCEID {info.pce_id.lower()}, version {info.version}"
    if found != about or info.tcb_type != 0:
        return failed(found + (f", tcbType {info.tcb_type}" if info.tcb_type else ""), about, FETCH)
    until = f"evaluation {info.tcb_evaluation_data_number}, until {info.next_update}"
    return _time(c, info) or passed(f"{found}, {until}", f"a current one of {about}")


def tcb_level(c: Case) -> Outcome:
    """The platform reaches one of the levels that Intel names."""
    found = collateral.level(c.tcb_info, c.svns)
    if found is not None:
        return passed(f"the level of {found.date[:10]}", "a level that every component reaches")
    lowest = c.tcb_info.tcb_levels[-1:]
    behind = ", ".join(collateral.short(lowest[0], c.svns)) if lowest else "there is no level"
    return failed(f"OutOfDate, below every level: {behind}", "a level that every component reaches", _UPDATE)


def tdx_module(c: Case) -> Outcome:
    """The TDX module is one that Intel has made, and its version reaches a level."""
    version, svn = c.domain.tee_tcb_svn[1], c.domain.tee_tcb_svn[0]
    found = collateral.module(c.tcb_info, version)
    if found is None:
        return failed(f"module version {version}", "an identity of it in tdxModuleIdentities", FETCH)
    mask = collateral.octets(found.attributes_mask, 8, "attributesMask")
    attributes = _masked(collateral.octets(found.attributes, 8, "attributes"), mask)
    for name, has, wants in (
        ("MRSIGNERSEAM", c.domain.mrsignerseam, collateral.octets(found.mrsigner, 48, "mrsigner")),
        ("SEAMATTRIBUTES", _masked(c.domain.seam_attributes, mask), attributes),
    ):
        if has != wants:
            return failed(f"{name} {has.hex()}", wants.hex(), "another module than Intel's")
    if not version:
        return passed("module version 0", "Intel's; its level is the platform's")
    level = collateral.isv_level(found.tcb_levels, svn)
    if level is None:
        return failed(f"module {version}.{svn}", f"at least the lowest level of {found.id}", "update the TDX module")
    return passed(f"{found.id}, ISVSVN {svn}, {level.status}", "Intel's, of a level")


def tcb_revoked(c: Case) -> Outcome:
    """Intel has revoked no part of it: no policy takes what is revoked."""
    found = c.standing
    revoked = [p.told() for p in found.parts if p.level.status is Status.REVOKED]
    return failed("; ".join(revoked), "no part revoked", _UPDATE) if revoked else passed("nothing revoked")


def tcb_status(c: Case) -> Outcome:
    """The converged status is one that the policy takes, with its advisories."""
    found, policy = c.standing, c.policy
    status = _with_grace(c, found)
    wanted = f"one of {', '.join(policy.tcb_status) or 'none'}"
    told = "; ".join(p.told() for p in found.parts if p.level.status is not Status.UP_TO_DATE)
    if status.value not in policy.tcb_status:
        behind = "; ".join(f"{p.name}: {', '.join(p.short)}" for p in found.parts if p.short)
        advice = f"{_UPDATE}; short of the newest level in {behind}" if behind else _HARDEN
        return failed(f"{found.status}; {told}", wanted, shown(advice))
    extra = [a for a in found.advisories if a not in policy.advisories and "*" not in policy.advisories]
    if extra and status is not Status.UP_TO_DATE:
        named = ", ".join(extra)
        return failed(f"{found.status} with {named}", "advisories that the policy names", shown(told))
    grace = "" if status is found.status else f", within {policy.grace_days} days of grace"
    return passed(f"{found.status}{grace}{', with ' if extra else ''}{', '.join(extra)}", wanted)


def _with_grace(c: Case, found: Standing) -> Status:
    """The status as the policy takes it: one that is out of date for no longer than the grace counts as not yet so."""
    old = [p for p in found.parts if p.level.status.is_old]
    grace = timedelta(days=min(c.policy.grace_days, 36_600))
    if not old or not grace or any(c.inputs.now - collateral.time(p.newest.date) > grace for p in old):
        return found.status
    calm = {Status.OUT_OF_DATE: Status.UP_TO_DATE, Status.OUT_OF_DATE_CONFIGURATION: Status.CONFIGURATION}
    return converged([calm.get(p.level.status, p.level.status) for p in found.parts])


def tcb_evaluation(c: Case) -> Outcome:
    """The collateral is of a TCB recovery that is new enough."""
    least = c.policy.min_evaluation
    if least is None:
        return NOT_ASKED
    numbers = (c.tcb_info.tcb_evaluation_data_number, c.qe_identity.tcb_evaluation_data_number)
    found = f"tcbEvaluationDataNumber {numbers[0]}, of the quoting enclave {numbers[1]}"
    return passed(found, f"at least {least}") if min(numbers) >= least else failed(found, f"at least {least}", _RENEW)


def collateral_age(c: Case) -> Outcome:
    """The collateral is no older than the policy says."""
    most = c.policy.max_collateral_days
    if most is None:
        return NOT_ASKED
    issued = min(collateral.dates(c.tcb_info).issued, collateral.dates(c.qe_identity).issued)
    found, wanted = f"issued {issued:%Y-%m-%d}", f"at most {most} days before {c.inputs.now:%Y-%m-%d}"
    ok = (c.inputs.now - issued).total_seconds() <= most * 86400
    return passed(found, wanted) if ok else failed(found, wanted, _RENEW)


def smt(c: Case) -> Outcome:
    """Multithreading of the platform is as the owner decided; only a platform's certificate states it."""
    allowed, on = c.policy.smt, c.platform.smt
    section = f"[{c.kind}] smt = true or false"
    if on is None:
        if allowed is False:
            return unchecked("the PCK certificate does not state it", "off", asked=True)
        return passed("not stated", "allowed" if allowed else "a certificate that states it")
    if not on:
        return passed("off", "off")
    if allowed is None:
        return unchecked("on, and the policy does not say whether it may be", section)
    return passed("on, and the policy allows it", "allowed") if allowed else failed("on", "off", section)
