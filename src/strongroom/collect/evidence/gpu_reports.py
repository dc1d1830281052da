"""Evidence of NVIDIA GPUs by NVML: the report that each signs over a nonce, and the chain of the key that signs.

Source: NVML API, `nvmlDeviceGetConfComputeGpuAttestationReport` and `nvmlDeviceGetConfComputeGpuCertificate`
(nvidia-ml-py 13, the extra `gpu`). Only a GPU in confidential-computing mode answers. Not run on one where this was
written; see the proof levels.
"""

import importlib
import os
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from strongroom.model.errors import BadInput, Malformed, NotFound, Unreadable

NONCE = 32  # octets: SPDM 1.1 (DSP0274 10.11.1)
DEVICE = "/dev/nvidiactl"
_ARCHITECTURES = {9: "HOPPER", 10: "BLACKWELL"}  # NVML_DEVICE_ARCH_*: those that can answer
_HINT = "install strongroom[gpu] where the NVIDIA driver is, and turn confidential computing on"


class Report(Protocol):
    """`nvmlConfComputeGpuAttestationReport_t`."""

    attestationReport: Sequence[int]  # noqa: N815 - NVML's own name
    attestationReportSize: int  # noqa: N815 - NVML's own name


class Certificate(Protocol):
    """`nvmlConfComputeGpuCertificate_t`."""

    attestationCertChain: Sequence[int]  # noqa: N815 - NVML's own name
    attestationCertChainSize: int  # noqa: N815 - NVML's own name


class Library(Protocol):
    """The part of `pynvml` that is used."""

    NVMLError: type[Exception]

    def nvmlInit(self) -> object:  # noqa: N802 - NVML's own name
        """Begin."""

    def nvmlShutdown(self) -> object:  # noqa: N802 - NVML's own name
        """End."""

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - NVML's own name
        """How many GPUs this process may see."""

    def nvmlDeviceGetHandleByIndex(self, index: int) -> object:  # noqa: N802 - NVML's own name
        """One of them."""

    def nvmlDeviceGetArchitecture(self, device: object) -> int:  # noqa: N802 - NVML's own name
        """Its generation."""

    def nvmlDeviceGetConfComputeGpuAttestationReport(self, device: object, c_nonce: bytes) -> Report:  # noqa: N802 - NVML's own name
        """Its report over a nonce."""

    def nvmlDeviceGetConfComputeGpuCertificate(self, device: object) -> Certificate:  # noqa: N802 - NVML's own name
        """The chain of the key that signs reports."""


class Gpu(NamedTuple):
    """What one GPU gave: its generation's name, its report, and the chain in PEM."""

    architecture: str
    report: bytes
    chain: bytes


def present(device: str = DEVICE) -> bool:
    """Whether the driver is loaded."""
    return os.path.exists(device)  # noqa: PTH110 - never raises, whatever the folder refuses


def collect(nonce: bytes, library: Library | None = None) -> tuple[Gpu, ...]:
    """Ask every GPU for a report over the nonce.

    Raises:
        NotFound: NVML or its Python module is missing, or there is no GPU.
        Unreadable: a GPU refuses; one that is not in confidential-computing mode does.
        BadInput: the nonce has not 32 octets; Malformed: a GPU answers with sizes that cannot be.
    """
    if len(nonce) != NONCE:
        raise BadInput("nonce of a GPU", f"{len(nonce)} octets", str(NONCE))
    nvml = library or _library()
    try:
        nvml.nvmlInit()
        try:
            found = tuple(_one(nvml, n, nonce) for n in range(nvml.nvmlDeviceGetCount()))
        finally:
            nvml.nvmlShutdown()
    except nvml.NVMLError as e:
        raise Unreadable("NVML", str(e).lower()[:120], "a GPU in confidential-computing mode", _HINT) from None
    if not found:
        raise NotFound("GPU", "none that NVML shows", "a GPU in confidential-computing mode", _HINT)
    return found


def _one(nvml: Library, index: int, nonce: bytes) -> Gpu:
    device = nvml.nvmlDeviceGetHandleByIndex(index)
    number = nvml.nvmlDeviceGetArchitecture(device)
    if number not in _ARCHITECTURES:
        raise Unreadable(f"GPU {index}", f"the architecture {number}", "Hopper or Blackwell", _HINT)
    report = nvml.nvmlDeviceGetConfComputeGpuAttestationReport(device, nonce)
    signed = nvml.nvmlDeviceGetConfComputeGpuCertificate(device)
    return Gpu(
        _ARCHITECTURES[number],
        _cut(report.attestationReport, report.attestationReportSize, index),
        _cut(signed.attestationCertChain, signed.attestationCertChainSize, index),
    )


def _cut(field: Sequence[int], size: int, index: int) -> bytes:
    octets = bytes(field)
    if not 0 < size <= len(octets):
        raise Malformed(f"GPU {index}", f"{size} octets in a field of {len(octets)}", "a report and its chain")
    return octets[:size]


def _library() -> Library:
    try:
        return cast("Library", importlib.import_module("pynvml"))
    except ImportError:
        raise NotFound("NVML", "no module pynvml", "the extra gpu", _HINT) from None
