"""Intel SGX: a DCAP quote of an enclave, the platform that made it, and what the policy demands of both.

Sources: "Intel SGX ECDSA Quote Library Reference for DCAP", Appendix A, for quotes of version 3, and the Appendix A of
TDX's for versions 4 and 5; PCS API version 4 for the collateral; Intel SDM 3D, sections 35.7 and 38.15, for the report.
"""

from collections.abc import Container, Iterator

from strongroom.attest import matching
from strongroom.attest.steps import NOT_ASKED, Outcome, Step, failed, passed
from strongroom.attest.tee import _dcap_chain as chains
from strongroom.attest.tee import _dcap_quote as quotes
from strongroom.attest.tee import _dcap_reading as reading
from strongroom.attest.tee import _dcap_steps as shared
from strongroom.attest.tee import _dcap_words as words
from strongroom.attest.tee._dcap_case import QUOTE, Case, read
from strongroom.attest.tee._dcap_quote import Enclave
from strongroom.attest.verifier import Conclusion, Field, Verifier
from strongroom.model.attest import Aspect, Evidence, EvidenceKind, Json, Want
from strongroom.model.errors import BadInput

SDM = "Intel SDM 3D"
REGISTERS = ("mrenclave", "mrsigner")
_INIT, _DEBUG, _PROVISION = 1 << 0, 1 << 1, 1 << 4
_KNOWN = {
    0: "init",
    1: "debug",
    2: "mode64",
    4: "provision-key",
    5: "einittoken-key",
    6: "cet",
    7: "kss",
    10: "aex-notify",
}


def _debug(c: Case) -> Outcome:
    if not c.enclave.flags & _DEBUG:
        return passed("off", "off")
    if c.policy.debug:
        return passed("on, and the policy allows it", "allowed")
    advice = "build the enclave without it: the host can read its memory"
    return failed("on (ATTRIBUTES bit 1)", "off, or [sgx] debug = true", advice)


def _init(c: Case) -> Outcome:
    return (
        passed("on", "on") if c.enclave.flags & _INIT else failed("off (ATTRIBUTES bit 0)", "on: an enclave that runs")
    )


def _provision_key(c: Case) -> Outcome:
    if not c.enclave.flags & _PROVISION:
        return passed("off", "off")
    if c.inputs.policy.sgx.provision_key:
        return passed("on, and the policy allows it", "allowed")
    advice = "only the enclaves that certify a platform have it"
    return failed("on (ATTRIBUTES bit 4)", "off, or [sgx] provision_key = true", advice)


def _reserved(c: Case) -> Outcome:
    found = quotes.enclave_reserved(c.quote.body)
    found += [f"ATTRIBUTES bit {n}" for n in range(64) if c.enclave.flags >> n & 1 and n not in _KNOWN]
    return failed(f"other values at {', '.join(found)}", "zeros") if found else passed("zeros")


def _report_data(c: Case) -> Outcome:
    return matching.challenge(c.enclave.report_data, c.inputs.evidence.challenge)


def _registers(c: Case) -> dict[str, str]:
    return {name: getattr(c.enclave, name).hex() for name in REGISTERS}


def _measurement(c: Case) -> Outcome:
    return matching.reference(c.inputs.references, EvidenceKind.SGX, _registers(c))


def _isv_svn(c: Case) -> Outcome:
    least, found = c.inputs.policy.sgx.min_isv_svn, c.enclave.isv_svn
    if least is None:
        return NOT_ASKED
    return passed(str(found), f"at least {least}") if found >= least else failed(str(found), f"at least {least}")


def _isv_prod_id(c: Case) -> Outcome:
    wanted, found = c.inputs.policy.sgx.isv_prod_id, c.enclave.isv_prod_id
    if wanted is None:
        return NOT_ASKED
    return passed(str(found), str(wanted)) if found == wanted else failed(str(found), str(wanted))


