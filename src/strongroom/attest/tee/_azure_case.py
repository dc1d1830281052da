"""What the steps of an Azure confidential VM share: the paravisor's report, the vTPM's quote, and the case inside."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Generic, TypeVar

from strongroom.attest.policy import AzurePolicy
from strongroom.attest.tee import _azure_hcl as hcl
from strongroom.attest.tee import _azure_reading as reading
from strongroom.attest.tee._azure_hcl import Hcl, Runtime
from strongroom.attest.verifier import Inputs
from strongroom.kit import ccel, tpm
from strongroom.kit.jose import Jwk
from strongroom.model.attest import Evidence, EvidenceKind
from strongroom.model.errors import Malformed

I = TypeVar("I")  # noqa: E741 - the case of the verifier inside
SHA256 = tpm.NUMBERS["sha256"]


class Case(Generic[I]):
    """The inputs, and what was read of them: each at first use, and an error of reading is the error of its step.

    `inner` is the case of the hardware's own report. `signed` gives what that report carries for the guest, and
    `registers` what it measures; both raise Malformed. `has_inner` is whether it came at all.
    """

    def __init__(
        self,
        kind: EvidenceKind,
        inputs: Inputs,
        inner: I,
        signed: Callable[[I], bytes],
        registers: Callable[[I], Mapping[str, str]],
    ) -> None:
        self.kind = kind
        self.inputs = inputs
        self.inner = inner
        self._signed = signed
        self._registers = registers

    @property
    def policy(self) -> AzurePolicy:
        """What is demanded."""
        return self.inputs.policy.azure

    @property
    def report_type(self) -> int:
        """The type of hardware report that this kind of evidence has."""
        return hcl.TDX if self.kind is EvidenceKind.AZURE_TDX else hcl.SNP

    @property
    def has_inner(self) -> bool:
        """Whether there is a report that the hardware signed: an SNP report always is, a TD's report never."""
        return self.report_type == hcl.SNP or self.octets(reading.TD_QUOTE) != b""

    def octets(self, name: str) -> bytes:
        """The octets of a part; none where it did not come."""
        part = self.inputs.evidence.part(name)
        return part.data if part else b""

    @cached_property
    def report(self) -> Hcl:
        """The paravisor's report. Raises Malformed."""
        return report(self.inputs.evidence)

    @cached_property
    def runtime(self) -> Runtime:
        """The runtime claims. Raises Malformed."""
        return hcl.runtime(self.report.claims)

    @cached_property
    def ak(self) -> Jwk:
        """The vTPM's attestation key. Raises Malformed."""
        return self.runtime.ak

    @property
    def report_data(self) -> tuple[bytes, ...]:
        """What the hardware's reports carry for the guest: the signed one's, and that of the TD's own report."""
        own = self.report.hardware[hcl.TD_REPORT_DATA : hcl.TD_REPORT_DATA + 64]
        inside = (own,) if self.report_type == hcl.TDX else ()
        return (*inside, self._signed(self.inner)) if self.has_inner else inside

    @property
    def has_quote(self) -> bool:
        """Whether a quote of the vTPM came with the report."""
        return self.octets(reading.QUOTE) != b""

    @cached_property
    def quote(self) -> tpm.Attest:
        """The quote, whatever its magic and type say. Raises Malformed."""
        return tpm.attest(self.octets(reading.QUOTE))

    @cached_property
    def pcrs(self) -> dict[tuple[int, int], bytes]:
        """The registers beside the quote, by bank and number. Raises Malformed."""
        data, size = self.octets(reading.PCRS), reading.BANK
        if len(data) % size:
            raise Malformed("register values", f"{len(data)} octets", f"a multiple of {size}")
        return {(SHA256, n): data[n * size : (n + 1) * size] for n in range(len(data) // size)}

    @property
    def has_log(self) -> bool:
        """Whether the event log of the vTPM came along."""
        return self.octets(reading.EVENT_LOG) != b""

    @cached_property
    def log(self) -> ccel.Log:
        """The event log. Raises Malformed, TooLarge."""
        return ccel.parse(self.octets(reading.EVENT_LOG))

    @cached_property
    def replayed(self) -> Mapping[int, bytes]:
        """The registers that the log gives in the bank that is quoted. Raises Malformed."""
        return ccel.replay(self.log, SHA256)

    def measured(self) -> dict[str, str]:
        """Every register that reference values may speak of: the hardware's, and the vTPM's. Raises Malformed."""
        held = dict(self._registers(self.inner)) if self.has_inner else {}
        return held | {f"pcr{n}": value.hex() for (_, n), value in self.pcrs.items()}


def report(evidence: Evidence) -> Hcl:
    """The paravisor's report of the evidence. Raises Malformed."""
    part = evidence.part(reading.REPORT)
    return hcl.parse(part.data if part else b"")
