"""An Azure confidential VM on TDX: the paravisor's report, a TD quote for it, and a quote of the vTPM.

Sources: "Confidential VM guest attestation design detail", learn.microsoft.com/azure/confidential-computing; TCG TPM 2.0
Library, Part 2, for the vTPM's quote; Intel's for the TD quote. The report of the TD that is inside the paravisor's report
has a MAC that only its machine can check, so that a TD quote with the same REPORTDATA must come with it.
"""

from collections.abc import Container, Iterator
from dataclasses import replace

import msgspec

from strongroom.attest.steps import Step
from strongroom.attest.tee import _azure_hcl as hcl
from strongroom.attest.tee import _azure_reading as reading
from strongroom.attest.tee import _azure_steps as shared
from strongroom.attest.tee import _azure_words as words
from strongroom.attest.tee import _dcap_case as inner
from strongroom.attest.tee import _dcap_chain as chains
from strongroom.attest.tee import _dcap_reading as quotes
from strongroom.attest.tee import _tdx_steps as steps
from strongroom.attest.tee._azure_case import Case
from strongroom.attest.verifier import Conclusion, Field, Inputs, Verifier
from strongroom.model.attest import Evidence, EvidenceKind, EvidencePart, Want

_ANSWERED = {"tdx.report_data", "tdx.measurement", "tdx.event_log", "tdx.secure_boot"}
_BEFORE: tuple[Step[Case[inner.Case]], ...] = shared.vouched()
_BEHIND: tuple[Step[Case[inner.Case]], ...] = shared.demanded()
STEPS = (*_BEFORE, *shared.inside(steps.STEPS, _ANSWERED), *_BEHIND)


def _evidence(evidence: Evidence) -> Evidence:
    """The TD quote as evidence of its own."""
    held = evidence.part(reading.TD_QUOTE)
    parts = (EvidencePart(inner.QUOTE, quotes.MEDIA_TYPE, held.data),) if held else ()
    return Evidence(EvidenceKind.TDX, parts, None, evidence.received_at)


def _begin(roots: Container[str], inputs: Inputs) -> Case[inner.Case]:
    """The TD is judged by `[tdx]`, but for SEPT_VE_DISABLE, of which `[azure]` decides."""
    asked = msgspec.structs.replace(inputs.policy.tdx, sept_ve_disable=inputs.policy.azure.sept_ve_disable)
    policy = msgspec.structs.replace(inputs.policy, tdx=asked)
    within = replace(inputs, evidence=_evidence(inputs.evidence), policy=policy)
    case = inner.Case(EvidenceKind.TDX, roots, within)
    return Case(EvidenceKind.AZURE_TDX, inputs, case, lambda c: c.domain.report_data, _registers)


def _registers(c: inner.Case) -> dict[str, str]:
    return {name: getattr(c.domain, name).hex() for name in steps.REGISTERS}


def _wants(evidence: Evidence) -> tuple[Want, ...]:
    return steps.wants(_evidence(evidence)) if evidence.part(reading.TD_QUOTE) else ()


def _conclude(c: Case[inner.Case]) -> Conclusion:
    return words.conclude(c, steps.conclude(c.inner) if c.has_inner else Conclusion("", {}))


def _fields(evidence: Evidence) -> Iterator[Field]:
    yield from words.fields(evidence)
    for f in steps.fields(_evidence(evidence)):
        yield replace(f, name=f"tdx.{f.name}")


def verifier(roots: Container[str] = chains.ROOTS) -> Verifier[Case[inner.Case]]:
    """The verifier that trusts the roots, by SHA-256 of the DER. Only a test names others than Intel's."""
    return Verifier(
        kind=EvidenceKind.AZURE_TDX,
        title="Azure confidential VM on Intel TDX",
        spec=f"{shared.DOCS}; {shared.TPM}; {steps.MODULE}",
        recognises=lambda data: reading.recognises(data, hcl.TDX),
        read=reading.read,
        wants=_wants,
        begin=lambda inputs: _begin(roots, inputs),
        steps=STEPS,
        conclude=_conclude,
        fields=_fields,
        registers=(*steps.REGISTERS, *(f"pcr{n}" for n in range(reading.MOST_PCRS))),
    )


VERIFIER = verifier()