_A, _CORE = Aspect, ("sgx.len", "sgx.version")
STEPS: tuple[Step[Case], ...] = (
    *shared.made("sgx"),
    *shared.worth("sgx"),
    Step("sgx.attributes.debug", "the host cannot debug the enclave", f"{SDM} 35.7.1", _debug, _A.RUNTIME, 96, _CORE),
    Step("sgx.attributes.init", "the enclave was initialised", f"{SDM} 35.7.1", _init, _A.RUNTIME, 96, _CORE),
    Step("sgx.attributes.provision_key", "it cannot ask for the provisioning key", f"{SDM} 35.7.1", _provision_key, _A.CONFIGURATION, 96, _CORE),
    Step("sgx.reserved_zero", "reserved fields are zero", f"{SDM} 38.15", _reserved, _A.HARDWARE, 99, _CORE),
    Step("sgx.report_data", "the quote answers the challenge", f"{SDM} 38.15", _report_data, _A.SOURCED, 96, _CORE),
    Step("sgx.measurement", "MRENCLAVE or MRSIGNER are known ones", f"{SDM} 38.15", _measurement, _A.EXECUTABLES, 33, _CORE, waivable=True),
    Step("sgx.isv_svn", "the enclave's own version is new enough", f"{SDM} 38.15", _isv_svn, _A.EXECUTABLES, 32, _CORE, mandatory=False),
    Step("sgx.isv_prod_id", "the enclave is the product that the policy names", f"{SDM} 38.15", _isv_prod_id, _A.EXECUTABLES, 96, _CORE, mandatory=False),
)  # fmt: skip


def _wants(evidence: Evidence) -> tuple[Want, ...]:
    return words.wants(evidence, EvidenceKind.SGX)


def _conclude(c: Case) -> Conclusion:
    try:
        e, version = c.enclave, c.quote.version
    except BadInput:
        return Conclusion("", {})
    own: dict[str, Json] = {
        "attributes": list[Json](_named(e)),
        "isv_prod_id": e.isv_prod_id,
        "isv_svn": e.isv_svn,
        "config_id": e.config_id.hex(),
        "config_svn": e.config_svn,
        "family_id": e.family_id.hex(),
        "ext_prod_id": e.ext_prod_id.hex(),
    }
    tcb = words.standing(c)
    claims: dict[str, Json] = {
        "hardware": words.hardware(c),
        "debug": bool(e.flags & _DEBUG),
        "measurements": dict[str, Json](_registers(c)),
        "report_data": e.report_data.hex(),
        "host_data": e.config_id.hex(),
        "guest": own,
        "tcb": tcb,
        "tcb_status": tcb.get("status"),  # by its own name too: policies and reports ask for it most
        "advisory_ids": tcb.get("advisories", []),
        "version": version,
    }
    return Conclusion(words.subject(c), claims, words.ends(c))


def _fields(evidence: Evidence) -> Iterator[Field]:
    part = evidence.part(QUOTE)
    try:
        found = read(evidence, EvidenceKind.SGX)
    except BadInput:
        return
    if part is not None:
        meanings = {"attributes": ", ".join(_named(quotes.enclave(found.body)))}
        yield from words.fields(part.data, found, words.ENCLAVE, meanings)


def _named(e: Enclave) -> list[str]:
    return [_KNOWN.get(n, f"bit {n}") for n in range(64) if e.flags >> n & 1]


def verifier(roots: Container[str] = chains.ROOTS) -> Verifier[Case]:
    """The verifier that trusts the roots, by SHA-256 of the DER. Only a test names others than Intel's."""
    return Verifier(
        kind=EvidenceKind.SGX,
        title="Intel SGX DCAP quote",
        spec=f"{shared.LIBRARY}; {shared.API}; {SDM}",
        recognises=lambda data: reading.recognises(data, EvidenceKind.SGX),
        read=lambda data: reading.read(data, EvidenceKind.SGX),
        wants=_wants,
        begin=lambda inputs: Case(EvidenceKind.SGX, roots, inputs),
        steps=STEPS,
        conclude=_conclude,
        fields=_fields,
        registers=REGISTERS,
    )


VERIFIER = verifier()
