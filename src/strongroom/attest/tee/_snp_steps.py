"""The steps of SEV-SNP: the report, its chain to AMD's root, and what the policy demands; of a guest, or of a cloud's.

Sources: publication 56860 (firmware ABI) revision 1.58 for the report; publication 57230 (VCEK and KDS) revision 0.53
for the certificates; RFC 5280 for the revocation list.
"""

from collections.abc import Iterator
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from strongroom.attest import matching
from strongroom.attest.steps import Outcome, Step, compare, failed, passed, unchecked
from strongroom.attest.tee import _snp_chain as chains
from strongroom.attest.tee import _snp_demands as demands
from strongroom.attest.tee import _snp_reading as reading
from strongroom.attest.tee import _snp_report as reports
from strongroom.attest.tee import _snp_words as words
from strongroom.attest.tee._snp_case import Case
from strongroom.attest.verifier import Conclusion, Field
from strongroom.kit.x509 import crl as lists
from strongroom.kit.x509.chains import verify_chain
from strongroom.kit.x509.signing import Algorithm, public_key, valid
from strongroom.model.attest import Aspect, EndorsementKind, Endorsements, Evidence, Want
from strongroom.model.errors import BadInput

ABI, KDS = "SEV-SNP ABI 56860", "VCEK and KDS 57230"
_ORDER = int(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16
)  # P-384
_FETCH = "let it be fetched (without --offline), or give AMD's certificates with --endorsements"


# The report itself


def _len(c: Case) -> Outcome:
    return compare(f"{len(c.data)} octets", f"{reports.REPORT_SIZE} octets")


def _version(c: Case) -> Outcome:
    known = ", ".join(map(str, reports.VERSIONS))
    ok = c.report.version in reports.VERSIONS
    return (passed if ok else failed)(str(c.report.version), f"one of {known}")


def _sig_algo(c: Case) -> Outcome:
    return compare(str(c.report.sig_algo), f"{reports.ECDSA_P384_SHA384}")


def _sig_encoding(c: Case) -> Outcome:
    _, _, clean = reports.signature_parts(c.report.signature)
    wanted = "R and S in 48 octets each, and zeros"
    return passed("zeros around R and S", wanted) if clean else failed("other octets around R and S", wanted)


def _reserved(c: Case) -> Outcome:
    broken = reports.not_zero(c.report)
    for name in ("current_tcb", "reported_tcb", "committed_tcb", "launch_tcb"):
        if any(reports.tcb_reserved(getattr(c.report, name), c.product)):
            broken.append(name)
    return failed(f"other values at {', '.join(broken)}", "reserved fields as specified") if broken else passed("zeros")


def _product(c: Case) -> Outcome:
    by_report, leaf = reports.product_of(c.report), c.chain.leaf
    by_leaf = chains.product_of_leaf(leaf) if leaf else ""
    if not by_report and c.report.version >= 3:
        return failed(f"family {c.report.family}, model {c.report.model}", "Milan, Genoa, Bergamo, Siena or Turin")
    if not by_leaf:
        if not by_report:
            return unchecked("a version 2 report does not name its product, and no certificate does", advice=_FETCH)
        return unchecked(f"{by_report} by CPUID, and no certificate to hold it against", advice=_FETCH)
    if by_report and by_report != by_leaf:
        return failed(f"a certificate for {by_leaf}", f"{by_report}, as CPUID says")
    return passed(f"{by_leaf}{'' if by_report else ' (by its certificate)'}", by_report or "a product")


# The certificates


def _chain(c: Case) -> Outcome:
    wanted = "leaf, ASK or ASVK, and ARK, each issued by the next"
    if len(c.chain.whole) < 3:
        missing = ["VCEK or VLEK", "ASK or ASVK", "ARK"][len(c.chain.whole)]
        return unchecked(f"no {missing} certificate at hand", wanted, _FETCH)
    verify_chain(c.chain.whole)
    return passed(" < ".join(x.common_name for x in c.chain.whole), wanted)


def _root_pin(c: Case) -> Outcome:
    root = c.chain.root
    if root is None:
        return unchecked("no ARK certificate at hand", "a pinned root", _FETCH)
    product = c.roots.get(root.fingerprint)
    wanted = f"the pinned ARK of {c.product or 'a product'}"
    if product is None or product != c.product:
        advice = "it is not AMD's: whoever made it can make any report"
        return failed(f"{root.common_name}, sha256 {root.fingerprint}", wanted, advice)
    return passed(f"{root.common_name}, sha256 {root.fingerprint[:16]}…", wanted)


def _cert_time(c: Case) -> Outcome:
    return matching.valid_now(c.chain.whole, c.inputs.now)


