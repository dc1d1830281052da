"""What the steps of SEV-SNP share."""

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.attest.tee import _snp_chain as chains
from strongroom.attest.tee import _snp_reading as reading
from strongroom.attest.tee import _snp_report as reports
from strongroom.attest.tee._snp_chain import Chain
from strongroom.attest.tee._snp_report import Report, Tcb
from strongroom.attest.verifier import Inputs


@dataclass(slots=True)
class Case:
    """The inputs, and what was read of them: of octets of another size as far as they reach, with zeros behind."""

    inputs: Inputs
    roots: Mapping[str, str]
    data: bytes
    report: Report
    chain: Chain
    product: str  # by CPUID, or by the leaf; empty where neither says

    @property
    def is_whole(self) -> bool:
        """Whether the report has its size; without that, nothing that it says is a claim."""
        return len(self.data) == reports.REPORT_SIZE

    def tcb(self, raw: bytes) -> Tcb:
        """A TCB in the layout of the product."""
        return reports.tcb(raw, self.product)


def begin(roots: Mapping[str, str], inputs: Inputs) -> Case:
    """The state for the inputs: the report, and the chain that fits it best."""
    part = inputs.evidence.part(reading.REPORT)
    data = part.data if part else b""
    report = reports.parse(data[: reports.REPORT_SIZE].ljust(reports.REPORT_SIZE, b"\0"))
    chain = chains.choose(report, chains.at_hand(inputs.evidence, inputs.endorsements), roots)
    return Case(inputs, roots, data, report, chain, chains.product_name(report, chain))
