"""The steps that TDX and SGX share, in the order of the specification; each kind puts its own behind them."""

from strongroom.attest.steps import Step
from strongroom.attest.tee import _dcap_proof as proof
from strongroom.attest.tee import _dcap_tcb as tcb
from strongroom.attest.tee._dcap_case import Case
from strongroom.model.attest import Aspect

API, LIBRARY, PROFILE = "PCS API v4", "DCAP Quote Generation Library, Appendix A", "PCK Certificate Profile 1.5"
_A = Aspect


def made(p: str) -> tuple[Step[Case], ...]:
    """Who made the quote, with ids of the prefix."""
    core = (f"{p}.len", f"{p}.version")
    chain = (f"{p}.pck_chain",)
    return (
        Step(f"{p}.len", "every length is true, and nothing follows", LIBRARY, proof.length, _A.HARDWARE, 99),
        Step(f"{p}.version", "the version is known", LIBRARY, proof.version, _A.HARDWARE, 99, core[:1]),
        Step(f"{p}.att_key_type", "the attestation key is on P-256", LIBRARY, proof.att_key_type, _A.HARDWARE, 99, core),
        Step(f"{p}.tee_type", "the header names this kind of TEE", LIBRARY, proof.tee_type, _A.HARDWARE, 99, core),
        Step(f"{p}.qe_vendor", "the quoting enclave is Intel's", LIBRARY, proof.qe_vendor, _A.HARDWARE, 99, core),
        Step(f"{p}.body", "the body is of its type and size", LIBRARY, proof.body, _A.HARDWARE, 99, core),
        Step(f"{p}.cert_data", "the PCK certificate is in the quote, or at hand", LIBRARY, proof.cert_data, _A.HARDWARE, 99, core),
        Step(f"{p}.pck_chain", "the chain is signed from PCK certificate to root", f"{PROFILE}, 1.3", proof.pck_chain, _A.HARDWARE, 99, core),
        Step(f"{p}.root_pin", "the root is Intel's", f"{PROFILE}, 1.3", proof.root_pin, _A.HARDWARE, 97, chain),
        Step(f"{p}.cert_time", "every certificate is valid now", "RFC 5280 6.1.3", proof.cert_time, _A.HARDWARE, 97, chain),
        Step(f"{p}.root_crl", "the root has revoked no authority and no signer", f"{PROFILE}, 1.4", proof.root_crl, _A.HARDWARE, 97, chain, waivable=True),
        Step(f"{p}.pck_crl", "the PCK certificate is not revoked", f"{PROFILE}, 1.4", proof.pck_crl, _A.HARDWARE, 97, chain, waivable=True),
        Step(f"{p}.pck_ext", "the PCK certificate says which platform it is for", f"{PROFILE}, 1.3.5", proof.pck_ext, _A.IDENTITY, 97, core),
        Step(f"{p}.qe_report_sig", "the platform signed the quoting enclave's report", LIBRARY, proof.qe_report_sig, _A.HARDWARE, 99, core),
        Step(f"{p}.qe_binding", "the quoting enclave vouches for the attestation key", LIBRARY, proof.qe_binding, _A.HARDWARE, 99, core),
        Step(f"{p}.qe_identity", "the quoting enclave is the one that Intel names", f"{API}, Get Quoting Enclave Identity", tcb.qe_identity, _A.HARDWARE, 97, core),
        Step(f"{p}.quote_sig", "the attestation key signed the quote", LIBRARY, proof.quote_sig, _A.HARDWARE, 99, core),
    )  # fmt: skip


def worth(p: str, module: Step[Case] | None = None) -> tuple[Step[Case], ...]:
    """What the platform is worth. `module` is the step of the TDX module, which stands before the status."""
    info, level = (f"{p}.tcbinfo",), (f"{p}.tcbinfo", f"{p}.tcb_level", f"{p}.qe_identity")
    both = (f"{p}.tcbinfo", f"{p}.qe_identity")
    return (
        Step(f"{p}.tcbinfo", "Intel's statement on this platform is signed and current", f"{API}, Get TCB Info", tcb.tcbinfo, _A.HARDWARE, 97, (f"{p}.len", f"{p}.pck_ext")),
        Step(f"{p}.tcb_level", "the platform reaches a level", f"{API}, Get TCB Info", tcb.tcb_level, _A.HARDWARE, 96, info),
        *((module,) if module else ()),
        Step(f"{p}.tcb_revoked", "no part of the TCB is revoked", f"{API}, Get TCB Info", tcb.tcb_revoked, _A.HARDWARE, 96, level),
        Step(f"{p}.tcb_status", "the status of the TCB is one that the policy takes", f"{API}, Get TCB Info", tcb.tcb_status, _A.HARDWARE, 32, level, waivable=True),
        Step(f"{p}.tcb_evaluation", "the collateral is of a recovery that is new enough", f"{API}, Get TCB Info", tcb.tcb_evaluation, _A.HARDWARE, 32, both, mandatory=False),
        Step(f"{p}.collateral_age", "the collateral is young enough", f"{API}, Get TCB Info", tcb.collateral_age, _A.HARDWARE, 32, both, mandatory=False),
        Step(f"{p}.smt", "multithreading is as decided", f"{PROFILE}, 1.3.5", tcb.smt, _A.CONFIGURATION, 32, (f"{p}.pck_ext",), waivable=True),
    )  # fmt: skip