def _crl(c: Case) -> Outcome:
    root, wanted = c.chain.root, "a current list of the ARK, naming none of the chain"
    if root is None:
        return unchecked("no ARK certificate at hand", wanted, _FETCH)
    return matching.not_revoked(c.inputs.endorsements, root, c.chain.whole[:-1], c.inputs.now)


def _key_type(c: Case) -> Outcome:
    leaf = c.chain.leaf
    named = {0: chains.VCEK, 1: chains.VLEK}.get(c.report.signing_key)
    if named is None:
        return failed(f"signing key {c.report.signing_key}", "0 (VCEK) or 1 (VLEK)", "the report is not signed")
    if leaf is None:
        return unchecked(f"no {named} certificate at hand", named, _FETCH)
    return compare(leaf.common_name, named)


def _tcb_ext(c: Case) -> Outcome:
    leaf = c.chain.leaf
    if leaf is None:
        return unchecked("no VCEK or VLEK certificate at hand", advice=_FETCH)
    said, reported = chains.tcb_of(leaf), c.tcb(c.report.reported_tcb)
    return compare(said.spoken() if said else "no TCB in the certificate", reported.spoken())


def _hwid(c: Case) -> Outcome:
    leaf = c.chain.leaf
    if leaf is None:
        return unchecked("no VCEK or VLEK certificate at hand", advice=_FETCH)
    chip = chains.hardware_id(leaf)
    if leaf.common_name == chains.VLEK:
        return failed(chip.hex(), "no chip: a VLEK is its cloud's") if chip else passed("a VLEK names no chip")
    if not any(c.report.chip_id):
        advice = "the host sets MASK_CHIP_ID; name the step unchecked in the policy, or unmask it"
        return unchecked("the report masks its chip id", chip.hex(), advice)
    own = c.report.chip_id[:8] if c.product == "Turin" else c.report.chip_id
    return compare(f"a certificate for chip {chip.hex()}", f"a certificate for chip {own.hex()}")


def _csp_id(c: Case) -> Outcome:
    leaf = c.chain.leaf
    if leaf is None:
        return unchecked("no VCEK or VLEK certificate at hand", advice=_FETCH)
    provider = chains.provider_of(leaf)
    if leaf.common_name == chains.VLEK:
        return passed(provider) if provider else failed("a VLEK without a provider", "the provider it was made for")
    return failed(f"provider {provider}", "none in a VCEK") if provider else passed("a VCEK names no provider")


def _signature(c: Case) -> Outcome:
    leaf, wanted = c.chain.leaf, "a signature by the key of the certificate over octets 0x000 to 0x29f"
    if leaf is None:
        return unchecked("no VCEK or VLEK certificate at hand", wanted, _FETCH)
    key = public_key(leaf.key)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        return failed("a key that is not on P-384", "ECDSA P-384", "")
    r, s, _ = reports.signature_parts(c.report.signature)
    if min(r, s) < 1 or max(r, s) >= _ORDER:
        return failed("R or S out of range", wanted)
    signed = c.report.data[: reports.SIGNED_SIZE]
    if not valid(key, Algorithm.ECDSA_SHA384, encode_dss_signature(r, s), signed):
        return failed("another signature", wanted, "the report was changed, or another chip made it")
    return passed(f"made by {leaf.common_name}", wanted)


