"""The steps of TDX: a quote, the platform that made it, and what the policy demands; of a guest, or of a cloud's.

Sources: "Intel TDX DCAP Quoting Library API", Appendix A, for quotes of versions 4 and 5; PCS API version 4 for the
collateral; "Intel TDX Module Base Architecture Specification" 1.5 for the report (ATTRIBUTES, XFAM, SEAM fields).
"""

from collections.abc import Iterator

from strongroom.attest import boot_log, matching
from strongroom.attest.steps import NOT_ASKED, Outcome, Step, failed, passed, unchecked
from strongroom.attest.tee import _dcap_quote as quotes
from strongroom.attest.tee import _dcap_steps as shared
from strongroom.attest.tee import _dcap_tcb as tcb
from strongroom.attest.tee import _dcap_words as words
from strongroom.attest.tee._dcap_case import QUOTE, Case, read
from strongroom.attest.tee._dcap_quote import Domain
from strongroom.attest.verifier import Conclusion, Field
from strongroom.kit import ccel, secure_boot
from strongroom.model.attest import Aspect, Evidence, EvidenceKind, Json, Want
from strongroom.model.errors import BadInput

MODULE = "TDX Module Base 1.5"
REGISTERS = ("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3")
# ATTRIBUTES of a TD: bits 7:0 leave it untrusted, 31:8 touch its security, 63:32 do not.
_UNTRUSTED, _SEPT_VE_DISABLE, _MIGRATABLE = 0xFF, 1 << 28, 1 << 29
_KNOWN = {0: "debug", 28: "sept-ve-disable", 29: "migratable", 30: "pks", 31: "key-locker", 63: "perfmon"}
# XFAM: x87 and SSE are always on; the rest is what XFAM_FIXED0 of version 1.5 lets a TD have.
_XFAM_ALWAYS, _XFAM_MAY = 0x3, 0x0006DBE7
_SHA384, _RTMR0 = ccel.NUMBERS["sha384"], 1
_LOG = "give the log beside the quote: /sys/firmware/acpi/tables/data/CCEL"


def _debug(c: Case) -> Outcome:
    bits = c.domain.td_attributes & _UNTRUSTED
    if not bits:
        return passed("off", "off")
    if c.policy.debug and bits == 1:
        return passed("on, and the policy allows it", "allowed")
    advice = "start the TD without it: the host can read its memory and registers"
    return failed(f"on (ATTRIBUTES bits 7:0 are 0x{bits:02x})", "off, or [tdx] debug = true", advice)


def _sept_ve_disable(c: Case) -> Outcome:
    if c.domain.td_attributes & _SEPT_VE_DISABLE:
        return passed("on", "on")
    if not c.inputs.policy.tdx.sept_ve_disable:
        return passed("off, and the policy allows it", "allowed")
    advice = "the host can remove a page and have the guest handle the exception; start the TD with it"
    return failed("off (ATTRIBUTES bit 28)", "on, or [tdx] sept_ve_disable = false", advice)


def _migratable(c: Case) -> Outcome:
    if not c.domain.td_attributes & _MIGRATABLE:
        return passed("off", "off")
    if c.inputs.policy.tdx.migratable:
        return passed("on, and the policy allows it", "allowed")
    return failed("on (ATTRIBUTES bit 29)", "off, or [tdx] migratable = true", "start the TD without it")


def _reserved(c: Case) -> Outcome:
    unknown = [str(n) for n in range(8, 64) if c.domain.td_attributes >> n & 1 and n not in _KNOWN]
    return failed(f"bits {', '.join(unknown)}", "zero where ATTRIBUTES is reserved") if unknown else passed("zeros")


def _seam_attributes(c: Case) -> Outcome:
    value = c.domain.seam_attributes
    return failed(value.hex(), "zeros", "a module for debugging, or none of Intel's") if any(value) else passed("zeros")


def _mrsignerseam(c: Case) -> Outcome:
    value = c.domain.mrsignerseam
    return failed(value.hex(), "zeros", "the TDX module is not signed by Intel") if any(value) else passed("zeros")


def _xfam(c: Case) -> Outcome:
    allowed = c.inputs.policy.tdx.xfam
    try:
        may = int.from_bytes(bytes.fromhex(allowed), "little") if allowed else _XFAM_MAY
    except ValueError:
        return unchecked(f"the policy's xfam {allowed!r} is no hexadecimal", "such as e702060000000000")
    value, wanted = c.domain.xfam, f"0x{_XFAM_ALWAYS:x}, and no more than 0x{may:x}"
    ok = value & _XFAM_ALWAYS == _XFAM_ALWAYS and not value & ~(may | _XFAM_ALWAYS)
    return passed(f"0x{value:x}", wanted) if ok else failed(f"0x{value:x}", wanted, "start the TD without it")


