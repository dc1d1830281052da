"""Evidence of this machine in the forms of the Key Broker Service protocol: the devices' first, then the root's over both."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import msgspec

from strongroom.app.attest_collect import chosen_interface, collect, tpm_setting
from strongroom.attest.members import KBS_KINDS
from strongroom.collect.evidence import azure_vtpm, configfs_tsm, gpu_reports
from strongroom.collect.evidence.collected import Collected
from strongroom.model.attest import EvidenceKind
from strongroom.model.errors import BadInput, BadUsage, NotFound

AUTO, YES, NO = "auto", "yes", "no"
CCEL = "/sys/firmware/acpi/tables/data/CCEL"  # the event log of a TD (ACPI 6.5, table CCEL)
_MOST_LOG = 4 << 20
_KINDS = {"sev-guest": EvidenceKind.SNP, "nsm": EvidenceKind.NITRO, "tpm": EvidenceKind.TPM}
_NAMES = {kind: name for name, kind in KBS_KINDS.items()}
Tell = Callable[[str], None]


class Attester(Protocol):
    """Whoever can give evidence: this machine, or in a test a made one."""

    @property
    def tee(self) -> str:
        """The protocol's name of the root of trust. Raises NotFound, Unreadable."""
        ...

    def devices(self, nonce: bytes) -> str:
        """What the devices answer the nonce with, as text; empty where there are none. Raises NotFound, Unreadable."""
        ...

    def root(self, answer: bytes) -> bytes:
        """What the root of trust signs the answer with, as JSON. Raises NotFound, Unreadable, BadInput."""
        ...


@dataclass(frozen=True)
class Machine:
    """This machine. `gpus` is auto, yes or no: whether its GPUs answer too, and whether it is an error if they do not."""

    interface: str | None = None
    vmpl: int | None = None
    registers: str | None = None
    state: str | None = None
    gpus: str = AUTO
    tell: Tell = lambda _: None
    tsm: str = configfs_tsm.ROOT
    ccel: str = CCEL

    def __post_init__(self) -> None:
        if self.gpus not in (AUTO, YES, NO):
            raise BadUsage("--gpus", repr(self.gpus), f"{AUTO}, {YES} or {NO}")

    @cached_property
    def _chosen(self) -> str:
        return chosen_interface(self.interface, self.tsm)

    @cached_property
    def tee(self) -> str:
        """The protocol's name of the root of trust."""
        if self._chosen == "configfs-tsm":
            return _NAMES[configfs_tsm.kind(self.tsm).value]
        if self._chosen == "azure-vtpm":
            return _NAMES[azure_vtpm.kind(tpm_setting()).value]
        return _NAMES[_KINDS[self._chosen].value]

    def devices(self, nonce: bytes) -> str:
        """The GPUs' reports, as NVIDIA's own list; none where there is no driver, or `gpus` is no."""
        if self.gpus == NO or (self.gpus == AUTO and not gpu_reports.present()):
            return ""
        try:
            found = gpu_reports.collect(nonce[: gpu_reports.NONCE])
        except (NotFound, BadInput) as e:
            if self.gpus == YES:
                raise
            self.tell(f"the GPUs are left out: {e}")
            return ""
        return devices_text(found, nonce[: gpu_reports.NONCE])

    def root(self, answer: bytes) -> bytes:
        """The evidence of the chosen interface."""
        found = collect(answer, self._chosen, self.vmpl, self.tsm, registers=self.registers, state=self.state)
        return json_of(found, self.log() if found.kind is EvidenceKind.TDX else b"")

    def log(self) -> bytes:
        """The event log of a TD; nothing where the kernel does not show it: a verifier counts it as missing."""
        try:
            with Path(self.ccel).open("rb") as f:
                return f.read(_MOST_LOG)
        except OSError as e:
            self.tell(f"{self.ccel}: {(e.strerror or 'an error').lower()}; the event log is left out")
            return b""


def devices_text(found: tuple[gpu_reports.Gpu, ...], nonce: bytes) -> str:
    """The evidence of GPUs as additional evidence: `{"nvidia": {"device_evidence_list": […]}}`."""
    listed = [
        {"arch": g.architecture, "nonce": nonce.hex(), "evidence": _text(g.report), "certificate": _text(g.chain)}
        for g in found
    ]
    return msgspec.json.encode({"nvidia": {"device_evidence_list": listed}}).decode()


def json_of(found: Collected, log: bytes = b"") -> bytes:
    """What a device gave, as JSON: its own where it is JSON, a quote with its log, else base64 of its octets."""
    first = found.parts[0]
    if first.media_type == "application/json":
        return first.data
    if found.kind is EvidenceKind.TDX:
        held = {"quote": _text(first.data)} | ({"cc_eventlog": _text(log)} if log else {})
        return msgspec.json.encode(held)
    return msgspec.json.encode(_text(found.octets))


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