_A, _CORE, _LEAF = Aspect, ("snp.len", "snp.version"), ("snp.len", "snp.version", "snp.key_type")
STEPS: tuple[Step[Case], ...] = (
    Step("snp.len", "the report has its size", f"{ABI} Table 23", _len, _A.HARDWARE, 99),
    Step("snp.version", "the version is known", f"{ABI} Table 23", _version, _A.HARDWARE, 99, ("snp.len",)),
    Step("snp.sig_algo", "the algorithm is ECDSA P-384", f"{ABI} Table 130", _sig_algo, _A.HARDWARE, 99, _CORE),
    Step("snp.sig_encoding", "R and S are encoded as specified", f"{ABI} 10.2.1", _sig_encoding, _A.HARDWARE, 99, _CORE),
    Step("snp.reserved_zero", "reserved fields are zero", f"{ABI} Table 23", _reserved, _A.HARDWARE, 99, _CORE),
    Step("snp.product", "report and certificate name one product", f"{KDS} 3.1", _product, _A.HARDWARE, 97, _CORE),
    Step("snp.chain", "the chain is signed from leaf to root", f"{KDS} 3.1", _chain, _A.HARDWARE, 99, _CORE),
    Step("snp.root_pin", "the root is AMD's", f"{KDS} 3.1", _root_pin, _A.HARDWARE, 97, ("snp.chain",)),
    Step("snp.cert_time", "every certificate is valid now", "RFC 5280 6.1.3", _cert_time, _A.HARDWARE, 97, ("snp.chain",)),
    Step("snp.crl", "nothing of the chain is revoked", f"{KDS} 4.4", _crl, _A.HARDWARE, 97, ("snp.chain",), waivable=True),
    Step("snp.key_type", "the leaf is of the kind that signed", f"{ABI} Table 23", _key_type, _A.HARDWARE, 97, _CORE),
    Step("snp.tcb_ext", "the leaf is for the reported TCB", f"{KDS} Table 8", _tcb_ext, _A.HARDWARE, 97, _LEAF),
    Step("snp.hwid", "the leaf is for this chip", f"{KDS} Table 8", _hwid, _A.IDENTITY, 97, _LEAF, waivable=True),
    Step("snp.csp_id", "a VLEK names its cloud", f"{KDS} Table 8", _csp_id, _A.IDENTITY, 97, _LEAF),
    Step("snp.signature", "the leaf's key signed the report", f"{ABI} 10.2.1", _signature, _A.HARDWARE, 99, _LEAF),
    Step("snp.report_data", "the report answers the challenge", f"{ABI} Table 23", demands.report_data, _A.SOURCED, 96, _CORE),
    Step("snp.host_data", "the host data is one of the policy's", f"{ABI} Table 23", demands.host_data, _A.CONFIGURATION, 96, _CORE, mandatory=False),
    Step("snp.vmpl", "the level is privileged enough", f"{ABI} Table 23", demands.vmpl, _A.CONFIGURATION, 96, _CORE),
    Step("snp.policy.debug", "the host cannot debug the guest", f"{ABI} Table 9", demands.debug, _A.RUNTIME, 96, _CORE),
    Step("snp.policy.migrate_ma", "no migration agent", f"{ABI} Table 9", demands.migrate, _A.CONFIGURATION, 96, _CORE),
    Step("snp.policy.smt", "multithreading is as decided", f"{ABI} Table 9", demands.smt, _A.CONFIGURATION, 32, _CORE, waivable=True),
    Step("snp.policy.single_socket", "the guest stays on one socket", f"{ABI} Table 9", demands.single_socket, _A.CONFIGURATION, 32, _CORE, mandatory=False),
    Step("snp.policy.abi", "the firmware's ABI is new enough", f"{ABI} Table 23", demands.abi, _A.HARDWARE, 32, _CORE, mandatory=False),
    Step("snp.min_tcb", "reported and committed TCB are new enough", f"{ABI} Table 3", demands.min_tcb, _A.HARDWARE, 32, ("snp.product",), waivable=True),
    Step("snp.guest_svn", "the guest's own version is new enough", f"{ABI} Table 23", demands.guest_svn, _A.EXECUTABLES, 32, _CORE, mandatory=False),
    Step("snp.measurement", "the launch digest is a known one", f"{ABI} 8.17", demands.measurement, _A.EXECUTABLES, 33, _CORE, waivable=True),
    Step("snp.id_key", "the ID key is one of the policy's", f"{ABI} 8.18", demands.id_key, _A.EXECUTABLES, 96, _CORE, mandatory=False),
    Step("snp.author_key", "the author key is one of the policy's", f"{ABI} 8.18", demands.author_key, _A.EXECUTABLES, 96, _CORE, mandatory=False),
    Step("snp.platform_info", "the platform's settings are as demanded", f"{ABI} Table 24", demands.platform, _A.HARDWARE, 32, _CORE, mandatory=False),
)  # fmt: skip


def wants(evidence: Evidence) -> tuple[Want, ...]:
    """What is wanted for the report of the evidence."""
    part = evidence.part(reading.REPORT)
    if part is None or len(part.data) != reports.REPORT_SIZE:
        return ()
    return words.wants(reports.parse(part.data), chains.at_hand(evidence, Endorsements()))


def conclude(c: Case) -> Conclusion:
    """What is said beside the steps."""
    if not c.is_whole:
        return Conclusion("", {})
    ends: list[datetime] = [x.not_after for x in c.chain.whole]
    return Conclusion(words.subject(c.report), words.claims(c.report, c.product, c.chain), tuple(ends + _list_ends(c)))


def _list_ends(c: Case) -> list[datetime]:
    ends = []
    for e in c.inputs.endorsements.of(EndorsementKind.CRL):
        try:
            held = lists.parse(e.data)
        except BadInput:
            continue
        if (
            c.chain.root
            and held.issuer == c.chain.root.subject
            and held.next_update
            and held.next_update > c.inputs.now
        ):
            ends.append(held.next_update)
    return ends


def fields(evidence: Evidence) -> Iterator[Field]:
    """The fields of the report, where it has its size."""
    part = evidence.part(reading.REPORT)
    if part is not None and len(part.data) == reports.REPORT_SIZE:
        yield from words.fields(reports.parse(part.data))