def _service_td(c: Case) -> Outcome:
    value, accepted = c.domain.mrservicetd, c.inputs.policy.tdx.service_td
    if not any(value):
        return passed("no service TD" if value else "a report that names none")
    return matching.one_of(value, accepted or ("none",), "service_td")


def _report_data(c: Case) -> Outcome:
    return matching.challenge(c.domain.report_data, c.inputs.evidence.challenge)


def _registers(c: Case) -> dict[str, str]:
    return {name: getattr(c.domain, name).hex() for name in REGISTERS}


def _measurement(c: Case) -> Outcome:
    return matching.reference(c.inputs.references, EvidenceKind.TDX, _registers(c))


def _event_log(c: Case) -> Outcome:
    log = c.log
    if log is None:
        wanted, asked = "the log that gives the RTMRs", c.inputs.policy.tdx.event_log
        return unchecked("no event log came with the quote", wanted, _LOG, asked=asked)
    replayed, held = ccel.rtmrs(log), _registers(c)
    differs = [f"{name} {value.hex()}" for name, value in replayed.items() if value.hex() != held[name]]
    if differs:
        wanted = "the registers of the quote"
        return failed(f"a replay with {', '.join(differs)}", wanted, "the log is not that of this boot, or was changed")
    return passed("a replay gives every register", "RTMR0 to RTMR3 of the quote")


def _secure_boot(c: Case) -> Outcome:
    """By what the firmware measured into RTMR0. A TD may be measured and started without, so that the policy asks."""
    if not c.inputs.policy.tdx.secure_boot:
        return NOT_ASKED
    wanted, log = "Secure Boot on, by what RTMR0 measured", c.log
    if log is None:
        return unchecked("no event log came with the quote", wanted, _LOG, asked=True)
    if ccel.rtmrs(log)["rtmr0"] != c.domain.rtmr0:
        return failed("a log that does not give RTMR0", wanted, "the log is not that of this boot, or was changed")
    return boot_log.booted_securely(secure_boot.state(log, _SHA384, _RTMR0), demanded=True)


def _mrconfigid(c: Case) -> Outcome:
    return matching.one_of(c.domain.mrconfigid, c.inputs.policy.tdx.mr_config_id, "mr_config_id")


def _mrowner(c: Case) -> Outcome:
    return matching.one_of(c.domain.mrowner, c.inputs.policy.tdx.mr_owner, "mr_owner")


def _mrownerconfig(c: Case) -> Outcome:
    return matching.one_of(c.domain.mrownerconfig, c.inputs.policy.tdx.mr_owner_config, "mr_owner_config")


_A, _CORE = Aspect, ("tdx.len", "tdx.version")
_MODULE = Step("tdx.tdx_module", "the TDX module is Intel's and reaches a level", f"{shared.API}, Get TCB Info", tcb.tdx_module, _A.HARDWARE, 97, ("tdx.tcbinfo",))  # fmt: skip
STEPS: tuple[Step[Case], ...] = (
    *shared.made("tdx"),
    *shared.worth("tdx", _MODULE),
    Step("tdx.td_attributes.debug", "the host cannot debug the TD", f"{MODULE}, ATTRIBUTES", _debug, _A.RUNTIME, 96, _CORE),
    Step("tdx.td_attributes.sept_ve_disable", "a page that vanishes is no exception to handle", f"{MODULE}, ATTRIBUTES", _sept_ve_disable, _A.RUNTIME, 96, _CORE),
    Step("tdx.td_attributes.migratable", "no migration TD may move it", f"{MODULE}, ATTRIBUTES", _migratable, _A.CONFIGURATION, 96, _CORE),
    Step("tdx.td_attributes.reserved", "reserved attributes are zero", f"{MODULE}, ATTRIBUTES", _reserved, _A.HARDWARE, 99, _CORE),
    Step("tdx.seam_attributes", "the TDX module has no attributes", f"{MODULE}, TEE_TCB_INFO", _seam_attributes, _A.HARDWARE, 96, _CORE),
    Step("tdx.mrsignerseam", "the TDX module is signed by Intel", f"{MODULE}, TEE_TCB_INFO", _mrsignerseam, _A.HARDWARE, 96, _CORE),
    Step("tdx.xfam", "only known extended features are on", f"{MODULE}, XFAM", _xfam, _A.CONFIGURATION, 96, _CORE),
    Step("tdx.service_td", "no service TD, or one of the policy's", f"{MODULE}, MRSERVICETD", _service_td, _A.CONFIGURATION, 96, _CORE),
    Step("tdx.report_data", "the quote answers the challenge", f"{MODULE}, REPORTDATA", _report_data, _A.SOURCED, 96, _CORE),
    Step("tdx.measurement", "MRTD and RTMRs are known ones", f"{MODULE}, TDINFO", _measurement, _A.EXECUTABLES, 33, _CORE, waivable=True),
    Step("tdx.event_log", "the event log gives the RTMRs", "UEFI 2.10, 38.4.1", _event_log, _A.EXECUTABLES, 96, _CORE, mandatory=False),
    Step("tdx.secure_boot", "Secure Boot was on, by the events of RTMR0", "UEFI 2.10, 38.4.1", _secure_boot, _A.CONFIGURATION, 96, _CORE, mandatory=False),
    Step("tdx.mrconfigid", "MRCONFIGID is one of the policy's", f"{MODULE}, TDINFO", _mrconfigid, _A.CONFIGURATION, 96, _CORE, mandatory=False),
    Step("tdx.mrowner", "MROWNER is one of the policy's", f"{MODULE}, TDINFO", _mrowner, _A.CONFIGURATION, 96, _CORE, mandatory=False),
    Step("tdx.mrownerconfig", "MROWNERCONFIG is one of the policy's", f"{MODULE}, TDINFO", _mrownerconfig, _A.CONFIGURATION, 96, _CORE, mandatory=False),
)  # fmt: skip

