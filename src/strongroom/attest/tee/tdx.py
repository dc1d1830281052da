"""Intel TDX: a quote of a trust domain, the platform that made it, and what the policy demands of both.

Sources: "Intel TDX DCAP Quoting Library API", Appendix A, for quotes of versions 4 and 5; PCS API version 4 for the
collateral; "Intel TDX Module Base Architecture Specification" 1.5 for the report (ATTRIBUTES, XFAM, SEAM fields).
"""

from collections.abc import Container

from strongroom.attest.tee import _dcap_chain as chains
from strongroom.attest.tee import _dcap_reading as reading
from strongroom.attest.tee import _dcap_steps as shared
from strongroom.attest.tee import _tdx_steps as steps
from strongroom.attest.tee._dcap_case import Case
from strongroom.attest.verifier import Verifier
from strongroom.model.attest import EvidenceKind

STEPS = steps.STEPS


def verifier(roots: Container[str] = chains.ROOTS) -> Verifier[Case]:
    """The verifier that trusts the roots, by SHA-256 of the DER. Only a test names others than Intel's."""
    return Verifier(
        kind=EvidenceKind.TDX,
        title="Intel TDX quote",
        spec=f"{shared.LIBRARY}; {shared.API}; {steps.MODULE}",
        recognises=lambda data: reading.recognises(data, EvidenceKind.TDX),
        read=lambda data: reading.read(data, EvidenceKind.TDX),
        wants=steps.wants,
        begin=lambda inputs: Case(EvidenceKind.TDX, roots, inputs),
        steps=STEPS,
        conclude=steps.conclude,
        fields=steps.fields,
        registers=steps.REGISTERS,
    )


VERIFIER = verifier()
