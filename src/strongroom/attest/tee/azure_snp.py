"""An Azure confidential VM on SEV-SNP: the paravisor's report, the hardware's inside it, and a quote of the vTPM.

Sources: "Confidential VM guest attestation design detail", learn.microsoft.com/azure/confidential-computing; TCG TPM 2.0
Library, Part 2, for the quote; AMD's publications 56860 and 57230 for the report inside. The hardware vouches for the
paravisor and, by a hash in its report, for the vTPM's key; that key vouches for the guest's boot and answers the challenge.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from strongroom.attest.steps import Step
from strongroom.attest.tee import _azure_hcl as hcl
from strongroom.attest.tee import _azure_reading as reading
from strongroom.attest.tee import _azure_steps as shared
from strongroom.attest.tee import _azure_words as words
from strongroom.attest.tee import _snp_case as inner
from strongroom.attest.tee import _snp_chain as chains
from strongroom.attest.tee import _snp_reading as reports
from strongroom.attest.tee import _snp_steps as steps
from strongroom.attest.tee._azure_case import Case, report
from strongroom.attest.verifier import Conclusion, Field, Inputs, Verifier
from strongroom.model.attest import Evidence, EvidenceKind, EvidencePart, Want
from strongroom.model.errors import BadInput

_ANSWERED = {"snp.report_data", "snp.measurement"}
_BEFORE: tuple[Step[Case[inner.Case]], ...] = shared.vouched()
_BEHIND: tuple[Step[Case[inner.Case]], ...] = shared.demanded()
STEPS = (*_BEFORE, *shared.inside(steps.STEPS, _ANSWERED), *_BEHIND)


def _evidence(evidence: Evidence) -> Evidence:
    """The hardware's report as evidence of its own."""
    try:
        data = report(evidence).hardware
    except BadInput:
        data = b""
    held = evidence.part(reading.CERTIFICATES)
    parts = (EvidencePart(reports.REPORT, reports.MEDIA_TYPE, data),)
    return Evidence(EvidenceKind.SNP, (*parts, held) if held else parts, None, evidence.received_at)


def _begin(roots: Mapping[str, str], inputs: Inputs) -> Case[inner.Case]:
    case = inner.begin(roots, replace(inputs, evidence=_evidence(inputs.evidence)))
    return Case(EvidenceKind.AZURE_SNP, inputs, case, lambda c: c.report.report_data, _registers)


def _registers(c: inner.Case) -> dict[str, str]:
    return {"measurement": c.report.measurement.hex()}


def _wants(evidence: Evidence) -> tuple[Want, ...]:
    return steps.wants(_evidence(evidence))


def _conclude(c: Case[inner.Case]) -> Conclusion:
    return words.conclude(c, steps.conclude(c.inner))


def _fields(evidence: Evidence) -> Iterator[Field]:
    yield from words.fields(evidence)
    for f in steps.fields(_evidence(evidence)):
        yield replace(f, name=f"snp.{f.name}", offset=f.offset + hcl.HEAD)


def verifier(roots: Mapping[str, str] = chains.ROOTS) -> Verifier[Case[inner.Case]]:
    """The verifier that trusts the roots: {SHA-256 of the DER: product}. Only a test names others than AMD's."""
    return Verifier(
        kind=EvidenceKind.AZURE_SNP,
        title="Azure confidential VM on AMD SEV-SNP",
        spec=f"{shared.DOCS}; {shared.TPM}; {steps.ABI}, {steps.KDS}",
        recognises=lambda data: reading.recognises(data, hcl.SNP),
        read=reading.read,
        wants=_wants,
        begin=lambda inputs: _begin(roots, inputs),
        steps=STEPS,
        conclude=_conclude,
        fields=_fields,
        registers=("measurement", *(f"pcr{n}" for n in range(reading.MOST_PCRS))),
    )


VERIFIER = verifier()