_BODY: tuple[words.Row, ...] = (
    ("tee_tcb_svn", 16, "hex"),
    ("mrseam", 48, "hex"),
    ("mrsignerseam", 48, "hex"),
    ("seam_attributes", 8, "hex"),
    ("td_attributes", 8, "hex"),
    ("xfam", 8, "hex"),
    ("mrtd", 48, "hex"),
    ("mrconfigid", 48, "hex"),
    ("mrowner", 48, "hex"),
    ("mrownerconfig", 48, "hex"),
    ("rtmr0", 48, "hex"),
    ("rtmr1", 48, "hex"),
    ("rtmr2", 48, "hex"),
    ("rtmr3", 48, "hex"),
    ("report_data", 64, "hex"),
    ("tee_tcb_svn2", 16, "hex"),
    ("mrservicetd", 48, "hex"),
)


def wants(evidence: Evidence) -> tuple[Want, ...]:
    """What is wanted for the quote of the evidence."""
    return words.wants(evidence, EvidenceKind.TDX)


def conclude(c: Case) -> Conclusion:
    """What is said beside the steps."""
    try:
        d, version = c.domain, c.quote.version
    except BadInput:
        return Conclusion("", {})
    measured: dict[str, Json] = {**_registers(c), "mrseam": d.mrseam.hex()}
    td: dict[str, Json] = {
        "attributes": list[Json](_named(d)),
        "xfam": f"0x{d.xfam:x}",
        "mrconfigid": d.mrconfigid.hex(),
        "mrowner": d.mrowner.hex(),
        "mrownerconfig": d.mrownerconfig.hex(),
        "mrservicetd": d.mrservicetd.hex(),
    }
    tcb = words.standing(c)
    claims: dict[str, Json] = {
        "hardware": words.hardware(c),
        "debug": bool(d.td_attributes & 1),
        "measurements": measured,
        "report_data": d.report_data.hex(),
        "host_data": d.mrconfigid.hex(),
        "guest": td,
        "tcb": tcb,
        "tcb_status": tcb.get("status"),  # by its own name too: policies and reports ask for it most
        "advisory_ids": tcb.get("advisories", []),
        "version": version,
    }
    return Conclusion(words.subject(c), claims, words.ends(c))


def fields(evidence: Evidence) -> Iterator[Field]:
    """The fields of the quote, where it can be read."""
    part = evidence.part(QUOTE)
    try:
        found = read(evidence, EvidenceKind.TDX)
    except BadInput:
        return
    if part is not None:
        yield from words.fields(part.data, found, _BODY, _meanings(quotes.domain(found.body)))


def _meanings(d: Domain) -> dict[str, str]:
    svn = d.tee_tcb_svn
    return {
        "tee_tcb_svn": f"TDX module {svn[1]}.{svn[0]}, microcode {svn[2]}",
        "td_attributes": ", ".join(_named(d)) or "none",
        "xfam": f"0x{d.xfam:x}",
        "mrservicetd": "" if any(d.mrservicetd) else "no service TD",
    }


def _named(d: Domain) -> list[str]:
    return [_KNOWN.get(n, f"bit {n}") for n in range(64) if d.td_attributes >> n & 1]
