"""NVIDIA GPUs: reports of one or several, their chains to NVIDIA's root, and the manifests that they must measure to.

Sources: DMTF DSP0274 1.1 for the report; RFC 5280 and RFC 6960 for certificates and their status; TCG RIM Information
Model 1.01 and W3C XML Signature 1.1 for the manifests; NVIDIA's attestation SDK for what stands in the opaque data and
for the rules of comparison.
"""

from collections.abc import Mapping

from strongroom.attest.steps import Step
from strongroom.attest.tee import _nvidia_chain as genuine
from strongroom.attest.tee import _nvidia_measured as measured
from strongroom.attest.tee import _nvidia_reading as reading
from strongroom.attest.tee import _nvidia_roots as pinned
from strongroom.attest.tee import _nvidia_wants as wants
from strongroom.attest.tee import _nvidia_words as words
from strongroom.attest.tee._nvidia_case import Case, begin
from strongroom.attest.verifier import Verifier
from strongroom.model.attest import Aspect, EvidenceKind

SPDM, DICE, RIM = "DSP0274 1.1", "TCG DICE Attestation Architecture", "TCG RIM IM 1.01"
ROOTS, RIM_ROOTS = pinned.DEVICES, pinned.MANIFESTS

_A, _READ = Aspect, ("nvidia.report",)
STEPS: tuple[Step[Case], ...] = (
    Step("nvidia.report", "the report is whole by its own lengths", f"{SPDM} 10.11", genuine.report, _A.HARDWARE, 99),
    Step("nvidia.chain", "the chain is signed from leaf to root", "RFC 5280 6.1", genuine.chain, _A.HARDWARE, 99, _READ),
    Step("nvidia.root_pin", "the root is NVIDIA's", "RFC 5280 6.1.1", genuine.root_pin, _A.HARDWARE, 97, _READ),
    Step("nvidia.cert_time", "the certificates are valid", "RFC 5280 6.1.3", genuine.cert_time, _A.HARDWARE, 97, _READ),
    Step("nvidia.arch", "it is a GPU of an architecture that is taken", "NVIDIA attestation SDK", genuine.architecture, _A.HARDWARE, 97, _READ),
    Step("nvidia.signature", "the leaf's key signed request and answer", f"{SPDM} 10.11.2", genuine.signature, _A.HARDWARE, 99, _READ),
    Step("nvidia.fwid", "the firmware is the one that the key belongs to", f"{DICE} 6.1", genuine.firmware, _A.HARDWARE, 97, _READ, waivable=True),
    Step("nvidia.nonce", "the report answers the challenge", f"{SPDM} 10.11", genuine.nonce, _A.SOURCED, 96, _READ),
    Step("nvidia.devices", "every GPU is another one, and none is missing", "NVIDIA attestation SDK", genuine.devices, _A.IDENTITY, 97, _READ),
    Step("nvidia.ocsp", "no authority of the GPU is revoked", "RFC 6960 3.2", genuine.revocation, _A.IDENTITY, 97, _READ, waivable=True),
    Step("nvidia.mode", "the mode is one that is taken", "NVIDIA attestation SDK", genuine.mode, _A.CONFIGURATION, 96, _READ),
    Step("nvidia.dev_tools", "developer tools are off", "NVML, nvmlConfComputeSystemState_t", genuine.dev_tools, _A.CONFIGURATION, 96, _READ, waivable=True),
    Step("nvidia.driver_rim", "its signer signed the driver's manifest", "XML Signature 1.1, 3.2", measured.driver, _A.EXECUTABLES, 99, _READ),
    Step("nvidia.driver_rim_chain", "the driver's manifest is NVIDIA's", "RFC 5280 6.1", measured.driver_chain, _A.EXECUTABLES, 99, _READ),
    Step("nvidia.driver_rim_time", "the signer of the driver's manifest is valid", "RFC 5280 6.1.3", measured.driver_time, _A.EXECUTABLES, 96, _READ, waivable=True),
    Step("nvidia.driver_rim_match", "it is of this driver and this chip", f"{RIM} 2.2", measured.driver_fits, _A.EXECUTABLES, 96, _READ),
    Step("nvidia.vbios_rim", "its signer signed the VBIOS's manifest", "XML Signature 1.1, 3.2", measured.vbios, _A.EXECUTABLES, 99, _READ),
    Step("nvidia.vbios_rim_chain", "the VBIOS's manifest is NVIDIA's", "RFC 5280 6.1", measured.vbios_chain, _A.EXECUTABLES, 99, _READ),
    Step("nvidia.vbios_rim_time", "the signer of the VBIOS's manifest is valid", "RFC 5280 6.1.3", measured.vbios_time, _A.EXECUTABLES, 96, _READ, waivable=True),
    Step("nvidia.vbios_rim_match", "it is of this VBIOS and this chip", f"{RIM} 2.2", measured.vbios_fits, _A.EXECUTABLES, 96, _READ),
    Step("nvidia.rim_ocsp", "no certificate of the manifests is revoked", "RFC 6960 3.2", measured.revocation, _A.EXECUTABLES, 96, _READ, waivable=True),
    Step("nvidia.rim_conflict", "no index is in both manifests", "NVIDIA attestation SDK", measured.conflict, _A.EXECUTABLES, 96, _READ),
    Step("nvidia.measurement", "every measurement is as the manifests say", f"{RIM} 2.3", measured.measurement, _A.EXECUTABLES, 33, _READ),
)  # fmt: skip


def verifier(roots: Mapping[str, str] = ROOTS, rim_roots: Mapping[str, str] = RIM_ROOTS) -> Verifier[Case]:
    """The verifier that trusts the roots: {SHA-256 of the DER: name}. Only a test names others than NVIDIA's."""
    return Verifier(
        kind=EvidenceKind.NVIDIA,
        title="attestation reports of NVIDIA GPUs",
        spec=f"{SPDM}, {RIM}",
        recognises=reading.recognises,
        read=reading.read,
        wants=wants.of_gpus,
        begin=lambda inputs: begin(roots, rim_roots, inputs),
        steps=STEPS,
        conclude=words.conclude,
        fields=words.fields,
        parts=wants.parts,
    )


VERIFIER = verifier()
